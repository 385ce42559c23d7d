"""The mutation score: one deliberate fault at a time, and who notices.

Every mutant is judged exactly. One that leaves the space of equivariant maps must be noticed by
translation validation and by the emitted tests; one whose space is smaller, but still equivariant, by
the count of dimensions. Mutants that change nothing but the parametrisation are counted apart.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
import runner
from faults import (
    Mutant,
    basis_fault,
    edge_fault,
    judge,
    program_fault,
    representation_fault,
)
from generate import random_spec

from eqspec.algebra.residuals import residual
from eqspec.algebra.solver import RoutesDisagree, cross_check
from eqspec.diagnostics.model import Source
from eqspec.emit.files import emit_spec
from eqspec.graph.model import Level, Module, Spec
from eqspec.lowering.module import Lowered, lower_module
from eqspec.lowering.validation import count_fault, validate
from eqspec.pipeline import check_source

FAST, ALL = 35, 420

OWN_SPECS = [
    # fusion points, several clusters, a signed target
    """
group A = cyclic(4)
group B = symmetric(3)
rep A.joint = signed_permutation(2) { r -> (0 1 -0 -1) }
module Net {
  input x: [2, A.regular]
  input y: [B.natural, A.joint]
  h: [A.regular, B.natural] = linear(x, y)
  output z: [B.natural, A.joint] = linear(h, y)
  output s: [2] = linear(h)
}
""",
    # matrices that are no signed permutations
    """
group A = cyclic(3)
group B = cyclic(2)
rep A.world = matrix(2) { r -> [[0, -1], [1, -1]] }
rep B.shear = matrix(2) { r -> [[1, 0], [1, -1]] }
module Net {
  input x: [A.world, 2]
  input y: [B.shear] + [A.world, B.sign]
  h: [A.world, B.shear] = linear(x, y)
  output z: [A.world, B.sign] + [B.shear] = linear(h, y)
}
""",
    # averages with a kernel, with a factor of the target alone, and of products
    """
group A = cyclic(4)
group B = cyclic(2)
group C = dihedral(3)
rep A.world = matrix(2) { r -> [[0, -1], [1, 0]] }
rep A.half = permutation(2) { r -> (0 1) }
rep C.plane = matrix(2) { r -> [[0, -1], [1, -1]]  s -> [[0, 1], [1, 0]] }
module Net {
  input x: [A.half, B.regular]
  input y: [C.plane]
  base f: [2, 2] -> [2, 3]
  base g: [2, 2], [2] -> [4, 2]
  base k: [2] -> [4, 3]
  output a: [A.half, 3] = equitune(f, x)
  output b: [A.regular, B.regular] = multi_equitune(g, x, y)
  output c: [A.regular, 3] = fuse(k, y)
}
""",
    # direct sums, a flat axis and pooling
    """
