"""What the emitted tests can count on: a negative control that fails, inputs that matter.

Candidates for a wrong action are tried in the NumPy interpreter; the one with the largest error is
recorded by name. Not every wrong action is wrong enough (an invariant output does not see it), so a
control is chosen because it does fail, and if none does the tests say why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from eqspec.algebra.averages import FWord
from eqspec.algebra.groups import Group
from eqspec.algebra.images import AnyImage, Infinitesimal, Monomial, compose, trace_is_finite
from eqspec.graph.groups import has_dynamic_size
from eqspec.graph.types import Type
from eqspec.lowering.module import Lowered, with_called
from eqspec.lowering.validation import (
    Array,
    Machine,
    Tensors,
    act_on,
    decided_inputs,
    is_large,
    random_inputs,
    samples_of,
    settled,
)
from eqspec.program.instructions import Program

TIE = (
    1.001  # controls closer than this are equally strong, whatever the rounding: the first is kept
)
POWER = 1e-3
TRIED_POWERS = 64
How = Literal["identity", "inverse", "unsigned", "random", "one word"]


@dataclass(frozen=True)
class Control:
    """A wrong action: on ``tensor`` the generator acts as the identity, as its inverse or without its
    signs; or the input ``tensor`` is moved along a random direction ("random"), or every word of it becomes
    the first of the vocabulary ("one word": no map of the words that is not injective is a symmetry)."""

    tensor: str
    generator: str
    how: How
    error: float


@dataclass(frozen=True)
class Expectations:
    """``control`` is None if no candidate fails; ``ineffective`` lists inputs that change nothing."""

    control: Control | None
    ineffective: tuple[str, ...]


def generator_order(group: Group, number: int) -> int | None:
    """The order of a generator; None if it is infinite (or, in an infinite group, beyond a bound)."""
    image = group.model[number]
    if isinstance(image, Monomial):  # the least common multiple of its cycles, doubled by signs
        order, seen = 1, [False] * image.degree
        for start in range(image.degree):
            k, length, sign = start, 0, 1
            while not seen[k]:
                seen[k] = True
                sign *= image.signs[k]
                k, length = image.images[k], length + 1
            order = math.lcm(order, (length if sign > 0 else 2 * length) or 1)
        return order
    if isinstance(image, Infinitesimal):
        return None
    if group.family == "cyclic":
        return group.order
    return _power_order(image, bounded=not group.is_finite)


def _power_order(image: AnyImage, bounded: bool) -> int | None:
    power, order = image, 1
    while not power.is_identity:
        if bounded and (order == TRIED_POWERS or not trace_is_finite(power)):
            return None
        power, order = compose(image, power), order + 1
    return order


def expectations(lowered: Mapping[str, Lowered], key: str) -> Expectations:
    lowered = {name: one.tested for name, one in with_called(lowered, key).items()}
    module, program = lowered[key].module, lowered[key].program
    rng = np.random.default_rng([1, 3])
    samples = samples_of(lowered, key, 4, is_large(lowered, key))
    inputs = decided_inputs(lowered, key, program, 1, rng, samples)
    machine, values = settled(lowered, key, program, 1, inputs, _kept(program))
    before = _named(machine, values)
    ineffective: list[str] = []
    errors: dict[str, float] = {}
    for feature in module.inputs:
        changed = dict(inputs)
        changed[feature.name] = random_inputs(module, rng, samples)[feature.name]
        errors[feature.name] = _distance(_outputs(machine, changed), before)
        if errors[feature.name] <= POWER:
            ineffective.append(feature.name)
    control = _output_control(lowered, key, machine, inputs, before)
    if control is None and errors:
        strongest = max(errors, key=lambda name: errors[name])
        if errors[strongest] > POWER and any(
            feature.name == strongest and feature.type.factors for feature in module.inputs
        ):
            control = Control(strongest, "", "random", errors[strongest])
            blocks = inputs[strongest]
            if any(x.dtype.kind == "i" for x in blocks):
                merged = tuple(0 * x if x.dtype.kind == "i" else x for x in blocks)
                error = _distance(_outputs(machine, {**inputs, strongest: merged}), before)
                control = Control(strongest, "", "one word", error) if error > POWER else None
    return Expectations(control, tuple(ineffective))


def _kept(program: Program) -> set[int]:
    return {register for _, registers in program.outputs for register in registers}


def _outputs(machine: Machine, inputs: Mapping[str, Tensors]) -> dict[str, Tensors]:
    return _named(machine, machine(inputs, kept=_kept(machine.program)))


def _named(machine: Machine, values: Sequence[Array]) -> dict[str, Tensors]:
    return {
        name: tuple(values[register] for register in registers)
        for name, registers in machine.program.outputs
    }


def _distance(a: Mapping[str, Tensors], b: Mapping[str, Tensors]) -> float:
    return max(
        (_error(x, y) for name in a for x, y in zip(a[name], b[name], strict=True)), default=0.0
    )


def _error(found: Array, expected: Array) -> float:
    scale = float(np.max(np.abs(expected), initial=0.0)) or 1.0
    return float(np.max(np.abs(found - expected), initial=0.0)) / scale


def _output_control(
    lowered: Mapping[str, Lowered],
    key: str,
    machine: Machine,
    inputs: Mapping[str, Tensors],
    before: Mapping[str, Tensors],
) -> Control | None:
    module = lowered[key].module
    best: Control | None = None
    for factor, group in module.groups.items():
        if not any(factor in output.type.factors for output in module.outputs):
            continue
        for number, generator in enumerate(group.generators):
            word: FWord = ((factor, number, 1),)
            moved = {f.name: act_on(inputs[f.name], f.type, word) for f in module.inputs}
            after = _outputs(machine, moved)
            for output in module.outputs:
                if factor not in output.type.factors:
                    continue
                found = after[output.name]
                wrong: dict[How, Tensors] = {
                    "identity": before[output.name],
                    "inverse": act_on(before[output.name], output.type, ((factor, number, -1),)),
                    "unsigned": _unsigned(found, output.type, factor, number),
                }
                for how, tensors in wrong.items():
                    error = max(_error(x, y) for x, y in zip(tensors, found, strict=True))
                    if how == "inverse" and has_dynamic_size(group):
                        continue  # its order is not known
                    if how == "inverse" and (generator_order(group, number) or 0) > 100:
                        continue  # the tests write an inverse as a power
                    if error > POWER and (best is None or error > TIE * best.error):
                        best = Control(output.name, f"{factor}.{generator}", how, error)
    return best


def _unsigned(found: Tensors, type_: Type, factor: str, number: int) -> Tensors:
    """The right answer with the signs of the generator undone; unchanged where it has none."""
    results: list[Array] = []
    for x, block in zip(found, type_.blocks, strict=True):
        y = x
        for rep, dim, width in block.actions:
            image = rep.any_image(factor, number)
            if isinstance(image, Monomial) and min(image.signs, default=1) < 0:
                signs = np.empty(len(image.signs))
                signs[list(image.images)] = image.signs
                flat = y.reshape(*y.shape[: dim + 1], len(signs), *y.shape[dim + 1 + width :])
                signs = signs.reshape(-1, *(1,) * (flat.ndim - dim - 2))
                y = (flat * signs).reshape(y.shape)
        results.append(y)
    return tuple(results)
