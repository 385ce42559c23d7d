"""The kernels that a program runs: every call of the tensor library with its bytes and FLOPs.

`cost` counts what the mathematics needs; here the memory counts too. The layout of every result is
followed as PyTorch makes it (`strides`), so that a copy which a product of matrices or a reshape makes
of an operand in another order is seen.

In: a program and the size of its batch. Out: for every instruction its `Kernel`s, which `timing` adds up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from eqspec.program.attending import Attend
from eqspec.program.devices import Kernel
from eqspec.program.fourier import Fourier, FourierBack
from eqspec.program.grids import Conv, OnGrid, grid_flops
from eqspec.program.instructions import (
    Add,
    Affine,
    BatchNorm,
    CallModule,
    Concat,
    Constant,
    DiagonalEmbed,
    Einsum,
    Expand,
    IndexSum,
    Input,
    Instruction,
    Item,
    Linear,
    Lookup,
    Mask,
    MaskedReduce,
    Mul,
    Narrow,
    Normalise,
    Parameter,
    Permute,
    Pointwise,
    Present,
    Program,
    Reduce,
    Reshape,
    Scale,
    Shape,
    Shift,
    Stack,
    Stage,
    Sub,
    Take,
    plain_shape,
)
from eqspec.program.layers import Detach, Dropout, GroupNorm
from eqspec.program.orbits import (
    Canonical,
    MoveBy,
    OrbitChoice,
    OrbitMean,
    OrbitWeighted,
    OverRanks,
)
from eqspec.program.strides import Layout, contiguous, dense, like

BYTES = 4
CHEAP = frozenset(("relu", "leaky_relu", "abs", "square", "hardtanh", "relu6", "clamp", "sign"))
"""Functions that cost no more than reading and writing."""
VIEWS = 6
"""Views that a product of two operands makes of them and of the result, about."""


def kernels(program: Program, batch: int) -> tuple[tuple[Kernel, ...], ...]:
    """The kernels of every instruction, for a batch of this size. Sizes of run time count at their
    nominal value; what a user's network or a called module does inside does not count."""
    trace = _Trace(program, batch)
    for number in range(len(program.instructions)):
        trace.step(number)
    return tuple(tuple(found) for found in trace.kernels)


