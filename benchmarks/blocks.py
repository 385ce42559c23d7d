"""Blocks of a multilayer perceptron, and single layers, against torch's own dense ones of the same width."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.basis import Case as Action
from benchmarks.basis import factors, generators
from benchmarks.goals import record
from benchmarks.measure import Effort, ratio, side_by_side
from benchmarks.modules import Against, against, call, step
from benchmarks.specs import compiled, emitted
from benchmarks.tables import Table, goal

CHANNELS = 64
BATCHES = (64, 256, 1024, 4096)


@dataclass(frozen=True)
class Blocks:
    """Blocks of linear, relu, linear, residual and norm on a regular representation, one after the other."""

    name: str
    group: str
    order: int
    key: str
    least: float
    depth: int

    @property
    def text(self) -> str:
        block = f"[{CHANNELS}, G.regular]"
        lines = ["eqspec 1", f"group G = {self.group}", "module Layer {", f"  input x0: {block}"]
        for k in range(self.depth):
            kind = "output y" if k == self.depth - 1 else f"x{k + 1}"
            lines += [
                f"  h{k}: {block} = relu(linear(x{k}))",
                f"  {kind}: {block} = rms_norm(x{k} + linear(h{k}))",
            ]
        return "\n".join([*lines, "}", ""])


CASES = tuple(
    Blocks(f"{name}, {depth} block{'s' * (depth > 1)}", group, order, key, least, depth)
    for name, group, order, key, least in (
        ("D4", "dihedral(4)", 8, "D4 block", 2.0),
        ("one mirror", "cyclic(2)", 2, "mirror block", 1.3),
    )
    for depth in (1, 4)
)


class Dense(nn.Module):
    """The same block, with layers of torch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.norm = nn.RMSNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x + self.second(torch.relu(self.first(x))))
        return y


def blocks(effort: Effort) -> list[Table]:
    return [perceptrons(effort), layers(effort)]


def perceptrons(effort: Effort) -> Table:
    table = Table(
        "blocks",
        "Blocks (linear, relu, linear, residual, norm) of 64 channels: dense / eqspec",
        (
            "group", "batch", "width", "chosen", "dense forward s", "eval forward", "in the rounds",
            "dense, a step s", "forward and backward", "rounds, both", "goal", "error",
        ),
    )  # fmt: skip
    for case in CASES:
        for batch in (64,) if effort.quick else BATCHES:
            if case.depth > 1 and (effort.quick or (batch > 1024 and case.order > 2)):
                continue
            _row(table, case, batch, effort)
    table.notes += [
        "Dense blocks are nn.Linear, relu, nn.Linear, the sum and nn.RMSNorm, on rows of the same width.",
        "The module is compiled for its batch (`--batch`) and for training; `chosen` is the way of lowering that"
        " was found. Error: the largest difference between moving the input and moving the output, relative to the"
        " largest output, in float64, over the generators.",
    ]
    return table


def _row(table: Table, case: Blocks, batch: int, effort: Effort) -> None:
    torch.manual_seed(0)
    width = CHANNELS * case.order
    made, chosen = compiled(case.text, batch)
    dense = nn.Sequential(*(Dense(width) for _ in range(case.depth)))
    shape = (CHANNELS, case.order)
    ours = made.Layer()
    error = law(made.Layer().double(), case)
    found = against(ours, dense, batch, (shape, shape), effort, rounds=min(effort.rounds, 7))
    where = f"{case.name}, batch {batch}"
    met = [
        record(case.key, where, found.frozen, _floor(case, batch, effort, found, 0)),
        record(f"{case.key} both", where, found.both, _floor(case, batch, effort, found, 1)),
    ]
    record("block error", where, error)
    table.add(
        case.name, batch, width, chosen, found.dense, found.frozen.middle, found.frozen.spread,
        found.step, found.both.middle, found.both.spread,
        f">= {case.least:g}: {'met' if all(met) else 'missed'}", f"{error:.1e}",
    )  # fmt: skip


