"""Padded sizes: a program that treats masked positions as if they were not there.

In: the program of a module, for sizes that are one for the whole batch. Out: one for samples of
different sizes, with a mask for each padded size. The claim, kept from instruction to instruction: what
stands at the positions that are there is what the program computes for the sample alone. A result is
*clean* if zeros stand at all others; else anything finite may. Results are cleaned where it matters:
before a sum along a padded axis, and where they are features, so that every op writes zeros there.

    inputs                    masked first, so that even NaN has no influence
    rows of a table           looked up at masked positions too, for number 0
    sums                      of what is clean
    means                     the sum, divided by the number of entries that are there
    maxima                    over the entries that are there; 0 if there are none
    repetition, bias, f(0)    what is written to masked positions is masked before it is read
    diagonals                 an entry (i, i) is there if i is
    differences               clean if both are and neither is repeated
    products of matrices      along axes that are not padded
    norms                     along axes that are not padded
    attention                 over the keys that are there; means of clean values, 0 if there are no keys

An instruction without a rule is refused (EQS432).
"""

from __future__ import annotations

from dataclasses import replace

from eqspec.diagnostics.model import Span
from eqspec.graph.model import Module, ModuleCall
from eqspec.graph.sizes import Size, Symbol
from eqspec.graph.types import symbols_in
from eqspec.lowering.errors import LoweringRefused
from eqspec.program.attending import Attend
from eqspec.program.builder import Builder
from eqspec.program.fourier import Fourier, FourierBack
from eqspec.program.instructions import (
    Add,
    Affine,
    CallModule,
    Concat,
    DiagonalEmbed,
    Einsum,
    Expand,
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
)
from eqspec.program.layers import Detach, Dropout

ZERO_AT_ZERO = frozenset(
    "relu leaky_relu abs tanh sin atan asinh erf softsign tanhshrink softshrink hardtanh sign round"
    " hardshrink gelu silu mish elu celu selu relu6 hardswish square floor".split()
)
"""Functions with f(0) = 0; all others write something to masked positions."""


def padded_symbols(module: Module) -> tuple[Symbol, ...]:
    """The padded sizes of a module, in order of name."""
    found = symbols_in(node.type for node in module.nodes)
    return tuple(sorted(symbol for symbol in found if symbol.padded))


def padded_program(program: Program, module: Module) -> Program:
    """The program with its masks; the same one if no size is padded.

    Raises:
        LoweringRefused: EQS432, an instruction has no rule.
    """
    if not padded_symbols(module):
        return program
    return _Padding(program, module).run()


def padded_dims(shape: Shape) -> dict[Symbol, list[int]]:
    """The dimensions of a shape whose size is a padded symbol."""
    found: dict[Symbol, list[int]] = {}
    for dim, size in enumerate(shape):
        symbol = size.symbol if isinstance(size, Size) else None
        if symbol is not None and symbol.padded:
            found.setdefault(symbol, []).append(dim)
    return found


