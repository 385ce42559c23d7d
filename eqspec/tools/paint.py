"""Colour for the terminal."""

from __future__ import annotations


def paint(text: str, style: str, color: bool) -> str:
    """The text in an ANSI style such as "1" (bold), if colour is wanted."""
    return f"\x1b[{style}m{text}\x1b[0m" if color and text else text
