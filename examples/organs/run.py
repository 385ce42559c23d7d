"""Segmentation that does not confuse left and right: paired organs in synthetic slices.

In all training pictures the lesions lie on the left. The module of `organs.eqs` answers a mirrored
picture with the mirrored answer, left and right names exchanged; the plain networks, U-nets of
the same depth, have to learn that.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import organs as emitted
from anatomy import LABELS, MIRRORED, NOISE, mirrored, slices

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from learning import Samples, equal_sizes, gather, train, weights
from report import Column, Experiment, Row, bars, main, pairs

PICTURES = (8, 32)
TESTS = 200
NETWORKS = {  # name: channels of a plain network (0: the module), with augmentation
    "plain": (17, False),
    "plain, augmented": (17, True),
    "plain, as wide": (24, False),
    "plain, as wide, augmented": (24, True),
    "mirror layers": (0, False),
}


class Block(nn.Sequential):
    def __init__(self, before: int, after: int) -> None:
        super().__init__(nn.Conv2d(before, after, 3, padding=1), nn.ReLU())


class Plain(nn.Module):
    """The layers of the module without the group."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fine = Block(1, channels)
        self.middle = Block(channels, channels)
        self.coarse = Block(channels, channels)
        self.coarsest = Block(channels, channels)
        self.raised = Block(2 * channels, channels)
        self.full = Block(2 * channels, channels)
        self.mask = nn.Conv2d(channels, len(LABELS), 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.fine(x)
        middle = self.middle(F.max_pool2d(fine, 2))
        coarse = self.coarsest(self.coarse(F.max_pool2d(middle, 2)))
        raised = self.raised(torch.cat([_doubled(coarse), middle], 1))
        full = self.full(torch.cat([_doubled(raised), fine], 1))
        y: Tensor = self.mask(full)
        return y


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear")


def build(channels: int) -> nn.Module:
    return Plain(channels) if channels else emitted.Organs()


def augmented(picture: Tensor, labels: Tensor) -> Samples:
    """Half of the pictures mirrored, names of left and right exchanged."""
    turn = torch.rand(len(picture)) < 0.5
    other, names = mirrored(picture, labels)
    return (
        torch.where(turn.reshape(-1, 1, 1, 1), other, picture),
        torch.where(turn.reshape(-1, 1, 1), names, labels),
    )


def noisy(picture: Tensor, labels: Tensor) -> Samples:
    """Fresh noise, which all networks see in every batch."""
    return picture + NOISE * torch.randn_like(picture), labels


def noisy_augmented(picture: Tensor, labels: Tensor) -> Samples:
    return noisy(*augmented(picture, labels))


def dice(answers: Tensor, labels: Tensor) -> float:
    """2 |A and B| / (|A| + |B|) over all pictures, the mean over the organs."""
    found = []
    for label in range(1, len(LABELS)):
        ours, true = answers == label, labels == label
        found.append(2 * int((ours & true).sum()) / int(ours.sum() + true.sum()))
    return math.fsum(found) / len(found)  # in any order of the organs


@torch.no_grad()
def measure(network: nn.Module, test: Samples) -> Row:
    """Dice of pictures like those it has learned, and of their mirror images; `differ` counts pixels
    whose label is another after mirroring there and back, `change` is that of the scores."""
    picture, labels = test
    other, names = mirrored(picture, labels)
    scores, there = network(picture), network(other)
    back = there[:, MIRRORED].flip(-1)
    answers = scores.argmax(1)
    differ = int((answers != back.argmax(1)).sum())
    organs = int((labels > 0).sum())
    return {
        "dice": dice(answers, labels),
        "mirrored": dice(there.argmax(1), names),
        "differ": differ,
        "inconsistent": differ / organs,
        "change": float((scores - back).abs().max() / scores.abs().max()),
    }


def job(row: Row, seed: int, quick: bool) -> Row:
    torch.set_num_threads(1)
    draw = torch.Generator().manual_seed(seed)
    test = slices(20 if quick else TESTS, -1, draw)
    known = slices(row["pictures"], -1, draw)
    torch.manual_seed(seed)
    channels, more = NETWORKS[row["network"]]
    network = build(channels)
    train(
        network,
        known,
        F.cross_entropy,
        noisy_augmented if more else noisy,
        steps=30 if quick else 500,
        batch=8,
        rate=5e-3,
        text=f"{row['pictures']} pictures, {row['network']}, seed {seed}",
    )
    return {"weights": weights(network), **measure(network, test)}


def run(quick: bool, seeds: int) -> list[Row]:
    rows = [
        {"pictures": pictures, "network": name}
        for pictures in (PICTURES[:1] if quick else PICTURES)
        for name in NETWORKS
    ]
    rows = gather(job, rows, seeds, quick)
    equal_sizes(rows, "mirror layers", "plain")
    for row in rows:
        if row["network"] == "mirror layers":  # nothing is lost under the group
            assert row["dice"] == row["mirrored"], row
            assert max(row["differ"]) == 0, row
            assert max(row["change"]) < 1e-5, row
    return rows


CAPTION = "Dice of five organs, lesions on the left as in training, and on the right"
COLUMNS = (
    Column("pictures", "pictures", "count"),
    Column("network", "network"),
    Column("weights", "weights", "count"),
    Column("dice", "Dice, lesions left", "variation"),
    Column("mirrored", "Dice, mirrored", "variation"),
    Column("inconsistent", "inconsistent pixels, % of organs", "percent"),
    Column("change", "change of scores", "error"),
)


def plot(rows: list[Row], figure: Any) -> None:
    figure.set_size_inches(10, 3.2)
    numbers = sorted({row["pictures"] for row in rows})
    groups = [f"{number} pictures" for number in numbers]
    axes = figure.subplots(1, 2, sharey=True)
    titles = {"dice": "lesions on the left", "mirrored": "on the right"}
    for axis, (key, title) in zip(axes, titles.items(), strict=True):
        series = {name: pairs(rows, key, network=name) for name in NETWORKS}
        bars(axis, groups, series)
        axis.set(title=title, ylim=(0, 1))
    axes[0].set_ylabel("Dice")
    axes[1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


if __name__ == "__main__":
    main(Experiment("organs", CAPTION, COLUMNS, run, plot), __doc__)
