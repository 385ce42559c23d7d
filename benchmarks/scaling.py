"""How times grow: slopes on a log-log scale, by least squares, with the spread over the rounds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.averages import Product
from benchmarks.compiling import compile_times
from benchmarks.goals import record
from benchmarks.linear import keep_memory
from benchmarks.measure import Effort, Quartiles, middle_half, side_by_side
from benchmarks.modules import step
from benchmarks.specs import checked, emitted
from benchmarks.tables import Table
from eqspec.lowering.module import lower_module
from eqspec.program.cost import costs

ROUNDS = 5


@dataclass(frozen=True)
class Slope:
    """Over the rounds; ``error`` is that of the least squares of the medians."""

    found: Quartiles
    error: float


def fitted(sizes: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Slope and its standard error."""
    x, y = np.log(sizes), np.log(values)
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    freedom = max(1, len(sizes) - 2)
    return slope, math.sqrt(float(rest @ rest) / freedom / float(x @ x))


def slope_of(sizes: Sequence[float], rounds: Sequence[Sequence[float]]) -> Slope:
    """``rounds[k]`` are the times at size k."""
    each = [fitted(sizes, times)[0] for times in zip(*rounds, strict=True)]
    _, error = fitted(sizes, [statistics.median(times) for times in rounds])
    return Slope(middle_half(each), error)


class Growth:
    """The table, and how a row comes into it."""

    def __init__(self, effort: Effort) -> None:
        self.effort = effort
        self.table = Table(
            "scaling",
            "Slopes on a log-log scale",
            ("what grows", "from", "to", "of what", "slope", "over the rounds", "error", "goal"),
        )

    def add(
        self,
        what: str,
        sizes: Sequence[float],
        of: str,
        rounds: Sequence[Sequence[float]],
        goal: tuple[str, float] | None = None,
    ) -> None:
        slope = slope_of(sizes, rounds)
        wanted = None
        if goal is not None:
            key, centre = goal
            off = sorted(abs(s - centre) for s in (slope.found.low, slope.found.high))
            measured = Quartiles(abs(slope.found.middle - centre), *off)
            met = record(key, f"{of}: {slope.found.middle:.3g}", measured, _why(slope, centre))
            wanted = f"{centre:g} +- 0.1: {'met' if met else 'missed'}"
        self.table.add(
            what, int(sizes[0]), int(sizes[-1]), of, slope.found.middle, slope.found.spread,
            slope.error, wanted,
        )  # fmt: skip

    def timed(
        self,
        what: str,
        sizes: Sequence[float],
        of: str,
        runs: Sequence[Mapping[str, Callable[[], None]]],
        goal: tuple[str, float] | None = None,
    ) -> None:
        """All sizes in the same rounds; several contestants make several rows."""
        names = list(runs[0])
        contestants = {f"{n} {k}": run[n] for k, run in enumerate(runs) for n in names}
        found = side_by_side(contestants, self.effort, rounds=ROUNDS)
        for name in names:
            rounds = [found[f"{name} {k}"] for k in range(len(runs))]
            self.add(what, sizes, f"{of}, {name}" if len(names) > 1 else of, rounds, goal)


def _why(slope: Slope, centre: float) -> str:
    """In words, where a slope is off."""
    if slope.found.middle < centre:
        return "below: fixed costs of each kernel show at the small end"
    return "above: the large ones leave the caches"


def scaling(effort: Effort) -> list[Table]:
    growth = Growth(effort)
    pairs(growth)
    orders(growth)
    channels(growth)
    depth(growth)
    batches(growth)
    compiling(growth)
    return [growth.table]


def pairs(growth: Growth) -> None:
    """Layers between pairs of points."""
    sizes = (50, 100) if growth.effort.quick else (400, 480, 600, 720)  # beyond the caches
    if keep_memory():
        growth.table.notes.append("Freed memory is kept by the process.")
    forward, both, flops = [], [], []
    for n in sizes:
        text = (
            f"eqspec 1\ngroup S = symmetric({n})\nmodule Layer {{\n"
            "  input x: [S.natural, S.natural, 16]\n"
            "  output y: [S.natural, S.natural, 16] = linear(x)\n}\n"
        )
        torch.manual_seed(0)
        layer: nn.Module = emitted(text, batch=1).Layer()
        x = torch.randn(1, n, n, 16)
        forward.append({"forward": _evaluated(layer, x)})
        both.append({"both": step(layer, x, torch.randn_like(x))})
        flops.append(_flops(text))
    goal = ("slope pairs", 2.0)
    name = "n points, pairs to pairs, 16 channels"
    growth.timed(name, sizes, "forward", forward, goal)
    growth.timed(name, sizes, "forward and backward", both, goal)
    growth.add(name, sizes, "FLOPs", [[f] for f in flops], goal)


