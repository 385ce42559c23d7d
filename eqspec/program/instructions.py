"""The instructions of a tensor program.

A program is a straight line of instructions; an instruction names the results it reads by their
position (``args``). Shapes never contain the batch: a result that depends on an input has any number
of leading batch dimensions besides, one that depends on parameters alone has none. That dependence
is the *stage* of a result, and the stage says where the printer puts it: constants into the
constructor, parameter-only work into the method that expands the weights, the rest into ``forward``.
A size may be one of run time (`graph.sizes`); then shapes are polynomials in it.

In: nothing. Out: the value types used by `ops`, `passes`, `interpreter`, `cost` and the printer.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from eqspec.graph.sizes import is_dynamic
from eqspec.program.attending import Attend, attended_shape
from eqspec.program.fourier import Fourier, FourierBack, Transform, transformed_shape
from eqspec.program.framed import (
    Axes,
    CallBase,
    Determinant,
    InverseOrder,
    RowOrder,
    TakeRows,
    called_shapes,
    framed_shape,
)
from eqspec.program.grids import OnGrid, grid_shape
from eqspec.program.layers import Detach, Dropout, GroupNorm, Layer, layer_shape
from eqspec.program.orbits import (
    Canonical,
    MoveBy,
    OrbitChoice,
    OrbitMean,
    OrbitWeighted,
    OverRanks,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from eqspec.algebra.images import AnyImage
    from eqspec.program.filters import FilterBank

Shape = tuple[int, ...]


class Stage(IntEnum):
    """What a result depends on at most."""

    CONSTANT = 0
    PARAMETER = 1
    SIZE = 2  # parameters and sizes of run time: in `forward`, without a batch
    BATCH = 3


@dataclass(frozen=True)
class Note:
    """For the reader of the emitted code: a word for the variable, and a comment above it."""

    word: str
    text: str


@dataclass(frozen=True)
class Input:
    """Block ``block`` of the input ``name``; its entries are whole numbers 0 ... values - 1 where
    ``values`` is not 0."""

    args: tuple[int, ...]
    name: str
    block: int
    shape: Shape
    values: int = 0


@dataclass(frozen=True)
class Parameter:
    """Free weights, drawn uniformly from (-bound, bound), as `torch.nn.Linear` draws its own; with
    bound 0 all are ``start`` at first."""

    args: tuple[int, ...]
    name: str
    shape: Shape
    bound: float
    start: float = 0.0


@dataclass(frozen=True)
class PairOrbits:
    """How a table arose: ``stride`` times the numbers of the orbits of index pairs, under generators
    that permute rows and columns. A large table is written so, instead of number by number."""

    stride: int
    generators: tuple[tuple[AnyImage, AnyImage], ...]


@dataclass(frozen=True)
class Constant:
    """A table fixed at compile time: int64 (an index) or float64 (whole numbers over a
    power of two, or sampled filters)."""

    args: tuple[int, ...]
    shape: Shape
    dtype: Literal["int64", "float64"]
    data: bytes
    hint: str  # what the numbers are, for the reader of the emitted code
    origin: PairOrbits | FilterBank | None = field(default=None, compare=False)

    @cached_property
    def array(self) -> NDArray[np.generic]:
        import numpy as np

        return np.frombuffer(self.data, dtype=self.dtype).reshape(self.shape)


@dataclass(frozen=True)
class Halves:
    """``args = (high, low)``: real numbers as the sum of two tables, each exact in single precision. They are
    added where weights are expanded, in the precision that the module has then."""

    args: tuple[int, ...]
    bits: ClassVar[int] = 24


@dataclass(frozen=True)
class Orthonormal:
    """``args = (rows, squares)``: whole rows over the roots of ``squares``, which are of shape (rows, 1).
    Taken where weights are expanded, as `Halves`."""

    args: tuple[int, ...]


@dataclass(frozen=True)
class IndexSum:
    """A table of indices as a sum of small ones: ``result[i] = sum_k args[k][i over places[k]]``.

    Operand k lies along the axes ``places[k]`` (ascending) of the result and is constant along the
    others; the orbits of a weight and the numbering of its channels make such a sum.
    """

    args: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]
    shape: Shape


@dataclass(frozen=True)
class Take:
    """``args = (x, index)``: entries ``index`` (one-dimensional) of x along ``dim``."""

    args: tuple[int, ...]
    dim: int


@dataclass(frozen=True)
class Lookup:
    """``args = (table, ids)``: for every entry of ids the row of the table with that number. The table
    does not depend on an input; one of whole numbers with one axis renames what ids number."""

    args: tuple[int, ...]


@dataclass(frozen=True)
class Reduce:
    """Sum, mean or maximum over ``dims``, which vanish."""

    args: tuple[int, ...]
    dims: tuple[int, ...]
    how: Literal["sum", "mean", "max"]


@dataclass(frozen=True)
class Expand:
    """A new axis at position ``dim`` of the result, along which x is repeated ``size`` times."""

    args: tuple[int, ...]
    dim: int
    size: int


@dataclass(frozen=True)
class Permute:
    """Axis k of the result is axis ``order[k]`` of x."""

    args: tuple[int, ...]
    order: tuple[int, ...]


@dataclass(frozen=True)
class Reshape:
    args: tuple[int, ...]
    shape: Shape


@dataclass(frozen=True)
class Einsum:
    """``spec`` as in `numpy.einsum`, over the axes without the batch."""

    args: tuple[int, ...]
    spec: str
    note: Note | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Linear:
    """``args = (x, weight)`` or ``(x, weight, bias)``: last axis of x times the transposed weight."""

    args: tuple[int, ...]


@dataclass(frozen=True)
class Pointwise:
    """A function of one real variable, applied to every entry; see `ops.pointwise` for the table."""

    args: tuple[int, ...]
    function: str
    options: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Add:
    """Sum of results of equal shape."""

    args: tuple[int, ...]


@dataclass(frozen=True)
class Mul:
    """Product of two results of equal rank, entry by entry; a size of 1 is repeated as needed."""

    args: tuple[int, ...]


@dataclass(frozen=True)
class Sub:
    """Difference of two results of equal rank, entry by entry; a size of 1 is repeated as needed."""

    args: tuple[int, ...]


@dataclass(frozen=True)
class Scale:
    """x times a number."""

    args: tuple[int, ...]
    factor: float


@dataclass(frozen=True)
class Shift:
    """x plus a number."""

    args: tuple[int, ...]
    term: float


@dataclass(frozen=True)
class Normalise:
    """x over the root of the mean of its squares along ``dims``, plus ``eps`` under the root; with
    ``centre`` the mean along ``dims`` is taken off first. ``args`` may hold a weight and a bias too, both
    of the shape that x has along ``dims``."""

    args: tuple[int, ...]
    dims: tuple[int, ...]
    centre: bool
    eps: float


@dataclass(frozen=True)
class Affine:
    """``args = (x, weight, bias)``: x times the weight plus the bias, entry by entry; these have the rank
    of x and are repeated where their size is 1."""

    args: tuple[int, ...]


@dataclass(frozen=True)
class BatchNorm:
    """x over its root mean square of every index along ``keep``, taken over the batch and the other
    dimensions; with ``centre`` the mean is taken off first. In evaluation by the running statistics,
    the buffers ``name.running_mean`` and ``name.running_var``. ``args`` may hold a weight and a bias too,
    both of the shape of the running statistics."""

    args: tuple[int, ...]
    name: str
    keep: tuple[int, ...]
    centre: bool
    momentum: float
    eps: float

    def channels(self, x: Shape) -> Shape:
        """The shape of the running statistics."""
        view = self.view(x)
        return view[:1] if view is not None else tuple(x[dim] for dim in self.keep)

    def view(self, x: Shape) -> Shape | None:
        """The shape (channels, numbers) or (channels,) as which `F.batch_norm` takes a sample of x; None
        where a mean is kept, or the channels stand between other dimensions."""
        if not (self.centre and self.keep):
            return None
        first = self.keep[0]
        if self.keep != tuple(range(first, first + len(self.keep))):
            return None
        channels = math.prod(x[dim] for dim in self.keep)
        rest = math.prod(x[first + len(self.keep) :])
        if first + len(self.keep) == len(x):
            return (channels,)
        return (channels, rest) if first == 0 else None


@dataclass(frozen=True)
class Concat:
    args: tuple[int, ...]
    dim: int
    note: Note | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Stack:
    """Results of equal shape along a new axis at position ``dim``."""

    args: tuple[int, ...]
    dim: int
    note: Note | None = field(default=None, compare=False)


@dataclass(frozen=True)
class DiagonalEmbed:
    """The last axis of x goes onto the diagonal of the axes ``dims`` of the result; 0 elsewhere."""

    args: tuple[int, ...]
    dims: tuple[int, int]


@dataclass(frozen=True)
class Narrow:
    """``length`` entries of x along ``dim``, from ``start``."""

    args: tuple[int, ...]
    dim: int
    start: int
    length: int


@dataclass(frozen=True)
class Present:
    """The mask of the padded size ``symbol``, of shape (n,): which entries are there."""

    args: tuple[int, ...]
    symbol: str
    shape: Shape


@dataclass(frozen=True)
class Mask:
    """``args = (x, mask)``: x with zeros wherever an axis of ``dims`` is masked, whatever stands there."""

    args: tuple[int, ...]
    dims: tuple[int, ...]


@dataclass(frozen=True)
class MaskedReduce:
    """``args = (x, mask)``: the mean (of an x that is zero where masked) or the maximum over the entries
    along ``dims`` that are there, and 0 if none is. The axes vanish."""

    args: tuple[int, ...]
    dims: tuple[int, ...]
    how: Literal["mean", "max"]


@dataclass(frozen=True)
class CallModule:
    """Call of another module of the spec with parameters of its own; the result is a tuple. The last
    arguments are the ``masks`` of its padded sizes."""

    args: tuple[int, ...]
    attribute: str  # name of the submodule in its parent
    module: str  # key of the instance
    outputs: tuple[Shape, ...]
    masks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item:
    """Entry ``index`` of a tuple."""

    args: tuple[int, ...]
    index: int


Instruction = (
    Input
    | Parameter
    | Constant
    | Halves
    | Orthonormal
    | IndexSum
    | Take
    | Lookup
    | Reduce
    | Expand
    | Permute
    | Reshape
    | Einsum
    | Linear
    | Pointwise
    | Add
    | Mul
    | Sub
    | Scale
    | Shift
    | Normalise
    | Affine
    | Attend
    | Transform
    | BatchNorm
    | Layer
    | Concat
    | Stack
    | DiagonalEmbed
    | Narrow
    | Present
    | Mask
    | MaskedReduce
    | OrbitMean
    | OrbitWeighted
    | OrbitChoice
    | OverRanks
    | Canonical
    | MoveBy
    | CallModule
    | Item
    | Axes
    | Determinant
    | RowOrder
    | InverseOrder
    | TakeRows
    | CallBase
    | OnGrid
)


@dataclass(frozen=True)
class Program:
    """A straight line of instructions and the results that leave it.

    ``owners[k]`` is the node of the layer graph for which instruction k was made; ``named`` holds the
    results of every node that the emitted tests look at, ``outputs`` those that `forward` returns.
    ``results`` holds those of every node, before the passes; afterwards it is empty.
    """

    instructions: tuple[Instruction, ...]
    owners: tuple[str, ...]
    outputs: tuple[tuple[str, tuple[int, ...]], ...]
    named: tuple[tuple[str, tuple[int, ...]], ...] = ()
    results: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @cached_property
    def shapes(self) -> tuple[Shape | tuple[Shape, ...], ...]:
        shapes: list[Shape | tuple[Shape, ...]] = []
        for instruction in self.instructions:
            shapes.append(shape_of(instruction, shapes))
        return tuple(shapes)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        stages: list[Stage] = []
        for instruction in self.instructions:
            stages.append(stage_of(instruction, stages))
        return tuple(stages)

    @cached_property
    def spent(self) -> tuple[tuple[int, ...], ...]:
        """After every instruction, the results that nothing below reads: of those that it read, and its own."""
        last = list(range(len(self.instructions)))
        for number, instruction in enumerate(self.instructions):
            for arg in instruction.args:
                last[arg] = number
        found: list[list[int]] = [[] for _ in last]
        for register, number in enumerate(last):
            found[number].append(register)
        return tuple(map(tuple, found))

    @cached_property
    def origins(self) -> tuple[str | None, ...]:
        """For every result the parameter at the end of its chain of first arguments, by its name without
        that of its layer; None if an input or a constant is there."""
        found: list[str | None] = []
        for instruction in self.instructions:
            if isinstance(instruction, Parameter):
                found.append(instruction.name.rpartition(".")[2])
            else:
                found.append(found[instruction.args[0]] if instruction.args else None)
        return tuple(found)

    @cached_property
    def steps(self) -> Mapping[str, int]:
        """For every layer of several steps, how many they are: owners are then `layer.step`."""
        return Counter(owner.partition(".")[0] for owner in {*self.owners} if "." in owner)

    def shape(self, register: int) -> Shape:
        return plain_shape(self.shapes[register])


def plain_shape(shape: Shape | tuple[Shape, ...]) -> Shape:
    assert all(isinstance(size, int) for size in shape), "a tuple of tensors has no single shape"
    return shape  # type: ignore[return-value]  # checked on the line above


def stage_of(instruction: Instruction, stages: Sequence[Stage]) -> Stage:
    match instruction:
        case OrbitMean() | OrbitWeighted() | OrbitChoice() | Canonical():
            return Stage.BATCH
        case Input() | CallModule() | BatchNorm() | Present():
            return Stage.BATCH
        case Parameter() | Halves() | Orthonormal():
            return Stage.PARAMETER
        case Constant():
            return Stage.CONSTANT
        case Expand(size=size) if is_dynamic(size):
            return max(Stage.SIZE, stages[instruction.args[0]])
        case _:
            return max(stages[arg] for arg in instruction.args)


def shape_of(
    instruction: Instruction, shapes: Sequence[Shape | tuple[Shape, ...]]
) -> Shape | tuple[Shape, ...]:
    """Shape of the result, without the batch.

    Raises:
        AssertionError: the operands do not fit, a bug of the lowering that made the instruction.
    """
    of = [shapes[arg] for arg in instruction.args]
    match instruction:
        case (
            Input(shape=shape)
            | Parameter(shape=shape)
            | Constant(shape=shape)
            | Present(shape=shape)
        ):
            return shape
        case OrbitMean(orbit=orbit) | OrbitWeighted(orbit=orbit) | OrbitChoice(orbit=orbit):
            return orbit.targets
        case OverRanks():
            return tuple(plain_shape(shape) for shape in of)
        case Canonical(cosets=cosets, ties=ties):
            moved = tuple(plain_shape(shape) for shape in of)
            return (*moved, () if ties == "first" else (cosets,))
        case MoveBy():
            return tuple(plain_shape(shape) for shape in of[:-1])
        case CallModule(outputs=outputs):
            return outputs
        case CallBase():
            return called_shapes(instruction, [plain_shape(shape) for shape in of])
        case Item(index=index):
            item = of[0][index]
            assert isinstance(item, tuple)
            return item
        case _:
            return _tensor_shape(instruction, [plain_shape(shape) for shape in of])


def _tensor_shape(instruction: Instruction, of: list[Shape]) -> Shape:
    x = of[0]
    match instruction:
        case Axes() | Determinant() | RowOrder() | InverseOrder() | TakeRows():
            return framed_shape(instruction, of)
        case _ if isinstance(instruction, OnGrid):
            return grid_shape(instruction, of)
        case Attend():
            return attended_shape(instruction, of)
        case Fourier() | FourierBack():
            return transformed_shape(instruction, x)
        case IndexSum(places=places, shape=shape):
            for place, part in zip(places, of, strict=True):
                assert tuple(shape[k] for k in place) == part, (instruction, of)
            return shape
        case Take(dim=dim):
            assert len(of[1]) == 1 and 0 <= dim < len(x), (instruction, of)
            return (*x[:dim], of[1][0], *x[dim + 1 :])
        case Lookup():
            assert len(x) >= 1, (instruction, of)
            return (*of[1], *x[1:])
        case Mask(dims=dims):
            assert all(0 <= dim < len(x) and (x[dim],) == of[1] for dim in dims), (instruction, of)
            return x
        case Reduce(dims=dims) | MaskedReduce(dims=dims):
            assert all(0 <= dim < len(x) for dim in dims), (instruction, of)
            return tuple(size for k, size in enumerate(x) if k not in dims)
        case Expand(dim=dim, size=size):
            assert 0 <= dim <= len(x), (instruction, of)
            return (*x[:dim], size, *x[dim:])
        case Permute(order=order):
            assert sorted(order) == list(range(len(x))), (instruction, of)
            return tuple(x[k] for k in order)
        case Reshape(shape=shape):
            assert math.prod(shape) == math.prod(x), (instruction, of)
            return shape
        case Einsum(spec=spec):
            inputs, output = spec.split("->")
            sizes: dict[str, int] = {}
            for letters, shape in zip(inputs.split(","), of, strict=True):
                assert len(letters) == len(shape), (instruction, of)
                for letter, size in zip(letters, shape, strict=True):
                    assert sizes.setdefault(letter, size) == size, (instruction, of)
            return tuple(sizes[letter] for letter in output)
        case Linear():
            assert len(of[1]) == 2 and x[-1] == of[1][1], (instruction, of)
            assert len(of) == 2 or of[2] == (of[1][0],), (instruction, of)
            return (*x[:-1], of[1][0])
        case GroupNorm() | Dropout() | Detach():
            return layer_shape(instruction, of)
        case Pointwise() | Scale() | Shift():
            return x
        case BatchNorm():
            assert all(shape == instruction.channels(x) for shape in of[1:]), (instruction, of)
            return x
        case Normalise(dims=dims):
            along = tuple(x[dim] for dim in dims)
            assert all(shape == along for shape in of[1:]), (instruction, of)
            return x
        case Affine():
            assert len({len(shape) for shape in of}) == 1, (instruction, of)
            assert all(
                part in (1, size) for shape in of for part, size in zip(shape, x, strict=True)
            ), (instruction, of)
            return x
        case Add():
            assert all(shape == x for shape in of), (instruction, of)
            return x
        case Halves():
            assert of[0] == of[1], (instruction, of)
            return x
        case Orthonormal():
            assert of[1] == (x[0], 1), (instruction, of)
            return x
        case Mul() | Sub():
            sizes_of = list(zip(*of, strict=True))
            assert all(len({*s} - {1}) <= 1 for s in sizes_of), (instruction, of)
            return tuple(max(s) for s in sizes_of)
        case Concat(dim=dim):
            rests = {(*shape[:dim], *shape[dim + 1 :]) for shape in of}
            assert len(rests) == 1, (instruction, of)
            return (*x[:dim], sum(shape[dim] for shape in of), *x[dim + 1 :])
        case Stack(dim=dim):
            assert 0 <= dim <= len(x) and all(shape == x for shape in of), (instruction, of)
            return (*x[:dim], len(of), *x[dim:])
        case DiagonalEmbed(dims=(first, second)):
            assert 0 <= first < second <= len(x), (instruction, of)
            rest = (*x[:first], x[-1], *x[first:-1])
            return (*rest[:second], x[-1], *rest[second:])
        case Narrow(dim=dim, start=start, length=length):
            assert start >= 0 and start + length <= x[dim], (instruction, of)
            return (*x[:dim], length, *x[dim + 1 :])
    raise AssertionError(instruction)
