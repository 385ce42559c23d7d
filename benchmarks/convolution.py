"""Emitted convolutions of D4 fields against `torch.nn.Conv2d` of the same width, and banks of filters
against escnn's, in the interpreter where that is installed."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.goals import record
from benchmarks.measure import Effort, Rounds, median, quartiles, ratio, side_by_side
from benchmarks.modules import step
from benchmarks.specs import emitted
from benchmarks.tables import Cell, Table, goal

FIELDS, ORDER = 16, 8


def spec(size: int, kernel: int) -> str:
    block = f"[{FIELDS}, G.regular, G.grid({size}, {size})]"
    return (
        f"eqspec 1\ngroup G = dihedral(4)\nmodule Layer {{ input x: {block}\n"
        f"output y: {block} = conv2d(x, kernel={kernel}, padding={kernel // 2}) }}\n"
    )


def convolutions(effort: Effort, escnn: str | None) -> list[Table]:
    layers = Table(
        "convolution",
        "`conv2d` of 16 regular fields of D4 / `nn.Conv2d(128, 128)`, 3 x 3",
        (
            "size", "batch", "nn.Conv2d forward s", "fold()", "eval forward", "train forward",
            "forward and backward", "goal, train",
        ),
    )  # fmt: skip
    cases = [(8, 1, 1.5)] if effort.quick else [(32, 64, 1.05), (8, 1, 1.5)]
    for size, batch, most in cases:
        folded, frozen, forward, both, dense = _measure(size, batch, effort)
        layers.add(
            f"{size} x {size}", batch, dense, folded, frozen, forward, both,
            goal(max(forward, both), most=most),
        )  # fmt: skip
    return [layers, _banks(effort, escnn)]


def _measure(size: int, batch: int, effort: Effort) -> tuple[float, float, float, float, float]:
    torch.manual_seed(0)
    layer = emitted(spec(size, 3)).Layer()
    width = FIELDS * ORDER
    dense = nn.Conv2d(width, width, 3, padding=1)
    flat = torch.randn(batch, width, size, size)
    x, gradient = flat.unflatten(1, (FIELDS, ORDER)), torch.randn_like(flat)
    plain = layer.fold()
    for module in (layer, dense):
        module.eval()
    with torch.no_grad():
        found = side_by_side(
            {"fold": lambda: plain(x), "eval": lambda: layer(x), "dense": lambda: dense(flat)},
            effort,
        )
    for module in (layer, dense):
        module.train()
    runs: dict[str, Any] = {"eqspec": lambda: layer(x), "dense": lambda: dense(flat)}
    forward: Rounds = side_by_side(runs, effort)
    back: Tensor = gradient.unflatten(1, (FIELDS, ORDER))
    steps = {"eqspec": step(layer, x, back), "dense": step(dense, flat, gradient)}
    both = side_by_side(steps, effort)
    where = f"{size} x {size}, batch {batch}"
    for name, rounds in (("forward", forward), ("forward and backward", both)):
        key = "conv" if batch > 1 else "conv single"
        record(key, f"{where}, training, {name}", quartiles(rounds, "eqspec", "dense"))
    return (
        ratio(found, "fold", "dense"),
        ratio(found, "eval", "dense"),
        ratio(forward, "eqspec", "dense"),
        ratio(both, "eqspec", "dense"),
        median(found, "dense"),
    )


ESCNN = """
import json, statistics, sys, time, warnings
warnings.filterwarnings("ignore")
import torch
torch.set_num_threads(1)
from escnn import gspaces, nn as enn
space = gspaces.flipRot2dOnR2(N=4)
fields = enn.FieldType(space, FIELDS * [space.regular_repr])
found = {}
for kernel in (3, 5):
    layer = enn.R2Conv(fields, fields, kernel_size=kernel, padding=kernel // 2)
    layer.expand_parameters()
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(20):
            layer.expand_parameters()
        rounds.append((time.process_time() - start) / 20)
    found[kernel] = [layer.weights.numel() / FIELDS**2, statistics.median(rounds)]
print(json.dumps(found))
"""


def _banks(effort: Effort, escnn: str | None) -> Table:
    table = Table(
        "banks",
        "From free weights to kernels, 16 regular fields of D4 to 16: escnn / eqspec",
        (
            "kernel", "free weights a pair", "escnn's", "eqspec s", "escnn s", "escnn / eqspec",
            "goal",
        ),
    )  # fmt: skip
    theirs: dict[str, tuple[float, float]] = {}
    if escnn is not None:
        text = ESCNN.replace("FIELDS", str(FIELDS)).replace("ROUNDS", str(effort.rounds))
        command = [escnn, "-c", text]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
        theirs = json.loads(done.stdout.splitlines()[-1])
    else:
        table.notes.append("escnn was not given (`--escnn PYTHON`).")
    for kernel in (3, 5):
        layer = emitted(spec(8, kernel)).Layer()
        weights = next(p for p in layer.parameters() if p.dim() > 1)
        seconds = median(side_by_side({"expand": layer._expand}, effort), "expand")
        row: list[Cell] = [f"{kernel} x {kernel}", weights.numel() // FIELDS**2]
        if theirs:
            span, slow = theirs[str(kernel)]
            row += [span, seconds, slow, slow / seconds, goal(slow / seconds, least=3)]
        else:
            row += [None, seconds, None, None, None]
        table.add(*row)
    return table
