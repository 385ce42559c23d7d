"""`eqspec bench SPEC`: emitted modules timed against their dense twins and plain group averages.

In: a spec and settings. Out: a report and an exit code, 0 timed, 1 refused, 2 wrong usage or no torch. torch
is imported below this module only. Nothing is written but the picture that is asked for.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.diagnostics.render import render_text, summary
from eqspec.diagnostics.snippet import visible
from eqspec.graph.model import Module, Spec
from eqspec.graph.types import symbols_in
from eqspec.tools.aiming import aim_of
from eqspec.tools.bench.results import SINGLE
from eqspec.tools.config import Config
from eqspec.tools.explaining import checked_spec, chosen_modules
from eqspec.tools.findings import out, say, to_stderr
from eqspec.tools.places import shown
from eqspec.tools.progress import ProgressLine

if TYPE_CHECKING:
    from eqspec.lowering.module import Lowered
    from eqspec.lowering.ways import Aim


@dataclass(frozen=True)
class Options:
    """``lowering`` None: as the settings say; "all": the chosen way, and every other one beside it.
    ``table`` is the device table by which ways are chosen."""

    batch: int | None = None
    dtype: str = "float32"
    device: str = "cpu"
    rounds: int = 11
    module: str | None = None
    plot: str | None = None
    force: bool = False
    lowering: str | None = None
    table: str | None = None


def run_bench(
    spec: str, sizes: Mapping[str, int], options: Options, format_: str, color: bool
) -> int:
    if find_spec("torch") is None:
        return stop(missing_torch())
    found = device_problem(options.device)
    if found is not None:
        return stop(found)
    if options.plot is not None and Path(options.plot).suffix.lower() != ".svg":
        say(f"Error: a plot is an SVG file, and {visible(options.plot)} does not end in .svg")
        return 2
    checked, code = checked_spec(spec, sizes)
    if checked is None or checked.result.spec is None:
        return code
    chosen = chosen_modules(checked.result.spec, options.module, spec)
    if chosen is None:
        return 2
    timed = [module for module in chosen if not module.is_interface]
    if not timed:
        say("There is no module in this spec: an interface cannot be timed.")
        return 0
    for module in timed:
        if symbols_in(node.type for node in module.nodes):
            return stop(_run_time_size(module), 1)
    aim = _aim(options, checked.config)
    ways = [aim]
    if options.lowering == "all":
        ways += [replace(aim, lowering=way.removeprefix("by ")) for way in SINGLE]
    made_by = []
    for way in ways:
        lowered, diagnostics = _lowered(checked.result.spec, checked.spec.shown, way)
        if diagnostics:
            to_stderr(render_text(diagnostics, color=False) + "\n")
            say(summary(diagnostics))
            return 1
        made_by.append(lowered)
    import torch

    from eqspec.tools.bench.comparing import (
        CannotRun,
        Settings,
        compared,
        made_of,
        one_torch_thread,
    )
    from eqspec.tools.bench.report import text_of
    from eqspec.tools.bench.results import Result, machine_of

    device = torch.device(options.device)
    settings = Settings.of(aim.batch, options.dtype, device, options.rounds)
    comparisons = []
    with one_torch_thread(device), ProgressLine(verb="timing") as progress:
        progress.spec = checked.spec.shown
        others = dict(zip(SINGLE, made_by[1:], strict=False))
        made = made_of(made_by[0], checked.spec.path.stem, others)
        for number, module in enumerate(timed):
            progress(module.key, number, len(timed))
            try:
                comparisons.append(compared(made, module.key, settings))
            except CannotRun as error:
                return stop(_cannot_run(module, error, options), 1)
    result = Result(
        checked.spec.shown,
        aim.batch,
        options.dtype,
        aim.table.name,
        machine_of(device),
        tuple(comparisons),
    )
    if format_ == "json":
        out(json.dumps(result.record(), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        out(text_of(result, color))
    if options.plot is None:
        return 0
    from eqspec.tools.bench.picture import svg_of
    from eqspec.tools.pictures.delivery import deliver, with_header

    path = Path(options.plot).absolute()
    text = with_header(svg_of(result), "svg", checked.result.spec, checked.spec.header_path)
    written, faults = deliver(checked.spec, path, text, options.force)
    if faults:
        to_stderr(render_text(faults, color=False) + "\n")
        return 1
    say(f"Wrote {shown(path)}" if written else f"{shown(path)} is up to date.")
    return 0


def _aim(options: Options, config: Config) -> Aim:
    """For what is lowered: the batch that is timed, on the kind of device where it is timed."""
    table = options.table or config.device
    if table is None and options.device.startswith("cuda"):
        table = "gpu"
    lowering = None if options.lowering == "all" else options.lowering
    return aim_of({"batch": options.batch, "lowering": lowering, "device": table}, config)


def _lowered(spec: Spec, shown_: str, aim: Aim) -> tuple[dict[str, Lowered], list[Diagnostic]]:
    from eqspec.pipeline import lower_spec

    with ProgressLine() as progress:
        progress.spec = shown_
        return lower_spec(spec, progress, aim=aim)


# ---- what stops it -----------------------------------------------------------------------------------


def stop(found: Diagnostic, code: int = 2) -> int:
    to_stderr(render_text([found], color=False) + "\n")
    return code


def missing_torch() -> Diagnostic:
    return Diagnostic(
        "EQS511",
        "`eqspec bench` runs emitted modules and needs torch",
        Source(visible(sys.executable), ""),
        Span(0, 0),
        help="`pip install 'eqspec[torch]'`",
    )


def device_problem(name: str) -> Diagnostic | None:
    """Why nothing can be timed on a device; None: it is there."""
    import torch

    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is not None and device.type == "cpu":
        return None
    if device is not None and device.type == "cuda":
        if torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count():
            return None
        why = f"torch {torch.__version__} sees {torch.cuda.device_count()} CUDA devices"
    else:
        why = "devices are `cpu`, `cuda`, `cuda:1`"
    return Diagnostic(
        "EQS560",
        f"the device `{visible(name)}` cannot be used: {why}",
        Source(visible(sys.executable), ""),
        Span(0, 0),
    )


def _run_time_size(module: Module) -> Diagnostic:
    symbols = sorted(symbol.name for symbol in symbols_in(node.type for node in module.nodes))
    flags = " ".join(f"--set {name}=8" for name in symbols)
    return Diagnostic(
        "EQS561",
        f"`{module.key}` has a size that is read at run time, and is timed at one size",
        module.source,
        module.span,
        f"{', '.join(f'`{name}`' for name in symbols)} must be set",
        help=f"set it: `{flags}`",
    )


def _cannot_run(module: Module, error: Exception, options: Options) -> Diagnostic:
    return Diagnostic(
        "EQS562",
        f"`{module.key}` cannot be timed with {options.dtype} on {options.device}",
        module.source,
        module.span,
        visible(str(error)),
    )
