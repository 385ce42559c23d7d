"""What must hold before a symmetry can be looked for: shapes, determinism, no writing, batches, power."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from eqspec.tools.audit.core import (
    LEAST,
    POWER,
    Audit,
    blocks_of,
    named,
    relative,
    worst,
)
from eqspec.tools.audit.elements import entry_name, text_of
from eqspec.tools.audit.findings import Check, Witness
from eqspec.tools.audit.layers import chancy, mixer
from eqspec.tools.audit.model import BadAnswer, of_the_user


def shapes_check(audit: Audit) -> Check:
    """Finite answers, and a batch of one; the standard batch was answered before."""
    shown = ", ".join(f"{f.name} {f.type}" for f in audit.spec.outputs)
    for name, xs in audit.before.items():
        for k, x in enumerate(xs):
            bad = np.argwhere(~np.isfinite(x))
            if len(bad):
                sample, *index = (int(v) for v in bad[0])
                entry = entry_name(audit.types[name], k, index)
                value = float(x[tuple(bad[0])])
                return Check("shapes", "fail", f"`{name}` {entry} of sample {sample} is {value}")
    try:
        audit.main({name: tuple(x[:1] for x in xs) for name, xs in audit.inputs.items()})
    except BadAnswer as error:
        return Check("shapes", "fail", f"with a batch of one: {error}")
    return Check("shapes", "pass", f"{shown}; batches of {audit.batch} and of 1")


def leading_check(audit: Audit) -> Check:
    """No batch dimension, and two: models need not take these, so that this is not judged."""
    notes = [f"without a batch dimension: {_led(audit, ())}"]
    if audit.batch % 2 == 0:
        notes.append(f"with two: {_led(audit, (2, audit.batch // 2))}")
    return Check("batch shapes", "measured", "; ".join(notes))


def _led(audit: Audit, lead: tuple[int, ...]) -> str:
    """Models need not take these; one that does should answer alike."""
    inputs = {
        name: tuple(x.reshape(*lead, *x.shape[1:]) if lead else x[0] for x in xs)
        for name, xs in audit.inputs.items()
    }
    try:
        found = audit.main(inputs, lead)
    except BadAnswer:
        return "not taken"
    for name, xs in found.items():
        for x, y in zip(xs, audit.before[name], strict=True):
            wanted = y.reshape(x.shape) if lead else y[0]
            if not float(np.max(np.abs(x - wanted), initial=0.0)) <= 1e-6 * audit.scale(name):
                return f"taken, with other answers in `{name}`"
    return "taken"


def determinism_check(audit: Audit) -> Check:
    """The same input twice, with another in between, bitwise; in float64 and in the own dtype."""
    networks = [audit.main] if audit.main is audit.own else [audit.main, audit.own]
    for chosen in networks:
        first = chosen(audit.inputs)
        chosen(audit.other)  # a model may remember
        second = chosen(audit.inputs)
        found = worst(audit, second, first, dict.fromkeys(first, 0.0))
        if found is not None:
            text = "the same input has different answers in evaluation mode"
            witness = replace(found, dtype=named(chosen.dtype), layer=chancy(audit))
            return Check("determinism", "fail", text, found.relative_error, 0.0, witness=witness)
    return Check("determinism", "pass", "the same input, the same answer, bit for bit", 0.0, 0.0)


def inputs_check(audit: Audit) -> Check:
    """Neither the inputs nor the state of the model are written to."""
    network = audit.main
    arguments = network.tensors(audit.inputs)
    kept = [[t.clone() for t in blocks_of(x)] for x in arguments]
    module = network.subject.module
    state = {} if module is None else _state(module)
    network.call(arguments)
    for feature, given, before in zip(audit.spec.inputs, arguments, kept, strict=True):
        for k, (a, b) in enumerate(zip(blocks_of(given), before, strict=True)):
            if a.shape != b.shape:
                text = (
                    f"the model changes the shape of its input `{feature.name}` to {tuple(a.shape)}"
                )
                return Check("inputs", "fail", text)
            changed = torch.nonzero(torch.ne(a.detach(), b).flatten()).flatten()
            if not len(changed):
                continue
            place = np.unravel_index(int(changed[0]), tuple(b.shape))
            sample, *index = (int(v) for v in place)
            found, expected = float(a.flatten()[changed[0]]), float(b.flatten()[changed[0]])
            entry = entry_name(feature.type, k, index)
            error = abs(found - expected) / max(abs(expected), 1e-300)
            text = f"the model writes to its input `{feature.name}`"
            note = "found after the call; expected what was there before"
            witness = Witness(
                feature.name,
                entry,
                found,
                expected,
                error,
                sample=sample,
                batch=audit.batch,
                note=note,
            )
            return Check("inputs", "fail", text, witness=witness)
    after = {} if module is None else _state(module)
    for name, value in after.items():
        if value.is_floating_point() and not torch.equal(value, state.get(name, value)):
            text = f"the model changes its state `{name}` in evaluation mode"
            return Check("inputs", "fail", text)
    return Check("inputs", "pass", "neither its inputs nor its state are written to")


def _state(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    with of_the_user("its state"):
        saved = module.state_dict()
    return {name: value.clone() for name, value in saved.items() if isinstance(value, torch.Tensor)}


def batch_check(audit: Audit) -> Check:
    """An answer depends on its own sample alone: the others are drawn anew, then left away."""
    bounds = {name: audit.tolerance * audit.scale(name) for name in audit.before}
    largest = 0.0
    for k in range(audit.batch):
        mixed = {}
        for name, xs in audit.inputs.items():
            ys = tuple(y.copy() for y in audit.other[name])
            for x, y in zip(xs, ys, strict=True):
                y[k] = x[k]
            mixed[name] = ys
        own = {name: tuple(x[k : k + 1] for x in xs) for name, xs in audit.inputs.items()}
        expected = {name: tuple(x[k : k + 1] for x in xs) for name, xs in audit.before.items()}
        among = audit.main(mixed)
        answers = {name: tuple(x[k : k + 1] for x in xs) for name, xs in among.items()}
        for found, words in (
            (answers, "changes when the other samples of the batch do"),
            (audit.main(own), "is another when it is alone"),
        ):
            largest = max(largest, relative(audit, found, expected))
            fault = worst(audit, found, expected, bounds)
            if fault is not None:
                text = f"the answer for a sample {words}"
                layer = mixer(audit, audit.inputs, mixed, k)
                note = f"sample {k} {words}"
                witness = replace(fault, sample=k, batch=audit.batch, note=note, layer=layer)
                error = fault.relative_error
                return Check("batch", "fail", text, error, audit.tolerance, witness=witness)
    text = "an answer depends on its own sample alone"
    return Check("batch", "pass", text, largest, audit.tolerance)


def power_check(audit: Audit) -> tuple[Check, frozenset[str]]:
    """Outputs that vary, and inputs that matter; else nothing is shown by the checks that follow."""
    blind: list[str] = []
    said: list[str] = []
    for name, xs in audit.before.items():
        if audit.scale(name) < LEAST:
            blind.append(f"output {name}")
            said.append(f"output `{name}` is {audit.scale(name):.1g} at most")
        elif max((float(np.max(x.std(axis=0), initial=0.0)) for x in xs), default=0.0) <= (
            POWER * audit.scale(name)
        ):
            blind.append(f"output {name}")
            said.append(f"output `{name}` is constant")
    for feature in audit.spec.inputs:
        if not feature.type.factors:
            continue  # nothing acts on it
        found = audit.main({**audit.inputs, feature.name: audit.other[feature.name]})
        if relative(audit, found, audit.before) <= POWER:
            blind.append(f"input {feature.name}")
            said.append(f"no output depends on the input `{feature.name}`")
    for word in audit.elements.stretching:
        text = text_of(audit.spec, word)
        blind.append(f"generator {text}")
        said.append(f"`{text}` stretches a feature so much that rounding hides every fault")
    if blind:
        return Check("power", "no power", "; ".join(said)), frozenset(blind)
    return Check("power", "pass", "every output varies, and every input matters"), frozenset()
