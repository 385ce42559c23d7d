"""The inputs of an audit: normal numbers, and words that the groups move.

A group may move a handful of words of a large vocabulary, and words drawn uniformly would never show
what it does. So half of the words are drawn among those that move, and further batches hold every one
of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.averages import FWord, evaluate_any
from eqspec.algebra.images import explicit, rows_of
from eqspec.graph.model import Module
from eqspec.graph.types import Block
from eqspec.lowering.validation import random_inputs
from eqspec.tools.audit.elements import Features

Array = NDArray[np.float64]
BATCHES = 32  # that are looked at to meet every word
SHOWN = 12
MOST_ENTRIES = 64  # of a tensor that a witness makes plainer


@dataclass(frozen=True)
class Place:
    """A block of whole numbers among the inputs."""

    feature: str
    number: int
    block: Block

    @cached_property
    def moving(self) -> NDArray[np.int64]:
        """The words that some generator moves."""
        values = self.block.values
        assert values is not None
        if values.rep is None:
            return np.zeros(0, dtype=np.int64)
        words = [((f, g, 1),) for f, g, _ in values.rep.generator_images()]
        images = np.array([_images(self.block, word) for word in words]).reshape(-1, values.size)
        return np.flatnonzero((images != np.arange(values.size)).any(axis=0))

    def still(self, word: FWord) -> int | None:
        """A word of the vocabulary that stays where it is, if there is one."""
        images = _images(self.block, word)
        found = np.flatnonzero(images == np.arange(len(images)))
        return int(found[0]) if len(found) else None

    def name(self, value: int) -> str:
        values = self.block.values
        assert values is not None
        points = values.rep.points if values.rep is not None else None
        return points[value] if points is not None else str(value)


def _images(block: Block, word: FWord) -> NDArray[np.int64]:
    """Where a word in the generators moves every number."""
    values = block.values
    assert values is not None
    if values.rep is None:
        return np.arange(values.size)
    image = explicit(evaluate_any(values.rep, word))
    images = getattr(image, "images", None)
    if images is None:  # no permutation: the checker has refused it
        images = np.argmax(np.array(rows_of(image), dtype=float), axis=0)
    return np.array(images, dtype=np.int64)


def places(module: Module) -> list[Place]:
    """The inputs that are whole numbers."""
    return [
        Place(feature.name, number, block)
        for feature in module.inputs
        for number, block in enumerate(feature.type.blocks)
        if block.values is not None
    ]


def draw(module: Module, rng: np.random.Generator, batch: int) -> Features:
    """Random inputs; half of all words are such that a generator moves them."""
    inputs = random_inputs(module, rng, batch)
    for place in places(module):
        moving = place.moving
        x = inputs[place.feature][place.number]
        if len(moving):
            chosen = rng.random(x.shape) < 0.5
            x[chosen] = rng.choice(moving, size=int(chosen.sum()))
    return inputs


def every_word(
    module: Module, rng: np.random.Generator, batch: int
) -> tuple[list[Features], int, int]:
    """Batches in which every moving word occurs, up to a number of batches; how many words occur in
    them, and how many there are."""
    found: list[Features] = []
    here = places(module)
    waiting = {k: rng.permutation(place.moving) for k, place in enumerate(here)}
    total = sum(len(words) for words in waiting.values())
    while any(len(words) for words in waiting.values()) and len(found) < BATCHES:
        inputs = draw(module, rng, batch)
        for k, place in enumerate(here):
            x = inputs[place.feature][place.number]
            free = rng.permutation(x.size)[: max(1, math.ceil(x.size / 2))]
            now, waiting[k] = waiting[k][: len(free)], waiting[k][len(free) :]
            x.reshape(-1)[free[: len(now)]] = now
        found.append(inputs)
    return found, total - sum(len(words) for words in waiting.values()), total


def plainer(
    module: Module, inputs: Features, word: FWord, fails: Callable[[Features], bool]
) -> Features:
    """As many entries as possible replaced by a word that stays, while the fault is still there."""
    now = {name: tuple(x.copy() for x in xs) for name, xs in inputs.items()}
    for place in places(module):
        still = place.still(word)
        if still is None or now[place.feature][place.number].size > MOST_ENTRIES:
            continue
        for at in range(now[place.feature][place.number].size):
            other = {name: tuple(x.copy() for x in xs) for name, xs in now.items()}
            other[place.feature][place.number].reshape(-1)[at] = still
            if fails(other):
                now = other
    return now


def words_text(module: Module, inputs: Features, sample: int) -> str | None:
    """The words of a sample, by name: ``command = [jump, pad, left]``."""
    texts: list[str] = []
    for place in places(module):
        flat: Sequence[int] = [
            int(v) for v in inputs[place.feature][place.number][sample].reshape(-1)
        ]
        names = [place.name(value) for value in flat[:SHOWN]]
        more = ", ..." if len(flat) > SHOWN else ""
        texts.append(f"{place.feature} = [{', '.join(names)}{more}]")
    return "; ".join(texts) or None
