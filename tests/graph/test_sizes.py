"""Sizes of run time: their arithmetic keeps the symbols, and equality asks for them."""

from __future__ import annotations

import copy
import math
import pickle
import random

import pytest

from eqspec.diagnostics.model import Source
from eqspec.graph.sizes import (
    MOST_AXES,
    NOMINAL,
    SECOND,
    Size,
    for_json,
    is_dynamic,
    size_named,
    symbols_of,
)
from eqspec.graph.types import Type
from eqspec.pipeline import check_source

n, m = size_named("n", 0, padded=False), size_named("m", 1, padded=False)


def test_a_size_is_never_equal_to_its_nominal_value() -> None:
    assert n != 11
    assert 11 not in (n, n * 2)
    assert (n, 3) != (11, 3)
    assert len({n, 11, n * 1, size_named("k", 0, padded=False)}) == 3
    assert n != size_named("n", 0, padded=True)
    assert {n: "n"}[size_named("n", 0, padded=False)] == "n"


def test_equality_asks_for_the_nominal_value_too() -> None:
    """Tables that are kept by size must not mix two lowerings."""
    assert Size(12, n.terms) != n


def test_arithmetic_is_that_of_polynomials() -> None:
    assert math.prod((n, 3, n)) == 3 * n * n
    assert sum((n, m, n)) == 2 * n + m
    assert n - n == 0 and type(n - n) is int
    assert type(0 * n) is int
    assert (n + 2) * (n + 3) == n * n + 5 * n + 6
    assert n * m == m * n


def test_values_follow_the_polynomial() -> None:
    chance = random.Random(0)
    for _ in range(200):
        values = {"n": chance.randint(1, 60), "m": chance.randint(1, 60)}
        a, b = Size(values["n"], n.terms), Size(values["m"], m.terms)
        total, plain = 0, 0
        x, y = a, b
        for _ in range(6):
            k = chance.randint(-4, 9)
            total = total * k + x * y + k - y
            plain = plain * k + values["n"] * values["m"] + k - values["m"]
        assert int(total) == plain
        if isinstance(total, Size):
            assert total.at(values) == plain
            assert eval(total.text(), dict(values)) == plain


def test_texts_and_names() -> None:
    assert f"{n * 3:,} {n} {n!r} {n + m}" == "3 * n n n m + n"
    assert (n * n * 2).text({"n": "count"}) == "2 * count * count"
    assert n.symbol is not None and (n * 2).symbol is None
    assert {symbol.name for symbol in symbols_of(n * m, 4)} == {"n", "m"}
    assert is_dynamic(3, (4, n)) and not is_dynamic(3, (4,))
    assert for_json({"shape": (n, 3)}) == {"shape": ["n", 3]}


def test_copies_are_equal() -> None:
    assert copy.deepcopy(n * m) == n * m == pickle.loads(pickle.dumps(n * m))


def test_the_nominal_values_do_what_their_names_say() -> None:
    assert len(set(NOMINAL)) == len(NOMINAL) == len(SECOND) == len(set(SECOND))
    assert not set(NOMINAL) & set(SECOND)
    assert min(*NOMINAL, *SECOND) >= MOST_AXES
    order = sorted(range(len(NOMINAL)), key=NOMINAL.__getitem__)
    assert order != sorted(range(len(SECOND)), key=SECOND.__getitem__)


SPEC = """eqspec 1
param n = dynamic
param m = dynamic
group S = symmetric(n)
module M {
  input a: [S.natural, 3]
  input b: fixed [m, 11]
  output x: [S.natural, 3] = relu(a)
  output y: [m, 2] = linear(b, each=m)
}
"""


def types(text: str, sizes: dict[str, int] | None = None) -> dict[str, Type]:
    checked = check_source(Source("x.eqs", text), overrides=sizes)
    assert checked.spec is not None and checked.ok, [d.message for d in checked.diagnostics]
    return {node.name: node.type for node in checked.spec.modules[0].nodes}


def test_types_say_their_symbols() -> None:
    found = types(SPEC)
    assert str(found["a"]) == "[S.natural, 3]" and str(found["y"]) == "[m, 2]"
    assert [tuple(map(str, shape)) for shape in found["x"].shapes] == [("n", "3")]
    assert found["a"].groups["S"].description == "symmetric(n)"


def test_a_size_can_be_fixed_from_outside() -> None:
    found = types(SPEC, {"n": 7})
    assert found["a"].shapes == ((7, 3),)
    assert is_dynamic(found["b"].shapes)


@pytest.mark.parametrize("size", [11, 13])
def test_a_plain_size_does_not_match_a_nominal_one(size: int) -> None:
    text = SPEC.replace("input b: fixed [m, 11]", f"input b: fixed [{size}, 3]")
    text = text.replace("linear(b, each=m)", "linear(a)").replace("[m, 2]", "[2]")
    text = text.replace("relu(a)", "relu(a) + b")
    found = check_source(Source("x.eqs", text)).diagnostics
    assert "EQS206" in {d.code for d in found}


LENGTHS = """eqspec 1
param n = dynamic
group S = symmetric(n)
group O3 = orthogonal(3)
module M {
  input x: [S.natural, O3.vector]
  input a: [S.natural, S.natural, 2]
  g: [S.natural, 1, 1] = linear(norm(x))
  u: [S.natural, 1, O3.vector] = gated(linear(x), g)
  p: [S.natural, S.natural, 2] = gated(norm_relu(a, over=S), linear(norm(u)))
  q: [S.natural, S.natural] = dot(x, x, pairs=all)
  t: [S.natural, O3.tensor(2, 0)] = tensor_product(x, x, pairs=same)
  output y: [3] = linear(norm(a, over=S), contract(a, dims=[0, 1]), p, q, contract(t, dims=[1, 2]))
}
"""


def test_lengths_and_products_need_no_number_of_points() -> None:
    """Lowered at two nominal sizes to one program, and equivariant at 1, 2 and 3 points."""
    from eqspec.pipeline import compile_spec

    result = compile_spec(check_source(Source("points.eqs", LENGTHS)), "points", "points.eqs")
    assert [d.message for d in result.diagnostics] == []
    assert result.files


def test_a_free_number_for_every_index_needs_a_fixed_size() -> None:
    text = LENGTHS.replace("input a", "input c: [n, O3.vector]\n  input a")
    text = text.replace("output y", "d = norm_relu(c)\n  output z = norm(d)\n  output y")
    found = check_source(Source("points.eqs", text)).diagnostics
    assert [d.code for d in found] == ["EQS429"]
