"""SCAN and SCAN-II: commands to actions, where some words were only met alone.

A small recurrent network (two GRUs and attention, 64 channels) learns all commands without a word
or phrase, and the phrase by itself; it is tested on all commands that hold it. Then it learns a
little longer, by itself and averaged over the group by the modules of `scan.eqs`.

An answer is right if greedy decoding returns every action, and then stops. That is so exactly if
after every right beginning the next action has the highest score, which one call tells for all
beginnings; the script decodes some commands step by step and compares.
"""

from __future__ import annotations

import copy
import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grammar import DIRECTIONS, SCAN, SCAN_II, VERBS, Words, actions, split
from network import PAD, Translator
from scan import Scan, ScanBySums, ScanII, ScanIIBySums

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
)

START, END = 1, 2
WORDS, ACTIONS = 9, 49  # the longest command; the longest answer and its end


@dataclass(frozen=True)
class Problem:
    """Words, what is left out, and the groups: cycles of words for each factor."""

    name: str
    directions: tuple[str, ...]
    parts: tuple[Words, ...]
    cycles: tuple[tuple[str, ...], ...]
    modules: tuple[type[nn.Module], type[nn.Module]]

    @property
    def words(self) -> list[str]:
        """In the order of the spec."""
        others = [
            "pad",
            "and",
            "after",
            "twice",
            "thrice",
            "opposite",
            "around",
            "turn",
        ]
        return [*others, *VERBS, *self.directions]

    @property
    def acts(self) -> list[str]:
        turns = [DIRECTIONS[word] for word in self.directions]
        return ["pad", "start", "end", *VERBS.values(), *turns]


FOUR_VERBS = (("jump", "run", "walk", "look"), ("left", "right"))
TWO_VERBS = (("jump", "run"), ("left", "right"), ("up", "down"))
JUMP, LEFT, UP = ("jump",), ("turn", "left"), ("turn", "up")
PROBLEMS = (
    Problem("SCAN", SCAN, (JUMP,), FOUR_VERBS, (Scan, ScanBySums)),
    Problem("SCAN", SCAN, (LEFT,), FOUR_VERBS, (Scan, ScanBySums)),
    Problem("SCAN-II", SCAN_II, (JUMP, LEFT, UP), TWO_VERBS, (ScanII, ScanIIBySums)),
)


class Setting(NamedTuple):
    learn: int  # steps of the network by itself, 128 commands each
    tune: int  # steps after that, 64 commands each
    known: int  # commands of the training set that are tried
    unknown: int  # commands of each test set
    moved: int  # commands moved by every element of the group
    decoded: int  # commands decoded step by step


FULL = Setting(learn=2000, tune=400, known=1000, unknown=1000, moved=100, decoded=100)
QUICK = Setting(learn=30, tune=5, known=50, unknown=50, moved=10, decoded=10)


# ---- data ----------------------------------------------------------------------------


class Sentences(NamedTuple):
    """Commands, what stands before every action, and the actions; padded."""

    command: Tensor  # (batch, 9)
    before: Tensor  # (batch, 49)
    target: Tensor  # (batch, 49)

    def at(self, places: Tensor) -> Sentences:
        return Sentences(*(x[places] for x in self))


def encode(problem: Problem, commands: Sequence[Words]) -> Sentences:
    words = {word: number for number, word in enumerate(problem.words)}
    acts = {word: number for number, word in enumerate(problem.acts)}
    command = torch.full((len(commands), WORDS), PAD)
    before = torch.full((len(commands), ACTIONS), PAD)
    target = torch.full((len(commands), ACTIONS), PAD)
    for row, sentence in enumerate(commands):
        said = [words[word] for word in sentence]
        done = [acts[word] for word in actions(sentence)]
        command[row, : len(said)] = torch.tensor(said)
        before[row, : len(done) + 1] = torch.tensor([START, *done])
        target[row, : len(done) + 1] = torch.tensor([*done, END])
    return Sentences(command, before, target)


