"""escnn: convolutions and linear layers between regular fields of D4."""

from __future__ import annotations

from functools import partial

import torch
from escnn import group, gspaces  # type: ignore[import-not-found]
from escnn import nn as enn
from torch import Tensor, nn

from benchmarks.peers.inside.common import Job, capture


class Wrapped(nn.Module):
    """A tensor in, a tensor out: wrapping it as a field is part of every use."""

    def __init__(self, layer: nn.Module, type_: enn.FieldType) -> None:
        super().__init__()
        self.layer, self.type = layer, type_

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(enn.GeometricTensor(x, self.type)).tensor
        return y


class Block(nn.Module):
    """x + linear(relu(linear(x)))."""

    def __init__(self, first: nn.Module, middle: nn.Module, last: nn.Module) -> None:
        super().__init__()
        self.first, self.middle, self.last = first, middle, last

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.last(self.middle(self.first(x)))
        return y


def conv(fields: int) -> nn.Module:
    space = gspaces.flipRot2dOnR2(N=4)
    type_ = enn.FieldType(space, fields * [space.regular_repr])
    return Wrapped(enn.R2Conv(type_, type_, kernel_size=3, padding=1), type_)


def conv_and_norm() -> nn.Module:
    space = gspaces.flipRot2dOnR2(N=4)
    type_ = enn.FieldType(space, 4 * [space.regular_repr])
    layers = (enn.R2Conv(type_, type_, 3, padding=1), enn.InnerBatchNorm(type_), enn.ReLU(type_))
    return Wrapped(enn.SequentialModule(*layers), type_)


def _points(fields: int) -> enn.FieldType:
    space = gspaces.no_base_space(group.dihedral_group(4))
    return enn.FieldType(space, fields * [space.regular_repr])


def linear(fields: int) -> nn.Module:
    type_ = _points(fields)
    return Wrapped(enn.Linear(type_, type_), type_)


def block(fields: int) -> nn.Module:
    type_ = _points(fields)
    layers = [enn.Linear(type_, type_), enn.ReLU(type_), enn.Linear(type_, type_)]
    return Block(*(Wrapped(layer, type_) for layer in layers))


def dense_block(width: int) -> nn.Module:
    return Block(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))


job = Job()
for size, batch in ((32, 64), (8, 1)):
    if job.effort.quick and size == 32:
        continue
    flat = torch.randn(batch, 128, size, size)
    x, gradient = flat.unflatten(1, (16, 8)), torch.randn_like(flat)
    job.row(
        f"3 x 3 convolution, 16 regular fields of D4, {size} x {size}", batch, partial(conv, 16),
        peer=(conv(16), flat, gradient),
        ours=(job.ours(f"conv{size}"), x, gradient.unflatten(1, (16, 8))),
        dense=(nn.Conv2d(128, 128, 3, padding=1), flat, gradient),
    )  # fmt: skip
for name, make, dense in (
    ("linear", linear, nn.Linear(512, 512)),
    ("block", block, dense_block(512)),
):
    flat = torch.randn(256, 512)
    x, gradient = flat.unflatten(1, (64, 8)), torch.randn_like(flat)
    what = "x + linear(relu(linear(x)))" if name == "block" else "linear layer"
    job.row(
        f"{what}, 64 regular fields of D4", 256, partial(make, 64),
        peer=(make(64), flat, gradient),
        ours=(job.ours(name), x, gradient.unflatten(1, (64, 8))),
        dense=(dense, flat, gradient),
    )  # fmt: skip
small = torch.randn(4, 32, 8, 8)
job.captured["escnn, convolution"] = capture(partial(conv, 4), small)
job.captured["escnn, convolution, norm, relu"] = capture(conv_and_norm, small)
job.finish()
