"""Exact evaluation of tensor programs: is a program equivariant, decided over the rational numbers.

The programs run on arrays of fractions. Functions of a real variable that are not rational are replaced
by rational ones with the same scalings, bases by random polynomials. A difference that is not zero
proves that the program leaves the space of equivariant maps; a difference that is zero at random points
leaves no room but on a null set.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from runner import exact_matrix

from eqspec.algebra.averages import FWord
from eqspec.algebra.images import explicit, rows_of
from eqspec.graph.model import Base, Module
from eqspec.graph.types import Type
from eqspec.ops.pointwise import Scalings, function_named
from eqspec.program import instructions as ins
from eqspec.program.acting import fit

Array = NDArray[np.object_]


def fraction(value: float) -> Fraction:
    return Fraction(value).limit_denominator(10**6)


def objects(array: Any) -> Array:
    made = np.empty(np.shape(array), dtype=object)
    flat = np.asarray(array).reshape(-1)
    made.reshape(-1)[:] = [v if isinstance(v, Fraction) else fraction(float(v)) for v in flat]
    return made


def whole(rng: random.Random, shape: Sequence[int], size: int = 9) -> Array:
    made = np.empty(tuple(shape), dtype=object)
    made.reshape(-1)[:] = [
        Fraction(rng.choice((-1, 1)) * rng.randint(1, size)) for _ in range(math.prod(shape))
    ]
    return made


def stand_in(name: str, x: Array, options: Mapping[str, float]) -> Array:
    """A rational function with the scalings of the named one."""
    match function_named(name).scalings:
        case Scalings.SIGNS:
            return x * x * x
        case Scalings.ONE:
            return x * x + x
        case Scalings.POSITIVE:
            slope = {"relu": 0, "abs": -1}.get(name, fraction(options.get("negative_slope", 0.01)))
            return np.where(x > 0, x, slope * x)


class ExactBase:
    """A polynomial map of degree three without any symmetry."""

    def __init__(self, base: Base, rng: random.Random) -> None:
        self.shapes = base.target.shapes
        size = sum(type_.size for type_ in base.signature)
        self.first = whole(rng, (size, 4), 3)
        self.shift = whole(rng, (4,), 3)
        self.second = whole(rng, (4, sum(map(math.prod, self.shapes))), 3)

    def __call__(self, *xs: Array) -> tuple[Array, ...]:
        flat = np.concatenate([x.reshape(x.shape[0], -1) for x in xs], axis=1)
        hidden = flat.dot(self.first) + self.shift
        y = (hidden * hidden * hidden + hidden * hidden).dot(self.second)
        pieces = np.split(y, np.cumsum([math.prod(s) for s in self.shapes])[:-1], axis=1)
        return tuple(p.reshape(-1, *s) for p, s in zip(pieces, self.shapes, strict=True))


def _move(x: Array, moves: Sequence[ins.AxisMove], g: int) -> Array:
    for move in moves:
        image = explicit(move.images[move.choice[g]])
        matrix = objects(np.array([list(row) for row in rows_of(image)], dtype=object))
        shape, start = x.shape, move.dim + 1
        flat = x.reshape((*shape[:start], matrix.shape[0], *shape[start + move.width :]))
        x = np.moveaxis(np.tensordot(matrix, flat, axes=(1, start)), 0, start).reshape(shape)
    return x


def _einsum(spec: str, program: ins.Program, args: Sequence[int], values: Sequence[Any]) -> Array:
    inputs, output = spec.split("->")
    lead = [program.stages[arg] is ins.Stage.BATCH for arg in args]
    marked = [
        ("Z" if b else "") + letters for letters, b in zip(inputs.split(","), lead, strict=True)
    ]
    full = ",".join(marked) + "->" + ("Z" if any(lead) else "") + output
    return np.einsum(full, *(objects(v) if v.dtype != object else v for v in values))


def _normalised(i: ins.Normalise, args: Sequence[Any]) -> Array:
    x, axes = args[0], tuple(dim + 1 for dim in i.dims)
    share = Fraction(1, math.prod(x.shape[axis] for axis in axes))
    if i.centre:
        x = x - np.sum(x, axis=axes, keepdims=True) * share
    spread = np.sum(x * x, axis=axes, keepdims=True) * share
    y: Array = x / (spread + 1)
    shape = [n if axis in axes else 1 for axis, n in enumerate(x.shape)]
    for k, parameter in enumerate(args[1:]):
        y = y + parameter.reshape(shape) if k else y * parameter.reshape(shape)
    return y


def evaluate(
    program: ins.Program,
    inputs: Mapping[str, Sequence[Array]],
    parameters: Mapping[str, Array],
    bases: Mapping[str, ExactBase],
) -> list[Any]:
    values: list[Any] = []
    for number, i in enumerate(program.instructions):
        args = [values[arg] for arg in i.args]
        lead = 1 if program.stages[number] is ins.Stage.BATCH else 0
        value: Any
        match i:
            case ins.Input(name=name, block=block):
                value = inputs[name][block]
            case ins.Parameter(name=name):
                value = parameters[name]
            case ins.Constant(dtype=dtype):
                value = i.array if dtype == "int64" else objects(i.array)
            case ins.IndexSum(places=places, shape=shape):
                value = np.zeros(shape, dtype=np.int64)
                for part, place in zip(args, places, strict=True):
                    value = value + part.reshape(
                        [n if k in place else 1 for k, n in enumerate(shape)]
                    )
            case ins.Take(dim=dim):
                value = np.take(args[0], args[1], axis=dim + lead)
            case ins.Reduce(dims=dims, how=how):
                axes = tuple(d + lead for d in dims)
                if how == "max":
                    value = np.max(args[0], axis=axes)
                else:
                    value = np.sum(args[0], axis=axes)
                    if how == "mean":
                        count = math.prod(args[0].shape[a] for a in axes)
                        value = value * Fraction(1, count)
            case ins.Expand(dim=dim, size=size):
                value = np.repeat(np.expand_dims(args[0], dim + lead), size, axis=dim + lead)
            case ins.Permute(order=order):
                value = np.transpose(args[0], (*range(lead), *(k + lead for k in order)))
            case ins.Reshape(shape=shape):
                value = args[0].reshape((*args[0].shape[:lead], *shape))
            case ins.Einsum(spec=spec):
                value = _einsum(spec, program, i.args, args)
            case ins.Linear():
                value = args[0].dot(args[1].T)
                if len(args) == 3:
                    value = value + args[2]
            case ins.Pointwise(function=function, options=options):
                value = stand_in(function, args[0], dict(options))
            case ins.Add():
                value = sum(args[1:], args[0])
            case ins.Mul():
                value = args[0] * args[1]
            case ins.Scale(factor=factor):
                value = args[0] * fraction(factor)
            case ins.Shift(term=term):
                value = args[0] + fraction(term)
            case ins.Affine():
                value = args[0] * args[1] + args[2]
            case ins.Normalise():  # 1 / (1 + s) stands for 1 / sqrt(s + eps)
                value = _normalised(i, args)
            case ins.BatchNorm(keep=keep, centre=centre):  # in evaluation: numbers of each channel
                shape = [n if d - 1 in keep else 1 for d, n in enumerate(args[0].shape)]
                count = math.prod(shape)
                numbers = np.array([Fraction(k + 2, 3) for k in range(count)], dtype=object)
                value = (args[0] - int(centre) * numbers.reshape(shape)) * numbers.reshape(shape)
                for k, parameter in enumerate(args[1:]):
                    part = parameter.reshape(shape)
                    value = value + part if k else value * part
            case ins.Concat(dim=dim):
                value = np.concatenate(args, axis=dim + lead)
            case ins.Narrow(dim=dim, start=start, length=length):
                value = np.take(args[0], range(start, start + length), axis=dim + lead)
            case ins.OrbitMean(orbit=i):
                totals: list[Any] = [0 for _ in i.targets]
                for g in range(i.order):
                    moved = [_move(x, m, g) for x, m in zip(args, i.moves, strict=True)]
                    answers = fit(bases[i.base](*fit(moved, i.accepts)), i.targets)
                    for j, (answer, moves) in enumerate(zip(answers, i.backs, strict=True)):
                        totals[j] = totals[j] + _move(answer, moves, g)
                value = tuple(t * Fraction(1, i.order) for t in totals)
            case ins.Item(index=index):
                value = args[0][index]
            case _:
                raise NotImplementedError(type(i).__name__)
        values.append(np.asarray(value, dtype=object) if isinstance(value, Fraction) else value)
    return values


def act(xs: Sequence[Array], type_: Type, word: FWord) -> list[Array]:
    moved = []
    for x, block in zip(xs, type_.blocks, strict=True):
        matrix = np.array(exact_matrix(block, word), dtype=object)
        moved.append(x.reshape(x.shape[0], -1).dot(matrix.T).reshape(x.shape))
    return moved


def leaves_hom(module: Module, program: ins.Program, seed: int = 0) -> str | None:
    """What does not follow its type, exactly: "output", or "inside" for a named node that no output
    shows; None if all do."""
    rng = random.Random(seed)
    inputs = {f.name: [whole(rng, (4, *b.shape), 99) for b in f.type.blocks] for f in module.inputs}
    parameters = {
        i.name: whole(rng, i.shape) for i in program.instructions if isinstance(i, ins.Parameter)
    }
    bases = {base.name: ExactBase(base, rng) for base in module.bases}
    before = evaluate(program, inputs, parameters, bases)
    types = {node.name: node.type for node in module.nodes}
    nodes = {feature.name: feature.node for feature in module.outputs}
    inside = False
    for factor, group in module.groups.items():
        for number in range(len(group.generators)):
            word: FWord = ((factor, number, 1),)
            moved = {f.name: act(inputs[f.name], f.type, word) for f in module.inputs}
            after = evaluate(program, moved, parameters, bases)
            for name, registers in (*program.outputs, *program.named):
                wanted = act([before[r] for r in registers], types[nodes.get(name, name)], word)
                for want, register in zip(wanted, registers, strict=True):
                    if np.any(after[register] != want):
                        if name in nodes:
                            return "output"
                        inside = True
    return "inside" if inside else None
