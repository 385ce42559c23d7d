"""Emitted modules beside modules of torch of the same shapes: a call in evaluation, a step of training."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.measure import Effort, Quartiles, median, quartiles, side_by_side

Call = Callable[[], None]


def call(module: nn.Module, x: Tensor) -> Call:
    def run() -> None:
        module(x)

    return run


def step(module: nn.Module, x: Tensor, gradient: Tensor) -> Call:
    """Forward and backward to the weights and to the input, as inside of a network."""
    x = x.clone().requires_grad_()
    wanted = [x, *(p for p in module.parameters() if p.requires_grad)]

    def run() -> None:
        torch.autograd.grad(module(x), wanted, gradient, allow_unused=True)

    return run


@dataclass(frozen=True)
class Against:
    """Seconds of the dense module, and how many times faster the other is: in evaluation, in training
    forward, and forward and backward."""

    dense: float
    frozen: Quartiles
    forward: Quartiles
    both: Quartiles
    step: float


def against(
    ours: nn.Module,
    dense: nn.Module,
    batch: int,
    shapes: tuple[Sequence[int], Sequence[int]],
    effort: Effort,
    rounds: int | None = None,
) -> Against:
    """The dense module takes and gives rows of numbers, ours the shapes of its source and target."""
    flat = torch.randn(batch, math.prod(shapes[0]))
    slope = torch.randn(batch, math.prod(shapes[1]))
    x, gradient = flat.reshape(batch, *shapes[0]), slope.reshape(batch, *shapes[1])
    calls = {"ours": call(ours, x), "dense": call(dense, flat)}
    for module in (ours, dense):
        module.eval()
    with torch.no_grad():
        frozen = side_by_side(calls, effort, rounds)
    for module in (ours, dense):
        module.train()
    forward = side_by_side(calls, effort, rounds)
    steps = {"ours": step(ours, x, gradient), "dense": step(dense, flat, slope)}
    both = side_by_side(steps, effort, rounds)
    return Against(
        median(frozen, "dense"),
        quartiles(frozen, "dense", "ours"),
        quartiles(forward, "dense", "ours"),
        quartiles(both, "dense", "ours"),
        median(both, "dense"),
    )
