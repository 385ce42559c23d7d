"""Specs that were found by attacking the strategies for a network of one's own."""

from __future__ import annotations

import time

import pytest

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source

HEAD = """eqspec 1
group A = cyclic(4)
group B = cyclic(2)
rep A.turn = matrix([x, y]) { r -> [[0, -1], [1, 0]] }
"""


def codes(text: str) -> list[str]:
    return [d.code for d in check_source(Source("attack.eqs", text)).diagnostics]


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ("A.sign, B.sign", "1, 1"),
        ("A.sign, A.sign, B.regular", "1, 1, 2"),
        ("A.turn, B.sign", "2, 1"),  # half a turn is -1
        ("A.turn, A.turn", "2, 2"),
    ],
)
def test_signs_that_cancel_leave_nothing_to_choose(axes: str, shape: str) -> None:
    """An element that moves axes and not their product has the energy of 1 at every input. It was
    accepted as almost everywhere, and refused by `compile` alone (EQS424)."""
    module = f"""module M {{
  input x: [3, {axes}]
  base net: [3, {shape}] -> [4]
  base energy: [3, {shape}] -> [1]
  output y: [A.regular] = CALL
}}
"""
    for by in ("energy", "entropy"):
        call = f"equizero(net, x, by={by})"
        assert "EQS416" in codes(HEAD + module.replace("CALL", call)), (axes, by)
    if "B" not in axes:
        assert "EQS416" in codes(HEAD + module.replace("CALL", "multi_equizero(net, x, by=energy)"))
    for call in ("coset(net, x)", "equitune(net, x)", "lambda_equitune(net, energy, x)"):
        assert not set(codes(HEAD + module.replace("CALL", call))) & {"EQS416", "EQS424"}


def test_signs_that_do_not_cancel_are_chosen_by() -> None:
    """The same elements move another argument, or a sum of two tensors."""
    for source, takes in (
        ("[3, A.sign, B.sign] + [B.sign]", "[3, 1, 1] + [1]"),
        ("[3, A.turn] + [2, A.turn, B.sign]", "[3, 2] + [2, 2, 1]"),
    ):
        text = f"""module M {{
  input x: {source}
  base net: {takes} -> [4, 2]
  base energy: {takes} -> [1]
  output y: [A.regular, B.regular] = equizero(net, x, by=energy)
}}
"""
        assert "EQS416" not in codes(HEAD + text), source


def test_large_branches_are_checked_in_time() -> None:
    """Every element of a cyclic group was multiplied out, 53 seconds for two groups of 2,000."""
    text = """eqspec 1
group A = cyclic(900)
group B = cyclic(900)
module M {
  input x: [A.regular]
  input z: [B.regular]
  base net: [900], [900] -> [5]
  output y: [5] = multi_equizero(net, x, z, by=entropy)
}
"""
    begun = time.process_time()
    assert not {code for code in codes(text) if code < "EQS9"} - {"EQS408"}
    assert time.process_time() - begun < 5
