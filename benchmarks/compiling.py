"""Compile time as a spec gets deeper: it should grow with the number of layers, not with its square."""

from __future__ import annotations

import gc
import itertools
import math
import time
from functools import cache

from benchmarks.measure import Effort
from benchmarks.specs import checked, deep
from benchmarks.tables import Table
from eqspec.emit.files import emit_spec
from eqspec.lowering.module import lower_module
from eqspec.lowering.placement import place
from eqspec.lowering.validation import validate
from eqspec.lowering.ways import Aim

STAGES = ("check", "lower", "validate", "emit")


def growth(effort: Effort) -> list[Table]:
    found = compile_times(effort)
    sizes = sorted(found)
    table = Table(
        "compile",
        "Compile time of a chain of layers (the faster of two runs, by stage)",
        ("layers", *(f"{stage} s" for stage in STAGES), "sum s", "per layer s", "validated"),
    )
    best = {}
    for size in sizes:
        times = [min(run[0][k] for run in found[size]) for k in range(len(STAGES))]
        best[size] = [*times, sum(times)]
        fault = found[size][0][1]
        table.add(size, *times, sum(times), sum(times) / size, fault or "yes")
    first, last = 100 if not effort.quick else 10, sizes[-1]
    slopes = [
        math.log(best[last][k] / best[first][k]) / math.log(last / first)
        for k in range(len(STAGES) + 1)
    ]
    named = ", ".join(
        f"{name} {slope:.2f}" for name, slope in zip((*STAGES, "all"), slopes, strict=True)
    )
    verdict = "met" if slopes[-1] <= 1.15 else "missed"
    table.notes.append(
        f"Slope from {first} to {last:,} layers on a log-log scale (1 is linear): {named}. Goal, at"
        f" most 1.15 in all: {verdict}."
    )
    return [table]


@cache
def compile_times(effort: Effort) -> dict[int, list[tuple[list[float], str]]]:
    """By the number of layers, what `stages` found in every round."""
    sizes = (10, 100) if effort.quick else (10, 100, 200, 500, 1_000)
    stages(10)  # imports, templates, bases
    gc.collect()
    gc.freeze()  # what the harness holds is no part of a compile
    rounds = 1 if effort.quick else 2
    found: dict[int, list[tuple[list[float], str]]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            found[size].append(stages(size))
    return found


def stages(layers: int) -> tuple[list[float], str]:
    """CPU seconds of every stage, and the fault that validation found, if any. A fault does not stop
    the clock of the next stage."""
    text = deep(layers)
    marks = [time.process_time()]
    spec = checked(text)
    marks.append(time.process_time())
    lowered = {m.key: lower_module(m, placement=place(m, Aim())) for m in spec.modules}
    marks.append(time.process_time())
    faults = [validate(lowered, key) for key in lowered]
    marks.append(time.process_time())
    emit_spec(spec, lowered, "bench", "bench.eqs")
    marks.append(time.process_time())
    fault = next((f"refused: {fault.message}" for fault in faults if fault is not None), "")
    return [after - before for before, after in itertools.pairwise(marks)], fault
