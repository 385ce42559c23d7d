"""Layers of linear maps: their spaces are those of the types, so that every choice of weights commutes."""

from __future__ import annotations

from typing import TypeAlias

from eqspec.verify.exact import Map, Motion, is_identity
from eqspec.verify.laws.site import Site, Unproved, numbers, without
from eqspec.verify.reading import Malformed
from eqspec.verify.record import Action, Part
from eqspec.verify.types import generators, image, permutes, same, same_axes, shape, size

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
                _check_windows(
                    site,
                    [source.axes[axis] for axis in own[s]],
                    list(window),
                    [target.axes[axis] for axis in results[t]],
                )
        if t in biases:
            wanted[None, t] = (), right
    _compare(site, wanted)


def _check_windows(site: Site, source: list[Part], window: list[Part], target: list[Part]) -> None:
    sweep = site.data
    stride, dilation = _numbers(sweep.get("stride")), _numbers(sweep.get("dilation"))
    kernel, begins = _numbers(sweep.get("kernel")), numbers(sweep.get("padding"), "data.padding")
    circular = site.text("mode") == "circular"
    before = [n for part in source for n in shape(part)]
    after = [n for part in target for n in shape(part)]
    offsets = [n for part in window for n in shape(part)]
    count = len(before)
    fits = len(after) == count and offsets == kernel and len(begins) == count
    site.require(
        fits and len(stride) == len(dilation) == count, "its windows have other dimensions"
    )
    for d in range(count):
        span = before[d] + sum(begins[d]) - dilation[d] * (kernel[d] - 1) - 1
        site.require(stride[d] > 0 and span >= 0, "its windows are larger than the padded input")
        site.require(after[d] == span // stride[d] + 1, "it has another number of windows")
    for name, g in generators([*source, *window, *target]):
        moves = [_moves(parts, name, g) for parts in (source, window, target)]
        for d in range(count):
            sizes = before[d], kernel[d], after[d]
            # on one entry no motion shows: the others say where the dimension goes, and how
            told = [move[d] for move, size_ in zip(moves, sizes, strict=True) if size_ > 1]
            to, sign, shift = told[0] if told else (d, 1, 0)
            site.require(all(other[0] == to for other in told), "axes are exchanged differently")
            if before[d] == 1:
                shift = 0
            (_, w_sign, w_shift), (_, o_sign, o_shift) = moves[1][d], moves[2][d]
            for o in range(after[d]):
                for w in range(kernel[d]):
                    here = stride[d] * o + dilation[d] * w - begins[d][0]
                    o_new = (o_sign * o + o_shift) % after[to]
                    w_new = (w_sign * w + w_shift) % kernel[to]
                    there = stride[to] * o_new + dilation[to] * w_new - begins[to][0]
                    wanted = sign * here + shift
                    # beyond the edges the motion goes on as inside; a roll needs circular padding
                    fine = (there - wanted) % before[to] == 0 if circular else there == wanted
                    site.require(fine, f"generator {g} of {name} does not carry windows to windows")


def _numbers(value: object) -> list[int]:
    if not isinstance(value, list) or not all(type(n) is int for n in value):
        raise Malformed("data of a convolution is no list of whole numbers")
    return value


def _moves(parts: list[Part], name: str, generator: int) -> list[tuple[int, int, int]]:
    """For every dimension where it goes, its sign, and its shift; reversal is n - 1 - c."""
    found: list[tuple[int, int, int]] = []
    for part in parts:
        start = len(found)
        value: Map = image(part, name, generator)
        if is_identity(value):
            found += [(start + k, 1, 0) for k in range(len(shape(part)))]
        elif isinstance(value, Motion):
            for k, n in enumerate(value.shape):
                axis, sign, offset = value.axes[k], value.signs[k], value.offsets[k]
                if n == 2 and sign == 1 and offset == 1:
                    sign, offset = -1, 1  # of two entries a roll is a reversal
                found.append((start + axis, sign, offset))
        else:
            raise Unproved("positions that move by a permutation of another form")
    return found


MAPS = {
    "linear": linear,
    "embedding": embedding,
    "conv1d": convolution,
    "conv2d": convolution,
    "conv3d": convolution,
}
