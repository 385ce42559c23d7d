"""Which way a module is lowered: the choice follows the table and the batch, and what is pinned stays."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from eqspec.diagnostics.model import Source
from eqspec.graph.model import Module
from eqspec.lowering.module import Frames, can_stand, program_of
from eqspec.lowering.placement import FOR_REFERENCE, place
from eqspec.lowering.ways import Aim, Placement
from eqspec.ops.plans import NOWHERE, Plan
from eqspec.pipeline import check_source, compile_spec, lower_spec
from eqspec.program.devices import DeviceTable, shipped_table
from eqspec.program.passes import optimise
from eqspec.program.timing import seconds

HEAD = """eqspec 1
group D = dihedral(4)
group M = cyclic(2)
group C = cyclic(4)
group S = symmetric(6)
"""
CHAIN = """
module Chain {
  input x: [16, D.regular]
  h: [16, D.regular] = relu(linear(x))
  y: [16, D.regular] = linear(h) + h
  output z: [16, D.regular] = rms_norm(linear(y))
}
"""
TWO = """
module Two {
  input x: [8, M.regular, C.regular]
  h: [8, M.regular, C.regular] = linear(x)
  k: [8, M.regular] = linear(h)
  output y: [8, M.regular] = relu(linear(k) + k)
}
"""


def module(text: str) -> Module:
    checked = check_source(Source("m.eqs", HEAD + text))
    assert checked.ok, checked.diagnostics
    assert checked.spec is not None
    return checked.spec.modules[-1]


def table(launch: float, work: float) -> DeviceTable:
    """The shipped one with other launches and other rates."""
    shipped = shipped_table("cpu")
    return replace(
        shipped,
        kinds={
            kind: replace(
                rates,
                launch=rates.launch * launch,
                training=rates.training * launch,
                bytes=replace(
                    rates.bytes, points=tuple((n, r / work) for n, r in rates.bytes.points)
                ),
                flops=rates.flops
                and replace(
                    rates.flops, points=tuple((n, r / work) for n, r in rates.flops.points)
                ),
            )
            for kind, rates in shipped.kinds.items()
        },
    )


def time_of(made: Module, plan: Plan, aim: Aim) -> float:
    return seconds(optimise(program_of(made, False, plan)), aim.batch, True, aim.table)


def least(placement: Placement) -> float:
    return min(candidate.time.training for candidate in placement.candidates)


def test_where_launches_are_dear_the_reference_stays_and_where_work_is_dear_blocks_win() -> None:
    made = module(CHAIN)
    assert place(made, Aim(table=table(1000, 1))).plan.is_reference
    chosen = place(made, Aim(table=table(0, 1)))
    assert set(chosen.plan.coordinates.values()) == {frozenset("D")}
    assert "h" not in chosen.plan.coordinates  # relu asks for given coordinates
    small, large = (place(made, Aim(batch=batch)) for batch in (1, 4096))
    assert small.plan.is_reference
    assert not large.plan.is_reference


def test_the_choice_is_as_good_as_every_placement_of_a_small_module() -> None:
    """All sets of features in irreducible coordinates, each timed as a whole."""
    made = module(CHAIN)
    frame = Frames(made).over(frozenset("D"))
    able = [node.name for node in made.nodes if can_stand(made, node, frame)]
    assert len(able) > 3
    for aim in (Aim(batch=64), Aim(table=table(0.1, 1))):
        found = place(made, aim)
        best = min(
            time_of(
                made, Plan({n: frozenset("D") for n, on in zip(able, bits, strict=True) if on}), aim
            )
            for bits in product((False, True), repeat=len(able))
        )
        # the cut adds up nodes one by one, the passes share a little between them
        assert least(found) <= best * 1.02
        assert found.chosen.time.training <= least(found) * (1 + FOR_REFERENCE)


def test_two_factors_and_the_same_choice_each_time() -> None:
    made = module(TWO)
    aim = Aim(table=table(0.01, 1))
    found = place(made, aim)
    assert frozenset("CM") in found.plan.coordinates.values()
    again = place(module(TWO), aim)
    assert (again.plan, again.candidates) == (found.plan, found.candidates)
    for candidate in found.candidates:
        assert found.chosen.time.training <= candidate.time.training * (1 + FOR_REFERENCE)


def test_evaluation_can_be_what_counts() -> None:
    made = module(CHAIN)
    for purpose in ("training", "evaluation"):
        found = place(made, Aim(purpose=purpose, batch=64))
        best = min(candidate.time.of(purpose) for candidate in found.candidates)
        assert found.chosen.time.of(purpose) <= best * (1 + FOR_REFERENCE)


def test_a_pin_is_obeyed_whatever_it_costs() -> None:
    text = CHAIN.replace("relu(linear(x))", "relu(linear(x, lowering=blocks))").replace(
        "linear(y)", "linear(y, lowering=weight)"
    )
    made = module(text)
    dear, cheap = (place(made, Aim(table=table(*cost))) for cost in ((1000, 1), (0, 1)))
    for found in (dear, cheap):
        for candidate in found.candidates:
            assert candidate.plan.factors("h.linear") == frozenset("D")
            assert candidate.plan.factors("z.linear") == NOWHERE
    assert dear.plan.factors("y.linear") == NOWHERE
    assert cheap.plan.factors("y.linear") == frozenset("D")


def test_a_way_for_all_layers_can_be_asked_for() -> None:
    made = module(CHAIN)
    assert place(made, Aim("weight", table=table(0, 1))).plan.is_reference
    blocks = place(made, Aim("blocks", table=table(1000, 1))).plan
    assert blocks.factors("h.linear") == frozenset("D")


def test_what_cannot_be_pinned_is_refused_at_its_place() -> None:
    text = """
