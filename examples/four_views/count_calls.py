"""Count how often the module of `four_views.eqs` asks your networks, and what a plain average asks.

A small convolutional network of the user is the base. The emitted module makes it blind to
every turn of every view with 32 rows for each sample (16 for what a view says of itself and
16 for what it tells the others); averaging over all 4^4 turns needs 256 rows of all four views.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from four_views import FourViews


class SmallCNN(nn.Module):
    """A user's network; no symmetry whatever."""

    def __init__(self, channels: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.LazyLinear(torch.Size(shape).numel()),
            nn.Unflatten(1, shape),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Counted(nn.Module):
    """Passes everything on, and counts the rows."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.rows = 0

    def forward(self, x: Tensor) -> Tensor:
        self.rows += len(x)
        return self.network(x)


def plain_average(network: nn.Module, views: list[Tensor]) -> Tensor:
    """The mean over the product of the groups: every view in every turn, all together."""
    turns = [[torch.rot90(view, k, (-2, -1)) for k in range(4)] for view in views]
    logits = [
        network(torch.cat(together, dim=1)) for together in itertools.product(*turns)
    ]
    return torch.stack(logits).mean(0)


def seconds(run: Callable[[], Tensor], times: int) -> float:
    """The fastest of several runs."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller, for a test")
    batch, times = (2, 1) if parser.parse_args().quick else (16, 5)
    torch.manual_seed(0)
    torch.set_num_threads(1)

    views = [torch.randn(batch, 3, 16, 16) for _ in range(4)]
    encoder, context = Counted(SmallCNN(3, (32, 4))), Counted(SmallCNN(3, (32, 4)))
    for base in (encoder, context):
        base(views[0])  # the lazy layer learns its size
        base.rows = 0
    module = FourViews(encoder, context).eval()
    joint = Counted(SmallCNN(12, (10,)))
    joint(torch.cat(views, dim=1))
    joint.rows = 0

    with torch.no_grad():
        logits = module(*views)
        average = plain_average(joint, views)
        rows = {"encoder": encoder.rows, "context": context.rows, "joint": joint.rows}
        changes = {"FourViews": 0.0, "plain average": 0.0}
        for powers in [(1, 0, 0, 0), (0, 2, 0, 0), (3, 1, 2, 0), (1, 1, 1, 1)]:
            turned = [torch.rot90(v, k, (-2, -1)) for v, k in zip(views, powers)]
            for name, before, after in (
                ("FourViews", logits, module(*turned)),
                ("plain average", average, plain_average(joint, turned)),
            ):
                change = float((after - before).abs().max() / before.abs().max())
                changes[name] = max(changes[name], change)
        ours = seconds(lambda: module(*views), times)
        theirs = seconds(lambda: plain_average(joint, views), times)

    both = rows["encoder"] + rows["context"]
    print(f"rows of the bases for a batch of {batch}, and for one sample")
    print(f"  encoder       {rows['encoder']:6} {rows['encoder'] // batch:5}")
    print(f"  context       {rows['context']:6} {rows['context'] // batch:5}")
    print(f"  FourViews     {both:6} {both // batch:5}")
    print(f"  plain average {rows['joint']:6} {rows['joint'] // batch:5}")
    print("largest change of the logits under turns, relative; time of a batch")
    print(f"  FourViews     {changes['FourViews']:8.1e} {1000 * ours:8.1f} ms")
    print(f"  plain average {changes['plain average']:8.1e} {1000 * theirs:8.1f} ms")


if __name__ == "__main__":
    main()
