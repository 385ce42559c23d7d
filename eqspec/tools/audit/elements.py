"""What an audit asks of a model, on the side of the spec: elements, bounds and names of entries.

In: the inputs and outputs of a `Module` at fixed sizes. Out: words in the generators to move them by, by
how much a word can enlarge a feature, and what an entry of a feature is called. No torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.averages import FWord
from eqspec.algebra.groups import Group
from eqspec.algebra.images import AffineMap, Infinitesimal, Matrix, explicit
from eqspec.algebra.representations import Representation
from eqspec.graph.model import Module
from eqspec.graph.types import Block, FlatAxis, PlainAxis, Type
from eqspec.lowering.letters import condition, moved_by
from eqspec.lowering.validation import act_on
from eqspec.program.acting import floats

Array = NDArray[np.float64]
Features = Mapping[str, tuple[Array, ...]]
STRETCH = 1e4  # condition number of a word on a feature, in float64 (soundness, non-compact groups)
STRETCH_LOW = 30.0  # and in a model's own, shorter dtype
WORDS = 8
PAIRS = 12  # discrete generators up to which products of two are looked at for new components


@dataclass(frozen=True)
class Elements:
    """Words that an audit moves the inputs by; ``stretching`` lists generators that stretch a feature
    too much for any test in floating point."""

    generators: tuple[FWord, ...]
    components: tuple[FWord, ...]
    words: tuple[FWord, ...]
    stretching: tuple[FWord, ...]

    @property
    def all(self) -> tuple[FWord, ...]:
        return (*self.generators, *self.components, *self.words)


def elements_of(module: Module, rng: np.random.Generator) -> Elements:
    """Every generator (two values of t of a one-parameter group), an element of every component that no
    generator lies in, and eight random words of 5 to 10 letters, cut short where they stretch too much."""
    generators: list[FWord] = []
    stretching: list[FWord] = []
    for factor, group in module.groups.items():
        for number in range(len(group.generators)):
            powers = (1, 2) if isinstance(group.model[number], Infinitesimal) else (1,)
            for power in powers:
                word: FWord = ((factor, number, power),)
                good = group.is_finite or stretch(module, word) <= STRETCH
                (generators if good else stretching).append(word)
    components = [
        word
        for factor, group in module.groups.items()
        if not group.is_finite
        for word in _components(factor, group)
        if stretch(module, word) <= STRETCH
    ]
    letters = [word[0] for word in generators]
    words: list[FWord] = []
    for _ in range(WORDS if letters else 0):
        picks = rng.integers(len(letters), size=int(rng.integers(5, 11)))
        signs = rng.integers(2, size=len(picks))
        word = tuple(
            (f, g, e if sign else -e)
            for (f, g, e), sign in zip((letters[k] for k in picks), signs, strict=True)
        )
        words.append(shortened(module, word, STRETCH))
    return Elements(tuple(generators), tuple(components), tuple(words), tuple(stretching))


def shortened(module: Module, word: FWord, limit: float) -> FWord:
    """The longest beginning of a word that stretches no feature by more than the limit."""
    if all(group.is_finite for group in module.groups.values()):
        return word
    while word and stretch(module, word) > limit:
        word = word[:-1]
    return word


def _components(factor: str, group: Group) -> Iterator[FWord]:
    """Products of two generators that lie in a component of their own: told apart by the determinant
    and, for indefinite forms, by that of the definite part; for a Lie group all pairs are taken."""
    discrete = [k for k, image in enumerate(group.model) if not isinstance(image, Infinitesimal)]
    if len(discrete) > PAIRS:
        return
    every = len(discrete) < len(group.generators)
    seen = {_component(group, ())} | {_component(group, (k,)) for k in discrete}
    for pair in permutations(discrete, 2):
        found = _component(group, pair)
        if every or found not in seen:
            seen.add(found)
            yield tuple((factor, k, 1) for k in pair)


def _component(group: Group, letters: Sequence[int]) -> tuple[int, ...]:
    matrix = np.eye(explicit(group.model[0]).degree)
    for k in letters:
        matrix = matrix @ floats(group.model[k])
    parts = [matrix]
    if group.family in ("lorentz", "special_lorentz"):
        definite = group.parameters[0]
        assert isinstance(definite, int)
        parts.append(matrix[:definite, :definite])
    return tuple(int(np.sign(np.linalg.det(part))) for part in parts)


def stretch(module: Module, word: FWord) -> float:
    """The largest condition number of a word on an input or output: rounding grows with it."""
    blocks = dict.fromkeys(block for _, type_ in module.features for block in type_.blocks)
    return max(
        (math.prod(condition(rep, word) for rep, _, _ in block.actions) for block in blocks),
        default=1.0,
    )


def growth(type_: Type, word: FWord) -> float:
    """By how much a word can enlarge the largest entry of a feature, at least 1: the largest row sum of
    its matrix, which is a product over the axes."""
    rows = [math.prod(_row_sum(rep, word) for rep, _, _ in block.actions) for block in type_.blocks]
    return max(1.0, *rows)


def _row_sum(rep: Representation, word: FWord) -> float:
    image = moved_by(rep, word)
    if isinstance(image, AffineMap):
        image = image.linear  # a difference of answers is not translated
    if isinstance(image, Matrix):
        image = floats(image)
    return float(np.abs(image).sum(axis=1).max()) if isinstance(image, np.ndarray) else 1.0


def moved(types: Mapping[str, Type], features: Features, words: Sequence[FWord]) -> Features:
    """Every sample is moved by its own word; one word moves all."""
    if len(words) == 1:
        return {name: act_on(xs, types[name], words[0]) for name, xs in features.items()}
    result: dict[str, tuple[Array, ...]] = {}
    for name, xs in features.items():
        pieces = [
            act_on([x[k : k + 1] for x in xs], types[name], word) for k, word in enumerate(words)
        ]
        result[name] = tuple(np.concatenate(blocks) for blocks in zip(*pieces, strict=True))
    return result


def text_of(module: Module, word: FWord) -> str:
    """A word as a product of generators, ``Rot.r Flip.s^-1``."""
    letters = []
    for factor, number, power in word:
        group = module.groups[factor]
        name = f"{factor}.{group.generators[number]}"
        if isinstance(group.model[number], Infinitesimal):
            times = {1: "t", -1: "-t"}.get(power, f"{power} t")
            letters.append(f"exp({times} {name})")
        else:
            letters.append(name if power == 1 else f"{name}^{power}")
    return " ".join(letters) or "the identity"


# ---- names of entries ------------------------------------------------------------------------------


def entry_name(type_: Type, block: int, index: Sequence[int]) -> str:
    """An entry of a feature in the words of the spec: ``joints[HAA, LF]``, ``[3, push_left]``; the
    block of a direct sum stands in front, ``[1][3, x]``."""
    chosen = type_.blocks[block]
    head = f"[{block}]" if len(type_.blocks) > 1 else ""
    return head + _entry(chosen, tuple(index))


def _entry(block: Block, index: tuple[int, ...]) -> str:
    words: list[str] = []
    for axis, (dim, width) in zip(block.axes, block.dims, strict=True):
        place = index[dim : dim + width]
        if isinstance(axis, PlainAxis):
            words.append(str(place[0]))
        elif isinstance(axis, FlatAxis):
            words.append(_field_entry(axis, place[0]))
        else:
            points = axis.rep.points
            if points is not None and width == 1:
                words.append(points[place[0]])
            else:
                words.extend(str(k) for k in place)
    if len(block.axes) == 1 and isinstance(block.axes[0], FlatAxis):
        return words[0]
    return f"[{', '.join(words)}]"


def _field_entry(axis: FlatAxis, place: int) -> str:
    for name, type_ in axis.fields:
        start = axis.offset(name)
        if place < start + type_.size:
            place -= start
            for inner in type_.blocks:
                if place < inner.size:
                    index = tuple(int(k) for k in np.unravel_index(place, inner.shape or (1,)))
                    text = _entry(inner, index[: len(inner.shape)])
                    return name + (text if text.startswith("[") else f".{text}")
                place -= inner.size
    raise IndexError(place)


@dataclass(frozen=True)
class Part:
    """A piece of an input that the spec has a name for: entries ``start`` to ``stop`` of dimension
    ``dim`` (of the block, from the left), or the whole block where ``dim`` is None."""

    label: str
    feature: str
    block: int
    dim: int | None = None
    start: int = 0
    stop: int = 0


def parts_of(module: Module) -> list[Part]:
    """The inputs in pieces: fields of a `flat`, blocks of a direct sum, else whole."""
    found: list[Part] = []
    for feature in module.inputs:
        for number, block in enumerate(feature.type.blocks):
            name = f"{feature.name}[{number}]" if len(feature.type.blocks) > 1 else feature.name
            flat = next((k for k, a in enumerate(block.axes) if isinstance(a, FlatAxis)), None)
            if flat is None:
                found.append(Part(name, feature.name, number))
                continue
            axis = block.axes[flat]
            assert isinstance(axis, FlatAxis)
            for key, type_ in axis.fields:
                start = axis.offset(key)
                place = block.dims[flat][0]
                found.append(
                    Part(f"{name}.{key}", feature.name, number, place, start, start + type_.size)
                )
    return found
