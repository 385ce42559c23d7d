"""The NumPy interpreter of tensor programs: the oracle of translation validation and of the tests.

It is written for clarity: every instruction is one line of NumPy on arrays with one leading batch
axis. Emitted PyTorch is compared with it; it never imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.functionals import Functional, companion
from eqspec.algebra.images import (
    AffineMap,
    AnyImage,
    LatticeMap,
    Monomial,
    explicit,
    rows_of,
)
from eqspec.program import frames
from eqspec.program.attending import Attend
from eqspec.program.framed import Axes, CallBase, Determinant, InverseOrder, RowOrder, TakeRows
from eqspec.program.gridruns import run_grid
from eqspec.program.grids import OnGrid
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
    Shift,
    Stack,
    Stage,
    Sub,
    Take,
)
from eqspec.program.layerruns import run_layer
from eqspec.program.layers import Detach, Dropout, GroupNorm
from eqspec.program.orbits import (
    AxisMove,
    Canonical,
    Energy,
    MoveBy,
    Orbit,
    OrbitChoice,
    OrbitMean,
    OrbitWeighted,
    OverRanks,
    energy_sizes,
)

Array = NDArray[np.float64]
Base = Callable[..., tuple[Array, ...]]
Function = Callable[[Array, Mapping[str, float]], Array]


def run(
    program: Program,
    inputs: Mapping[str, Sequence[Array]],
    parameters: Mapping[str, Array],
    bases: Mapping[str, Base],
    modules: Mapping[str, Callable[..., tuple[Array, ...]]],
    functions: Mapping[str, Function],
    given: Mapping[int, Array] | None = None,
    training: bool = False,
    known: Mapping[int, Any] | None = None,
) -> list[Any]:
    """The values of all results, in order; those that depend on an input have a batch axis in front.

    ``inputs[name]`` holds the blocks of an input, each of shape (batch, *block); ``bases`` and
    ``modules`` are called with such arrays and return a tuple of them; ``modules`` is keyed by the
    attribute of the call. What reads a result in ``given`` reads the value given there, so that each
    step can be looked at by itself. ``parameters`` holds the running statistics of batch norms as well;
    in ``training`` those of the batch take their place, and the masks of dropouts count. Results in
    ``known`` are taken from there: weights that an earlier run has expanded.
    """
    values: list[Any] = []
    forced: Mapping[int, Any] = given or {}
    stages = program.stages
    for number, instruction in enumerate(program.instructions):
        if known and number in known:
            values.append(known[number])
            continue
        args = [forced[arg] if arg in forced else values[arg] for arg in instruction.args]
        lead = 1 if stages[number] is Stage.BATCH else 0
        match instruction:
            case Input(name=name, block=block):
                value: Any = inputs[name][block]
            case Parameter(name=name):
                value = parameters[name]
            case Present(symbol=symbol, shape=shape):
                batch = len(next(iter(inputs.values()))[0])
                every = (np.ones((batch, *shape)),)
                value = inputs.get(mask_key(symbol), every)[0]
            case Mask(dims=dims):
                value = args[0]
                for dim in dims:
                    present = _along(args[1], value, dim + lead) > 0
                    value = np.where(present, value, value.dtype.type(0))
            case MaskedReduce(dims=dims, how=how):
                value = masked_reduce(args[0], args[1], [d + lead for d in dims], how)
            case Constant():
                value = instruction.array
            case IndexSum(places=places, shape=shape):
                value = sum(
                    part.reshape([n if k in place else 1 for k, n in enumerate(shape)])
                    for place, part in zip(places, args, strict=True)
                )
                value = np.broadcast_to(value, shape)
            case Take(dim=dim):
                value = np.take(args[0], args[1], axis=dim + lead)
            case Lookup():
                value = args[0][args[1]]
            case Reduce(dims=dims, how=how):
                value = getattr(np, how)(args[0], axis=tuple(d + lead for d in dims))
            case Expand(dim=dim, size=size):
                value = np.repeat(np.expand_dims(args[0], dim + lead), size, axis=dim + lead)
            case Permute(order=order):
                value = np.transpose(args[0], (*range(lead), *(k + lead for k in order)))
            case Reshape(shape=shape):
                value = args[0].reshape((*args[0].shape[:lead], *shape))
            case Einsum(spec=spec):
                value = np.einsum(_batched(spec, program, instruction.args), *args, optimize=True)
            case Linear():
                value = args[0] @ args[1].T
                if len(args) == 3:
                    value = value + args[2]
            case Pointwise(function=function, options=options):
                value = functions[function](args[0], dict(options))
            case Add():
                value = sum(args[1:], args[0])
            case Mul():
                value = args[0] * args[1]
            case Sub():
                value = args[0] - args[1]
            case Scale(factor=factor):
                value = args[0] * factor
            case Shift(term=term):
                value = args[0] + term
            case Affine():
                value = args[0] * args[1] + args[2]
            case Normalise():
                value = normalise(instruction, args)
            case Attend():
                value = attend(instruction, args)
            case GroupNorm() | Dropout() | Detach():
                value = run_layer(instruction, args, parameters, training)
            case BatchNorm():
                value = batch_norm(instruction, args, parameters, training)
            case Concat(dim=dim):
                value = np.concatenate(args, axis=dim + lead)
            case Stack(dim=dim):
                value = np.stack(args, axis=dim + lead)
            case DiagonalEmbed(dims=(first, second)):
                value = args[0][..., None] * np.eye(args[0].shape[-1])
                value = np.moveaxis(value, (-2, -1), (first + lead, second + lead))
            case Narrow(dim=dim, start=start, length=length):
                value = np.take(args[0], range(start, start + length), axis=dim + lead)
            case OrbitMean(orbit=orbit):
                value = orbit_mean(orbit, args, bases[orbit.base])
            case OrbitWeighted(orbit=orbit, weights=name, eps=eps):
                value = orbit_weighted(orbit, args, bases[orbit.base], bases[name], eps)
            case OrbitChoice(orbit=orbit):
                energy = bases[instruction.energy] if instruction.named else instruction.energy
                value = orbit_choice(orbit, args, bases[orbit.base], energy)
            case OverRanks():
                value = tuple(args)  # one process
            case Canonical():
                value = canonical(instruction, args, bases)
            case MoveBy():
                value = move_by(instruction, args)
            case CallBase(base=base):
                value = frames.call_base(instruction, args, bases[base])
            case Axes():
                value = frames.axes(instruction, args[0], args[1] if len(args) > 1 else None)
            case Determinant():
                value = np.sign(np.linalg.det(args[0]))
            case RowOrder():
                value = frames.row_order(args[0])
            case InverseOrder():
                value = np.argsort(args[0], axis=-1)
            case TakeRows(dim=dim):
                value = frames.take_rows(args[0], args[1], dim + lead)
            case _ if isinstance(instruction, OnGrid):
                value = run_grid(instruction, args)
            case CallModule(attribute=attribute):
                value = modules[attribute](*args)
            case Item(index=index):
                value = args[0][index]
        values.append(value)
    return values


def normalise(instruction: Normalise, args: Sequence[Array]) -> Array:
    x: Array = args[0]
    axes = tuple(dim + 1 for dim in instruction.dims)
    if instruction.centre:
        x = x - x.mean(axes, keepdims=True)
    y: Array = x / np.sqrt((x * x).mean(axes, keepdims=True) + instruction.eps)
    shape = [n if axis in axes else 1 for axis, n in enumerate(x.shape)]
    for k, parameter in enumerate(args[1:]):
        y = y + parameter.reshape(shape) if k else y * parameter.reshape(shape)
    return y


def attend(instruction: Attend, args: Sequence[Array]) -> Array:
    """softmax(q k^T / sqrt(d) + bias) v over the keys that are there, sample by sample; 0 where none is."""
    mask = args[-1] if instruction.masked else None
    results: list[Array] = []
    for sample, (query, key, value) in enumerate(zip(*args[:3], strict=True)):
        scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
        if instruction.biased:
            scores = scores + args[3]
        if mask is not None:
            scores = np.where(mask[sample] > 0, scores, -np.inf)
        largest = scores.max(axis=-1, keepdims=True)
        shares = np.exp(scores - np.where(np.isfinite(largest), largest, 0.0))
        total = shares.sum(axis=-1, keepdims=True)
        results.append(shares / np.where(total > 0, total, 1.0) @ value)
    return np.stack(results)


def batch_norm(
    instruction: BatchNorm, args: Sequence[Array], state: Mapping[str, Array], training: bool
) -> Array:
    x: Array = args[0]
    keep = [dim + 1 for dim in instruction.keep]
    axes = tuple(axis for axis in range(x.ndim) if axis not in keep)
    shape = [n if axis in keep else 1 for axis, n in enumerate(x.shape)]
    if instruction.centre:
        running = state[f"{instruction.name}.running_mean"].reshape(shape)
        x = x - (x.mean(axes, keepdims=True) if training else running)
    running = state[f"{instruction.name}.running_var"].reshape(shape)
    spread = (x * x).mean(axes, keepdims=True) if training else running
    y: Array = x / np.sqrt(spread + instruction.eps)
    for k, parameter in enumerate(args[1:]):
        y = y + parameter.reshape(shape) if k else y * parameter.reshape(shape)
    return y


def mask_key(symbol: str) -> str:
    """Where the inputs hold the mask of a padded size; no feature has such a name."""
    return f"mask of {symbol}"


def _along(mask: Array, x: Array, axis: int) -> Array:
    """A mask of shape (batch, n) laid along an axis of x."""
    shape = [1] * x.ndim
    shape[0], shape[axis] = mask.shape
    return mask.reshape(shape)


def masked_reduce(x: Array, mask: Array, axes: Sequence[int], how: str) -> Array:
    """Mean or maximum over the entries that are there; 0 if none is."""
    count = mask.sum(axis=1)
    if how == "mean":
        total = x.sum(axis=tuple(axes))
        factor = 1.0 / np.maximum(count, 1) ** len(axes)
        return np.asarray(total * factor.reshape(-1, *(1,) * (total.ndim - 1)))
    for axis in axes:
        x = np.where(_along(mask, x, axis) > 0, x, -np.inf)
    largest = x.max(axis=tuple(axes))
    return np.where((count > 0).reshape(-1, *(1,) * (largest.ndim - 1)), largest, 0.0)


def orbit_answers(
    orbit: Orbit, args: Sequence[Array], base: Base
) -> Iterator[tuple[list[Array], tuple[Array, ...], list[Array]]]:
    """For every element what the base is given, what it answers, and the answer moved back."""
    for g in range(orbit.order):
        moved = [apply(x, moves, g) for x, moves in zip(args, orbit.moves, strict=True)]
        given = fit(moved, orbit.accepts)
        answers = base(*given)
        blocks = fit(answers, orbit.targets)
        yield (
            given,
            answers,
            [apply(y, moves, g) for y, moves in zip(blocks, orbit.backs, strict=True)],
        )


def orbit_mean(orbit: Orbit, args: Sequence[Array], base: Base) -> tuple[Array, ...]:
    backs = [back for _, _, back in orbit_answers(orbit, args, base)]
    return tuple(sum(ys) / orbit.order for ys in zip(*backs, strict=True))


def orbit_weighted(
    orbit: Orbit, args: Sequence[Array], base: Base, weights: Base, eps: float
) -> tuple[Array, ...]:
    backs, numbers = [], []
    for given, _, back in orbit_answers(orbit, args, base):
        backs.append(back)
        numbers.append(np.logaddexp(0.0, weights(*given)[0].reshape(-1)) + eps)  # softplus
    shares = np.array(numbers) / np.max(numbers, axis=0)  # no sum of these can overflow
    return _shared(backs, shares / np.sum(shares, axis=0))


def orbit_choice(
    orbit: Orbit, args: Sequence[Array], base: Base, energy: Base | str
) -> tuple[Array, ...]:
    backs = [back for _, _, back in orbit_answers(orbit, args, base)]
    numbers = orbit_energies(orbit, args, base, energy)
    least = numbers == np.min(numbers, axis=0)
    return _shared(backs, least / np.sum(least, axis=0))


def orbit_energies(orbit: Orbit, args: Sequence[Array], base: Base, energy: Base | str) -> Array:
    """The energy of every element (rows) for every sample."""
    return np.array(
        [
            energy_of(answers[0], energy)
            if isinstance(energy, str)
            else energy(*given)[0].reshape(-1)
            for given, answers, _ in orbit_answers(orbit, args, base)
        ]
    )


def lead_of_least(
    instruction: OrbitChoice, args: Sequence[Array], bases: Mapping[str, Base]
) -> Array:
    """By how much the element of least energy is better than the second, relatively; energies lie close
    together, and a tenth of what is asked of cosets is far above rounding."""
    energy = bases[instruction.energy] if instruction.named else instruction.energy
    values = orbit_energies(instruction.orbit, args, bases[instruction.orbit.base], energy)
    first, second = np.sort(values, axis=0)[:2]
    size = np.abs(values).max(axis=0)
    return np.asarray(10 * (second - first) / np.where(size > 0, size, 1.0))


def energy_of(answer: Array, how: str) -> Array:
    """What `equizero` minimises, for each sample of a batch of answers."""
    flat = answer.reshape(len(answer), -1)
    if how == "margin":
        ordered = np.sort(flat, axis=1)
        return np.asarray(ordered[:, -2] - ordered[:, -1])
    shifted = flat - flat.max(axis=1, keepdims=True)
    shares = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    return np.asarray(-(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1))


def _shared(backs: Sequence[Sequence[Array]], shares: Array) -> tuple[Array, ...]:
    """The sum of answers times their shares; both have one row for each element."""
    return tuple(
        np.asarray(
            sum(
                y * share.reshape(-1, *(1,) * (y.ndim - 1))
                for y, share in zip(ys, shares, strict=True)
            )
        )
        for ys in zip(*backs, strict=True)
    )


def energies(
    energy: Energy, cosets: int, args: Sequence[Array], bases: Mapping[str, Base]
) -> Array:
    """Of every sample at every place of its orbit; shape (batch, places)."""
    scored = [args[place] for place in energy.places]
    weights = [] if energy.base else functional_of(energy, [x.shape[1:] for x in scored])
    columns: list[Array] = []
    for g in range(cosets * energy.members):
        moved = [apply(x, moves, g) for x, moves in zip(scored, energy.moves, strict=True)]
        if energy.base:
            (answer,) = bases[energy.base](*fit(moved, energy.accepts))
            columns.append(answer.reshape(len(answer)))
            continue
        products = [(x * w).reshape(len(x), -1) for x, w in zip(moved, weights, strict=True)]
        # row by row, so that a sum depends on nothing but its terms and their order
        columns.append(np.add.reduce(np.concatenate(products, axis=1), axis=1))
    return np.stack(columns, axis=1)


def functional_of(energy: Energy, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """The numbers of the functional of every scored argument, in the shape of the argument."""
    sizes = energy_sizes(energy, shapes)
    acted_sizes = [math.prod(acted) for acted, _ in sizes]
    plain_sizes = [math.prod(plain) for _, plain in sizes]
    acting = Functional(sum(acted_sizes), energy.multiplier, energy.modulus)
    idle = companion(acting, sum(plain_sizes))
    lists = zip(
        np.split(np.array(acting.values(), dtype=np.float64), np.cumsum(acted_sizes)[:-1]),
        np.split(np.array(idle.values(), dtype=np.float64), np.cumsum(plain_sizes)[:-1]),
        shapes,
        energy.acted,
        strict=True,
    )
    found: list[Array] = []
    for acts, rests, shape, dims in lists:
        left = acts.reshape([n if k in dims else 1 for k, n in enumerate(shape)])
        if len(rests) == 1:
            found.append(left)
            continue
        found.append(left * rests.reshape([1 if k in dims else n for k, n in enumerate(shape)]))
    return found


def lead_of_best(instruction: Canonical, args: Sequence[Array], bases: Mapping[str, Base]) -> Array:
    """By how much the best coset of every sample is better than the second, relatively."""
    values = energies(instruction.energy, instruction.cosets, args, bases)
    values = values.reshape(len(values), instruction.cosets, -1).max(axis=2)
    first, second = np.sort(values, axis=1)[:, :-3:-1].T
    size = np.abs(values).max(axis=1)
    return np.asarray((first - second) / np.where(size > 0, size, 1.0))


def canonical(
    instruction: Canonical, args: Sequence[Array], bases: Mapping[str, Base]
) -> tuple[Array, ...]:
    values = energies(instruction.energy, instruction.cosets, args, bases)
    values = values.reshape(len(values), instruction.cosets, -1).max(axis=2)
    best = values == values.max(axis=1, keepdims=True)
    if instruction.ties == "first":
        chosen = best.argmax(axis=1)
        return (*_moved_each(args, instruction.moves, chosen), chosen)
    rows, chosen = np.nonzero(best)
    return (*_moved_each([x[rows] for x in args], instruction.moves, chosen), best)


def move_by(instruction: MoveBy, args: Sequence[Array]) -> tuple[Array, ...]:
    *ys, chosen = args
    if instruction.ties == "first":
        return _moved_each(ys, instruction.moves, chosen)
    rows, cosets = np.nonzero(chosen)
    counts = chosen.sum(axis=1)
    results: list[Array] = []
    for y in _moved_each(ys, instruction.moves, cosets):
        total = np.zeros((len(chosen), *y.shape[1:]))
        np.add.at(total, rows, y)
        results.append(total / counts.reshape(-1, *(1,) * (y.ndim - 1)))
    return tuple(results)


def _moved_each(
    xs: Sequence[Array], moves: Sequence[Sequence[AxisMove]], chosen: NDArray[np.generic]
) -> tuple[Array, ...]:
    """Every sample is moved by an element of its own."""
    results = [np.empty_like(x) for x in xs]
    for g in np.unique(chosen):
        rows = chosen == g
        for x, result, own in zip(xs, results, moves, strict=True):
            result[rows] = apply(x[rows], own, int(g))
    return tuple(results)


def fit(tensors: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """The same numbers as tensors of other shapes: one by one, or all flattened into one and back."""
    batch = tensors[0].shape[0]
    if len(tensors) == len(shapes):
        return [x.reshape((batch, *shape)) for x, shape in zip(tensors, shapes, strict=True)]
    flat = np.concatenate([x.reshape(batch, -1) for x in tensors], axis=1)
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    pieces = np.split(flat, ends, axis=1)
    return [x.reshape((batch, *shape)) for x, shape in zip(pieces, shapes, strict=True)]


def apply(x: Array, moves: Sequence[AxisMove], g: int) -> Array:
    """Element g acts on a batch of tensors, axis by axis."""
    for move in moves:
        image = move.images[move.choice[g]]
        x = act(x, move.dim, move.width, image) if move.width else rename(x, image)
    return x


def rename(x: Array, image: AnyImage) -> Array:
    """``image`` permutes the values of a tensor of whole numbers."""
    monomial = explicit(image)
    assert isinstance(monomial, Monomial) and monomial.is_permutation, "it permutes values"
    moved: Array = np.array(monomial.images)[np.asarray(x, dtype=np.int64)]
    return moved


def act(x: Array, dim: int, width: int, image: AnyImage | Array) -> Array:
    """``image`` acts on the ``width`` dimensions of x from ``dim`` on (the batch not counted)."""
    shape = x.shape
    start = dim + 1
    if isinstance(image, AffineMap):
        shift = np.array([float(value) for value in image.shift])
        turned = act(x, dim, width, image.linear)
        return np.asarray(turned + shift.reshape(-1, *(1,) * (turned.ndim - start - 1)))
    if isinstance(image, LatticeMap):
        return _act_on_lattice(x, start, image).reshape(shape)
    size = math.prod(shape[start : start + width])
    flat = x.reshape((*shape[:start], size, *shape[start + width :]))
    if isinstance(image, Monomial):
        moved = np.empty_like(flat)
        if image.is_permutation:  # also of whole numbers
            moved[(slice(None),) * start + (np.array(image.images),)] = flat
            return moved.reshape(shape)
        signs = np.array(image.signs, dtype=np.float64)
        signs = signs.reshape(-1, *(1,) * (flat.ndim - start - 1))
        moved[(slice(None),) * start + (np.array(image.images),)] = flat * signs
    else:
        matrix = image if isinstance(image, np.ndarray) else floats(image)
        moved = np.moveaxis(np.tensordot(matrix, flat, axes=(1, start)), 0, start)
    return moved.reshape(shape)


def floats(image: AnyImage) -> Array:
    """The matrix of an image in double precision."""
    return np.array([[float(v) for v in row] for row in rows_of(image)])


def _act_on_lattice(x: Array, start: int, image: LatticeMap) -> Array:
    """A flip, a roll and a transposition of grid axes: nothing is listed point by point."""
    rank = len(image.shape)
    grid = x.reshape((*x.shape[:start], *image.shape, -1))
    for d, (sign, offset) in enumerate(zip(image.signs, image.offsets, strict=True)):
        if sign < 0:
            grid = np.flip(grid, start + d)
        shift = (offset + (sign < 0)) % image.shape[d]
        if shift:
            grid = np.roll(grid, shift, start + d)
    order = [start + image.axes.index(d) for d in range(rank)]
    return np.transpose(grid, (*range(start), *order, start + rank))


def _batched(spec: str, program: Program, args: Sequence[int]) -> str:
    inputs, output = spec.split("->")
    marked = [
        ("Z" if program.stages[arg] is Stage.BATCH else "") + letters
        for letters, arg in zip(inputs.split(","), args, strict=True)
    ]
    lead = "Z" if any(program.stages[arg] is Stage.BATCH for arg in args) else ""
    return ",".join(marked) + "->" + lead + output