group A = cyclic(4)
group B = klein()
rep B.label = permutation(3) { a -> (0 1)  b -> () }
module Net {
  input x: flat { p: [A.sign], q: [A.regular], r: [B.label] }
  h: [2, A.regular, B.regular] + [B.label] = linear(x)
  m = pool(h, over=A, by=max)
  k: [2, B.regular] + [B.label] = linear(h, m)
  output z: flat { u: [B.label], v: [A.sign] } = linear(k, x)
  output t: [2, B.regular] = linear(m, x)
}
""",
]


def corpus(random_ones: int) -> list[tuple[Spec, Module, Lowered]]:
    """Small specs without calls of modules, whose guarantees are exact."""
    found = []
    texts = ["eqspec 1\n" + text for text in OWN_SPECS]
    texts += [random_spec(seed).text for seed in range(5000, 5000 + random_ones)]
    for text in texts:
        checked = check_source(Source("net.eqs", text))
        assert checked.ok and checked.spec is not None, [d.message for d in checked.diagnostics]
        module = checked.spec.modules[-1]
        if module.children or not module.groups:
            continue
        if any(node.level() is not Level.EXACT for node in module.nodes):
            continue
        if not {node.op for node in module.nodes} & {
            "linear",
            "equitune",
            "multi_equitune",
            "fuse",
        }:
            continue
        found.append((checked.spec, module, lower_module(module)))
    return found


def mutants(count: int) -> Iterator[tuple[Spec, Module, Lowered, Mutant]]:
    rng = random.Random(1)
    specs = corpus(60 if count == ALL else 24)
    own = specs[: len(OWN_SPECS)]
    made = 0
    while made < count:
        spec, module, correct = rng.choice(own if rng.random() < 0.5 else specs)
        maker = rng.choice(["basis", "basis", "representation", "edge", "program"])
        if maker == "basis":
            mutant = basis_fault(module, rng)
        elif maker == "representation":
            mutant = representation_fault(module, rng)
        elif maker == "edge":
            mutant = edge_fault(module, rng)
        else:
            mutant = program_fault(module, correct, rng)
        if mutant is None:
            continue
        made += 1
        yield spec, module, correct, mutant


def emitted_tests_notice(spec: Spec, module: Module, lowered: Lowered) -> str | None:
    """Run the emitted tests on the emitted module; the first that fails."""
    files = emit_spec(spec, {module.key: lowered}, "mutated_net", "mutated_net.eqs", None)
    text = {file.kind: file.text for file in files}
    try:
        runner.load("mutated_net", text["module"])
        tests = runner.load("test_mutated_net", text["tests"])
        names = [
            "test_equivariance_in_float64",
            "test_every_sample_may_be_moved_by_its_own_element",
            "test_every_input_matters",
            "test_samples_do_not_see_each_other",
        ]
        for name in names:
            for case in tests.CASES:
                try:
                    getattr(tests, name)(case)
                except Exception as error:
                    return f"{name}: {type(error).__name__}"
    finally:
        for name in ("mutated_net", "test_mutated_net"):
            sys.modules.pop(name, None)
    return None


def dimension_check_notices(module: Module, mutant: Mutant) -> bool:
    """The dimension checks: number and rank of the free weights before the passes, the same function
    after them, and the rank of every basis."""
    if mutant.raised:
        return True
    assert mutant.lowered is not None
    if count_fault(module, mutant.lowered.plain):
        return True
    if validate({module.key: mutant.lowered}, module.key) is not None:
        return True
    for (source, target), basis in mutant.bases.items():
        try:
            cross_check(basis, source, target)
        except RoutesDisagree:
            return True
    return False


@lru_cache(maxsize=2)
def score(count: int) -> tuple[list[str], list[str]]:
    """Print the table; mutants that leave Hom and are missed, those that shrink it and are missed."""
    table: Counter[tuple[str, str]] = Counter()
    missed: list[str] = []
    smaller: list[str] = []
    for spec, module, correct, mutant in mutants(count):
        kind = mutant.kind
        if mutant.raised:
            table[kind, "raised"] += 1
            continue
        judge(module, mutant, correct)
        table[kind, mutant.verdict] += 1
        assert mutant.lowered is not None
        where = f"{kind}: {mutant.text}\n{spec.source.text}"
        lowered: dict[str, Any] = {module.key: mutant.lowered}
        exactly = [residual(basis, *key) != 0 for key, basis in mutant.bases.items()]
        if mutant.verdict in ("leaves", "inside"):
            if validate(lowered, module.key) is None:
                missed.append(f"validation: {where}")
                table[kind, "missed by validation"] += 1
            if emitted_tests_notice(spec, module, mutant.lowered) is None:
                if mutant.verdict == "leaves":
                    missed.append(f"emitted tests: {where}")
                    table[kind, "missed by tests"] += 1
                else:  # the outputs are right, and the emitted code holds the node nowhere
                    table[kind, "inside unseen"] += 1
        elif mutant.verdict == "shrinks":
            if not dimension_check_notices(module, mutant):
                smaller.append(f"dimensions: {where}")
                table[kind, "missed by dimensions"] += 1
        else:
            if any(exactly):
                table[kind, "hidden"] += 1  # no output and no named node sees the fault
            fault = validate(lowered, module.key)
            if (
                fault is not None
                and "dimensions" not in fault.message
                and "weights" not in fault.message
            ):
                missed.append(f"wrongly judged: {fault} {where}")
    print_table(table)
    return missed, smaller


def print_table(table: Counter[tuple[str, str]]) -> None:
    columns = ["leaves", "inside", "shrinks", "equivalent", "hidden", "raised"]
    columns += ["inside unseen", "missed by validation", "missed by tests", "missed by dimensions"]
    kinds = sorted({kind for kind, _ in table})
    print("\n" + f"{'fault':28}" + "".join(f"{c:>{len(c) + 2}}" for c in columns))
    for kind in [*kinds, "all"]:
        row = [
            sum(n for (k, v), n in table.items() if v == c and kind in (k, "all")) for c in columns
        ]
        print(
            f"{kind:28}" + "".join(f"{n:>{len(c) + 2}}" for n, c in zip(row, columns, strict=True))
        )


def test_mutation_score() -> None:
    missed, _ = score(FAST)
    assert not missed, f"{len(missed)} missed\n" + "\n\n".join(missed)


def test_smaller_spaces_are_counted() -> None:
    _, smaller = score(FAST)
    assert not smaller, f"{len(smaller)} missed\n" + "\n\n".join(smaller)


@pytest.mark.slow
def test_full_mutation_score() -> None:
    missed, smaller = score(ALL)
    assert not missed, f"{len(missed)} missed\n" + "\n\n".join(missed)
    assert not smaller, f"{len(smaller)} missed\n" + "\n\n".join(smaller)