def elements(problem: Problem) -> Iterator[tuple[Tensor, Tensor]]:
    """Where every element of the group sends the words and the actions, written by hand."""
    names = {**VERBS, **DIRECTIONS}
    for powers in itertools.product(*(range(len(cycle)) for cycle in problem.cycles)):
        word, act = list(range(len(problem.words))), list(range(len(problem.acts)))
        for cycle, power in zip(problem.cycles, powers, strict=True):
            for place, start in enumerate(cycle):
                end = cycle[(place + power) % len(cycle)]
                word[problem.words.index(start)] = problem.words.index(end)
                act[problem.acts.index(names[start])] = problem.acts.index(names[end])
        yield torch.tensor(word), torch.tensor(act)


def some(sentences: Sentences, number: int, seed: int) -> Sentences:
    """A random choice, the short ones first: batches then hold little padding."""
    draw = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(sentences.target), generator=draw)[:number]
    lengths = (sentences.target[chosen] != PAD).sum(1)
    return sentences.at(chosen[lengths.argsort(stable=True)])


def batches(sentences: Sentences, steps: int, size: int) -> Iterator[Sentences]:
    """Random batches of commands with answers of about the same length."""
    lengths = (sentences.target != PAD).sum(1)
    while True:
        for chunk in torch.randperm(len(lengths)).split(8 * size):
            parts = list(chunk[lengths[chunk].argsort(stable=True)].split(size))
            for place in torch.randperm(len(parts)):
                if steps == 0:
                    return
                steps -= 1
                yield sentences.at(parts[int(place)])


# ---- learning and trying -------------------------------------------------------------


def learn(
    network: nn.Module, known: Sentences, steps: int, size: int, rate: float
) -> float:
    """Adam on the cross entropy of the next action. Returns the milliseconds of a step."""
    optimiser = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    network.train()
    start = time.perf_counter()
    for batch in batches(known, steps, size):
        scores = network(batch.command, batch.before)
        loss = F.cross_entropy(
            scores.flatten(0, 1), batch.target.flatten(), ignore_index=PAD
        )
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    network.eval()
    return 1000 * (time.perf_counter() - start) / steps


@torch.no_grad()
def right(network: nn.Module, sentences: Sentences) -> Tensor:
    """Whether greedy decoding gives the whole answer, told from the right beginnings."""
    found = []
    for places in torch.arange(len(sentences.target)).split(250):
        command, before, target = sentences.at(places)
        best = network(command, before).argmax(-1)
        found.append(((best == target) | (target == PAD)).all(1))
    return torch.cat(found)


@torch.no_grad()
def decode(network: nn.Module, command: Tensor) -> Tensor:
    """Greedy decoding, one action after the other: (batch, 49)."""
    before = torch.full((len(command), ACTIONS), PAD)
    answer = torch.full((len(command), ACTIONS), PAD)
    before[:, 0] = START
    going = torch.ones(len(command), dtype=torch.bool)
    for step in range(ACTIONS):
        best = network(command, before)[:, step].argmax(-1)
        answer[:, step] = torch.where(going, best, PAD)
        going = going & (best != END)
        if not going.any():
            break
        if step + 1 < ACTIONS:
            before[:, step + 1] = torch.where(going, best, PAD)
    return answer


@torch.no_grad()
def moved(network: nn.Module, problem: Problem, sentences: Sentences) -> Row:
    """Every element of the group moves commands and answers, those before and those to come.

    `differ` counts commands for which another action is chosen then. A command without a side
    is left as it is by the exchange of the sides, so that an equivariant network gives both
    turns the same score: to choose either of two equals is no change.
    """
    plain = network(sentences.command, sentences.before)
    there, best = sentences.target != PAD, plain.amax(-1)
    hits, differ, change = 0, 0, 0.0
    group = list(elements(problem))
    for words, acts in group:
        other = Sentences(
            words[sentences.command], acts[sentences.before], acts[sentences.target]
        )
        back = network(other.command, other.before)[..., acts]
        change = max(change, float((back - plain).abs().max()))
        chosen = plain.gather(-1, back.argmax(-1, keepdim=True)).squeeze(-1)
        worse = best - chosen > 1e-5 * best.abs().max()
        differ += int((worse & there).any(1).sum())
        hits += int(right(network, other).sum())
    return {
        "moved": hits / (len(group) * len(there)),
        "still": float(right(network, sentences).double().mean()),
        "differ": differ,
        "change": change / float(plain.abs().max()),
    }


