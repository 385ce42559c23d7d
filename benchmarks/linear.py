"""Emitted `linear` layers against `torch.nn.Linear` of the same shape."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.goals import BY_KEY, record
from benchmarks.measure import Effort, Rounds, median, quartiles, ratio, side_by_side
from benchmarks.modules import call, step
from benchmarks.specs import checked, emitted
from benchmarks.tables import Table, goal


@dataclass(frozen=True)
class Case:
    name: str
    groups: str
    source: str
    target: str
    batch: int
    quick: bool = False
    fusion: bool = False

    @property
    def text(self) -> str:
        return (
            f"eqspec 1\n{self.groups}\nmodule Layer {{ input x: {self.source}\n"
            f"output y: {self.target} = linear(x) }}\n"
        )

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        module = checked(self.text).modules[0]
        return module.inputs[0].type.blocks[0].shape, module.outputs[0].type.blocks[0].shape


ROT_FLIP = "group Rot = cyclic(4)\ngroup Flip = cyclic(2)"
JOINT = "group G = cyclic(2)\nrep G.joint = signed_permutation([a, b, c]) { r -> (a -a) }"
CASES = (
    Case("C4 regular, 64 channels", "group G = cyclic(4)", "[64, G.regular]", "[64, G.regular]",
         256, quick=True),
    Case("C4 regular, 64 channels", "group G = cyclic(4)", "[64, G.regular]", "[64, G.regular]",
         16),
    Case("D4 regular, 64 channels", "group G = dihedral(4)", "[64, G.regular]", "[64, G.regular]",
         256),
    Case("D4 regular, 64 channels", "group G = dihedral(4)", "[64, G.regular]", "[64, G.regular]",
         32),
    Case("D4 regular, 16 channels", "group G = dihedral(4)", "[16, G.regular]", "[16, G.regular]",
         256),
    Case("S10 natural, 64 channels", "group G = symmetric(10)", "[64, G.natural]",
         "[64, G.natural]", 256),
    Case("S10 natural, 64 channels last", "group G = symmetric(10)", "[G.natural, 64]",
         "[G.natural, 64]", 256),
    Case("S10 pairs, 4 channels", "group G = symmetric(10)", "[4, G.natural, G.natural]",
         "[4, G.natural, G.natural]", 64),
    Case("C2 with signs, 64 channels", JOINT, "[64, G.joint]", "[64, G.joint]", 256),
    Case("C4 x C2, both regular, 16 channels", ROT_FLIP, "[16, Rot.regular, Flip.regular]",
         "[16, Rot.regular, Flip.regular]", 256),
)  # fmt: skip
FUSIONS = (
    Case("Rot regular to Flip regular, 4,096 to 4,096", ROT_FLIP, "[1024, Rot.regular]",
         "[2048, Flip.regular]", 64, fusion=True),
    Case("Rot regular to Flip regular, 4,096 to 256", ROT_FLIP, "[1024, Rot.regular]",
         "[128, Flip.regular]", 256, fusion=True),
    Case("Rot regular to Flip regular, 512 to 256", ROT_FLIP, "[128, Rot.regular]",
         "[128, Flip.regular]", 256, quick=True, fusion=True),
    Case("Z32 regular to S8 natural, 4,096 to 512",
         "group Turn = cyclic(32)\ngroup Set = symmetric(8)", "[128, Turn.regular]",
         "[64, Set.natural]", 256, fusion=True),
)  # fmt: skip


def linears(effort: Effort) -> list[Table]:
    square = Table(
        "linear",
        "`linear` / `nn.Linear` of the same shape",
        (
            "layer", "batch", "inputs", "outputs", "nn.Linear forward s",
            "eval forward", "goal eval", "train forward", "goal train",
            "forward and backward", "goal both",
        ),
    )  # fmt: skip
    fusion = Table(
        "fusion",
        "Layers between features of different groups: `nn.Linear` of the same shape / `linear`",
        (
            "layer", "batch", "nn.Linear forward s", "eval forward", "train forward",
            "forward and backward", "goal, forward and backward",
        ),
    )  # fmt: skip
    for case in (*CASES, *FUSIONS):
        if effort.quick and not case.quick:
            continue
        found = _measure(case, effort)
        frozen, forward, both = (quartiles(rounds, "eqspec", "dense") for rounds in found)
        dense = median(found[0], "dense")
        if case.fusion:
            worst = min(1 / forward.middle, 1 / both.middle)
            wanted = goal(worst, least=5) if "4,096 to 4,096" in case.name else None
            fusion.add(
                case.name, case.batch, dense, 1 / frozen.middle, 1 / forward.middle, 1 / both.middle,
                wanted,
            )  # fmt: skip
            continue
        n, m = (math.prod(shape) for shape in case.shapes())
        verdicts = []
        for key, measured in (
            ("linear eval", frozen), ("linear train", forward), ("linear both", both),
        ):  # fmt: skip
            missed = not BY_KEY[key].met(measured.middle)
            floor = _floor(case, key, effort) if missed else ""
            record(key, f"{case.name}, batch {case.batch}", measured, floor)
            verdicts.append(goal(measured.middle, most=BY_KEY[key].most))
        square.add(
            case.name, case.batch, n, m, dense, frozen.middle, verdicts[0],
            forward.middle, verdicts[1], both.middle, verdicts[2],
        )  # fmt: skip
    return [square, fusion, pairs(effort)]


def pairs(effort: Effort) -> Table:
    """A layer between pairs of points: time and memory by their number."""
    kept = keep_memory()
    table = Table(
        "pairs",
        "A layer from pairs of n points to pairs, 16 channels, one sample",
        ("n", "forward s", "forward and backward s", "memory, MiB", "memory / that of the input"),
    )
    sizes = (50, 100) if effort.quick else (50, 100, 200, 400, 600)
    rows: list[tuple[float, float, float]] = []
    for n in sizes:
        torch.manual_seed(0)
        layer = emitted(
            f"eqspec 1\ngroup S = symmetric({n})\nmodule Layer {{\n"
            "  input x: [S.natural, S.natural, 16]\n"
            "  output y: [S.natural, S.natural, 16] = linear(x)\n}\n"
        ).Layer()
        x = torch.randn(n, n, 16)
        gradient = torch.randn_like(x)
        with torch.no_grad():
            found = side_by_side({"forward": call(layer, x)}, effort, rounds=5)
        both = side_by_side({"both": step(layer, x, gradient)}, effort, rounds=5)
        activity = [torch.profiler.ProfilerActivity.CPU]
        with torch.no_grad(), torch.profiler.profile(activities=activity, profile_memory=True) as p:
            layer(x)
        memory = sum(max(0, event.self_cpu_memory_usage) for event in p.events())
        rows.append((median(found, "forward"), median(both, "both"), memory))
        size = x.numel() * x.element_size()
        table.add(n, *rows[-1][:2], memory / 2**20, memory / size)
    for name, column in (("forward", 0), ("forward and backward", 1), ("memory", 2)):
        slope = np.polyfit(np.log(sizes), np.log([row[column] for row in rows]), 1)[0]
        table.notes.append(f"Slope on a log-log scale, {name}: {slope:.2f}.")
    table.notes.append(
        "Memory is all that the forward pass allocates, what it frees on the way included."
    )
    if kept:
        table.notes.append(
            "Freed memory is kept by the process, so that no run pays for fresh pages from the system."
        )
    return table


def keep_memory() -> bool:
    """Ask the allocator of glibc to keep what is freed. By default blocks beyond 32 MiB go back at once, and
    every run would pay a page fault for each 4 KiB of a large result, and of no small one."""
    try:
        library = ctypes.CDLL("libc.so.6")
        trim_threshold, mmap_max = -1, -4  # M_TRIM_THRESHOLD, M_MMAP_MAX of <malloc.h>
        return all(
            library.mallopt(*setting) for setting in ((trim_threshold, 2**31 - 1), (mmap_max, 0))
        )
    except (OSError, AttributeError):
        return False


class _Expanded(nn.Module):
    """What an expanded weight takes at least: one `index_select` and one product."""

    def __init__(self, inputs: int, outputs: int, free: int, *, kept: bool) -> None:
        super().__init__()
        self.shape = (outputs, inputs)
        self.weight = nn.Parameter(torch.randn(free))
        self.bias = nn.Parameter(torch.randn(outputs))
        self.ids = torch.randint(free, (inputs * outputs,))
        self.full = self.weight.detach()[self.ids].view(self.shape) if kept else None

    def forward(self, x: Tensor) -> Tensor:
        full = self.full
        if full is None:
            full = self.weight.index_select(0, self.ids).view(self.shape)
        return nn.functional.linear(x, full, self.bias)


def _floor(case: Case, key: str, effort: Effort) -> str:
    """The same product with nothing around it, and in training one `index_select`, against nn.Linear."""
    n, m = (math.prod(shape) for shape in case.shapes())
    layer: nn.Module = emitted(case.text, batch=case.batch).Layer()
    free = sum(p.numel() for p in layer.parameters() if p.dim() > 1)
    least = _Expanded(n, m, max(free, 1), kept=key == "linear eval")
    dense, x, slope = nn.Linear(n, m), torch.randn(case.batch, n), torch.randn(case.batch, m)
    if key == "linear both":
        times = side_by_side(
            {"least": step(least, x, slope), "dense": step(dense, x, slope)}, effort, rounds=5
        )
    elif key == "linear train":
        times = side_by_side({"least": call(least, x), "dense": call(dense, x)}, effort, rounds=5)
    else:
        with torch.no_grad():
            times = side_by_side(
                {"least": call(least, x), "dense": call(dense, x)}, effort, rounds=5
            )
        return (
            f"{median(times, 'dense') * 1e6:.3g} us a call, of which one view more is a microsecond; the"
            f" product alone {ratio(times, 'least', 'dense'):.3g}"
        )
    return f"one index_select and the product alone: {ratio(times, 'least', 'dense'):.3g}"


def _measure(case: Case, effort: Effort) -> list[Rounds]:
    """Evaluation forward, training forward, forward and backward: rounds of both."""
    torch.manual_seed(0)
    layer: nn.Module = emitted(case.text, batch=case.batch).Layer()
    shape, answer = case.shapes()
    inputs, outputs = math.prod(shape), math.prod(answer)
    dense = nn.Linear(inputs, outputs)
    flat = torch.randn(case.batch, inputs)
    x = flat.reshape(case.batch, *shape)
    flat_gradient = torch.randn(case.batch, outputs)
    gradient = flat_gradient.reshape(case.batch, *answer)
    found = []
    for module in (layer, dense):
        module.eval()
    with torch.no_grad():
        found.append(
            side_by_side({"eqspec": lambda: layer(x), "dense": lambda: dense(flat)}, effort)
        )
    for module in (layer, dense):
        module.train()
    found.append(side_by_side({"eqspec": lambda: layer(x), "dense": lambda: dense(flat)}, effort))
    found.append(
        side_by_side(
            {
                "eqspec": step(layer, x, gradient),
                "dense": step(dense, flat, flat_gradient),
            },
            effort,
        )
    )
    return found
