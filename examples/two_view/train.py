"""Train the module of `two_view.eqs` on handwritten digits, beside an ordinary network.

A sample is two different pictures of one digit (8 x 8 pixels, from scikit-learn; nothing is
downloaded). Both networks have hidden layers of the same sizes and see upright pictures only.
Then the front view is turned, the side view is mirrored, and both are asked again.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

from two_view import TwoView


class Pairs(NamedTuple):
    front: Tensor
    side: Tensor
    digit: Tensor


class Ordinary(nn.Module):
    """The layers of `TwoView` with the same sizes, and no symmetry."""

    def __init__(self) -> None:
        super().__init__()
        self.f = nn.Linear(64, 256)
        self.g = nn.Linear(64, 128)
        self.h = nn.Linear(256 + 128, 256)
        self.k = nn.Linear(256 + 128, 128)
        self.logits = nn.Linear(256 + 128, 10)

    def forward(self, front: Tensor, side: Tensor) -> Tensor:
        f = torch.relu(self.f(front.flatten(-2)))
        g = torch.relu(self.g(side.flatten(-2)))
        both = torch.cat((f, g), dim=-1)
        h, k = torch.relu(self.h(both)), torch.relu(self.k(both))
        return self.logits(torch.cat((h, k), dim=-1))


def turned(x: Tensor, quarters: Tensor) -> Tensor:
    """Every picture is turned by its own number of quarter turns."""
    turns = torch.stack([torch.rot90(x, k, (-2, -1)) for k in range(4)])
    return turns[quarters, torch.arange(len(x))]


def mirrored(x: Tensor, whether: Tensor) -> Tensor:
    return torch.where(whether[:, None, None], x.flip(-1), x)


def draw_pairs(images: Tensor, digits: Tensor, number: int) -> Pairs:
    """Two different pictures of the same digit, `number` times."""
    first = torch.randint(len(images), (number,))
    second = torch.empty_like(first)
    for digit in range(10):
        (own,) = torch.nonzero(digits == digit, as_tuple=True)
        (here,) = torch.nonzero(digits[first] == digit, as_tuple=True)
        place = torch.searchsorted(own, first[here])
        step = torch.randint(1, len(own), (len(here),))  # never 0: another picture
        second[here] = own[(place + step) % len(own)]
    return Pairs(images[first], images[second], digits[first])


def progress(epochs: Iterable[int], name: str, total: int) -> Iterator[int]:
    """A bar on standard error, where that is a terminal."""
    for done, epoch in enumerate(epochs):
        if sys.stderr.isatty():
            bar = "#" * (30 * done // total)
            sys.stderr.write(f"\r{name:9} [{bar:30}] {done}/{total}")
            sys.stderr.flush()
        yield epoch
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")


def train(network: nn.Module, name: str, pairs: Pairs, epochs: int) -> None:
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    network.train()
    for _ in progress(range(epochs), name, epochs):
        for batch in torch.randperm(len(pairs.digit)).split(256):
            logits = network(pairs.front[batch], pairs.side[batch])
            loss = F.cross_entropy(logits, pairs.digit[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    network.eval()


class Score(NamedTuple):
    upright: float  # accuracy on pictures as they are
    moved: float  # accuracy after a random turn and a random mirror for each sample
    worst: float  # share of samples that are right under all eight elements
    changed: int  # samples whose answer changes under some element
    difference: (
        float  # of logits in float32, the largest, relative to the largest logit
    )
    exact: float  # the same in float64


@torch.no_grad()
def score(network: nn.Module, pairs: Pairs) -> Score:
    front, side, digit = pairs
    quarters = torch.randint(4, (len(digit),))
    whether = torch.rand(len(digit)) < 0.5

    def right(answer: Tensor) -> Tensor:
        return answer == digit

    answers, differences = {}, {}
    for precision in (torch.float32, torch.float64):
        network.to(precision)
        x, y = front.to(precision), side.to(precision)
        moved = [
            network(torch.rot90(x, k, (-2, -1)), y.flip(-1) if flip else y)
            for k, flip in itertools.product(range(4), (False, True))
        ]
        largest = max(float((logits - moved[0]).abs().max()) for logits in moved)
        differences[precision] = largest / float(moved[0].abs().max())
        answers[precision] = torch.stack([logits.argmax(-1) for logits in moved])
    network.float()
    under_all = answers[torch.float32]
    at_random = network(turned(front, quarters), mirrored(side, whether)).argmax(-1)
    return Score(
        upright=float(right(under_all[0]).double().mean()),
        moved=float(right(at_random).double().mean()),
        worst=float(right(under_all).all(0).double().mean()),
        changed=int((under_all != under_all[0]).any(0).sum()),
        difference=differences[torch.float32],
        exact=differences[torch.float64],
    )


def compare(epochs: int, number: int) -> dict[str, tuple[int, Score]]:
    """Train both networks; the free weights and the score of each, by name."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # layers as small as these only wait for a second thread
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32) / 16
    digits = torch.tensor(data.target)
    order = torch.randperm(len(images))
    seen, unseen = order[:1200].sort().values, order[1200:].sort().values
    pairs = draw_pairs(images[seen], digits[seen], number)
    test = draw_pairs(images[unseen], digits[unseen], 2000)

    table = {}
    for name, network in (("TwoView", TwoView()), ("ordinary", Ordinary())):
        train(network, name, pairs, epochs)
        weights = sum(parameter.numel() for parameter in network.parameters())
        table[name] = (weights, score(network, test))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="less of everything, for a test"
    )
    quick = parser.parse_args().quick
    table = compare(epochs=2, number=3000) if quick else compare(epochs=12, number=6000)
    head = (
        "weights",
        "untouched",
        "moved",
        "all eight",
        "changed",
        "float32",
        "float64",
    )
    print(f"{'':9}" + "".join(f"{word:>11}" for word in head))
    for name, (weights, row) in table.items():
        shares = "".join(
            f"{share:11.1%}" for share in (row.upright, row.moved, row.worst)
        )
        errors = f"{row.difference:11.1e}{row.exact:11.1e}"
        print(f"{name:9}{weights:11,}{shares}{row.changed:11}{errors}")


if __name__ == "__main__":
    main()
