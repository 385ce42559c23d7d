"""Layers of linear maps: their spaces are those of the types, so that every choice of weights commutes."""

from __future__ import annotations

from typing import TypeAlias

from eqspec.verify.laws.site import Site, Unproved, numbers, without
from eqspec.verify.laws.windows import check_windows
from eqspec.verify.reading import Malformed
from eqspec.verify.record import Action, Part
from eqspec.verify.types import generators, permutes, same, same_axes, size

Key: TypeAlias = tuple[tuple[int, int] | None, int]
Ends: TypeAlias = dict[Key, tuple[tuple[Part, ...], tuple[Part, ...]]]
"""For (argument, block) and block of the result: the axes between which the maps are."""


def linear(site: Site) -> None:
    """1 (x) Q along the axes of ``each``, with Q in Hom_G of all others; 1 (x) b for the bias."""
    each = site.data.get("each")
    if not isinstance(each, list) or len(each) != len(site.args) + 1:
        raise Malformed(f"node {site.node.name!r}: data.each is none")
    places = [numbers(own, f"node {site.node.name!r}: data.each") for own in each]
    ends = [*site.args, site.type]
    for own, type_ in zip(places, ends, strict=True):
        site.require(len(own) == len(type_), "`each` has other blocks")
        for block in type_:
            site.require(block.values is None, "it is applied to whole numbers")
    _same_each(site, places)
    wanted: Ends = {}
    for t, target in enumerate(site.type):
        right = without(target.axes, places[-1][t])
        for k, type_ in enumerate(site.args):
            for s, source in enumerate(type_):
                wanted[(k, s), t] = without(source.axes, places[k][s]), right
        wanted[None, t] = (), right
    _compare(site, wanted)
    for space in site.node.spaces:
        if space.arg is None and space.dimension:
            along = [site.type[space.to].axes[k] for k in places[-1][space.to]]
            site.require(permutes(along), "a bias is the same at indices that are not permuted")


def _same_each(site: Site, places: list[list[list[int]]]) -> None:
    """The axes in `each` are the same in all blocks of all ends."""
    first: list[Part] | None = None
    for own, type_ in zip(places, [*site.args, site.type], strict=True):
        for removed, block in zip(own, type_, strict=True):
            without(block.axes, removed)
            here = [block.axes[k] for k in removed]
            if first is None:
                first = here
            fits = len(here) == len(first) and all(
                size(a) == size(b) and same(a, b) for a, b in zip(here, first, strict=True)
            )
            site.require(fits, "an axis along which one map is used differs at its ends")


def _compare(
    site: Site,
    wanted: Ends,
) -> None:
    """Every block pair once, between the axes that it must be between; biases may be left out."""
    seen: set[Key] = set()
    for space in site.node.spaces:
        key = space.arg, space.to
        site.require(key in wanted and key not in seen, "a space of maps belongs to no blocks")
        seen.add(key)
        source, target = wanted[key]
        fits = same_axes(source, space.source) and same_axes(target, space.target)
        site.require(fits, "a space of maps is between other axes than those of the types")
    for key in wanted:
        site.require(key in seen or key[0] is None, "the space of a pair of blocks is missing")
    total = sum(space.dimension for space in site.node.spaces)
    site.require(total == site.node.parameters, "the dimensions do not add up to its parameters")


def embedding(site: Site) -> None:
    places = site.whole("places")
    source = site.args[0][0]
    site.require(len(site.args[0]) == 1 and source.values is not None, "its argument has no words")
    assert source.values is not None
    words, rep = source.values
    point: Part = words if rep is None else rep
    site.require(places == len(source.axes), "it does not keep the places of its argument")
    wanted: Ends = {}
    for t, block in enumerate(site.type):
        site.require(same_axes(block.axes[:places], source.axes), "it moves places")
        wanted[(0, 0), t] = (point,), block.axes[places:]
    for space in site.node.spaces:  # words on which nothing acts are a size there
        if space.source and isinstance(space.source[0], Action) and isinstance(point, int):
            site.require(size(space.source[0]) == words, "its table has another number of words")
            wanted[space.arg, space.to] = space.source, wanted[space.arg, space.to][1]
            site.require(not generators(space.source), "something acts on words that are fixed")
    site.require(permutes([point]), "the words are not permuted")
    _compare(site, wanted)


# ---- convolutions --------------------------------------------------------------------------------


def convolution(site: Site) -> None:
    """Kernels in Hom_G(V (x) window, U), and every generator carries the window of each position to the
    window of the position that it carries it to: looked at position by position."""
    if site.data.get("transposed") or site.whole("groups") != 1:
        raise Unproved("transposed and grouped convolutions")
    positions = site.data.get("positions")
    results = site.numbers("results")
    if not isinstance(positions, list) or len(positions) != len(site.args):
        raise Malformed(f"node {site.node.name!r}: data.positions is none")
    biases = {space.to: space for space in site.node.spaces if space.arg is None}
    wanted: Ends = {}
    spaces = {(space.arg, space.to): space for space in site.node.spaces}
    for t, target in enumerate(site.type):
        right = without(target.axes, results[t])
        for k, type_ in enumerate(site.args):
            own = numbers(positions[k], "data.positions")
            for s, source in enumerate(type_):
                left = without(source.axes, own[s])
                space = spaces.get(((k, s), t))
                site.require(space is not None, "the space of a pair of blocks is missing")
                assert space is not None
                window = space.source[len(left) :]
                wanted[(k, s), t] = (*left, *window), right
                check_windows(
                    site,
                    [source.axes[axis] for axis in own[s]],
                    list(window),
                    [target.axes[axis] for axis in results[t]],
                )
        if t in biases:
            wanted[None, t] = (), right
    _compare(site, wanted)


MAPS = {
    "linear": linear,
    "embedding": embedding,
    "conv1d": convolution,
    "conv2d": convolution,
    "conv3d": convolution,
}
