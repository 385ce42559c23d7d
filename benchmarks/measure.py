"""Times, taken side by side.

In: functions without arguments, or command lines. Out: the seconds of each, round by round, so that
ratios are formed within a round and a slow moment of the machine meets all contestants alike.
In-process times are CPU times: every contestant runs on one thread.
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

try:
    import resource  # finer than os.times
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

Rounds = dict[str, list[float]]


@dataclass(frozen=True)
class Effort:
    """``rounds`` per comparison, and the seconds that a contestant should take in one."""

    rounds: int
    seconds: float
    quick: bool


FULL = Effort(11, 0.03, quick=False)
QUICK = Effort(3, 0.005, quick=True)


def seconds_of(run: Callable[[], object], repeats: int = 1) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    for _ in range(repeats):
        run()
    return (time.process_time() - start) / repeats


def side_by_side(
    contestants: Mapping[str, Callable[[], object]], effort: Effort, rounds: int | None = None
) -> Rounds:
    """Each contestant once a round, in alternating order, after two calls to warm up."""
    repeats = {}
    for name, run in contestants.items():
        run()
        once = max(seconds_of(run), 1e-7)
        repeats[name] = max(1, min(10_000, int(effort.seconds / once)))
    found: Rounds = {name: [] for name in contestants}
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds or effort.rounds):
            names = list(contestants)
            for name in names if number % 2 == 0 else reversed(names):
                found[name].append(seconds_of(contestants[name], repeats[name]))
    finally:
        gc.enable()
    return found


def processes(commands: Mapping[str, Sequence[str]], effort: Effort) -> tuple[Rounds, Rounds]:
    """Whole processes, the same way: wall seconds and CPU seconds. A failing command is an error."""
    wall: Rounds = {name: [] for name in commands}
    cpu: Rounds = {name: [] for name in commands}
    for number in range(-1, effort.rounds):  # round -1 warms up
        names = list(commands)
        for name in names if number % 2 == 0 else reversed(names):
            before = _children()
            start = time.perf_counter()
            subprocess.run(commands[name], check=True, capture_output=True)
            seconds = time.perf_counter() - start
            used = _children() - before
            if number >= 0:
                wall[name].append(seconds)
                cpu[name].append(used)
    return wall, cpu


def _children() -> float:
    """CPU seconds of all processes that were waited for."""
    if resource is None:
        times = os.times()
        return times.children_user + times.children_system
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@dataclass(frozen=True)
class Quartiles:
    """The median of the ratios within the rounds, and the bounds of their middle half."""

    middle: float
    low: float
    high: float

    @property
    def spread(self) -> str:
        return f"{self.low:.3g}-{self.high:.3g}"

    def inverse(self) -> Quartiles:
        return Quartiles(1 / self.middle, 1 / self.high, 1 / self.low)


def quartiles(found: Rounds, name: str, peer: str, scale: float = 1.0) -> Quartiles:
    """The ratio of two contestants times ``scale``, with its spread over the rounds."""
    ratios = sorted(
        scale * mine / theirs for mine, theirs in zip(found[name], found[peer], strict=True)
    )
    return middle_half(ratios)


def middle_half(values: Sequence[float]) -> Quartiles:
    ordered = sorted(values)
    cut = len(ordered) // 4
    return Quartiles(statistics.median(ordered), ordered[cut], ordered[-1 - cut])


def median(found: Rounds, name: str) -> float:
    return statistics.median(found[name])


def ratio(found: Rounds, name: str, peer: str) -> float:
    """The median over the rounds of the ratio within a round."""
    return statistics.median(
        mine / theirs for mine, theirs in zip(found[name], found[peer], strict=True)
    )
