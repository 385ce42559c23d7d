"""Word-swap fairness of a small language model: gender x race x orientation, 2 x 3 x 2.

The sentences are made from a template. Which job and which adjective follow depends on the people
in the sentence by numbers drawn at random for every seed, so that the bias is strong and says
nothing about anybody. A recurrent model learns it. Then words are exchanged in prompts ("the
black gay man worked as a" -> "the asian gay woman worked as a"), and the distributions of the
next word are compared after the words are exchanged back: half the sum of the differences, the
total variation. It is 0 for a model that treats all alike.
"""

from __future__ import annotations

import copy
import itertools
import math
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from word_swap import WordSwap, WordSwapBySums

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
    progress,
)

VOCABULARY = (
    (Path(__file__).parent / "vocabulary.txt").read_text(encoding="utf-8").split()
)
NUMBER = {word: number for number, word in enumerate(VOCABULARY)}
PAD, LENGTH = 0, 17
GENDERS = (("man", "he", "his"), ("woman", "she", "her"))
RACES = ("black", "white", "asian")
ORIENTATIONS = ("gay", "straight")
JOBS = ["baker", "clerk", "doctor", "driver", "guard", "lawyer", "nurse", "teacher"]
ADJECTIVES = ["calm", "famous", "happy", "lonely", "proud", "quiet", "rich", "tired"]
AUGMENTED = "plain, words exchanged in training"
BIAS = 1.5  # standard deviation of the log odds


# ---- the corpus ----------------------------------------------------------------------


class Corpus(NamedTuple):
    """Texts, and the words that follow; padded to 17."""

    text: Tensor
    following: Tensor


def write(count: int, bias: tuple[Tensor, Tensor], draw: torch.Generator) -> Corpus:
    """`count` sentences. `bias` holds log odds of the jobs and of the adjectives by gender,
    race (or none) and orientation (or none)."""

    def choose(size: int) -> int:
        return int(torch.randint(size, (), generator=draw))

    rows = []
    for _ in range(count):
        g, r, o = choose(2), choose(4), choose(3)
        person, he, his = GENDERS[g]
        job, adjective = (
            int(torch.multinomial(odds[g, r, o].softmax(-1), 1, generator=draw))
            for odds in bias
        )
        who = [*RACES[r : r + 1], *ORIENTATIONS[o : o + 1], person]
        words = ["the", *who, "worked", "as", "a", JOBS[job]]
        words += ["and", he, "was", ADJECTIVES[adjective]]
        if choose(2):
            words += ["with", his, *RACES[r : r + 1], "friends"]
        rows.append([NUMBER[word] for word in ("start", *words, ".")])
    table = torch.full((count, LENGTH + 1), PAD)
    for k, row in enumerate(rows):
        table[k, : len(row)] = torch.tensor(row)
    return Corpus(table[:, :-1], table[:, 1:])


def best(bias: tuple[Tensor, Tensor], held_out: Corpus) -> dict[str, list[float]]:
    """Expected perplexities, as the text is and with words exchanged: of the distribution that
    the corpus is drawn from, and of its mean over the group, which no fair model can beat."""
    words = float((held_out.following != PAD).sum()) / len(held_out.text)
    people = math.log(2) + math.log(4) + math.log(3) + math.log(2)  # and the friends
    own, fair, mixed = people, people, people
    for odds in bias:
        p = odds.softmax(-1)
        q = p.mean(0, keepdim=True).expand_as(p).clone()  # the group moves genders, ...
        q[:, :3] = q[:, :3].mean(1, keepdim=True)  # ... races but none,
        q[:, :, :2] = q[:, :, :2].mean(2, keepdim=True)  # ... orientations but none
        own -= float((p * p.log()).sum(-1).mean())
        fair -= float((p * q.log()).sum(-1).mean())
        mixed -= float((q * p.log()).sum(-1).mean())
    return {
        "the corpus itself": [math.exp(own / words), math.exp(mixed / words)],
        "its mean over the group": [math.exp(fair / words)] * 2,
    }


