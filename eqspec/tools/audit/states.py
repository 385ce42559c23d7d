"""The states in which a model is audited: as the factory gives it, and with parameters drawn at random.

A bias at its zero, a normalisation before its first step: what breaks a symmetry may be without effect
at initialisation. So every parameter that can be trained, and every buffer that training moves, is drawn
at random and the audit made again. Other buffers may be tables that must stay; each of those is drawn by
itself, and what that does is reported and not judged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from eqspec.tools.audit.basics import (
    batch_check,
    determinism_check,
    inputs_check,
    leading_check,
    power_check,
    shapes_check,
)
from eqspec.tools.audit.core import Audit, bounds_for, compared, relative, worst
from eqspec.tools.audit.findings import Check
from eqspec.tools.audit.inputs import places
from eqspec.tools.audit.model import BadAnswer, Features, Network, Subject, of_the_user
from eqspec.tools.audit.symmetry import (
    elements_check,
    own_dtype_check,
    samples_check,
    scales_check,
    words_check,
)

GAINS = (1.0, 0.3, 0.1)
MOST_BUFFERS = 32


def all_checks(audit: Audit) -> tuple[list[Check], frozenset[str]]:
    """The checks in order; a later one is left out where an earlier one has spoiled it."""
    checks = [shapes_check(audit)]
    if checks[-1].verdict == "fail":
        return checks, frozenset()
    checks += [leading_check(audit), determinism_check(audit), inputs_check(audit)]
    audit.steady = steady = checks[2].verdict == "pass"
    checks.append(
        _tried("batch", lambda: batch_check(audit))
        if steady
        else Check("batch", "skipped", "answers differ on the same input")
    )
    power, blind = power_check(audit)
    checks.append(power)
    words = audit.elements.generators
    generators = _tried("generators", lambda: elements_check(audit, "generators", words))
    checks.append(generators)
    if not steady:
        checks.append(_held(audit))
    later: list[tuple[str, Callable[[], Check]]] = [
        ("words", lambda: elements_check(audit, "words", audit.elements.words)),
        ("each sample", lambda: samples_check(audit)),
        ("own dtype", lambda: own_dtype_check(audit)),
    ]
    if any(np.issubdtype(x.dtype, np.floating) for xs in audit.inputs.values() for x in xs):
        later.insert(1, ("scales", lambda: scales_check(audit)))
    if places(audit.spec):
        later.insert(1, ("vocabulary", lambda: words_check(audit)))
    if audit.elements.components:
        components = audit.elements.components
        later.insert(0, ("components", lambda: elements_check(audit, "components", components)))
    for name, check in later:
        if generators.verdict == "fail":
            checks.append(Check(name, "skipped", "a generator fails already"))
        else:
            checks.append(_tried(name, check))
    return checks, blind


def _tried(name: str, check: Callable[[], Check]) -> Check:
    """A check during which the model may raise, as with a batch of one or at a moved input."""
    try:
        return check()
    except BadAnswer as error:
        return Check(name, "fail", str(error))


def _held(audit: Audit) -> Check:
    """Is a random model equivariant as soon as its random numbers are held fixed?"""
    network = Network(audit.main.subject, audit.spec, audit.main.dtype, 0, audit.main.grad)
    before = network(audit.inputs)
    largest, failed = 0.0, False
    for word in audit.elements.generators:
        found, expected = compared(audit, network, audit.inputs, before, [word])
        largest = max(largest, relative(audit, found, expected))
        failed = failed or worst(audit, found, expected, bounds_for(audit, [word])) is not None
    words = "not equivariant either" if failed else "equivariant"
    text = f"with its random numbers held fixed it is {words}"
    return Check("held fixed", "measured", text, largest)


# ---- training mode -------------------------------------------------------------------------------


def training_check(audit: Audit) -> Check:
    """Two passes in training mode, and equivariance there: measured, not judged."""
    name = "training"
    try:
        subject = audit.main.subject.copy()
        module = subject.module
        if module is None:
            return Check(name, "skipped", "a callable has no training mode")
        subject.switch(training=True)
        network = Network(subject, audit.spec, audit.main.dtype, grad=audit.main.grad)
        first, second = network(audit.inputs), network(audit.inputs)
        noise = relative(replace(audit, before=first), second, first)
        largest = 0.0
        held = Network(subject, audit.spec, audit.main.dtype, 0, audit.main.grad)
        before = held(audit.inputs)
        trained = replace(audit, before=before)
        for word in audit.elements.generators:
            found, expected = compared(audit, held, audit.inputs, before, [word])
            largest = max(largest, relative(trained, found, expected))
    except BadAnswer as error:
        return Check(name, "measured", f"in training mode {error}")
    random = f"two passes differ by {noise:.1e}" if noise else "two passes are equal"
    held_words = "; with random numbers held fixed" if noise else "; there"
    text = f"{random}{held_words} the generators have this error"
    return Check(name, "measured", text, largest)


# ---- random parameters ---------------------------------------------------------------------------


def randomised(
    subject: Subject, like: Network, inputs: Features, moving: Sequence[str], seed: int
) -> Subject:
    """A copy whose parameters and moving buffers are drawn at random; with smaller draws where the
    answers would not be finite. ``like`` is the network of the model as given.

    Raises:
        BadAnswer: It cannot be copied, or no draw gives finite answers.
    """
    for gain in GAINS:
        made = subject.copy()
        assert made.module is not None
        redraw(made.module, moving, seed, gain)
        network = Network(made, like.spec, like.dtype, grad=like.grad)
        found = network(inputs)
        if all(bool(torch.from_numpy(x).isfinite().all()) for xs in found.values() for x in xs):
            return made
    raise BadAnswer("no draw of its parameters gives finite answers")


def redraw(module: nn.Module, moving: Sequence[str], seed: int, gain: float = 1.0) -> None:
    """Draw the parameters that can be trained (all, if none can) and the named buffers, in place."""
    named = dict(module.named_parameters())
    chosen = {name: p for name, p in named.items() if p.requires_grad} or named
    buffers = dict(module.named_buffers())
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in (*chosen.items(), *((name, buffers[name]) for name in moving)):
            if tensor.is_floating_point() and tensor.numel():
                _draw(tensor, generator, gain, positive=name.endswith("running_var"))


def _draw(tensor: Tensor, generator: torch.Generator, gain: float, *, positive: bool) -> None:
    size = float(tensor.abs().max())
    drawn = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
    drawn = drawn * (max(size, 0.1) * gain)
    tensor.copy_(drawn.abs() + 0.1 if positive else drawn)


def moving_buffers(subject: Subject, like: Network, inputs: Features) -> list[str]:
    """Floating-point buffers that a pass in training mode changes, and running statistics."""
    made = subject.copy()
    assert made.module is not None
    module = made.module
    before = {name: b.clone() for name, b in module.named_buffers() if b.is_floating_point()}
    with contextlib.suppress(BadAnswer):  # it may not run in training mode: the names have to do
        made.switch(training=True)
        Network(made, like.spec, like.dtype, grad=like.grad)(inputs)
    after = dict(module.named_buffers())
    return [
        name
        for name, value in before.items()
        if name.endswith(("running_mean", "running_var"))
        or (name in after and not torch.equal(after[name], value))
    ]


def buffers_check(audit: Audit, moving: Sequence[str], seed: int) -> Check | None:
    """What becomes of the symmetry if a buffer that training leaves alone had other values."""
    module = audit.main.subject.module
    if module is None:
        return None
    with of_the_user("its state"):
        saved = module.state_dict()  # without tables that are not part of the state
    names = [
        name
        for name, b in module.named_buffers()
        if b.is_floating_point() and name not in moving and name in saved
    ]
    matter: list[str] = []
    for name in names[:MOST_BUFFERS]:
        try:
            other = audit.main.subject.copy()
            assert other.module is not None
            buffer = dict(other.module.named_buffers())[name]
            with torch.no_grad():
                _draw(buffer, torch.Generator().manual_seed(seed), 1.0, positive=False)
            network = Network(other, audit.spec, audit.main.dtype, grad=audit.main.grad)
            before = network(audit.inputs)
            for word in audit.elements.generators:
                found, expected = compared(audit, network, audit.inputs, before, [word])
                if worst(audit, found, expected, bounds_for(audit, [word], 100.0)) is not None:
                    matter.append(name)
                    break
        except BadAnswer:
            continue
    if not matter:
        return None
    listed = ", ".join(f"`{name}`" for name in matter)
    text = f"the symmetry depends on the values of {listed}, which training does not move"
    return Check("buffers", "measured", text)
