"""Run emitted modules from their text, and hold them against the matrices of the algebra.

The action used here is built from `Representation.any_image` alone: one dense matrix for every block.
Neither the emitted code nor the actions of the compiler take part.
"""

from __future__ import annotations

import itertools
import math
import sys
import types
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from eqspec.algebra import images as im
from eqspec.algebra.averages import FWord
from eqspec.emit.names import identifier
from eqspec.graph.model import Module, ModuleCall, Node
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.lowering.module import Lowered
from eqspec.ops.linear import LinearMaps
from eqspec.ops.pointwise import numpy_functions
from eqspec.program.instructions import BatchNorm, CallModule
from eqspec.program.interpreter import run

Array = NDArray[np.float64]
Arrays = tuple[Array, ...]


# ---- actions -------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def exact_matrix(block: Block, word: FWord) -> tuple[tuple[Fraction, ...], ...]:
    """The matrix of a word on a block, flattened row by row."""
    total = [[Fraction(1)]]
    for axis in block.axes:
        if isinstance(axis, PlainAxis):
            own = [[Fraction(int(i == j)) for j in range(axis.size)] for i in range(axis.size)]
        else:
            image: im.AnyImage = im.identity(axis.rep.degree)
            for factor, number, exponent in word:
                letter = im.power(axis.rep.any_image(factor, number), exponent)
                image = im.compose(image, letter)
            own = [list(row) for row in im.rows_of(im.explicit(image))]
        total = [
            [a * b for a in left for b in right] for left, right in itertools.product(total, own)
        ]
    return tuple(tuple(row) for row in total)


@lru_cache(maxsize=4096)
def float_matrix(block: Block, word: FWord) -> Array:
    return np.array([[float(v) for v in row] for row in exact_matrix(block, word)])


def act(xs: Sequence[Array], type_: Type, word: FWord) -> Arrays:
    """A word acts on tensors with one batch dimension."""
    moved = []
    for x, block in zip(xs, type_.blocks, strict=True):
        flat = x.reshape(x.shape[0], -1)
        moved.append((flat @ float_matrix(block, word).T).reshape(x.shape))
    return tuple(moved)


def size_of_action(type_: Type, word: FWord) -> float:
    return max(
        float(np.abs(float_matrix(b, word)).sum(axis=1).max(initial=0.0)) for b in type_.blocks
    )


def words_of(module: Module, rng: np.random.Generator, extra: int = 3) -> list[FWord]:
    """Every generator of every factor, and random words of length 5 to 10."""
    letters = [(f, k) for f, group in module.groups.items() for k in range(len(group.generators))]
    words: list[FWord] = [((f, k, 1),) for f, k in letters]
    for _ in range(extra if letters else 0):
        picks = [letters[int(rng.integers(len(letters)))] for _ in range(int(rng.integers(5, 11)))]
        words.append(tuple((f, k, int(rng.choice([1, -1]))) for f, k in picks))
    return words


# ---- emitted modules -----------------------------------------------------------------------------------


class RandomBase(nn.Module):
    """A random network without any symmetry, one batch dimension."""

    def __init__(
        self, shapes_in: Sequence[tuple[int, ...]], shapes_out: Sequence[tuple[int, ...]]
    ) -> None:
        super().__init__()
        self.shapes_in, self.shapes_out = list(shapes_in), list(shapes_out)
        size_in = sum(map(math.prod, shapes_in))
        self.first = nn.Linear(size_in, 7)
        self.second = nn.Linear(7, sum(map(math.prod, shapes_out)))

    def forward(self, *xs: Tensor) -> Tensor | tuple[Tensor, ...]:
        assert [tuple(x.shape[1:]) for x in xs] == self.shapes_in
        y = torch.tanh(self.first(torch.cat([x.flatten(1) for x in xs], dim=1)))
        parts = self.second(y).split([math.prod(s) for s in self.shapes_out], dim=1)
        ys = [p.reshape(-1, *s) for p, s in zip(parts, self.shapes_out, strict=True)]
        return ys[0] if len(ys) == 1 else tuple(ys)


def load(name: str, text: str) -> types.ModuleType:
    """Execute an emitted file."""
    made = types.ModuleType(name)
    made.__file__ = f"{name}.py"
    sys.modules[name] = made
    path = list(sys.path)
    try:
        exec(compile(text, f"{name}.py", "exec"), made.__dict__)
    finally:
        sys.path[:] = path
    return made


def build(emitted: types.ModuleType, class_name: str, module: Module, seed: int) -> nn.Module:
    """The emitted class in float64, all weights drawn at random."""
    torch.manual_seed(seed)
    bases = [
        RandomBase([b.shape for t in base.signature for b in t.blocks], base.target.shapes)
        for base in module.bases
    ]
    made: nn.Module = getattr(emitted, class_name)(*bases).double().eval()
    with torch.no_grad():
        for parameter in made.parameters():
            size = float(parameter.abs().max()) if parameter.numel() else 0.0
            parameter.copy_(torch.randn_like(parameter) * max(size, 0.1))
        for name, buffer in made.named_buffers():
            if "running_var" in name:
                buffer.copy_(torch.rand_like(buffer) + 0.5)
            elif "running_mean" in name:
                buffer.copy_(torch.randn_like(buffer))
    return made


def draw(module: Module, batch: int, seed: int) -> dict[str, Arrays]:
    rng = np.random.default_rng([seed, 5])
    return {
        f.name: tuple(rng.standard_normal((batch, *b.shape)) for b in f.type.blocks)
        for f in module.inputs
    }


