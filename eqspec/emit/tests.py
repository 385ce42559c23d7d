"""The test file: the laws of every feature as data, and tests that need nothing of eqspec.

In: the spec, its lowered modules and the names of the module file. Out: the text below the header.
"""

from __future__ import annotations

from collections.abc import Mapping

from eqspec.emit.laws import law_lines, shape_text
from eqspec.emit.module import ModuleNames
from eqspec.emit.render import render
from eqspec.graph.model import Base, Module, Spec
from eqspec.lowering.controls import Expectations, expectations, generator_order
from eqspec.lowering.module import Lowered
from eqspec.ops.pointwise import function_named
from eqspec.program.instructions import Pointwise


def tests_text(spec: Spec, lowered: Mapping[str, Lowered], names: ModuleNames, stem: str) -> str:
    """The text of the test file."""
    del spec
    lines = ["CASES = ["]
    for key in lowered:
        expected = expectations(lowered, key)
        lines.extend(_case(lowered[key], names, expected))
    lines.append("]")
    return render("torch/test_module.py.jinja", stem=stem, case_lines=lines)


def _case(item: Lowered, names: ModuleNames, expected: Expectations) -> list[str]:
    module = item.module
    nodes = {
        name: variable
        for name, variable in names.locals[module.key].items()
        if name not in {feature.name for feature in module.outputs}
    }
    types = dict(module.features)
    types.update({name: module.node(name).type for name in nodes})
    lines = ["    Case(", f'        name="{names.classes[module.key]}",']
    lines += _list("bases", [_base(base) for base in module.bases])
    lines += _list("inputs", [f'"{feature.name}"' for feature in module.inputs])
    lines += _list("outputs", [f'"{feature.name}"' for feature in module.outputs])
    lines.append("        shapes={")
    for feature in module.inputs:
        shapes = ", ".join(shape_text(shape) for shape in feature.type.shapes)
        lines.append(f'            "{feature.name}": [{shapes}],')
    lines += ["        },", "        laws={"]
    for name, type_ in types.items():
        law = law_lines(12, type_)
        lines.append(f'            "{name}": {law[0].strip()}')
        lines.extend(law[1:])
    lines += ["        },", *_orders(module)]
    if nodes:
        lines.append("        nodes={")
        lines += [f'            "{name}": "{variable}",' for name, variable in nodes.items()]
        lines.append("        },")
    if expected.control is not None:
        control = expected.control
        lines.append(
            f'        control=("{control.tensor}", "{control.generator}", "{control.how}"),'
        )
    else:
        lines.append(
            "        # no wrong action makes a difference: the outputs do not see the groups"
        )
    if expected.ineffective:
        listed = ", ".join(f'"{name}"' for name in expected.ineffective)
        lines.append(f"        ineffective=({listed},),")
    if any(
        isinstance(i, Pointwise) and function_named(i.function).jumps
        for i in item.program.instructions
    ):
        lines.append("        smooth=False,")
    return [*lines, "    ),"]


def _orders(module: Module) -> list[str]:
    """The order of every generator, for its inverse as a power."""
    lines: list[str] = []
    for factor, group in module.groups.items():
        for number, generator in enumerate(group.generators):
            lines.append(f'            "{factor}.{generator}": {generator_order(group, number)},')
    return ["        orders={", *lines, "        },"] if lines else ["        orders={},"]


def _base(base: Base) -> str:
    if base.factory:
        return "None"
    takes = ", ".join(shape_text(b.shape) for type_ in base.signature for b in type_.blocks)
    returns = ", ".join(shape_text(shape) for shape in base.target.shapes)
    return f"([{takes}], [{returns}])"


def _list(name: str, items: list[str]) -> list[str]:
    flat = f"        {name}=[{', '.join(items)}],"
    if len(flat) <= 88:
        return [flat]
    return [f"        {name}=[", *(f"            {item}," for item in items), "        ],"]