def try_out(
    network: nn.Module, problem: Problem, known: Sentences, test: Sentences, s: Setting
) -> Row:
    """Accuracies on known and unknown commands, and what the group changes."""
    sample = some(test, s.decoded, 2)
    done = decode(network, sample.command)
    by_hand = (done == sample.target).all(1)
    assert bool((by_hand == right(network, sample)).all()), "two ways of decoding"
    return {
        "known": float(right(network, some(known, s.known, 3)).double().mean()),
        "unknown": float(right(network, some(test, s.unknown, 4)).double().mean()),
        **moved(network, problem, some(test, s.moved, 5)),
    }


def job(problem: Problem, seed: int, setting: Setting) -> list[Row]:
    """One network of a seed, and its averages, on every test of the problem."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    training, tests = split(problem.directions, problem.parts)
    known = encode(problem, training)
    unknown = {part: encode(problem, commands) for part, commands in tests.items()}
    network = Translator(len(problem.words), len(problem.acts))
    learn(network, known, setting.learn, 128, 3e-3)
    average, sums = problem.modules
    rows = []
    for name, build in (
        ("plain", None),
        ("`equitune`", average),
        ("`multi_equitune`", sums),
    ):
        torch.manual_seed(seed)  # the same commands in the same order
        base = Counted(copy.deepcopy(network))
        tuned = base if build is None else build(base)
        step = learn(tuned, known, setting.tune, 64, 1e-3)
        batch = some(known, 64, 1)
        base.rows = 0
        with torch.no_grad():
            tuned(batch.command, batch.before)
            calls = base.rows // 64
            call = milliseconds(partial(tuned, batch.command, batch.before))
        for part, test in unknown.items():
            row = {
                "data": problem.name,
                "part": " ".join(part),
                "network": name,
                "calls": calls,
                **try_out(tuned, problem, known, test, setting),
                "step": step,
                "call": call,
            }
            if build is not None:  # nothing is lost under the group
                assert row["differ"] == 0, row
                assert row["moved"] == row["still"], row
                assert row["change"] < 1e-5, row
            rows.append(row)
        sys.stderr.write(f"{problem.name}, seed {seed}, {name}: done\n")
    return rows


def run(quick: bool, seeds: int) -> list[Row]:
    """Every problem and seed is a job of its own; two run at a time."""
    setting = QUICK if quick else FULL
    jobs = [(problem, seed, setting) for problem in PROBLEMS for seed in range(seeds)]
    results = parallel(job, jobs)
    rows: dict[tuple[str, ...], Row] = {}
    for row in itertools.chain.from_iterable(results):
        key = (row["data"], row["part"], row["network"])
        kept = rows.setdefault(key, {**row, **{name: [] for name in MEASURED}})
        for name in MEASURED:
            kept[name].append(row[name])
    tests = list(dict.fromkeys((row["data"], row["part"]) for row in rows.values()))
    return sorted(
        rows.values(), key=lambda row: tests.index((row["data"], row["part"]))
    )


MEASURED = ("known", "unknown", "moved", "still", "differ", "change", "step", "call")
CAPTION = "Exact answers to commands never seen"
COLUMNS = (
    Column("data", "data"),
    Column("part", "never with other words"),
    Column("network", "network"),
    Column("calls", "calls", "count"),
    Column("known", "known, %", "percent"),
    Column("unknown", "unknown, %", "percent"),
    Column("still", "100 of these, %", "percent"),
    Column("moved", "the 100, moved, %", "percent"),
    Column("change", "change of scores", "error"),
    Column("step", "step of 64", "milliseconds"),
    Column("call", "64 commands", "milliseconds"),
)


def plot(rows: list[Row], figure: Any) -> None:
    figure.set_size_inches(8, 3.2)
    axis = figure.subplots()
    tests = list(dict.fromkeys((row["data"], row["part"]) for row in rows))
    names = list(dict.fromkeys(row["network"] for row in rows))
    series = {name.strip("`"): pairs(rows, "unknown", network=name) for name in names}
    colours = ("#999999", "#0072b2", "#e69f00")
    bars(axis, [f"{data}\n{part}" for data, part in tests], series, colours)
    axis.set(ylabel="exact answers, commands never seen", ylim=(0, 1.05))
    axis.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


if __name__ == "__main__":
    main(Experiment("scan", CAPTION, COLUMNS, run, plot), __doc__)
