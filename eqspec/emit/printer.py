"""Tensor programs as Python expressions: which results get names, and how each is written.

In: a lowered module. Out: the lines of the constructor, of the method that expands the weights and of
`forward`.

A result becomes a local variable if it is used twice, if it is a named feature, or if its expression
would not fit on a line; everything else stands where it is used. One expression is written by
`expressions.py`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from eqspec.emit.cosets import MoveMethod, print_canonical, print_move_by
from eqspec.emit.digits import steps_of
from eqspec.emit.energies import EnergyMethod, EntryTable
from eqspec.emit.expressions import Code, Expressions, assign
from eqspec.emit.layout import call, tuple_text
from eqspec.emit.locals import local_stem
from eqspec.emit.names import Names, identifier, output_fields
from eqspec.emit.tables import Key, SharedTable, table_lines
from eqspec.graph.model import Module, ModuleCall
from eqspec.graph.sizes import symbols_of
from eqspec.graph.types import Type, symbols_in
from eqspec.lowering.module import Lowered
from eqspec.lowering.padding import padded_symbols
from eqspec.program.framed import CallBase
from eqspec.program.instructions import (
    Add,
    Affine,
    BatchNorm,
    CallModule,
    Concat,
    Constant,
    Einsum,
    Expand,
    Input,
    Instruction,
    Item,
    Lookup,
    Mask,
    Mul,
    Parameter,
    Present,
    Program,
    Shape,
    Stack,
    Stage,
    Sub,
    Take,
)
from eqspec.program.orbits import (
    Canonical,
    MoveBy,
    Orbit,
    OrbitCall,
    OrbitChoice,
    OrbitMean,
    OrbitWeighted,
    OverRanks,
)


@dataclass(frozen=True)
class OrbitMethods:
    """An `Orbit` in the emitted class: the stem of its two methods, and the shapes of its arguments."""

    stem: str
    orbit: Orbit
    shapes: tuple[Shape, ...]
    node: str


@dataclass
class Printed:
    """Lines of the three places, and what the template needs to know about them."""

    parameters: list[tuple[str, Parameter]] = field(default_factory=list)
    statistics: dict[str, tuple[int, ...]] = field(default_factory=dict)  # buffers that are saved
    children: dict[str, str] = field(default_factory=dict)  # attributes of called modules
    buffers: list[str] = field(default_factory=list)
    buffer_lines: list[str] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)
    weight_lines: list[str] = field(default_factory=list)
    forward_lines: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    orbits: list[OrbitMethods] = field(default_factory=list)
    moves: list[MoveMethod] = field(default_factory=list)
    energies: list[EnergyMethod] = field(default_factory=list)
    called: set[str] = field(default_factory=set)  # bases that an orbit goes through
    tables: list[EntryTable] = field(default_factory=list)
    locals: dict[str, str] = field(default_factory=dict)
    helpers: set[str] = field(default_factory=set)
    framed: set[str] = field(default_factory=set)  # bases that are called in several frames


# what is printed as a call that returns a tuple
TupleCall = OrbitCall | OverRanks | CallBase | CallModule


class Printer:
    """Prints one module. ``notes`` maps a node to the comment that stands above its lines."""

    def __init__(
        self,
        lowered: Lowered,
        taken: set[str],
        notes: dict[str, str],
        classes: Mapping[str, str],
        shared: Mapping[Key, SharedTable],
    ) -> None:
        self.shared = shared
        self.classes = classes
        self.program = lowered.program
        self.module = lowered.module
        self.notes = notes
        self.out = Printed()
        self.attributes = Names(taken)
        self.fields = Names()
        self.variables = Names(FIXED_NAMES | {f"{name}Output" for name in classes.values()})
        self.code: dict[int, Code] = {}
        self.parts: dict[int, list[str]] = {}  # of tuples that are unpacked at once
        self.sizes: dict[str, str] = {}
        self.masks: dict[str, str] = {}
        self.write = Expressions(self.program, self.code, self.out.helpers, self.sizes)
        self.users: dict[int, list[int]] = defaultdict(list)
        for number, instruction in enumerate(self.program.instructions):
            for arg in instruction.args:
                self.users[arg].append(number)
        self.shorts = Counter(
            _short(i.name) for i in self.program.instructions if isinstance(i, Parameter)
        )
        self.uses = Counter(arg for i in self.program.instructions for arg in i.args)
        self.expanded: dict[int, str] = {}  # full weights, by the names of their fields
        self.remarks: list[str] = []  # to stand above the next line
        self.named: dict[int, str] = {}
        self.final: dict[int, str] = {}
        self.input_names: dict[str, str] = {}
        self.base_names = {b.name: self.attributes.take(b.name) for b in self.module.bases}
        self.child_names = {
            node: self.attributes.take(f"{node}_module") for node in self.module.children
        }

    def run(self) -> Printed:
        for feature in self.module.inputs:
            self.input_names[feature.name] = self.variables.take(feature.name)
        self.masks = mask_names(self.module)
        for name in self.masks.values():
            self.variables.take(name)
        for symbol in sorted(symbols_in(feature.type for feature in self.module.inputs)):
            self.sizes[symbol.name] = self.variables.take(symbol.name)
        for name, registers in (*self.program.outputs, *self.program.named):
            for register in registers:
                self.uses[register] += 1
            if len(registers) == 1 and registers[0] not in self.named:
                self.named[registers[0]] = name
                self.final[registers[0]] = self.variables.take(name)
        for name, registers in self.program.named:  # the blocks of a direct sum
            for k, register in enumerate(registers if len(registers) > 1 else ()):
                plain = self.program.stages[register] is Stage.BATCH
                item = isinstance(self.program.instructions[register], Input | Item)
                if plain and not item and register not in self.final:
                    self.final[register] = self.variables.take(f"{name}_{k}")
        for number, stage in enumerate(self.program.stages):
            if stage is Stage.CONSTANT:
                self._constant(number)
            elif stage is Stage.PARAMETER:
                self._parameter(number)
        for number, field_ in self.expanded.items():
            self.code[number] = Code(f"weights.{field_}")
        self._forward()
        for name, registers in self.program.outputs:
            codes = [self.code[register].text for register in registers]
            before = 15 if len(self.program.outputs) == 1 else 13  # `return` and its indentation
            self.out.outputs.append(codes[0] if len(codes) == 1 else tuple_text(codes, before))
            if len(registers) == 1:
                self.out.locals[name] = codes[0]
        self.out.forward_lines[:0] = self._size_lines()
        for name, registers in self.program.named:
            if len(registers) == 1 and self.code[registers[0]].text.isidentifier():
                self.out.locals[name] = self.code[registers[0]].text
        return self.out

    # ---- constants: buffers of the constructor ----------------------------------------------------

    def _constant(self, number: int) -> None:
        """A constant becomes a buffer where it leaves the constants, else it stands in a sum."""
        users = self.users[number]
        if all(self.program.stages[k] is Stage.CONSTANT for k in users):
            return
        stem = self.program.owners[number].split(".")[0]
        name = self.attributes.take(f"{stem}_{self._constant_word(number)}")
        self.out.buffers.append(name)
        self.out.buffer_lines.extend(
            table_lines(self.program, number, name, self.out.helpers, self.shared)
        )
        self.code[number] = Code(f"self.{name}")

    def _constant_word(self, number: int) -> str:
        constant = self.program.instructions[number]
        if isinstance(constant, Constant) and constant.hint in ("form", "symbol", "signs"):
            return constant.hint
        while not isinstance(constant, Constant):
            constant = self.program.instructions[constant.args[0]]
        if constant.hint == "offsets":
            return constant.hint
        for user in self.users[number]:
            instruction = self.program.instructions[user]
            if isinstance(instruction, Lookup):
                return "first"
            if isinstance(instruction, Take) and instruction.args[1] == number:
                return (
                    "index" if self.program.stages[instruction.args[0]] is Stage.BATCH else "orbits"
                )
        return "table"

    # ---- parameters: free weights and their expansion -----------------------------------------------

    def _parameter(self, number: int) -> None:
        instruction = self.program.instructions[number]
        if isinstance(instruction, Parameter):
            name = self.attributes.take(self._short(instruction.name))
            self.out.parameters.append((name, instruction))
            self.code[number] = Code(f"self.{name}")
        else:
            cut = number in self.write.idioms.parts
            if cut and instruction.args[0] not in self.write.parts:
                name = self.fields.take(f"{self._weight_stem(number)}_parts")
                assign(self.out.weight_lines, name, self.write.cut(instruction.args[0], name))
            code = self.write.expression(number, instruction)
            leaves = self._leaves_parameters(number)
            if (self.uses[number] > 1 and not cut) or leaves or len(code.text) > 44:
                stem = self._weight_stem(number)
                if leaves:
                    field_ = self.fields.take(stem)
                    assign(self.out.weight_lines, field_, code)
                    self.out.weights.append(field_)
                    self.code[number] = Code(field_)  # a local variable there
                    self.expanded[number] = field_
                else:
                    field_ = self.fields.take(f"{stem}_part")
                    assign(self.out.weight_lines, field_, code)
                    self.code[number] = Code(field_)
            else:
                self.code[number] = code

    def _leaves_parameters(self, number: int) -> bool:
        return any(self.program.stages[user] > Stage.PARAMETER for user in self.users[number])

    def _weight_stem(self, number: int) -> str:
        """The name of the parameter that this expands; several of a layer side by side are its weight."""
        names = _origins(self.program, number)
        if len(names) == 1:
            return self._short(names[0])
        what = "weight" if names else "basis"  # a basis: numbers that are put together there
        return identifier(f"{self.program.owners[number].partition('.')[0]}_{what}")

    def _short(self, name: str) -> str:
        """`h.linear.weight` is `h_weight` where the layer has one such step, else `h_linear_weight`."""
        short = _short(name)
        return identifier(short if self.shorts[short] == 1 else name.replace(".", "_"))

    # ---- forward ---------------------------------------------------------------------------------------

    def _forward(self) -> None:
        shown: set[str] = set()
        for number, instruction in enumerate(self.program.instructions):
            stage = self.program.stages[number]
            if stage <= Stage.PARAMETER:
                continue
            if stage is Stage.SIZE and isinstance(instruction, Expand):
                broadcast = all(self._adds_to_batch(user) for user in self.users[number])
                write = self.write.broadcast if broadcast else self._spread
                self.code[number] = write(number)
                continue
            if isinstance(instruction, Input):
                self.code[number] = Code(self._input(instruction.name, instruction.block))
                continue
            if isinstance(instruction, TupleCall):
                self._tuple(number, instruction, shown)
                continue
            if isinstance(instruction, Canonical | MoveBy):
                self._note(number, shown)
                if isinstance(instruction, Canonical):
                    print_canonical(self, number, instruction)
                else:
                    print_move_by(self, number, instruction)
                continue
            if number in self.write.idioms.parts and instruction.args[0] not in self.write.parts:
                self._note(number, shown)
                layer = self.program.owners[number].partition(".")[0]
                name = self.variables.take(f"{layer}_parts")
                assign(self.out.forward_lines, name, self.write.cut(instruction.args[0], name))
            if isinstance(instruction, Present):
                self.code[number] = Code(self.masks[instruction.symbol])
                continue
            if isinstance(instruction, Mask) and self._masks_input(number, instruction):
                continue
            if isinstance(instruction, Item):
                self.code[number] = self._item(instruction)
                if number not in self.named:
                    continue
                code = self.code[number]
            elif isinstance(instruction, BatchNorm):
                code = self._batch_norm(number, instruction)
            else:
                code = self.write.expression(number, instruction)
            if self._wants_name(number, code):
                self._note(number, shown)
                self._remark(instruction)
                self.out.forward_lines.extend(f"        # {text}" for text in self.remarks)
                self.remarks.clear()
                name = self.final.get(number) or self.variables.take(
                    local_stem(self.program, self.users, number)
                )
                assign(self.out.forward_lines, name, code)
                self.code[number] = Code(name)
            else:
                self._remark(instruction)  # for the line in which it stands
                self.code[number] = code

    def _remark(self, instruction: Instruction) -> None:
        if isinstance(instruction, Concat | Stack | Einsum) and instruction.note is not None:
            self.remarks.append(instruction.note.text)

    def _masks_input(self, number: int, instruction: Mask) -> bool:
        """Inputs are masked once, under their own names."""
        register = instruction.args[0]
        while isinstance(step := self.program.instructions[register], Mask):
            register = step.args[0]
        if not isinstance(step, Input) or number in self.named:
            return False
        code = self.write.expression(number, instruction)
        if any(isinstance(self.program.instructions[k], Mask) for k in self.users[number]):
            self.code[number] = code  # there is another mask to come
            return True
        name = self.input_names[step.name]
        if self._input(step.name, step.block) != name:
            name = self.variables.take(f"{name}_{step.block}")
        assign(self.out.forward_lines, name, code)
        self.code[number] = Code(name)
        return True

    def _adds_to_batch(self, number: int) -> bool:
        instruction = self.program.instructions[number]
        return isinstance(instruction, Add) and any(
            self.program.stages[arg] is Stage.BATCH for arg in instruction.args
        )

    def _spread(self, number: int) -> Code:
        return self.write.expression(number, self.program.instructions[number])

    def _size_lines(self) -> list[str]:
        """Sizes of run time are read from the inputs, and must agree where they stand twice."""
        lines: list[str] = []
        text = "\n".join([*self.out.forward_lines, *self.out.outputs])
        for symbol, name in self.write.sizes.items():
            found = [
                f"{self._input(feature.name, k)}.shape[{dim - len(shape)}]"
                for feature in self.module.inputs
                for k, shape in enumerate(feature.type.shapes)
                for dim, size in enumerate(shape)
                if any(s.name == symbol for s in symbols_of(size))
            ]
            if symbol in self.masks:
                found.append(f"{self.masks[symbol]}.shape[-1]")
            used = re.search(rf"(?m)^(?!\s*#).*\b{name}\b", text) is not None
            head = f"{name} = " if used else ""
            if len(found) > 1:
                self.out.helpers.add("size")
                lines.extend(call(8, f"{head}_size", [f'"{symbol}"', *found]))
            elif used:
                lines.append(f"        {head}{found[0]}")
        return lines

    def _input(self, name: str, block: int) -> str:
        """A block of an input: the argument, or a part of it if there are several."""
        many = any(
            feature.name == name and len(feature.type.blocks) > 1 for feature in self.module.inputs
        )
        return f"{self.input_names[name]}[{block}]" if many else self.input_names[name]

    def _batch_norm(self, number: int, instruction: BatchNorm) -> Code:
        """A call of the helper with the buffers of the running statistics."""
        shape = self.program.shape(number)
        sizes = ", ".join(str(n) for n in instruction.channels(shape)) or "()"
        stem = identifier(instruction.name.partition(".")[0])
        buffers: list[str] = []
        for word, start in (("mean", "zeros"), ("var", "ones")):
            if word == "mean" and not instruction.centre:
                buffers.append("None")
                continue
            name = self.attributes.take(f"{stem}_running_{word}")
            self.out.buffers.append(name)
            self.out.statistics[name] = tuple(instruction.channels(shape))
            self.out.buffer_lines.extend(
                call(8, "self.register_buffer", [f'"{name}"', f"torch.{start}({sizes})"])
            )
            buffers.append(f"self.{name}")
        x, *affine = (self.code[arg].text for arg in instruction.args)
        options = (
            "training=self.training",
            f"momentum={instruction.momentum!r}",
            f"eps={instruction.eps!r}",
        )
        view = instruction.view(shape)
        if view is not None:
            self.out.helpers.add("batch_norm")
            named = [f"{word}={text}" for word, text in zip(AFFINE, affine, strict=False)]
            return Code("_batch_norm", (x, self.write.shape(view), *buffers, *named, *options))
        self.out.helpers.add("batch_norm_along")
        keep = self.write.shape([dim - len(shape) for dim in instruction.keep])
        return Code("_batch_norm_along", (x, *buffers, keep, str(len(shape)), *options))

    def _wants_name(self, number: int, code: Code) -> bool:
        instruction = self.program.instructions[number]
        if number in self.final:
            return True
        if isinstance(instruction, Concat | Stack) and instruction.note is not None:
            return True
        if number in self.write.idioms.parts:
            return False
        if self.uses[number] > 1 or number in self.write.idioms.named:
            return True
        if number in self.write.idioms.inner:
            return False
        user = next(iter(self.users[number]), None)
        if user is not None and all(_is_view(self.program.instructions[k]) for k in (number, user)):
            return False  # `x.unsqueeze(-1).unsqueeze(-1)`
        if user is not None and isinstance(
            self.program.instructions[user], Add | Mul | Sub | Affine | TupleCall | Canonical
        ):
            return len(code.text) > 30
        return len(code.text) > 44

    def _note(self, number: int, shown: set[str]) -> None:
        node = self.program.owners[number].split(".")[0]
        if number in self.named:
            node = self.named[number].split(".")[0]
        if node in self.notes and node not in shown:
            shown.add(node)
            self.out.forward_lines.append(f"        # {self.notes[node]}")

    def _item(self, instruction: Item) -> Code:
        if instruction.args[0] in self.parts:
            return Code(self.parts[instruction.args[0]][instruction.index])
        source = self.code[instruction.args[0]]
        origin = self.program.instructions[instruction.args[0]]
        if isinstance(origin, CallModule):
            return Code(f"{source.text}{self._part_of_call(origin, instruction.index)}")
        if isinstance(origin, TupleCall):
            shapes = self.program.shapes[instruction.args[0]]
            if len(shapes) == 1:
                return source
        return Code(f"{source.text}[{instruction.index}]")

    def _part_of_call(self, call_: CallModule, index: int) -> str:
        """Block ``index`` of what a module returns: a field if it has several outputs, then a block
        if the output has several."""
        outputs = self._child(call_).outputs
        names = output_fields([output.name for output in outputs])
        for name, output in zip(names, outputs, strict=True):
            count = len(output.type.blocks)
            if index < count:
                field_ = f".{name}" if len(outputs) > 1 else ""
                return field_ + (f"[{index}]" if count > 1 else "")
            index -= count
        raise AssertionError(call_)

    def _tuple(self, number: int, instruction: TupleCall, shown: set[str]) -> None:
        """A call that returns a tuple; a tuple of one is unpacked at once."""
        self._note(number, shown)
        single = len(self.program.shapes[number]) == 1
        # a single result that is a named feature is bound to that name right here
        users = self.users[number]
        stem = self.program.owners[number].replace(".", "_")
        if single and users and users[0] in self.named:
            self.named.pop(users[0])
            name = self.final[users[0]]
        else:
            name = self.variables.take(
                stem
                if isinstance(instruction, CallModule)
                else f"{stem}_answers"
                if isinstance(instruction, CallBase)
                else f"{stem}_average"
            )
        if isinstance(instruction, OverRanks):
            parts = [self.code[arg].text for arg in instruction.args]
            joined = f"({parts[0]},)" if single else tuple_text(parts)
            head = f"({name},) = _over_ranks" if single else f"{name} = _over_ranks"
            self.out.forward_lines.extend(call(8, head, [joined, "self.calls.group"]))
        elif isinstance(instruction, CallBase):
            self._call_base(name, instruction, single)
        elif not isinstance(instruction, CallModule):
            self._orbit_call(number, instruction, f"({name},)" if single else name)
        else:
            child = self.child_names[instruction.attribute]
            args = self._child_args(instruction)
            kind = self._child_type(instruction)
            self.out.forward_lines.extend(call(8, f"{name}: {kind} = self.{child}", args))
        self.code[number] = Code(name)

    def _call_base(self, name: str, instruction: CallBase, single: bool) -> None:
        """One call of a base, or one for every frame."""
        inputs = [self.code[arg].text for arg in instruction.args]
        joined = f"({inputs[0]},)" if len(inputs) == 1 else tuple_text(inputs)
        several = instruction.frames > 1
        self.out.framed |= {instruction.base} if several else set()
        helper = "each_frame" if several else "call_base"
        self.out.helpers |= {helper, "orbit_answers"} if several else {helper}
        rank = len(self.program.shape(instruction.args[0])) - several
        args = [f"self.{self.base_names[instruction.base]}", joined]
        args += [f"frames={instruction.frames}"] if several else []
        args += [f"rank={rank}"] + (["calls=self.calls"] if several else [])
        head = f"({name},) = _{helper}" if single else f"{name} = _{helper}"
        self.out.forward_lines.extend(call(8, head, args))

    def _orbit_call(self, number: int, instruction: OrbitCall, result: str) -> None:
        """The call of the helper that goes through an orbit."""
        orbit = instruction.orbit
        stem = self._orbit(number, orbit)
        self.out.called.update(instruction.bases)
        inputs = [self.code[arg].text for arg in instruction.args]
        network = f"self.{self.base_names[orbit.base]}"
        extra: list[str] = []
        last: list[str] = []
        match instruction:
            case OrbitMean(first=first):
                helper, used = "_orbit_mean", {"orbit_mean"}
                last = [] if first is None else [f"first={first}"]
            case OrbitWeighted(weights=weights, eps=eps):
                helper, used = "_orbit_weighted", {"orbit_weighted", "orbit_pair"}
                network = f"_with_number({network}, self.{self.base_names[weights]})"
                extra = [f"eps={eps:g}"]
            case OrbitChoice(energy=energy, named=True):
                helper, used = "_orbit_choice", {"orbit_choice", "orbit_pair"}
                network = f"_with_number({network}, self.{self.base_names[energy]})"
                extra = ["training=self.training"]
            case OrbitChoice(energy=energy):
                helper, used = "_orbit_choice", {"orbit_choice", energy}
                network = f"_with_{energy}({network})"
                extra = ["training=self.training"]
        self.out.helpers |= {"orbit_answers", *used}
        args = [
            network,
            f"({inputs[0]},)" if len(inputs) == 1 else tuple_text(inputs),
            self._move(stem, number, orbit),
            f"self.{stem}_back",
            f"order={orbit.order}",
            f"rank={len(self.program.shape(instruction.args[0]))}",
            *extra,
            "calls=self.calls",
            *last,
        ]
        self.out.forward_lines.extend(call(8, f"{result} = {helper}", args))

    def _orbit(self, number: int, orbit: Orbit) -> str:
        """The stem of the methods that move along an orbit; alike orbits share them."""
        instruction = self.program.instructions[number]
        shapes = tuple(self.program.shape(arg) for arg in instruction.args)
        taken = "_" + self.attributes.take(f"{self.base_names[orbit.base]}_move")
        for known in self.out.orbits:
            if known.orbit == orbit:
                return known.stem
        self.out.orbits.append(OrbitMethods(taken, orbit, shapes, self.program.owners[number]))
        return taken

    def _move(self, stem: str, number: int, orbit: Orbit) -> str:
        """The function that moves the arguments; in a large product, step by step."""
        args = self.program.instructions[number].args
        steps = steps_of(orbit, [self.program.shape(arg) for arg in args])
        if not steps:
            return f"self.{stem}"
        self.out.helpers.add("in_steps")
        digits = ", ".join(str(step) for step in steps) + "," * (len(steps) == 1)
        return f"_in_steps(self.{stem}, ({digits}), self.calls)"

    def _child_type(self, instruction: CallModule) -> str:
        """What the called class returns."""
        outputs = self._child(instruction).outputs
        if len(outputs) > 1:
            return f"{self.classes[instruction.module]}Output"
        return tensor_type(outputs[0].type)

    def _child(self, instruction: CallModule) -> Module:
        data = self.module.node(instruction.attribute).data
        assert isinstance(data, ModuleCall)
        return data.module

    def _child_args(self, instruction: CallModule) -> list[str]:
        child = self._child(instruction)
        args: list[str] = []
        registers = list(instruction.args)
        for feature in child.inputs:
            count = len(feature.type.blocks)
            texts = [self.code[r].text for r in registers[:count]]
            args.append(texts[0] if count == 1 else tuple_text(texts))
            registers = registers[count:]
        names = mask_names(child)
        for symbol, register in zip(instruction.masks, registers, strict=True):
            args.append(f"{names[symbol]}={self.code[register].text}")
        return args


HELPERS = """
    orbit_answers orbit_mean orbit_weighted orbit_choice with_number with_entropy with_margin per_sample
    in_steps over_ranks one_call tuple wide mapped joined blocks repeat
    layer_norm rms_norm batch_norm batch_norm_along group_norm dropout
    fourier fourier_back
    size masked
    energies network_energies best_coset best_cosets move_each move_tied mean_of_tied
    principal_axes special_principal_axes gram_schmidt special_gram_schmidt row_order take_rows
    on_grid functional entries at_places whole taken handedness call_base each_frame
