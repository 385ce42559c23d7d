"""Ops that reduce along axes: pools and lengths."""

from __future__ import annotations

from typing import Any

from eqspec.verify.exact import Rows
from eqspec.verify.forms import fits, is_invariant, is_positive
from eqspec.verify.laws.site import Site, Unproved, left_over, without
from eqspec.verify.reading import Malformed
from eqspec.verify.record import Part
from eqspec.verify.types import is_sampled, permutes, permutes_with, same_type
from eqspec.verify.values import rows_of


def pool(site: Site) -> None:
    """The entries along the pooled axes are permuted; a maximum also allows positive factors on others."""
    if "axes" not in site.data:
        raise Unproved("pools over subgroups")
    pooled, how = site.numbers("axes"), site.text("by")
    site.require(len(pooled) == len(site.args[0]) == len(site.type), "it has other blocks")
    for removed, block, result in zip(pooled, site.args[0], site.type, strict=True):
        if any(is_sampled(part) for part in block.axes):
            raise Unproved("pools over samples of a picture")
        gone = [block.axes[k] for k in removed if k < len(block.axes)]
        site.require(permutes(gone), "the entries along a pooled axis are not permuted")
        site.require(left_over(block.axes, removed, result.axes), "its type is not what is left")
        if how == "max" and removed:
            kept = without(block.axes, removed)
            site.require(permutes_with(kept, "positive"), "a maximum of entries that change signs")
        elif how not in ("mean", "sum", "max"):
            raise Unproved(f"`pool` by {how}")


def norm(site: Site) -> None:
    """Lengths by invariant positive forms; the other axes are permuted."""
    kept = _lengths(site)
    for axes, result in zip(kept, site.type, strict=True):
        site.require(permutes(axes), "the lengths are not permuted")
        site.require(left_over(axes, (), result.axes), "its type is not what is left")


def norm_relu(site: Site) -> None:
    """A function of the length times the vector; the other axes are permuted up to signs."""
    kept = _lengths(site)
    site.require(same_type(site.args[0], site.type), "the type of its argument is another")
    for axes in kept:
        site.require(permutes_with(axes, "signs"), "the lengths are not permuted")


def _lengths(site: Site) -> list[tuple[Part, ...]]:
    """Checks the forms; the axes that are left, block by block."""
    chosen, forms = site.numbers("axes"), site.data.get("forms")
    if not isinstance(forms, list) or len(forms) != len(chosen):
        raise Malformed(f"node {site.node.name!r}: data.forms is none")
    site.require(len(chosen) == len(site.args[0]) == len(site.type), "it has other blocks")
    left = []
    for removed, own, block in zip(chosen, forms, site.args[0], strict=True):
        kept = without(block.axes, removed)
        if not isinstance(own, list) or len(own) != len(removed):
            raise Malformed(f"node {site.node.name!r}: data.forms is none")
        for k, written in zip(removed, own, strict=True):
            form = form_of(written)
            axis = block.axes[k]
            site.require(fits(axis, form), "a form has another size than its axis")
            site.require(is_invariant(axis, form), "a form is not kept by the group")
            site.require(is_positive(form), "a form is not positive definite")
        left.append(kept)
    return left


def form_of(written: Any) -> Rows | None:
    return None if written is None else rows_of(written, "a form")


REDUCING = {"pool": pool, "norm": norm, "norm_relu": norm_relu}
