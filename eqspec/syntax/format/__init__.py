"""The canonical layout of a spec: `format_text` is the door; `eqspec fmt` and editors go through it."""

from eqspec.syntax.format.text import WIDTH, format_text

__all__ = ["WIDTH", "format_text"]
