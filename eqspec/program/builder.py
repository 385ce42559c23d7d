"""Building a program, one instruction at a time.

Equal instructions get one result: common subexpressions are found by value numbering while they are
made, so two layers that pool the same feature pool it once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from eqspec.graph.sizes import is_dynamic
from eqspec.program.attending import Attend
from eqspec.program.fourier import Fourier, FourierBack
from eqspec.program.framed import CallBase
from eqspec.program.instructions import (
    Add,
    Affine,
    CallModule,
    Concat,
    Constant,
    DiagonalEmbed,
    Einsum,
    Expand,
    Halves,
    IndexSum,
    Input,
    Instruction,
    Item,
    Linear,
    Lookup,
    Mul,
    Narrow,
    Normalise,
    Note,
    Orthonormal,
    PairOrbits,
    Parameter,
    Permute,
    Pointwise,
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
    shape_of,
    stage_of,
)
from eqspec.program.orbits import OrbitCall, OverRanks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from eqspec.program.filters import FilterBank


LONGEST_SUM = 32
HALF = Halves.bits


class Builder:
    """Collects instructions; every method returns the position of its result.

    Trivial work is not recorded: a permutation that moves nothing, a reshape to the same shape, a
    sum of one term.
    """

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self.owners: list[str] = []
        self.shapes: list[Shape | tuple[Shape, ...]] = []
        self.stages: list[Stage] = []
        self._numbers: dict[Instruction, int] = {}
        self._parameters: set[str] = set()
        self._owner = ""

    @contextmanager
    def owner(self, node: str) -> Iterator[None]:
        """Instructions made inside belong to ``node``."""
        before, self._owner = self._owner, node
        try:
            yield
        finally:
            self._owner = before

    def emit(self, instruction: Instruction, owner: str | None = None) -> int:
        known = self._numbers.get(instruction)
        if known is not None:
            return known
        number = len(self.instructions)
        self.shapes.append(shape_of(instruction, self.shapes))
        self.stages.append(stage_of(instruction, self.stages))
        self.instructions.append(instruction)
        self.owners.append(self._owner if owner is None else owner)
        self._numbers[instruction] = number
        return number

    def shape(self, register: int) -> Shape:
        return plain_shape(self.shapes[register])

    def input(self, name: str, block: int, shape: Shape, values: int = 0) -> int:
        return self.emit(Input((), name, block, shape, values))

    def parameter(self, name: str, shape: Shape, bound: float, start: float = 0.0) -> int:
        """Free weights of their own: a name that is taken gets a number."""
        assert not is_dynamic(shape), (name, shape)
        fresh, count = name, 1
        while fresh in self._parameters:
            count += 1
            fresh = f"{name}_{count}"
        self._parameters.add(fresh)
        return self.emit(Parameter((), fresh, shape, bound, start))

    def index(self, values: ArrayLike, hint: str, origin: PairOrbits | None = None) -> int:
        import numpy as np

        array = np.ascontiguousarray(values, dtype=np.int64)
        return self.emit(Constant((), array.shape, "int64", array.tobytes(), hint, origin))

    def number(self, values: ArrayLike, hint: str) -> int:
        import numpy as np

        array = np.ascontiguousarray(values, dtype=np.float64)
        return self.emit(Constant((), array.shape, "float64", array.tobytes(), hint))

    def real(self, values: ArrayLike, hint: str) -> int:
        """Real numbers. Those that are not whole are kept in two halves, so that they are right in single
        and in double precision, whichever the emitted module is moved to."""
        import numpy as np

        array = np.asarray(values, dtype=np.float64)
        if np.array_equal(array, np.round(array)):
            return self.number(array, hint)
        unit = 2.0 ** (HALF - int(np.frexp(np.abs(array).max(initial=0.0))[1]))
        high = np.round(array * unit) / unit
        unit *= 2.0**HALF
        low = np.round((array - high) * unit) / unit
        return self.emit(Halves((self.number(high, hint), self.number(low, hint))))

    def orthonormal(self, rows: NDArray[np.float64], squares: Sequence[float], hint: str) -> int:
        """Whole rows, each divided by the root of its square."""
        table = self.number(rows, hint)
        return self.emit(
            Orthonormal((table, self.number([[n] for n in squares], "squares of the rows")))
        )

    def filters(self, bank: FilterBank) -> int:
        """The filters of every free weight, one after the other: (weights, places x window x window)."""
        array = bank.sampled().reshape(bank.weights, -1)
        return self.emit(
            Constant((), array.shape, "float64", array.tobytes(), "filters", origin=bank)
        )

    def index_sum(self, parts: Sequence[tuple[int, tuple[int, ...]]], shape: Sequence[int]) -> int:
        """``parts`` are constants and the axes of the result along which they lie."""
        if len(parts) == 1 and parts[0][1] == tuple(range(len(shape))):
            return parts[0][0]
        return self.emit(
            IndexSum(tuple(p for p, _ in parts), tuple(at for _, at in parts), tuple(shape))
        )

    def take(self, x: int, dim: int, index: int) -> int:
        return self.emit(Take((x, index), dim))

    def lookup(self, table: int, ids: int) -> int:
        """Rows of a table that no input changes."""
        assert self.stages[table] <= Stage.PARAMETER, "one table for all samples"
        return self.emit(Lookup((table, ids)))

    def reduce(self, x: int, dims: Sequence[int], how: Literal["sum", "mean", "max"]) -> int:
        if not dims:
            return x
        return self.emit(Reduce((x,), tuple(sorted(dims)), how))

    def expand(self, x: int, dim: int, size: int) -> int:
        return self.emit(Expand((x,), dim, size))

    def permute(self, x: int, order: Sequence[int]) -> int:
        if list(order) == sorted(order):
            return x
        shape = self.shape(x)
        wide = [k for k in order if shape[k] != 1]
        if wide == sorted(wide):  # only axes of size 1 move
            return self.reshape(x, [shape[k] for k in order])
        source = self.instructions[x]
        if isinstance(source, Permute):  # a permutation of a permutation is one permutation
            return self.permute(source.args[0], [source.order[k] for k in order])
        return self.emit(Permute((x,), tuple(order)))

    def reshape(self, x: int, shape: Sequence[int]) -> int:
        if tuple(shape) == self.shape(x):
            return x
        source = self.instructions[x]
        if isinstance(source, Reshape):  # a reshape of a reshape is one reshape
            return self.reshape(source.args[0], shape)
        return self.emit(Reshape((x,), tuple(shape)))

    def flatten(self, x: int) -> int:
        return self.reshape(x, (math.prod(self.shape(x)),))

    def einsum(self, spec: str, *args: int, note: Note | None = None) -> int:
        return self.emit(Einsum(args, spec, note))

    def linear(self, x: int, weight: int, bias: int | None = None) -> int:
        return self.emit(Linear((x, weight) if bias is None else (x, weight, bias)))

    def pointwise(self, x: int, function: str, options: tuple[tuple[str, float], ...] = ()) -> int:
        return self.emit(Pointwise((x,), function, options))

    def add(self, *terms: int) -> int:
        """Long sums are nested, so that no expression printed from them is deep."""
        while len(terms) > LONGEST_SUM:
            chunks = range(0, len(terms), LONGEST_SUM)
            terms = tuple(self.add(*terms[k : k + LONGEST_SUM]) for k in chunks)
        return terms[0] if len(terms) == 1 else self.emit(Add(terms))

    def mul(self, a: int, b: int) -> int:
        """The product; where one has size 1 along an axis (`unsqueeze`), it is repeated."""
        return self.emit(Mul((a, b)))

    def subtract(self, a: int, b: int) -> int:
        """The difference; where one has size 1 along an axis, it is repeated."""
        return self.emit(Sub((a, b)))

    def unsqueeze(self, x: int, dims: Sequence[int]) -> int:
        """New axes of size 1 at the positions ``dims`` of the result."""
        for dim in sorted(dims):
            x = self.expand(x, dim, 1)
        return x

    def shift(self, x: int, term: float) -> int:
        return x if term == 0 else self.emit(Shift((x,), term))

    def scale(self, x: int, factor: float) -> int:
        short = round(factor * 4096) / 4096
        if abs(short - factor) < 1e-15:  # rounding of a product of roots
            factor = short
        return x if factor == 1 else self.emit(Scale((x,), factor))

    def affine(self, x: int, weight: int, bias: int) -> int:
        """x times a weight plus a bias, whose sizes are those of x or 1."""
        return self.emit(Affine((x, weight, bias)))

    def normalise(self, args: Sequence[int], dims: Sequence[int], centre: bool, eps: float) -> int:
        """``args`` are x, and a weight and a bias if there are."""
        return self.emit(Normalise(tuple(args), tuple(dims), centre, eps))

    def attend(self, query: int, key: int, value: int, bias: int | None = None) -> int:
        args = (query, key, value) if bias is None else (query, key, value, bias)
        return self.emit(Attend(args, bias is not None))

    def fourier(self, x: int, dim: int) -> int:
        return self.emit(Fourier((x,), dim))

    def fourier_back(self, x: int, dim: int) -> int:
        return self.emit(FourierBack((x,), dim))

    def concat(self, parts: Sequence[int], dim: int, note: Note | None = None) -> int:
        return parts[0] if len(parts) == 1 else self.emit(Concat(tuple(parts), dim, note))

    def stack(self, parts: Sequence[int], dim: int, note: Note | None = None) -> int:
        return self.emit(Stack(tuple(parts), dim, note))

    def diagonal_embed(self, x: int, dims: Sequence[int]) -> int:
        first, second = dims
        return self.emit(DiagonalEmbed((x,), (first, second)))

    def narrow(self, x: int, dim: int, start: int, length: int) -> int:
        if start == 0 and length == self.shape(x)[dim]:
            return x
        return self.emit(Narrow((x,), dim, start, length))

    def orbit(self, instruction: OrbitCall) -> tuple[int, ...]:
        """The blocks of a result that is taken along an orbit."""
        return self.items(self.emit(instruction))

    def over_ranks(self, xs: Sequence[int]) -> tuple[int, ...]:
        return self.items(self.emit(OverRanks(tuple(xs))))

    def call_base(self, instruction: CallBase) -> tuple[int, ...]:
        return self.items(self.emit(instruction))

    def call_module(self, instruction: CallModule) -> tuple[int, ...]:
        # two calls of one module have parameters of their own: `attribute` keeps them apart
        return self.items(self.emit(instruction))

    def items(self, register: int) -> tuple[int, ...]:
        return tuple(self.emit(Item((register,), k)) for k in range(len(self.shapes[register])))

    def program(
        self,
        outputs: Sequence[tuple[str, tuple[int, ...]]],
        named: Sequence[tuple[str, tuple[int, ...]]] = (),
    ) -> Program:
        made = Program(tuple(self.instructions), tuple(self.owners), tuple(outputs), tuple(named))
        vars(made).update(shapes=tuple(self.shapes), stages=tuple(self.stages))  # they are known
        return made
