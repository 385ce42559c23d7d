"""Averages over product groups: `equitune`, `multi_equitune`, and what one would write by hand."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.goals import record
from benchmarks.measure import Effort, Rounds, median, quartiles, ratio, side_by_side
from benchmarks.specs import emitted
from benchmarks.tables import Table, goal

SIDE = 32


@dataclass(frozen=True)
class Product:
    """Cyclic groups, each of which shifts an axis of its own; an image of 3 x 32 x 32 in all."""

    name: str
    orders: tuple[int, ...]
    quick: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return (3, *self.orders, SIDE * SIDE // math.prod(self.orders))

    @property
    def order(self) -> int:
        return math.prod(self.orders)

    @property
    def text(self) -> str:
        names = "ABCDEFGH"[: len(self.orders)]
        groups = [f"group {g} = cyclic({n})" for g, n in zip(names, self.orders, strict=True)]
        axes = [f"{g}.shift({n})" for g, n in zip(names, self.orders, strict=True)]
        type_ = f"[3, {', '.join(axes)}, {self.shape[-1]}]"
        plain = f"[{', '.join(str(n) for n in self.shape)}]"
        modules = [
            f"module {name} {{ input x: {type_}\nbase net: {plain} -> [10]\n"
            f"output y: [10] = {op}(net, x) }}"
            for name, op in (("Full", "equitune"), ("Multi", "multi_equitune"))
        ]
        return "\n".join(["eqspec 1", *groups, *modules, ""])


PRODUCTS = (
    Product("C2 x C2 x C2", (2, 2, 2)),
    Product("C4 x C4", (4, 4), quick=True),
    Product("C4 x C4 x C4", (4, 4, 4)),
    Product("C4 x C4 x C4 x C4", (4, 4, 4, 4)),
)


class SmallCNN(nn.Module):
    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, padding=1, stride=2),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(32 * width, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x.reshape(-1, 3, SIDE, SIDE))
        return y


class SmallMLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3 * SIDE * SIDE, 256), nn.ReLU(), nn.Linear(256, 10))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x.flatten(1))
        return y


def full_by_hand(net: nn.Module, x: Tensor, orders: Sequence[int]) -> Tensor:
    """The mean over the product, one call for each element."""
    total = torch.zeros(())
    dims = tuple(range(2, 2 + len(orders)))
    for steps in itertools.product(*map(range, orders)):
        total = total + net(torch.roll(x, steps, dims))
    return total / math.prod(orders)


def sum_by_hand(net: nn.Module, x: Tensor, orders: Sequence[int]) -> Tensor:
    """The mean over the factors of averages of one factor each, the others averaged out before."""
    branches = []
    for k, order in enumerate(orders):
        others = [2 + j for j in range(len(orders)) if j != k]
        z = x.mean(others, keepdim=True).expand_as(x)
        branches.append(sum(net(torch.roll(z, step, 2 + k)) for step in range(order)) / order)
    return torch.stack(branches).mean(0)


def averages(effort: Effort) -> list[Table]:
    table = Table(
        "averages",
        "Averages of a small CNN over product groups, forward, no gradients",
        (
            "product", "order", "sum", "batch", "one call s",
            "equitune / its loop", "multi_equitune / its loop",
            "multi_equitune / as many calls", "goal calls",
            "equitune / multi_equitune", "goal product",
        ),
    )  # fmt: skip
    for product in PRODUCTS:
        if effort.quick and not product.quick:
            continue
        for batch in (1, 64):
            _compare(table, product, batch, effort)
    return [table, _chunks(effort)]


def _compare(table: Table, product: Product, batch: int, effort: Effort) -> None:
    torch.manual_seed(0)
    net = SmallCNN().eval()
    code = emitted(product.text)
    full, multi = code.Full(net).eval(), code.Multi(net).eval()
    x = torch.randn(batch, *product.shape)
    total = sum(product.orders)

    def calls() -> None:
        for _ in range(total):
            net(x)

    with torch.no_grad():
        assert torch.allclose(full(x), full_by_hand(net, x, product.orders), atol=1e-4)
        assert torch.allclose(multi(x), sum_by_hand(net, x, product.orders), atol=1e-4)
        slow = product.order * batch > 1_000
        found = side_by_side(
            {
                "equitune": lambda: full(x),
                "equitune by hand": lambda: full_by_hand(net, x, product.orders),
                "multi": lambda: multi(x),
                "multi by hand": lambda: sum_by_hand(net, x, product.orders),
                "calls": calls,
            },
            effort,
            rounds=min(effort.rounds, 5) if slow else None,
        )
    per_call = ratio(found, "multi", "calls")
    product_ratio = ratio(found, "equitune", "multi")
    last = product.order == 256
    where = f"{product.name}, batch {batch}"
    if product.order >= 64:
        record("calls", f"multi_equitune, CNN, {where}", quartiles(found, "multi", "calls"))
        floor = (
            "" if product_ratio >= 12 or not last else _calls_alone(net, x, code, product, effort)
        )
        record(f"product {product.order}", where, quartiles(found, "equitune", "multi"), floor)
    if batch == 1:
        record("batching", where, quartiles(found, "equitune by hand", "equitune"))
    for name in ("equitune", "multi"):
        record("never slower", f"{name}, {where}", quartiles(found, name, f"{name} by hand"))
    table.add(
        product.name, product.order, total, batch, median(found, "calls") / total,
        ratio(found, "equitune", "equitune by hand"), ratio(found, "multi", "multi by hand"),
        per_call, goal(per_call, most=1.15) if last else None,
        product_ratio, goal(product_ratio, least=12) if last else None,
    )  # fmt: skip


def _calls_alone(net: nn.Module, x: Tensor, code: Any, product: Product, effort: Effort) -> str:
    """The calls of both averages, on as many rows at once as they take, and nothing else."""
    rows = max(1, code.Full(net).calls.bytes // (x.numel() * x.element_size()))

    def calls(elements: int) -> Callable[[], None]:
        together = min(rows, elements)
        batch = x.repeat(together, *[1] * (x.dim() - 1))

        def run() -> None:
            for _ in range(math.ceil(elements / together)):
                net(batch)

        return run

    with torch.no_grad():
        found = side_by_side(
            {"product": calls(product.order), "sum": calls(sum(product.orders))}, effort, rounds=5
        )
    return f"the calls alone: {ratio(found, 'product', 'sum'):.3g}"


def _chunks(effort: Effort) -> Table:
    """The same averages under several limits of the bytes of one call."""
    powers = (18, 21) if effort.quick else range(16, 26)
    table = Table(
        "chunks",
        "`equitune` by `call_bytes`: time / that of the loop by hand",
        ("base", "product", "batch", *(f"2^{power}" for power in powers)),
    )
    bases: dict[str, Callable[[], nn.Module]] = {
        "CNN, 16 channels": SmallCNN,
        "CNN, 64 channels": lambda: SmallCNN(64),
        "MLP": SmallMLP,
    }
    default = 0
    # a few hundred rows in all
    for product, batch in zip(reversed(PRODUCTS), (1, 8, 64), strict=False):
        code = emitted(product.text)
        default = code.Full(nn.Identity()).calls.bytes
        for name, make in bases.items():
            if effort.quick and name != "MLP":
                continue
            torch.manual_seed(0)
            net = make().eval()
            x = torch.randn(batch, *product.shape)
            runs = {power: code.Full(net, call_bytes=2**power).eval() for power in powers}
            found = _sweep(runs, net, x, product, effort)
            cells = (ratio(found, str(power), "loop") for power in powers)
            table.add(name, product.name, batch, *cells)
    table.rows.sort(key=lambda row: str(row[0]))
    table.notes.append(
        f"One sample is {4 * 3 * SIDE * SIDE:,} bytes. `call_bytes` bounds the inputs of one call, and a"
        f" call holds at least one element for the whole batch. The default is {default:,}."
    )
    return table


def _sweep(
    runs: dict[int, Any], net: nn.Module, x: Tensor, product: Product, effort: Effort
) -> Rounds:
    contestants: dict[str, Callable[[], object]] = {
        str(power): functools.partial(run, x) for power, run in runs.items()
    }
    contestants["loop"] = lambda: full_by_hand(net, x, product.orders)
    with torch.no_grad():
        return side_by_side(contestants, effort, rounds=min(effort.rounds, 5))
