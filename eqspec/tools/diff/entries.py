"""What the entries of a tensor are called: fields of a `flat`, points and coordinates of a representation.

A group may act alike on position and velocity; who reads the tensor knows them by their places, which the
names tell. Names of groups, sizes and representations say nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from eqspec.algebra.representations import Representation
from eqspec.graph.model import InputFeature, Module, OutputFeature
from eqspec.graph.types import Axis, Block, FlatAxis, PlainAxis, Type
from eqspec.tools.diff.changes import Remark, Verdict

LARGEST = 1 << 14
"""Entries that are named one by one; on longer axes what is written is compared."""
_MOST = 6

Names = tuple[object, ...] | None
"""The names along an axis; None: there are none."""
Place = tuple[int, int, int]
"""A block, the first of the tensor dimensions of an axis, and their number."""


def entries(type_: Type) -> dict[Place, Names]:
    """The names along every axis that has some."""
    found: dict[Place, Names] = {}
    for number, block in enumerate(type_.one_hot.blocks):
        for axis, (dim, width) in zip(block.axes, block.dims, strict=True):
            if isinstance(axis, PlainAxis):
                continue
            if isinstance(axis, FlatAxis):
                found[number, dim, width] = _names(axis)
                continue
            terms = axis.rep.terms or ()
            if len(terms) != 1 or terms[0].shape != axis.rep.shape or len(terms[0].axes) < 2:
                found[number, dim, width] = _names(axis)
                continue
            at = dim
            for part in terms[0].axes:  # a tensor power has one axis for each of its dimensions
                taken = 1 if isinstance(part, int) else len(part.shape)
                if not isinstance(part, int):
                    found[number, at, taken] = _of(part)
                at += taken
    return {place: names for place, names in found.items() if names is not None}


def module_entries(module: Module) -> tuple[dict[Place, Names], ...]:
    """The names of everything that comes in and goes out, in order, the user's networks included."""
    features: list[InputFeature | OutputFeature] = [*module.inputs, *module.outputs]
    types = [feature.type for feature in features]
    for base in module.bases:
        types += [*base.signature, base.target]
    return tuple(entries(type_) for type_ in types)


def entry_changes(what: str, old: Type, new: Type) -> list[Remark]:
    """What became of the names, of two types with the same shapes."""
    before, after = entries(old), entries(new)
    if before == after:
        return []
    text = ""
    for place in sorted(before.keys() | after.keys()):
        left, right = before.get(place), after.get(place)
        if left == right:
            continue
        if left is not None and right is not None:
            was, now = _written(left, right)
            if max(len(left), len(right)) > _MOST and str(old) != str(new):
                was, now = str(old), str(new)
            return [Remark(Verdict.BROKEN, f"the entries of {what} were {was} and are {now}")]
        had = "had names and have none" if right is None else "had no names and have some"
        text = text or f"the entries of {what} {had}: whether they mean the same is not known"
    return [Remark(Verdict.UNDECIDED, text)]


def _names(axis: Axis) -> Names:
    if isinstance(axis, PlainAxis):
        return None
    if not isinstance(axis, FlatAxis):
        return _of(axis.rep)
    if axis.rep.degree > LARGEST:
        return tuple((name, *_block_words(type_)) for name, type_ in axis.fields)
    return tuple(
        name + (f"+{number}" if number else "") + word
        for name, type_ in axis.fields
        for number, block in enumerate(type_.blocks)
        for word in _block_entries(block)
    )


def _block_words(type_: Type) -> list[object]:
    return [(block.shape, *(_names(axis) for axis in block.axes)) for block in type_.blocks]


def _block_entries(block: Block) -> list[str]:
    """`[0, left]` for every entry of a block, row by row."""
    along = [
        [str(k) for k in range(axis.size)]
        if isinstance(axis, PlainAxis)
        else [str(n) for n in _names(axis) or range(_count(axis.shape))]
        for axis in block.axes
    ]
    return [f"[{', '.join(words)}]" for words in product(*along)]


def _of(rep: Representation) -> Names:
    """The names of the coordinates; of a sum one term after the other, of a product row by row."""
    if rep.points is not None:
        return rep.points
    if rep.terms is None or not _has_names(rep):
        return None
    if not isinstance(rep.degree, int) or rep.degree > LARGEST:
        return tuple(
            tuple(part if isinstance(part, int) else (part.shape, _of(part)) for part in term.axes)
            for term in rep.terms
        )
    return tuple(
        word
        for term in rep.terms
        for word in _products(
            [range(p) if isinstance(p, int) else _of(p) or range(p.degree) for p in term.axes]
        )
    )


def _has_names(rep: Representation) -> bool:
    return rep.points is not None or any(
        _has_names(part) for term in rep.terms or () for part in term.parts
    )


def _products(along: Sequence[Sequence[object]]) -> list[str]:
    return [" ".join(map(str, words)) for words in product(*along)]


def _count(shape: Sequence[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _written(left: Sequence[object], right: Sequence[object]) -> tuple[str, str]:
    """Both in words: of long lists the part from the first difference on."""
    if max(len(left), len(right)) <= _MOST:
        return ", ".join(map(str, left)), ", ".join(map(str, right))
    pairs = zip(left, right, strict=False)
    first = next((k for k, (a, b) in enumerate(pairs) if a != b), 0)
    shown = [", ".join(map(str, names[first : first + _MOST])) for names in (left, right)]
    before = "..., " if first else ""
    return f"{before}{shown[0]}, ...", f"{before}{shown[1]}, ..."
