"""Instructions that act by themselves in training, or on groups of channels: norms of groups of channels,
dropout, and the end of gradients.

Shapes never contain the batch, as in `instructions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

Shape = tuple[int, ...]


@dataclass(frozen=True)
class GroupNorm:
    """The first dimensions of x make ``channels`` in all; every one of ``groups`` sets of consecutive
    channels, with everything that comes after them, gets mean 0 and variance 1. ``args`` may hold a weight
    and a bias too, one number for each channel. `torch.nn.GroupNorm`."""

    args: tuple[int, ...]
    channels: int
    groups: int
    eps: float


@dataclass(frozen=True)
class Dropout:
    """In training, x times a random mask that is constant along all dimensions but ``keep``: 0 with
    probability ``p``, else 1 / (1 - p). The ``name`` tells one draw from another."""

    args: tuple[int, ...]
    name: str
    keep: tuple[int, ...]
    p: float

    def mask(self, x: Shape) -> Shape:
        return tuple(n if dim in self.keep else 1 for dim, n in enumerate(x))


@dataclass(frozen=True)
class Detach:
    """x, and no gradient goes back through it."""

    args: tuple[int, ...]


Layer = GroupNorm | Dropout | Detach


def layer_shape(instruction: Layer, of: Sequence[Shape]) -> Shape:
    """The shape of the result. AssertionError where the operands do not fit."""
    x = of[0]
    if isinstance(instruction, GroupNorm):
        channels = instruction.channels
        assert channels % instruction.groups == 0, instruction
        assert any(prod(x[:k]) == channels for k in range(1, len(x) + 1)), (instruction, x)
        assert all(shape == (channels,) for shape in of[1:]), (instruction, of)
    return x
