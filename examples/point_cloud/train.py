"""Learn the forces between charged points with a network that knows nothing of space.

The same network is trained twice on the same clouds: as it is, and in the emitted module, which
shows it every cloud from the frames of its principal axes, the points in a canonical order.
Then the points are listed in another order, and the clouds are turned and moved. Takes half a
minute; needs torch and nothing else.
"""

from __future__ import annotations

import argparse

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from point_cloud import PointCloud

POINTS = 5


class Network(nn.Module):
    """Three hidden layers on all numbers of a cloud."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4 * POINTS, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 3 * POINTS),
        )

    def forward(self, position: Tensor, charge: Tensor) -> Tensor:
        y: Tensor = self.layers(torch.cat((position.flatten(1), charge), dim=1))
        return torch.unflatten(y, -1, (POINTS, 3))


def draw(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Positions, charges, and the forces of a softened law of Coulomb."""
    position = torch.randn(count, POINTS, 3, generator=generator)
    charge = torch.randn(count, POINTS, generator=generator)
    step = position[:, :, None] - position[:, None, :]
    size = (1 + step.square().sum(-1)) ** 1.5
    pairs = charge[:, :, None] * charge[:, None, :] / size
    return position, charge, (pairs[..., None] * step).sum(2)


def fit(network: nn.Module, samples: tuple[Tensor, Tensor, Tensor], steps: int) -> None:
    position, charge, target = samples
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(steps):
        some = torch.randint(len(target), (64,))
        loss = F.mse_loss(network(position[some], charge[some]), target[some])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps, for a test")
    steps = 300 if parser.parse_args().quick else 4000
    torch.manual_seed(0)
    torch.set_num_threads(1)  # networks as small as these only wait for a second thread
    samples = draw(2000, torch.Generator().manual_seed(1))
    position, charge, target = draw(1000, torch.Generator().manual_seed(2))
    order = torch.randperm(POINTS)
    frame = torch.linalg.qr(torch.randn(3, 3)).Q

    print(f"the variance of the target is {float(target.var()):.3g}")
    print(f"{'network':12}{'error':>9}{'reordered':>11}{'turned':>9}{'moved':>9}")
    for name, network in (
        ("in frames", PointCloud(Network())),
        ("as it is", Network()),
    ):
        fit(network, samples, steps)
        with torch.no_grad():
            found = network(position, charge)
            listed = network(position[:, order], charge[:, order])
            turned = network(position @ frame.T, charge)
            moved = network(position + 2, charge)
        error = float(F.mse_loss(found, target))
        wrong = [
            float((a - b).abs().mean())
            for a, b in (
                (listed, found[:, order]),
                (turned, found @ frame.T),
                (moved, found),
            )
        ]
        print(f"{name:12}{error:9.4f}{wrong[0]:11.1e}{wrong[1]:9.1e}{wrong[2]:9.1e}")


if __name__ == "__main__":
    main()
