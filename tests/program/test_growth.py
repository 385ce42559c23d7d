"""The work of the compiler grows with the number of layers, not with its square: counted in calls, not timed.
And what a run keeps is what is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest

from eqspec.diagnostics.model import Source
from eqspec.lowering.validation import machine_for
from eqspec.lowering.ways import Aim
from eqspec.pipeline import check_source, compile_spec, lower_spec


def _linear(n: int) -> str:
    lines = [f"  h{k + 1}: [2, D.regular] = relu(linear(h{k}))" for k in range(n)]
    return "\n".join(
        ["module Net {", "  input h0: [2, D.regular]", *lines, f"  output y = h{n}", "}"]
    )


def _residual(n: int) -> str:
    kind = "[2, S.natural, D.sign]"
    lines = [
        f"  a{k}: {kind} = tanh(linear(h{k}))\n  h{k + 1}: {kind} = rms_norm(linear(a{k}) + h{k})"
        for k in range(n)
    ]
    head = ["module Net {", f"  input h0: {kind}"]
    return "\n".join([*head, *lines, f"  output y: [3, D.sign] = linear(h{n})", "}"])


def _conv(n: int) -> str:
    lines = [
        f"  h{k + 1}: [D.regular, D.grid(3, 3)] = relu(conv2d(h{k}, kernel=3, padding=1))"
        for k in range(n)
    ]
    head = ["module Net {", "  input h0: [1, D.grid(3, 3)]"]
    return "\n".join([*head, *lines, f"  output y: [3] = linear(h{n})", "}"])


def _called(n: int) -> str:
    inner = "module Block(c) {\n  input x: [c, D.sign]\n  output y: [c, D.sign] = tanh(linear(x)) + x\n}\n"
    lines = [f"  b{k + 1} = Block(b{k}{'.y' if k else ''}, c=2)" for k in range(n)]
    head = ["module Net {", "  input b0: [2, D.sign]"]
    return inner + "\n".join([*head, *lines, f"  output y: [2, D.sign] = linear(b{n}.y)", "}"])


def _modules(n: int) -> str:
    return "\n".join(
        f"module M{k} {{\n  input x: [{k % 3 + 1}, D.sign]\n  output y: [2, D.sign] = linear(tanh(x))\n}}"
        for k in range(n)
    )


HEAD = "eqspec 1\ngroup D = dihedral(4)\ngroup S = symmetric(4)\n"


LOWERING = "weight"  # the choice between the ways of lowering is counted by itself


def compiled(make: Callable[[int], str], n: int, lowering: str = LOWERING) -> None:
    checked = check_source(Source("net.eqs", HEAD + make(n) + "\n"))
    assert checked.ok, [d.message for d in checked.diagnostics]
    assert compile_spec(checked, "net", "net.eqs", aim=Aim(lowering)).files


def calls(work: Callable[[], None]) -> int:
    """How many functions are called, those in C included."""
    count = 0

    def seen(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("make", [_linear, _residual, _conv, _called, _modules])
def test_twice_the_layers_are_twice_the_calls(make: Callable[[int], str]) -> None:
    """A quadratic term of one call for every pair of layers would show."""
    compiled(make, 4)  # memo tables, templates, the rank of the first layer of a form
    few, more, many = (calls(lambda n=n: compiled(make, n, LOWERING)) for n in (12, 24, 48))  # type: ignore[misc]
    assert many - more < 2.02 * (more - few), (few, more, many)


@pytest.mark.slow
@pytest.mark.parametrize("make", [_linear, _residual])
def test_so_are_those_of_the_placement(make: Callable[[int], str]) -> None:
    """Beyond the length from which plans that cannot win are not lowered as a whole."""
    compiled(make, 4, "auto")
    few, more, many = (calls(lambda n=n: compiled(make, n, "auto")) for n in (60, 120, 240))  # type: ignore[misc]
    assert many - more < 2.1 * (more - few), (few, more, many)


def test_a_run_keeps_what_is_asked_for() -> None:
    checked = check_source(Source("net.eqs", HEAD + _residual(3) + "\n"))
    assert checked.spec is not None
    lowered, _ = lower_spec(checked.spec)
    program = lowered["Net"].program
    inputs = {"h0": (np.random.default_rng(0).standard_normal((2, 2, 4, 1)),)}
    every = machine_for(lowered, "Net", program, 0)(inputs)
    asked = [r for _, registers in program.named[:1] for r in registers]
    some = machine_for(lowered, "Net", program, 0)(inputs, kept=asked)
    for register, stage in enumerate(program.stages):
        if register in asked:
            assert np.array_equal(some[register], every[register])
        elif stage == 3:
            assert some[register] is None
    doubled = machine_for(lowered, "Net", program, 0)(
        inputs, lambda register, value: 2 * value if register in asked else value
    )
    (at,) = asked
    assert np.array_equal(doubled[at], 2 * every[at])
    assert not np.allclose(doubled[-1], every[-1]), "what comes later reads what was put there"
