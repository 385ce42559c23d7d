"""The minimum cut that places features, against every labelling of small graphs."""

from __future__ import annotations

import random
from itertools import product

from eqspec.lowering.cuts import Options, cheapest, total


def graph(draw: random.Random, size: int) -> dict[str, Options]:
    """A random acyclic graph; some nodes have one possible label, many costs are equal or zero."""
    nodes: dict[str, Options] = {}
    largest = draw.choice([2, 20])
    for k in range(size):
        args = draw.sample(list(nodes), min(len(nodes), draw.choice([1, 1, 1, 2, 3])))
        costs: list[int | None] = [draw.randint(0, largest) for _ in range(4)]
        kind = draw.random()
        if kind < 0.25 or not args:
            costs[1] = None
        elif kind < 0.35:
            costs[0] = None
        there, back = costs[2:]
        assert there is not None
        assert back is not None
        nodes[f"n{k}"] = Options(costs[0], costs[1], there, back, tuple(args))
    return nodes


def test_the_cut_is_the_cheapest_of_all_labellings() -> None:
    draw = random.Random(1)
    moved = mixed = 0
    for _ in range(250):
        nodes = graph(draw, draw.randint(1, 9))
        found = cheapest(nodes)
        own = total(nodes, found)
        best: tuple[int, int] | None = None
        for labels in product((False, True), repeat=len(nodes)):
            chosen = [name for name, label in zip(nodes, labels, strict=True) if label]
            cost = total(nodes, chosen)
            if cost is not None and (best is None or (cost, len(chosen)) < best):
                best = cost, len(chosen)
        assert best is not None
        assert (own, len(found)) == best, nodes
        moved += bool(found)
        mixed += 0 < len(found) < len(nodes)
    assert moved > 50
    assert mixed > 50


def test_the_order_of_the_nodes_does_not_matter() -> None:
    draw = random.Random(2)
    for _ in range(40):
        nodes = graph(draw, 8)
        names = list(nodes)
        draw.shuffle(names)
        assert cheapest({name: nodes[name] for name in names}) == cheapest(nodes)


def test_a_conversion_is_paid_once_for_all_readers() -> None:
    source = Options(0, None, 5, 5)
    readers = {f"r{k}": Options(3, 0, 0, 0, ("x",)) for k in range(3)}
    assert cheapest({"x": source, **readers}) == {"r0", "r1", "r2"}
    assert cheapest({"x": source, "r0": readers["r0"]}) == frozenset()


def test_long_chains_are_cut_in_parts() -> None:
    """A layer that works in both coordinates and one that does not, by turns: every one by itself."""
    nodes = {"n0": Options(0, None, 1, 1)}
    for k in range(1, 3000):
        nodes[f"n{k}"] = (
            Options(10, 4, 1, 1, (f"n{k - 1}",))
            if k % 2
            else Options(1, None, 1, 1, (f"n{k - 1}",))
        )
    assert cheapest(nodes) == {f"n{k}" for k in range(1, 3000, 2)}