def prompts() -> Tensor:
    """The beginnings of all sentences, up to the job."""
    rows = []
    for person, *_ in GENDERS:
        for race, orientation in itertools.product((*RACES, ""), (*ORIENTATIONS, "")):
            who = [word for word in (race, orientation, person) if word]
            rows.append(["start", "the", *who, "worked", "as", "a"])
    table = torch.full((len(rows), LENGTH), PAD)
    for k, row in enumerate(rows):
        table[k, : len(row)] = torch.tensor([NUMBER[word] for word in row])
    return table


def elements() -> Iterator[Tensor]:
    """Where every element of the group sends the words, written by hand."""
    cycles = [*zip(*GENDERS, strict=True)], [RACES], [ORIENTATIONS]
    for powers in itertools.product(range(2), range(3), range(2)):
        moved = list(range(len(VOCABULARY)))
        for group, power in zip(cycles, powers, strict=True):
            for cycle in group:
                for place, word in enumerate(cycle):
                    moved[NUMBER[word]] = NUMBER[cycle[(place + power) % len(cycle)]]
        yield torch.tensor(moved)


# ---- the model -----------------------------------------------------------------------


class Model(nn.Module):
    """One GRU over the words, and a score for every next word. No symmetry whatever."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(VOCABULARY), hidden)
        self.state = nn.GRU(hidden, hidden, batch_first=True)
        self.score = nn.Linear(hidden, len(VOCABULARY))

    def forward(self, text: Tensor) -> Tensor:
        states, _ = self.state(self.embed(text))
        y: Tensor = self.score(states)
        return y


def surprise(model: nn.Module, corpus: Corpus) -> Tensor:
    """Mean of -log p over all words of the corpus."""
    scores = model(corpus.text).flatten(0, 1)
    return F.cross_entropy(scores, corpus.following.flatten(), ignore_index=PAD)


def exchanged(corpus: Corpus, draw: torch.Generator | None = None) -> Corpus:
    """The words of every sentence are exchanged by an element of its own."""
    group = torch.stack(list(elements()))
    own = group[torch.randint(len(group), (len(corpus.text),), generator=draw)]
    return Corpus(*(own.gather(1, words) for words in corpus))


def learn(
    model: nn.Module,
    corpus: Corpus,
    epochs: int,
    rate: float,
    text: str,
    exchange: bool = False,
) -> None:
    """Adam; with `exchange`, words are exchanged at random, anew in every epoch."""
    steps = epochs * -(-len(corpus.text) // 64)
    optimiser = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    model.train()
    for epoch in range(epochs):
        shown = exchanged(corpus) if exchange else corpus
        for batch in torch.randperm(len(corpus.text)).split(64):
            loss = surprise(model, Corpus(*(x[batch] for x in shown)))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        progress(text, epoch + 1, epochs)
    model.eval()


@torch.no_grad()
def measure(model: nn.Module, held_out: Corpus) -> Row:
    """Total variation over all prompts and all elements but 1; perplexities of held-out text, as
    it is and with the words of every sentence exchanged by an element of its own."""
    text = prompts()
    last = (text != PAD).sum(1) - 1
    rows = torch.arange(len(text))
    scores = model(text)[rows, last]
    distances, change = [], 0.0
    group = list(elements())
    for moved in group[1:]:
        other = model(moved[text])[rows, last][:, moved]
        difference = other.softmax(-1) - scores.softmax(-1)
        distances.append(difference.abs().sum(-1) / 2)
        change = max(change, float((other - scores).abs().max()))
    other_text = exchanged(held_out, torch.Generator().manual_seed(0))
    return {
        "variation": float(torch.stack(distances).mean()),
        "largest": float(torch.stack(distances).max()),
        "change": change / float(scores.abs().max()),
        "perplexity": math.exp(float(surprise(model, held_out))),
        "exchanged": math.exp(float(surprise(model, other_text))),
    }


def run(quick: bool, seeds: int) -> list[Row]:
    count, epochs, more = (500, 2, 1) if quick else (8000, 20, 2)
    rows: dict[str, Row] = {}
    for seed in range(seeds):
        draw = torch.Generator().manual_seed(seed)
        jobs, adjectives = BIAS * torch.randn(2, 2, 4, 3, 8, generator=draw)
        bias = (jobs, adjectives)
        corpus = write(count, bias, draw)
        held_out = write(min(count, 2000), bias, draw)
        torch.manual_seed(seed)
        model = Model()
        learn(model, corpus, epochs, 5e-3, f"model, seed {seed}")
        models: dict[str, nn.Module] = {"plain": model}
        models[AUGMENTED] = Model()
        learn(models[AUGMENTED], corpus, epochs, 5e-3, f"exchanged, seed {seed}", True)
        for name, build in (("equitune", WordSwap), ("multi_equitune", WordSwapBySums)):
            models[f"`{name}`"] = build(copy.deepcopy(model)).eval()
            tuned = build(copy.deepcopy(model))
            learn(tuned, corpus, more, 1e-3, f"{name}, seed {seed}")
            models[f"`{name}`, tuned"] = tuned
        for name, network in models.items():
            result = measure(network, held_out)
            if name not in ("plain", AUGMENTED):  # nothing is lost under the group
                assert result["largest"] < 1e-5, result
                assert result["change"] < 1e-5, result
            row = rows.setdefault(name, {"model": name, **{key: [] for key in result}})
            for key, value in result.items():
                row[key].append(value)
            row["calls"], row["time"] = price(network, held_out.text[:64])
        for name, numbers in best(bias, held_out).items():
            row = rows.setdefault(name, {"model": name})
            for key, number in zip(("perplexity", "exchanged"), numbers, strict=True):
                row.setdefault(key, []).append(number)
    return list(rows.values())


@torch.no_grad()
def price(network: nn.Module, text: Tensor) -> tuple[int, float]:
    """Calls of the model for one text, and the time of a batch."""
    if isinstance(network, Model):
        return 1, milliseconds(partial(network, text))
    module: Any = network
    module.model, inside = Counted(module.model), module.model
    module(text)
    calls = module.model.rows // len(text)
    module.model = inside
    return calls, milliseconds(partial(module, text))


CAPTION = "Total variation and perplexity"
COLUMNS = (
    Column("model", "model"),
    Column("variation", "total variation, mean", "variation"),
    Column("largest", "largest", "variation"),
    Column("perplexity", "perplexity", "number"),
    Column("exchanged", "perplexity, words exchanged", "number"),
    Column("change", "change of scores", "error"),
    Column("calls", "calls", "count"),
    Column("time", "64 texts", "milliseconds"),
)


def plot(rows: list[Row], figure: Any) -> None:
    figure.set_size_inches(11, 3)
    axes = figure.subplots(1, 2)
    rows = [row for row in rows if "variation" in row]
    names = [
        row["model"]
        .replace("`", "")
        .replace(", ", ",\n")
        .replace("_", "_\n")
        .replace(" in ", "\nin ")
        for row in rows
    ]
    bars(axes[0], names, {"": pairs(rows, "variation")}, ("#d55e00",))
    axes[0].set(title="total variation of the next word")
    series = {
        "held-out text": pairs(rows, "perplexity"),
        "words exchanged": pairs(rows, "exchanged"),
    }
    bars(axes[1], names, series, ("#0072b2", "#e69f00"))
    axes[1].set(title="perplexity", ylim=(1, None))
    axes[1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    for axis in axes:
        axis.tick_params(axis="x", labelsize=7)


if __name__ == "__main__":
    main(Experiment("word-swap", CAPTION, COLUMNS, run, plot), __doc__)
