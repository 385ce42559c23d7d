"""EquiAdapt: a network on pictures behind a canonicalisation by quarter turns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmarks.peers.inside.common import Job, capture
from benchmarks.peers.inside.shims import torchvision_without_operators

torchvision_without_operators()
from equiadapt.images.canonicalization.discrete_group import (  # type: ignore[import-not-found]  # noqa: E402
    GroupEquivariantImageCanonicalization,
)
from equiadapt.images.canonicalization_networks.custom_equivariant_networks import (  # type: ignore[import-not-found]  # noqa: E402
    CustomEquivariantNetwork,
)
from omegaconf import OmegaConf  # type: ignore[import-not-found]  # noqa: E402

SIDE = 32


class Canonical(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        shape = (1, SIDE, SIDE)
        network = CustomEquivariantNetwork(shape, 8, 5, "rotation", 4, 2, device="cpu")
        network.group_type, network.num_rotations = "rotation", 4  # which it does not say itself
        given = OmegaConf.create({"beta": 1.0, "input_crop_ratio": 1.0, "resize_shape": SIDE})
        self.canonical = GroupEquivariantImageCanonicalization(network, given, shape)
        self.base = base()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.base(self.canonical(x))
        return y


def base() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(512, 10),
    )


def scorer() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.Conv2d(8, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


job = Job()
for batch in (64, 1):
    x, gradient = torch.randn(batch, 1, SIDE, SIDE), torch.randn(batch, 10)
    job.row(
        f"a CNN on 1 x {SIDE} x {SIDE}, canonical under quarter turns", batch, Canonical,
        peer=(Canonical(), x, gradient),
        ours=(job.ours("canonical", base(), scorer()), x, gradient),
        dense=(base(), x, gradient),
    )  # fmt: skip
job.captured["EquiAdapt, canonicalisation"] = capture(Canonical, torch.randn(4, 1, SIDE, SIDE))
job.finish()
