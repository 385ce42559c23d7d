"""Where the numbers of a result lie in memory, as PyTorch lays them.

A permutation or a repetition is a view: it moves nothing, but what reads it may have to. A `Layout` is
the sizes and the strides of a tensor with its batch as its first dimension; the functions say which
views exist without a copy, and in which order a result is written. The rules are those of
`torch.Tensor.view` (strides that merge) and of `TensorIterator` (a result keeps the order of its operands).

In: layouts. Out: layouts; None where a view does not exist.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """Strides count numbers; 0 where a dimension is repeated."""

    sizes: Shape
    strides: Shape

    @property
    def distinct(self) -> int:
        """How many numbers there are in memory."""
        return math.prod(n for n, s in zip(self.sizes, self.strides, strict=True) if s)

    @property
    def order(self) -> Shape:
        """The dimensions longer than 1, from the outermost in memory to the innermost."""
        long = [k for k, n in enumerate(self.sizes) if n > 1]
        return tuple(sorted(long, key=lambda k: -self.strides[k]))

    def permuted(self, order: Sequence[int]) -> Layout:
        return Layout(tuple(self.sizes[k] for k in order), tuple(self.strides[k] for k in order))

    def expanded(self, dim: int, size: int) -> Layout:
        """A new dimension along which the numbers are repeated."""
        return Layout(
            (*self.sizes[:dim], size, *self.sizes[dim:]),
            (*self.strides[:dim], 0, *self.strides[dim:]),
        )

    def narrowed(self, dim: int, size: int) -> Layout:
        return Layout((*self.sizes[:dim], size, *self.sizes[dim + 1 :]), self.strides)

    def viewed(self, sizes: Shape) -> Layout | None:
        """The same numbers with other sizes; None if that takes a copy (`torch.Tensor.view`)."""
        if math.prod(sizes) == 0 or not self.sizes:
            return contiguous(sizes)
        strides = [0] * len(sizes)
        left = len(sizes) - 1
        step, old, new = self.strides[-1], 1, 1
        for dim in reversed(range(len(self.sizes))):
            old *= self.sizes[dim]
            if dim and (self.sizes[dim - 1] == 1 or self.strides[dim - 1] == old * step):
                continue  # the dimension before continues this run
            while left >= 0 and (new < old or sizes[left] == 1):
                strides[left] = new * step
                new *= sizes[left]
                left -= 1
            if new != old:
                return None
            if dim:
                step, old, new = self.strides[dim - 1], 1, 1
        return Layout(sizes, tuple(strides)) if left == -1 else None


def contiguous(sizes: Shape) -> Layout:
    return dense(sizes, range(len(sizes)))


def dense(sizes: Shape, order: Sequence[int]) -> Layout:
    """Without gaps, the dimensions in this order from the outermost to the innermost."""
    strides = [1] * len(sizes)
    step = 1
    for k in reversed(order):
        strides[k] = step
        step *= max(sizes[k], 1)
    return Layout(sizes, tuple(strides))


def like(sizes: Shape, operand: Layout) -> Layout:
    """How a result of these sizes is written that is made entry by entry from the operand."""
    if len(operand.sizes) != len(sizes):
        return contiguous(sizes)
    order = sorted(range(len(sizes)), key=lambda k: (-operand.strides[k], k))
    if any(not operand.strides[k] and sizes[k] > 1 for k in order):
        return contiguous(sizes)
    return dense(sizes, order)
