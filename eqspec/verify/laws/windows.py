"""Windows that slide over positions: does every generator carry windows to windows?

Looked at position by position, with the motions of input, window and result from their own matrices.
"""

from __future__ import annotations

from eqspec.verify.exact import Map, Motion, is_identity
from eqspec.verify.laws.site import Site, Unproved, numbers, without
from eqspec.verify.reading import Malformed
from eqspec.verify.record import Part
from eqspec.verify.types import (
    generators,
    image,
    is_sampled,
    nonzero_of_axes,
    same_axes,
    shape,
)


def check_windows(
    site: Site, source: list[Part], window: list[Part] | None, target: list[Part]
) -> None:
    sweep = site.data
    stride, dilation = number_list(sweep.get("stride")), number_list(sweep.get("dilation"))
    kernel, begins = number_list(sweep.get("kernel")), numbers(sweep.get("padding"), "data.padding")
    circular = site.text("mode") == "circular"
    before = [n for part in source for n in shape(part)]
    after = [n for part in target for n in shape(part)]
    offsets = kernel if window is None else [n for part in window for n in shape(part)]
    count = len(before)
    fits = len(after) == count and offsets == kernel and len(begins) == count
    site.require(
        fits and len(stride) == len(dilation) == count, "its windows have other dimensions"
    )
    for d in range(count):
        span = before[d] + sum(begins[d]) - dilation[d] * (kernel[d] - 1) - 1
        site.require(stride[d] > 0 and span >= 0, "its windows are larger than the padded input")
        site.require(after[d] == span // stride[d] + 1, "it has another number of windows")
    for name, g in generators([*source, *(window or ()), *target]):
        own, last = _moves(source, name, g), _moves(target, name, g)
        if window is None:  # offsets are moved as the positions are, about their middle
            inner = [(to, s, kernel[to] - 1 if s < 0 else 0) for to, s, _ in own]
        else:
            inner = _moves(window, name, g)
        moves = [own, inner, last]
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


def number_list(value: object) -> list[int]:
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


def pool_windows(site: Site) -> None:
    """A mean or maximum of every window. A generator that reverses positions reverses offsets."""
    if "kernel" not in site.data:
        raise Unproved("windows of this kind")
    how = "max" if site.node.op.startswith("max") else "avg"
    site.require(site.text("by") == how, f"it is no `{how}` of a window")
    positions = site.numbers("positions")
    site.require(len(positions) == len(site.args[0]) == len(site.type), "it has other blocks")
    for places, source, target in zip(positions, site.args[0], site.type, strict=True):
        if any(is_sampled(part) for part in source.axes):
            raise Unproved("windows of samples of a picture")
        kept, made = without(source.axes, places), without(target.axes, places)
        site.require(same_axes(kept, made), "the axes beside the positions have changed")
        before = [source.axes[k] for k in places]
        check_windows(site, before, None, [target.axes[k] for k in places])
        if how == "max":
            for name, g in generators(source.axes):
                found = nonzero_of_axes(source.axes, name, g)
                fits = found is not None and all(v > 0 for v in found)
                site.require(fits, "a maximum of entries that are mixed or change signs")


WINDOWS = dict.fromkeys(
    [f"{how}_pool{d}d" for how in ("avg", "max") for d in (1, 2, 3)], pool_windows
)
