"""Times, taken side by side: each contestant once a round, in alternating order.

In: functions without arguments and a clock. Out: the seconds of each, round by round, so that ratios are
formed within a round and a slow moment of the machine meets all contestants alike. On a CPU these are CPU
times of one thread, on CUDA the times between two events of the device.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Run = Callable[[], object]
Rounds = dict[str, list[float]]

FEWEST = 3
"""Rounds of what is slow."""


class Clock(Protocol):
    """What a call takes."""

    def seconds(self, run: Run, repeats: int) -> float:
        """The seconds of one call, the mean of ``repeats``."""


@dataclass(frozen=True)
class CpuClock:
    """CPU seconds of this process: what others do on the machine is not counted."""

    def seconds(self, run: Run, repeats: int) -> float:
        start = time.process_time()
        for _ in range(repeats):
            run()
        return (time.process_time() - start) / repeats


@dataclass(frozen=True)
class CudaClock:
    """The time between two events on the stream of the device."""

    def seconds(self, run: Run, repeats: int) -> float:
        import torch

        event: Any = torch.cuda.Event
        start, end = event(enable_timing=True), event(enable_timing=True)
        start.record()
        for _ in range(repeats):
            run()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3 / repeats


@dataclass(frozen=True)
class Effort:
    """``rounds`` of a comparison, the ``seconds`` that a contestant should take in one of them, and the
    ``budget`` of seconds of the whole comparison, for which there are fewer rounds if need be."""

    rounds: int = 11
    seconds: float = 0.03
    budget: float = 10.0


def side_by_side(contestants: Mapping[str, Run], clock: Clock, effort: Effort) -> Rounds:
    """The seconds of a call of each, round by round, after two calls to warm up."""
    repeats: dict[str, int] = {}
    total = 0.0
    for name, run in contestants.items():
        run()
        once = max(clock.seconds(run, 1), 1e-7)
        repeats[name] = max(1, min(10_000, int(effort.seconds / once)))
        total += once * repeats[name]
    count = max(min(FEWEST, effort.rounds), min(effort.rounds, int(effort.budget / total)))
    found: Rounds = {name: [] for name in contestants}
    gc.collect(1)  # the young: a whole collection takes longer than a comparison
    collecting = gc.isenabled()
    gc.disable()
    try:
        for number in range(count):
            names = list(contestants)
            for name in names if number % 2 == 0 else reversed(names):
                found[name].append(clock.seconds(contestants[name], repeats[name]))
    finally:
        if collecting:
            gc.enable()
    return found


@dataclass(frozen=True)
class Spread:
    """The median and the quartiles."""

    low: float
    median: float
    high: float


def spread(values: list[float]) -> Spread:
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(low, middle, high)


def ratios(found: Rounds, name: str, peer: str) -> list[float]:
    """Round by round, what ``name`` takes over what ``peer`` takes."""
    return [mine / theirs for mine, theirs in zip(found[name], found[peer], strict=True)]
