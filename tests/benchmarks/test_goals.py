"""Slopes, spreads and the table of goals, on numbers that are known."""

from __future__ import annotations

import argparse

import pytest

pytest.importorskip("torch")

from benchmarks import goals
from benchmarks.measure import QUICK, middle_half, quartiles
from benchmarks.scaling import fitted, slope_of


def test_slopes_are_those_of_powers() -> None:
    sizes = [1, 2, 5, 9]
    slope, error = fitted(sizes, [3.0 * n**2 for n in sizes])
    assert slope == pytest.approx(2) and error < 1e-12
    slope, error = fitted([1, 2, 4, 8], [1.0, 2.0, 4.0, 16.0])
    assert slope == pytest.approx(1.3) and error == pytest.approx(0.173, abs=1e-3)
    rounds = [[float(n), 2.0 * n, 7.0 * n] for n in sizes]  # a slow round is slow at all sizes
    found = slope_of(sizes, rounds).found
    assert found.low == pytest.approx(1) and found.high == pytest.approx(1)


def test_ratios_are_formed_within_rounds() -> None:
    found = {"ours": [1.0, 2.0, 3.0, 40.0], "peer": [2.0, 4.0, 6.0, 4.0]}
    ratio = quartiles(found, "ours", "peer", scale=2.0)
    assert (ratio.middle, ratio.low, ratio.high) == (1.0, 1.0, 1.0)
    assert middle_half([4.0, 1.0, 3.0, 2.0]).spread == "2-3"
    assert ratio.inverse().middle == 1.0


def test_the_worst_case_of_a_goal_stands_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goals, "RESULTS", {})
    assert goals.record("conv", "good", 1.01)
    assert not goals.record("conv", "bad", 1.2, "the product alone: 1.1")
    assert goals.record("D4 block", "fast", 3.0)
    assert goals.record("D4 block", "less fast", 2.5)
    (table,) = goals.goals(QUICK, argparse.Namespace())
    rows = {row[0]: row[2:] for row in table.rows}
    assert len(rows) == len(goals.GOALS)
    texts = {goal.key: goal.text for goal in goals.GOALS}
    assert rows[texts["conv"]] == (1.2, "", "bad", "1 of 2", "missed", "the product alone: 1.1")
    assert rows[texts["D4 block"]] == (2.5, "", "less fast", "2 of 2", "met", None)
    assert rows[texts["sums"]][-2] == "not measured"
