"""Two, three and four views of a handwritten digit, each turned by itself: fusion off and on.

The pixels of one picture (8 x 8, from scikit-learn; nothing is downloaded) are dealt out to the
views at random: every pixel is seen by one view, the others are blank there, and all see noise.
So what one view shows says how to read another. All networks but one learn from upright views.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

import multi_view as emitted

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from report import (
    Column,
    Counted,
    Experiment,
    Row,
    bars,
    main,
    milliseconds,
    pairs,
    parallel,
    progress,
)

NOISE = 0.1
NETWORKS = {
    "plain": "plain",
    "plain, learned from turned views": "augmented",
    "no fusion": "Alone",
    "fusion by layers": "Layers",
    "fusion by networks": "Networks",
}


class Sample(NamedTuple):
    views: list[Tensor]
    digit: Tensor


class Convolutions(nn.Module):
    """A user's network for pictures, with `channels` of them at once; no symmetry whatever."""

    def __init__(self, channels: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 16, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(512, torch.Size(shape).numel()),
            nn.Unflatten(1, shape),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x.unsqueeze(1) if x.dim() == 3 else x)
        return y


class Plain(nn.Module):
    """All views as channels of one picture."""

    def __init__(self, views: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Convolutions(views, (64,)),
            nn.GELU(),
            nn.Linear(64, 64),
            nn.GELU(),
            nn.Linear(64, 10),
        )

    def forward(self, *views: Tensor) -> Tensor:
        y: Tensor = self.layers(torch.stack(views, dim=1))
        return y


def build(kind: str, views: int) -> nn.Module:
    if kind in ("plain", "augmented"):
        return Plain(views)
    bases = [Convolutions(1, (16, 4)) for _ in range(1 + (kind == "Networks"))]
    network: nn.Module = getattr(emitted, f"{kind}{views}")(*bases)
    return network


def deal(
    images: Tensor, digits: Tensor, views: int, copies: int, draw: torch.Generator
) -> Sample:
    """Every pixel of a picture goes to one view. Returns `copies` samples of every picture."""
    images, digits = images.repeat(copies, 1, 1), digits.repeat(copies)
    owner = torch.randint(views, images.shape, generator=draw)
    return Sample(
        [
            torch.where(owner == view, images, 0.0)
            + NOISE * torch.randn(images.shape, generator=draw)
            for view in range(views)
        ],
        digits,
    )


def turned(x: Tensor) -> Tensor:
    """Every picture by its own number of quarter turns."""
    turns = torch.stack([torch.rot90(x, k, (-2, -1)) for k in range(4)])
    return turns[torch.randint(4, (len(x),)), torch.arange(len(x))]