class _Padding:
    def __init__(self, program: Program, module: Module) -> None:
        self.program = program
        self.module = module
        self.builder = Builder()
        self.clean: dict[int, bool] = {}  # of the new registers
        self.new: list[int] = []

    def run(self) -> Program:
        program = self.program
        features = {r for _, registers in (*program.outputs, *program.named) for r in registers}
        for number, (instruction, owner) in enumerate(
            zip(program.instructions, program.owners, strict=True)
        ):
            with self.builder.owner(owner):
                args = tuple(self.new[arg] for arg in instruction.args)
                register, clean = self._padded(number, instruction, args)
                self.clean[register] = self.clean.get(register, False) or clean
                self.new.append(self._cleaned(register) if number in features else register)
        return self.builder.program(
            [(name, tuple(self.new[r] for r in registers)) for name, registers in program.outputs],
            [(name, tuple(self.new[r] for r in registers)) for name, registers in program.named],
        )

    def _padded(
        self, number: int, instruction: Instruction, args: tuple[int, ...]
    ) -> tuple[int, bool]:
        """The new register of an instruction, and whether it is clean."""
        shapes = self.program.shapes
        own = [shapes[number], *(shapes[arg] for arg in instruction.args)]
        if not any(self._is_padded(shape) for shape in own):
            return self.builder.emit(replace(instruction, args=args)), True
        emit = self.builder.emit
        every = all(self.clean[arg] for arg in args)
        match instruction:
            case Input():
                return self._cleaned(emit(instruction)), True
            case CallModule(attribute=attribute):
                data = self.module.node(attribute).data
                assert isinstance(data, ModuleCall)
                symbols = padded_symbols(data.module)
                masks = tuple(self._mask(symbol) for symbol in symbols)
                names = tuple(symbol.name for symbol in symbols)
                return emit(replace(instruction, args=(*args, *masks), masks=names)), True
            case Item():
                return emit(replace(instruction, args=args)), True
            case Reduce():
                return self._reduce(instruction, args[0])
            case Expand(size=size):
                fresh = bool(padded_dims((size,)))
                return emit(replace(instruction, args=args)), every and not fresh
            case Linear():
                if padded_dims(self.builder.shape(args[0])[-1:]):
                    self._refuse(number)
                return emit(replace(instruction, args=args)), every and len(args) == 2
            case Pointwise(function=function):
                kept = function in ZERO_AT_ZERO
                return emit(replace(instruction, args=args)), every and kept
            case Shift():
                return emit(replace(instruction, args=args)), False
            case Permute() | Scale() | Add() | Mul() | DiagonalEmbed() | Dropout() | Detach():
                return emit(replace(instruction, args=args)), every
            case Sub():  # what is repeated along a padded axis comes off masked positions too
                same = self.program.shape(instruction.args[0]) == self.program.shape(
                    instruction.args[1]
                )
                return emit(replace(instruction, args=args)), every and same
            case Take(dim=dim) | Concat(dim=dim) | Narrow(dim=dim):
                if padded_dims(self.builder.shape(args[0])[dim : dim + 1]):
                    self._refuse(number)
                return emit(replace(instruction, args=args)), every
            case (
                Stack() | Fourier() | FourierBack()
            ):  # the axis that is transformed is never padded
                return emit(replace(instruction, args=args)), every
            case Lookup():  # word 0 stands at all masked positions
                return emit(replace(instruction, args=args)), False
            case Reshape(shape=shape):
                if _between(self.builder.shape(args[0])) != _between(shape):
                    self._refuse(number)
                return emit(replace(instruction, args=args)), every
            case Normalise(dims=dims):  # 0 over its size stays 0; a bias does not
                if any(padded_dims((self.builder.shape(args[0])[dim],)) for dim in dims):
                    self._refuse(number)
                return emit(replace(instruction, args=args)), every and len(args) < 3
            case Affine():
                return emit(replace(instruction, args=args)), False
            case Attend():
                return self._attend(number, instruction, args)
            case Einsum(spec=spec):
                return self._einsum(instruction, spec, args)
        self._refuse(number)
        raise AssertionError

    def _reduce(self, instruction: Reduce, x: int) -> tuple[int, bool]:
        b = self.builder
        if instruction.how != "max":
            x = self._cleaned(x)
        clean = self.clean[x]
        dims = padded_dims(b.shape(x))
        along = {
            symbol: [d for d in found if d in instruction.dims] for symbol, found in dims.items()
        }
        masked = {d for found in along.values() for d in found}
        if instruction.how == "sum":
            return b.reduce(x, instruction.dims, "sum"), clean
        # plain axes first; then one padded size after the other, counted by its name
        order = [d for d in range(len(b.shape(x))) if d not in instruction.dims or d in masked]
        x = b.reduce(x, [d for d in instruction.dims if d not in masked], instruction.how)
        for symbol, found in along.items():
            if not found:
                continue
            places = tuple(order.index(d) for d in found)
            x = b.emit(MaskedReduce((x, self._mask(symbol)), places, instruction.how))
            order = [d for d in order if d not in found]
        return x, clean

    def _attend(self, number: int, instruction: Attend, args: tuple[int, ...]) -> tuple[int, bool]:
        """Keys that are absent have no share; what stands at absent queries is written over later."""
        shape = self.program.shape(number)
        clean = not padded_dims(shape)
        keys = padded_dims(self.builder.shape(args[1])[-2:-1])
        if not keys:
            return self.builder.emit(replace(instruction, args=args)), clean
        (symbol,) = keys
        query, key, value, *bias = args
        given = (query, key, self._cleaned(value), *bias, self._mask(symbol))
        return self.builder.emit(replace(instruction, args=given, masked=True)), clean

    def _einsum(self, instruction: Einsum, spec: str, args: tuple[int, ...]) -> tuple[int, bool]:
        inputs, output = spec.split("->")
        gone = any(
            letter not in output and padded_dims((size,))
            for letters, arg in zip(inputs.split(","), args, strict=True)
            for letter, size in zip(letters, self.builder.shape(arg), strict=True)
        )
        if gone:
            args = tuple(self._cleaned(arg) for arg in args)
        every = all(self.clean[arg] for arg in args)
        return self.builder.emit(replace(instruction, args=args)), every

    def _cleaned(self, register: int) -> int:
        """The register with zeros at all masked positions."""
        if self.clean.get(register, False):
            return register
        shape = self.builder.shape(register)
        result = register
        for symbol, dims in padded_dims(shape).items():
            if self.builder.stages[register] is not Stage.BATCH:
                self._refuse_owner(self.builder.owners[register])
            result = self.builder.emit(Mask((result, self._mask(symbol)), tuple(dims)))
        self.clean[result] = True
        return result

    def _mask(self, symbol: Symbol) -> int:
        size = Size(_nominal(self.program, symbol), (((symbol,), 1),))
        register = self.builder.emit(Present((), symbol.name, (size,)))
        self.clean[register] = True
        return register

    def _is_padded(self, shape: Shape | tuple[Shape, ...]) -> bool:
        sizes = [n for part in shape for n in (part if isinstance(part, tuple) else (part,))]
        return any(isinstance(n, Size) and any(s.padded for s in n.symbols) for n in sizes)

    def _refuse(self, number: int) -> None:
        self._refuse_owner(self.program.owners[number])

    def _refuse_owner(self, owner: str) -> None:
        span = next((n.span for n in self.module.nodes if n.name == owner), Span(0, 0))
        raise LoweringRefused(
            "EQS432",
            f"`{owner}` has no rule for samples of different sizes",
            span,
            "`dynamic` sizes, one for a whole batch, are built",
        )


def _nominal(program: Program, symbol: Symbol) -> int:
    for shape in program.shapes:
        for part in shape:
            for size in part if isinstance(part, tuple) else (part,):
                if isinstance(size, Size) and size.symbol == symbol:
                    return int(size)
    raise AssertionError(symbol)


def _between(shape: Shape) -> list[object]:
    """The padded axes of a shape, and the product of the sizes between each two of them."""
    parts: list[object] = []
    product: int = 1
    for size in shape:
        if padded_dims((size,)):
            parts += [product, size]
            product = 1
        else:
            product = product * size
    return [*parts, product]
