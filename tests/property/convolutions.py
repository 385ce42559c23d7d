"""Random convolutions, and an action on their features that is not the compiler's.

A group is given by small integer matrices on positions (signed permutations of the dimensions) or by
rolls; a fibre by a matrix for every generator, written by hand; pictures are moved by `torch.rot90`,
`flip`, `roll` and `transpose`. The spec says the same in its own words.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Matrix = NDArray[np.float64]
Move = Callable[[Tensor], Tensor]  # of the last dimensions


@dataclass(frozen=True)
class Fibre:
    """An axis of a type, and the matrix of every generator on it."""

    text: str
    matrices: tuple[Matrix, ...]


@dataclass(frozen=True)
class Grid:
    """``text`` with sizes, e.g. "G.grid({}, {})"; ``moves[k]`` moves the positions as generator k. ``tied``:
    the dimensions have one size; ``rolls``: a translation, whose size is ``length``."""

    text: str
    dims: int
    moves: tuple[Move, ...]
    tied: bool = False
    reverses: bool = True
    length: int = 0


@dataclass(frozen=True)
class Symmetry:
    """A factor called G, its declaration, its grids and its fibres."""

    declaration: str
    generators: int
    grids: tuple[Grid, ...]
    fibres: tuple[Fibre, ...]


def quarter(x: Tensor) -> Tensor:
    return torch.rot90(x, 1, (-2, -1))


def left_right(x: Tensor) -> Tensor:
    return x.flip(-1)


def top_bottom(x: Tensor) -> Tensor:
    return x.flip(-2)


def half(x: Tensor) -> Tensor:
    return x.flip(-2, -1)


def swapped(x: Tensor) -> Tensor:
    return x.transpose(-2, -1)


def rolled(x: Tensor) -> Tensor:
    return x.roll(1, -1)


def regular(generators: Sequence[Matrix], elements: Sequence[Matrix]) -> Fibre:
    """e_h goes to e_(g h), in the order of the elements."""
    images = []
    for g in generators:
        image = np.zeros((len(elements), len(elements)))
        for column, h in enumerate(elements):
            row = next(k for k, e in enumerate(elements) if np.array_equal(e, g @ h))
            image[row, column] = 1
        images.append(image)
    return Fibre("G.regular", tuple(images))


def array(*rows: Sequence[int]) -> Matrix:
    return np.array(rows, dtype=float)


def _square() -> Symmetry:
    r, s = array((0, -1), (1, 0)), array((1, 0), (0, -1))
    turns = [np.linalg.matrix_power(r, k) for k in range(4)]
    elements = [*turns, *(turn @ s for turn in turns)]
    return Symmetry(
        "group G = dihedral(4)\n"
        "rep G.arrow = matrix(2) { r -> [[0, -1], [1, 0]]\n s -> diag(1, -1) }\n"
        "rep G.axes = permutation(2) { r -> (0 1)\n s -> () }\n"
        "rep G.ends = signed_permutation(2) { r -> (0 1)\n s -> (0 -0)(1 -1) }\n"
        "rep G.skew = matrix(2) { r -> [[1, -2], [1, -1]]\n s -> [[1, 0], [1, -1]] }\n",
        2,
        (Grid("G.grid({}, {})", 2, (quarter, left_right), tied=True),),
        (
            regular([r, s], elements),
            Fibre("G.sign", (array((1,)), array((-1,)))),
            Fibre("G.arrow", (r, s)),
            Fibre("G.axes", (array((0, 1), (1, 0)), np.eye(2))),
            Fibre("G.ends", (array((0, 1), (1, 0)), -np.eye(2))),
            Fibre("G.skew", (array((1, -2), (1, -1)), array((1, 0), (1, -1)))),
        ),
    )


def _turns() -> Symmetry:
    r = array((0, -1), (1, 0))
    return Symmetry(
        "group G = cyclic(4)\n"
        "rep G.arrow = matrix(2) { r -> [[0, -1], [1, 0]] }\n"
        "rep G.pair = permutation(2) { r -> (0 1) }\n",
        1,
        (
            Grid("G.grid({}, {})", 2, (quarter,), tied=True),
            Grid("G.rot180({}, {})", 2, (half,)),
        ),
        (
            regular([r], [np.linalg.matrix_power(r, k) for k in range(4)]),
            Fibre("G.sign", (array((-1,)),)),
            Fibre("G.arrow", (r,)),
            Fibre("G.pair", (array((0, 1), (1, 0)),)),
        ),
    )


def _mirrors() -> Symmetry:
    a, b = np.diag([1.0, -1.0]), np.diag([-1.0, 1.0])
    return Symmetry(
        "group G = klein()\nrep G.ends = signed_permutation(3) { a -> (0 -0)(1 2)\n b -> (1 -1)(2 -2) }\n",
        2,
        (Grid("G.grid({}, {})", 2, (left_right, top_bottom)),),
        (
            regular([a, b], [np.eye(2), a, b, a @ b]),
            Fibre(
                "G.ends",
                (array((-1, 0, 0), (0, 0, 1), (0, 1, 0)), np.diag([1.0, -1.0, -1.0])),
            ),
        ),
    )


def _pair() -> Symmetry:
    flip = -np.eye(1)
    grids = (
        Grid("G.hflip({}, {})", 2, (left_right,)),
        Grid("G.vflip({}, {})", 2, (top_bottom,)),
        Grid("G.rot180({}, {})", 2, (half,)),
        Grid("G.transpose({})", 2, (swapped,), tied=True, reverses=False),
        Grid("G.reverse({})", 1, (left_right,)),
        Grid("G.hflip({}, {}, {})", 3, (left_right,)),
        Grid("G.vflip({}, {}, {})", 3, (top_bottom,)),
    )
    return Symmetry(
        "group G = cyclic(2)\n"
        "rep G.letter = permutation([A, C, T, U]) { r -> (A T)(C U) }\n"
        "rep G.label = signed_permutation(3) { r -> (0 1)(2 -2) }\n",
        1,
        grids,
        (
            regular([flip], [np.eye(1), flip]),
            Fibre("G.sign", (flip,)),
            Fibre("G.letter", (np.eye(4)[[2, 3, 0, 1]],)),
            Fibre("G.label", (array((0, 1, 0), (1, 0, 0), (0, 0, -1)),)),
        ),
    )


def _translations(n: int) -> Symmetry:
    step = np.roll(np.eye(n), 1, axis=0)
    return Symmetry(
        f"group G = cyclic({n})\n",
        1,
        (Grid(f"G.shift({n})", 1, (rolled,), reverses=False, length=n),),
        (Fibre("G.regular", (step,)),),
    )


SYMMETRIES = (_square(), _turns(), _mirrors(), _pair(), _translations(5), _translations(6))


@dataclass(frozen=True)
class Feature:
    """A block: channels, fibres, and the grid at position ``at`` among its axes."""

    channels: int
    fibres: tuple[Fibre, ...]
    at: int

    def type(self, grid: str) -> str:
        axes = [str(self.channels), *(fibre.text for fibre in self.fibres)]
        axes.insert(self.at, grid)
        return f"[{', '.join(axes)}]"

    @property
    def width(self) -> int:
        sizes = [len(fibre.matrices[0]) for fibre in self.fibres]
        return int(np.prod([self.channels, *sizes]))

    def matrix(self, generator: int) -> Matrix:
        """On channels and fibres, merged in order."""
        total = np.eye(self.channels)
        for fibre in self.fibres:
            total = np.kron(total, fibre.matrices[generator])
        return total

    def act(self, x: Tensor, generator: int, grid: Grid) -> Tensor:
        """On a tensor of this type."""
        sizes = [self.channels, *(len(fibre.matrices[0]) for fibre in self.fibres)]
        first = x.dim() - len(sizes) - grid.dims + self.at
        order = [k for k in range(x.dim()) if not first <= k < first + grid.dims]
        order += list(range(first, first + grid.dims))
        y = x.permute(order)
        y = grid.moves[generator](y)
        lead = x.dim() - len(sizes) - grid.dims
        flat = y.flatten(lead, lead + len(sizes) - 1).movedim(lead, -1)
        flat = flat @ torch.from_numpy(self.matrix(generator)).T
        y = flat.movedim(-1, lead).unflatten(lead, sizes)
        back = [order.index(k) for k in range(x.dim())]
        return y.permute(back)


@dataclass(frozen=True)
class Case:
    """A convolution between two features, as a spec and as numbers."""

    symmetry: Symmetry
    grid: Grid
    source: Feature
    target: Feature
    sizes: tuple[int, ...]
    result: tuple[int, ...]
    kernel: tuple[int, ...]
    options: dict[str, str] = field(default_factory=dict)
    groups: int = 1
    transposed: bool = False

    @property
    def text(self) -> str:
        op = f"conv{'_transpose' if self.transposed else ''}{self.grid.dims}d"
        options = "".join(f", {key}={value}" for key, value in self.options.items())
        given = self.source.type(written(self.grid, self.sizes))
        declared = self.target.type(written(self.grid, self.result))
        return (
            f"eqspec 1\n{self.symmetry.declaration}module M {{\n  input x: {given}\n"
            f"  output y: {declared} = {op}(x, kernel={list(self.kernel)}{options})\n}}\n"
        )

    def kernels(self) -> int:
        """The dimension of the space of kernels of one group, from the law of kernels alone:
        k(g w) rho(g) = rho'(g) k(w), solved as linear equations."""
        inside = Feature(self.source.channels // self.groups, self.source.fibres, 0).width
        outside = self.target.width
        count = int(np.prod(self.kernel))
        unknown = outside * inside * count
        rows = [np.zeros((1, unknown))]
        for g in range(self.symmetry.generators):
            small = Feature(self.source.channels // self.groups, self.source.fibres, 0).matrix(g)
            basis = torch.eye(unknown, dtype=torch.float64)
            basis = basis.reshape(unknown, outside, inside, *self.kernel)
            moved = basis if self.grid.length else self.grid.moves[g](basis)
            moved = moved.reshape(unknown, outside, inside, count)
            left = torch.einsum("noiw,ij->nojw", moved, torch.from_numpy(small))
            flat = basis.reshape(unknown, outside, inside, count)
            right = torch.einsum("op,npiw->noiw", torch.from_numpy(self.target.matrix(g)), flat)
            rows.append((left - right).reshape(unknown, -1).T.numpy())
        return unknown - int(np.linalg.matrix_rank(np.concatenate(rows)))


def written(grid: Grid, sizes: Sequence[int]) -> str:
    return grid.text.format(*sizes)


def random_case(rng: random.Random) -> Case | None:
    """A convolution that should be accepted; None where there is no such result."""
    symmetry = rng.choice(SYMMETRIES)
    grid = rng.choice(symmetry.grids)
    transposed = not grid.length and rng.random() < 0.25
    groups = rng.choice([1, 1, 1, 2])
    small = grid.dims == 3

    def each(values: Sequence[int]) -> tuple[int, ...]:
        one = rng.choice(values)
        if grid.tied or rng.random() < 0.5:
            return (one,) * grid.dims
        return tuple(rng.choice(values) for _ in range(grid.dims))

    kernel = each([1, 2, 3] if small else [1, 2, 3, 3, 4, 5])
    sizes = (grid.length,) if grid.length else each([3, 4] if small else [4, 5, 6, 7, 8])
    dilation = each([1, 1, 1, 2])
    mode = "zero" if transposed else rng.choice(["zero", "circular", "reflect", "replicate"])
    stride = each([1, 1, 2, 2, 3])
    padding = [(n, n) for n in each([0, 1, 1, 2])]
    if grid.length:
        mode, stride = "circular", (1,)
        total = dilation[0] * (kernel[0] - 1)
        before = rng.randint(max(0, total - grid.length), min(total, grid.length))
        padding = [(before, total - before)]
    result = []
    for n, k, s, (before, after), d in zip(sizes, kernel, stride, padding, dilation, strict=True):
        span = d * (k - 1) + 1
        if mode == "circular" and max(before, after) > n:
            return None
        if mode == "reflect" and max(before, after) >= n:
            return None
        if n + before + after < span:
            return None
        size = s * (n - 1) + span - before - after
        result.append(size if transposed else (n + before + after - span) // s + 1)
    if min(result) < 1:
        return None
    features = []
    for _ in range(2):
        fibres = tuple(
            rng.sample(symmetry.fibres, k=min(len(symmetry.fibres), rng.choice([0, 1, 1])))
        )
        if rng.random() < 0.1:
            fibres = (*fibres, rng.choice(symmetry.fibres))
        channels = groups * rng.choice([1, 2])
        features.append(Feature(channels, fibres, rng.randint(0, 1 + len(fibres))))
    same = all(a == b for a, b in padding)
    options = {
        "stride": str(list(stride)),
        "dilation": str(list(dilation)),
        "padding": str([a for a, _ in padding] if same else [list(pair) for pair in padding]),
    }
    if mode != "zero":
        options["padding_mode"] = mode
    if groups > 1:
        options["groups"] = str(groups)
    return Case(
        symmetry,
        grid,
        features[0],
        features[1],
        sizes,
        tuple(result),
        kernel,
        options,
        groups,
        transposed,
    )


def stands_symmetrically(case: Case) -> bool:
    """Is the convolution of one invariant channel with a random kernel that the group leaves alone
    equivariant? Numbers decide."""
    grid = case.grid
    if grid.length:
        return True
    generator = torch.Generator().manual_seed(3)
    kernel = torch.randn(1, 1, *case.kernel, generator=generator, dtype=torch.float64)
    total = kernel
    for _ in range(
        200
    ):  # a lazy random walk on the group: its limit is the average over all elements
        total = sum((grid.moves[g](total) for g in range(case.symmetry.generators)), total)
        total = total / (1 + case.symmetry.generators)
    x = torch.randn(1, 1, *case.sizes, generator=generator, dtype=torch.float64)
    return all(
        torch.allclose(
            _plain(case, grid.moves[g](x), total), grid.moves[g](_plain(case, x, total)), atol=1e-9
        )
        for g in range(case.symmetry.generators)
    )


def _plain(case: Case, x: Tensor, kernel: Tensor) -> Tensor:
    """The convolution of the case on one channel, by PyTorch."""
    numbers = {key: eval(case.options[key]) for key in ("stride", "dilation", "padding")}
    if case.transposed:
        apply = getattr(functional, f"conv_transpose{case.grid.dims}d")
        y: Tensor = apply(x, kernel, **numbers)
        return y
    pairs = [(p, p) if isinstance(p, int) else tuple(p) for p in numbers.pop("padding")]
    mode = case.options.get("padding_mode", "zero")
    widths = [n for pair in reversed(pairs) for n in pair]
    x = functional.pad(x, widths, mode="constant" if mode == "zero" else mode)
    result: Tensor = getattr(functional, f"conv{case.grid.dims}d")(x, kernel, **numbers)
    return result
