"""Train an emitted module beside ordinary networks, for several sizes of the training set.

Shared by the examples `o5_invariance`, `inertia` and `scattering`. All networks see the same
samples in the same number of steps; the test set has 1,000 other samples.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TEST_SAMPLES = 1000
BATCH = 100
Samples = tuple[tuple[Tensor, ...], Tensor]  # inputs and target


@dataclass(frozen=True)
class Task:
    """`draw(count, generator)` makes samples, `network()` the emitted module; `rate` is the
    learning rate of all networks, `bound` the test error that the module should reach with
    1,000 samples."""

    name: str
    draw: Callable[[int, torch.Generator], Samples]
    network: Callable[[], nn.Module]
    rate: float
    bound: float


class Ordinary(nn.Module):
    """Three hidden layers on all numbers of a sample, without any symmetry."""

    def __init__(self, inputs: int, shape: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.shape = shape
        self.layers = nn.Sequential(
            nn.Linear(inputs, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, math.prod(shape)),
        )

    def forward(self, *inputs: Tensor) -> Tensor:
        y: Tensor = self.layers(torch.cat([x.flatten(1) for x in inputs], dim=1))
        return torch.unflatten(y, -1, self.shape)


@dataclass
class Result:
    """Test errors of one network by number of training samples, one for every seed."""

    weights: int
    errors: dict[int, list[float]] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)


def networks(task: Task) -> dict[str, Callable[[], nn.Module]]:
    """The emitted module, an MLP of 100 channels, and one with the published layer sizes of
    EMLP, three layers of 384 channels."""
    inputs, target = task.draw(1, torch.Generator().manual_seed(0))
    size, shape = sum(x[0].numel() for x in inputs), tuple(target.shape[1:])
    return {
        "G-RepsNet": task.network,
        "MLP 3x100": lambda: Ordinary(size, shape, 100),
        "MLP 3x384": lambda: Ordinary(size, shape, 384),
    }


def fit(
    network: nn.Module,
    samples: Samples,
    epochs: int,
    rate: float,
    report: Callable[[int, float], None],
) -> None:
    """Adam on the mean squared error, in at least ten steps an epoch or batches of ten."""
    inputs, target = samples
    count = len(target)
    batch = min(BATCH, max(10, count // 10))
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(count).split(batch):
            loss = F.mse_loss(network(*(x[chosen] for x in inputs)), target[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(chosen)
        report(epoch + 1, total / count)


@torch.no_grad()
def test_error(network: nn.Module, samples: Samples) -> float:
    inputs, target = samples
    return float(F.mse_loss(network(*inputs), target))


def compare(task: Task, sizes: list[int], seeds: int, epochs: int) -> dict[str, Result]:
    """Every network on every size of the training set and every seed."""
    test = task.draw(TEST_SAMPLES, torch.Generator().manual_seed(10**6))
    results: dict[str, Result] = {}
    for name, make in networks(task).items():
        result = Result(sum(p.numel() for p in make().parameters()))
        for size in sizes:
            start = time.perf_counter()
            for seed in range(seeds):
                samples = task.draw(size, torch.Generator().manual_seed(1000 + seed))
                torch.manual_seed(seed)
                network = make()
                where = f"{name}, {size} samples, seed {seed + 1} of {seeds}"
                fit(network, samples, epochs, task.rate, progress(where, epochs))
                result.errors.setdefault(size, []).append(test_error(network, test))
            result.seconds[size] = (time.perf_counter() - start) / seeds
        results[name] = result
    progress("", 0)(0, 0.0)
    return results


def progress(where: str, epochs: int) -> Callable[[int, float], None]:
    """One line that is written over, on a terminal only."""

    def report(epoch: int, loss: float) -> None:
        if sys.stderr.isatty():
            text = f"{where}: epoch {epoch} of {epochs}, error {loss:.3g}"
            sys.stderr.write("\r" + (text if where else "").ljust(78)[:78])
            sys.stderr.write("" if where else "\r")

    return report


def show(task: Task, results: dict[str, Result]) -> None:
    _, target = task.draw(TEST_SAMPLES, torch.Generator().manual_seed(10**6))
    print(f"{task.name}: mean squared error on {TEST_SAMPLES} test samples")
    print(f"the variance of the target is {float(target.var()):.3g}")
    columns = ("weights", "mean", "worst", "seconds")
    print(f"{'':26}" + "".join(f"{column:>9}" for column in columns))
    for name, result in results.items():
        for size, errors in result.errors.items():
            row = f"{name:10} {size:>5} samples".ljust(26) + f"{result.weights:9}"
            row += f"{statistics.mean(errors):9.4f}{max(errors):9.4f}"
            print(row + f"{result.seconds[size]:9.1f}")


def save(task: Task, results: dict[str, Result], file: Path) -> None:
    """Add the results to a JSON file, beside those of other tasks."""
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    known[task.name] = {
        name: {
            "weights": result.weights,
            "errors": {
                str(size): [round(error, 5) for error in errors]
                for size, errors in result.errors.items()
            },
        }
        for name, result in results.items()
    }
    file.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def main(task: Task, description: str | None) -> None:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a small run, for a test")
    parser.add_argument("--sizes", type=int, nargs="+", default=[30, 100, 300, 1000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--save", type=Path, help="add the errors to this JSON file")
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.seeds, options.epochs = [100], 1, 30
    torch.set_num_threads(1)  # networks as small as these only wait for a second thread
    results = compare(task, options.sizes, options.seeds, options.epochs)
    show(task, results)
    if options.save is not None:
        save(task, results, options.save)
