"""Measuring the table of a device: launches, rates and what gradients cost, kind by kind.

Every probe runs as a short chain and as a long one; the difference, for one more kernel, leaves out what a
call pays once. The launch is that of a tiny tensor; what a larger one takes besides is its work, and bytes
or FLOPs over work are a rate. In: a device and a clock. Out: a `DeviceTable`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from eqspec.program.devices import KINDS, Curve, DeviceTable, Rates
from eqspec.tools.bench.clock import Clock, Run
from eqspec.tools.bench.probes import SIDES, Probe, sided, simple, streams, tiny

SIZES = tuple(1 << k for k in (14, 17, 20, 23))
"""Numbers of a tensor: from what fits into the first cache to what fits into none."""
LARGE = 1 << 20
CLEAR = 0.5
"""Work less than this share of the launch is no measurement of a rate."""


@dataclass(frozen=True)
class Thrift:
    """``seconds`` of one timing and the ``rounds`` of a difference; ``sizes`` and ``sides`` that are tried."""

    seconds: float = 0.001
    rounds: int = 5
    sizes: Sequence[int] = SIZES
    sides: Sequence[int] = SIDES


@dataclass(frozen=True)
class Measured:
    """One probe: seconds of one kernel forward, and what gradients add."""

    probe: Probe
    forward: float
    backward: float


def calibrate(
    device: torch.device,
    clock: Clock,
    name: str,
    machine: str,
    thrift: Thrift = Thrift(),
    progress: Callable[[str, int, int], None] | None = None,
) -> DeviceTable:
    """The table of a device. A minute or less."""
    done = 0
    total = 1 + len(thrift.sizes) + len(thrift.sides)

    def measured(probes: Iterable[Probe]) -> list[Measured]:
        nonlocal done
        found = []
        for probe in probes:
            if progress is not None:
                progress(probe.kind, done, total)
            found.append(measure(probe, device, clock, thrift))
        done += 1
        return found

    small = measured(tiny())
    view = next(one for one in small if one.probe.kind == "view")
    launch = {
        kind: _mean(_net(one, view) for one in small if one.probe.kind == kind) for kind in KINDS
    }
    training = {
        kind: _mean(_net_backward(one, view) for one in small if one.probe.kind == kind)
        for kind in KINDS
    }
    launch["view"], training["view"] = view.forward, view.backward
    by_size = [one for n in thrift.sizes for one in measured([*simple(n), *streams(n)])]
    by_side = [one for side in thrift.sides for one in measured(sided(side))]
    kinds: dict[str, Rates] = {}
    for kind in KINDS:
        sizes = [one for one in by_size if one.probe.kind == kind]
        sides = [one for one in by_side if one.probe.kind == kind]
        work = _Work(launch[kind], training[kind], view)
        flops = work.curve(sides, lambda p: p.flops, lambda p: p.side) if sides else None
        if flops is not None:  # what arithmetic explains says nothing of bytes
            pure = [one for one in sizes if _is_stream(one, flops, launch[kind])]
            sizes = pure if pure or kind == "attention" else sizes
        moved = work.curve(sizes, lambda p: p.bytes, lambda p: p.bytes)
        if not sizes and kind != "view":
            moved = kinds["elementwise"].bytes
        if kind == "function":
            flops = Curve(((1.0, work.rate(sizes, lambda p: p.flops)),))
            moved = kinds["elementwise"].bytes
        if kind == "view":
            moved = Curve(((1.0, 1e12),))
        kinds[kind] = Rates(
            _digits(launch[kind]), _digits(training[kind]),
            round(work.backward([*sizes, *sides]), 2), moved, flops,
        )  # fmt: skip
    return DeviceTable(name, machine, True, kinds)


def _is_stream(one: Measured, flops: Curve, launch: float) -> bool:
    """Does it take much longer than its arithmetic?"""
    return one.forward - launch > 2 * one.probe.flops / flops.at(one.probe.side)


# ---- one probe ---------------------------------------------------------------------------------------


def measure(probe: Probe, device: torch.device, clock: Clock, thrift: Thrift) -> Measured:
    """The seconds of one kernel more, forward and with gradients."""
    long = 2 if math.prod(probe.x) >= LARGE or math.prod(probe.weight) >= LARGE else 8
    x = torch.randn(probe.x).to(device)
    weight = torch.randn(probe.weight or (1,)).to(device) / math.sqrt(max(1, *probe.weight, 1))
    forward = _difference(
        _forward(probe, x, weight, long), _forward(probe, x, weight, 1), clock, thrift
    )
    both = _difference(
        _training(probe, x, weight, long), _training(probe, x, weight, 1), clock, thrift
    )
    steps = (long - 1) * probe.kernels
    return Measured(probe, forward / steps, max(both - forward, 0.0) / steps)


def _forward(probe: Probe, x: Tensor, weight: Tensor, steps: int) -> Run:
    xs = _starts(probe, x, steps)

    def run() -> object:
        with torch.no_grad():
            return _stepped(probe, xs, weight, steps)

    return run


def _training(probe: Probe, x: Tensor, weight: Tensor, steps: int) -> Run:
    xs = [one.clone().requires_grad_() for one in _starts(probe, x, steps)]
    weight = weight.clone().requires_grad_()
    wanted = [*xs, weight] if probe.weight else xs
    slopes = [torch.randn_like(y) for y in _stepped(probe, xs, weight, steps)]

    def run() -> object:
        return torch.autograd.grad(_stepped(probe, xs, weight, steps), wanted, slopes)

    return run


def _starts(probe: Probe, x: Tensor, steps: int) -> list[Tensor]:
    return [x] if probe.chained else [x.clone() for _ in range(steps)]


def _stepped(probe: Probe, xs: Sequence[Tensor], weight: Tensor, steps: int) -> list[Tensor]:
    if not probe.chained:
        return [probe.step(x, weight) for x in xs]
    y = xs[0]
    for _ in range(steps):
        y = probe.step(y, weight)
    return [y]


def _difference(long: Run, short: Run, clock: Clock, thrift: Thrift) -> float:
    """The difference of the least times: what else runs on the machine only adds."""
    repeats = []
    for run in (long, short):
        run()
        once = max(clock.seconds(run, 1), 1e-7)
        repeats.append(max(1, min(1000, int(thrift.seconds / once))))
    found: list[list[float]] = [[], []]
    for _ in range(thrift.rounds if sum(repeats) > 2 else min(2, thrift.rounds)):
        for times, run, count in zip(found, (long, short), repeats, strict=True):
            times.append(clock.seconds(run, count))
    return max(min(found[0]) - min(found[1]), 1e-9)


# ---- rates -------------------------------------------------------------------------------------------


def _net(one: Measured, view: Measured) -> float:
    """Seconds forward without the views around the kernel."""
    return max(one.forward - one.probe.views * view.forward / one.probe.kernels, 1e-8)


def _net_backward(one: Measured, view: Measured) -> float:
    return max(one.backward - one.probe.views * view.backward / one.probe.kernels, 1e-8)


@dataclass(frozen=True)
class _Work:
    """What kernels of one kind take besides their launch."""

    launch: float
    training: float
    view: Measured

    def of(self, one: Measured) -> float | None:
        """None: too little to be told from the launch."""
        spent = _net(one, self.view) - self.launch
        return spent if spent > CLEAR * self.launch else None

    def rate(self, found: Sequence[Measured], amount: Callable[[Probe], int]) -> float:
        """The mean rate; where no work is clear, that of the largest amount."""
        clear = [amount(one.probe) / w for one in found if (w := self.of(one)) is not None]
        if clear:
            return _digits(_mean(clear))
        most = max(found, key=lambda one: amount(one.probe))
        return _digits(amount(most.probe) / max(_net(most, self.view), 1e-9))

    def curve(
        self,
        found: Sequence[Measured],
        amount: Callable[[Probe], int],
        size: Callable[[Probe], int],
    ) -> Curve:
        groups: dict[int, list[Measured]] = {}
        for one in found:
            groups.setdefault(size(one.probe), []).append(one)
        points = [
            (float(place), self.rate(groups[place], amount))
            for place in sorted(groups)
            if any(self.of(one) is not None for one in groups[place])
        ]
        if not points:
            points = [(1.0, self.rate(found, amount) if found else 1e12)]
        return Curve(tuple(points))

    def backward(self, found: Sequence[Measured]) -> float:
        """The work of the way back over that of the way forward."""
        shares = []
        for one in found:
            work = self.of(one)
            if work is not None and work > 2 * self.launch:
                back = _net_backward(one, self.view) - self.training
                shares.append(max(back, 0.0) / work)
        return statistics.median(shares) if shares else 0.0


def _mean(values: Iterable[float]) -> float:
    """The geometric mean."""
    return statistics.geometric_mean(list(values))


def _digits(value: float) -> float:
    """Three digits are more than was measured."""
    return float(f"{value:.3g}")
