"""The test file: the laws of every feature as data, and tests that need nothing of eqspec.

In: the spec, its lowered modules and the names of the module file. Out: the text below the header.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eqspec.emit.laws import drawn, law_lines, shape_text, word_count
from eqspec.emit.layout import WIDTH
from eqspec.emit.module import ModuleNames
from eqspec.emit.names import Names
from eqspec.emit.printer import mask_names
from eqspec.emit.render import render
from eqspec.emit.turns import turn_lines
from eqspec.graph.groups import has_dynamic_size
from eqspec.graph.model import Base, Module, ModuleCall, Spec
from eqspec.graph.sizes import is_dynamic, symbols_of
from eqspec.graph.types import Block, Type
from eqspec.lowering.choices import Choices, choices_of
from eqspec.lowering.controls import Expectations, expectations, generator_order
from eqspec.lowering.module import Lowered, has_batch_norm, has_dropout
from eqspec.lowering.padding import padded_symbols
from eqspec.lowering.sizes import sizes_of
from eqspec.ops.attentionplan import Attention
from eqspec.ops.pointwise import function_named
from eqspec.ops.positions import Centred, Difference
from eqspec.program.filters import FilterBank
from eqspec.program.framed import Axes, RowOrder
from eqspec.program.instructions import Constant, Pointwise
from eqspec.program.layers import Detach
from eqspec.program.orbits import Canonical, OrbitChoice


def tests_text(spec: Spec, lowered: Mapping[str, Lowered], names: ModuleNames, stem: str) -> str:
    """The text of the test file."""
    del spec
    turns = {key: turn_lines(item.module) for key, item in lowered.items()}
    lowered = {key: item.tested for key, item in lowered.items()}
    sizes = _sizes(lowered)
    lines: list[str] = []
    indices = any(has_indices(item.module) for item in lowered.values())
    for key in lowered:
        expected = expectations(lowered, key)
        batch_norms = has_batch_norm(lowered, key) and not _has_factory(lowered, key)
        flags = _Flags(
            _is_smooth(lowered, key),
            batch_norms,
            has_dropout(lowered, key) and not _has_factory(lowered, key),
            choices_of(lowered, key),
        )
        made = _case(lowered[key], names, expected, sizes, indices, flags)
        turned = [f"    {line}" if sizes else line for line in turns[key]]
        lines.extend([*made[:-1], *turned, made[-1]])
    if not sizes:
        lines = ["CASES = [", *lines, "]"]
    return render(
        "torch/test_module.py.jinja",
        stem=stem,
        case_lines=lines,
        sizes=list(sizes.values()),
        size_values=_size_values(lowered, len(sizes)),
        batch_norms=any(line.strip() == "batch_norms=True," for line in lines),
        dropouts=any(line.strip() == "dropouts=True," for line in lines),
        affine=any(item.module.has_points for item in lowered.values()),
        turned=any(turns.values()),
        filters=any(
            isinstance(i, Constant) and isinstance(i.origin, FilterBank)
            for item in lowered.values()
            for i in item.program.instructions
        ),
        padded=any(padded_symbols(item.module) for item in lowered.values()),
        indices=indices,
        moves=any('"moves"' in line for line in lines),
        lone=any(line.strip().startswith("lone=") for line in lines),
        cosets=_has(lowered, Canonical),
        elements=_has(lowered, OrbitChoice),
        axes=_has(lowered, Axes),
        rows=_has(lowered, RowOrder),
        choices=any(line.strip() == "choices=True," for line in lines),
        eager=any(line.strip() == "eager=True," for line in lines),
        law_at_zero=any(line.strip().startswith("law_at_zero=") for line in lines),
    )


def _sees_only_many(module: Module) -> bool:
    """Does a layer see nothing along an axis of size 1? Differences are zero there, and the share of a
    single key is 1 for any query."""
    return any(
        isinstance(node.data, Centred | Difference | Attention)
        or (isinstance(node.data, ModuleCall) and _sees_only_many(node.data.module))
        for node in module.nodes
    )


def _has(lowered: Mapping[str, Lowered], kind: type) -> bool:
    """Does a module have an instruction of this kind?"""
    return any(isinstance(i, kind) for item in lowered.values() for i in item.program.instructions)


@dataclass(frozen=True)
class _Flags:
    """What the tests of a module must know. ``smooth``: a parameter without a gradient has no effect."""

    smooth: bool
    batch_norms: bool
    dropouts: bool
    chosen: Choices | None


def _is_smooth(lowered: Mapping[str, Lowered], key: str) -> bool:
    """A jump hides what comes before it, a network that only chooses gets no gradient, and some are cut off."""
    item = lowered[key]
    for instruction in item.program.instructions:
        match instruction:
            case Pointwise(function=name) if function_named(name).jumps:
                return False
            case OrbitChoice(named=True) | Detach():
                return False
    return all(_is_smooth(lowered, child) for child in item.module.children.values())


def _has_factory(lowered: Mapping[str, Lowered], key: str) -> bool:
    """Does a network of the user take part? What it does in training is not known."""
    module = lowered[key].module
    return any(base.factory for base in module.bases) or any(
        _has_factory(lowered, child) for child in module.children.values()
    )


def _sizes(lowered: Mapping[str, Lowered]) -> dict[str, str]:
    """The sizes of run time of a file, and what the tests call them."""
    symbols = {name for item in lowered.values() for name in sizes_of(item.module)}
    names = Names({"Any", "Case", "cases"})
    return {symbol: names.take(symbol) for symbol in sorted(symbols)}


def _size_values(lowered: Mapping[str, Lowered], count: int) -> list[str]:
    """Values of the sizes to test at, as tuples: below, at and above the number of acted axes. The last but
    one has no 1, for which torch would make a graph of its own."""
    shapes = [
        shape
        for item in lowered.values()
        for node in item.module.nodes
        for shape in node.type.shapes
    ]
    powers = max((sum(is_dynamic(size) for size in shape) for shape in shapes), default=0)
    values = [1, 2, 3, 4, 7, 50 if powers <= 2 else 12]
    return [
        shape_text([values[_turn(k, place, len(values))] for place in range(count)])
        for k in range(len(values))
    ]


def _turn(k: int, place: int, count: int) -> int:
    """Which value the size at a place has in tuple k."""
    return 1 + (k + place - 1) % (count - 1) if k == count - 2 else (k + place) % count


def _case(
    item: Lowered,
    names: ModuleNames,
    expected: Expectations,
    sizes: Mapping[str, str],
    indices: bool,
    flags: _Flags,
) -> list[str]:
    """The lines of one case; with sizes of run time they stand inside of a function of these. With
    ``indices`` a base is told which of its arguments are numbers of words."""
    lines = _case_lines(item, names, expected, sizes, indices, 4 if sizes else 0, flags)
    return [f"    {line}" if sizes else line for line in lines]


def _case_lines(
    item: Lowered,
    names: ModuleNames,
    expected: Expectations,
    sizes: Mapping[str, str],
    indices: bool,
    inside: int,
    flags: _Flags,
) -> list[str]:
    module = item.module
    nodes = {
        name: variable
        for name, variable in names.locals[module.key].items()
        if name not in {feature.name for feature in module.outputs}
    }
    types = dict(module.features)
    masks = mask_names(module)
    types.update({mask: _mask_type(module, symbol) for symbol, mask in masks.items()})
    types.update({name: module.node(name).type for name in nodes})
    lines = ["    Case(", f'        name="{names.classes[module.key]}",']
    lines += _list("bases", [_base(base, indices) for base in module.bases], inside)
    lines += _list("inputs", [f'"{feature.name}"' for feature in module.inputs], inside)
    lines += _list("outputs", [f'"{feature.name}"' for feature in module.outputs], inside)
    lines.append("        shapes={")
    for feature in module.inputs:
        shapes = ", ".join(shape_text(shape, sizes) for shape in feature.type.shapes)
        lines.append(f'            "{feature.name}": [{shapes}],')
    lines.append("        },")
    if has_indices(module):
        lines.append("        words={")
        for feature in module.inputs:
            if feature.type.has_indices:
                counts = ", ".join(str(word_count(block)) for block in feature.type.blocks)
                lines.append(f'            "{feature.name}": [{counts}],')
        lines.append("        },")
    lines.append("        laws={")
    for name, type_ in types.items():
        law = law_lines(12 + inside, type_)
        lines.append(f'            "{name}": {law[0].strip()}')
        lines.extend(line[inside:] for line in law[1:])
    lines += ["        },", *_orders(module)]
    if nodes:
        lines.append("        nodes={")
        lines += [f'            "{name}": "{variable}",' for name, variable in nodes.items()]
        lines.append("        },")
    least = f"min({', '.join(sizes.values())})" if len(sizes) > 1 else "".join(sizes.values())
    if expected.control is not None:
        control = expected.control
        words = f'control=("{control.tensor}", "{control.generator}", "{control.how}")'
        if sizes:  # too few entries may look alike
            if inside + 8 + len(f"{words} if {least} > 3 else None,") <= WIDTH:
                lines.append(f"        {words} if {least} > 3 else None,")
            else:
                lines += [f"        {words}", f"        if {least} > 3", "        else None,"]
        else:
            lines.append(f"        {words},")
    else:
        lines.append(
            "        # no wrong action makes a difference: the outputs do not see the groups"
        )
    if sizes and _sees_only_many(module):
        lines.append(f"        lone={least} == 1,")
    if expected.ineffective:
        listed = ", ".join(f'"{name}"' for name in expected.ineffective)
        lines.append(f"        ineffective=({listed},),")
    chosen = flags.chosen
    if not flags.smooth or (chosen is not None and chosen.learned):
        lines.append("        smooth=False,")
    if chosen is not None:
        lines.append("        choices=True,")
        if chosen.eager:
            lines.append("        eager=True,")
        if chosen.law_at_zero is not None:
            lines.append(f"        law_at_zero={chosen.law_at_zero},")
    if flags.batch_norms:
        lines.append("        batch_norms=True,")
    if flags.dropouts:
        lines.append("        dropouts=True,")
    if sizes:
        words = ", ".join(f"{symbol}={{{name}}}" for symbol, name in sizes.items())
        lines.append(f'        at=f"{words}",')
    if masks:
        pairs = [f'"{mask}": {sizes[symbol]}' for symbol, mask in masks.items()]
        lines.append(f"        masks={{{', '.join(pairs)}}},")
        lines.append("        results={")
        for output in module.outputs:
            shapes = ", ".join(shape_text(shape, sizes) for shape in output.type.shapes)
            lines.append(f'            "{output.name}": [{shapes}],')
        lines.append("        },")
    return [*lines, "    ),"]


def _mask_type(module: Module, symbol: str) -> Type:
    """How the mask of a padded size transforms: as the axes of that size do."""
    axes = (
        axis
        for node in module.nodes
        for block in node.type.blocks
        for axis in block.axes
        if any(size.name == symbol for size in symbols_of(*axis.shape))
    )
    return Type((Block((next(axes),)),))


def _orders(module: Module) -> list[str]:
    """The order of every generator, for its inverse as a power."""
    lines: list[str] = []
    for factor, group in module.groups.items():
        for number, generator in enumerate(group.generators):
            if has_dynamic_size(group):  # nobody asks for the order of these
                lines.append(f'            "{factor}.{generator}": 0,')
                continue
            lines.append(f'            "{factor}.{generator}": {generator_order(group, number)},')
        if has_dynamic_size(group):
            lines += [f'            "{name}": 0,' for name in drawn(factor)]
    return ["        orders={", *lines, "        },"] if lines else ["        orders={},"]


def has_indices(module: Module) -> bool:
    """Does the module take tensors of whole numbers, itself or in its bases?"""
    types = [
        *(t for _, t in module.features),
        *(t for base in module.bases for t in base.signature),
    ]
    return any(type_.has_indices for type_ in types)


def _base(base: Base, indices: bool) -> str:
    if base.factory:
        return "None"
    takes = ", ".join(shape_text(b.shape) for type_ in base.signature for b in type_.blocks)
    returns = ", ".join(shape_text(shape) for shape in base.target.shapes)
    if indices:
        words = ", ".join(str(word_count(b)) for type_ in base.signature for b in type_.blocks)
        return f"([{takes}], [{returns}], [{words}])"
    return f"([{takes}], [{returns}])"


def _list(name: str, items: list[str], inside: int) -> list[str]:
    flat = f"        {name}=[{', '.join(items)}],"
    if len(flat) + inside <= WIDTH:
        return [flat]
    return [f"        {name}=[", *(f"            {item}," for item in items), "        ],"]
