"""Motifs on either strand of DNA: which sequences are bound, and where.

The module of `dna.eqs` gives the same score to a sequence and to its reverse complement, and the
track of sites read from the other end; the plain networks have the same depth, and learn it
from examples or from augmented ones.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import dna as emitted
from genomes import genomes, other_strand

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from learning import Samples, as_they_are, equal_sizes, gather, train, weights
from report import Column, Experiment, Row, bars, main, pairs

SEQUENCES = (100, 400)
TESTS = 1000
NETWORKS = {  # name: channels of a plain network (0: the module), with augmentation
    "plain": (22, False),
    "plain, augmented": (22, True),
    "plain, as wide": (32, False),
    "plain, as wide, augmented": (32, True),
    "strand layers": (0, False),
}


class Answer(NamedTuple):
    bound: Tensor  # (batch, 1)
    track: Tensor  # (batch, L, 2)


class Plain(nn.Module):
    """The layers of the module without the group."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.words = nn.Conv1d(4, channels, 15, padding=7)
        self.around = nn.Conv1d(channels, channels, 9, padding=4)
        self.track = nn.Conv1d(channels, 2, 1)
        self.bound = nn.Linear(channels, 1)

    def forward(self, dna: Tensor) -> Answer:
        h = F.relu(self.words(dna.transpose(-1, -2)))
        h = F.relu(self.around(h))
        return Answer(self.bound(h.amax(-1)), self.track(h).transpose(-1, -2))


def build(channels: int) -> nn.Module:
    return Plain(channels) if channels else emitted.Motif()


def augmented(letters: Tensor, bound: Tensor, sites: Tensor) -> Samples:
    """Half of the sequences written down from the other strand."""
    turn = (torch.rand(len(letters)) < 0.5).reshape(-1, 1, 1)
    there, _, marks = other_strand(letters, bound, sites)
    return torch.where(turn, there, letters), bound, torch.where(turn, marks, sites)


def loss(answer: Answer, bound: Tensor, sites: Tensor) -> Tensor:
    """Bound or not, and the place of the site where there is one: one of all places."""
    whole = F.binary_cross_entropy_with_logits(answer.bound.squeeze(-1), bound)
    places = F.log_softmax(answer.track.flatten(1), -1)
    return whole - (places * sites.flatten(1)).sum() / len(bound)


@torch.no_grad()
def measure(network: nn.Module, test: Samples) -> Row:
    """Calls that are right as written and from the other strand, calls that differ, and sites that are
    found of those that are there; `change` is that of scores and tracks, relative."""
    letters, bound, sites = test
    here: Answer = network(letters)
    back: Answer = network(other_strand(*test)[0])
    calls, others = here.bound.squeeze(-1) > 0, back.bound.squeeze(-1) > 0
    there = sites.flatten(1).argmax(-1)
    turned_back = back.track.flip(-1, -2)
    found = [
        (track.flatten(1).argmax(-1) == there)[bound > 0].double().mean()
        for track in (here.track, turned_back)
    ]
    changes = [
        float((a - b).abs().max() / a.abs().max())
        for a, b in ((here.bound, back.bound), (here.track, turned_back))
    ]
    return {
        "written": float((calls == (bound > 0)).double().mean()),
        "other": float((others == (bound > 0)).double().mean()),
        "differ": int((calls != others).sum()),
        "differing": float((calls != others).double().mean()),
        "found": float(found[0]),
        "found_other": float(found[1]),
        "change": max(changes),
    }


def job(row: Row, seed: int, quick: bool) -> Row:
    torch.set_num_threads(1)
    draw = torch.Generator().manual_seed(seed)
    test = genomes(100 if quick else TESTS, draw)
    known = genomes(row["sequences"], draw)
    torch.manual_seed(seed)
    channels, more = NETWORKS[row["network"]]
    network = build(channels)
    train(
        network,
        known,
        loss,
        augmented if more else as_they_are,
        steps=30 if quick else 500,
        batch=32,
        rate=1e-2,
        text=f"{row['sequences']} sequences, {row['network']}, seed {seed}",
    )
    return {"weights": weights(network), **measure(network, test)}


def run(quick: bool, seeds: int) -> list[Row]:
    rows = [
        {"sequences": sequences, "network": name}
        for sequences in (SEQUENCES[:1] if quick else SEQUENCES)
        for name in NETWORKS
    ]
    rows = gather(job, rows, seeds, quick)
    equal_sizes(rows, "strand layers", "plain")
    for row in rows:
        if row["network"] == "strand layers":  # nothing is lost under the group
            assert row["written"] == row["other"], row
            assert row["found"] == row["found_other"], row
            assert max(row["differ"]) == 0, row
            assert max(row["change"]) < 1e-5, row
    return rows


CAPTION = "Bound or not, and sites found, by the number of sequences"
COLUMNS = (
    Column("sequences", "sequences", "count"),
    Column("network", "network"),
    Column("weights", "weights", "count"),
    Column("written", "calls, %", "percent"),
    Column("other", "calls from the other strand, %", "percent"),
    Column("differing", "calls that differ, %", "percent"),
    Column("found", "sites found, %", "percent"),
    Column("change", "change of scores", "error"),
)


def plot(rows: list[Row], figure: Any) -> None:
    figure.set_size_inches(10, 3.2)
    numbers = sorted({row["sequences"] for row in rows})
    groups = [f"{number} sequences" for number in numbers]
    axes = figure.subplots(1, 2, sharey=True)
    titles = {"written": "calls", "found": "sites found"}
    for axis, (key, title) in zip(axes, titles.items(), strict=True):
        series = {name: pairs(rows, key, network=name) for name in NETWORKS}
        bars(axis, groups, series)
        axis.set(title=title, ylim=(0, 1))
    axes[0].set_ylabel("share that is right")
    axes[1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


if __name__ == "__main__":
    main(Experiment("dna", CAPTION, COLUMNS, run, plot), __doc__)
