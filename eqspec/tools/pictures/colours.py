"""The colours of a picture, in light and dark.

Every colour of a factor can be told from the background (contrast of 3 to 1 or more) and from its
others by people with any common kind of colour vision, the first four well; a test computes both. Names
and dashes say the same again, so nothing hangs on colour alone. The hues are near those of Okabe and
Ito, *Color Universal Design* (2008); lightness was chosen by search, for the worst pair in the worst of
the models of Machado, Oliveira and Fernandes (2009).
"""

from __future__ import annotations

LIGHT = ("#2474c9", "#e06a36", "#116a43", "#862380", "#93690d", "#1594b5", "#60360a", "#484d58")
DARK = ("#48a7fc", "#fe915a", "#47eab1", "#bc84ba", "#eccd6a", "#a9e8fd", "#cd7e34", "#a6a6a6")
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
