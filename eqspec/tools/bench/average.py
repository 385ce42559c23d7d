"""A plain group average of a network, as one would write it by hand: one call for each element.

In: a module, whose inputs and outputs say how its groups act, and a network of the same inputs and outputs.
Out: the mean over all elements g of the product of its groups of g^-1 network(g x). The actions are tables
that are made once: a permutation of entries, with signs or without, or a matrix.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from eqspec.algebra.averages import FWord, evaluate_any
from eqspec.algebra.enumeration import GroupTooLarge
from eqspec.algebra.images import AffineMap, AnyImage, Monomial, explicit, rows_of
from eqspec.graph.model import Module
from eqspec.graph.types import Block, Type

MOST_ELEMENTS = 1024
MOST_NUMBERS = 1 << 25
"""Of the tables of all elements together."""


class NoAverage(Exception):  # noqa: N818 - says what there is not
    """There is no plain average to time; the message says why."""


@dataclass(frozen=True)
class Move:
    """What one element does to ``width`` dimensions from ``dim`` on (the batch not counted), flattened;
    ``width`` 0: ``order`` renames the values. ``shift`` is added last."""

    dim: int
    width: int
    order: Tensor | None = None
    signs: Tensor | None = None
    matrix: Tensor | None = None
    shift: Tensor | None = None


Moves = tuple[tuple[Move, ...], ...]  # for every block of a feature


def order_of(module: Module) -> int:
    """The order of the product of the groups.

    Raises:
        NoAverage: it is infinite, or too large.
    """
    for name, group in module.groups.items():
        if group.order is None:
            raise NoAverage(f"`{name}` is infinite")
    order = math.prod(group.order or 1 for group in module.groups.values())
    if order > MOST_ELEMENTS:
        raise NoAverage(
            f"it would call the twin {order:,} times; at most {MOST_ELEMENTS:,} are made"
        )
    return order


class GroupAverage(nn.Module):
    """The mean over a group of g^-1 network(g x)."""

    def __init__(self, module: Module, network: nn.Module, dtype: torch.dtype) -> None:
        """Raises `NoAverage`."""
        super().__init__()
        self.network = network
        self.single = len(module.outputs) == 1
        order = order_of(module)
        types = [type_ for _, type_ in module.features]
        if any(type_.sampled for type_ in types):
            raise NoAverage("a `disc` is turned by interpolation")
        if any(feature.type.has_indices for feature in module.outputs):
            raise NoAverage("an output holds numbers of words, which have no mean")
        if order * sum(type_.size for type_ in types) > MOST_NUMBERS:
            raise NoAverage(f"the tables of {order:,} elements would be too large")
        try:
            words = list(_elements(module))
        except GroupTooLarge as error:
            raise NoAverage(str(error)) from None
        self.there = [[_moves(f.type, word, dtype) for f in module.inputs] for word in words]
        self.back = [
            [_moves(f.type, _inverse(word), dtype) for f in module.outputs] for word in words
        ]

    def forward(self, *inputs: Any) -> Any:
        totals: list[list[Tensor]] = []
        for there, back in zip(self.there, self.back, strict=True):
            answer = self.network(*(_moved(x, m) for x, m in zip(inputs, there, strict=True)))
            answers = [answer] if self.single else list(answer)
            ys = [_blocks(_moved(y, m)) for y, m in zip(answers, back, strict=True)]
            if totals:
                ys = [
                    [a + b for a, b in zip(*pair, strict=True)]
                    for pair in zip(totals, ys, strict=True)
                ]
            totals = ys
        means = [[y / len(self.there) for y in blocks] for blocks in totals]
        found = [blocks[0] if len(blocks) == 1 else tuple(blocks) for blocks in means]
        return found[0] if self.single else tuple(found)

    def _apply(self, fn: Any, recurse: bool = True) -> GroupAverage:
        """The tables follow the module to a device."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # of torch
        for tables in (self.there, self.back):
            for k, features in enumerate(tables):
                tables[k] = [tuple(tuple(_on(m, fn) for m in b) for b in f) for f in features]
        return self


def _on(move: Move, fn: Any) -> Move:
    parts = (move.order, move.signs, move.matrix, move.shift)
    return Move(move.dim, move.width, *(None if part is None else fn(part) for part in parts))


def _blocks(x: Any) -> list[Tensor]:
    return [x] if isinstance(x, Tensor) else list(x)


def _elements(module: Module) -> Iterator[FWord]:
    own: list[list[FWord]] = [
        [tuple((name, generator, power) for generator, power in word) for word in group.elements()]
        for name, group in module.groups.items()
    ]
    for words in itertools.product(*own):
        yield tuple(letter for word in words for letter in word)


def _inverse(word: FWord) -> FWord:
    return tuple((factor, generator, -power) for factor, generator, power in reversed(word))


def _moves(type_: Type, word: FWord, dtype: torch.dtype) -> Moves:
    return tuple(tuple(_moves_of(block, word, dtype)) for block in type_.blocks)


def _moves_of(block: Block, word: FWord, dtype: torch.dtype) -> Iterator[Move]:
    for rep, dim, width in block.actions:
        image = evaluate_any(rep, word)
        if not image.is_identity:
            yield _table(image, dim, width, dtype)
    if block.values is not None and block.values.rep is not None:
        image = explicit(evaluate_any(block.values.rep, word))
        assert isinstance(image, Monomial), "it permutes values"
        if not image.is_identity:
            yield Move(0, 0, torch.tensor(image.images))


def _table(image: AnyImage, dim: int, width: int, dtype: torch.dtype) -> Move:
    shift = None
    if isinstance(image, AffineMap):
        shift = torch.tensor([float(value) for value in image.shift], dtype=dtype)
        image = image.linear
    image = explicit(image)
    if not isinstance(image, Monomial):
        rows = [[float(value) for value in row] for row in rows_of(image)]
        return Move(dim, width, matrix=torch.tensor(rows, dtype=dtype), shift=shift)
    order = torch.empty(len(image.images), dtype=torch.long)
    order[torch.tensor(image.images)] = torch.arange(len(image.images))
    signs = None
    if not image.is_permutation:
        signs = torch.tensor(image.signs, dtype=dtype)[order]
    return Move(dim, width, order, signs, shift=shift)


def _moved(x: Any, moves: Moves) -> Any:
    blocks = [_moved_block(b, own) for b, own in zip(_blocks(x), moves, strict=True)]
    return blocks[0] if isinstance(x, Tensor) else tuple(blocks)


def _moved_block(x: Tensor, moves: Sequence[Move]) -> Tensor:
    for move in moves:
        if not move.width:
            assert move.order is not None
            x = move.order[x]
            continue
        shape = x.shape
        dim = move.dim + 1  # behind the batch
        flat = x.flatten(dim, dim + move.width - 1) if move.width > 1 else x
        tail = [1] * (flat.dim() - dim - 1)
        if move.matrix is not None:
            flat = (flat.movedim(dim, -1) @ move.matrix.T).movedim(-1, dim)
        if move.order is not None:
            flat = flat.index_select(dim, move.order)
        if move.signs is not None:
            flat = flat * move.signs.reshape(-1, *tail)
        if move.shift is not None:
            flat = flat + move.shift.reshape(-1, *tail)
        x = flat.reshape(shape)
    return x
