"""`eqspec report`: one HTML page on a spec.

In: a spec. Out: the page beside it, or where it is told to go, and an exit code. A spec with errors gets
a page too: with its diagnostics, and with those of its modules that are proved.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eqspec.diagnostics.model import Diagnostic, Severity
from eqspec.diagnostics.render import render_text, summary
from eqspec.graph.model import Spec
from eqspec.graph.types import symbols_in
from eqspec.pipeline import check_file
from eqspec.tools.checking import Checked, check_all
from eqspec.tools.costing import module_costs
from eqspec.tools.findings import UNUSABLE, out, say, to_stderr
from eqspec.tools.pictures.delivery import deliver, with_header
from eqspec.tools.pictures.report import report_text
from eqspec.tools.pictures.running import too_large
from eqspec.tools.places import is_folder, shown, spec_file
from eqspec.tools.progress import ProgressLine

SUFFIX = "_report.html"
SMALL = (
    5  # a size of run time in a table of weights: at 4 and more all maps from pairs to pairs differ
)


def run_report(spec: str, output: str | None, force: bool, sizes: Mapping[str, int]) -> int:
    """``output`` None: beside the spec, or in the output folder of its project; `-`: standard output."""
    if is_folder(Path(spec)):
        say(f"Error: {spec} is a folder: name one spec")
        return 2
    (checked,) = check_all([spec_file(Path(spec))], sizes)
    found = list(checked.diagnostics)
    made = checked.result.spec
    if made is None or any(d.code in UNUSABLE for d in found):
        to_stderr(render_text(found, color=False) + "\n")
        return 2 if any(d.code in UNUSABLE for d in found) else 1
    fault = too_large(made.modules, steps=False)
    if fault is not None:
        to_stderr(render_text([fault], color=False) + "\n")
        return 1
    text, more = page_of(checked)
    found += more
    errors = [d for d in found if d.severity is Severity.ERROR]
    if output == "-":
        out(text)
    else:
        path = Path(output).absolute() if output is not None else _place(checked)
        headed = with_header(text, "html", made, checked.spec.header_path)
        written, obstacles = deliver(checked.spec, path, headed, force)
        if obstacles:
            to_stderr(render_text(obstacles, color=False) + "\n")
            return 2 if any(d.code in UNUSABLE for d in obstacles) else 1
        say(f"Wrote {shown(path)}" if written else f"{shown(path)} is up to date.")
    if errors:
        say(summary(errors))
    return 1 if errors else 0


def _place(checked: Checked) -> Path:
    folder, config = checked.spec.path.parent, checked.config
    if config.output_dir is not None and config.folder is not None:
        folder = config.folder / config.output_dir
    return folder / f"{checked.spec.path.stem}{SUFFIX}"


def page_of(checked: Checked) -> tuple[str, list[Diagnostic]]:
    """The page of a spec that could be read, and what lowering had to say against it."""
    spec = checked.result.spec
    assert spec is not None
    example = _small(checked, spec)
    records: list[dict[str, Any]] = []
    refused: list[Diagnostic] = []
    why = "Costs are counted once all modules of the spec are proved."
    if checked.result.ok:
        records, refused = _costs(spec, checked.spec.shown)
        why = "It could not be compiled, so nothing was counted: see the diagnostics."
    diagnostics = [*checked.diagnostics, *refused]
    text = report_text(spec, records, diagnostics, checked.spec.header_path, why, example)
    return text, refused


def _small(checked: Checked, spec: Spec) -> Spec | None:
    """The spec with small numbers for its sizes of run time, if it has any: to be drawn."""
    symbols = symbols_in(node.type for module in spec.modules for node in module.nodes)
    if not symbols:
        return None
    sizes = {symbol.name: SMALL for symbol in symbols}
    found = check_file(checked.spec.path, checked.spec.shown, checked.spec.root, sizes)
    return found.spec if found.ok else None


def _costs(spec: Spec, name: str) -> tuple[list[dict[str, Any]], list[Diagnostic]]:
    from eqspec.lowering.ways import Aim
    from eqspec.pipeline import lower_spec

    with ProgressLine() as progress:
        progress.spec = name
        try:
            lowered, refused = lower_spec(spec, progress, aim=Aim())
        except Exception as error:
            error.add_note(f"while lowering {name}")
            raise
    return module_costs(lowered), refused
