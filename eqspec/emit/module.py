"""The module file: one `torch.nn.Module` class for each module of the spec.

In: lowered modules. Out: the text of the file below its header.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eqspec.diagnostics.model import Source
from eqspec.emit.energies import energy_buffers, energy_lines, table_lines, weight_lines
from eqspec.emit.folding import fold_parts
from eqspec.emit.guarantee import assumptions, law
from eqspec.emit.layout import WIDTH, call, returned_text
from eqspec.emit.names import Names, comment, docstring, identifier, output_fields, quoted
from eqspec.emit.orbits import OrbitPrinter
from eqspec.emit.printer import Printed, Printer, mask_names, tensor_type
from eqspec.emit.render import render
from eqspec.emit.tables import Key, SharedTable, shared_tables
from eqspec.graph.model import Module, ModuleCall, Node
from eqspec.graph.types import Type
from eqspec.lowering.module import Lowered, has_batch_norm, has_dropout
from eqspec.program.framed import CallBase
from eqspec.program.instructions import Parameter
from eqspec.program.orbits import OrbitCall

CALL_BYTES = "2**18"
GLOBAL_NAMES = frozenset(
    "Any Callable Iterator NamedTuple Self Sequence call_bytes checkpoint dist operator process_group"
    " copy fx keyword warnings".split()
)
WIDENING = frozenset("orbit_answers layer_norm rms_norm batch_norm_along masked_mean".split())
"""Helpers that add up in single precision at least."""
ATTRIBUTES = frozenset({"call_bytes", "calls", "checkpoint", "process_group"})


@dataclass
class ClassText:
    """The pieces of one class, as the template puts them together."""

    name: str
    docstring: str = ""
    parents: tuple[str, ...] = ("nn.Module",)
    output_fields: list[tuple[str, str]] = field(default_factory=list)
    weight_fields: list[str] = field(default_factory=list)
    weight_lines: list[str] = field(default_factory=list)
    buffers: list[str] = field(default_factory=list)
    init_lines: list[str] = field(default_factory=list)
    reset_lines: list[str] = field(default_factory=list)
    methods: list[list[str]] = field(default_factory=list)
    forward_lines: list[str] = field(default_factory=list)
    repr_lines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ModuleNames:
    """How the file calls things: the class of every instance, and for every class the local variable
    that holds a named feature (the emitted tests look at it), and its own entries of a `state_dict` with
    their shapes; ``children`` are the attributes that hold instances of others."""

    classes: Mapping[str, str]
    locals: Mapping[str, Mapping[str, str]]
    state: Mapping[str, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)
    children: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def module_text(lowered: Mapping[str, Lowered], stem: str) -> tuple[str, ModuleNames]:
    """The text of the module file, and the names it uses."""
    names = Names(GLOBAL_NAMES)
    classes = {key: _class_name(names, key) for key in lowered}
    averages = _with_averages(lowered)
    helpers: set[str] = set()
    shared = shared_tables((item.program for item in lowered.values()), helpers)
    texts: list[ClassText] = []
    found: dict[str, Mapping[str, str]] = {}
    state: dict[str, Mapping[str, tuple[int, ...]]] = {}
    children: dict[str, Mapping[str, str]] = {}
    for key, item in lowered.items():
        text, printed = _class(
            item,
            classes,
            averages,
            helpers,
            shared,
            sees_batch=has_batch_norm(lowered, key),
            drops=has_dropout(lowered, key),
        )
        texts.append(text)
        found[key] = printed.locals
        weights = {attribute: tuple(p.shape) for attribute, p in printed.parameters}
        state[key] = weights | printed.statistics
        children[key] = printed.children
    distributed = any(item.distributed for item in lowered.values())
    if helpers & WIDENING:
        helpers.add("wide")
    folding = fold_parts(lowered, texts, helpers)
    body = render(
        "torch/module.py.jinja",
        distributed=distributed,
        docstring=_file_docstring(lowered, stem),
        imports=_imports(texts, helpers, distributed, folding=folding is not None),
        folding=folding,
        shared=list(shared.values()),
        helpers=helpers,
        classes=texts,
    )
    return body, ModuleNames(classes, found, state, children)


def _class_name(names: Names, key: str) -> str:
    """A name for the class, with room for what is derived from it (`XOutput`)."""
    name = names.take(key)
    while f"{name}Output" in names:
        name = names.take(key)
    names.take(f"{name}Output")
    return name


def _with_averages(lowered: Mapping[str, Lowered]) -> set[str]:
    """The modules that call a base, themselves or through others."""
    found: set[str] = set()
    for key, item in lowered.items():
        own = any(
            isinstance(i, OrbitCall) or (isinstance(i, CallBase) and i.frames > 1)
            for i in item.program.instructions
        )
        if own or any(child in found for child in item.module.children.values()):
            found.add(key)
    return found


def _file_docstring(lowered: Mapping[str, Lowered], stem: str) -> str:
    names = [item.module.name for item in lowered.values()]
    listed = ", ".join(f"`{name}`" for name in dict.fromkeys(names))
    return f'"""Equivariant modules of the spec `{stem}`: {listed}."""'


def _imports(
    classes: Sequence[ClassText], helpers: set[str], distributed: bool, *, folding: bool
) -> list[str]:
    standard: list[str] = []
    text = "\n".join(
        line
        for c in classes
        for lines in (c.forward_lines, c.init_lines, c.weight_lines, *c.methods)
        for line in lines
        if not line.lstrip().startswith("#")
    )
    orbits = "orbit_answers" in helpers
    bases = orbits or "call_base" in helpers
    if folding:
        standard += ["import copy", "import keyword"]
    if bases:
        standard.append("import math")
    if "expanded" in helpers:
        standard.append("import operator")
    if orbits:
        standard += ["import warnings", "from collections.abc import Callable, Iterator, Sequence"]
    elif bases:
        standard.append("from collections.abc import Callable, Sequence")
    elif helpers & {"expanded", "on_grid"}:
        standard.append("from collections.abc import Callable")
    typing = {
        "Any": bases or bool(helpers & {"expanded", "on_grid"}),
        "NamedTuple": orbits or any(c.output_fields or c.weight_fields for c in classes),
        "Self": "expanded" in helpers,
    }
    if any(typing.values()):
        standard.append(f"from typing import {', '.join(k for k, used in typing.items() if used)}")
    lines = ["", *standard] if standard else []
    lines.append("")
    if helpers - {"size"} or "torch." in text:
        lines.append("import torch")
    if orbits and distributed:
        lines.append("import torch.distributed as dist")
    if helpers & {"batch_norm", "group_norm", "dropout"} or re.search(r"\bF\.[a-z]", text):
        lines.append("import torch.nn.functional as F")
    lines.append(f"from torch import Tensor, {'fx, ' if folding else ''}nn")
    if orbits:
        lines.append("from torch.utils.checkpoint import checkpoint")
    return lines


def _class(
    item: Lowered,
    classes: Mapping[str, str],
    averages: set[str],
    helpers: set[str],
    shared: Mapping[Key, SharedTable],
    *,
    sees_batch: bool,
    drops: bool,
) -> tuple[ClassText, Printed]:
    module = item.module
    name = classes[module.key]
    printer = Printer(item, {*ATTRIBUTES, *classes.values()}, _notes(module), classes, shared)
    printed = printer.run()
    children = {
        node: (printer.child_names[node], classes[key]) for node, key in module.children.items()
    }
    printed.children |= {
        attribute: module.children[node] for node, (attribute, _) in children.items()
    }
    helpers |= printed.helpers
    orbits = OrbitPrinter(printer.attributes, helpers)
    text = ClassText(name)
    text.methods = [
        *(orbits.methods(orbit) for orbit in printed.orbits),
        *(orbits.move_method(move) for move in printed.moves),
        *(energy_lines(energy) for energy in printed.energies),
    ]
    if printed.weights:
        helpers.add("expanded")
        text.weight_fields = printed.weights
        text.weight_lines = [
            *printed.weight_lines,
            *call(8, f"return _{name}Weights", printed.weights),
        ]
    text.buffers = [
        *printed.buffers,
        *orbits.buffers,
        *(name for energy in printed.energies for name in energy_buffers(energy)),
        *(name for table in printed.tables for name in table.names if name),
    ]
    text.init_lines = _init(item, printer, printed, orbits, children, averages)
    text.reset_lines = [
        line for attribute, parameter in printed.parameters for line in _reset(attribute, parameter)
    ]
    if len(module.outputs) > 1:
        fields = output_fields([feature.name for feature in module.outputs])
        text.output_fields = [
            (name, tensor_type(feature.type))
            for name, feature in zip(fields, module.outputs, strict=True)
        ]
    text.forward_lines = _forward(item, printer, printed, name)
    options = _options(item.distributed) if module.key in averages else []
    text.docstring = _docstring(module, sees_batch, drops, options)
    groups = ", ".join(f"{k} = {g.description}" for k, g in module.groups.items())
    text.repr_lines = returned_text(quoted(groups))
    return text, printed


def _reset(attribute: str, parameter: Parameter) -> list[str]:
    """Draw the weights of a layer; weights and biases of norms start at 1 and 0."""
    if parameter.bound:
        bound = f"{parameter.bound:.8g}"
        return call(8, "nn.init.uniform_", [f"self.{attribute}", f"-{bound}", bound])
    return [f"        nn.init.{'ones' if parameter.start else 'zeros'}_(self.{attribute})"]


def _notes(module: Module) -> dict[str, str]:
    """For every declared feature the line of the spec that declares it."""
    notes: dict[str, str] = {}
    for node in module.nodes:
        if node.declared and node.op != "input":
            notes[node.name] = _note(module, node)
    return notes


def _note(module: Module, node: Node) -> str:
    line, _ = module.source.position(node.span.start)
    text = comment(_statement(module.source, line))
    room = WIDTH - len("        # line 12345: ")
    if len(text) > room:
        text = text[: room - 4].rstrip() + " ..."
    return f"line {line}: {text}"


def _statement(source: Source, number: int) -> str:
    """A line of the spec, with the lines below it that stand further in: on one line, no comments."""
    lines = [source.line(number)]
    indent = len(lines[0]) - len(lines[0].lstrip())
    end, _ = source.position(len(source.text))
    for below in range(number + 1, min(number + 8, end + 1)):
        line = source.line(below)
        if len(line) - len(line.lstrip()) <= indent or not line.strip():
            break
        lines.append(line)
    return " ".join(line.partition("#")[0].strip() for line in lines).strip()


def _init(
    item: Lowered,
    printer: Printer,
    printed: Printed,
    orbits: OrbitPrinter,
    children: Mapping[str, tuple[str, str]],
    averages: set[str],
) -> list[str]:
    module = item.module
    has_average = module.key in averages
    args = ["self"]
    for base in module.bases:
        default = " | None = None" if base.factory else ""
        args.append(f"{printer.base_names[base.name]}: nn.Module{default}")
    if has_average:
        args += ["*", f"call_bytes: int = {CALL_BYTES}", "checkpoint: bool = False"]
        if item.distributed:
            args.append("process_group: dist.ProcessGroup | None = None")
    lines = call(4, "def __init__", args, " -> None:")
    lines.append("        super().__init__()")
    if printed.orbits or printed.framed:
        options = ["call_bytes", "checkpoint", *["process_group"] * item.distributed]
        lines.append(f"        self.calls = _Calls({', '.join(options)})")
    for base in module.bases:
        lines.extend(_base_lines(base.name, printer.base_names[base.name], base.factory, printed))
    for node in module.nodes:
        if isinstance(node.data, ModuleCall) and node.op == "call":
            attribute, class_ = children[node.name]
            given = [
                f"self.{printer.base_names[mine]}" if mine else "None" for mine in node.data.bases
            ]
            while given and given[-1] == "None":
                given.pop()
            if node.data.module.key in averages:
                given += ["call_bytes=call_bytes", "checkpoint=checkpoint"]
                given += ["process_group=process_group"] * item.distributed
            lines.extend(call(8, f"self.{attribute} = {class_}", given))
    for attribute, parameter in printed.parameters:
        sizes = ", ".join(str(n) for n in parameter.shape)
        lines.extend(call(8, f"self.{attribute} = nn.Parameter", [f"torch.empty({sizes})"]))
    lines.extend(printed.buffer_lines)
    lines.extend(orbits.buffer_lines)
    for energy in printed.energies:
        lines.extend(weight_lines(energy))
    for table in printed.tables:
        lines.extend(table_lines(table))
    if printed.parameters:
        lines.append("        self.reset_parameters()")
    return lines


def _base_lines(name: str, attribute: str, factory: str | None, printed: Printed) -> list[str]:
    lines: list[str] = []
    if factory:
        path, _, function = factory.partition(":")
        head = function.split(".")[0]
        lines += [
            f"        if {attribute} is None:",
            f"            from {path} import {head}",
            "",
            f"            {attribute} = {function}()",
        ]
    lines.append(f"        self.{attribute} = {attribute}")
    if name in printed.framed | printed.called:
        lines.extend(call(8, "_note_batch_statistics", [quoted(name), attribute]))
    return lines


def _forward(
    item: Lowered,
    printer: Printer,
    printed: Printed,
    name: str,
) -> list[str]:
    module = item.module
    args = ["self"] + [
        f"{printer.input_names[feature.name]}: {tensor_type(feature.type)}"
        for feature in module.inputs
    ]
    if printer.masks:
        args += ["*", *(f"{mask}: Tensor" for mask in printer.masks.values())]
    single = len(module.outputs) == 1
    result = tensor_type(module.outputs[0].type) if single else f"{name}Output"
    lines = call(4, "def forward", args, f" -> {result}:")
    if printed.weights:
        lines.append(f"        weights: _{name}Weights = self._weights()")
    lines.extend(printed.forward_lines)
    if single:
        lines.extend(f"        {line}" for line in f"return {printed.outputs[0]}".split("\n"))
    else:
        lines.extend(call(8, f"return {name}Output", printed.outputs))
    return lines


def _options(distributed: bool) -> list[str]:
    """What the options of a constructor of a module with averages do."""
    lines = [
        "    A call of a base has at most `call_bytes` of inputs, and at least one element of the",
        "    group for the whole batch. With `checkpoint` no activations are kept for the",
        "    backward pass.",
    ]
    if distributed:
        lines[-1] += " The ranks of `process_group` share the calls; all have the same"
        lines.append("    inputs, and gradients are right in the mean over the ranks.")
    return lines


def _docstring(module: Module, sees_batch: bool, drops: bool, options: Sequence[str]) -> str:
    """The class docstring: what it is, what it takes, and the law it obeys."""
    lines: list[str] = []
    lines.append(
        docstring(module.doc).replace("\n", "\n    ")
        if module.doc
        else f"The module `{module.name}`."
    )
    lines += ["", "    Inputs, after any number of batch dimensions:", ""]
    for feature in module.inputs:
        lines.append(_feature_line(feature.name, feature.type))
    for symbol, mask in mask_names(module).items():
        lines.append(f"        {mask}: ({symbol},), true where there is an entry")
    lines += ["", "    Outputs:", ""]
    for output in module.outputs:
        lines.append(_feature_line(output.name, output.type))
    if module.groups:
        lines += ["", "    Groups:", ""]
        for factor, group in module.groups.items():
            generators = ", ".join(group.generators)
            lines.append(
                f"        {factor} = {docstring(group.description)}, generators {generators}"
            )
        lines += ["", *law(module)]
    if sees_batch:
        lines += [
            "",
            "    Batch norms: in evaluation mode every sample is treated by itself. In training the",
            "    samples of a batch see each other by its statistics; the law holds there as well,",
            "    for a whole batch, also where every sample is moved by an element of its own.",
        ]
    if drops:
        lines += [
            "",
            "    Dropout: in training whole fibres are dropped, so the law holds for every draw.",
        ]
    if module.bases:
        lines += ["", *assumptions()]
    if options:
        lines += ["", *options]
    body = "\n".join(_wrapped(lines))
    return f'    """{body}\n    """'


def _feature_line(name: str, type_: Type) -> str:
    shapes = " + ".join(
        "("
        + ", ".join(str(n) for n in block.shape)
        + (",)" if len(block.shape) == 1 else ")")
        + (f" of torch.int64, 0 to {block.values.size - 1}" if block.values is not None else "")
        for block in type_.blocks
    )
    return f"        {identifier(name)}: {shapes}, {docstring(str(type_))}"


def _wrapped(lines: Sequence[str]) -> list[str]:
    """Break long lines of prose at spaces, with a hanging indent."""
    done: list[str] = []
    for line in lines:
        if len(line) <= WIDTH:
            done.append(line)
        else:
            indent = " " * (len(line) - len(line.lstrip()) + 4)
            done.extend(textwrap.wrap(line, WIDTH, subsequent_indent=indent))
    return done
