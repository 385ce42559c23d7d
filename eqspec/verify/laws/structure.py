"""Ops that only arrange: names, sums, concatenations, fields, blocks, calls."""

from __future__ import annotations

from dataclasses import replace

from eqspec.verify.exact import Moved, matrix
from eqspec.verify.laws.site import Broken, Site, Unproved, without
from eqspec.verify.record import Block, Part, Type
from eqspec.verify.types import (
    generators,
    image,
    is_point,
    permutes,
    same,
    same_axes,
    same_block,
    same_type,
    size,
)


def input_(site: Site) -> None:
    known = site.module.inputs.get(site.node.name)
    site.require(known is not None, "the module has no input of this name")
    assert known is not None
    site.require(same_type(known, site.type), "its type is not that of the input")


def unchanged(site: Site) -> None:
    """`identity`, `stop_gradient`; `dropout` drops whole fibres: a number for each, in any draw."""
    site.require(len(site.args) == 1, "it has one argument")
    site.require(same_type(site.args[0], site.type), "the type of its argument is another")


def sum_(site: Site) -> None:
    points = [k for k, type_ in enumerate(site.args) if _has_points(type_)]
    if not points:
        for type_ in site.args:
            site.require(same_type(type_, site.type), "a term has another type than the sum")
        return
    site.require(len(points) == 1, "two points are added")
    site.require(same_type(site.args[points[0]], site.type), "the sum is no point of this kind")
    for k, type_ in enumerate(site.args):
        if k != points[0]:
            site.require(_is_vector_of(type_, site.type), "a term is no vector of these points")


def _has_points(type_: Type) -> bool:
    return any(is_point(part) for block in type_ for part in block.axes)


def _is_vector_of(type_: Type, points: Type) -> bool:
    """Is it moved by x -> Ax where the points are moved by x -> Ax + t?"""
    if len(type_) != len(points):
        return False
    for block, other in zip(type_, points, strict=True):
        if len(block.axes) != len(other.axes):
            return False
        for a, b in zip(block.axes, other.axes, strict=True):
            if not is_point(b):
                if not same(a, b):
                    return False
                continue
            for name, g in generators([b]):
                moved = image(b, name, g)
                linear = moved.linear if isinstance(moved, Moved) else moved
                if matrix(image(a, name, g)) != matrix(linear):
                    return False
    return True


def concat(site: Site) -> None:
    parts = [block for type_ in site.args for block in type_]
    how = site.text("how")
    if how == "blocks":
        fits = len(parts) == len(site.type) and all(map(same_block, parts, site.type))
        site.require(fits, "its blocks are not those of the parts")
    elif how == "flat":
        site.require(len(site.type) == 1 and len(site.type[0].axes) == 1, "it is no single axis")
        site.require(
            _is_sum_of(site.type[0].axes[0], [block.axes for block in parts]),
            "what acts on it is not the direct sum of what acts on the parts",
        )
    elif how == "channels":
        _along_channels(site, parts, site.whole("axis"))
    else:
        raise Unproved(f"`concat` by {how}")


def _along_channels(site: Site, parts: list[Block], at: int) -> None:
    site.require(len(site.type) == 1, "it has several blocks")
    result = site.type[0]
    site.require(at < len(result.axes) and isinstance(result.axes[at], int), "no such plain axis")
    total = 0
    for block in parts:
        site.require(len(block.axes) == len(result.axes), "a part has other axes")
        own = block.axes[at]
        site.require(isinstance(own, int), "something acts along the joined axis")
        total += size(own)
        for a, b in (
            (block.axes[:at], result.axes[:at]),
            (block.axes[at + 1 :], result.axes[at + 1 :]),
        ):
            site.require(same_axes(a, b), "a part has other axes")
    site.require(total == result.axes[at], "the sizes along the joined axis do not add up")


def _is_sum_of(axis: Part, parts: list[tuple[Part, ...]]) -> bool:
    """Is the action on an axis the direct sum of tensor products, by its own terms?"""
    terms = [(axis,)] if isinstance(axis, int) or axis.sum is None else list(axis.sum)
    return len(terms) == len(parts) and all(
        _same_product(term, own) for term, own in zip(terms, parts, strict=True)
    )


def _same_product(first: tuple[Part, ...], second: tuple[Part, ...]) -> bool:
    return len(first) == len(second) and all(
        size(a) == size(b) and same(a, b) for a, b in zip(first, second, strict=True)
    )


