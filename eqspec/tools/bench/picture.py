"""The result of `eqspec bench` as a drawing, in light and dark.

In: a result. Out: an SVG text. Every module has a row for each contestant and pass: a dot at what it takes
over what the emitted module takes, a line from quartile to quartile, the number beside it. The scale is
logarithmic, so that twice as fast and half as fast lie equally far from 1.
"""

from __future__ import annotations

import math

from eqspec.tools.bench.results import (
    NAMES,
    OURS,
    PASSES,
    Comparison,
    Contestant,
    Result,
    bytes_text,
    ratio_text,
    seconds_text,
)
from eqspec.tools.pictures.colours import variables
from eqspec.tools.pictures.markup import Markup, element
from eqspec.tools.pictures.style import SANS

LEFT, RIGHT, PANEL = 132, 176, 330
"""Room for the names, for the numbers, and for the dots between them."""
ROW, HEAD, TITLE, FOOT = 24, 52, 34, 34
_TITLES = {"forward": "forward", "training": "forward and backward"}
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_STYLE = (
    f".eqb{{font:12px {SANS}}}.eqb text{{fill:var(--eq-ink)}}.eqb .s{{fill:var(--eq-soft);font-size:11px}}"
    ".eqb .h{font-weight:650;font-size:15px}.eqb .t{font-weight:600;font-size:11px;fill:var(--eq-soft)}"
    ".eqb .p{fill:var(--eq-paper)}.eqb .g{stroke:var(--eq-line);stroke-width:1}"
    ".eqb .o{stroke:var(--eq-ink);stroke-width:1.4}"
    + "".join(
        f".eqb .d{k}{{fill:var(--eq-f{k})}}.eqb .w{k}{{stroke:var(--eq-f{k});stroke-width:3;"
        "stroke-linecap:round}"
        for k in range(len(NAMES))
    )
)


def svg_of(result: Result) -> str:
    """The drawing of all modules, one below the other."""
    heights = [_height(one) for one in result.comparisons]
    width = LEFT + 2 * (PANEL + RIGHT)
    height = sum(heights) + FOOT
    parts: list[Markup] = [element("rect", class_="p", width=width, height=height)]
    scale = _Scale.of(result)
    y = 0.0
    for one, size in zip(result.comparisons, heights, strict=True):
        parts.append(element("g", *_comparison(one, scale), transform=f"translate(0 {y:.0f})"))
        y += size
    where = result.machine
    words = (
        f"batch {result.batch:,}, {result.dtype}, {where.device} ({where.processor}, torch {where.torch});"
        " dots are medians over the rounds, lines go from quartile to quartile"
    )
    parts.append(element("text", words, class_="s", x=16, y=y + FOOT / 2))
    style = element("style", Markup(variables(".eqb") + _STYLE))
    names = ", ".join(one.module for one in result.comparisons)
    title = element("title", f"Times of {names} over those of the emitted module")
    return str(
        element(
            "svg", title, style, *parts,
            xmlns="http://www.w3.org/2000/svg", class_="eqb", width=width, height=f"{height:.0f}",
            viewBox=f"0 0 {width} {height:.0f}", role="img",
        )
        + "\n"
    )  # fmt: skip


class _Scale:
    """A logarithmic scale from ``low`` to ``high``, both among the steps."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    @staticmethod
    def of(result: Result) -> _Scale:
        values = [0.5, 2.0]
        for one in result.comparisons:
            for contestant in one.contestants:
                for timed in contestant.passes.values():
                    values += [timed.ratio.low, timed.ratio.high]
        low = max((s for s in _STEPS if s <= min(values)), default=_STEPS[0])
        high = min((s for s in _STEPS if s >= max(values)), default=_STEPS[-1])
        return _Scale(low, high)

    def at(self, value: float) -> float:
        """Where a ratio stands, from the left end of a panel."""
        bounded = min(max(value, self.low), self.high)
        return PANEL * math.log(bounded / self.low) / math.log(self.high / self.low)

    @property
    def steps(self) -> list[float]:
        """The lines of the grid; powers of ten and 1 alone where all would stand close."""
        found = [s for s in _STEPS if self.low <= s <= self.high]
        if len(found) > 9:
            found = [s for s in found if math.log10(s).is_integer()]
        return found


def _height(one: Comparison) -> int:
    rows = sum(1 for c in one.contestants if c.passes)
    return TITLE + HEAD + ROW * rows


def _comparison(one: Comparison, scale: _Scale) -> list[Markup]:
    shown = [c for c in one.contestants if c.passes]
    passes = [name for name in PASSES if any(name in c.passes for c in shown)]
    parts = [element("text", one.module, class_="h", x=16, y=24)]
    for column, name in enumerate(passes):
        left = LEFT + column * (PANEL + RIGHT)
        parts.append(
            element("g", *_panel(shown, name, scale), transform=f"translate({left} {TITLE})")
        )
    for number, contestant in enumerate(shown):
        y = TITLE + HEAD + ROW * number + 4
        parts.append(element("text", contestant.name, x=16, y=y - 8))
    return parts


def _panel(shown: list[Contestant], name: str, scale: _Scale) -> list[Markup]:
    bottom = HEAD + ROW * len(shown) - 20
    parts = [element("text", f"{_TITLES[name]}: time / emitted", class_="t", x=0, y=8)]
    for step in scale.steps:
        x = scale.at(step)
        label = f"{step:,g}"
        parts.append(
            element("line", class_="o" if step == 1 else "g", x1=x, x2=x, y1=30, y2=bottom)
        )
        parts.append(element("text", label, class_="s", x=x, y=24, text_anchor="middle"))
    for number, contestant in enumerate(shown):
        timed = contestant.passes.get(name)
        if timed is None:
            continue
        y = HEAD + ROW * number - 8
        colour = NAMES.index(contestant.name)
        low, middle, high = (
            scale.at(v) for v in (timed.ratio.low, timed.ratio.median, timed.ratio.high)
        )
        if contestant.name != OURS:
            parts.append(element("line", class_=f"w{colour}", x1=low, x2=high, y1=y, y2=y))
        parts.append(element("circle", class_=f"d{colour}", cx=middle, cy=y, r=5.5))
        words = [seconds_text(timed.seconds.median), bytes_text(timed.bytes)]
        if contestant.name != OURS:
            words.insert(0, ratio_text(timed.ratio.median))
        parts.append(element("text", ", ".join(words), class_="s", x=PANEL + 10, y=y + 4))
    return parts
