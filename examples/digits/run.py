"""Zero-shot robustness: a network that has seen upright digits alone is asked about moved ones.

A small convolutional network learns handwritten digits (8 x 8, from scikit-learn; nothing is
downloaded), upright and in the first of three inks. Then it is made invariant by the modules of
`digits.eqs`, without further training and with a little, under two groups: turns and mirror images (dihedral, 8
elements), and turns and changes of ink (4 x 3 = 12). Two of the strategies ask a second network,
which is trained shortly to tell what is upright, while the first stays as it is.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

import digits as emitted

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

NOISE = 0.4

# name, class in `digits.eqs`, whether it takes the second network
Strategy = tuple[str, str, bool]
MOVES: tuple[Strategy, ...] = (
    ("`equitune`", "Equitune", False),
    ("`lambda_equitune`", "Weighted", True),
    ("`equizero`, entropy", "LeastEntropy", False),
    ("`equizero`, margin", "LargestMargin", False),
    ("`coset` of turns", "CosetTurns", False),
    ("`coset` of a mirror", "CosetFlip", False),
    ("`coset` by network", "CosetByNetwork", True),
)
INKS: tuple[Strategy, ...] = (
    ("`equitune`", "InkEquitune", False),
    ("`multi_equitune`", "InkSums", False),
    ("`lambda_equitune`", "InkWeighted", True),
    ("`equizero`, entropy", "InkLeastEntropy", False),
    ("`equizero`, margin", "InkLargestMargin", False),
    ("`multi_equizero`, margin", "InkZeroSums", False),
    ("`coset` of turns", "InkCosetTurn", False),
    ("`coset` by network", "InkCosetByNetwork", True),
)


class Pictures(NamedTuple):
    picture: Tensor  # (batch, 3, 8, 8), the channels are inks
    digit: Tensor


class Group(NamedTuple):
    name: str
    elements: Sequence[Callable[[Tensor], Tensor]]  # the first is the identity
    strategies: tuple[Strategy, ...]


def turned_mirrored(turns: int, mirror: bool, x: Tensor) -> Tensor:
    x = torch.rot90(x, turns, (-2, -1))
    return x.flip(-1) if mirror else x


def turned_inked(turns: int, inks: int, x: Tensor) -> Tensor:
    return torch.rot90(x, turns, (-2, -1)).roll(inks, -3)


GROUPS = (
    Group(
        "turned and mirrored",
        [partial(turned_mirrored, k, m) for m in (False, True) for k in range(4)],
        MOVES,
    ),
    Group(
        "turned and other ink",
        [partial(turned_inked, k, i) for i in range(3) for k in range(4)],
        INKS,
    ),
)


class Convolutions(nn.Module):
    """A user's network for pictures of three channels; no symmetry whatever."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(512, 64),
            nn.ReLU(),
            nn.Linear(64, answers),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y


def load(seed: int) -> tuple[Pictures, Pictures]:
    """1,200 pictures to learn from and the other 597, in the first ink.

    The pixels are whole numbers from 0 to 16. Two places of such a picture can tie exactly, once
    in 600 pictures for a functional with whole weights, and a choice between them cannot follow
    the group. The noise below one step makes ties as improbable as "almost everywhere" says.
    """
    draw = torch.Generator().manual_seed(seed)
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32)
    pictures = torch.zeros(len(images), 3, 8, 8)
    pictures[:, 0] = (images + torch.rand(images.shape, generator=draw)) / 17
    digits = torch.tensor(data.target)
    order = torch.randperm(len(digits), generator=draw)
    seen, unseen = order[:1200], order[1200:]
    return (
        Pictures(pictures[seen], digits[seen]),
        Pictures(pictures[unseen], digits[unseen]),
    )