def train(
    network: nn.Module,
    samples: Callable[[], Sample],
    epochs: int,
    change: Callable[[Tensor], Tensor],
    text: str,
) -> None:
    """The pixels are dealt out anew in every epoch."""
    steps = epochs * -(-len(samples().digit) // 128)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    network.train()
    for epoch in range(epochs):
        sample = samples()
        for batch in torch.randperm(len(sample.digit)).split(128):
            logits = network(*(change(view[batch]) for view in sample.views))
            loss = F.cross_entropy(logits, sample.digit[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        progress(text, epoch + 1, epochs)
    network.eval()


@torch.no_grad()
def score(network: nn.Module, sample: Sample, some: int) -> Row:
    """Accuracy on upright views, with every view turned at random, and the share of samples
    that are right under all 4^n turns; the change of the logits is over all these turns of
    `some` samples, relative to the largest logit."""
    views, digit = sample
    upright = network(*views)
    at_random = network(*map(turned, views))
    few = [view[:some] for view in views]
    answers = [
        network(*(torch.rot90(view, k, (-2, -1)) for view, k in zip(few, turns)))
        for turns in itertools.product(range(4), repeat=len(views))
    ]
    predictions = torch.stack([logits.argmax(-1) for logits in answers])
    largest = max(float((logits - answers[0]).abs().max()) for logits in answers)
    return {
        "upright": float((upright.argmax(-1) == digit).double().mean()),
        "turned": float((at_random.argmax(-1) == digit).double().mean()),
        "worst": float((predictions == digit[:some]).all(0).double().mean()),
        "differ": int((predictions != predictions[0]).any(0).sum())
        + int((at_random.argmax(-1) != upright.argmax(-1)).sum()),
        "change": largest / float(answers[0].abs().max()),
    }


@torch.no_grad()
def price(kind: str, views: int, batch: list[Tensor]) -> tuple[int, float]:
    """Calls of the bases for one sample, and the time of a batch."""
    network = build(kind, views).eval()
    if kind in ("plain", "augmented"):
        return 1, milliseconds(partial(network, *batch))
    counted = []
    for name in ("encoder", "context"):
        if hasattr(network, name):
            counted.append(Counted(getattr(network, name)))
            setattr(network, name, counted[-1])
    network(*batch)
    calls = sum(base.rows for base in counted) // len(batch[0])
    return calls, milliseconds(partial(network, *batch))


def job(name: str, number: int, seed: int, quick: bool) -> tuple[Row, list[Tensor]]:
    """Train and test one network; also returns some views, to take the time with."""
    torch.set_num_threads(1)
    epochs, copies, some = (2, 2, 20) if quick else (12, 4, 200)
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32) / 16
    digits = torch.tensor(data.target)
    draw = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(images), generator=draw)
    seen, unseen = order[:1200], order[1200:]
    test = deal(images[unseen], digits[unseen], number, 3, draw)
    known = partial(deal, images[seen], digits[seen], number, copies, draw)
    torch.manual_seed(seed)
    network = build(NETWORKS[name], number)
    change = turned if NETWORKS[name] == "augmented" else _as_they_are
    train(network, known, epochs, change, f"{number} views, {name}, seed {seed}")
    row = score(network, test, some)
    row["weights"] = sum(p.numel() for p in network.parameters())
    return row, [view[:128] for view in test.views]


def run(quick: bool, seeds: int) -> list[Row]:
    rows = [
        {"views": f"{number}", "network": name}
        for number in ((2,) if quick else (2, 3, 4))
        for name in NETWORKS
    ]
    jobs = [
        (row["network"], int(row["views"]), seed, quick)
        for row in rows
        for seed in range(seeds)
    ]
    results = parallel(job, jobs)
    for place, row in enumerate(rows):
        found = results[place * seeds : (place + 1) * seeds]
        for key in found[0][0]:
            row[key] = [scores[key] for scores, _ in found]
        row["weights"] = row["weights"][0]
        kind = NETWORKS[row["network"]]
        row["calls"], row["time"] = price(kind, int(row["views"]), found[0][1])
        if kind in ("Alone", "Layers", "Networks"):
            check(row)
    return rows


def _as_they_are(x: Tensor) -> Tensor:
    return x


def check(row: Row) -> None:
    """An equivariant network loses nothing under the group."""
    assert row["turned"] == row["upright"], row
    assert max(row["differ"]) == 0, row
    assert max(row["change"]) < 1e-5, row


CAPTION = "Accuracy on upright and on turned views"
COLUMNS = (
    Column("views", "views"),
    Column("network", "network"),
    Column("weights", "weights", "count"),
    Column("upright", "upright, %", "percent"),
    Column("turned", "turned, %", "percent"),
    Column("worst", "right under all turns, %", "percent"),
    Column("change", "change of logits", "error"),
    Column("calls", "calls", "count"),
    Column("time", "128 samples", "milliseconds"),
)


def plot(rows: list[Row], figure: Any) -> None:
    figure.set_size_inches(11, 3.2)
    numbers = sorted({row["views"] for row in rows})
    groups = [f"{number} views" for number in numbers]
    axes: Sequence[Any] = figure.subplots(1, 2, sharey=True)
    for axis, key in zip(axes, ("upright", "turned"), strict=True):
        series = {name: pairs(rows, key, network=name) for name in NETWORKS}
        bars(axis, groups, series)
        axis.set(title=f"tested {key}", ylim=(0, 1))
    axes[0].set_ylabel("accuracy")
    axes[1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


if __name__ == "__main__":
    main(Experiment("multi-view", CAPTION, COLUMNS, run, plot), __doc__)