def _flops(text: str) -> float:
    program = lower_module(checked(text).modules[0]).program
    return float(sum(cost.flops for cost in costs(program).values()))


def _evaluated(layer: nn.Module, x: Tensor) -> Callable[[], None]:
    def run() -> None:
        with torch.no_grad():
            layer(x)

    return run


def orders(growth: Growth) -> None:
    """Averages over products of two groups that shift an axis each, around the same base; and a layer
    between fields of one group."""
    sizes = (4, 8) if growth.effort.quick else (4, 8, 16, 32)
    runs: dict[str, list[dict[str, Callable[[], None]]]] = {"multi_equitune": [], "equitune": []}
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 256), nn.ReLU(), nn.Linear(256, 10))
    for n in sizes:
        product = Product(f"C{n} x C{n}", (n, n))
        code = emitted(product.text)
        x = torch.randn(64, *product.shape)
        for name, made in (("multi_equitune", code.Multi), ("equitune", code.Full)):
            if name == "multi_equitune" or n <= 16:  # the product of two groups of 32 takes seconds
                runs[name].append({name: _evaluated(made(net).eval(), x)})
    sums = [2 * n for n in sizes]
    growth.timed(
        "sum of two orders", sums, "multi_equitune", runs["multi_equitune"], ("slope orders", 1.0)
    )
    few = sums[: len(runs["equitune"])]
    growth.timed("sum of two orders", few, "equitune", runs["equitune"])
    layers = []
    for n in sizes:
        block = "[16, G.regular]"
        layer = emitted(_linear(f"cyclic({n})", block), batch=256).Layer()
        x = torch.randn(256, 16, n)
        flat = torch.randn(256, 16 * n)
        dense = nn.Linear(16 * n, 16 * n)
        layers.append(
            {
                "eqspec": step(layer, x, torch.randn_like(x)),
                "nn.Linear": step(dense, flat, torch.randn_like(flat)),
            }
        )
    growth.timed("order of a cyclic group, 16 channels", sizes, "a step", layers)


def _linear(group: str, block: str, depth: int = 1) -> str:
    lines = [f"  x{k + 1}: {block} = relu(linear(x{k}))" for k in range(depth - 1)]
    return "\n".join(
        ["eqspec 1", f"group G = {group}", "module Layer {", f"  input x0: {block}", *lines,
         f"  output y: {block} = linear(x{depth - 1})", "}", ""]
    )  # fmt: skip


def channels(growth: Growth) -> None:
    """A layer between regular fields of D4, and torch's of the same width."""
    sizes = (8, 16) if growth.effort.quick else (16, 32, 64, 128)
    runs = []
    for c in sizes:
        torch.manual_seed(0)
        layer = emitted(_linear("dihedral(4)", f"[{c}, G.regular]"), batch=256).Layer()
        x, flat = torch.randn(256, c, 8), torch.randn(256, 8 * c)
        runs.append(
            {
                "eqspec": step(layer, x, torch.randn_like(x)),
                "nn.Linear": step(nn.Linear(8 * c, 8 * c), flat, torch.randn_like(flat)),
            }
        )
    growth.timed("channels, D4 regular, batch 256", sizes, "a step", runs)


def depth(growth: Growth) -> None:
    sizes = (2, 4) if growth.effort.quick else (2, 4, 8, 16, 32)
    runs = []
    for layers in sizes:
        torch.manual_seed(0)
        layer = emitted(_linear("dihedral(4)", "[16, G.regular]", layers), batch=64).Layer()
        x = torch.randn(64, 16, 8)
        runs.append({"a step": step(layer, x, torch.randn_like(x))})
    growth.timed("layers, 16 channels of D4 regular", sizes, "a step", runs)


def batches(growth: Growth) -> None:
    sizes = (16, 64) if growth.effort.quick else (64, 256, 1024, 4096)
    torch.manual_seed(0)
    layer = emitted(_linear("dihedral(4)", "[32, G.regular]", 2), batch=256).Layer()
    runs = []
    for batch in sizes:
        x = torch.randn(batch, 32, 8)
        layer.train()
        runs.append({"a step": step(layer, x, torch.randn_like(x))})
    growth.timed("batch, two layers of 32 channels of D4 regular", sizes, "a step", runs)


def compiling(growth: Growth) -> None:
    """Seconds from the spec to the files."""
    found = compile_times(growth.effort)
    sizes = [size for size in sorted(found) if size >= 100 or growth.effort.quick]
    rounds = [[sum(run[0]) for run in found[size]] for size in sizes]
    growth.add("layers of a chain", sizes, "compile", rounds, ("slope compile", 1.0))
