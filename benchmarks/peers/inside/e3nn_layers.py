"""e3nn: linear layers and products of vectors under O(3); and AutoEquiv, where its source is given."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import torch
from e3nn import o3  # type: ignore[import-not-found]
from torch import Tensor, nn

from benchmarks.peers.inside.common import Job, capture


class Squared(nn.Module):
    """The product of the input with itself."""

    def __init__(self, product: nn.Module) -> None:
        super().__init__()
        self.product = product

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.product(x, x)
        return y


class Split(nn.Module):
    """A layer of scalars and vectors, on one row of numbers."""

    def __init__(self, layer: nn.Module, channels: int) -> None:
        super().__init__()
        self.layer, self.channels = layer, channels

    def forward(self, x: Tensor) -> Tensor:
        scalars, vectors = x[:, : self.channels], x[:, self.channels :]
        s, v = self.layer(scalars, vectors.unflatten(1, (self.channels, 3)))
        return torch.cat([s, v.flatten(1)], 1)


def linear(channels: int) -> nn.Module:
    irreps = f"{channels}x0e+{channels}x1o"
    layer: nn.Module = o3.Linear(irreps, irreps, biases=True)
    return layer


def product(channels: int) -> nn.Module:
    """Every product of two channels of vectors, mixed to as many scalars and traceless symmetric tensors."""
    result = f"{channels}x0e+{channels}x2e"
    return Squared(o3.FullyConnectedTensorProduct(f"{channels}x1o", f"{channels}x1o", result))


job = Job()
for channels, batch in ((64, 256), (64, 16)):
    x = torch.randn(batch, 4 * channels)
    gradient = torch.randn_like(x)
    job.row(
        f"linear layer, {channels} scalars and {channels} vectors", batch,
        partial(linear, channels),
        peer=(linear(channels), x, gradient),
        ours=(Split(job.ours("vectors"), channels), x, gradient),
        dense=(nn.Linear(4 * channels, 4 * channels), x, gradient),
    )  # fmt: skip
small = torch.randn(4, 32)
job.captured["e3nn, linear"] = capture(lambda: linear(8), small)
job.captured["e3nn, tensor product"] = capture(lambda: product(8), torch.randn(4, 24))

source = job.options.get("autoequiv")
if source is not None:
    sys.path.insert(0, str(Path(source)))
    from autoequiv import LinearEquiv  # type: ignore[import-not-found]

    def shared(name: str) -> nn.Module:
        given = job.options["permutations"][name]
        layer: nn.Module = LinearEquiv(given, given, 64, 64)
        return layer

    for name, order in (("C4", 4), ("D4", 8)):
        flat = torch.randn(256, 64 * order)
        x, gradient = flat.unflatten(1, (64, order)), torch.randn_like(flat)
        job.row(
            f"linear layer, 64 channels of the regular representation of {name}", 256,
            partial(shared, name),
            peer=(shared(name), x, gradient.unflatten(1, (64, order))),
            ours=(job.ours(f"regular_{name}"), x, gradient.unflatten(1, (64, order))),
            dense=(nn.Linear(64 * order, 64 * order), flat, gradient),
        )  # fmt: skip
        job.rows[-1]["peer"] = "AutoEquiv"
    job.captured["AutoEquiv, linear"] = capture(lambda: shared("C4"), torch.randn(4, 64, 4))
job.finish()
