"""`resize`, `upsample` and `pad`: other sizes by interpolation, and entries added or taken off at the ends.

They are linear along the positions, so that anything may act on the channels. `align_corners` to one entry
takes the first, and `nearest` rounds to one side: these commute with a reversal at some sizes only
(`algebra.windows`). The size of the result is always written out: PyTorch rounds the size that a factor
gives and goes on with the factor, which breaks the symmetry.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from eqspec.algebra.windows import (
    EXTENSIONS,
    Framed,
    Law,
    Mode,
    Resampled,
    nearest_places,
    rounds_alike,
)
from eqspec.graph.op import CallSite, Checked, EndsOr, Keyword, Signature
from eqspec.graph.types import Block
from eqspec.ops.contract import Op
from eqspec.ops.pools import Picked, Step, check_blocks, lower, size_of
from eqspec.ops.spatial import Spatial, ends_of
from eqspec.program.pooling import Pad, Resize

MODES = ("linear", "bilinear", "trilinear", "bicubic", "nearest", "nearest_exact", "area")
_BY_COUNT: dict[int, Literal["linear", "bilinear", "trilinear"]] = {
    1: "linear",
    2: "bilinear",
    3: "trilinear",
}
_OPTIONS: dict[str, Keyword] = {
    "mode": MODES,
    "align_corners": "boolean",
    "antialias": "boolean",
    "over": "axes",
}


def _check_resize(site: CallSite) -> Checked:
    def plan(spatial: Spatial, block: Block) -> tuple[tuple[Law, ...], tuple[Step, ...]]:
        return _resampled(site, spatial, list(size_of(site, spatial)), Fraction(1))

    return check_blocks(site, None, plan)


def _check_upsample(site: CallSite) -> Checked:
    factor = _factor(site)

    def plan(spatial: Spatial, block: Block) -> tuple[tuple[Law, ...], tuple[Step, ...]]:
        return _resampled(site, spatial, [None] * len(spatial.sizes), factor)

    return check_blocks(site, None, plan)


def _factor(site: CallSite) -> Fraction:
    given = site.keywords.get("factor")
    if given is None:
        site.refuse("EQS207", "`upsample` needs `factor=`", "such as 2", span=site.whole)
    assert isinstance(given, float)
    factor = Fraction(given).limit_denominator(1000)
    if float(factor) != given or factor <= 0:
        site.refuse(
            "EQS207",
            "`factor` is a positive fraction of small numbers",
            f"found {given:g}",
            span=site.keyword_spans["factor"],
            help="`resize(x, size=...)` takes the size itself",
        )
    return factor


def _resampled(
    site: CallSite, spatial: Spatial, sizes: list[int] | list[None], factor: Fraction
) -> tuple[tuple[Law, ...], tuple[Step, ...]]:
    count = len(spatial.sizes)
    mode = site.keywords.get("mode", _BY_COUNT[count])
    assert mode in MODES, "the signature lists the words"
    corners = site.keywords.get("align_corners") is True
    antialias = site.keywords.get("antialias") is True
    fits = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}.get(mode, count)
    if fits != count:
        site.refuse(
            "EQS207",
            f"`{mode}` is for {fits} dimension{'s' if fits > 1 else ''}, not {count}",
            span=site.keyword_spans["mode"],
            help=f"`mode={_BY_COUNT[count]}`",
        )
    if corners and mode in ("nearest", "nearest_exact", "area"):
        site.refuse(
            "EQS207", f"`{mode}` has no corners to align", span=site.keyword_spans["align_corners"]
        )
    if antialias and mode not in ("bilinear", "bicubic"):
        site.refuse(
            "EQS207",
            "`antialias` is for `bilinear` and `bicubic`",
            f"the mode is `{mode}`",
            span=site.keyword_spans["antialias"],
        )
    if antialias and corners:
        site.refuse(
            "EQS207",
            "`antialias` and `align_corners` exclude each other",
            "the filter would begin half an entry off",
            span=site.keyword_spans["antialias"],
        )
    kind: Mode = mode if mode in ("nearest", "nearest_exact", "area", "bicubic") else "linear"  # type: ignore[assignment]  # one of the words
    laws = tuple(Resampled(kind, size, factor, corners, antialias) for size in sizes)
    results = tuple(law.result(size) for law, size in zip(laws, spatial.sizes, strict=True))
    if antialias and results[-1] == 1 < results[0] and spatial.sizes[0] > 1:
        # seen in torch 2.13: every row of the result is the first one, which no reversal permutes
        site.refuse(
            "EQS463",
            "`antialias` to a width of 1 is wrong in PyTorch",
            f"it repeats the first row {results[0]} times",
            span=site.keyword_spans["antialias"],
            help="leave `antialias` out, or pool the width first: `avg_pool2d(x, kernel=[1, ...])`",
        )
    if mode in ("nearest", "nearest_exact"):
        return laws, (_nearest(spatial.sizes, results, mode == "nearest_exact"),)
    return laws, (Resize((), results, mode, corners, antialias),)  # type: ignore[arg-type]  # one of the words


def _nearest(sizes: Sequence[int], results: tuple[int, ...], exact: bool) -> Step:
    """Whole multiples have the same places by both definitions, and the middle of an entry is safe from
    rounding; where neither is, the places are written out."""
    pairs = list(zip(sizes, results, strict=True))
    if any(out < 1 for out in results):  # refused by its law
        return Resize((), results, "nearest")
    if all(rounds_alike(size, out, exact) for size, out in pairs):
        return Resize((), results, "nearest-exact" if exact else "nearest")
    multiples = all(out % size == 0 for size, out in pairs)
    if multiples and all(rounds_alike(size, out, True) for size, out in pairs):
        return Resize((), results, "nearest-exact")
    return Picked(tuple(nearest_places(size, out, exact) for size, out in pairs))


def _check_pad(site: CallSite) -> Checked:
    mode = site.keywords.get("mode", "zero")
    assert mode in EXTENSIONS, "the signature lists the words"
    if "padding" not in site.keywords:
        site.refuse("EQS207", "`pad` needs `padding=`", "how many entries", span=site.whole)

    def plan(spatial: Spatial, block: Block) -> tuple[tuple[Law, ...], tuple[Step, ...]]:
        ends = ends_of(site, spatial, negative=True)
        if mode != "zero" and min(min(pair) for pair in ends) < 0:
            site.refuse(
                "EQS207",
                f"a padding that cuts has no mode `{mode}`",
                span=site.keyword_spans["padding"],
                help="cut in a `pad` of its own",
            )
        laws = tuple(Framed(before, after, mode) for before, after in ends)
        return laws, (Pad((), ends, mode),)

    return check_blocks(site, None, plan)


RESIZE = Op(
    "resize",
    Signature(keywords={"size": "numbers", **_OPTIONS}, sampled="grid"),
    _check_resize,
    lower,
    "the entries of the result lie symmetrically under every motion of the positions, and interpolation"
    " is linear",
)
UPSAMPLE = Op(
    "upsample",
    Signature(keywords={"factor": "number", **_OPTIONS}, sampled="grid"),
    _check_upsample,
    lower,
    RESIZE.rule,
)
PAD = Op(
    "pad",
    Signature(keywords={"padding": EndsOr(), "mode": EXTENSIONS, "over": "axes"}, sampled="grid"),
    _check_pad,
    lower,
    "as much is added or taken off at both ends of whatever a generator reverses, and alike along"
    " dimensions that it exchanges",
)
OPS = (RESIZE, UPSAMPLE, PAD)
