"""Dimensions that the literature knows, through the language: what `check` counts, and the weights that
`compile` makes.

Sources: Maron et al., Invariant and equivariant graph networks (2019), for Bell numbers; Brauer, On algebras
which are connected with the semisimple continuous groups (1937), for double factorials; Riordan numbers
(OEIS A005043) for SO(3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from eqspec.diagnostics.model import Severity, Source
from eqspec.graph.groups import GROUPS_NOT_BUILT
from eqspec.ops.linear import LinearMaps
from eqspec.pipeline import check_source, lower_spec

LARGEST_LOWERED = 2_000  # entries of a map that is also solved


@dataclass(frozen=True)
class Row:
    name: str
    groups: str
    source: str
    target: str
    dimension: int


def bell(n: int) -> int:
    return 1 if n == 0 else sum(math.comb(n - 1, k) * bell(k) for k in range(n))


def double_factorial(n: int) -> int:
    return math.prod(range(n, 0, -2))


def axes(axis: str, order: int) -> str:
    return "[" + (", ".join([axis] * order) or "1") + "]"


ORDERS = [(k, m) for k in range(7) for m in range(7) if k + m <= 6]
ROWS = [
    Row("fusion", "A = cyclic(4)|B = cyclic(3)", "[2, A.regular]", "[3, B.regular]", 6),
    Row("factors", "A = cyclic(4)|B = cyclic(3)", *["[A.regular, B.regular]"] * 2, 12),
    *[
        Row(
            f"S{n} {k} to {m}", f"S = symmetric({n})", axes("S.natural", k), axes("S.natural", m), d
        )
        for n, k, m, d in [
            *[(max(1, k + m), k, m, bell(k + m)) for k, m in ORDERS],
            (3, 2, 2, 14),
            (2, 2, 2, 8),
            (1, 2, 2, 1),
            (2, 2, 1, 4),
            (9, 2, 2, 15),
            (3, 2, 1, 5),
            (2, 2, 0, 2),
        ]
    ],
    *[
        Row(f"A{n} 2 to 2", f"A = alternating({n})", *[axes("A.natural", 2)] * 2, d)
        for n, d in [(3, 27), (4, 22), (5, 16), (6, 15)]
    ],
    *[
        Row(f"O3 {k} to {m}", "G = orthogonal(3)", axes("G.vector", k), axes("G.vector", m), d)
        for k, m in ORDERS
        for d in [0 if (k + m) % 2 else double_factorial(k + m - 1)]
    ],
    *[
        Row(f"{group} {k} to {m}", f"G = {group}", axes("G.vector", k), axes("G.vector", m), d)
        for group, k, m, d in [
            ("orthogonal(3)", 4, 4, 91),
            ("orthogonal(4)", 4, 4, 105),
            ("orthogonal(2)", 3, 3, 10),
            ("special_orthogonal(2)", 1, 1, 2),
            ("special_orthogonal(2)", 2, 2, 6),
            ("special_orthogonal(2)", 3, 3, 20),
            ("special_orthogonal(3)", 2, 3, 6),
            ("special_orthogonal(3)", 3, 3, 15),
            ("special_orthogonal(3)", 4, 4, 91),
            ("special_orthogonal(4)", 2, 2, 4),
            ("orthogonal(4)", 2, 2, 3),
            ("lorentz(1, 3)", 2, 2, 3),
            ("lorentz(1, 3)", 3, 3, 15),
            ("special_lorentz(1, 3)", 2, 2, 4),
            ("special_lorentz(1, 3)", 3, 3, 25),
            ("symplectic(4)", 2, 2, 3),
            ("special_linear(2)", 2, 2, 2),
            ("special_unitary(2)", 1, 1, 4),
            ("special_unitary(3)", 1, 1, 2),
            ("lie(2) { algebra n = [[0, 1], [0, 0]] }", 1, 1, 2),
        ]
    ],
    *[
        Row(f"GL{n}", f"G = general_linear({n})", *["[G.vector, G.covector]"] * 2, 2)
        for n in (2, 3, 4)
    ],
    Row(
        "coinvariants, not invariants",
        "U = lie(3) { algebra a = [[0, 1, 0], [0, 0, 0], [0, 0, 0]]\n"
        "  algebra b = [[0, 0, 1], [0, 0, 0], [0, 0, 0]] }|C = cyclic(2)",
        "[U.vector]",
        "[C.regular]",
        2,
    ),
    Row(
        "invariants of the same",
        "U = lie(3) { algebra a = [[0, 1, 0], [0, 0, 0], [0, 0, 0]]\n"
        "  algebra b = [[0, 0, 1], [0, 0, 0], [0, 0, 0]] }|C = cyclic(2)",
        "[C.regular]",
        "[U.vector]",
        1,
    ),
    Row("cart-pole", "C = cyclic(2)", "[4, C.sign]", "[C.regular]", 4),
    Row("cart-pole to a number", "C = cyclic(2)", "[4, C.sign]", "[1]", 0),
    Row("cart-pole, one sign forgotten", "C = cyclic(2)", "[3, C.sign] + [1]", "[1]", 1),
    Row(
        "dipole",
        "S = symmetric(5)|R = orthogonal(3)",
        "[S.natural] + [S.natural, R.vector]",
        "[R.vector]",
        1,
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_dimension(row: Row) -> None:
    declared = [f"group {text}" for text in row.groups.split("|")]
    families = {text.split("= ")[1].partition("(")[0] for text in declared}
    if families & GROUPS_NOT_BUILT:
        pytest.skip("not built yet")
    blocks = row.source.split(" + ")
    names = [f"x{k}" for k in range(len(blocks))]
    inputs = [f"  input {name}: {block}" for name, block in zip(names, blocks, strict=True)]
    layer = f"  output y: {row.target} = linear({', '.join(names)}, bias=false)"
    text = "\n".join(["eqspec 1", *declared, "module M {", *inputs, layer, "}\n"])
    checked = check_source(Source("row.eqs", text))
    errors = [d.code for d in checked.diagnostics if d.severity is Severity.ERROR]
    if row.dimension == 0:
        assert errors == ["EQS402"]
        return
    assert errors == [], [d.message for d in checked.diagnostics]
    assert checked.spec is not None
    (module,) = checked.spec.modules
    (node,) = [node for node in module.nodes if node.op == "linear"]
    assert isinstance(node.data, LinearMaps)
    assert node.data.parameters == row.dimension
    inner = sum(block.size for feature in module.inputs for block in feature.type.blocks)
    if inner * node.type.size > LARGEST_LOWERED:
        return
    lowered, refused = lower_spec(checked.spec)
    assert not refused, [d.message for d in refused]
    assert sum(math.prod(p.shape) for p in lowered[module.key].parameters) == row.dimension
