"""The symmetry functions: how the groups act on named inputs and outputs, and what to do with it.

In: interfaces or modules. Out: the text of the file of functions and of its tests. The tables come
from the same representations as the proofs.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqspec.algebra.images import is_orthogonal
from eqspec.emit.laws import law_lines, shape_text, word_count
from eqspec.emit.layout import WIDTH
from eqspec.emit.names import Names, docstring
from eqspec.emit.render import render
from eqspec.graph.model import Module
from eqspec.lowering.controls import generator_order

LISTED = 5_000  # elements of a factor that are written out
SHORT = 6  # letters of a random element of a group that stretches vectors


def actions_text(modules: Sequence[Module], stem: str) -> str:
    """The file of symmetry functions: one `Symmetry` for each interface."""
    names = instance_names(modules)
    symmetries = [_symmetry(m, name) for m, name in zip(modules, names, strict=True)]
    return render(
        "torch/actions.py.jinja",
        stem=stem,
        sizes=[],
        affine=any(module.has_points for module in modules),
        indices=any(type_.has_indices for module in modules for _, type_ in module.features),
        scored=_scored(modules),
        moves=any('"moves"' in line for lines in symmetries for line in lines),
        symmetries=symmetries,
    )


def actions_test_text(modules: Sequence[Module], stem: str) -> str:
    """Its tests."""
    lines: list[str] = []
    indices = any(type_.has_indices for module in modules for _, type_ in module.features)
    for module, name in zip(modules, instance_names(modules), strict=True):
        lines += ["    (", f'        "{name}",', "        {"]
        for feature, type_ in module.features:
            shapes = ", ".join(shape_text(shape) for shape in type_.shapes)
            lines.append(f'            "{feature}": [{shapes}],')
        lines.append("        },")
        if indices:
            lines.append("        {")
            for feature, type_ in module.features:
                counts = ", ".join(str(word_count(block)) for block in type_.blocks)
                lines.append(f'            "{feature}": [{counts}],')
            lines.append("        },")
        lines.append("    ),")
    return render(
        "torch/test_actions.py.jinja",
        stem=stem,
        case_lines=lines,
        indices=indices,
        scored=_scored(modules),
    )


def _scored(modules: Sequence[Module]) -> bool:
    """Are all outputs tensors of real numbers? Numbers of words have no mean and no distance."""
    return not any(output.type.has_indices for module in modules for output in module.outputs)


def instance_names(modules: Sequence[Module]) -> list[str]:
    """`Anymal` is `anymal`, `TwoView` is `two_view`."""
    taken = Names({"Symmetry", "Feature", "Element", "Image", "Axis", "Blocks", "numbers"})
    return [taken.take(_snake(module.key)) for module in modules]


def _snake(name: str) -> str:
    letters: list[str] = []
    for k, c in enumerate(name):
        if c.isupper() and k and not name[k - 1].isupper() and name[k - 1] != "_":
            letters.append("_")
        letters.append(c.lower())
    return "".join(letters)


def _symmetry(module: Module, name: str) -> list[str]:
    lines = [f"{name} = Symmetry("]
    lines += _names("inputs", [feature.name for feature in module.inputs])
    lines += _names("outputs", [feature.name for feature in module.outputs])
    lines.append("    laws={")
    for feature, type_ in module.features:
        law = law_lines(8, type_)
        lines.append(f'        "{feature}": {law[0].strip()}')
        lines.extend(law[1:])
    lines += ["    },", *_orders(module), *_elements(module), *_lengths(module), ")"]
    text = docstring(module.doc or f"How the groups act on `{module.name}`.").split("\n")
    return [*lines, *_docstring(text)]


def _docstring(text: list[str]) -> list[str]:
    if len(text) == 1 and len(text[0]) + 6 <= WIDTH:
        return [f'"""{text[0]}"""']
    return [f'"""{text[0]}', *text[1:], '"""']


def _names(key: str, names: Sequence[str]) -> list[str]:
    quoted = [f'"{name}"' for name in names]
    inner = f"{quoted[0]}," if len(quoted) == 1 else ", ".join(quoted)
    flat = f"    {key}=({inner}),"
    if len(flat) <= WIDTH:
        return [flat]
    return [f"    {key}=(", *(f"        {q}," for q in quoted), "    ),"]


def _orders(module: Module) -> list[str]:
    lines = [
        f'        "{factor}.{generator}": {generator_order(group, number)},'
        for factor, group in module.groups.items()
        for number, generator in enumerate(group.generators)
    ]
    return ["    orders={", *lines, "    },"] if lines else ["    orders={},"]


def _lengths(module: Module) -> list[str]:
    """Random elements of a group whose matrices stretch vectors are short words."""
    lines = [
        f'        "{factor}": {SHORT},'
        for factor, group in module.groups.items()
        if not group.is_finite and not all(is_orthogonal(image) for image in group.model)
    ]
    return ["    lengths={", *lines, "    },"] if lines else []


def _elements(module: Module) -> list[str]:
    lines: list[str] = []
    for factor, group in module.groups.items():
        if group.order is None or group.order > LISTED:
            lines.append(f'        "{factor}": (),')
            continue
        lines.append(f'        "{factor}": (')
        for word in group.elements():
            letters = [f'("{factor}.{group.generators[k]}", {power})' for k, power in word]
            inner = f"{letters[0]}," if len(letters) == 1 else ", ".join(letters)
            flat = f"            ({inner}),"
            if len(flat) <= WIDTH:
                lines.append(flat)
            else:
                lines += [
                    "            (",
                    *(f"                {x}," for x in letters),
                    "            ),",
                ]
        lines.append("        ),")
    return ["    elements={", *lines, "    },"] if lines else ["    elements={},"]
