"""The goals, and what a run found of them.

A section that measures something of a goal records it: `record`. The section `goals` puts all goals in one
table, each with its worst case, the middle half of the ratios over the rounds, and, where it is missed, the
floor: how far the same work can go that nothing can leave out, measured beside it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from benchmarks.measure import Effort, Quartiles
from benchmarks.tables import Table


@dataclass(frozen=True)
class Goal:
    """``most`` or ``least``, of a ratio, a slope, a time or a count."""

    key: str
    text: str
    most: float | None = None
    least: float | None = None
    section: str = ""

    @property
    def wanted(self) -> str:
        return f"<= {self.most:g}" if self.most is not None else f">= {self.least:g}"

    def met(self, value: float) -> bool:
        if self.most is not None:
            return value <= self.most
        return self.least is not None and value >= self.least

    def worse(self, one: float, other: float) -> bool:
        return one > other if self.most is not None else one < other


GOALS = (
    Goal("basis", "bases: times faster than EMLP's first call, S10 T2 and larger", least=1000,
         section="basis"),
    Goal("basis time", "basis of S20, T2 to T2: seconds", most=0.5, section="basis"),
    Goal("basis memory", "basis of S20, T2 to T2: MB", most=100, section="basis"),
    Goal("lie", "bases of Lie groups, T3: times faster than EMLP's first call", least=10,
         section="basis"),
    Goal("lie residual", "bases of Lie groups, T3: residual of the law", most=1e-12, section="basis"),
    Goal("linear train", "linear in training / nn.Linear, forward", most=1.5, section="linear"),
    Goal("linear both", "linear in training / nn.Linear, forward and backward", most=1.6,
         section="linear"),
    Goal("linear eval", "linear with frozen weights / nn.Linear", most=1.05, section="linear"),
    Goal("sums", "pairs S10 x S10, 16 channels: times faster than the dense layer", least=10,
         section="blocks"),
    Goal("isotypic", "linear of D4 regular fields, features in blocks: times faster than dense",
         least=3, section="blocks"),
    Goal("D4 block", "MLP blocks of D4, 64 channels: times faster than dense, forward", least=2,
         section="blocks"),
    Goal("D4 block both", "MLP blocks of D4: forward and backward", least=2, section="blocks"),
    Goal("mirror block", "MLP blocks of a mirror, 64 channels: times faster than dense, forward",
         least=1.3, section="blocks"),
    Goal("mirror block both", "MLP blocks of a mirror: forward and backward", least=1.3, section="blocks"),
    Goal("block error", "MLP blocks: error of the law in float64", most=1e-12,
         section="blocks"),
    Goal("conv", "convolution / nn.Conv2d, batch 64", most=1.05, section="convolution"),
    Goal("conv single", "convolution / nn.Conv2d, 8 x 8, batch 1", most=1.5,
         section="convolution"),
    Goal("calls", "sum design / as many calls of its base", most=1.15, section="averages"),
    Goal("product 64", "sum design under the product of 64: times faster", least=5,
         section="averages"),
    Goal("product 256", "sum design under the product of 256: times faster", least=12,
         section="averages"),
    Goal("batching", "equitune at batch 1: times faster than the loop", least=1.4,
         section="averages"),
    Goal("never slower", "averages / their loops at any batch, 5 % for noise", most=1.05,
         section="averages"),
    Goal("capture", "ways to capture a layer of eqspec that fail", most=0, section="peers"),
    Goal("slope pairs", "layers between pairs of n points: slope in n, off 2 by", most=0.1,
         section="scaling"),
    Goal("slope orders", "averages over products: slope in the sum of the orders, off 1 by",
         most=0.1, section="scaling"),
    Goal("slope compile", "compile time: slope in the layers, off 1 by", most=0.1,
         section="scaling"),
    Goal("choice", "chosen lowering / best single lowering, a step of training", most=1.1,
         section="lowerings"),
    Goal("same outputs", "outputs of all lowerings in float64: largest difference", most=1e-12,
         section="lowerings"),
    Goal("same gradients", "gradients of all lowerings in float64: largest difference", most=1e-12,
         section="lowerings"),
)  # fmt: skip
BY_KEY = {goal.key: goal for goal in GOALS}
NEEDED = tuple(dict.fromkeys(goal.section for goal in GOALS))


@dataclass(frozen=True)
class Result:
    where: str
    found: Quartiles
    floor: str


RESULTS: dict[str, list[Result]] = {}


def record(key: str, where: str, found: Quartiles | float, floor: str = "") -> bool:
    """Whether the goal is met there. ``floor`` says what holds it where it is missed."""
    goal = BY_KEY[key]
    quartiles = found if isinstance(found, Quartiles) else Quartiles(found, found, found)
    RESULTS.setdefault(key, []).append(Result(where, quartiles, floor))
    return goal.met(quartiles.middle)


def goals(effort: Effort, options: argparse.Namespace) -> list[Table]:
    """What the sections of this run recorded; a goal of which none was measured says so."""
    table = Table(
        "goals",
        "Every goal, side by side",
        ("goal", "wanted", "worst case", "in the rounds", "where", "cases met", "verdict", "floor"),
    )
    for goal in GOALS:
        results = RESULTS.get(goal.key, [])
        if not results:
            table.add(goal.text, goal.wanted, None, None, None, None, "not measured", None)
            continue
        worst = results[0]
        for result in results[1:]:
            if goal.worse(result.found.middle, worst.found.middle):
                worst = result
        met = [result for result in results if goal.met(result.found.middle)]
        verdict = "met" if len(met) == len(results) else "missed"
        spread = "" if worst.found.low == worst.found.high else worst.found.spread
        table.add(
            goal.text, goal.wanted, worst.found.middle, spread, worst.where,
            f"{len(met)} of {len(results)}", verdict, worst.floor if verdict == "missed" else None,
        )  # fmt: skip
    return [table]
