"""Learn a number of a set of sets: the largest mean of any patient.

Four patients have five visits of three measurements each; the target is the maximum over the
patients of the mean of |x1| + x2 over the visits of each. The emitted module and an ordinary
network learn it from samples. Then the visits of every patient and the patients are listed in
another order, which changes nothing, and visits are exchanged between two patients, which
does. Takes some seconds; needs torch and nothing else.
"""

from __future__ import annotations

import argparse

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sets_of_sets import SetsOfSets

PATIENTS, VISITS = 4, 5


def ordinary(width: int = 200) -> nn.Module:
    """Three hidden layers on all numbers of a sample."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(3 * PATIENTS * VISITS, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, 1),
    )


def risk(records: Tensor) -> Tensor:
    scores = records[..., 0].abs() + records[..., 1]
    return scores.mean(-1).amax(-1, keepdim=True)


def fit(network: nn.Module, records: Tensor, steps: int) -> None:
    target = risk(records)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(steps):
        some = torch.randint(len(target), (100,))
        loss = F.mse_loss(network(records[some]), target[some])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def reordered(records: Tensor, generator: torch.Generator) -> Tensor:
    """The visits of every patient in an order of their own, then the patients."""
    keys = torch.rand(records.shape[:-1], generator=generator)
    index = keys.argsort(-1)[..., None].expand_as(records)
    moved = records.gather(-2, index)
    return moved[:, torch.randperm(PATIENTS, generator=generator)]


def exchanged(records: Tensor) -> Tensor:
    """Half of the visits of the first two patients change places."""
    moved = records.clone()
    half = VISITS // 2
    moved[:, 0, :half], moved[:, 1, :half] = records[:, 1, :half], records[:, 0, :half]
    return moved


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps, for a test")
    steps = 200 if parser.parse_args().quick else 1500
    torch.manual_seed(0)
    torch.set_num_threads(1)  # networks as small as these only wait for a second thread
    generator = torch.Generator().manual_seed(1)
    shape = (1000, PATIENTS, VISITS, 3)
    records = torch.randn(shape, generator=generator)
    tests = torch.randn(shape, generator=generator)
    target = risk(tests)
    others = (reordered(tests, generator), exchanged(tests))

    print(f"the variance of the target is {float(target.var()):.3g}")
    print(f"{'network':12}{'weights':>8}{'error':>9}{'reordered':>11}{'exchanged':>11}")
    for name, network in (("SetsOfSets", SetsOfSets()), ("ordinary", ordinary())):
        weights = sum(p.numel() for p in network.parameters())
        fit(network, records, steps)
        with torch.no_grad():
            found = network(tests)
            changes = [float((network(x) - found).abs().max()) for x in others]
        error = float(F.mse_loss(found, target))
        print(
            f"{name:12}{weights:8}{error:9.4f}" + "".join(f"{c:11.1e}" for c in changes)
        )


if __name__ == "__main__":
    main()
