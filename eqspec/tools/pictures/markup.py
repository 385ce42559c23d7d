"""The one way by which text reaches SVG and HTML that is not made by a template.

In: tags, attributes and text. Out: markup that is well-formed whatever the text is. Characters that no
XML document may hold, or that would turn the order of others round, are replaced by signs.
"""

from __future__ import annotations

from collections.abc import Iterable

from eqspec.diagnostics.snippet import visible


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """Any text as text of an element or value of an attribute."""
    if isinstance(text, Markup):
        return text
    shown = "".join(_safe(c) for c in text)
    for character, name in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ('"', "&quot;"),
        ("'", "&#39;"),
    ):
        shown = shown.replace(character, name)
    return Markup(shown)


def _safe(character: str) -> str:
    return character if character == "\n" else visible(character)


def element(tag: str, *children: str, **attributes: object) -> Markup:
    """An element. ``class_`` stands for `class`, an underscore for a hyphen; what is None is left out."""
    words = [tag]
    for name, value in attributes.items():
        if value is None:
            continue
        shown = number(value) if isinstance(value, float) else str(value)
        words.append(f'{name.rstrip("_").replace("_", "-")}="{escaped(shown)}"')
    inside = "".join(escaped(child) for child in children)
    head = " ".join(words)
    return Markup(f"<{head}/>" if not inside else f"<{head}>{inside}</{tag}>")


def joined(parts: Iterable[Markup]) -> Markup:
    return Markup("".join(parts))


def number(value: float) -> str:
    """A coordinate with one digit after the point, the same on every machine."""
    text = f"{value + 0.0:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"
