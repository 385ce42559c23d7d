"""`eqspec bench --calibrate`: a clock that is made up gives back the rates that were made up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from eqspec.cli import main
from eqspec.program.devices import KINDS, Kernel, shipped_table, table_from
from eqspec.tools.bench import calibration
from eqspec.tools.bench.calibrating import changes
from eqspec.tools.bench.calibration import Measured, Thrift
from eqspec.tools.bench.clock import Clock
from eqspec.tools.bench.probes import Probe, sided, simple, streams, tiny

CPU = torch.device("cpu")
THRIFT = Thrift(1e-6, 1, (1 << 10,), (4,))


def test_every_probe_keeps_its_shape_and_counts_as_the_kernels_do() -> None:
    probes = [*tiny(), *simple(1 << 12), *streams(1 << 12), *sided(4), *sided(16)]
    assert {probe.kind for probe in probes} == set(KINDS)
    for probe in probes:
        x = torch.randn(probe.x, requires_grad=True)
        y = probe.step(x, torch.randn(probe.weight or (1,)))
        assert y.requires_grad and (y.shape == x.shape or not probe.chained)
        if probe.weight and probe.bytes:
            rows = probe.x[-2] if probe.kind in ("product", "batched") else 0
            if rows:
                assert probe.flops == 2 * x.numel() * probe.weight[-1]
                assert probe.side == min(rows, *probe.weight[-2:])


def test_what_is_measured_is_what_the_table_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device is the shipped table itself: each kernel takes what it predicts."""
    wanted = shipped_table("cpu")

    def measure(probe: Probe, device: torch.device, clock: Clock, thrift: Thrift) -> Measured:
        kernel = Kernel(probe.kind, probe.bytes, probe.flops, probe.side)
        view = Kernel("view")
        views = probe.views / probe.kernels
        forward = wanted.forward(kernel) + views * wanted.forward(view)
        backward = wanted.backward(kernel) + views * wanted.backward(view)
        return Measured(probe, forward, backward)

    monkeypatch.setattr(calibration, "measure", measure)
    found = calibration.calibrate(CPU, FakeClock(), "cpu", "made up")
    assert table_from(found.text()).text() == found.text()
    for kind, rates in wanted.kinds.items():
        mine = found.kinds[kind]
        assert mine.launch == pytest.approx(rates.launch, rel=0.3), kind
        assert mine.training == pytest.approx(rates.training, rel=0.3), kind
    for numbers in (1 << 17, 1 << 20, 1 << 23):
        for probe in (*simple(numbers), *streams(numbers)):
            kernel = Kernel(probe.kind, probe.bytes, probe.flops, probe.side)
            assert found.forward(kernel) == pytest.approx(wanted.forward(kernel), rel=0.5), probe
            assert found.backward(kernel) == pytest.approx(wanted.backward(kernel), rel=0.6), probe
    assert "(1.0" in changes(found, wanted)


class FakeClock:
    """Every call takes a microsecond."""

    def __init__(self) -> None:
        self.calls = 0

    def seconds(self, run: Callable[[], object], repeats: int) -> float:
        self.calls += 1
        run()
        return 1e-6


def bench(*args: str) -> Result:
    return CliRunner().invoke(main, ["bench", *args])


def test_the_command_writes_a_table_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    clocks: list[FakeClock] = []

    def clock() -> FakeClock:
        clocks.append(FakeClock())
        return clocks[-1]

    monkeypatch.setattr("eqspec.tools.bench.clock.CpuClock", clock)
    real = calibration.calibrate

    def small(*args: object, **options: object) -> object:
        return real(*args, **{**options, "thrift": THRIFT})  # type: ignore[arg-type]

    monkeypatch.setattr(calibration, "calibrate", small)
    (tmp_path / "mine.json").write_text('{"a": 1}\n', encoding="utf-8")
    refused = bench("--calibrate", "-o", "mine.json")
    assert refused.exit_code == 1 and "EQS502" in refused.stderr and not clocks
    found = bench("--calibrate", "-o", "device.json")
    assert found.exit_code == 0, found.output
    assert clocks[0].calls > 100 and "over the shipped `cpu`" in found.stderr
    table = table_from((tmp_path / "device.json").read_text(encoding="utf-8"))
    assert table.measured and tuple(table.kinds) == tuple(KINDS)
    monkeypatch.setattr(calibration, "calibrate", lambda *args, **options: table)
    assert bench("--calibrate", "-o", "device.json").exit_code == 0
    assert bench("--calibrate", "-o", "mine.json", "--force").exit_code == 0
    for wrong in ((), ("x.eqs", "--calibrate"), ("x.eqs", "-o", "y.json")):
        assert bench(*wrong).exit_code == 2