"""
AFFINE = ("weight", "bias")
FIXED_NAMES = frozenset({"self", "weights"}) | {f"_{name}" for name in HELPERS.split()}


def _origins(program: Program, register: int) -> list[str]:
    """The parameters of which a result is made, by name."""
    names: list[str] = []
    todo, seen = [register], {register}
    while todo:
        step = program.instructions[todo.pop()]
        if isinstance(step, Parameter):
            names.append(step.name)
        for arg in step.args:
            if program.stages[arg] is Stage.PARAMETER and arg not in seen:
                seen.add(arg)
                todo.append(arg)
    return names


def mask_names(module: Module) -> dict[str, str]:
    """The keywords of `forward` that take the masks of the padded sizes, by symbol: `n_mask`."""
    names = Names(FIXED_NAMES)
    for feature in module.inputs:
        names.take(feature.name)
    return {symbol.name: names.take(f"{symbol.name}_mask") for symbol in padded_symbols(module)}


def tensor_type(type_: Type) -> str:
    """The annotation of a feature: a tensor, or a tuple of them."""
    if len(type_.blocks) == 1:
        return "Tensor"
    return f"tuple[{', '.join(['Tensor'] * len(type_.blocks))}]"


def _is_view(instruction: Instruction) -> bool:
    return isinstance(instruction, Expand) and instruction.size == 1


def _short(name: str) -> str:
    words = name.split(".")
    return f"{words[0]}_{words[-1]}"
