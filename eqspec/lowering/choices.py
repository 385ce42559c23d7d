"""What the emitted tests must know of modules that choose a coset or a frame for every sample.

In: lowered modules. Out: `Choices`: whether the number of calls depends on the data, whether a network
chooses, and whether the law holds at the input zero, at which all cosets are tied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from eqspec.algebra.averages import FWord
from eqspec.graph.model import Node
from eqspec.lowering.module import Lowered
from eqspec.lowering.validation import act_on, has_choices, random_inputs, settled
from eqspec.ops.cosetchecks import Canonicalisation
from eqspec.ops.frames import Framing

FAILS = 1e-3


@dataclass(frozen=True)
class Choices:
    """``eager``: all best cosets are averaged, and how many there are depends on the data. ``learned``:
    by a network, which no gradient reaches. ``law_at_zero``: does the law hold where all are tied? None
    if not all of the arguments are parts of inputs: what computes them may break ties by rounding."""

    eager: bool
    learned: bool
    law_at_zero: bool | None


def choices_of(lowered: Mapping[str, Lowered], key: str) -> Choices | None:
    """None if nothing is chosen in the module or in those that it calls."""
    found = list(_choosing(lowered, key))
    if not found:
        return None if not has_choices(lowered, key) else Choices(False, False, None)
    own = lowered[key].module
    data = [node.data for node, _ in found if isinstance(node.data, Canonicalisation)]
    learned = any(each.energy is not None for each in data)
    framed = any(isinstance(node.data, Framing) for node in own.nodes)
    plain = (
        not learned
        and not framed
        and not own.has_points
        and not any(feature.type.has_indices for feature in own.inputs)  # no words are all alike
        and all(inside == key for _, inside in found)
    )
    if plain:
        plain = all(own.node(arg).piece is not None for node, _ in found for arg in node.args)
    return Choices(
        any(each.ties == "average" for each in data),
        learned,
        _law_at_zero(lowered, key) if plain else None,
    )


def _choosing(lowered: Mapping[str, Lowered], key: str) -> Iterator[tuple[Node, str]]:
    """The nodes that choose, and the modules in which they stand."""
    module = lowered[key].module
    for node in module.nodes:
        if isinstance(node.data, Canonicalisation):
            yield node, key
    for child in module.children.values():
        yield from _choosing(lowered, child)


def _law_at_zero(lowered: Mapping[str, Lowered], key: str) -> bool:
    item = lowered[key]
    inputs = {
        name: tuple(np.zeros_like(block) for block in blocks)
        for name, blocks in random_inputs(item.module, np.random.default_rng([1, 5]), 2).items()
    }
    machine, values = settled(lowered, key, item.program, 1, inputs)
    types = {feature.name: feature.type for feature in item.module.outputs}
    worst = 0.0
    for name, registers in machine.program.outputs:
        before = [values[register] for register in registers]
        for factor, group in item.module.groups.items():
            for number in range(len(group.generators)):
                word: FWord = ((factor, number, 1),)
                for x, y in zip(before, act_on(before, types[name], word), strict=True):
                    size = max(FAILS, float(np.max(np.abs(x), initial=0.0)))
                    worst = max(worst, float(np.max(np.abs(x - y), initial=0.0)) / size)
    return worst <= FAILS
