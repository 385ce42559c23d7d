"""The runs of an audit at one choice of sizes: as given, then with random parameters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from eqspec.graph.model import Module
from eqspec.tools.audit.basics import power_check
from eqspec.tools.audit.core import Audit, begin
from eqspec.tools.audit.findings import AS_GIVEN, RANDOM, Check, Run
from eqspec.tools.audit.model import BadAnswer, Subject
from eqspec.tools.audit.states import (
    all_checks,
    buffers_check,
    moving_buffers,
    randomised,
    training_check,
)

DRAWS = 5


def audited(
    subject: Subject, spec: Module, sizes: Mapping[str, int], batch: int, seed: int
) -> Iterator[Run]:
    """The runs, one for each state. What the model raises is a finding."""
    with contextlib.suppress(BadAnswer):  # an exported program has no modes
        subject.switch(training=False)
    try:
        audit = begin(spec, subject, batch, seed)
    except BadAnswer as error:
        yield Run(sizes, AS_GIVEN, (Check("shapes", "fail", str(error)),))
        return
    checks, blind = _checked(audit)
    if subject.module is not None and checks[0].verdict == "pass":
        checks.append(training_check(audit))
    yield Run(sizes, AS_GIVEN, tuple(checks), blind)
    if subject.module is None or checks[0].verdict == "fail":
        return
    if not list(subject.module.parameters()) and not list(subject.module.buffers()):
        return  # it has no state
    try:
        moving = moving_buffers(subject, audit.own, audit.inputs)
        drawn = _drawn(subject, audit, moving, batch, seed)
    except BadAnswer as error:
        yield Run(sizes, RANDOM, (Check("shapes", "skipped", str(error)),), audit_blind(spec))
        return
    checks, blind = _checked(drawn)
    if all(check.verdict != "fail" for check in checks):
        with contextlib.suppress(BadAnswer):
            buffers = buffers_check(drawn, moving, seed)
            checks += [buffers] if buffers is not None else []
    yield Run(sizes, RANDOM, tuple(checks), blind)


def _drawn(subject: Subject, audit: Audit, moving: Sequence[str], batch: int, seed: int) -> Audit:
    """The audit of a model with random parameters; drawn anew, up to a number of times, where an output
    is constant or does not see an input: a draw may silence a channel.

    Raises:
        BadAnswer: There is no such model.
    """
    best: tuple[int, Audit] | None = None
    for attempt in range(DRAWS):
        other = randomised(subject, audit.own, audit.inputs, moving, seed + 7919 * attempt)
        drawn = begin(audit.spec, other, batch, seed)
        drawn.drawn = True
        blind = len(power_check(drawn)[1])
        if best is None or blind < best[0]:
            best = blind, drawn
        if not blind:
            break
    assert best is not None
    return best[1]


def audit_blind(spec: Module) -> frozenset[str]:
    """A run that did not take place has shown nothing."""
    outputs = {f"output {feature.name}" for feature in spec.outputs}
    return frozenset(outputs | {f"input {f.name}" for f in spec.inputs if f.type.factors})


def _checked(audit: Audit) -> tuple[list[Check], frozenset[str]]:
    try:
        with np.errstate(all="ignore"):  # answers may be infinite
            return all_checks(audit)
    except BadAnswer as error:  # it has answered the same shapes before
        return [Check("shapes", "fail", f"on an input of the same shapes {error}")], frozenset()
