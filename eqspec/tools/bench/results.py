"""What was measured, as values and as the record that `--format json` prints, schema 1."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from eqspec import __version__
from eqspec.tools.bench.clock import Spread

SCHEMA = 1
PASSES = ("forward", "training")
SINGLE = ("by weight", "by sums", "by blocks")
"""The same module with one way of lowering wherever it is possible."""
OURS, TWIN, AVERAGE = "emitted", "dense twin", "group average"
NAMES = (OURS, TWIN, AVERAGE, *SINGLE)

Record = dict[str, Any]


@dataclass(frozen=True)
class Timed:
    """One contestant in one pass: seconds of a call, how often it is what the emitted module takes, and the
    most bytes that its tensors hold at once."""

    seconds: Spread
    ratio: Spread
    rounds: int
    bytes: int


@dataclass(frozen=True)
class Contestant:
    """``passes`` by name; what is not there was not timed, and ``missing`` says why."""

    name: str
    parameters: int
    passes: dict[str, Timed] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True)
class Comparison:
    """A module and what it was timed against; ``notes`` say what stands in place of what. ``lowering`` is the
    plan that was chosen for it, ``predicted`` the seconds that it was chosen by, for each pass; nothing
    where a base or another module is called, whose time is not predicted."""

    module: str
    contestants: tuple[Contestant, ...]
    notes: tuple[str, ...] = ()
    lowering: str = ""
    predicted: dict[str, float] = field(default_factory=dict)

    def named(self, name: str) -> Contestant:
        return next(c for c in self.contestants if c.name == name)


@dataclass(frozen=True)
class Machine:
    """Where it was measured."""

    device: str
    processor: str
    cores: int
    python: str
    torch: str
    system: str


@dataclass(frozen=True)
class Result:
    """All comparisons of a run, with the settings under which they were made; by the device ``table``
    lowerings were chosen."""

    spec: str
    batch: int
    dtype: str
    table: str
    machine: Machine
    comparisons: tuple[Comparison, ...]

    def record(self) -> Record:
        return {
            "schema": SCHEMA,
            "eqspec": __version__,
            "spec": self.spec,
            "batch": self.batch,
            "dtype": self.dtype,
            "table": self.table,
            "machine": asdict(self.machine),
            "modules": [_comparison(one) for one in self.comparisons],
        }


def machine_of(device: Any) -> Machine:
    """``device``: a `torch.device`."""
    import torch

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu, one thread"
    return Machine(
        name,
        platform.machine(),
        os.cpu_count() or 1,
        platform.python_version(),
        torch.__version__,
        platform.system(),
    )


def _comparison(one: Comparison) -> Record:
    return {
        "module": one.module,
        "lowering": one.lowering,
        "predicted": one.predicted or None,
        "contestants": [_contestant(c) for c in one.contestants],
        "notes": list(one.notes),
    }


def _contestant(one: Contestant) -> Record:
    record: Record = {"name": one.name, "parameters": one.parameters}
    for name in PASSES:
        timed = one.passes.get(name)
        record[name] = None if timed is None else asdict(timed)
    if one.missing:
        record["missing"] = one.missing
    return record


def seconds_text(value: float) -> str:
    """With the unit that reads best: `412 us`, `1.21 ms`."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= scale or unit == "us":
            return f"{_digits(value / scale)} {unit}"
    raise AssertionError(value)


def bytes_text(value: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{_digits(value / scale)} {unit}"
    return f"{value} B"


def ratio_text(value: float) -> str:
    return f"{_digits(value)} x"


def _digits(value: float) -> str:
    """Three digits that mean something: 0.87, 1.21, 41.2, 412."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def verdict(comparison: Comparison) -> Sequence[str]:
    """What a person wants to know: how much faster or slower than each of the others."""
    lines: list[str] = []
    for other in comparison.contestants:
        if other.name == OURS or not other.passes:
            continue
        parts = [
            f"{_times(timed.ratio)} {'forward' if name == 'forward' else 'with backward'}"
            for name in PASSES
            if (timed := other.passes.get(name)) is not None
        ]
        who = f"lowering {other.name}" if other.name in SINGLE else other.name
        lines.append(f"against the {who}: {', '.join(parts)}")
    return lines


def _times(ratio: Spread) -> str:
    """`2.14 times faster`; no difference is claimed where the quartiles lie on both sides of 1."""
    if abs(ratio.median - 1) < 0.05:
        return f"about as fast ({_digits(ratio.median)} x)"
    if ratio.low <= 1 <= ratio.high:
        return f"no clear difference ({_digits(ratio.median)} x)"
    if ratio.median > 1:
        return f"{_digits(ratio.median)} times faster"
    return f"{_digits(1 / ratio.median)} times slower"
