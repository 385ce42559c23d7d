"""Equivariance: under generators, products of them, other elements for other samples, in other dtypes.

In the model's own dtype the error is held against the rounding of the model itself, by the triangle
inequality |F(gx) - g F(x)| <= |F(gx) - D(gx)| + |g| |F(x) - D(x)| + |D(gx) - g D(x)| with D the same model
in float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from eqspec.algebra.averages import FWord
from eqspec.tools.audit.core import (
    LEAST,
    Array,
    Audit,
    bounds_for,
    compared,
    digits,
    distance,
    named,
    outside,
    relative,
    worst,
)
from eqspec.tools.audit.elements import STRETCH_LOW, growth, moved, shortened, text_of
from eqspec.tools.audit.findings import Check, Witness
from eqspec.tools.audit.inputs import every_word
from eqspec.tools.audit.model import BadAnswer, Features
from eqspec.tools.audit.witness import witness_of


def elements_check(audit: Audit, name: str, words: Sequence[FWord]) -> Check:
    """Equivariance when one element moves the whole batch."""
    rows: list[tuple[str, float]] = []
    tensors: dict[str, None] = {}
    worst_word: FWord | None = None
    worst_error, largest = 0.0, 0.0
    for word in words:
        try:
            found, expected = compared(audit, audit.main, audit.inputs, audit.before, [word])
        except BadAnswer as error:
            raise BadAnswer(f"inputs moved by `{text_of(audit.spec, word)}`: {error}") from None
        largest = max(largest, relative(audit, found, expected))
        fault = worst(audit, found, expected, bounds_for(audit, [word]))
        if fault is not None:
            rows.append((text_of(audit.spec, word), fault.relative_error))
            tensors.update(dict.fromkeys(outside(found, expected, bounds_for(audit, [word]))))
            if fault.relative_error > worst_error or worst_word is None:
                worst_word, worst_error = word, fault.relative_error
    bound = audit.tolerance
    dtype = named(audit.main.dtype)
    if worst_word is not None:
        witness = witness_of(audit, worst_word)
        text = f"not equivariant under {', '.join(f'`{text}`' for text, _ in rows[:6])}"
        text += f" and {len(rows) - 6} more" if len(rows) > 6 else ""
        text += f", in {', '.join(f'`{tensor}`' for tensor in tensors)}"
        return Check(name, "fail", text, worst_error, bound, tuple(rows), witness)
    listed = ", ".join(text_of(audit.spec, word) for word in words[:6])
    listed += f" and {len(words) - 6} more" if len(words) > 6 else ""
    shown = listed if name != "words" else f"{len(words)} random words"
    return Check(name, "pass", f"{shown}, in {dtype}", largest, bound)


def scales_check(audit: Audit) -> Check:
    """Generators once more, for inputs ten times and a tenth as large: a bound such as that of a
    clipped function may lie beyond what was drawn."""
    seen = 0.0
    judged: list[str] = []
    for scale, words in ((10.0, "inputs ten times as large"), (0.1, "inputs a tenth as large")):
        inputs = {
            name: tuple(scale * x if np.issubdtype(x.dtype, np.floating) else x for x in xs)
            for name, xs in audit.inputs.items()
        }
        before = audit.main(inputs)
        if not all(np.isfinite(x).all() for xs in before.values() for x in xs):
            continue  # outside of what the model is made for
        judged.append(words.removeprefix("inputs "))
        scaled = replace(audit, inputs=inputs, before=before)
        check = elements_check(scaled, "scales", audit.elements.generators)
        seen = max(seen, check.error or 0.0)
        if check.verdict == "fail":
            witness = check.witness and replace(check.witness, note=words)
            return replace(check, detail=f"{words}: {check.detail}", witness=witness)
    if not judged:
        return Check("scales", "skipped", "no finite answers to larger or smaller inputs")
    text = f"the generators, for inputs {' and '.join(judged)}"
    return Check("scales", "pass", text, seen, audit.tolerance)


def words_check(audit: Audit) -> Check:
    """Generators once more, until every word of a vocabulary that they move has stood in an input."""
    rng = np.random.default_rng([audit.seed, 19])
    batches, met, total = every_word(audit.spec, rng, audit.batch)
    seen = 0.0
    for inputs in batches:
        other = replace(audit, inputs=inputs, before=audit.main(inputs))
        check = elements_check(other, "vocabulary", audit.elements.generators)
        seen = max(seen, check.error or 0.0)
        if check.verdict == "fail":
            return check
    text = f"the generators, for inputs with {met:,} of the {total:,} words that they move"
    return Check("vocabulary", "pass", text, seen, audit.tolerance)


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
    limit = digits(audit.own)
    largest = rounding_seen = 0.0
    start = _rounded(audit.inputs, audit.own.dtype)
    exact, found = audit.main(start), audit.own(start)
    for word in _moderate(audit):
        turned = _rounded(moved(audit.types, start, [word]), audit.own.dtype)
        exact_turned, found_turned = audit.main(turned), audit.own(turned)
        expected = moved(audit.types, found, [word])
        wanted = moved(audit.types, exact, [word])
        bounds = {}
        for output, type_ in ((f.name, f.type) for f in audit.spec.outputs):
            scale = audit.scale(output)
            if scale < LEAST:
                bounds[output] = np.inf
                continue
            rounding = distance(found_turned[output], exact_turned[output])
            rounding += growth(type_, word) * distance(found[output], exact[output])
            share = rounding / (growth(type_, word) * scale)
            if not share <= limit:
                text = f"in {dtype} `{output}` keeps less than half of its digits"
                return Check(name, "measured" if audit.drawn else "fail", text, share, limit)
            rounding_seen = max(rounding_seen, share)
            bounds[output] = 2 * rounding + distance(exact_turned[output], wanted[output])
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
