"""What a notebook shows of a spec.

In: a checked spec, or one module of it. Out: SVG or HTML that needs nothing else and disturbs nothing
around it.
"""

from __future__ import annotations

from eqspec.graph.model import Module, Spec
from eqspec.tools.pictures.drawing import svg_text
from eqspec.tools.pictures.scene import scene_of

MOST_FEATURES = 1_000
"""Features of all modules together that are drawn; more would take long and show nothing."""


def svg_of(spec: Spec | Module, *, steps: bool = False) -> str:
    """The layer graph as SVG, module by module. ``steps``: every step of an expression is a feature.

    Raises:
        ValueError: there are more than `MOST_FEATURES` features.
    """
    modules = spec.modules if isinstance(spec, Spec) else (spec,)
    count = feature_count(modules, steps=steps)
    if count > MOST_FEATURES:
        raise ValueError(f"{count:,} features: at most {MOST_FEATURES:,} are drawn")
    return svg_text([scene_of(module, steps=steps) for module in modules])


def html_of(spec: Spec | Module, *, steps: bool = False) -> str:
    """The same for a page: what is too wide can be scrolled."""
    return f'<div style="overflow-x:auto">{svg_of(spec, steps=steps)}</div>'


def feature_count(modules: tuple[Module, ...], *, steps: bool = False) -> int:
    """How many features a picture of these modules has."""
    return sum(
        len(m.inputs) + len(m.outputs) + sum(node.declared or steps for node in m.nodes)
        for m in modules
    )
