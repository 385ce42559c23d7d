"""Along which axes a length is taken: `over=G`, `axis=G.rep`, or every axis that is no permutation.

Shared by `norm`, `norm_relu` and `dot`. The axes that are not chosen are kept; a factor that acts on a
chosen axis must be named in `over`, as for `pool`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from eqspec.algebra.forms import Form, invariant_form
from eqspec.algebra.representations import Representation, same_action
from eqspec.diagnostics.model import Label, Span
from eqspec.graph.op import CallSite, Keyword
from eqspec.graph.types import Block, PlainAxis, RepAxis, Type, block_entries

if TYPE_CHECKING:
    from eqspec.program.builder import Builder

LETTERS = "abcdefghijklmnopqrstuvwABCDEFGHIJKLMNOPQRSTUVW"  # x and y are kept for new axes
OPTIONS: Mapping[str, Keyword] = {"over": "group", "axis": "axis"}


def chosen_axes(site: CallSite, type_: Type, span: Span) -> tuple[tuple[int, ...], ...]:
    """The axes of every block along which the op works.

    Raises:
        Refusal: both keywords, or nothing to work along.
    """
    over, axis = site.keywords.get("over"), site.keywords.get("axis")
    if over is not None and axis is not None:
        site.refuse(
            "EQS207",
            f"`{site.op}` takes `over=GROUP` or `axis=GROUP.rep`, not both",
            span=site.whole,
        )
    found = tuple(_of_block(site, block, span) for block in type_.blocks)
    if not any(found):
        if over is None and axis is None:
            acting = sorted(type_.factors)
            site.refuse(
                "EQS440",
                f"`{site.op}` finds no axis to work along",
                f"every axis of {type_} is permuted or plain",
                span=span,
                help=f"`over={acting[0]}` takes the axes of `{acting[0]}`"
                if acting
                else "no group acts on this",
            )
        what = " * ".join(over) if isinstance(over, tuple) else str(getattr(axis, "label", axis))
        site.refuse("EQS440", f"there is no axis of `{what}`", f"the type is {type_}", span=span)
    return found


def _of_block(site: CallSite, block: Block, span: Span) -> tuple[int, ...]:
    over, axis = site.keywords.get("over"), site.keywords.get("axis")
    if isinstance(axis, Representation):
        found = tuple(
            k
            for k, a in enumerate(block.axes)
            if isinstance(a, RepAxis) and a.shape == axis.shape and same_action(a.rep, axis)
        )
        if len(found) > 1:
            site.refuse(
                "EQS440",
                f"`{axis.label}` stands {len(found)} times in {block}",
                "which of them is meant is not clear",
                span=span,
                help=f"`over=...` takes all of them; `{site.op}(x)` every axis that is no permutation",
            )
        return found
    if not isinstance(over, tuple):
        return tuple(
            k
            for k, a in enumerate(block.axes)
            if not isinstance(a, PlainAxis) and not a.rep.is_permutation
        )
    found = tuple(k for k, a in enumerate(block.axes) if a.factors & set(over))
    for k in found:
        others = sorted(block.axes[k].factors - set(over))
        if others:
            site.refuse(
                "EQS440",
                f"`{others[0]}` acts on `{block.axes[k]}` too",
                f"`{site.op}` works along the whole axis, for all factors that act on it",
                span=span,
                help=f"name both: `over={' * '.join((*over, *others))}`",
            )
    return found


def kept_axes(block: Block, chosen: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(k for k in range(len(block.axes)) if k not in chosen)


def check_kept(
    site: CallSite, block: Block, chosen: tuple[int, ...], signs: bool, span: Span
) -> None:
    """Every generator permutes the kept indices; with ``signs`` it may change signs there."""
    kept = Block(tuple(block.axes[k] for k in kept_axes(block, chosen)))
    for factor, group in sorted(Type((kept,)).groups.items()):
        for number, generator in enumerate(group.generators):
            values = block_entries(kept, factor, number)
            if values is not None and all(s == 1 or (signs and s == -1) for s in values):
                continue
            axis = next(a for a in kept.axes if factor in a.factors)
            site.refuse(
                "EQS441",
                f"`{site.op}` beside `{axis}` is not equivariant",
                f"it takes one length for every index there, and `{factor}.{generator}`"
                + (" mixes them" if values is None else " multiplies some"),
                span=span,
                help="take it along that axis as well: "
                + (
                    f"`over={' * '.join(sorted({*named(site), factor}))}`"
                    if "over" in site.keywords
                    else f"`{site.op}(x)` works along every axis that is no permutation"
                ),
            )


def named(site: CallSite) -> tuple[str, ...]:
    over = site.keywords.get("over")
    return over if isinstance(over, tuple) else ()


def form_of(site: CallSite, block: Block, k: int, span: Span, *, definite: bool) -> Form:
    """The invariant form of an axis; with ``definite`` it must be positive definite."""
    axis = block.axes[k]
    assert not isinstance(axis, PlainAxis)
    form = invariant_form(axis.rep)
    labels = (Label(site.args[0].span, f"its type is {site.args[0].type}"),)
    if form is None:
        site.refuse(
            "EQS442",
            f"no invariant form on `{axis}` is known",
            "lengths and products along it would depend on the coordinates",
            span=span,
            labels=labels,
            help="`dot(x, y)` pairs it with an axis of its dual",
        )
    if definite and not form.definite:
        kind = "indefinite" if form.symmetric else "antisymmetric"
        site.refuse(
            "EQS442",
            f"`{site.op}` needs a positive length along `{axis}`",
            f"its invariant form is {kind}",
            span=span,
            labels=labels,
            help="`dot(x, x)` is the invariant square; `gated(x, ...)` multiplies by functions of it"
            if form.symmetric
            else "`dot(x, y)` of two different features is invariant",
        )
    return form


def lower_square(b: Builder, x: int, block: Block, forms: Mapping[int, Form]) -> int:
    """<x, x> for every index of the axes that have no form."""
    dims = chosen_dims(block, tuple(forms))
    if all(form.is_identity for form in forms.values()):
        return b.reduce(b.pointwise(x, "square"), dims, "sum")
    square = b.reduce(b.mul(x, apply_forms(b, x, block, forms)), dims, "sum")
    return b.scale(square, scale_of(forms.values()))


def scale_of(forms: Iterable[Form]) -> float:
    return float(math.prod(form.scale for form in forms))


def chosen_dims(block: Block, chosen: tuple[int, ...]) -> list[int]:
    """The tensor dimensions of some axes."""
    return [d for k in chosen for d in range(block.dims[k][0], sum(block.dims[k]))]


def apply_forms(b: Builder, x: int, block: Block, forms: Mapping[int, Form]) -> int:
    """B x, along every axis that has a form."""
    import numpy as np

    for k, form in sorted(forms.items()):
        if form.is_identity:
            continue
        axis = block.axes[k]
        assert not isinstance(axis, PlainAxis)
        start, count = block.dims[k]
        shape = b.shape(x)
        hint = f"invariant form of {axis}"
        if form.diagonal is not None:
            sizes = [n if start <= d < start + count else 1 for d, n in enumerate(shape)]
            diagonal = np.reshape([float(v) for v in form.diagonal], sizes)
            x = b.mul(x, b.number(diagonal, hint))
            continue
        parts = _tensor_parts(axis.rep, form)
        degrees = [part.degree for part in parts]
        split = (*shape[:start], *degrees, *shape[start + count :])
        x = b.reshape(x, split)
        for at, part in enumerate(parts):
            if not part.is_identity:
                letters = LETTERS[: len(split)]
                place = start + at
                rows = [[float(v) for v in row] for row in part.dense()]
                result = f"{letters[:place]}y{letters[place + 1 :]}"
                x = b.einsum(f"{letters},y{letters[place]}->{result}", x, b.number(rows, hint))
        x = b.reshape(x, shape)
    return x


def _tensor_parts(rep: Representation, form: Form) -> list[Form]:
    """The forms of the parts of a tensor product, which are small, else the form itself."""
    if rep.terms is None or len(rep.terms) != 1:
        return [form]
    parts = [Form(p) if isinstance(p, int) else invariant_form(p) for p in rep.terms[0].axes]
    known = [part for part in parts if part is not None]
    return known if len(known) == len(parts) and len(parts) <= 16 else [form]