module Pairs {
  input x: [S.natural, S.natural, 2]
  output y: [S.natural, 2] = linear(x, lowering=blocks)
}
"""
    checked = check_source(Source("m.eqs", HEAD + text))
    assert checked.ok
    (told,) = [d for d in compile_spec(checked, "m", "m.eqs").diagnostics if d.code == "EQS550"]
    assert "cannot be lowered by blocks" in told.message
    assert "`weight`" in told.label
    assert told.help and "lowering=weight" in told.help
    assert told.source.text[told.span.start : told.span.end] == "y"


@pytest.mark.parametrize("text", [CHAIN, TWO])
def test_what_is_chosen_passes_the_validation(text: str) -> None:
    spec = check_source(Source("m.eqs", HEAD + text)).spec
    assert spec is not None
    lowered, wrong = lower_spec(spec, aim=Aim(table=table(0, 1)))
    assert not wrong
    (item,) = lowered.values()
    assert not item.plan.is_reference
    names = [(p.name, p.shape) for p in item.parameters]
    reference, _ = lower_spec(spec)
    assert names == [(p.name, p.shape) for p in reference[item.module.key].parameters]


def test_a_pin_that_would_lose_weights_is_refused() -> None:
    """The bias of h lies in the trivial component, and nothing reads that: in blocks it would vanish."""
    text = "eqspec 1\n\ngroup D = dihedral(4)\n\nmodule Net {\n  input x: [2, D.regular]\n"
    text += "  h: [3, D.regular] = linear(x, lowering=blocks)\n"
    checked = check_source(
        Source("m.eqs", text + "  output y: [2, D.sign] = linear(h, lowering=blocks)\n}\n")
    )
    (told,) = compile_spec(checked, "m", "m.eqs").diagnostics
    assert told.code == "EQS550" and "h.bias" in told.label and told.help
    fine = check_source(
        Source("m.eqs", text + "  output y: [2, D.regular] = linear(h, lowering=blocks)\n}\n")
    )
    result = compile_spec(fine, "m", "m.eqs")
    assert result.files and result.lowered["Net"].plan.factors("h") == {"D"}
