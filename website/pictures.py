"""The pictures of the specs on a page, drawn while the site is built.

A page says `<!-- picture: NAME -->`; NAME is the title of the block above that holds the spec. In the
repository nothing is seen there, on the site the layer graph.
"""

from __future__ import annotations

import re

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source
from eqspec.tools.pictures.colours import DARK, LIGHT, THEME
from eqspec.tools.pictures.notebook import svg_of

SPEC = re.compile(r'^```eqs title="(?P<name>[^"]*)"\n(?P<text>.*?)^```', re.MULTILINE | re.DOTALL)
MARK = re.compile(r"^<!-- picture: (?P<name>[\w.-]+) -->$", re.MULTILINE)


def with_pictures(markdown: str) -> str:
    """The text of a page with its pictures in their places.

    Raises:
        ValueError: a picture has no spec above it, or the spec has errors.
    """
    parts, at = [], 0
    for mark in MARK.finditer(markdown):
        above = [m for m in SPEC.finditer(markdown, 0, mark.start()) if m["name"] == mark["name"]]
        if not above:
            raise ValueError(f"there is no spec `{mark['name']}` above its picture")
        parts += [markdown[at : mark.start()], figure(above[-1]["text"], mark["name"])]
        at = mark.end()
    return "".join([*parts, markdown[at:]])


def figure(text: str, name: str) -> str:
    """The layer graph of a spec as an element of a page."""
    checked = check_source(Source(name, text))
    if checked.spec is None or not checked.ok:
        raise ValueError(f"`{name}` has errors: {[d.message for d in checked.diagnostics]}")
    return f'<figure class="eq-graph">{svg_of(checked.spec)}</figure>'


def colours() -> str:
    """The style sheet that gives pictures the colours of the page: its reader may choose others than
    those of the system."""
    rules = []
    for scheme, factors, number in (("default", LIGHT, 0), ("slate", DARK, 1)):
        theme = [f"--eq-{name}:{pair[number]}" for name, pair in THEME.items()]
        lines = [f"--eq-f{k}:{colour}" for k, colour in enumerate(factors)]
        paper = "--eq-paper:transparent"  # the page shows through
        body = ";".join([*theme, *lines, paper])
        rules.append(f'[data-md-color-scheme="{scheme}"] .eqg{{{body}}}')
    return "\n".join(rules) + "\n"