def field(site: Site) -> None:
    axis, start = site.whole("axis"), site.whole("start")
    block = site.args[0][0]
    site.require(len(site.args[0]) == 1 and axis < len(block.axes), "its argument has no such axis")
    flat = block.axes[axis]
    terms = [(flat,)] if isinstance(flat, int) or flat.sum is None else list(flat.sum)
    offset, first = 0, 0
    while offset < start and first < len(terms):
        offset += _degree(terms[first])
        first += 1
    site.require(offset == start, "the field does not begin where a part of the axis begins")
    before, after = block.axes[:axis], block.axes[axis + 1 :]
    for number, result in enumerate(site.type):
        site.require(first + number < len(terms), "the field is longer than the axis")
        end = len(result.axes) - len(after)
        inner = result.axes[len(before) : end]
        fits = same_axes(before, result.axes[: len(before)]) and same_axes(after, result.axes[end:])
        site.require(fits, "the other axes have changed")
        site.require(
            _same_product(terms[first + number], inner), "another action stands at this field"
        )


def _degree(term: tuple[Part, ...]) -> int:
    total = 1
    for part in term:
        total *= size(part)
    return total


def block(site: Site) -> None:
    start, stop = site.whole("start"), site.whole("stop")
    site.require(start < stop <= len(site.args[0]), "its argument has no such blocks")
    fits = same_type(site.args[0][start:stop], site.type)
    site.require(fits, "the blocks of its argument are others")


def call(site: Site) -> None:
    key = site.text("module")
    called = site.certificate.modules.get(key)
    keys = list(site.certificate.modules)
    if called is None or keys.index(key) >= keys.index(site.module.key):
        raise Broken(f"no module {key!r} stands before this one")
    site.require(not called.interface, f"{key!r} is an interface, which nothing computes")
    inputs = list(called.inputs.values())
    fits = len(inputs) == len(site.args) and all(map(same_type, inputs, site.args))
    site.require(fits, "its arguments have other types than the inputs of the module")
    made = tuple(block for _, type_ in called.outputs.values() for block in type_)
    site.require(same_type(made, site.type), "its type is not that of the outputs of the module")
    bases = site.data.get("bases")
    known = isinstance(bases, list) and len(bases) == len(called.bases)
    site.require(
        known and all(name in site.module.bases for name in bases or ()), "a base is missing"
    )
    for name, wanted in zip(bases or (), called.bases.values(), strict=True):
        more = set(wanted.claims) - set(site.module.bases[name].claims)
        site.require(not more, f"the module relies on claims that `{name}` does not make")


def center(site: Site) -> None:
    """The mean along permuted axes is taken off: what is added to all rows alike falls out."""
    site.require(_is_vector_of(site.type, site.args[0]), "its type is not that of differences")
    axes = site.numbers("axes")
    site.require(len(axes) == len(site.args[0]), "it has other blocks")
    for own, block in zip(axes, site.args[0], strict=True):
        kept = without(block.axes, own)
        site.require(
            permutes([block.axes[k] for k in own]), "the averaged entries are not permuted"
        )
        site.require(len(kept) < len(block.axes), "it averages over nothing")


def difference(site: Site) -> None:
    """Of two features of one type, or of all rows along a first axis that is permuted."""
    if site.data.get("pairwise") is not True:
        site.require(len(site.args) == 2, "it has two arguments")
        site.require(same_type(site.args[0], site.args[1]), "the terms have different types")
        site.require(_is_vector_of(site.type, site.args[0]), "its type is not that of differences")
        return
    site.require(len(site.args[0]) == len(site.type), "it has other blocks")
    for source, result in zip(site.args[0], site.type, strict=True):
        first = result.axes[:1]
        site.require(permutes(first), "the rows are not permuted")
        site.require(same_axes(first, source.axes[:1]), "the rows are others")
        rest = replace(result, axes=result.axes[1:])
        site.require(_is_vector_of((rest,), (source,)), "its type is not that of differences")


STRUCTURE = {
    "input": input_,
    "identity": unchanged,
    "stop_gradient": unchanged,
    "dropout": unchanged,
    "+": sum_,
    "concat": concat,
    "field": field,
    "block": block,
    "call": call,
    "center": center,
    "difference": difference,
}
