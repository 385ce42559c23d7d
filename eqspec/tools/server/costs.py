"""What the layers of a text cost, for hovers: the numbers of `eqspec cost`.

A spec is lowered for that, which may take seconds: it is asked for in a thread of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from eqspec.tools.server.session import Analysis


def costs_of(analysis: Analysis) -> Mapping[tuple[str, str], Mapping[str, int]]:
    """The record of every node by module and name. Whatever cannot be lowered has none."""
    from eqspec.lowering.errors import LoweringRefused
    from eqspec.lowering.module import Lowered, lower_module
    from eqspec.lowering.threads import one_thread
    from eqspec.tools.costing import module_costs

    spec = analysis.result.spec
    if spec is None:
        return {}
    lowered: dict[str, Lowered] = {}
    for module in spec.modules:
        if module.is_interface or not set(module.children.values()) <= set(lowered):
            continue
        try:
            with one_thread():
                lowered[module.key] = lower_module(module, False)
        except LoweringRefused:
            continue
    return {
        (record["module"], node["node"]): node
        for record in module_costs(lowered)
        for node in record["nodes"]
    }
