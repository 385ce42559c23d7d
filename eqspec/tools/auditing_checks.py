"""The checks of an audit, in the order in which later ones trust earlier ones.

In: a model of the user, the spec's side of it, and a state (as given, or with random parameters). Out:
`Check` values. Bounds: in float64 the error of an output is at most 1e-9 times the norm of the action
times the largest answer of the batch; in the model's own dtype it is held against the rounding of the
model itself, by the triangle inequality |F(gx) - g F(x)| <= |F(gx) - D(gx)| + |g| |F(x) - D(x)| +
|D(gx) - g D(x)| with D the same model in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from eqspec.algebra.averages import FWord
from eqspec.graph.model import Module
from eqspec.graph.types import Type
from eqspec.lowering.validation import random_inputs
from eqspec.tools.auditing_elements import (
    STRETCH_LOW,
    Elements,
    elements_of,
    entry_name,
    growth,
    moved,
    shortened,
    text_of,
)
from eqspec.tools.auditing_findings import Check, Witness
from eqspec.tools.auditing_model import BadAnswer, Features, Network, Subject

Array = NDArray[np.float64]
TOLERANCE = 1e-9
LEAST = 1e-5  # an output below this, everywhere, is not judged: rounding may be all of it
POWER = 1e-6


@dataclass
class Audit:
    """A model in one state at one choice of sizes. ``main`` is the network that decides: in float64
    where the model can be run so, else in its own dtype, which is coarser."""

    spec: Module
    subject: Subject
    main: Network
    own: Network
    inputs: Features
    other: Features
    elements: Elements
    why_coarse: str | None = None
    steady: bool = True  # the same input has the same answer
    before: Features = field(default_factory=dict)

    @property
    def types(self) -> dict[str, Type]:
        return dict(self.spec.features)

    @property
    def coarse(self) -> bool:
        return self.why_coarse is not None

    @property
    def batch(self) -> int:
        return len(next(iter(self.inputs.values()))[0])

    @property
    def tolerance(self) -> float:
        """Of `main`: without a reference in float64, half of the digits of its dtype must agree."""
        return digits(self.main.dtype) if self.coarse else TOLERANCE

    def scale(self, name: str) -> float:
        return size(self.before[name])


def digits(dtype: torch.dtype) -> float:
    """Half of the digits of a dtype: 3e-4 for float32."""
    return math.sqrt(torch.finfo(dtype).eps)


def size(xs: Sequence[Array]) -> float:
    return max((float(np.max(np.abs(x), initial=0.0)) for x in xs), default=0.0)


def begin(spec: Module, subject: Subject, batch: int, seed: int) -> Audit:
    """Draw inputs, make the copies in float64 and in the model's own dtype, and call them once.

    Raises:
        BadAnswer: The model raises, or its answers have other shapes than the spec says.
    """
    rng = np.random.default_rng([seed, 17])
    inputs, other = random_inputs(spec, rng, batch), random_inputs(spec, rng, batch)
    elements = elements_of(spec, rng)
    own = Network(subject, spec, subject.dtype)
    _settle_grad(own, inputs)
    main, why = _in_double(own, spec, inputs)
    audit = Audit(spec, main.subject, main, own, inputs, other, elements, why)
    audit.before = main(inputs)
    return audit


def _settle_grad(network: Network, inputs: Features) -> None:
    """Models that differentiate inside (forces of an energy) need gradients to be recorded."""
    try:
        network(inputs)
    except BadAnswer:
        network.grad = True
        try:
            network(inputs)
            return
        except BadAnswer:
            network.grad = False
        network(inputs)


def _in_double(own: Network, spec: Module, inputs: Features) -> tuple[Network, str | None]:
    if own.dtype is torch.float64:
        return own, None
    try:
        subject = own.subject.copy()
        if subject.module is not None:
            subject.module.double()
        double = Network(subject, spec, torch.float64, grad=own.grad)
        double(inputs)
    except BadAnswer as error:
        return own, str(error)
    if double.last_dtypes - {torch.float64}:
        return own, f"it answers in {named(next(iter(double.last_dtypes)))} all the same"
    return double, None


def named(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


# ---- before symmetry -----------------------------------------------------------------------------


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
    """The same input twice, bitwise, in float64 and in the model's own dtype."""
    networks = [audit.main] if audit.main is audit.own else [audit.main, audit.own]
    for chosen in networks:
        first, second = chosen(audit.inputs), chosen(audit.inputs)
        found = worst(audit, second, first, dict.fromkeys(first, 0.0))
        if found is not None:
            text = "the same input has different answers in evaluation mode"
            witness = replace(found, dtype=named(chosen.dtype))
            return Check("determinism", "fail", text, found.relative_error, 0.0, witness=witness)
    return Check("determinism", "pass", "the same input, the same answer, bit for bit", 0.0, 0.0)


