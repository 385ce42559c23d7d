"""What an average costs beside the calls that it makes: every strategy, at a product of 256 elements.

A module makes so many calls of its base (and of the network that weighs or scores, where there is one);
its time is divided by that of as many plain calls, taken in the same rounds on the same rows. A loop by
hand, one call for each element, is run beside it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.averages import PRODUCTS, Product, SmallCNN, SmallMLP, full_by_hand, sum_by_hand
from benchmarks.goals import record
from benchmarks.measure import Effort, median, quartiles, ratio, side_by_side
from benchmarks.specs import emitted
from benchmarks.tables import Table, goal
from eqspec.tools.bench.memory import peak_bytes

SAMPLED = 16  # plain calls that are timed; the time of all is a multiple
Loop = Callable[[nn.Module, nn.Module, Tensor, Sequence[int]], Tensor]


class Scorer(nn.Module):
    """A second network, with one number as its answer: a quarter of the channels."""

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.layers = SmallCNN(4) if isinstance(base, SmallCNN) else SmallMLP()
        self.last = nn.Linear(10, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.layers(x))
        return y


@dataclass(frozen=True)
class Strategy:
    """``call`` is the op with its arguments; ``branches`` says whether its calls are the sum of the
    orders; ``scored`` whether the second network is called as often; ``calls`` overrides their number."""

    name: str
    call: str
    branches: bool = False
    scored: bool = False
    calls: int | None = None
    loop: Loop | None = None

    def count(self, product: Product) -> int:
        return self.calls or (sum(product.orders) if self.branches else product.order)

    def text(self, product: Product) -> str:
        names = "ABCDEFGH"[: len(product.orders)]
        groups = [f"group {g} = cyclic({n})" for g, n in zip(names, product.orders, strict=True)]
        axes = ", ".join(f"{g}.shift({n})" for g, n in zip(names, product.orders, strict=True))
        plain = ", ".join(str(n) for n in product.shape)
        second = f"  base scorer: [{plain}] -> [1]\n" if self.scored else ""
        return (
            "\n".join(["eqspec 1", *groups])
            + f"\nmodule M {{\n  input x: [3, {axes}, {product.shape[-1]}]\n"
            + f"  base net: [{plain}] -> [10]\n{second}  output y: [10] = {self.call}\n}}\n"
        )


def _moved(x: Tensor, orders: Sequence[int]) -> Any:
    dims = tuple(range(2, 2 + len(orders)))
    for steps in itertools.product(*map(range, orders)):
        yield torch.roll(x, steps, dims)


def _weighted_by_hand(
    net: nn.Module, scorer: nn.Module, x: Tensor, orders: Sequence[int]
) -> Tensor:
    total, weights = torch.zeros(()), torch.zeros(())
    for moved in _moved(x, orders):
        weight = nn.functional.softplus(scorer(moved)) + 1e-6
        total, weights = total + weight * net(moved), weights + weight
    return total / weights


def _chosen(answers: Tensor, energies: Tensor) -> Tensor:
    """The answers of least energy, along the first dimension."""
    best = energies.argmin(0)
    return answers[best, torch.arange(answers.shape[1])]


def _choice_by_hand(net: nn.Module, _: nn.Module, x: Tensor, orders: Sequence[int]) -> Tensor:
    answers = torch.stack([net(moved) for moved in _moved(x, orders)])
    return _chosen(answers, torch.special.entr(answers.softmax(-1)).sum(-1))


def _scored_choice_by_hand(
    net: nn.Module, scorer: nn.Module, x: Tensor, orders: Sequence[int]
) -> Tensor:
    pairs = [(net(moved), scorer(moved)) for moved in _moved(x, orders)]
    answers, energies = (torch.stack(part) for part in zip(*pairs, strict=True))
    return _chosen(answers, energies.squeeze(-1))


def _branch_choice_by_hand(
    net: nn.Module, scorer: nn.Module, x: Tensor, orders: Sequence[int]
) -> Tensor:
    branches = []
    for k, order in enumerate(orders):
        others = [2 + j for j in range(len(orders)) if j != k]
        z = x.mean(others, keepdim=True).expand_as(x).movedim(2 + k, 2)
        answers = torch.stack(
            [net(torch.roll(z, step, 2).movedim(2, 2 + k)) for step in range(order)]
        )
        branches.append(_chosen(answers, torch.special.entr(answers.softmax(-1)).sum(-1)))
    return torch.stack(branches).mean(0)


STRATEGIES = (
    Strategy("equitune", "equitune(net, x)", loop=lambda n, s, x, o: full_by_hand(n, x, o)),
    Strategy(
        "multi_equitune",
        "multi_equitune(net, x)",
        branches=True,
        loop=lambda n, s, x, o: sum_by_hand(n, x, o),
    ),
    Strategy(
        "lambda_equitune",
        "lambda_equitune(net, scorer, x)",
        scored=True,
        loop=_weighted_by_hand,
    ),
    Strategy("equizero, entropy", "equizero(net, x, by=entropy)", loop=_choice_by_hand),
    Strategy(
        "equizero, network",
        "equizero(net, x, by=scorer)",
        scored=True,
        loop=_scored_choice_by_hand,
    ),
    Strategy(
        "multi_equizero",
        "multi_equizero(net, x, by=entropy)",
        branches=True,
        loop=_branch_choice_by_hand,
    ),
    Strategy("coset, up to 64", "coset(net, x, average=A * B * C)", calls=64),
)
BASES: dict[str, Callable[[], nn.Module]] = {"CNN": SmallCNN, "MLP": SmallMLP}


def strategies(effort: Effort) -> Table:
    table = Table(
        "strategies",
        "Every strategy at a product of 256 elements, forward, no gradients",
        (
            "strategy", "base", "batch", "calls", "one call s",
            "time / as many calls", "in the rounds", "goal", "time / loop by hand",
            "peak bytes / those of a call",
        ),
    )  # fmt: skip
    product = PRODUCTS[1] if effort.quick else PRODUCTS[-1]
    for base, strategy in itertools.product(BASES, STRATEGIES):
        for batch in (1,) if effort.quick else (1, 64):
            _row(table, strategy, product, base, batch, effort)
    table.notes += [
        f"{product.name}, {product.order} elements: {strategy_calls(product)}. `one call` is a call of the base,"
        " and of the second network where there is one, on the batch of the module.",
        "Peak bytes are those of all tensors that a forward pass makes, counted operation by operation; beside"
        " them those of a call of the base on as many rows as the module gives it at once, its inputs included.",
    ]
    return table


def strategy_calls(product: Product) -> str:
    return f"{sum(product.orders)} calls with branches, {product.order} without"


def _row(
    table: Table, strategy: Strategy, product: Product, base: str, batch: int, effort: Effort
) -> None:
    if strategy.name.startswith("coset") and len(product.orders) < 4:
        product = replace(product, orders=(2, 2, 2, 2))  # quick: a small group with four factors
        strategy = replace(strategy, calls=8)
    torch.manual_seed(0)
    net = BASES[base]().eval()
    scorer = Scorer(net).eval()
    module = emitted(strategy.text(product)).M(*[net, scorer][: 1 + strategy.scored]).eval()
    x = torch.randn(batch, *product.shape)
    calls, sampled = strategy.count(product), min(SAMPLED, strategy.count(product))

    def one() -> None:
        net(x)
        if strategy.scored:
            scorer(x)

    def one_chunk() -> None:
        elements = max(1, min(calls, module.calls.bytes // (x.numel() * x.element_size())))
        rows = x.repeat(elements, *[1] * (x.dim() - 1))
        net(rows)

    def plain() -> None:
        for _ in range(sampled):
            one()

    contestants: dict[str, Callable[[], object]] = {"module": lambda: module(x), "calls": plain}
    loop = strategy.loop
    with torch.no_grad():
        if loop is not None:
            by_hand = loop(net, scorer, x, product.orders)
            assert torch.allclose(module(x), by_hand, atol=1e-3), strategy.name
            contestants["loop"] = lambda: loop(net, scorer, x, product.orders)
        slow = calls * batch > 1_000
        found = side_by_side(contestants, effort, rounds=min(effort.rounds, 7) if slow else None)
        bytes_ = peak_bytes(lambda: module(x)) / peak_bytes(one_chunk)
    scale = sampled / calls
    overall = scale * ratio(found, "module", "calls")
    floor = ""
    if loop is not None:
        floor = f"a loop by hand: {scale * ratio(found, 'loop', 'calls'):.3g}"
    if not effort.quick:
        where = f"{strategy.name}, {base}, batch {batch}"
        record("calls", where, quartiles(found, "module", "calls", scale), floor)
    table.add(
        strategy.name, base, batch, calls, median(found, "calls") / sampled, overall,
        quartiles(found, "module", "calls", scale).spread, goal(overall, most=1.15),
        ratio(found, "module", "loop") if loop is not None else None, bytes_,
    )  # fmt: skip
