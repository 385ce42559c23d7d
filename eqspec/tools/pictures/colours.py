"""The colours of a picture, in light and dark.

Every colour of a factor can be told from the background (contrast of 3 to 1 or more) and from its
neighbours by people with any common kind of colour vision; a test computes both. Names and dashes say
the same again, so nothing hangs on colour alone. Source of the hues: Okabe and Ito, *Color Universal
Design* (2008), made darker for a light background and lighter for a dark one.
"""

from __future__ import annotations

LIGHT = ("#0067b1", "#d9560b", "#008a63", "#b0489a", "#a67800", "#2a9fd0", "#7b4b1d", "#565f6e")
DARK = ("#5aa9f2", "#ff8f52", "#2dcca0", "#ee8fd0", "#f2bd3c", "#8fdcff", "#cf9f74", "#aeb7c6")
DASHES = ("", "9 4", "3 3")
"""Of the first eight factors, the next eight, all others."""

THEME = {
    # name: (light, dark)
    "paper": ("#fbfbf9", "#15181d"),
    "card": ("#ffffff", "#1f242b"),
    "ink": ("#1b1f24", "#e8eaed"),
    "soft": ("#5b636e", "#a3abb8"),
    "line": ("#d3d8de", "#3b434e"),
    "wire": ("#9aa3ae", "#6d7784"),
    "amber": ("#8a5300", "#f5c263"),
    "ambersoft": ("#fff3dc", "#3a2d14"),
}


def slot(number: int) -> int:
    """The number of the colour of a factor."""
    return number % len(LIGHT)


def dash(number: int) -> str:
    """The dashes of the lines of a factor, empty for a whole line."""
    return DASHES[min(number // len(LIGHT), len(DASHES) - 1)]


def variables(scope: str) -> str:
    """CSS that defines the colours as variables of the elements that match ``scope``."""
    both = [
        [(name, pair[k]) for name, pair in THEME.items()]
        + [(f"f{number}", colour) for number, colour in enumerate((LIGHT, DARK)[k])]
        for k in (0, 1)
    ]
    light, dark = (";".join(f"--eq-{name}:{value}" for name, value in found) for found in both)
    return f"{scope}{{{light}}}@media (prefers-color-scheme:dark){{{scope}{{{dark}}}}}"
