"""`norm` and `norm_relu`: lengths of vectors, and the nonlinearity that acts on lengths.

`norm(x)` is sqrt(<x, x> + eps), one number for every index of the axes that it does not work along;
`norm_relu(x)` multiplies every vector x by relu(n + b) / n, n its length and b a free number for every
index of the plain axes. Both are equivariant where the group keeps the form <., .>, which must be
positive definite, and permutes the other indices (`norm_relu`: up to signs).

Source: Worrall et al., *Harmonic Networks* (2017), section 4.2; Weiler and Cesa (2019), section 2.6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eqspec.algebra.forms import Form
from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.sizes import is_dynamic
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.ops.chosen import (
    OPTIONS,
    check_kept,
    chosen_axes,
    chosen_dims,
    form_of,
    kept_axes,
    lower_square,
)
from eqspec.ops.contract import LoweringSite, Op, Registers

if TYPE_CHECKING:
    from eqspec.program.builder import Builder

EPS = 1e-8
BIAS_BOUND = 0.5


@dataclass(frozen=True)
class Lengths:
    """``forms[k]``: for block k the axes that are contracted and the form of each."""

    forms: tuple[tuple[tuple[int, Form], ...], ...]
    eps: float
    squared: bool = False


def check_norm(site: CallSite) -> Checked:
    squared = site.keywords.get("squared") is True
    if squared and "eps" in site.keywords:
        site.refuse(
            "EQS207",
            "`norm(x, squared=true)` takes no `eps`",
            "there is no square root to keep away from 0",
            span=site.keyword_spans["eps"],
        )
    lengths = _lengths(site, signs=False, squared=squared)
    blocks = []
    for block, forms in zip(site.args[0].type.blocks, lengths.forms, strict=True):
        left = tuple(block.axes[k] for k in kept_axes(block, tuple(k for k, _ in forms)))
        blocks.append(Block(left or (PlainAxis(1),)))  # a lone number is written [1]
    return Checked(Type(tuple(blocks)), lengths)


def check_norm_relu(site: CallSite) -> Checked:
    type_ = site.args[0].type
    lengths = _lengths(site, signs=True, squared=False)
    for block, forms in zip(type_.blocks, lengths.forms, strict=True):
        for k in kept_axes(block, tuple(k for k, _ in forms)):
            axis = block.axes[k]
            if isinstance(axis, PlainAxis) and is_dynamic(axis.size):
                site.refuse(
                    "EQS429",
                    "`norm_relu` needs fixed sizes on plain axes",
                    f"it has one free number for every index of `{axis}`, which is read at run time",
                    span=site.arg_spans[0],
                    help="`gated(x, ...)` with a function of `norm(x)` has no such numbers",
                )
    return Checked(type_, lengths)


def _lengths(site: CallSite, *, signs: bool, squared: bool) -> Lengths:
    (arg,), (span,) = site.args, site.arg_spans
    eps = site.keywords.get("eps", EPS)
    assert isinstance(eps, float)
    if eps < 0 or (signs and eps == 0):
        site.refuse(
            "EQS207",
            "`eps` must be positive" if signs else "`eps` must not be negative",
            span=site.keyword_spans["eps"],
        )
    forms = []
    for block, chosen in zip(arg.type.blocks, chosen_axes(site, arg.type, span), strict=True):
        check_kept(site, block, chosen, signs, span)
        forms.append(tuple((k, form_of(site, block, k, span, definite=True)) for k in chosen))
    return Lengths(tuple(forms), eps, squared)


def lower_norm(site: LoweringSite) -> Registers:
    lengths = site.node.data
    assert isinstance(lengths, Lengths)
    b = site.builder
    results: list[int] = []
    for x, block, forms in zip(site.args[0], site.types[0].blocks, lengths.forms, strict=True):
        square = lower_square(b, x, block, dict(forms))
        if not lengths.squared:
            square = b.pointwise(b.shift(square, lengths.eps), "sqrt")
        results.append(square)
    shapes = site.node.type.shapes
    return tuple(b.reshape(x, shape) for x, shape in zip(results, shapes, strict=True))


def lower_norm_relu(site: LoweringSite) -> Registers:
    lengths = site.node.data
    assert isinstance(lengths, Lengths)
    b = site.builder
    results: list[int] = []
    blocks = site.types[0].blocks
    for number, (x, block, forms) in enumerate(
        zip(site.args[0], blocks, lengths.forms, strict=True)
    ):
        chosen = tuple(k for k, _ in forms)
        square = b.shift(lower_square(b, x, block, dict(forms)), lengths.eps)
        name = site.parameter_name(f"bias{number}" if len(blocks) > 1 else "bias")
        shifted = b.add(b.pointwise(square, "sqrt"), _bias(b, block, chosen, name))
        factor = b.mul(b.pointwise(shifted, "relu"), b.pointwise(square, "rsqrt"))
        results.append(b.mul(x, b.unsqueeze(factor, chosen_dims(block, chosen))))
    return tuple(results)


def _bias(b: Builder, block: Block, chosen: tuple[int, ...], name: str) -> int:
    """One free number for every index of the plain axes, the same at all indices of the others."""
    kept = [block.axes[k] for k in kept_axes(block, chosen)]
    sizes = [axis.size for axis in kept if isinstance(axis, PlainAxis)]
    bias = b.reshape(b.parameter(name, (math.prod(sizes),), BIAS_BOUND), sizes)
    at = 0
    for axis in kept:
        for size in axis.shape:
            if not isinstance(axis, PlainAxis):
                bias = b.expand(bias, at, size)
            at += 1
    return bias


NORM = Op(
    "norm",
    Signature(
        keywords={**OPTIONS, "eps": "number", "squared": "boolean"},
        sizes="dynamic",
        sampled="pixel",
    ),
    check_norm,
    lower_norm,
    "every generator keeps the form <x, x> along the contracted axes and permutes the other indices",
)
NORM_RELU = Op(
    "norm_relu",
    Signature(
        keywords={**OPTIONS, "eps": "number"}, target="keeps", sizes="dynamic", sampled="pixel"
    ),
    check_norm_relu,
    lower_norm_relu,
    "every vector is multiplied by a function of its invariant length",
)
OPS = (NORM, NORM_RELU)
