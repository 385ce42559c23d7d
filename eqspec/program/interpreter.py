"""The NumPy interpreter of tensor programs: the oracle of translation validation and of the tests.

It is written for clarity: every instruction is one line of NumPy on arrays with one leading batch
axis. Emitted PyTorch is compared with it; it never imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import numpy as np

from eqspec.program import frames
from eqspec.program.acting import Array
from eqspec.program.attending import Attend
from eqspec.program.fourier import Fourier, FourierBack, run_transform
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
    Halves,
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
    Orthonormal,
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
from eqspec.program.orbitruns import (
    Base,
    canonical,
    move_by,
    orbit_choice,
    orbit_mean,
    orbit_weighted,
)
from eqspec.program.orbits import (
    Canonical,
    MoveBy,
    OrbitChoice,
    OrbitMean,
    OrbitWeighted,
    OverRanks,
)

Function = Callable[[Array, Mapping[str, float]], Array]


def run(
    program: Program,
    inputs: Mapping[str, Sequence[Array]],
    parameters: Mapping[str, Array],
    bases: Mapping[str, Base],
    modules: Mapping[str, Callable[..., tuple[Array, ...]]],
    functions: Mapping[str, Function],
    meet: Callable[[int, Any], Any] | None = None,
    training: bool = False,
    known: Mapping[int, Any] | None = None,
    kept: Container[int] | None = None,
) -> list[Any]:
    """The values of all results, in order; those that depend on an input have a batch axis in front.

    ``inputs[name]`` holds the blocks of an input, each of shape (batch, *block); ``bases`` and
    ``modules`` are called with such arrays and return a tuple of them; ``modules`` is keyed by the
    attribute of the call. Every result is shown to ``meet`` as soon as it is there, and what reads it reads
    the answer, so that each step can be looked at by itself. ``parameters`` holds the running statistics of
    batch norms as well; in ``training`` those of the batch take their place, and the masks of dropouts
    count. Results in ``known`` are taken from there: weights that an earlier run has expanded. Of results
    that depend on an input only those in ``kept`` outlive their last reader (all, if it is None): the others
    are None in the list.
    """
    values: list[Any] = []
    stages = program.stages
    spent = program.spent if kept is not None else ()
    for number, instruction in enumerate(program.instructions):
        if known and number in known:
            values.append(known[number])
            continue
        args = [values[arg] for arg in instruction.args]
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
            case Halves():
                value = args[0] + args[1]
            case Orthonormal():
                value = args[0] / np.sqrt(args[1])
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
            case Fourier() | FourierBack():
                value = run_transform(instruction, args[0], lead)
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
        values.append(value if meet is None else meet(number, value))
        if kept is not None and lead:
            del value, args
            for register in spent[number]:
                if register not in kept and stages[register] is Stage.BATCH:
                    values[register] = None
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


def _batched(spec: str, program: Program, args: Sequence[int]) -> str:
    inputs, output = spec.split("->")
    marked = [
        ("Z" if program.stages[arg] is Stage.BATCH else "") + letters
        for letters, arg in zip(inputs.split(","), args, strict=True)
    ]
    lead = "Z" if any(program.stages[arg] is Stage.BATCH for arg in args) else ""
    return ",".join(marked) + "->" + lead + output
