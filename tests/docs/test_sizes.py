"""The table of sizes that work, in docs/images.md, is what the rules say."""

from __future__ import annotations

from pathlib import Path

from eqspec.algebra.lattice import Motion
from eqspec.algebra.windows import Window, faults

REVERSAL = Motion("G", 0, (0,), (-1,), (0,))


def test_the_table_of_sizes_is_right() -> None:
    text = (Path(__file__).parents[2] / "docs" / "images.md").read_text()
    table = text.split("| kernel | stride | padding | sizes | near 224 |")[1].split("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    assert len(rows) > 10
    for kernel, stride, padding, sizes, near in rows:
        law = Window(int(kernel), int(stride), int(padding), int(padding))
        works = [
            n for n in range(1, 400) if law.result(n) > 0 and not faults([law], [n], [REVERSAL])
        ]
        shown = [int(n) for n in sizes.removesuffix(", ...").split(", ")]
        assert shown == works[: len(shown)]
        below, above = [n for n in works if n <= 224][-1], next(n for n in works if n >= 224)
        assert [int(n) for n in near.split(", ")] == sorted({below, above})
