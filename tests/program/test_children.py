"""Validation of a module that calls another: the other is not run again where its arguments moved as they
should, and a call with wrong arguments is seen."""

from __future__ import annotations

from dataclasses import replace

from eqspec.diagnostics.model import Source
from eqspec.lowering.validation import Machine, validate
from eqspec.pipeline import check_source, lower_spec
from eqspec.program.instructions import CallModule, Program

SPEC = """eqspec 1
group G = cyclic(4)
module Inner {
  input a: [2, G.regular]
  input b: [2, 4]
  output y: [3, G.regular] = batch_norm(linear(a, b))
}
module Outer {
  input x: [2, G.regular]
  h: [2, G.regular] = tanh(linear(x))
  k: [2, 4] = linear(x)
  i = Inner(h, k)
  output z: [2, G.regular] = linear(i)
}
"""


def swapped(program: Program) -> Program:
    """With the arguments of every call the other way round; they have equal shapes."""
    return replace(
        program,
        instructions=tuple(
            replace(i, args=i.args[::-1]) if isinstance(i, CallModule) else i
            for i in program.instructions
        ),
    )


def test_a_call_with_wrong_arguments_is_seen() -> None:
    checked = check_source(Source("net.eqs", SPEC))
    assert checked.spec is not None
    lowered, refused = lower_spec(checked.spec)
    assert not refused
    assert validate(lowered, "Outer") is None
    outer = lowered["Outer"]
    wrong = replace(outer, program=swapped(outer.program), plain=swapped(outer.plain))
    fault = validate({**lowered, "Outer": wrong}, "Outer")
    assert fault is not None and "under G.r" in fault.message


def test_a_validated_child_runs_once_for_all_words(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    checked = check_source(Source("net.eqs", SPEC))
    assert checked.spec is not None
    lowered, _ = lower_spec(checked.spec)
    runs: list[str] = []
    call = Machine.__call__

    def counted(self, *args, **kept):  # type: ignore[no-untyped-def]
        runs.append(self.key)
        return call(self, *args, **kept)

    monkeypatch.setattr(Machine, "__call__", counted)
    assert validate(lowered, "Outer") is None
    words, modes = 3, 2
    assert runs.count("Outer") >= words * modes
    assert runs.count("Inner") < words * modes + 3