class Pointwise(nn.Module):
    """What a block does besides its two products."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x + torch.relu(x))
        return y


def _floor(case: Blocks, batch: int, effort: Effort, found: Against, mode: int) -> str:
    """What holds a block where the goal is missed: its share of the dense products' FLOPs, and all that is
    pointwise, which no basis makes cheaper; changes of coordinates come on top."""
    reached = found.both if mode else found.frozen
    if reached.middle >= case.least:
        return ""
    width = CHANNELS * case.order
    x, slope = torch.randn(batch, width), torch.randn(batch, width)
    net, whole = Pointwise(width), nn.Sequential(Dense(width))
    if mode:
        runs = {"rest": step(net, x, slope), "dense": step(whole, x, slope)}
        times = side_by_side(runs, effort, rounds=5)
    else:
        with torch.no_grad():
            times = side_by_side({"rest": call(net, x), "dense": call(whole, x)}, effort, rounds=5)
    rest = ratio(times, "rest", "dense")
    share = SHARES[case.group]
    return (
        f"{share:.2g} of the products' FLOPs and {rest:.2g} of the time for what is pointwise: at most"
        f" {1 / ((1 - rest) * share + rest):.3g}, before changes of coordinates"
    )


SHARES = {"dihedral(4)": 12 / 64, "cyclic(2)": 2 / 4}
"""FLOPs of the blocks of a regular representation in irreducible coordinates / dense."""


def law(module: nn.Module, case: Blocks) -> float:
    """The largest of |f(g x) - g f(x)| / max |f(x)| over the generators."""
    (part,), _ = Action(case.name, f"group G = {case.group}", "[G.regular]", "[G.regular]").parts()
    x = torch.randn(16, CHANNELS, case.order, dtype=torch.float64)
    module.eval()
    worst = 0.0
    with torch.no_grad():
        y = module(x)
        for matrix in factors(part, generators([part])):
            g = torch.tensor(matrix)
            difference = module(x @ g.T) - y @ g.T
            worst = max(worst, float(difference.abs().max() / y.abs().max()))
    return worst


# ---- single layers ----


def layers(effort: Effort) -> Table:
    """Where structure makes a layer cheaper than its dense twin."""
    table = Table(
        "structured",
        "Single layers that structure makes cheaper: nn.Linear of the same shape / eqspec",
        (
            "layer", "batch", "inputs", "nn.Linear forward s", "eval forward", "in the rounds",
            "forward and backward", "rounds, both", "goal",
        ),
    )  # fmt: skip
    points = {"S10 x S10": 10, "S16 x S16": 16, "S8 x S8": 8}
    cases: list[tuple[str, str, str, tuple[int, ...], int, str | None]] = [
        (
            f"{name}, {c} channels",
            f"group A = symmetric({n})\ngroup B = symmetric({n})",
            f"[{c}, A.natural, B.natural]",
            (c, n, n),
            batch,
            "sums" if name == "S10 x S10" else None,
        )
        for (name, n), c, batch in zip(points.items(), (16, 16, 64), (64, 16, 64), strict=True)
    ]
    cases += [
        ("100 points, 16 channels", "group A = symmetric(100)", "[16, A.natural]", (16, 100), 64,
         None),
        ("Z64 regular, 16 channels", "group A = cyclic(64)", "[16, A.regular]", (16, 64), 256, None),
        ("Z256 regular, 4 channels", "group A = cyclic(256)", "[4, A.regular]", (4, 256), 256, None),
    ]  # fmt: skip
    for name, groups, block, shape, batch, key in cases[:1] if effort.quick else cases:
        torch.manual_seed(0)
        text = (
            f"eqspec 1\n{groups}\nmodule Layer {{ input x: {block}\n"
            f"output y: {block} = linear(x) }}\n"
        )
        width = math.prod(shape)
        found = against(
            emitted(text, batch=batch).Layer(), nn.Linear(width, width), batch, (shape, shape), effort,
            rounds=min(effort.rounds, 5),
        )  # fmt: skip
        wanted = None
        if key is not None:
            where = f"{name}, batch {batch}"
            record(key, f"{where}, forward", found.frozen)
            record(key, f"{where}, forward and backward", found.both)
            wanted = goal(min(found.frozen.middle, found.both.middle), least=10)
        table.add(
            name, batch, width, found.dense, found.frozen.middle, found.frozen.spread,
            found.both.middle, found.both.spread, wanted,
        )  # fmt: skip
    _chain(table, effort)
    return table


def _chain(table: Table, effort: Effort) -> None:
    """Linear layers one after the other: their features stay in irreducible coordinates."""
    depth, block = 4, f"[{CHANNELS}, G.regular]"
    lines = [f"  x{k + 1}: {block} = linear(x{k})" for k in range(depth - 1)]
    text = "\n".join(
        ["eqspec 1", "group G = dihedral(4)", "module Layer {", f"  input x0: {block}", *lines,
         f"  output y: {block} = linear(x{depth - 1})", "}", ""]
    )  # fmt: skip
    width, shape = 8 * CHANNELS, (CHANNELS, 8)
    for batch in (256,) if effort.quick else (256, 1024):
        torch.manual_seed(0)
        dense = nn.Sequential(*(nn.Linear(width, width) for _ in range(depth)))
        found = against(
            emitted(text, batch=batch).Layer(), dense, batch, (shape, shape), effort,
            rounds=min(effort.rounds, 7),
        )  # fmt: skip
        where = f"{depth} layers of D4, {CHANNELS} channels, batch {batch}"
        met = [
            record("isotypic", f"{where}, forward", found.frozen),
            record("isotypic", f"{where}, forward and backward", found.both),
        ]
        table.add(
            f"{depth} layers between D4 regular fields, {CHANNELS} channels", batch, width, found.dense,
            found.frozen.middle, found.frozen.spread, found.both.middle, found.both.spread,
            f">= 3: {'met' if all(met) else 'missed'}",
        )  # fmt: skip
