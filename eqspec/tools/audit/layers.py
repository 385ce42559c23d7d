"""A first guess at the layer that breaks a symmetry.

Hooks record what every submodule takes and gives, for an input and for the moved input. A tensor counts
as well behaved if it moves as some type of the right shape: that of a feature of the spec, or one that
is put together from the acted axes of the spec and plain ones. The first submodule, in the order in
which they finish, that answers badly to well behaved inputs is named. It is a guess: a layer may behave
in a way that only the next one undoes, and a functional call between two layers is seen by no hook.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eqspec.algebra.averages import FWord
from eqspec.graph.model import Module
from eqspec.graph.types import Axis, Block, PlainAxis
from eqspec.lowering.validation import act_on_block
from eqspec.tools.audit.elements import Features, moved
from eqspec.tools.audit.model import BadAnswer

if TYPE_CHECKING:
    from eqspec.tools.audit.core import Audit

Array = NDArray[np.float64]
CANDIDATES = 64
LARGEST = 1 << 22
SAME = 1e-6


@dataclass
class Record:
    """What one call of a submodule took and gave; ``number`` counts the calls."""

    name: str
    kind: str
    takes: list[Array] = field(default_factory=list)
    gives: list[Array] = field(default_factory=list)


Behaves = Callable[[Array, Array], bool]
"""Is what a submodule took or gave in the second call right, beside that of the first?"""


def culprit(audit: Audit, word: FWord, inputs: Features) -> str | None:
    """The first submodule that breaks the symmetry under a word."""
    batch = batch_of(inputs)
    return _guess(
        audit,
        inputs,
        moved(audit.types, inputs, [word]),
        lambda old, new: _behaves(audit.spec, word, batch, old, new),
    )


def mixer(audit: Audit, inputs: Features, others: Features, sample: int) -> str | None:
    """The first submodule that lets one sample see the others: two batches agree in this sample."""
    batch = batch_of(inputs)

    def same(old: Array, new: Array) -> bool:
        if not old.shape or old.shape[0] % batch:
            return bool(np.allclose(old, new, rtol=0, atol=SAME * _size(old)))
        split = (batch, old.shape[0] // batch, *old.shape[1:])
        a, b = old.reshape(split)[sample], new.reshape(split)[sample]
        return bool(np.allclose(a, b, rtol=0, atol=SAME * _size(old)))

    return _guess(audit, inputs, others, same)


def chancy(audit: Audit) -> str | None:
    """The first submodule that answers the same input differently."""
    return _guess(
        audit, audit.inputs, audit.inputs, lambda old, new: bool(np.array_equal(old, new))
    )


def batch_of(inputs: Features) -> int:
    return len(next(iter(inputs.values()))[0])


def _size(x: Array) -> float:
    return float(np.max(np.abs(x), initial=0.0))


def _guess(audit: Audit, first: Features, second: Features, behaves: Behaves) -> str | None:
    """The name and class of the submodule that looks guilty; None if there is nothing to say."""
    module = audit.main.subject.module
    if module is None or not any(True for _ in module.children()):
        return None
    try:
        before, after = _recorded(audit, first), _recorded(audit, second)
    except (BadAnswer, RuntimeError, NotImplementedError, AttributeError):
        return None  # not every module can be watched
    if [record.name for record in before] != [record.name for record in after]:
        return None  # another way through the model
    names = [record.name for record in before]
    known = False
    for old, new in zip(before, after, strict=True):
        takes = [behaves(a, b) for a, b in _pairs(old.takes, new.takes)]
        gives = [behaves(a, b) for a, b in _pairs(old.gives, new.gives)]
        if not takes or not gives:
            continue
        known = True
        if all(takes) and not all(gives):
            if names.count(old.name) > 1:
                return None  # an average calls a layer that has no symmetry itself
            return f"{old.name} ({old.kind})"
    return (
        f"outside of its submodules, in the forward of {type(module).__name__}" if known else None
    )


def _pairs(old: Sequence[Array], new: Sequence[Array]) -> Iterator[tuple[Array, Array]]:
    for a, b in zip(old, new, strict=False):
        if a.shape == b.shape:
            yield a, b


def _recorded(audit: Audit, inputs: Features) -> list[Record]:
    """One call with hooks on every submodule; the records are in the order in which they finish."""
    module = audit.main.subject.module
    assert module is not None
    records: list[Record] = []
    waiting: dict[int, list[list[Array]]] = {}

    def enters(layer: Any, args: Any, kwargs: Any) -> None:
        waiting.setdefault(id(layer), []).append(_arrays([*args, *kwargs.values()]))

    def leaves(layer: Any, args: Any, kwargs: Any, value: Any) -> None:
        del args, kwargs
        takes = waiting[id(layer)].pop()
        records.append(Record(names[id(layer)], type(layer).__name__, takes, _arrays([value])))

    names = {id(layer): name for name, layer in module.named_modules() if name}
    handles = []
    for name, layer in module.named_modules():
        if name:
            handles.append(layer.register_forward_pre_hook(enters, with_kwargs=True))
            handles.append(layer.register_forward_hook(leaves, with_kwargs=True))
    try:
        audit.main(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return records


def _arrays(values: Sequence[Any]) -> list[Array]:
    found: list[Array] = []
    for value in values:
        if isinstance(value, Tensor):
            if value.is_floating_point() and value.numel() <= LARGEST:
                found.append(value.detach().to("cpu", torch.float64).numpy().copy())
        elif isinstance(value, tuple | list):
            found.extend(_arrays(value))
        elif isinstance(value, dict):
            found.extend(_arrays(list(value.values())))
    return found


# ---- does a tensor move as some type? --------------------------------------------------------------


def _behaves(spec: Module, word: FWord, batch: int, old: Array, new: Array) -> bool:
    scale = _size(old)
    for block in _candidates(spec, batch, old.shape):
        shape = (batch, *block.shape)
        expected = act_on_block(old.reshape(shape), block, word)
        if float(np.max(np.abs(new.reshape(shape) - expected), initial=0.0)) <= SAME * scale:
            return True
    return False


def _candidates(spec: Module, batch: int, shape: tuple[int, ...]) -> Iterator[Block]:
    """Blocks that a tensor of this shape may be one of, the plain one first."""
    if not shape or shape[0] % batch:
        yield Block(tuple(PlainAxis(n) for n in (math.prod(shape) // batch,)))
        return
    rest = shape[1:] if shape[0] == batch else (shape[0] // batch, *shape[1:])
    acted = acted_axes(spec)
    yield Block(tuple(PlainAxis(n) for n in rest))
    count = 0
    for _, type_ in _types(spec):
        for block in type_:
            block = block.one_hot  # of words: the scores for each
            if block.factors and block.shape == rest:
                yield block
    for axes in _laid(rest, acted):
        if any(axis.factors for axis in axes):
            count += 1
            if count > CANDIDATES:
                return
            yield Block(axes)


def _types(spec: Module) -> list[tuple[str, tuple[Block, ...]]]:
    found = [(name, type_.blocks) for name, type_ in spec.features]
    return [*found, *((node.name, node.type.blocks) for node in spec.nodes)]


def acted_axes(spec: Module) -> tuple[Axis, ...]:
    """The axes of the spec on which a group acts, each once; and several that stand side by side."""
    found: dict[tuple[Axis, ...], None] = {}
    for _, blocks in _types(spec):
        for block in blocks:
            for axis in block.one_hot.axes:
                if axis.factors:
                    found.setdefault((axis,))
    return tuple(axes[0] for axes in found)


def _laid(sizes: Sequence[int], acted: Sequence[Axis]) -> Iterator[tuple[Axis, ...]]:
    """Every way to lay acted and plain axes over the dimensions; a dimension may also hold channels
    and an acted axis flattened, in either order, or several acted axes."""
    if not sizes:
        yield ()
        return
    for axis in acted:
        shape = axis.shape
        if tuple(sizes[: len(shape)]) == shape:
            for rest in _laid(sizes[len(shape) :], acted):
                yield (axis, *rest)
    for axes in _folded(sizes[0], tuple(acted)):
        for rest in _laid(sizes[1:], acted):
            yield (*axes, *rest)
    for rest in _laid(sizes[1:], acted):
        yield (PlainAxis(sizes[0]), *rest)


@lru_cache(maxsize=1024)
def _folded(size: int, acted: tuple[Axis, ...]) -> tuple[tuple[Axis, ...], ...]:
    """Axes that make one dimension of this size when they are flattened row by row."""
    found: list[tuple[Axis, ...]] = []
    for axis in acted:
        one = math.prod(axis.shape)
        if size % one == 0 and size > one > 1:
            found += [(PlainAxis(size // one), axis), (axis, PlainAxis(size // one))]
    for first in acted:
        for second in acted:
            if math.prod(first.shape) * math.prod(second.shape) == size:
                found.append((first, second))
    for axis in acted:
        if len(axis.shape) > 1 and math.prod(axis.shape) == size:
            found.append((axis,))
    return tuple(found)
