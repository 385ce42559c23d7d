"""Random lines over random groups: what the checker accepts follows the true action."""

from __future__ import annotations

import pytest
from attack import attempts, violation
from oracle import classical_groups, finite_groups, lie_groups, product_groups

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source

POOLS = {
    "finite": (*finite_groups(), *product_groups()),
    "classical": classical_groups(),
    "lie": lie_groups(),
}


def attacked(seeds: range, pool: str, layers: int = 12) -> None:
    accepted, refused = attempts(seeds, POOLS[pool], layers=layers)
    print(f"\naccepted {dict(accepted)}\nrefused {dict(refused)}")
    assert len(accepted) >= 8
    assert sum(accepted.values()) > len(seeds)


def test_finite_groups() -> None:
    attacked(range(30), "finite")


def test_classical_groups() -> None:
    attacked(range(15), "classical")


def test_lie_groups() -> None:
    attacked(range(15), "lie")


@pytest.mark.slow
def test_lie_groups_at_length() -> None:
    attacked(range(1000, 1250), "lie")


@pytest.mark.slow
def test_finite_groups_at_length() -> None:
    attacked(range(1000, 1600), "finite")


@pytest.mark.slow
def test_classical_groups_at_length() -> None:
    attacked(range(1000, 1250), "classical")


def test_the_attack_sees_what_is_not_equivariant(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vector that the checker takes for one on which nothing acts."""
    groups = {"P": next(g for g in classical_groups() if g.text == "special_orthogonal(3)")}
    lines = "input x: [4, P.vector]\n  output y: [4, P.vector] = linear(x)\n  output z = relu(x)"
    text = f"eqspec 1\ngroup P = special_orthogonal(3)\nmodule M {{\n  {lines}\n}}\n"
    assert not check_source(Source("wrong.eqs", text)).ok
    right = text.replace("  output z = relu(x)", "")
    assert max(violation(check_source(Source("right.eqs", right)), groups, 0).values()) < 1e-9
    monkeypatch.setattr("eqspec.ops.pointwise.block_entries", lambda *_: frozenset({1}))
    checked = check_source(Source("wrong.eqs", text))
    assert checked.ok
    monkeypatch.setattr("eqspec.pipeline.validate", lambda *_: None, raising=False)
    monkeypatch.setattr("eqspec.lowering.validation.validate", lambda *_: None)
    found = violation(checked, groups, 0)
    assert found["M.y"] < 1e-9
    assert found["M.z"] > 0.01
