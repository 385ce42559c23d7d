"""The result of `eqspec bench` as text."""

from __future__ import annotations

from collections.abc import Sequence

from eqspec.tools.bench.clock import FEWEST
from eqspec.tools.bench.results import (
    OURS,
    PASSES,
    Comparison,
    Contestant,
    Result,
    Timed,
    bytes_text,
    ratio_text,
    seconds_text,
    verdict,
)
from eqspec.tools.paint import paint

_TITLES = {"forward": "forward", "training": "forward and backward"}


def text_of(result: Result, color: bool) -> str:
    """One table for each module, and a sentence below it."""
    setting = f"batch {result.batch:,}, {result.dtype}, {result.machine.device}"
    parts = [_module(one, setting, color) for one in result.comparisons]
    return "\n".join(parts)


def _module(one: Comparison, setting: str, color: bool) -> str:
    passes = [name for name in PASSES if any(name in c.passes for c in one.contestants)]
    header = [
        "",
        *(cell for name in passes for cell in (_TITLES[name], "/ emitted")),
        "memory",
        "weights",
    ]
    rows = [_row(c, passes) for c in one.contestants]
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = (
            f"{c:<{w}}" if k == 0 else f"{c:>{w}}"
            for k, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        return ("  " + "  ".join(cells)).rstrip()

    lines = [f"{paint(one.module, '1', color)}  {setting}", paint(line(header), "2", color)]
    lines += [line(row) for row in rows]
    lines += [f"  {paint(words, '1', color)}" for words in verdict(one)]
    lines += [f"  {c.name}: {_left_out(c)}" for c in one.contestants if c.missing]
    lines += [f"  {note}" for note in one.notes]
    if one.predicted:
        times = ", ".join(f"{seconds_text(one.predicted[k])} {_TITLES[k]}" for k in passes)
        lines.append(f"  lowered by plan `{one.lowering}`, predicted {times}")
    return "\n".join(lines) + "\n"


def _left_out(one: Contestant) -> str:
    what = "not timed" if not one.passes else "backward not timed"
    return f"{what}: {one.missing}"


def _row(one: Contestant, passes: Sequence[str]) -> list[str]:
    cells = [one.name]
    for name in passes:
        timed = one.passes.get(name)
        if timed is None:
            cells += ["-", "-"]
            continue
        cells += [
            _seconds(timed),
            "" if one.name == OURS else ratio_text(timed.ratio.median),
        ]
    last = one.passes.get(passes[-1]) if passes else None
    cells.append(bytes_text(last.bytes) if last else "-")
    cells.append(f"{one.parameters:,}" if one.passes else "-")
    return cells


def _seconds(timed: Timed) -> str:
    """The median, and half the distance of the quartiles in percent where there are enough rounds."""
    found = timed.seconds
    if timed.rounds < FEWEST:
        return seconds_text(found.median)
    share = 50 * (found.high - found.low) / found.median if found.median else 0
    return f"{seconds_text(found.median)} ±{share:.0f}%"
