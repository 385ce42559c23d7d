"""`eqspec bench --calibrate`: the table of this device, measured and written.

In: a device and where the table shall go. Out: the file, whole, and what differs from the shipped table. A
file that is no device table is left alone.
"""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path

from eqspec.diagnostics.model import Diagnostic
from eqspec.diagnostics.render import render_text
from eqspec.emit.write import CannotWrite, State, inspect, write_all
from eqspec.program.devices import KINDS, Curve, DeviceTable, TableError, shipped_table, table_from
from eqspec.tools.bench.results import seconds_text
from eqspec.tools.building import about
from eqspec.tools.findings import out, say, to_stderr
from eqspec.tools.paint import paint
from eqspec.tools.places import shown
from eqspec.tools.progress import ProgressLine

SEEN_BYTES = 8 << 20
SEEN_SIDE = 64
"""Where rates are compared."""


def run_calibrate(device: str, output: str | None, force: bool, color: bool) -> int:
    """Without ``output`` the table goes to standard output."""
    from importlib.util import find_spec

    from eqspec.tools.bench.running import device_problem, missing_torch, stop

    if find_spec("torch") is None:
        return stop(missing_torch())
    problem = device_problem(device)
    if problem is not None:
        return stop(problem)
    path = Path(output).absolute() if output is not None and output != "-" else None
    if path is not None:
        fault = _obstacle(path, force)
        if fault is not None:
            to_stderr(render_text([fault], color=False) + "\n")
            return 1
    import torch

    from eqspec.tools.bench.calibration import calibrate
    from eqspec.tools.bench.clock import CpuClock, CudaClock
    from eqspec.tools.bench.comparing import one_torch_thread

    where = torch.device(device)
    kind = "gpu" if where.type == "cuda" else "cpu"
    machine = f"{_processor(where)}, torch {torch.__version__}"
    clock = CudaClock() if where.type == "cuda" else CpuClock()
    with one_torch_thread(where), ProgressLine(verb="measuring") as progress:
        progress.spec = device
        table = calibrate(where, clock, kind, machine, progress=progress)
    text = table.text()
    say(changes(table, shipped_table(kind), color))
    if path is None:
        out(text)
        return 0
    target = inspect(path, text)
    try:
        write_all([replace(target, state=State.STALE if target.old is not None else target.state)])
    except CannotWrite as error:
        fault = about("EQS503", error.path, f"cannot write this file: {error.reason}")
        to_stderr(render_text([fault], color=False) + "\n")
        return 1
    say(f"Wrote {shown(path)}: `eqspec compile --device {shown(path)}` chooses by it.")
    return 0


def _obstacle(path: Path, force: bool) -> Diagnostic | None:
    """Why a table cannot go there, before a minute is spent on it."""
    target = inspect(path, "")
    if target.state is State.BLOCKED:
        return about("EQS503", path, f"cannot write this file: {target.reason}")
    if target.state is State.MISSING or force:
        return None
    try:
        table_from(target.old or "")
    except TableError:
        help_ = "`--force` writes over it, or name another file"
        return about("EQS502", path, "this file is no device table, and stays as it is", help_)
    return None


def _processor(device: object) -> str:
    """What was measured, in words."""
    import torch

    assert isinstance(device, torch.device)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return f"one thread of {name}"


def changes(table: DeviceTable, shipped: DeviceTable, color: bool = False) -> str:
    """A line for every kind: what was measured, and that over what the shipped table says."""
    header = ("kind", "launch", "training", "backward", "bytes/s at 8 MB", "FLOP/s at side 64")
    rows = [header]
    for kind in KINDS:
        mine, theirs = table.kinds[kind], shipped.kinds[kind]
        flops = "-"
        if mine.flops is not None and theirs.flops is not None:
            flops = _rate(mine.flops, theirs.flops, SEEN_SIDE)
        rows.append(
            (
                kind,
                f"{seconds_text(mine.launch)}{_over(mine.launch, theirs.launch)}",
                f"{seconds_text(mine.training)}{_over(mine.training, theirs.training)}",
                f"{mine.backward:.1f}{_over(mine.backward, theirs.backward)}",
                "-" if kind == "view" else _rate(mine.bytes, theirs.bytes, SEEN_BYTES),
                flops,
            )
        )
    widths = [max(len(row[k]) for row in rows) for k in range(len(header))]
    lines = [
        "  "
        + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    title = f"{table.machine}; in brackets over the shipped `{shipped.name}` ({shipped.machine})"
    return "\n".join([title, paint(lines[0], "2", color), *lines[1:]])


def _over(mine: float, theirs: float) -> str:
    return f" ({mine / theirs:.2f})" if theirs > 0 else ""


def _rate(mine: Curve, theirs: Curve, size: float) -> str:
    return f"{mine.at(size) / 1e9:.3g} G{_over(mine.at(size), theirs.at(size))}"
