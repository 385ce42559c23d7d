"""The difference of two texts of a spec as a patch that `git apply` takes."""

from __future__ import annotations

from collections.abc import Iterator

from eqspec.diagnostics.model import Source
from eqspec.diagnostics.snippet import visible
from eqspec.tools.paint import paint

_STYLES = {"+": "32", "-": "31", "@": "36"}


def patch(source: Source, text: str, color: bool = False) -> str:
    """Empty if nothing changes. Colour is for a terminal, which must not obey what a spec says."""
    lines = _lines(source, text)
    if not color:
        return "".join(lines)
    return "".join(
        paint(visible(line.rstrip("\n")), _STYLES.get(line[0], ""), line[0] in _STYLES) + "\n"
        for line in lines
    )


def _lines(source: Source, text: str) -> Iterator[str]:
    from difflib import unified_diff  # lazy: only `--diff` needs it

    # not `splitlines`: it also ends lines at characters that are none for git
    old = [f"{line}\n" for line in source.text.split("\n")]
    new = [f"{line}\n" for line in text.split("\n")]
    for lines in (old, new):
        if lines[-1] == "\n":
            lines.pop()
        else:
            lines[-1] = lines[-1].removesuffix("\n")
    for line in unified_diff(old, new, f"a/{source.path}", f"b/{source.path}"):
        yield line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