def inputs_check(audit: Audit) -> Check:
    """Neither the inputs nor the state of the model are written to."""
    network = audit.main
    arguments = network.tensors(audit.inputs)
    kept = [[t.clone() for t in blocks_of(x)] for x in arguments]
    module = network.subject.module
    state = {} if module is None else {k: v.clone() for k, v in module.state_dict().items()}
    network.call(arguments)
    for feature, given, before in zip(audit.spec.inputs, arguments, kept, strict=True):
        for k, (a, b) in enumerate(zip(blocks_of(given), before, strict=True)):
            changed = torch.nonzero(torch.ne(a.detach(), b).flatten()).flatten()
            if a.shape == b.shape and not len(changed):
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
    for name, value in ({} if module is None else module.state_dict()).items():
        if value.is_floating_point() and not torch.equal(value, state.get(name, value)):
            text = f"the model changes its state `{name}` in evaluation mode"
            return Check("inputs", "fail", text)
    return Check("inputs", "pass", "neither its inputs nor its state are written to")


def blocks_of(value: object) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    assert isinstance(value, tuple | list)
    return list(value)


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
                witness = replace(fault, sample=k, batch=audit.batch, note=f"sample {k} {words}")
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
    if blind:
        return Check("power", "no power", "; ".join(said)), frozenset(blind)
    return Check("power", "pass", "every output varies, and every input matters"), frozenset()


# ---- symmetry ------------------------------------------------------------------------------------


def relative(audit: Audit, found: Features, expected: Features) -> float:
    """The largest error of an output, relative to the largest answer of the batch."""
    return max(
        (
            size([a - b for a, b in zip(found[name], expected[name], strict=True)])
            / max(audit.scale(name), 1e-300)
            for name in expected
        ),
        default=0.0,
    )


def worst(
    audit: Audit, found: Features, expected: Features, bounds: Mapping[str, float]
) -> Witness | None:
    """The entry that is farthest out of bounds, relative to its tensor; None if all are within."""
    best: Witness | None = None
    for name, wanted in expected.items():
        scale = max(audit.scale(name), 1e-300)
        for k, (a, b) in enumerate(zip(found[name], wanted, strict=True)):
            errors = np.abs(a - b)
            errors = np.where(np.isnan(errors), np.inf, errors)
            if not errors.size or float(errors.max()) <= bounds[name]:
                continue
            place = np.unravel_index(int(errors.argmax()), errors.shape)
            error = float(errors[place]) / scale
            if best is None or error > best.relative_error:
                sample, *index = (int(v) for v in place)
                entry = entry_name(audit.types[name], k, index)
                best = Witness(
                    name,
                    entry,
                    float(a[place]),
                    float(b[place]),
                    error,
                    sample=sample,
                    batch=len(a),
                )
    return best


def bounds_for(audit: Audit, words: Sequence[FWord], factor: float = 1.0) -> dict[str, float]:
    """How far every output may be off under these words, in float64 (or coarsely)."""
    return {
        name: factor
        * audit.tolerance
        * max(growth(audit.types[name], word) for word in words)
        * (audit.scale(name) if audit.scale(name) >= LEAST else np.inf)
        for name in audit.before
    }


def compared(
    audit: Audit, network: Network, inputs: Features, before: Features, words: Sequence[FWord]
) -> tuple[Features, Features]:
    """What the network answers to moved inputs, and the moved answers. One word moves all samples."""
    types = audit.types
    return network(moved(types, inputs, words)), moved(types, before, words)


def elements_check(audit: Audit, name: str, words: Sequence[FWord]) -> Check:
    """Equivariance when one element moves the whole batch."""
    rows: list[tuple[str, float]] = []
    tensors: dict[str, None] = {}
    worst_word: FWord | None = None
    worst_error, largest = 0.0, 0.0
    for word in words:
        found, expected = compared(audit, audit.main, audit.inputs, audit.before, [word])
        largest = max(largest, relative(audit, found, expected))
        fault = worst(audit, found, expected, bounds_for(audit, [word]))
        if fault is not None:
            rows.append((text_of(audit.spec, word), fault.relative_error))
            tensors.update(dict.fromkeys(_outside(found, expected, bounds_for(audit, [word]))))
            if fault.relative_error > worst_error or worst_word is None:
                worst_word, worst_error = word, fault.relative_error
    bound = audit.tolerance
    dtype = named(audit.main.dtype)
    if worst_word is not None:
        from eqspec.tools.auditing_witness import witness_of

        witness = witness_of(audit, worst_word)
        text = f"not equivariant under {', '.join(f'`{text}`' for text, _ in rows[:6])}"
        text += f" and {len(rows) - 6} more" if len(rows) > 6 else ""
        text += f", in {', '.join(f'`{tensor}`' for tensor in tensors)}"
        return Check(name, "fail", text, worst_error, bound, tuple(rows), witness)
    listed = ", ".join(text_of(audit.spec, word) for word in words[:6])
    listed += f" and {len(words) - 6} more" if len(words) > 6 else ""
    shown = listed if name != "words" else f"{len(words)} random words"
    return Check(name, "pass", f"{shown}, in {dtype}", largest, bound)


def _outside(found: Features, expected: Features, bounds: Mapping[str, float]) -> Iterator[str]:
    """The outputs that are out of bounds."""
    for name, wanted in expected.items():
        if not _distance(found[name], wanted) <= bounds[name]:
            yield name