def call(network: nn.Module, module: Module, inputs: Mapping[str, Arrays]) -> dict[str, Arrays]:
    """The outputs of the emitted class, by name."""
    given = []
    for feature in module.inputs:
        blocks = [torch.from_numpy(np.ascontiguousarray(x)) for x in inputs[feature.name]]
        given.append(blocks[0] if len(blocks) == 1 else tuple(blocks))
    with torch.no_grad():
        answer = network(*given)
    answers = [answer] if len(module.outputs) == 1 else list(answer)
    return {
        feature.name: tuple(
            y.numpy() for y in ([value] if isinstance(value, Tensor) else list(value))
        )
        for feature, value in zip(module.outputs, answers, strict=True)
    }


def interpret(
    lowered: Mapping[str, Lowered], key: str, network: nn.Module, inputs: Mapping[str, Arrays]
) -> dict[str, Arrays]:
    """The same outputs by the NumPy interpreter, with the weights and bases of the emitted class."""
    item = lowered[key]
    own = [p.numpy() for p in (q.detach() for q in network._parameters.values() if q is not None)]
    parameters = {}
    for instruction, value in zip(item.parameters, own, strict=True):
        assert tuple(value.shape) == instruction.shape, (instruction.name, value.shape)
        parameters[instruction.name] = value

    for word in ("mean", "var"):
        statistics = [b for name, b in network._buffers.items() if f"running_{word}" in name]
        norms = [
            i
            for i in item.program.instructions
            if isinstance(i, BatchNorm) and (i.centre or word == "var")
        ]
        for norm, statistic in zip(norms, statistics, strict=True):
            assert statistic is not None
            parameters[f"{norm.name}.running_{word}"] = statistic.numpy()

    own_modules = [m for m in network._modules.values() if not isinstance(m, RandomBase)]
    children = dict(zip(item.module.children, own_modules, strict=True))

    def wrapped(base: nn.Module):  # type: ignore[no-untyped-def]
        def function(*xs: Array) -> Arrays:
            with torch.no_grad():
                answer = base(*(torch.from_numpy(np.ascontiguousarray(x)) for x in xs))
            return tuple(y.numpy() for y in ([answer] if isinstance(answer, Tensor) else answer))

        return function

    def called(instruction: CallModule):  # type: ignore[no-untyped-def]
        node = item.module.node(instruction.attribute)
        assert isinstance(node.data, ModuleCall)
        inner = node.data.module
        child = children[instruction.attribute]

        def function(*blocks: Array) -> Arrays:
            given, at = {}, 0
            for feature in inner.inputs:
                stop = at + len(feature.type.blocks)
                given[feature.name] = tuple(blocks[at:stop])
                at = stop
            answers = interpret(lowered, inner.key, child, given)
            return tuple(x for output in inner.outputs for x in answers[output.name])

        return function

    values = run(
        item.program,
        inputs,
        parameters,
        {b.name: wrapped(getattr(network, identifier(b.name))) for b in item.module.bases},
        {i.attribute: called(i) for i in item.program.instructions if isinstance(i, CallModule)},
        numpy_functions(),
    )
    return {name: tuple(values[r] for r in registers) for name, registers in item.program.outputs}


def distance(found: Sequence[Array], expected: Sequence[Array]) -> float:
    return max(
        (float(np.abs(a - b).max(initial=0.0)) for a, b in zip(found, expected, strict=True)),
        default=0.0,
    )


def scale(xs: Sequence[Array]) -> float:
    return max(1.0, *(float(np.abs(x).max(initial=0.0)) for x in xs))


# ---- dimensions by characters --------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _trace(rep, factor_word: FWord) -> Fraction:  # type: ignore[no-untyped-def]
    image: im.AnyImage = im.identity(rep.degree)
    for factor, number, exponent in factor_word:
        image = im.compose(image, im.power(rep.any_image(factor, number), exponent))
    rows = im.rows_of(im.explicit(image))
    return sum((rows[k][k] for k in range(rep.degree)), Fraction(0))


def _character(block: Block, each: Sequence[str], word: FWord) -> Fraction:
    value = Fraction(1)
    for axis in block.axes:
        if isinstance(axis, PlainAxis):
            value *= 1 if axis.name in each else axis.size
        else:
            value *= _trace(axis.rep, word)
    return value


def dimension(
    module: Module, source: Block, target: Block, each: Sequence[str], limit: int = 700
) -> int | None:
    """dim Hom_G(source, target): the mean of chi_source(1/g) chi_target(g) over every element of the
    product of the factors; None if there are more than ``limit``."""
    factors = sorted(source.factors | target.factors)
    if math.prod(module.groups[f].order for f in factors) > limit:
        return None
    lists = [
        [tuple((f, number, e) for number, e in word) for word in module.groups[f].elements()]
        for f in factors
    ]
    total, count = Fraction(0), 0
    for parts in itertools.product(*lists):
        word: FWord = tuple(letter for part in parts for letter in part)
        back: FWord = tuple((f, k, -e) for f, k, e in reversed(word))
        total += _character(source, each, back) * _character(target, each, word)
        count += 1
    found = total / count
    assert found.denominator == 1
    return int(found)


def linear_dimension(module: Module, node: Node) -> int | None:
    """Free weights and biases of a `linear` layer, by characters."""
    maps = node.data
    assert isinstance(maps, LinearMaps)
    types = {n.name: n.type for n in module.nodes}
    total = 0
    for t, target in enumerate(maps.end(-1, node.type).blocks):
        for k, arg in enumerate(node.args):
            for source in maps.end(k, types[arg]).blocks:
                found = dimension(module, source, target, maps.each)
                if found is None:
                    return None
                total += found
        if maps.biases[t]:
            found = dimension(module, Block(()), target, maps.each)
            if found is None:
                return None
            total += found
    return total
