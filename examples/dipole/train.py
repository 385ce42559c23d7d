"""Learn the dipole moment of a cloud of points whose charges nobody measures.

Every point carries a number x. Its charge is tanh(2 x) minus the mean over the cloud, so that
a cloud is neutral, and the moment is the sum of charge times position. The emitted module and
an ordinary network learn the moment from samples; then the points are listed in another order
and the frame is turned. Takes seconds; needs torch and nothing else.
"""

from __future__ import annotations

import argparse

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dipole import Dipole

POINTS = 6


class Ordinary(nn.Module):
    """Three hidden layers on all numbers of a sample."""

    def __init__(self, width: int = 100) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4 * POINTS, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 3),
        )

    def forward(self, numbers: Tensor, positions: Tensor) -> Tensor:
        y: Tensor = self.layers(torch.cat((numbers, positions.flatten(-2)), dim=-1))
        return y


def draw(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    numbers = torch.randn(count, POINTS, generator=generator)
    positions = torch.randn(count, POINTS, 3, generator=generator)
    charges = (2 * numbers).tanh()
    charges = charges - charges.mean(-1, keepdim=True)
    return numbers, positions, (charges[..., None] * positions).sum(-2)


def answer(network: nn.Module, numbers: Tensor, positions: Tensor) -> Tensor:
    if isinstance(network, Dipole):
        dipole: Tensor = network((numbers, positions)).dipole
        return dipole
    y: Tensor = network(numbers, positions)
    return y


def fit(network: nn.Module, samples: tuple[Tensor, Tensor, Tensor], steps: int) -> None:
    numbers, positions, target = samples
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(steps):
        some = torch.randint(len(target), (100,))
        loss = F.mse_loss(answer(network, numbers[some], positions[some]), target[some])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps, for a test")
    steps = 300 if parser.parse_args().quick else 3000
    torch.manual_seed(0)
    torch.set_num_threads(1)  # networks as small as these only wait for a second thread
    samples = draw(1000, torch.Generator().manual_seed(1))
    numbers, positions, target = draw(1000, torch.Generator().manual_seed(2))
    order = torch.randperm(POINTS)
    frame = torch.linalg.qr(torch.randn(3, 3)).Q

    print(f"the variance of the target is {float(target.var()):.3g}")
    print(f"{'network':10}{'weights':>8}{'error':>10}{'reordered':>11}{'turned':>10}")
    for name, network in (("Dipole", Dipole()), ("ordinary", Ordinary())):
        weights = sum(p.numel() for p in network.parameters())
        fit(network, samples, steps)
        with torch.no_grad():
            found = answer(network, numbers, positions)
            listed = answer(network, numbers[:, order], positions[:, order])
            turned = answer(network, numbers, positions @ frame.T)
        error = float(F.mse_loss(found, target))
        moved = float((listed - found).abs().max())
        wrong = float((turned - found @ frame.T).abs().max())
        print(f"{name:10}{weights:8}{error:10.5f}{moved:11.1e}{wrong:10.1e}")


if __name__ == "__main__":
    main()
