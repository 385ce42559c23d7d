"""`attention`: softmax attention along an axis whose entries every generator permutes.

`attention(x, over=S.natural, heads=4)` is multi-head self-attention; in `attention(x, y, over=T.natural)`
the queries come from x, the keys and values from y. At every token stands a fibre, on which groups may act
as they like. The op is equivariant because

- queries, keys, values and the result are equivariant maps of fibres, the same at every token: all
  of Hom_G(fibre, fibre') (`blockmaps`);
- a score is an invariant of a query and a key: channels of one head are contracted by a sum, every axis
  of the fibre on which a group acts by an invariant form of its representation, or as one with its dual;
- every generator permutes the tokens, and the indices in ``each``, which have scores of their own, so it
  permutes the shares of the softmax, and a mean of values by these shares moves as the values do;
- heads split channels alone; a position bias is constant on orbits of places (`positionbias`).

A bias of the keys would move all scores of a query alike and one of the values is one of the result: there
is none. Sources: Vaswani et al., *Attention Is All You Need* (2017); Lee et al., *Set Transformer* (2019);
Romero and Cordonnier, *Group Equivariant Stand-Alone Self-Attention for Vision* (2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from eqspec.algebra.counting import CannotCount, hom_dimension
from eqspec.diagnostics.model import Span
from eqspec.graph.op import Axes, CallSite, Checked, Signature
from eqspec.graph.sizes import MOST_AXES, is_dynamic, symbols_of
from eqspec.graph.types import Block, PlainAxis, RepAxis, Type
from eqspec.ops.attentionaxes import check_permuted, is_named, places_of_call
from eqspec.ops.attentionlowering import lower
from eqspec.ops.attentionplan import (
    Attention,
    Maps,
    Places,
    Plan,
    bias_axes,
    channels,
    dimensions,
    invariants,
    names_of,
    plan,
)
from eqspec.ops.contract import Op
from eqspec.ops.positionbias import NoOffsets, offsets_of
from eqspec.ops.weightsizes import check_weight

BIASES = ("none", "relative", "full", "rotary")
MAX_SCORES = 2**24


def check(site: CallSite) -> Checked:
    x, y = site.args[0].type, site.args[-1].type
    declared = site.expected
    usable = declared is not None and not declared.has_indices and not declared.has_points
    target = declared if declared is not None and usable else x
    keys, queries, results = places_of_call(site, x, y, target)
    check_permuted(site, x, queries)
    check_permuted(site, y, keys)
    heads = _heads(site)
    scores = _widths(site, x, queries, heads, site.arg_spans[0])
    values = scores if len(site.args) == 1 else _widths(site, y, keys, heads, site.arg_spans[-1])
    made = plan(x, y, target, queries, keys, results, heads, scores, values)
    _check_dynamic(site, made, queries[0], keys[0])
    try:
        data = _maps(
            site,
            made,
            target,
            Attention(
                queries,
                keys,
                results,
                heads,
                scores,
                values,
                str(site.keywords.get("bias", "none")),
            ),
        )
    except CannotCount as error:
        site.refuse("EQS412", f"the space of maps is too large to count: {error}", "this layer")
    _check_weights(site, made, data)
    _check_scores(site, x, y, data)
    return Checked(target, replace(data, orbits=_orbits(site, x, y, data)))


# ---- sizes --------------------------------------------------------------------------------------------


def _heads(site: CallSite) -> int:
    return _whole(site, "heads", 1)


def _whole(site: CallSite, key: str, default: int) -> int:
    value = site.keywords.get(key, float(default))
    assert isinstance(value, float)
    if value != int(value) or not 1 <= value <= 2**16:
        site.refuse("EQS474", f"`{key}` is a whole number from 1", span=site.keyword_spans[key])
    return int(value)


def _widths(
    site: CallSite, type_: Type, places: Sequence[Places], heads: int, span: Span
) -> tuple[int, ...]:
    """The channels of one head, for every block."""
    if "width" in site.keywords:
        return tuple(_whole(site, "width", 1) for _ in type_.blocks)
    found: list[int] = []
    for block, own in zip(type_.blocks, places, strict=True):
        count = channels(block, own)
        if is_dynamic(count):
            _refuse_dynamic(site, block, span)
        if count % heads:
            site.refuse(
                "EQS474",
                f"{count} channel{'s' if count != 1 else ''} cannot be split into {heads} heads",
                f"{block} has {count} plain indices at every token",
                span=site.keyword_spans.get("heads", span),
                help=f"heads split channels only: {_nearest(count, heads)} heads, or `width=` says how"
                " many channels a head has",
            )
        found.append(count // heads)
    return tuple(found)


def _nearest(count: int, heads: int) -> str:
    """The divisors of a number on both sides of another one."""
    below = max(k for k in range(1, min(count, heads) + 1) if count % k == 0)
    above = next((k for k in range(heads, count + 1) if count % k == 0), None)
    return f"{below} or {above}" if above is not None and above != below else str(below)


def _refuse_dynamic(site: CallSite, block: Block, span: Span) -> NoReturn:
    site.refuse(
        "EQS429",
        "`attention` contracts no size that is read at run time",
        f"{block} has one at every token",
        span=span,
        help="attend over this axis, put it in `each`, or pool it",
    )


def _check_dynamic(site: CallSite, made: Plan, queries: Places, keys: Places) -> None:
    """Sizes of run time are those of tokens, or have scores of their own."""
    for block, places, span in (
        (site.args[0].type.blocks[0], queries, site.arg_spans[0]),
        (site.args[-1].type.blocks[0], keys, site.arg_spans[-1]),
    ):
        sizes = [n for k in places.tokens for n in block.axes[k].shape]
        if len(sizes) > 1 and any(symbol.padded for symbol in symbols_of(*sizes)):
            site.refuse(
                "EQS210",
                "several axes of tokens, one of them `padded`, are not built yet",
                f"the type is {block}",
                span=span,
                help="attend over one of them, with the others in `each`",
            )
    spans = [*([site.arg_spans[0]] * len(made.x)), *([site.arg_spans[-1]] * len(made.y))]
    for block, span in zip((*made.x, *made.y), spans, strict=True):
        names = names_of(block)
        each = site.keywords.get("each", Axes(()))
        for axis in block.axes:
            if not is_dynamic(axis.shape) or (isinstance(axis, PlainAxis) and axis.name in names):
                continue
            kept = isinstance(axis, RepAxis) and any(
                is_named(axis, item) for item in (each.items if isinstance(each, Axes) else ())
            )
            kept = kept or (isinstance(each, tuple) and bool(axis.factors & set(each)))
            if not kept:
                _refuse_dynamic(site, block, span)
            count = sum(bool(a.factors & axis.factors) for a in block.axes)
            if 2 * count > MOST_AXES:
                site.refuse(
                    "EQS431",
                    f"`{min(axis.factors)}` has a size that is read at run time and acts on"
                    f" {count} axes",
                    span=span,
                )


def _check_scores(site: CallSite, x: Type, y: Type, data: Attention) -> None:
    """Training keeps every score of a sample."""
    block, places = x.blocks[0], data.queries[0]
    sizes = [n for k in (*places.tokens, *places.each) for n in block.axes[k].shape]
    sizes += [n for k in data.keys[0].tokens for n in y.blocks[0].axes[k].shape]
    count = data.heads * math.prod(sizes)
    if not is_dynamic(count) and count > MAX_SCORES:
        site.refuse(
            "EQS413",
            f"this layer would have {count:,} scores",
            f"{data.heads} heads, every query with every key",
            span=site.whole,
            help=f"at most {MAX_SCORES:,} are built; larger patches make fewer tokens",
        )


# ---- the maps ----------------------------------------------------------------------------------------


def _maps(site: CallSite, made: Plan, target: Type, data: Attention) -> Attention:
    """The projections with the dimensions of their spaces; what cannot take part has width 0."""
    query = dimensions(made.x, made.query)
    key = dimensions(made.y, made.key)
    scored = [
        any(row[j] for row in query) and any(row[j] for row in key) for j in range(len(made.query))
    ]
    if not any(scored):
        site.refuse(
            "EQS475",
            "no scores of these queries and keys are equivariant",
            f"nothing at a token of {site.args[-1].type} pairs with {site.args[0].type}",
            span=site.arg_spans[-1],
            help="give both features channels on which nothing acts: `norm`, `dot` and `linear` make"
            " invariants",
        )
    value = dimensions(made.y, made.value)
    out = dimensions(made.mixed, made.target)
    carried = [any(row) for row in out]
    for t, block in enumerate(target.blocks):
        if not any(row[t] for row in out):
            site.refuse(
                "EQS402",
                f"no equivariant linear map from the values to {block} exists",
                "the output would be identically 0",
                help="the values carry what acts on the keys at every token",
            )
    return replace(
        data,
        scores=tuple(w if ok else 0 for w, ok in zip(data.scores, scored, strict=True)),
        values=tuple(w if ok else 0 for w, ok in zip(data.values, carried, strict=True)),
        query=_kept(query, scored, invariants(made.query)),
        key=_kept(key, scored),
        value=_kept(value, carried),
        out=Maps(out, invariants(made.target)),
    )


def _kept(found: Sequence[Sequence[int]], kept: Sequence[bool], biases: Sequence[int] = ()) -> Maps:
    """Maps to the blocks that take part."""
    return Maps(
        tuple(tuple(d if ok else 0 for d, ok in zip(row, kept, strict=True)) for row in found),
        tuple(d if ok else 0 for d, ok in zip(biases, kept, strict=True)) if biases else (),
    )


def _check_weights(site: CallSite, made: Plan, data: Attention) -> None:
    first, last = site.arg_spans[0], site.arg_spans[-1]
    for sources, targets, maps, span in (
        (made.x, made.query, data.query, first),
        (made.y, made.key, data.key, last),
        (made.y, made.value, data.value, last),
        (made.mixed, made.target, data.out, site.span),
    ):
        for source, row in zip(sources, maps.dimensions, strict=True):
            for target, dimension in zip(targets, row, strict=True):
                if dimension:
                    check_weight(site, source, target, names_of(source), span)


# ---- the position bias ---------------------------------------------------------------------------------


def _orbits(site: CallSite, x: Type, y: Type, data: Attention) -> int:
    """Free numbers of the position bias for one head."""
    if data.bias == "none":
        return 0
    span = site.keyword_spans["bias"]
    if data.bias == "rotary":
        site.refuse(
            "EQS210",
            "rotary embeddings are not built yet",
            span=span,
            help="`bias=relative` is a function of the offset of the key from the query",
        )
    queries, keys, each = bias_axes(x, y, data)
    if is_dynamic(*(n for axis in (*queries, *keys, *each) for n in axis.shape)):
        site.refuse(
            "EQS210",
            "a position bias is not built yet for sizes that are read at run time",
            span=span,
        )
    if not queries:
        site.refuse("EQS476", "queries without places have no position bias", span=span)
    if data.bias == "full":
        parts = Block((*each, *queries, *keys)).parts
        try:
            return hom_dimension((), parts)
        except CannotCount as error:
            site.refuse("EQS412", f"the position bias is too large to count: {error}", span=span)
    if len(queries) != len(keys) or any(a != b for a, b in zip(queries, keys, strict=True)):
        site.refuse(
            "EQS476",
            "queries and keys of different axes have no offsets",
            "a relative bias is a function of the offset of a key from a query",
            span=span,
            help="`bias=full` has a number for every orbit of pairs",
        )
    try:
        return offsets_of(queries, each).orbits
    except NoOffsets as error:
        name, why = error.args
        site.refuse(
            "EQS476",
            f"no offsets along `{name}` are known",
            why,
            span=span,
            help="`bias=full` has a number for every orbit of pairs of places",
        )


ATTENTION = Op(
    "attention",
    Signature(
        tensors=(1, 2),
        keywords={
            "over": "group or axes",
            "queries": "group or axes",
            "each": "group or axes",
            "heads": "number",
            "width": "number",
            "bias": BIASES,
        },
        target="keeps",
        hints=lambda expected, count: [expected, *[None] * (count - 1)],
        sizes="padded",
    ),
    check,
    lower,
    "every generator permutes the tokens, scores are invariants of queries and keys, and all maps are"
    " equivariant ones of what stands at a token",
)
OPS = (ATTENTION,)
