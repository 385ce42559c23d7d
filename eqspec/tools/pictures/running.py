"""`eqspec graph`: the layer graph of a spec as a picture or as data.

In: a spec, a format, and where the picture shall go. Out: a file or standard output, and an exit code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from eqspec.diagnostics.model import Diagnostic, Span
from eqspec.diagnostics.render import render_text
from eqspec.graph.model import Module, Spec
from eqspec.tools.building import about
from eqspec.tools.explaining import checked_spec, chosen_modules
from eqspec.tools.findings import UNUSABLE, out, say, to_stderr
from eqspec.tools.pictures.delivery import deliver, with_header
from eqspec.tools.pictures.drawing import svg_text
from eqspec.tools.pictures.notebook import MOST_FEATURES, feature_count
from eqspec.tools.pictures.scene import scene_of
from eqspec.tools.pictures.texts import dot_text, json_text, mermaid_text
from eqspec.tools.places import shown

FORMATS = ("svg", "html", "mermaid", "dot", "json")
SUFFIXES = {
    ".svg": "svg",
    ".html": "html",
    ".htm": "html",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".json": "json",
}
DRAWN = ("svg", "html")


def run_graph(
    spec: str,
    format_: str | None,
    module: str | None,
    steps: bool,
    output: str | None,
    force: bool,
    sizes: Mapping[str, int],
) -> int:
    """``format_`` None: what the ending of ``output`` says, else SVG. ``output`` None or `-`: standard
    output."""
    to_file = output is not None and output != "-"
    if format_ is None:
        format_ = SUFFIXES.get(Path(output or "").suffix.lower(), "svg")
    checked, code = checked_spec(spec, sizes)
    if checked is None or checked.result.spec is None:
        return code
    modules = chosen_modules(checked.result.spec, module, spec)
    if modules is None:
        return 2
    fault = too_large(modules, steps) if format_ in DRAWN else None
    if fault is not None:
        return _stop([fault])
    text = picture(checked.result.spec, modules, format_, steps, checked.spec.header_path)
    if not to_file:
        out(text)
        return 0
    assert output is not None
    headed = with_header(text, format_, checked.result.spec, checked.spec.header_path)
    path = Path(output).absolute()
    written, found = deliver(checked.spec, path, headed, force)
    if found:
        return _stop(found)
    say(f"Wrote {shown(path)}" if written else f"{shown(path)} is up to date.")
    return 0


def too_large(modules: tuple[Module, ...], steps: bool) -> Diagnostic | None:
    """A drawing of very many features would take long and show nothing."""
    count = feature_count(modules, steps=steps)
    if count <= MOST_FEATURES:
        return None
    return Diagnostic(
        "EQS540",
        f"a drawing of {count:,} features is too large",
        modules[0].source,
        Span(0, 0),
        f"at most {MOST_FEATURES:,} are drawn",
        help="draw one module (`--module NAME`), or take `--format dot`, `mermaid` or `json`",
    )


def picture(spec: Spec, modules: tuple[Module, ...], format_: str, steps: bool, title: str) -> str:
    scenes = [scene_of(module, steps=steps) for module in modules]
    match format_:
        case "svg":
            return svg_text(scenes) + "\n"
        case "html":
            from eqspec.tools.pictures.pages import graph_page

            return graph_page(scenes, title)
        case "mermaid":
            return mermaid_text(scenes)
        case "dot":
            return dot_text(scenes)
    return json_text(scenes)


def _stop(found: list[Diagnostic]) -> int:
    to_stderr(render_text(found, color=False) + "\n")
    return 2 if any(one.code in UNUSABLE for one in found) else 1


__all__ = ["FORMATS", "about", "picture", "run_graph", "too_large"]
