"""The sizes of a lifted network, and those at which every layer commutes with the group.

In: a `Network`, the motions of the group on its input. Out: the sizes behind every step, or the first
step that breaks them; the sizes of the input nearest to those asked for at which none does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eqspec.algebra.lattice import Motion
from eqspec.algebra.windows import Adaptive, faults, tied
from eqspec.ops.spatialhints import impossible
from eqspec.tools.lift.model import ADD, INPUT, Network, Step

FARTHEST = 130  # a stride of 2 in seven layers needs at most 128 steps
Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Broken:
    """The first step that does not commute at these sizes of its argument, and along which dimensions
    (none: nothing is left of them, or two sizes that are added differ)."""

    step: Step
    sizes: Sizes
    dims: frozenset[int]

    @property
    def reason(self) -> str:
        text = " x ".join(map(str, self.sizes))
        if self.step.op == ADD:
            return f"{self.step.layer} adds different sizes"
        if not self.dims:
            return f"{self.step.layer} has no result at {text}"
        return f"the windows of {self.step.layer} do not lie symmetrically on {text}"


def sizes_along(
    network: Network, sizes: Sizes, moves: Sequence[Motion]
) -> dict[str, Sizes] | Broken:
    """The sizes behind every step, if all commute."""
    found: dict[str, Sizes] = {}
    for step in network.steps:
        if step.op == INPUT:
            found[step.name] = sizes
            continue
        before = found[step.args[0]]
        if step.op == ADD and found[step.args[1]] != before:
            return Broken(step, before, frozenset())
        after = before
        if step.laws:
            whole = all(law == Adaptive(1) for law in step.laws)  # one window: all positions
            found_ = () if whole else faults(step.laws, before, moves)
            wrong = frozenset(fault.dim for fault in found_)
            if wrong:
                return Broken(step, before, wrong)
            if any(map(impossible, step.laws, before)):
                return Broken(step, before, frozenset())
            after = tuple(law.result(n) for law, n in zip(step.laws, before, strict=True))
        found[step.name] = after
    return found


def plain_sizes(network: Network, sizes: Sizes) -> dict[str, Sizes]:
    """The sizes behind every step, whether they commute or not."""
    found: dict[str, Sizes] = {}
    for step in network.steps:
        before = found[step.args[0]] if step.args else sizes
        laws = zip(step.laws, before, strict=True) if step.laws else ()
        found[step.name] = tuple(law.result(n) for law, n in laws) or before
    return found


def working(network: Network, moves: Sequence[Motion], most: int = 4) -> list[Sizes]:
    """Sizes of the input at which every step commutes, the nearest to those of the network first; at
    equal distance the larger ones."""
    start = network.shape[1:]
    if not isinstance(sizes_along(network, start, moves), Broken):
        return [start]
    groups = sorted(tied(moves, len(start)), key=min)
    choices: list[list[int]] = []
    for group in groups:
        steps = [0]
        if _fits(network, start, moves, group, 0):
            choices.append([0])
            continue
        for far in range(1, FARTHEST + 1):
            steps += [far, -far]
        fits = [step for step in steps if _fits(network, start, moves, group, step)]
        choices.append(fits[:most])
    if not all(choices):
        return []
    found: list[Sizes] = []
    for rank in range(most):
        changes = [fits[rank] if rank < len(fits) else fits[-1] for fits in choices]
        sizes = list(start)
        for group, change in zip(groups, changes, strict=True):
            for d in group:
                sizes[d] += change
        one = tuple(sizes)
        if one not in found and not isinstance(sizes_along(network, one, moves), Broken):
            found.append(one)
    return found


def _fits(
    network: Network, start: Sizes, moves: Sequence[Motion], group: frozenset[int], change: int
) -> bool:
    """Do these dimensions work, whatever the others do? A dimension's sizes depend on no other."""
    sizes = tuple(n + change if d in group else n for d, n in enumerate(start))
    if min(sizes) < 1:
        return False
    if change and any(move.rolls[d] for move in moves for d in group):
        return False  # a shift has one length
    here = [move for move in moves if any(_moves(move, d) for d in group)]
    mine = [_only(move, group) for move in here]
    return not isinstance(sizes_along(network, sizes, mine), Broken)


def _moves(move: Motion, d: int) -> bool:
    return move.axes[d] != d or move.signs[d] < 0 or move.rolls[d] != 0


def _only(move: Motion, group: frozenset[int]) -> Motion:
    """What a motion does to some dimensions that it does not exchange with others."""
    count = range(len(move.axes))
    return Motion(
        move.factor,
        move.generator,
        tuple(move.axes[d] if d in group else d for d in count),
        tuple(move.signs[d] if d in group else 1 for d in count),
        tuple(move.rolls[d] if d in group else 0 for d in count),
    )
