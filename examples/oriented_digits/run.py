"""Few labels: handwritten digits that lie any way round, 10, 20 or 50 for each class.

The digits are those of scikit-learn (8 x 8 pixels; nothing is downloaded). Every picture is turned
by its own number of quarter turns and mirrored or not, once. The module of `oriented_digits.eqs`
is invariant under all eight ways; the plain networks have the same depth, and as many parameters
or as many channels.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

import oriented_digits as emitted

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from learning import Samples, as_they_are, equal_sizes, gather, train, weights
from report import Column, Experiment, Row, bars, main, pairs

LABELS = (10, 20, 50)
NETWORKS: dict[
    str, tuple[tuple[int, int, int] | None, bool]
] = {  # name: channels of a plain network (None: the module), with augmentation
    "plain": ((11, 17, 45), False),
    "plain, augmented": ((11, 17, 45), True),
    "plain, as wide": ((32, 48, 128), False),
    "plain, as wide, augmented": ((32, 48, 128), True),
    "D4 layers": (None, False),
}


class Plain(nn.Module):
    """The layers of the module without the group."""

    def __init__(self, first: int, second: int, third: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, first, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(second, third, 4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(third, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y


def build(channels: tuple[int, int, int] | None) -> nn.Module:
    return Plain(*channels) if channels else emitted.OrientedDigits()


def ways(x: Tensor) -> list[Tensor]:
    """All pictures turned and mirrored in all eight ways; the first is as they are."""
    return [torch.rot90(y, k, (-2, -1)) for y in (x, x.flip(-1)) for k in range(4)]


def augmented(x: Tensor, digit: Tensor) -> Samples:
    """Every picture by its own turn, mirrored or not."""
    way = torch.randint(8, (len(x),))
    return torch.stack(ways(x))[way, torch.arange(len(x))], digit


def load(seed: int, labels: int) -> tuple[Samples, Samples]:
    """`labels` pictures of every class, and 1,000 others; every one lies some way round."""
    draw = torch.Generator().manual_seed(seed)
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 16
    digits = torch.tensor(data.target)
    way = torch.randint(8, (len(images),), generator=draw)
    images = torch.stack(ways(images))[way, torch.arange(len(images))]
    order = torch.randperm(len(images), generator=draw)
    test, rest = order[:1000], order[1000:]
    known = torch.cat([rest[digits[rest] == digit][:labels] for digit in range(10)])
    return (images[known], digits[known]), (images[test], digits[test])


@torch.no_grad()
def measure(network: nn.Module, test: Samples) -> Row:
    """Accuracy as the pictures lie, over all ways to lay them, and of those that are right in all
    ways; `differ` counts answers that change, `change` is that of the scores, relative."""
    x, digit = test
    scores = [network(y) for y in ways(x)]
    answers = torch.stack([score.argmax(-1) for score in scores])
    right = (answers == digit).double()
    largest = max(float((score - scores[0]).abs().max()) for score in scores)
    return {
        "lying": float(right[0].mean()),
        "moved": float(right.mean()),
        "all": float(right.prod(0).mean()),
        "differ": int((answers != answers[0]).any(0).sum()),
        "change": largest / float(scores[0].abs().max()),
    }


def job(row: Row, seed: int, quick: bool) -> Row:
    torch.set_num_threads(1)
    known, test = load(seed, row["labels"])
    torch.manual_seed(seed)
    channels, more = NETWORKS[row["network"]]
    network = build(channels)
    train(
        network,
        known,
        F.cross_entropy,
        augmented if more else as_they_are,
        steps=30 if quick else 600,
        batch=64,
        rate=1e-2,
        text=f"{row['labels']} labels, {row['network']}, seed {seed}",
    )
    return {"weights": weights(network), **measure(network, test)}


def run(quick: bool, seeds: int) -> list[Row]:
    rows = [
        {"labels": labels, "network": name}
        for labels in (LABELS[:1] if quick else LABELS)
        for name in NETWORKS
    ]
    rows = gather(job, rows, seeds, quick)
    equal_sizes(rows, "D4 layers", "plain")
    for row in rows:
        if row["network"] == "D4 layers":  # nothing is lost under the group
            assert row["lying"] == row["moved"] == row["all"], row
            assert max(row["differ"]) == 0, row
            assert max(row["change"]) < 1e-5, row
    return rows


CAPTION = "Accuracy on digits that lie any way round, by the number of labels"
COLUMNS = (
    Column("labels", "labels a class", "count"),
    Column("network", "network"),
    Column("weights", "weights", "count"),
    Column("lying", "as they lie, %", "percent"),
    Column("moved", "all eight ways, %", "percent"),
    Column("all", "right in all eight, %", "percent"),
    Column("change", "change of scores", "error"),
)


def plot(rows: list[Row], figure: Any) -> None:
    figure.set_size_inches(10, 3.2)
    numbers = sorted({row["labels"] for row in rows})
    groups = [f"{number} labels a class" for number in numbers]
    axes = figure.subplots(1, 2, sharey=True)
    titles = {"moved": "all eight ways", "all": "right in all eight"}
    for axis, (key, title) in zip(axes, titles.items(), strict=True):
        series = {name: pairs(rows, key, network=name) for name in NETWORKS}
        bars(axis, groups, series)
        axis.set(title=title, ylim=(0, 1))
    axes[0].set_ylabel("accuracy")
    axes[1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


if __name__ == "__main__":
    main(Experiment("digits-d4", CAPTION, COLUMNS, run, plot), __doc__)
