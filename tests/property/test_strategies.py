"""Every strategy over random groups, types and networks keeps what it promises."""

from __future__ import annotations

import pytest
from oracle import cyclic, finite_groups, product_groups
from strategies import STRATEGIES, error_of, tried

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source

POOL = (*finite_groups(), *product_groups())


def test_random_calls() -> None:
    tally = tried(range(80), POOL, limit=60)
    assert sum(tally.accepted.values()) > 30
    assert not [name for name in tally.refused if name.endswith(("EQS210", "EQS599"))]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [strategy.name for strategy in STRATEGIES])
def test_random_calls_at_length(strategy: str) -> None:
    tally = tried(range(5000, 5200), POOL, only=strategy)
    print(f"\n{tally}")
    assert tally.accepted[strategy] > 20


SPEC = """eqspec 1
group P = cyclic(4)
module M {
  input x: [2, P.regular]
  base net: [2, 4] -> [3, 4]
  base extra: [2, 4] -> [1]
  output y: [3, P.regular] = CALL
}
"""


@pytest.mark.parametrize(
    "call",
    [
        "equitune(net, x)",
        "lambda_equitune(net, extra, x)",
        "equizero(net, x, by=margin)",
        "coset(net, x)",
    ],
)
def test_a_wrong_inverse_is_seen(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that are moved on instead of back break every strategy."""
    spec = SPEC.replace("CALL", call)
    if call.startswith("equitune"):
        spec = spec.replace("  base extra: [2, 4] -> [1]\n", "")
    if "extra" not in call:
        spec = spec.replace("  base extra: [2, 4] -> [1]\n", "")
    checked = check_source(Source("tried.eqs", spec))
    assert checked.ok, [d.message for d in checked.diagnostics]
    groups = {"P": cyclic(4)}
    assert error_of(checked, groups, 0) < 1e-12
    monkeypatch.setattr("eqspec.lowering.validation.validate", lambda *_: None)
    monkeypatch.setattr("eqspec.ops.orbitlowering.inverse_word", lambda word: word)
    monkeypatch.setattr("eqspec.ops.coset.inverse_word", lambda word: word, raising=False)
    assert error_of(checked, groups, 0) > 0.01
