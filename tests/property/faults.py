"""Deliberate faults of the compiler, one at a time, and what each of them does, decided exactly."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any
from unittest import mock

import exact
import numpy as np

from eqspec.algebra import images as im
from eqspec.algebra.averages import FWord
from eqspec.algebra.averages import evaluate_any as true_evaluate
from eqspec.algebra.bases import Basis, DenseBasis, OrbitBasis
from eqspec.algebra.representations import Representation
from eqspec.algebra.residuals import residual
from eqspec.algebra.solver import hom_basis, solved_basis
from eqspec.graph.model import Module
from eqspec.graph.types import Block, PlainAxis
from eqspec.lowering.errors import LoweringRefused
from eqspec.lowering.module import Lowered, lower_module
from eqspec.ops import averaging, blockmaps, clusters, linear, orbitlowering, project
from eqspec.ops.averaging import Average
from eqspec.ops.linear import LinearMaps
from eqspec.program import instructions as ins
from eqspec.program.passes import optimise

Key = tuple[tuple[Representation, ...], tuple[Representation, ...]]


@dataclass
class Mutant:
    """``verdict``: "leaves" Hom, leaves it at a node "inside" alone, "shrinks" it, or "equivalent"
    (the module still has its law and no space is smaller). ``raised`` says that the lowering itself
    broke on the fault."""

    kind: str
    text: str
    lowered: Lowered | None
    verdict: str = ""
    bases: dict[Key, Basis] = field(default_factory=dict)
    raised: str = ""


# ---- verdicts ------------------------------------------------------------------------------------------


def rank(matrix: list[list[Fraction]]) -> int:
    rows = [list(row) for row in matrix]
    found = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((k for k in range(found, len(rows)) if rows[k][column]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for k in range(found + 1, len(rows)):
            if rows[k][column]:
                factor = rows[k][column] / rows[found][column]
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[found], strict=True)]
        found += 1
    return found


def basis_rank(basis: Basis) -> int:
    if len(basis) == 0:
        return 0
    flat = basis.numerators.reshape(len(basis), -1)
    flat = flat[:, np.any(flat != 0, axis=0)]
    flat = np.unique(flat, axis=1)
    return rank([[Fraction(int(v)) for v in row] for row in flat]) if flat.size else 0


def linear_rank(module: Module, program: ins.Program) -> int:
    """The dimension of all tangents of outputs and named nodes along the free weights, at one random
    point over the rational numbers: what the weights of the program can do."""
    rng = random.Random(1)
    inputs = {
        f.name: [exact.whole(rng, (6, *b.shape)) for b in f.type.blocks] for f in module.inputs
    }
    parameters = {
        i.name: exact.whole(rng, i.shape)
        for i in program.instructions
        if isinstance(i, ins.Parameter)
    }
    bases = {base.name: exact.ExactBase(base, rng) for base in module.bases}
    registers = [r for _, rs in (*program.outputs, *program.named) for r in rs]

    def flat() -> list[Fraction]:
        values = exact.evaluate(program, inputs, parameters, bases)
        return [v for r in registers for v in np.asarray(values[r], dtype=object).reshape(-1)]

    start = flat()
    step = Fraction(1, 10**9)
    tangents = []
    for value in parameters.values():
        view = value.reshape(-1)
        for k in range(len(view)):
            kept = view[k]
            view[k] = kept + step
            tangents.append([float((a - b) / step) for a, b in zip(flat(), start, strict=True)])
            view[k] = kept
    if not tangents:
        return 0
    table = np.array(tangents)
    size = np.abs(table).max(axis=1, keepdims=True)
    table = table / np.where(size > 0, size, 1)
    return int(np.linalg.matrix_rank(table, tol=1e-6))


def judge(module: Module, mutant: Mutant, correct: Lowered) -> None:
    """Fill in the verdict."""
    assert mutant.lowered is not None
    programs = (mutant.lowered.program, mutant.lowered.plain)
    seen = {exact.leaves_hom(module, program, seed) for program in programs for seed in range(4)}
    if "output" in seen or "inside" in seen:
        mutant.verdict = "leaves" if "output" in seen else "inside"
        return
    for (source, target), basis in mutant.bases.items():
        if residual(basis, source, target) == 0 and basis_rank(basis) < len(
            solved_basis(source, target)
        ):
            mutant.verdict = "shrinks"
            return
    mutant.verdict = "equivalent"
    if mutant.kind.startswith(("edge", "program")) and any(
        isinstance(n.data, LinearMaps) for n in module.nodes
    ):
        before = linear_rank(module, correct.program)
        if linear_rank(module, mutant.lowered.program) < before:
            mutant.verdict = "shrinks"


# ---- (a) bases -----------------------------------------------------------------------------------------


def changed_basis(basis: Basis, rng: random.Random) -> tuple[str, Basis] | None:
    if len(basis) == 0:
        return None
    if isinstance(basis, OrbitBasis):
        labels, signs = basis.labels.copy(), basis.signs.copy()
        o, i = rng.randrange(labels.shape[0]), rng.randrange(labels.shape[1])
        match rng.choice(["label", "label", "sign", "sign", "drop entry", "merge", "drop", "lose"]):
            case "label":
                other = rng.choice([k for k in range(-1, len(basis)) if k != labels[o, i]])
                labels[o, i] = other
                signs[o, i] = 0 if other < 0 else rng.choice([1, 1, -1])
                text = f"label of ({o}, {i}) is {other}"
            case "sign":
                if signs[o, i] == 0:
                    return None
                signs[o, i] *= -1
                text = f"sign of ({o}, {i})"
            case "drop entry":
                labels[o, i], signs[o, i] = -1, 0
                text = f"entry ({o}, {i}) is 0"
            case "merge":
                if len(basis) < 2:
                    return None
                a, b = rng.sample(range(len(basis)), 2)
                labels[labels == b] = a
                text = f"orbit {b} is merged into {a}"
            case "drop":
                a = rng.randrange(len(basis))
                signs[labels == a] = 0
                labels[labels == a] = -1
                text = f"orbit {a} is 0"
            case _:  # the last orbit is lost, and the dimension with it
                if len(basis) < 2:
                    return None
                signs[labels == len(basis) - 1] = 0
                labels[labels == len(basis) - 1] = -1
                return "the last orbit is lost", OrbitBasis(labels, signs, len(basis) - 1)
        return text, OrbitBasis(labels, signs, len(basis))
    values = basis.numerators.copy()
    k, o, i = (rng.randrange(n) for n in values.shape)
    match rng.choice(["entry", "entry", "sign", "zero", "repeat", "drop", "add"]):
        case "entry":
            values[k, o, i] += rng.choice([-1, 1, 2])
            text = f"entry ({o}, {i}) of map {k}"
        case "sign":
            places = np.argwhere(values != 0)
            k, o, i = places[rng.randrange(len(places))]
            values[k, o, i] *= -1
            text = f"sign of ({o}, {i}) of map {k}"
        case "zero":
            places = np.argwhere(values != 0)
            k, o, i = places[rng.randrange(len(places))]
            values[k, o, i] = 0
            text = f"entry ({o}, {i}) of map {k} is 0"
        case "repeat":
            if len(values) < 2:
                return None
            a, b = rng.sample(range(len(values)), 2)
            values[a] = values[b]
            text = f"map {a} is map {b} again"
        case "drop":
            if len(values) < 2:
                return None
            return "the last map is lost", DenseBasis(values[:-1])
        case _:
            if len(values) < 2:
                return None
            a, b = rng.sample(range(len(values)), 2)
            values[a] += values[b]
            text = f"map {b} is added to map {a}"
    return text, DenseBasis(values)


@contextmanager
def _bases(change: Callable[[Key], Basis]) -> Iterator[dict[Key, Basis]]:
    """`blockmaps` sees other bases; what it asked for is recorded."""
    asked: dict[Key, Basis] = {}

    def basis_of(source: Any, target: Any) -> Basis:
        key = (tuple(source), tuple(target))
        if key not in asked:
            asked[key] = change(key)
        return asked[key]

    with mock.patch.object(blockmaps, "basis_of", basis_of):
        yield asked


def keys_of(module: Module) -> list[Key]:
    with _bases(lambda key: solved_basis(*key)) as asked:
        lower_module(module)
    return [key for key in asked if key[0] or key[1]]


def _lower(module: Module, mutant: Mutant) -> None:
    try:
        mutant.lowered = lower_module(module)
    except (LoweringRefused, AssertionError, ValueError, IndexError) as error:
        mutant.raised = f"{type(error).__name__}: {error}"


def basis_fault(module: Module, rng: random.Random) -> Mutant | None:
    keys = keys_of(module)
    if not keys:
        return None
    chosen = rng.choice(keys)
    changed = changed_basis(solved_basis(*chosen), rng)
    if changed is None:
        return None
    text, wrong = changed
    kind = "orbit basis" if isinstance(wrong, OrbitBasis) else "dense basis"
    mutant = Mutant(f"basis: {kind}", text, None, bases={chosen: wrong})
    with _bases(lambda key: wrong if key == chosen else solved_basis(*key)):
        _lower(module, mutant)
    return mutant


# ---- (b) representations that the lowering sees ---------------------------------------------------------


def wrong_representation(rep: Representation, rng: random.Random) -> tuple[str, Representation]:
    groups = dict(rep.groups)
    factor = rng.choice(sorted(rep.factors))
    number = rng.randrange(len(groups[factor].generators))
    true = rep.image(factor, number)
    n = rep.degree
    how = rng.choice(
        ["sign", "sign", "swap", "swap", "inverse", "identity", "transpose", "unsigned"]
    )
    wrong: im.AnyImage = true
    if how == "sign":
        k = rng.randrange(n)
        wrong = im.compose(
            im.Monomial(tuple(range(n)), tuple(-1 if j == k else 1 for j in range(n))), true
        )
    elif how == "swap" and n > 1:
        a, b = rng.sample(range(n), 2)
        places = list(range(n))
        places[a], places[b] = b, a
        wrong = im.compose(im.Monomial(tuple(places), (1,) * n), true)
    elif how == "inverse":
        wrong = im.inverse(true)
    elif how == "identity":
        wrong = im.identity(n)
    elif how == "transpose":
        wrong = im.transpose(true)
    elif isinstance(true, im.Monomial):
        wrong = im.Monomial(true.images, (1,) * n)
    images = tuple(
        tuple(
            wrong if (name, g) == (factor, number) else rep.any_image(name, g)
            for g in range(len(group.generators))
        )
        for name, group in rep.groups
    )
    text = f"{how} at {factor}.{groups[factor].generators[number]} of {rep.label}"
    return text, replace(rep, images=images, terms=None)


def representation_fault(module: Module, rng: random.Random) -> Mutant | None:
    reps = list(
        dict.fromkeys(r for node in module.nodes for r in node.type.representations() if r.factors)
    )
    if not reps:
        return None
    rep = rng.choice(reps)
    text, wrong = wrong_representation(rep, rng)
    if not wrong.factors:
        return None
    mutant = Mutant("representation", text, None)

    def swapped(parts: tuple[Representation, ...]) -> tuple[Representation, ...]:
        return tuple(wrong if part == rep else part for part in parts)

    def evaluate(part: Representation, word: FWord) -> im.AnyImage:
        return true_evaluate(wrong if part == rep else part, word)

    with (
        _bases(lambda key: hom_basis(swapped(key[0]), swapped(key[1]))) as asked,
        mock.patch.object(orbitlowering, "evaluate_any", evaluate),
        mock.patch.object(project, "evaluate_any", evaluate),
    ):
        _lower(module, mutant)
    mutant.bases = {key: basis for key, basis in asked.items() if any(rep in side for side in key)}
    return mutant


# ---- (c) classes of edges ------------------------------------------------------------------------------


def edge_fault(module: Module, rng: random.Random) -> Mutant | None:
    layers = [n for n in module.nodes if isinstance(n.data, LinearMaps)]
    averages = [n for n in module.nodes if isinstance(n.data, Average)]
    if not layers and not averages:
        return None
    if averages and (not layers or rng.random() < 0.4):
        return _average_fault(module, rng)
    return _pair_fault(module, rng)


def _pair_fault(module: Module, rng: random.Random) -> Mutant | None:
    true = blockmaps.pair_of
    how = rng.choice(["split", "split", "forget", "unfix"])
    place = rng.randrange(6)
    count = 0
    done: list[str] = []

    def pair_of(source: Block, target: Block, each: Any = ()) -> Any:
        nonlocal count
        pair = true(source, target, each)
        parts = {"split": pair.shared, "forget": pair.invariant, "unfix": pair.symmetric}[how]
        if not parts or done:
            return pair
        count += 1
        if count <= place % 2 and rng.random() < 0.5:
            return pair
        part = rng.choice(parts)
        rest = tuple(p for p in parts if p is not part)
        done.append(f"{how} {', '.join(part.factors)} from {source} to {target}")
        if how == "split":
            return replace(
                pair,
                shared=rest,
                invariant=(*pair.invariant, replace(part, target=())),
                symmetric=(*pair.symmetric, replace(part, source=())),
            )
        if how == "forget":
            axes = tuple(sorted((*pair.source_plain, *part.source)))
            return replace(pair, invariant=rest, source_plain=axes)
        axes = tuple(sorted((*pair.target_plain, *part.target)))
        return replace(pair, symmetric=rest, target_plain=axes)

    mutant = Mutant(f"edge: {how}", "", None)
    with (
        mock.patch.object(blockmaps, "pair_of", pair_of),
        mock.patch.object(linear, "pair_of", pair_of, create=True),
        mock.patch.object(clusters, "pair_of", pair_of),
    ):
        _lower(module, mutant)
    if not done:
        return None
    mutant.text = done[0]
    return mutant


def _average_fault(module: Module, rng: random.Random) -> Mutant | None:
    how = rng.choice(
        ["projection omitted", "projection omitted", "kernel omitted", "direct action"]
    )
    mutant = Mutant(f"edge: {how}", how, None)
    used: list[str] = []
    if how == "projection omitted":
        true_factors = averaging.project_factors
        lucky = rng.choice([0, 0, 1, 2])

        def project_factors(site: Any, x: int, block: Block, factors: Any) -> int:
            mine = [f for f in factors if f in block.factors]
            if mine and not used:
                nonlocal lucky
                if lucky:
                    lucky -= 1
                else:
                    left = rng.choice(mine)
                    used.append(left)
                    factors = [f for f in factors if f != left]
            return true_factors(site, x, block, factors)

        with (
            mock.patch.object(averaging, "project_factors", project_factors),
            mock.patch.object(orbitlowering, "project_factors", project_factors),
        ):
            _lower(module, mutant)
    elif how == "kernel omitted":
        true_words = orbitlowering.project_words

        def project_words(site: Any, x: int, block: Block, words: Any) -> int:
            moving = [
                w
                for w in words
                if any(
                    not isinstance(a, PlainAxis) and not true_evaluate(a.rep, w).is_identity
                    for a in block.axes
                )
            ]
            if moving:
                used.append("kernel")
                return x
            return true_words(site, x, block, words)

        with mock.patch.object(orbitlowering, "project_words", project_words):
            _lower(module, mutant)
    else:
        used.append("inverse")
        with mock.patch.object(orbitlowering, "inverse_word", lambda word: word):
            _lower(module, mutant)
    if not used:
        return None
    mutant.text = f"{how}: {used[0]}"
    return mutant


# ---- (d) programs --------------------------------------------------------------------------------------


def program_fault(module: Module, correct: Lowered, rng: random.Random) -> Mutant | None:
    program = correct.plain
    places = [k for k in range(len(program.instructions)) if _can_change(program, k)]
    if not places:
        return None
    k = rng.choice(places)
    changed = _changed(program, k, rng)
    if changed is None or changed == program.instructions[k]:
        return None
    instructions = list(program.instructions)
    instructions[k] = changed
    wrong = replace(program, instructions=tuple(instructions))
    try:
        _ = wrong.shapes
        if any(wrong.shapes[j] != program.shapes[j] for j in range(len(instructions))):
            return None
    except AssertionError:
        return None
    name = type(program.instructions[k]).__name__
    text = f"{name} {k} of `{program.owners[k]}`"
    return Mutant(f"program: {name}", text, Lowered(module, optimise(wrong), wrong))


def _can_change(program: ins.Program, k: int) -> bool:
    return isinstance(
        program.instructions[k],
        ins.Constant
        | ins.Reduce
        | ins.Permute
        | ins.Scale
        | ins.Narrow
        | ins.OrbitMean
        | ins.Add
        | ins.Concat
        | ins.Expand,
    )


def _changed(program: ins.Program, k: int, rng: random.Random) -> Any:
    i = program.instructions[k]
    match i:
        case ins.Constant(dtype="int64"):
            values = i.array.copy()
            flat = values.reshape(-1)
            if len(flat) < 2:
                return None
            if rng.random() < 0.5:
                flat[rng.randrange(len(flat))] = rng.choice(list(flat))
            else:
                a, b = rng.sample(range(len(flat)), 2)
                flat[a], flat[b] = flat[b], flat[a]
            return replace(i, data=values.tobytes())
        case ins.Constant():
            values = i.array.copy()
            flat = values.reshape(-1)
            at = rng.randrange(len(flat))
            flat[at] = rng.choice([-flat[at], flat[at] + 1, 0.0])
            return replace(i, data=values.tobytes())
        case ins.Reduce(dims=dims):
            x = program.shape(i.args[0])
            if (
                rng.random() < 0.3 and i.how != "max"
            ):  # a maximum made a mean is another op, not a fault
                return replace(i, how="sum" if i.how == "mean" else "mean")
            others = [d for d in range(len(x)) if d not in dims]
            if not others:
                return None
            new = [*dims]
            new[rng.randrange(len(new))] = rng.choice(others)
            return replace(i, dims=tuple(sorted(new)))
        case ins.Permute(order=order):
            if len(order) < 2:
                return None
            new = list(order)
            a, b = rng.sample(range(len(order)), 2)
            new[a], new[b] = new[b], new[a]
            return replace(i, order=tuple(new))
        case ins.Scale(factor=factor):
            return replace(i, factor=rng.choice([-factor, 1.0, factor * 2]))
        case ins.Narrow(dim=dim, start=start, length=length):
            room = program.shape(i.args[0])[dim] - length
            return replace(
                i, start=rng.choice([s for s in range(room + 1) if s != start] or [start])
            )
        case ins.Add():
            if len(i.args) < 2:
                return None
            return replace(i, args=i.args[:-1])
        case ins.Concat():
            args = list(i.args)
            a, b = rng.sample(range(len(args)), 2)
            args[a], args[b] = args[b], args[a]
            return replace(i, args=tuple(args))
        case ins.Expand(dim=dim):
            return replace(i, dim=rng.choice([dim - 1, dim + 1])) if dim else None
        case ins.OrbitMean():
            return _changed_mean(i, rng)
    return None


def _changed_mean(i: ins.OrbitMean, rng: random.Random) -> Any:
    changed = _changed_orbit(i.orbit, rng)
    return None if changed is None else replace(i, orbit=changed)


def _changed_orbit(i: ins.Orbit, rng: random.Random) -> Any:
    sides = [("moves", k) for k, m in enumerate(i.moves) if m]
    sides += [("backs", k) for k, m in enumerate(i.backs) if m]
    if not sides:
        return None
    side, k = rng.choice(sides)
    tensors = list(getattr(i, side))
    moves = list(tensors[k])
    at = rng.randrange(len(moves))
    move = moves[at]
    how = rng.choice(["order", "choice", "image", "drop"])
    if how == "order":
        return replace(i, order=i.order - 1) if i.order > 1 else None
    if how == "choice":
        choice = list(move.choice)
        choice[rng.randrange(len(choice))] = rng.randrange(len(move.images))
        moves[at] = replace(move, choice=tuple(choice))
    elif how == "image":
        images = list(move.images)
        g = rng.randrange(len(images))
        flip = rng.randrange(images[g].degree)
        signs = tuple(-1 if j == flip else 1 for j in range(images[g].degree))
        turned = im.compose(
            im.Monomial(tuple(range(images[g].degree)), signs), im.explicit(images[g])
        )
        images[g] = im.explicit(turned)
        moves[at] = replace(move, images=tuple(images))
    else:
        del moves[at]
    tensors[k] = tuple(moves)
    return replace(i, **{side: tuple(tensors)})
