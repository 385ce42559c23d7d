"""The state of an audit and how answers are compared.

In: a model of the user, the spec's side of it, and a state (as given, or with random parameters). Bounds:
in float64 the error of an output is at most 1e-9 times the norm of the action times the largest answer of
the batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from eqspec.algebra.averages import FWord
from eqspec.graph.model import Module
from eqspec.graph.types import Type
from eqspec.tools.audit.elements import Elements, elements_of, entry_name, growth, moved
from eqspec.tools.audit.findings import Witness
from eqspec.tools.audit.inputs import draw
from eqspec.tools.audit.model import BadAnswer, Features, Network, Subject, of_the_user

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
    drawn: bool = False  # random parameters: how well conditioned they are says nothing
    before: Features = field(default_factory=dict)
    seed: int = 0

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
        return digits(self.main) if self.coarse else TOLERANCE

    def scale(self, name: str) -> float:
        return size(self.before[name])


def digits(network: Network) -> float:
    """Half of the digits in which a network computes: 3e-4 for float32. A device may shorten those of
    matrix products (TF32)."""
    unit = float(torch.finfo(network.dtype).eps)
    backends = torch.backends
    if (
        network.device.type == "cuda"
        and network.dtype is torch.float32
        and (backends.cudnn.allow_tf32 or backends.cuda.matmul.allow_tf32)
    ):
        unit = 2.0**-10
    return math.sqrt(unit)


def size(xs: Sequence[Array]) -> float:
    return max((float(np.max(np.abs(x), initial=0.0)) for x in xs), default=0.0)


def begin(spec: Module, subject: Subject, batch: int, seed: int) -> Audit:
    """Draw inputs, make the copies in float64 and in the model's own dtype, and call them once.

    Raises:
        BadAnswer: The model raises, or its answers have other shapes than the spec says.
    """
    rng = np.random.default_rng([seed, 17])
    inputs, other = draw(spec, rng, batch), draw(spec, rng, batch)
    elements = elements_of(spec, rng)
    own = Network(subject, spec, subject.dtype)
    _settle_grad(own, inputs)
    main, why = _in_double(own, spec, inputs)
    audit = Audit(spec, main.subject, main, own, inputs, other, elements, why, seed=seed)
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
            with of_the_user("the conversion"):  # a device without float64, a module that resists
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


# ---- comparing -------------------------------------------------------------------------------------


def blocks_of(value: object) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    assert isinstance(value, tuple | list)
    return list(value)


def relative(audit: Audit, found: Features, expected: Features) -> float:
    """The largest error of an output that is judged, relative to the largest answer of the batch."""
    return max(
        (
            distance(found[name], expected[name]) / audit.scale(name)
            for name in expected
            if audit.scale(name) >= LEAST
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


def outside(found: Features, expected: Features, bounds: Mapping[str, float]) -> Iterator[str]:
    """The outputs that are out of bounds."""
    for name, wanted in expected.items():
        if not distance(found[name], wanted) <= bounds[name]:
            yield name


def distance(a: Sequence[Array], b: Sequence[Array]) -> float:
    return size([x - y for x, y in zip(a, b, strict=True)])