def learn(
    network: nn.Module,
    trained: nn.Module,
    known: Pictures,
    epochs: int,
    rate: float,
    text: str,
) -> None:
    """Adam on the weights of `trained`, a part of the network, with noise on the pictures: a
    network that has seen none is as sure of a turned picture as of an upright one."""
    steps = epochs * -(-len(known.digit) // 64)
    optimiser = torch.optim.Adam(trained.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    network.train()
    for epoch in range(epochs):
        for batch in torch.randperm(len(known.digit)).split(64):
            picture = known.picture[batch]
            scores = network(picture + NOISE * torch.randn_like(picture))
            loss = F.cross_entropy(scores, known.digit[batch], label_smoothing=0.1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        progress(text, epoch + 1, epochs)
    network.eval()


@torch.no_grad()
def measure(network: nn.Module, group: Group, test: Pictures) -> Row:
    """Accuracies on upright pictures and over all elements of the group, and what these change.
    `differ` counts pictures for which the answer changes."""
    upright = network(test.picture)
    hits, change = 0, 0.0
    differ = torch.zeros(len(test.digit), dtype=torch.bool)
    for move in group.elements:
        scores = network(move(test.picture))
        hits += int((scores.argmax(-1) == test.digit).sum())
        differ |= scores.argmax(-1) != upright.argmax(-1)
        change = max(change, float((scores - upright).abs().max()))
    return {
        "upright": float((upright.argmax(-1) == test.digit).double().mean()),
        "moved": hits / (len(group.elements) * len(test.digit)),
        "differ": int(differ.sum()),
        "change": change / float(upright.abs().max()),
    }


@torch.no_grad()
def price(network: Any, picture: Tensor) -> tuple[str, float]:
    """Calls for one picture, of the network and of the second one; time of a batch."""
    run = partial(network, picture)
    if isinstance(network, Convolutions):
        return "1", milliseconds(run)
    inside = {name: base for name, base in network.named_children()}
    for name, base in inside.items():
        setattr(network, name, Counted(base))
    run()
    calls = [getattr(network, name).rows // len(picture) for name in inside]
    for name, base in inside.items():
        setattr(network, name, base)
    return " + ".join(map(str, calls)), milliseconds(run)


def job(seed: int, quick: bool) -> list[Row]:
    """One network of a seed under all strategies of both groups, as it is, and after it has
    learned a little more through the module, from upright pictures still."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    known, test = load(seed)
    cnn = Convolutions(10)
    learn(cnn, cnn, known, 3 if quick else 30, 3e-3, f"network, seed {seed}")
    cnn.requires_grad_(False)
    more = 1 if quick else 5
    rows = []
    for group in GROUPS:
        upright = Convolutions(1)
        weighted = next(kind for _, kind, second in group.strategies if second)
        module = getattr(emitted, weighted)(cnn, upright)
        text = f"second network, {group.name}, seed {seed}"
        learn(module, upright, known, more, 3e-3, text)
        for _, kind, second in (("plain", "", False), *group.strategies):
            bases = copy.deepcopy([cnn, upright] if second else [cnn])
            module = getattr(emitted, kind)(*bases) if kind else bases[0]
            row = measure(module.eval(), group, test)
            text = f"tuned, {kind or 'plain'}, seed {seed}"
            learn(module, module.requires_grad_(), known, more, 1e-3, text)
            tuned = measure(module, group, test)
            for result in (
                (row, tuned) if kind else ()
            ):  # nothing is lost under the group
                assert result["differ"] == 0, (kind, result)
                assert result["moved"] == result["upright"], (kind, result)
                assert result["change"] < 1e-5, (kind, result)
            rows.append({**row, "tuned": tuned["moved"]})
    return rows


def run(quick: bool, seeds: int) -> list[Row]:
    results = parallel(job, [(seed, quick) for seed in range(seeds)])
    rows = []
    _, test = load(0)
    for group in GROUPS:
        for name, kind, second in (("plain", "", False), *group.strategies):
            row: Row = {"group": group.name, "network": name}
            found = [result[len(rows)] for result in results]
            for key in found[0]:
                row[key] = [one[key] for one in found]
            bases = [Convolutions(10), Convolutions(1)][: 1 + second]
            network = getattr(emitted, kind)(*bases) if kind else bases[0]
            row["calls"], row["time"] = price(network.eval(), test.picture[:128])
            rows.append(row)
    return rows


CAPTION = "Accuracy on upright and on moved digits"
COLUMNS = (
    Column("group", "pictures"),
    Column("network", "network"),
    Column("upright", "upright, %", "percent"),
    Column("moved", "moved, %", "percent"),
    Column("tuned", "moved, after tuning, %", "percent"),
    Column("change", "change of scores", "error"),
    Column("calls", "calls"),
    Column("time", "128 pictures", "milliseconds"),
)


def plot(rows: list[Row], figure: Any) -> None:
    figure.set_size_inches(12, 4)
    axes = figure.subplots(1, 2, sharey=True)
    for axis, group in zip(axes, GROUPS, strict=True):
        names = [
            name.replace("`", "")
            .replace(", ", ",\n")
            .replace(" ", "\n", 1)
            .replace("_", "_\n")
            for name in ("plain", *(name for name, _, _ in group.strategies))
        ]
        keys = {"upright": "upright", "moved": "moved", "moved, tuned": "tuned"}
        series = {
            label: pairs(rows, key, group=group.name) for label, key in keys.items()
        }
        bars(axis, names, series, ("#999999", "#0072b2", "#56b4e9"))
        axis.set(title=group.name, ylim=(0, 1))
        axis.tick_params(axis="x", labelsize=6)
    axes[0].set_ylabel("accuracy")
    axes[1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


if __name__ == "__main__":
    main(Experiment("digits", CAPTION, COLUMNS, run, plot), __doc__)
