"""The spaces of equivariant maps, held against an oracle that shares no matrix with the compiler."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from oracle import (
    Array,
    Group,
    Rep,
    Side,
    classical_groups,
    equivariant_maps,
    finite_groups,
    lie_groups,
    product_groups,
    same_space,
)

from eqspec.algebra.representations import Representation
from eqspec.algebra.solver import solved_basis
from eqspec.diagnostics.model import Severity, Source
from eqspec.graph.groups import GROUPS_NOT_BUILT
from eqspec.graph.types import Block, RepAxis
from eqspec.lowering.module import Lowered
from eqspec.ops.pointwise import numpy_functions
from eqspec.pipeline import check_source, lower_spec
from eqspec.program.interpreter import run

LARGEST = 420  # entries of a map
MOST_ELEMENTS = 300
FAST, ALL = 30, 260


def spec_of(groups: list[Group], source: Side, target: Side) -> str:
    names = "PQ"

    def block(side: Side) -> str:
        return ", ".join(
            str(a) if isinstance(a, int) else f"{names[a[0]]}.{a[1].text}" for a in side.axes
        )

    lines = ["eqspec 1"]
    for name, group in zip(names, groups, strict=False):
        lines += [group.before] if group.before else []
        lines.append(f"group {name} = {group.text}")
    lines += [
        "module M {",
        f"  input x: [{block(source)}]",
        f"  output y: [{block(target)}] = linear(x, bias=false)",
        "}",
    ]
    return "\n".join(lines) + "\n"


def parts(block: Block) -> tuple[Representation, ...]:
    return tuple(axis.rep for axis in block.axes if isinstance(axis, RepAxis))


def weights(lowered: Lowered, source: int) -> Array:
    """The expanded weights of a linear layer under unit parameters, shape (parameters, out * in)."""
    shape = lowered.module.inputs[0].type.blocks[0].shape
    x = np.eye(source).reshape(source, *shape)
    sizes = [int(np.prod(p.shape)) for p in lowered.parameters]
    rows = []
    for k in range(sum(sizes)):
        flat = np.split(np.eye(1, sum(sizes), k)[0], np.cumsum(sizes)[:-1])
        given = {p.name: v.reshape(p.shape) for p, v in zip(lowered.parameters, flat, strict=True)}
        values = run(lowered.program, {"x": (x,)}, given, {}, {}, numpy_functions())
        ((_, (register,)),) = lowered.program.outputs
        rows.append(values[register].reshape(source, -1).T.reshape(-1))
    return np.array(rows)


class Case:
    def __init__(self, seed: int, pool: tuple[Group, ...]) -> None:
        self.rng = random.Random(seed)
        self.groups: list[Group] = []
        while not self.groups:
            chosen = self.rng.sample(pool, self.rng.choice([1, 1, 2]))
            if sum(bool(g.before) for g in chosen) > 1:
                continue  # both declare N and H
            if np.prod([len(g.elements or [0]) for g in chosen]) <= MOST_ELEMENTS:
                self.groups = chosen
        self.source, self.target = self._pair()
        while self.source.degree * self.target.degree > LARGEST:
            self.source, self.target = self._pair()
        self.text = spec_of(self.groups, self.source, self.target)

    def _pair(self) -> tuple[Side, Side]:
        """Two random sides; often the second has the axes of the first in another order, which
        leaves maps between them."""
        source = self._side()
        if self.rng.random() < 0.5:
            return source, self._side()
        axes = self.rng.sample(source.axes, len(source.axes))
        return source, Side(tuple(axes))

    def _side(self) -> Side:
        axes: list[tuple[int, Rep] | int] = []
        for _ in range(self.rng.choice([1, 1, 2, 2, 3])):
            which = self.rng.randrange(len(self.groups))
            axes.append((which, self.rng.choice(self.groups[which].reps)))
        if self.rng.random() < 0.25:
            axes.insert(self.rng.randint(0, len(axes)), 2)
        return Side(tuple(axes))


def compare(case: Case, seed: int) -> int:
    """The dimension on which both agree; an AssertionError where they do not."""
    expected = equivariant_maps(
        case.groups, case.source, case.target, np.random.default_rng([seed, 3])
    )
    checked = check_source(Source("case.eqs", case.text))
    codes = [d.code for d in checked.diagnostics if d.severity is Severity.ERROR]
    if codes == ["EQS402"]:
        assert expected.shape[1] == 0, "the compiler says that there are no maps"
        return 0
    assert checked.ok and checked.spec is not None, [d.message for d in checked.diagnostics]
    module = checked.spec.modules[0]
    (source,), (target,) = (module.node(name).type.blocks for name in ("x", "y"))
    if not any(isinstance(axis, int) for axis in (*case.source.axes, *case.target.axes)):
        basis = solved_basis(parts(source), parts(target)).numerators
        assert same_space(basis.reshape(len(basis), -1).astype(float), expected) <= 1e-8, "basis"
    lowered, refused = lower_spec(checked.spec)
    assert not refused, [d.message for d in refused]
    found = weights(lowered[module.key], case.source.degree)
    assert same_space(found, expected) <= 1e-8, "lowered"
    return expected.shape[1]


def compare_all(seeds: range, pool: tuple[Group, ...]) -> None:
    failed, dimensions = [], Counter[str]()
    for seed in seeds:
        case = Case(seed, pool)
        try:
            dimension = compare(case, seed)
        except Exception as error:
            failed.append(f"--- seed {seed}: {type(error).__name__}: {error}\n{case.text}")
            continue
        dimensions["0" if dimension == 0 else "1" if dimension == 1 else "more"] += 1
    print(f"\n{len(seeds)} cases; dimensions {dict(dimensions)}")
    assert not failed, f"{len(failed)} of {len(seeds)}\n" + "\n".join(failed)
    assert dimensions["more"] > len(seeds) / 3


def test_finite_groups() -> None:
    compare_all(range(FAST), finite_groups())


@pytest.mark.slow
def test_many_finite_groups() -> None:
    compare_all(range(FAST, FAST + ALL), (*finite_groups(), *built(product_groups())))


def built(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    found = tuple(g for g in groups if g.text.partition("(")[0] not in GROUPS_NOT_BUILT)
    if not found:
        pytest.skip("not built yet")
    return found


def test_semidirect_and_wreath_products() -> None:
    compare_all(range(20), built(product_groups()))


def test_matrix_groups() -> None:
    compare_all(range(FAST), built(classical_groups()))


def test_lie_groups() -> None:
    compare_all(range(FAST), built(lie_groups()))


@pytest.mark.slow
def test_many_matrix_groups() -> None:
    compare_all(
        range(FAST, FAST + ALL),
        (*built(classical_groups()), *built(lie_groups()), *finite_groups()[:8]),
    )


def test_the_oracle_sees_a_wrong_space() -> None:
    case = Case(3, (finite_groups()[3],))
    expected = equivariant_maps(case.groups, case.source, case.target, np.random.default_rng(0))
    assert expected.shape[1] > 1
    right = expected.T
    assert same_space(right, expected) <= 1e-12
    assert same_space(right[1:], expected) == float("inf")
    rng = np.random.default_rng(1)
    assert same_space(right + 1e-6 * rng.standard_normal(right.shape), expected) > 1e-8
