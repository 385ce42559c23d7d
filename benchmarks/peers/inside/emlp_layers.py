"""EMLP with its PyTorch layers: a linear layer on sets, one under D4, and a whole network under O(3)."""

from __future__ import annotations

import numpy as np
import torch
from emlp.groups import Group, O, S  # type: ignore[import-not-found]
from emlp.nn import pytorch as layers  # type: ignore[import-not-found]
from emlp.reps import T, V  # type: ignore[import-not-found]
from torch import nn

from benchmarks.peers.inside.common import Job, capture


class Given(Group):  # type: ignore[misc]
    """A group by the matrices of its generators."""

    def __init__(self, generators: list[list[list[float]]]) -> None:
        self.discrete_generators = np.array(generators, dtype=np.float32)
        self.d = self.discrete_generators.shape[-1]
        super().__init__()

    def __str__(self) -> str:
        return f"Given{self.d}"


def sets() -> nn.Module:
    rep = 16 * V(S(10))
    layer: nn.Module = layers.Linear(rep, rep)
    return layer


def regular() -> nn.Module:
    rep = 16 * V(Given(job.options["generators"]))
    layer: nn.Module = layers.Linear(rep, rep)
    return layer


def network() -> nn.Module:
    net: nn.Module = layers.EMLP(5 * T(0) + 5 * T(1), T(2), O(3), ch=128, num_layers=2)
    return net


def vectors() -> nn.Module:
    rep = (4 * T(0) + 4 * T(1))(O(3))
    layer: nn.Module = layers.Linear(rep, rep)
    return layer


job = Job()
for what, make, name, shape in (
    ("linear layer, 16 channels of 10 points", sets, "points", (16, 10)),
    ("linear layer, 16 regular fields of D4", regular, "regular", (16, 8)),
):
    width = shape[0] * shape[1]
    flat = torch.randn(256, width)
    x, gradient = flat.unflatten(1, shape), torch.randn_like(flat)
    job.row(
        what, 256, make,
        peer=(make(), flat, gradient),
        ours=(job.ours(name), x, gradient.unflatten(1, shape)),
        dense=(nn.Linear(width, width), flat, gradient),
    )  # fmt: skip
if not job.effort.quick:
    flat, gradient = torch.randn(64, 20), torch.randn(64, 9)
    plain = layers.MLP(5 * T(0) + 5 * T(1), T(2), O(3), ch=128, num_layers=2)
    net = network()
    job.row(
        "a network of two hidden layers for tensors of inertia", 64, lambda: net,
        peer=(net, flat, gradient),
        ours=(job.ours("inertia"), flat, gradient.unflatten(1, (3, 3))),
        dense=(plain, flat, gradient),
    )  # fmt: skip
job.captured["EMLP, linear"] = capture(vectors, torch.randn(4, 16))
job.finish()