@dataclass
class _Trace:
    """Walks through a program. ``layouts`` holds how every result lies in memory, with its batch."""

    program: Program
    batch: int
    layouts: list[Layout] = field(default_factory=list)
    kernels: list[list[Kernel]] = field(default_factory=list)
    read: set[int] = field(default_factory=set)

    @cached_property
    def readers(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for number, instruction in enumerate(self.program.instructions):
            for arg in instruction.args:
                found.setdefault(arg, []).append(number)
        return found

    @cached_property
    def cut(self) -> frozenset[int]:
        """Results that are read in parts side by side: these are cut at once."""
        found = set()
        for source, readers in self.readers.items():
            steps = [self.program.instructions[k] for k in readers]
            cuts = [(s.dim, s.start, s.length) for s in steps if isinstance(s, Narrow)]
            if len(cuts) == len(steps) > 1 and len({dim for dim, _, _ in cuts}) == 1:
                whole = self.program.shape(source)[cuts[0][0]]
                if sum(length for _, _, length in cuts) == whole and len(set(cuts)) == len(cuts):
                    found.add(source)
        return frozenset(found)

    @cached_property
    def outermost(self) -> frozenset[int]:
        """Joins along an axis that all readers multiply by a table: it is made the outermost."""
        return frozenset(
            number
            for number, step in enumerate(self.program.instructions)
            if isinstance(step, Concat)
            and number in self.readers
            and all(self._table_axis(k, number) == step.dim for k in self.readers[number])
        )

    def _table_axis(self, number: int, arg: int) -> int | None:
        """The axis of an argument along which it is multiplied by a table that no input changes."""
        step = self.program.instructions[number]
        if not isinstance(step, Einsum) or step.args[1:] != (arg,) or self.lead(step.args[0]):
            return None
        table, x = step.spec.split("->")[0].split(",")
        shared = [letter for letter in x if letter in table]
        return x.index(shared[0]) if len(table) == 2 and len(shared) == 1 else None

    def emit(self, kind: str, numbers: int, flops: int = 0, side: int = 1) -> None:
        self.kernels[-1].append(Kernel(kind, BYTES * numbers, flops, side))

    def back(self, kind: str, numbers: int) -> None:
        """On the way back alone."""
        self.kernels[-1].append(Kernel(kind, BYTES * numbers, back=True))

    def view(self, count: int = 1) -> None:
        self.kernels[-1].extend([Kernel("view")] * count)

    def step(self, number: int) -> None:
        self.kernels.append([])
        program = self.program
        instruction = program.instructions[number]
        shape = program.shapes[number]
        # gradients of all readers are added up
        for arg in (set(instruction.args) & self.read) - self.cut:
            self.back("elementwise", 3 * math.prod(self.of(arg).sizes))
        self.read.update(instruction.args)
        if shape and isinstance(shape[0], tuple):
            self._tuple(instruction)
            self.layouts.append(contiguous(()))
            return
        lead = (self.batch,) if program.stages[number] is Stage.BATCH else ()
        self.layouts.append(self._layout(number, (*lead, *plain_shape(shape))))

    def of(self, register: int) -> Layout:
        return self.layouts[register]

    def lead(self, register: int) -> int:
        """Dimensions of the batch."""
        return int(self.program.stages[register] is Stage.BATCH)

    def ready(self, layout: Layout, sizes: Shape | None = None) -> Layout:
        """The layout as these sizes (None: without gaps, in order), copied if it must be."""
        wanted = contiguous(layout.sizes)
        if sizes is not None:
            seen = layout.viewed(sizes)
            if seen is not None:
                return seen
            wanted = contiguous(sizes)
        elif _same(layout, wanted):
            return layout
        self.emit("copy", layout.distinct + math.prod(layout.sizes))
        return wanted

    def _tuple(self, instruction: Instruction) -> None:
        """What has several results: calls. Only the numbers that are moved around them count."""
        numbers = sum(math.prod(self.of(arg).sizes) for arg in instruction.args)
        match instruction:
            case OrbitMean(orbit=orbit) | OrbitWeighted(orbit=orbit) | OrbitChoice(orbit=orbit):
                self.emit("gather", 2 * orbit.order * numbers)
                self.emit("reduce", orbit.order * numbers)
            case Canonical(cosets=cosets) | MoveBy(cosets=cosets):
                self.emit("gather", 2 * cosets * numbers)
            case _:
                self.view()

    def _layout(self, number: int, sizes: Shape) -> Layout:
        instruction = self.program.instructions[number]
        args = instruction.args
        match instruction:
            case Parameter():
                self.back("view", 0)  # the gradient is put where the optimiser finds it
                return contiguous(sizes)
            case Input() | Constant() | IndexSum() | Present() | Item() | OverRanks():
                return contiguous(sizes)
            case Detach():
                return self.of(args[0])
            case Permute(order=order):
                self.view()
                lead = self.lead(args[0])
                return self.of(args[0]).permuted([*range(lead), *(lead + k for k in order)])
            case Expand(dim=dim, size=size):
                self.view()
                return self.of(args[0]).expanded(self.lead(args[0]) + dim, size)
            case Narrow(dim=dim, length=length):
                self.view()
                whole = math.prod(self.of(args[0]).sizes)
                if (
                    args[0] not in self.cut
                ):  # goes back by zeros of the full size, and a copy into them
                    self.back("elementwise", whole)
                    self.back("copy", 2 * math.prod(sizes))
                elif not instruction.start:  # parts that are cut at once go back by one join
                    self.back("copy", 2 * whole)
                return self.of(args[0]).narrowed(self.lead(args[0]) + dim, length)
            case Reshape():
                self.view()
                return self.ready(self.of(args[0]), sizes)
            case Linear():
                return self._linear(instruction, sizes)
            case Einsum(spec=spec):
                return self._einsum(spec, args, sizes)
            case Add() | Mul() | Sub() | Scale() | Shift() | Mask() | Affine():
                return self._entries("elementwise", args, sizes)
            case Pointwise(function=function):
                return self._entries(
                    "elementwise" if function in CHEAP else "function", args, sizes
                )
            case Dropout():
                return self._entries("elementwise", (*args, *args), sizes)
            case Reduce(dims=dims) | MaskedReduce(dims=dims):
                return self._reduce(instruction, dims, sizes)
            case Take() | Lookup():
                table = self.of(args[0])
                read = math.prod(sizes) if isinstance(instruction, Lookup) else table.distinct
                self.emit("gather", read + math.prod(sizes))
                return contiguous(sizes)
            case Concat(dim=dim) if number in self.outermost:
                self.emit("copy", 2 * math.prod(sizes))
                first = self.lead(number) + dim
                return dense(sizes, [first, *(k for k in range(len(sizes)) if k != first)])
            case Stack(dim=dim) if 0 < dim == len(sizes) - self.lead(args[0]) - 1:
                # printed as rows, turned
                self.emit("copy", 2 * math.prod(sizes))
                turned = [*range(len(sizes) - 2), len(sizes) - 1, len(sizes) - 2]
                return contiguous(tuple(sizes[k] for k in turned)).permuted(turned)
            case Concat() | Stack() | DiagonalEmbed():
                self.emit("copy", 2 * math.prod(sizes))
                return contiguous(sizes)
            case Normalise(dims=dims):
                return self._normalise(instruction, dims, sizes)
            case BatchNorm() | GroupNorm():
                x = self.ready(self.of(args[0]))
                self.emit("norm", 2 * math.prod(sizes))
                return x
            case Fourier() | FourierBack():
                return self._transform(instruction, sizes)
            case Attend():
                return self._attend(instruction, sizes)
            case _ if isinstance(instruction, OnGrid):
                return self._grid(instruction, sizes)
            case CallModule():
                return contiguous(sizes)
        # frames and whatever else reads its arguments and writes a result
        read = sum(self.of(arg).distinct for arg in args)
        self.emit("elementwise", read + math.prod(sizes))
        return contiguous(sizes)

    def _entries(self, kind: str, args: Sequence[int], sizes: Shape) -> Layout:
        """Entry by entry, one kernel for each pair of operands."""
        operands = [self.of(arg) for arg in args]
        full = [x for x in operands if x.sizes == sizes and 0 not in x.strides]
        result = like(sizes, full[0]) if full else contiguous(sizes)
        for x in operands:
            if math.prod(x.sizes) < math.prod(sizes):  # its gradient is added up
                self.back("reduce", math.prod(sizes))
        for k in range(max(1, len(operands) - 1)):
            pair = operands[k : k + 2] if k == 0 else [operands[k + 1]]
            numbers = sum(x.distinct for x in pair) + math.prod(sizes) * (1 + (k > 0))
            mixed = any(x.sizes == sizes and not _ordered(x, result) for x in pair)
            evaluations = math.prod(sizes) if kind == "function" else 0
            self.emit("copy" if mixed else kind, numbers, evaluations)
        return result

    def _reduce(self, instruction: Instruction, dims: Sequence[int], sizes: Shape) -> Layout:
        x = self.of(instruction.args[0])
        if isinstance(instruction, MaskedReduce):
            self.emit("elementwise", x.distinct + math.prod(x.sizes))
        gone = {self.lead(instruction.args[0]) + k for k in dims}
        self._sum(x, sizes, gone)
        kept = [k for k in range(len(x.sizes)) if k not in gone]
        return like(sizes, Layout(sizes, tuple(x.strides[k] for k in kept)))

    def _sum(self, x: Layout, sizes: Shape, gone: set[int]) -> None:
        """A short run that lies in one piece in memory is added up number by number."""
        numbers = math.prod(x.sizes)
        order = list(x.order)
        run = 1
        while order and order[-1] in gone:
            run *= x.sizes[order.pop()]
        self.emit("reduce", numbers + math.prod(sizes), numbers if run > 1 else 0, run)

    def _linear(self, instruction: Linear, sizes: Shape) -> Layout:
        x = self.of(instruction.args[0])
        rows, (columns, inner) = math.prod(sizes[:-1]), self.program.shape(instruction.args[1])
        self.ready(x, (rows, inner))
        self._product(1, rows, inner, columns)
        if len(instruction.args) > 2:  # the gradient of the bias
            self.back("reduce", rows * columns)
        return contiguous(sizes)

    def _product(self, count: int, rows: int, inner: int, columns: int) -> None:
        numbers = count * (rows * inner + inner * columns + rows * columns)
        flops = 2 * count * rows * inner * columns
        kind = "product" if count == 1 else "batched"
        self.emit(kind, numbers, flops, min(rows, inner, columns))

    def _einsum(self, spec: str, args: Sequence[int], sizes: Shape) -> Layout:
        """As `torch.einsum` does it: from left to right, every pair by one product of matrices."""
        inputs, output = spec.split("->")
        batched = any(self.lead(arg) for arg in args)
        words = [
            ("." if self.lead(arg) else "") + letters
            for arg, letters in zip(args, inputs.split(","), strict=True)
        ]
        result = ("." if batched else "") + output
        word, x = words[0], self.of(args[0])
        for k, (other, arg) in enumerate(zip(words[1:], args[1:], strict=True), start=1):
            later = result + "".join(sorted("".join(words[k + 1 :])))
            word, x = self._pair((word, x), (other, self.of(arg)), later)
        gone = [k for k, letter in enumerate(word) if letter not in result]
        if gone:
            self._sum(x, sizes, set(gone))
            kept = [k for k in range(len(word)) if k not in gone]
            part = tuple(x.sizes[k] for k in kept)
            x = like(part, Layout(part, tuple(x.strides[k] for k in kept)))
            word = "".join(word[k] for k in kept)
        self.view()
        return x.permuted([word.index(letter) for letter in result])

    def _pair(
        self, left: tuple[str, Layout], right: tuple[str, Layout], later: str
    ) -> tuple[str, Layout]:
        (a, x), (b, y) = left, right
        size = dict(zip(a, x.sizes, strict=True)) | dict(zip(b, y.sizes, strict=True))
        place = {letter: k for k, letter in reversed(list(enumerate(later)))}
        shared = set(a) & set(b)
        summed = sorted(shared - set(later))
        both = sorted(shared & set(later), key=place.__getitem__)
        own = [
            sorted(set(word) - shared, key=lambda x: place.get(x, len(later))) for word in (a, b)
        ]
        count, inner = (math.prod(size[letter] for letter in part) for part in (both, summed))
        rows, columns = (math.prod(size[letter] for letter in part) for part in own)
        if not summed:  # a product entry by entry
            numbers = x.distinct + y.distinct + count * rows * columns
            self.emit("elementwise", numbers)
            word = "".join(sorted(size, key=lambda letter: place.get(letter, len(later))))
            return word, contiguous(tuple(size[letter] for letter in word))
        # operands are seen as (both, own, summed) and (both, summed, own)
        for word, operand, mine, length in ((a, x, own[0], rows), (b, y, own[1], columns)):
            order = [word.index(letter) for letter in (*both, *mine, *summed)]
            self.ready(operand.permuted(order), (count, length, inner))
        self.view(VIEWS)
        self._product(count, rows, inner, columns)
        made = "".join((*both, *own[0], *own[1]))
        return made, contiguous(tuple(size[letter] for letter in made))

    def _normalise(self, instruction: Normalise, dims: Sequence[int], sizes: Shape) -> Layout:
        x = self.of(instruction.args[0])
        rank = len(sizes)
        first = rank - len(dims)
        if [self.lead(instruction.args[0]) + k for k in dims] == list(range(first, rank)):
            x = self.ready(x)
            self.emit("norm", 2 * math.prod(sizes))
            return x
        numbers = math.prod(sizes)
        means = 1 + instruction.centre
        for _ in range(means):
            self.emit("reduce", numbers)
            self.emit("elementwise", 2 * numbers)
        self.emit("elementwise", 0)  # the root
        self.emit("elementwise", 2 * numbers)
        return like(sizes, x)

    def _transform(self, instruction: Fourier | FourierBack, sizes: Shape) -> Layout:
        """The axis goes last, where it is transformed; scaled and put together once before or after."""
        lead = self.lead(instruction.args[0])
        x = self.of(instruction.args[0])
        moved = lead + (instruction.dim if isinstance(instruction, Fourier) else 0)
        last = self.ready(x.permuted([*(k for k in range(len(sizes)) if k != moved), moved]))
        numbers = 2 * math.prod(sizes)
        for kind in ("fourier", "elementwise", "copy"):
            self.emit(kind, numbers)
        to = lead + (0 if isinstance(instruction, Fourier) else instruction.dim)
        order = list(range(len(sizes) - 1))
        order.insert(to, len(sizes) - 1)
        return last.permuted(order)

    def _attend(self, instruction: Attend, sizes: Shape) -> Layout:
        query, key = (self.program.shape(instruction.args[k]) for k in (0, 1))
        for arg in instruction.args[:3]:
            self.ready(self.of(arg))
        rows, width = query[-2:]
        count = self.batch * math.prod(query[:-2])
        flops = 2 * count * rows * key[-2] * (width + sizes[-1])
        numbers = sum(self.of(arg).distinct for arg in instruction.args) + math.prod(sizes)
        self.emit("attention", numbers, flops, min(rows, key[-2], width))
        return contiguous(sizes)

    def _grid(self, instruction: OnGrid, sizes: Shape) -> Layout:
        shapes = [self.program.shape(arg) for arg in instruction.args]
        x = self.ready(self.of(instruction.args[0]))
        numbers = x.distinct + math.prod(sizes)
        flops = self.batch * grid_flops(instruction, shapes, sizes[1:])
        if isinstance(instruction, Conv):
            weight = shapes[1]
            side = min(weight[0] // instruction.groups, math.prod(weight[1:]))
            self.emit("convolution", numbers + math.prod(weight), flops, max(1, side))
        else:
            self.emit("pool", numbers)
        return contiguous(sizes)


def _same(a: Layout, b: Layout) -> bool:
    """Do two layouts of equal sizes agree wherever a dimension is longer than 1?"""
    return all(
        m == n or size == 1 for size, m, n in zip(a.sizes, a.strides, b.strides, strict=True)
    )


def _ordered(x: Layout, result: Layout) -> bool:
    """Does x lie in memory in the order of the result, as far as it is not repeated?"""
    mine = [k for k in x.order if x.strides[k]]
    return mine == [k for k in result.order if k in mine]