def samples_check(audit: Audit) -> Check:
    """Equivariance when every sample is moved by an element of its own."""
    words = [(), *audit.elements.all]
    words += words[: -len(words) % audit.batch]
    largest = 0.0
    for start in range(0, len(words), audit.batch):
        chosen = [words[(start + k) % len(words)] for k in range(audit.batch)]
        found, expected = compared(audit, audit.main, audit.inputs, audit.before, chosen)
        largest = max(largest, relative(audit, found, expected))
        if worst(audit, found, expected, bounds_for(audit, chosen)) is None:
            continue
        word, sample, fault = _lone(audit, chosen)
        text = "not equivariant when samples are moved by different elements"
        moves = f"sample {sample} alone" if sample is not None else "every sample by its own"
        element = text_of(audit.spec, word) if word is not None else "several elements"
        witness = replace(
            fault, element=element, letters=len(word or ()), moves=moves, batch=audit.batch
        )
        error = fault.relative_error
        return Check("each sample", "fail", text, error, audit.tolerance, witness=witness)
    text = f"{len(words)} elements, each on a sample of its own"
    return Check("each sample", "pass", text, largest, audit.tolerance)


def _lone(audit: Audit, chosen: Sequence[FWord]) -> tuple[FWord | None, int | None, Witness]:
    """One generator that moves one sample and shows the fault; else the whole choice."""
    for word in (*audit.elements.generators, *chosen):
        for sample in range(audit.batch):
            words: list[FWord] = [()] * audit.batch
            words[sample] = word
            found, expected = compared(audit, audit.main, audit.inputs, audit.before, words)
            fault = worst(audit, found, expected, bounds_for(audit, words))
            if fault is not None:
                return word, sample, fault
    found, expected = compared(audit, audit.main, audit.inputs, audit.before, chosen)
    fault = worst(audit, found, expected, bounds_for(audit, chosen))
    assert fault is not None, "the caller has seen it"
    return None, None, fault


def own_dtype_check(audit: Audit) -> Check:
    """In the model's own dtype: the error is that of its rounding, and its rounding is small."""
    dtype = named(audit.own.dtype)
    name = "own dtype"
    if audit.own.dtype is torch.float64:
        return Check(name, "skipped", "its own dtype is float64")
    if audit.coarse:
        text = f"it does not run in float64 ({audit.why_coarse}); judged in {dtype}, coarsely"
        return Check(name, "skipped", text)
    limit = digits(audit.own.dtype)
    largest = rounding_seen = 0.0
    for word in _moderate(audit):
        start = _rounded(audit.inputs, audit.own.dtype)
        turned = _rounded(moved(audit.types, start, [word]), audit.own.dtype)
        exact, exact_turned = audit.main(start), audit.main(turned)
        found, found_turned = audit.own(start), audit.own(turned)
        expected = moved(audit.types, found, [word])
        wanted = moved(audit.types, exact, [word])
        bounds = {}
        for output, type_ in ((f.name, f.type) for f in audit.spec.outputs):
            scale = audit.scale(output)
            if scale < LEAST:
                bounds[output] = np.inf
                continue
            rounding = _distance(found_turned[output], exact_turned[output])
            rounding += growth(type_, word) * _distance(found[output], exact[output])
            share = rounding / (growth(type_, word) * scale)
            if not share <= limit:
                text = f"in {dtype} `{output}` keeps less than half of its digits"
                return Check(name, "fail", text, share, limit)
            rounding_seen = max(rounding_seen, share)
            bounds[output] = 2 * rounding + _distance(exact_turned[output], wanted[output])
            bounds[output] += 1e-12 * scale
        fault = worst(audit, found_turned, expected, bounds)
        largest = max(largest, relative(audit, found_turned, expected))
        if fault is not None:
            element = text_of(audit.spec, word)
            witness = replace(fault, element=element, letters=len(word), dtype=dtype)
            text = f"in {dtype} the error is larger than rounding explains"
            return Check(name, "fail", text, fault.relative_error, witness=witness)
    text = f"{dtype}: the error is no larger than its rounding ({rounding_seen:.1e}) explains"
    return Check(name, "pass", text, largest, limit)


def _moderate(audit: Audit) -> Iterator[FWord]:
    """Words that stretch little enough for a short dtype."""
    for word in dict.fromkeys(shortened(audit.spec, w, STRETCH_LOW) for w in audit.elements.all):
        if word:
            yield word


def _rounded(features: Features, dtype: torch.dtype) -> Features:
    """The numbers that a dtype can hold nearest to these."""

    def near(x: Array) -> Array:
        if not np.issubdtype(x.dtype, np.floating):
            return x
        found: Array = torch.from_numpy(x.copy()).to(dtype).double().numpy()
        return found

    return {name: tuple(near(x) for x in xs) for name, xs in features.items()}


def _distance(a: Sequence[Array], b: Sequence[Array]) -> float:
    return size([x - y for x, y in zip(a, b, strict=True)])
