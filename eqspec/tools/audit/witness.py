"""The smallest example of a broken symmetry: one element, few samples, few inputs, a guess at a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from eqspec.algebra.averages import FWord
from eqspec.tools.audit.core import Audit, bounds_for, compared, named, worst
from eqspec.tools.audit.elements import Features, Part, moved, parts_of, text_of
from eqspec.tools.audit.findings import Witness
from eqspec.tools.audit.inputs import places, plainer, words_text
from eqspec.tools.audit.layers import culprit
from eqspec.tools.audit.model import BadAnswer

CLEAR = 100.0  # times the bound: a fault that is no matter of rounding


def witness_of(audit: Audit, word: FWord) -> Witness:
    """Make a fault under a word smaller: fewer letters, one sample or two, and the parts of the
    inputs that show it alone."""
    word = _shorter(audit, word)
    chosen, fault = _fewest(audit, word)
    inputs = taken(audit.inputs, chosen)
    note = None
    if places(audit.spec) and audit.steady:
        inputs = plainer(audit.spec, inputs, word, lambda x: fault_at(audit, word, x) is not None)
        fault = fault_at(audit, word, inputs) or fault
        note = words_text(audit.spec, inputs, fault.sample)
    return replace(
        fault,
        note=note,
        element=text_of(audit.spec, word),
        letters=len(word),
        sample=chosen[fault.sample],
        batch=len(chosen),
        dtype=named(audit.main.dtype),
        inputs=_parts(audit, word, inputs) if audit.steady else None,
        layer=culprit(audit, word, inputs) if audit.steady else None,
    )


def taken(features: Features, chosen: Sequence[int]) -> Features:
    """Some samples of a batch."""
    return {name: tuple(x[list(chosen)] for x in xs) for name, xs in features.items()}


def fault_at(audit: Audit, word: FWord, inputs: Features, factor: float = 1.0) -> Witness | None:
    """The worst entry for these inputs; None if all are within the bounds, or the model refuses."""
    try:
        before = audit.main(inputs)
        found, expected = compared(audit, audit.main, inputs, before, [word])
    except BadAnswer:
        return None
    if not all(np.isfinite(x).all() for xs in (*before.values(), *found.values()) for x in xs):
        return None
    return worst(audit, found, expected, bounds_for(audit, [word], factor))


def _shorter(audit: Audit, word: FWord) -> FWord:
    """Leave letters away as long as the fault stays."""
    at = 0
    while len(word) > 1 and at < len(word):
        fewer = (*word[:at], *word[at + 1 :])
        if fault_at(audit, fewer, audit.inputs) is not None:
            word = fewer
        else:
            at += 1
    return word


def _fewest(audit: Audit, word: FWord) -> tuple[tuple[int, ...], Witness]:
    """The fewest samples that show the fault: the worst of one, else of two, else all."""
    samples = range(audit.batch)
    for count in (1, 2):
        found = [
            (chosen, fault)
            for chosen in combinations(samples, count)
            if (fault := fault_at(audit, word, taken(audit.inputs, chosen))) is not None
        ]
        if found:
            return max(found, key=lambda pair: pair[1].relative_error)
    found_all, expected = compared(audit, audit.main, audit.inputs, audit.before, [word])
    fault = worst(audit, found_all, expected, bounds_for(audit, [word]))
    if fault is None:  # the model is not deterministic: it was seen once
        fault = worst(audit, found_all, expected, dict.fromkeys(expected, -1.0))
        assert fault is not None, "there is an output"
    return tuple(samples), fault


def _parts(audit: Audit, word: FWord, inputs: Features) -> tuple[str, ...] | None:
    """The parts of the inputs that show the fault while all others are zero; the empty tuple if it
    shows with all of them zero. If no part does so alone, a smallest set of parts that do together. None
    if there is nothing to tell apart."""
    if places(audit.spec):
        return None  # no word stands for nothing
    parts = parts_of(audit.spec)
    nothing = _only(inputs, ())
    still = moved(audit.types, nothing, [word])
    if any(np.any(x) for name in nothing for x in (*nothing[name], *still[name])):
        return None  # zero is moved, as by a translation: no input is neutral
    if _clear(audit, word, nothing):
        return ()
    if len(parts) == 1:
        return None
    if len(parts) == 1:
        return None
    alone = [part for part in parts if _clear(audit, word, _only(inputs, (part,)))]
    if alone:
        return tuple(part.label for part in alone)
    left = list(parts)
    if not _clear(audit, word, _only(inputs, left)):
        return None
    for part in parts:
        fewer = [other for other in left if other is not part]
        if _clear(audit, word, _only(inputs, fewer)):
            left = fewer
    return tuple(part.label for part in left)


def _clear(audit: Audit, word: FWord, inputs: Features) -> bool:
    return fault_at(audit, word, inputs, CLEAR) is not None


def _only(inputs: Features, parts: Sequence[Part]) -> Features:
    """The inputs with everything else zero."""
    kept = {name: tuple(np.zeros_like(x) for x in xs) for name, xs in inputs.items()}
    for part in parts:
        source, target = inputs[part.feature][part.block], kept[part.feature][part.block]
        if part.dim is None:
            target[...] = source
        else:
            index = (slice(None),) * (part.dim + 1) + (slice(part.start, part.stop),)
            target[index] = source[index]
    return kept
