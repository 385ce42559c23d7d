"""A policy and a value for a 19 x 19 board: the move that captures most stones, or to pass.

The module of `go.eqs` moves its answer with the board and keeps the scores of passing and the
value; the plain networks, of the same depth, learn the eight ways to look at a board from
examples or from augmented ones.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import go as emitted
from positions import POINTS, SIZE, positions

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from learning import Samples, as_they_are, equal_sizes, gather, train, weights
from report import Column, Experiment, Row, bars, main, pairs

POSITIONS = (100, 1000)
TESTS = 400
NETWORKS = {  # name: channels of a plain network (0: the module), with augmentation
    "plain": (11, False),
    "plain, augmented": (11, True),
    "plain, as wide": (32, False),
    "plain, as wide, augmented": (32, True),
    "D4 layers": (0, False),
}


class Answer(NamedTuple):
    policy: Tensor  # (batch, 362), the last entry is to pass
    value: Tensor  # (batch, 1)


class Block(nn.Sequential):
    def __init__(self, before: int, after: int) -> None:
        convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(after), nn.ReLU())


class Plain(nn.Module):
    """The layers of the module without the group."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Block(3, channels)
        self.second = Block(channels, channels)
        self.third = Block(channels, channels)
        self.move = nn.Conv2d(channels, 1, 1)
        self.seen = nn.Conv2d(channels, 8, 1)
        self.scaled = nn.BatchNorm1d(16)
        self.stay = nn.Linear(16, 1)
        self.hidden = nn.Linear(16, 64)
        self.value = nn.Linear(64, 1)

    def forward(self, planes: Tensor) -> Answer:
        a = self.first(planes)
        b = a + self.second(a)
        c = b + self.third(b)
        seen = F.relu(self.seen(c))
        whole = torch.cat([seen.mean((-2, -1)), seen.amax((-2, -1))], 1)
        whole = self.scaled(whole)
        policy = torch.cat([self.move(c).flatten(1), self.stay(whole)], 1)
        value = torch.tanh(self.value(F.relu(self.hidden(whole))))
        return Answer(policy, value)


def build(channels: int) -> nn.Module:
    return Plain(channels) if channels else emitted.Go()


def way(k: int, board: Tensor) -> Tensor:
    """The board turned by k quarter turns, for k > 3 mirrored first."""
    return torch.rot90(board.flip(-1) if k > 3 else board, k, (-2, -1))


def back(k: int, board: Tensor) -> Tensor:
    """Undoes `way`."""
    board = torch.rot90(board, -k, (-2, -1))
    return board.flip(-1) if k > 3 else board


def moved_back(k: int, policy: Tensor) -> Tensor:
    board = back(k, policy[:, :POINTS].reshape(-1, SIZE, SIZE))
    return torch.cat([board.flatten(1), policy[:, POINTS:]], 1)


def augmented(planes: Tensor, policy: Tensor, value: Tensor) -> Samples:
    """Every position in one of the eight ways to look at it."""
    ways = torch.randint(8, (len(planes),))
    boards = policy[:, :POINTS].reshape(-1, SIZE, SIZE)
    turned, moves = planes.clone(), boards.clone()
    for k in range(1, 8):
        turned[ways == k] = way(k, planes[ways == k])
        moves[ways == k] = way(k, boards[ways == k])
    return turned, torch.cat([moves.flatten(1), policy[:, POINTS:]], 1), value


def loss(answer: Answer, policy: Tensor, value: Tensor) -> Tensor:
    moves = F.cross_entropy(answer.policy, policy)
    return moves + F.mse_loss(answer.value.squeeze(-1), value)


@torch.no_grad()
def measure(network: nn.Module, test: Samples) -> Row:
    """Best moves as the boards lie and over all eight ways; positions whose move is another in some way to look
    at them; values of the right sign (balanced boards left out), `change` of the policy, relative."""
    planes, policy, value = test
    answers: list[Answer] = [network(way(k, planes)) for k in range(8)]
    scores = [moved_back(k, answer.policy) for k, answer in enumerate(answers)]
    moves = torch.stack([score.argmax(-1) for score in scores])
    best = policy.gather(1, moves.T) > 0
    signs = torch.stack([answer.value.squeeze(-1).sign() for answer in answers])
    right = (signs == value)[:, value != 0].double()
    differ = (moves != moves[0]).any(0)
    return {
        "lying": float(best[:, 0].double().mean()),
        "moved": float(best.double().mean()),
        "all": float(best.all(1).double().mean()),
        "differ": int(differ.sum()),
        "differing": float(differ.double().mean()),
        "value": float(right.mean()),
        "change": max(float((s - scores[0]).abs().max()) for s in scores)
        / float(scores[0].abs().max()),
    }


def job(row: Row, seed: int, quick: bool) -> Row:
    torch.set_num_threads(1)
    test = positions(20 if quick else TESTS, seed + 10**6)
    known = positions(row["positions"], seed)
    torch.manual_seed(seed)
    channels, more = NETWORKS[row["network"]]
    network = build(channels)
    train(
        network,
        known,
        loss,
        augmented if more else as_they_are,
        steps=20 if quick else 400,
        batch=32,
        rate=1e-2,
        text=f"{row['positions']} positions, {row['network']}, seed {seed}",
    )
    return {"weights": weights(network), **measure(network, test)}


def run(quick: bool, seeds: int) -> list[Row]:
    rows = [
        {"positions": number, "network": name}
        for number in (POSITIONS[:1] if quick else POSITIONS)
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


CAPTION = "Best moves and signs of the value, by the number of positions"
COLUMNS = (
    Column("positions", "positions", "count"),
    Column("network", "network"),
    Column("weights", "weights", "count"),
    Column("lying", "best moves, %", "percent"),
    Column("moved", "all eight ways, %", "percent"),
    Column("differing", "moves that differ, %", "percent"),
    Column("value", "value, %", "percent"),
    Column("change", "change of policy", "error"),
)


def plot(rows: list[Row], figure: Any) -> None:
    figure.set_size_inches(10, 3.2)
    numbers = sorted({row["positions"] for row in rows})
    groups = [f"{number} positions" for number in numbers]
    axes = figure.subplots(1, 2, sharey=True)
    titles = {"moved": "best moves, all eight ways", "value": "sign of the value"}
    for axis, (key, title) in zip(axes, titles.items(), strict=True):
        series = {name: pairs(rows, key, network=name) for name in NETWORKS}
        bars(axis, groups, series)
        axis.set(title=title, ylim=(0, 1))
    axes[0].set_ylabel("share that is right")
    axes[1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


if __name__ == "__main__":
    main(Experiment("go", CAPTION, COLUMNS, run, plot), __doc__)
