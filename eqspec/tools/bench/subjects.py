"""The contestants of a comparison: an emitted module, its dense twin, and a plain group average of the twin.

In: a lowered module and the classes that were made of it and of its twin. Out: for each contestant a run
forward, as in evaluation, and one forward and backward, as in training. Bases are small stand-in networks,
the same for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from eqspec.graph.model import Base, Module
from eqspec.graph.types import Block, Type
from eqspec.tools.bench.clock import Run

WIDTH = 64


class StandIn(nn.Module):
    """A small network in place of a base: all arguments flattened, one hidden layer, the blocks of the answer."""

    def __init__(self, base: Base) -> None:
        super().__init__()
        blocks = [block for type_ in base.signature for block in type_.blocks]
        self.words = [block.values.size if block.values is not None else 0 for block in blocks]
        self.ranks = [len(block.shape) for block in blocks]
        self.shapes = base.target.shapes
        sizes = [math.prod(shape) for shape in self.shapes]
        inputs = sum(block.size for block in blocks)
        self.first = nn.Linear(inputs, WIDTH)
        self.second = nn.Linear(WIDTH, sum(sizes))
        self.sizes = sizes

    def forward(self, *features: Any) -> Any:
        xs = leaves(features)
        batch = xs[0].shape[: xs[0].dim() - self.ranks[0]]
        dtype = self.first.weight.dtype
        flat = torch.cat([x.reshape(*batch, -1).to(dtype) for x in xs], -1)
        y = self.second(torch.tanh(self.first(flat)))
        parts = torch.split(y, self.sizes, -1)
        found = [part.reshape(*batch, *s) for part, s in zip(parts, self.shapes, strict=True)]
        return found[0] if len(found) == 1 else tuple(found)

    def __str__(self) -> str:
        return f"{self.first.in_features} -> {WIDTH} -> {self.second.out_features}"


@dataclass(frozen=True)
class Subject:
    """A contestant: ``network`` on ``inputs``."""

    name: str
    network: nn.Module
    inputs: tuple[Any, ...]

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.network.parameters())

    def forward(self) -> Run:
        """As in evaluation, without gradients."""
        self.network.eval()
        network, inputs = self.network, self.inputs

        def run() -> object:
            with torch.no_grad():
                return network(*inputs)

        return run

    def training(self) -> Run | None:
        """As in training: forward, and the gradients of all weights and inputs. None: there are none."""
        self.network.train()
        network = self.network
        inputs = _with_gradients(self.inputs)
        wanted = [x for x in leaves(inputs) if x.requires_grad]
        wanted += [p for p in network.parameters() if p.requires_grad]
        answers = [y for y in leaves(network(*inputs)) if y.requires_grad]
        if not wanted or not answers:
            return None
        slopes = [torch.randn_like(y) for y in answers]

        def run() -> object:
            ys = [y for y in leaves(network(*inputs)) if y.requires_grad]
            return torch.autograd.grad(ys, wanted, slopes, allow_unused=True)

        return run


def subject(name: str, network: nn.Module, inputs: tuple[Any, ...]) -> Subject:
    return Subject(name, network, inputs)


def stand_ins(module: Module) -> list[StandIn]:
    """A small network for every base, in order of declaration."""
    return [StandIn(base) for base in module.bases]


def inputs_of(
    module: Module, batch: int, dtype: torch.dtype, device: torch.device
) -> tuple[Any, ...]:
    """A random batch of every input."""

    def block(b: Block) -> Tensor:
        shape = (batch, *b.shape)
        if b.values is not None:
            return torch.randint(b.values.size, shape, device=device)
        return torch.randn(shape, dtype=torch.float32).to(device, dtype)

    def feature(type_: Type) -> Any:
        found = [block(b) for b in type_.blocks]
        return found[0] if len(found) == 1 else tuple(found)

    return tuple(feature(f.type) for f in module.inputs)


def leaves(value: Any) -> list[Tensor]:
    """All tensors in nested tuples."""
    if isinstance(value, Tensor):
        return [value]
    return [x for part in value for x in leaves(part)]


def _with_gradients(inputs: Sequence[Any]) -> tuple[Any, ...]:
    def copied(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return tuple(map(copied, value))
        return value.clone().requires_grad_() if value.is_floating_point() else value

    return tuple(map(copied, inputs))


Maker = Callable[..., nn.Module]
"""A class of an emitted file."""
