"""`linear`: the full space of equivariant linear maps from the sum of the inputs to the declared type.

Typing: every block pair has a space of maps by the edge theorem; a target that no map reaches is an
error, an input that carries nothing a warning. The bias lies in the invariants of the target.
Lowering: see `blockmaps`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from eqspec.algebra.counting import (
    CannotCount,
    coinvariants_dimension,
    hom_dimension,
    invariants_dimension,
)
from eqspec.algebra.groups import Group
from eqspec.algebra.representations import Representation
from eqspec.graph.op import Axes, CallSite, Checked, Signature
from eqspec.graph.sizes import MOST_AXES, is_dynamic
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.ops.clusters import Pair, pair_of
from eqspec.ops.contract import Irreducible, LoweringSite, Op, Registers
from eqspec.ops.positionwise import index_names, is_even, places_of, same_at
from eqspec.ops.weightsizes import check_weight

if TYPE_CHECKING:
    from eqspec.graph.model import Node
    from eqspec.ops.coordinates import Frame

LOWERINGS = ("weight", "sums", "blocks")
"""What `lowering=` may ask for; which are possible is seen when the layer is lowered."""


@dataclass(frozen=True)
class LinearMaps:
    """``dimensions[i][s][t]`` is dim Hom from block s of argument i to block t of the target, plain
    axes included; ``biases[t]`` the dimension of the invariants of block t (0: no bias). The same map is
    used along the plain axes ``each`` and along the axes of representations in ``places``, given for
    every block of every argument and of the target. ``lowering``: the way that the spec asks for, "" for
    the one that takes the least time."""

    each: tuple[str, ...]
    dimensions: tuple[tuple[tuple[int, ...], ...], ...]
    biases: tuple[int, ...]
    places: tuple[tuple[tuple[int, ...], ...], ...] = ()
    lowering: str = ""

    def end(self, number: int, type_: Type) -> Type:
        """An argument (the last number: the target), with the axes in ``places`` as plain ones."""
        if not self.places:
            return type_
        own = zip(type_.blocks, self.places[number], strict=True)
        return Type(tuple(same_at(block, places) for block, places in own))

    def even(self, target: Type) -> tuple[bool, ...]:
        """For every block: is a bias that is the same at every index left alone where the indices move?"""
        if not self.places:
            return tuple(True for _ in target.blocks)
        return tuple(
            is_even(block, places)
            for block, places in zip(target.blocks, self.places[-1], strict=True)
        )

    @property
    def parameters(self) -> int:
        return sum(d for arg in self.dimensions for row in arg for d in row) + sum(self.biases)


def check(site: CallSite) -> Checked:
    target = site.expected
    assert target is not None, "the signature says that `linear` chooses"
    maps = _each(site, target)
    each = maps.each
    args = tuple(
        replace(arg, type=maps.end(number, arg.type)) for number, arg in enumerate(site.args)
    )
    here, inner = replace(site, args=args), maps.end(-1, target)
    _check_dynamic(here, inner, each)
    try:
        dimensions = tuple(
            tuple(
                tuple(
                    hom_dimension(_without(source, each), _without(block, each))
                    for block in inner.blocks
                )
                for source in arg.type.blocks
            )
            for arg in args
        )
        invariants = tuple(
            hom_dimension((), _without(block, each)) if even else 0
            for block, even in zip(inner.blocks, maps.even(target), strict=True)
        )
    except CannotCount as error:
        site.refuse("EQS412", f"the space of maps is too large to count: {error}", "this layer")
    _check_zero(site, target, dimensions)
    biases = check_bias(site, target, invariants)
    _check_sizes(here, inner, each)
    lowering = site.keywords.get("lowering", "")
    assert isinstance(lowering, str)
    return Checked(target, replace(maps, dimensions=dimensions, biases=biases, lowering=lowering))


def _each(site: CallSite, target: Type) -> LinearMaps:
    """The axes along which the same map is used."""
    given = site.keywords.get("each", Axes(()))
    assert isinstance(given, Axes)
    plain = tuple(item for item in given.items if isinstance(item, str))
    acted = tuple(item for item in given.items if not isinstance(item, str))
    for number, name in enumerate(plain):
        if name in plain[:number]:
            site.refuse(
                "EQS207", f"`{name}` stands twice in `each`", "", span=site.keyword_spans["each"]
            )
        _check_each(site, name, target)
    if not acted:
        return LinearMaps(plain, (), ())
    ends = [*(arg.type for arg in site.args), target]
    spans = [*site.arg_spans, site.target_span or site.span]
    places = tuple(
        tuple(places_of(site, block, acted, span) for block in type_.blocks)
        for type_, span in zip(ends, spans, strict=True)
    )
    return LinearMaps((*plain, *index_names(len(acted))), (), (), places)


def _without(block: Block, each: tuple[str, ...]) -> tuple[int | Representation, ...]:
    return tuple(
        part
        for axis, part in zip(block.axes, block.parts, strict=True)
        if not (isinstance(axis, PlainAxis) and axis.name in each)
    )


def _check_each(site: CallSite, name: str, target: Type) -> None:
    sizes: set[int] = set()
    for type_, span in (
        *((arg.type, span) for arg, span in zip(site.args, site.arg_spans, strict=True)),
        (target, site.target_span or site.span),
    ):
        for block in type_.blocks:
            count = sum(1 for a in block.axes if isinstance(a, PlainAxis) and a.name == name)
            sizes.update(a.size for a in block.axes if isinstance(a, PlainAxis) and a.name == name)
            if len(sizes) > 1:
                site.refuse(
                    "EQS207",
                    f"the axes called `{name}` have different sizes",
                    f"{' and '.join(str(size) for size in sorted(sizes))}: two parameters of one name",
                    span=span,
                )
            if count != 1:
                site.refuse(
                    "EQS207",
                    f"`each={name}` needs one axis written `{name}` in every block",
                    f"{type_} has {count or 'none'}",
                    span=span,
                )


def _check_dynamic(site: CallSite, target: Type, each: tuple[str, ...]) -> None:
    """No weight may depend on a size of run time: plain axes of such a size stand in `each`, and acted
    ones are few enough for all diagrams to be independent at the sizes at which they are counted."""
    ends = (
        *((arg.type, span) for arg, span in zip(site.args, site.arg_spans, strict=True)),
        (target, site.target_span or site.span),
    )
    for type_, span in ends:
        for block in type_.blocks:
            for axis in block.axes:
                plain = isinstance(axis, PlainAxis) and axis.name not in each
                if plain and is_dynamic(axis.shape):
                    name = getattr(axis, "name", None) or str(axis)
                    site.refuse(
                        "EQS428",
                        f"the weights of this layer would depend on `{axis}`, which is read at run time",
                        f"{block} has a plain axis of this size",
                        span=span,
                        help=f"`each={name}` uses one map at every index; or let `symmetric({name})` act",
                    )
    for source in (block for arg in site.args for block in arg.type.blocks):
        for block in target.blocks:
            acted = [a for a in (*source.axes, *block.axes) if a.factors and is_dynamic(a.shape)]
            for factor in sorted({factor for axis in acted for factor in axis.factors}):
                count = sum(factor in axis.factors for axis in acted)
                if count > MOST_AXES:
                    site.refuse(
                        "EQS431",
                        f"`{factor}` has a size that is read at run time and acts on {count} axes",
                        f"from {source} to {block}",
                        help=f"at most {MOST_AXES} axes of both ends together are built",
                    )


def _check_zero(
    site: CallSite, target: Type, dimensions: tuple[tuple[tuple[int, ...], ...], ...]
) -> None:
    for number, block in enumerate(target.blocks):
        if not any(row[number] for arg in dimensions for row in arg):
            names = ", ".join(str(arg.type) for arg in site.args)
            site.refuse(
                "EQS402",
                f"no equivariant linear map from {names} to {block} exists",
                "the output would be identically 0",
                help=zero_help(site, block),
            )
    for arg, span, rows in zip(site.args, site.arg_spans, dimensions, strict=True):
        if not any(d for row in rows for d in row):
            site.warn(
                "EQS403",
                f"`{arg.name}` carries nothing to {target}",
                "its space of equivariant maps is zero",
                span=span,
                help="leave it out, or give the layer a type that it can reach",
            )


def target_groups(block: Block) -> dict[str, Group]:
    return Type((block,)).groups


def zero_help(site: CallSite, block: Block) -> str:
    sources = [source for arg in site.args for source in arg.type.blocks]
    for new in sorted(block.factors):
        foreign = all(new not in source.factors for source in sources)
        if foreign and invariants_dimension(block.parts, (new,)) == 0:
            return f"nothing in {block} is fixed by `{new}`, which does not act on the inputs"
    groups = {n: g for arg in site.args for n, g in arg.type.groups.items()} | target_groups(block)
    for name in sorted(n for n, group in groups.items() if not group.is_finite):
        return (
            f"`{name}` is infinite: products of features (`tensor_product`, `dot`, `norm`) reach what"
            " linear maps do not"
        )
    for lost in sorted({factor for source in sources for factor in source.factors}):
        if lost not in block.factors and all(
            lost in source.factors and coinvariants_dimension(source.parts, (lost,)) == 0
            for source in sources
        ):
            return (
                f"`{lost}` has no invariants there; keep it for a while: a hidden layer of type"
                f" `[..., {lost}.regular]` with a nonlinearity reaches invariants"
            )
    acting = sorted({factor for source in sources for factor in source.factors} | block.factors)
    if not acting:
        return "no group acts here and nothing is given: the inputs have no entries"
    return f"go through a hidden layer of type `[..., {acting[0]}.regular]` with a nonlinearity"


def check_bias(site: CallSite, target: Type, invariants: tuple[int, ...]) -> tuple[int, ...]:
    wanted = site.keywords.get("bias")
    if wanted is True:
        for number, block in enumerate(target.blocks):
            if not invariants[number]:
                site.refuse(
                    "EQS404",
                    f"no bias on {block} is equivariant",
                    "asked for here",
                    span=site.keyword_spans["bias"],
                    help="a bias lies in the invariants of the type, and these are zero: leave it out",
                )
    return invariants if wanted is not False else tuple(0 for _ in invariants)


def _check_sizes(site: CallSite, target: Type, each: tuple[str, ...]) -> None:
    for arg, span in zip(site.args, site.arg_spans, strict=True):
        for source in arg.type.blocks:
            for block in target.blocks:
                check_weight(site, source, block, each, span)


@dataclass(frozen=True)
class Term:
    """One block of an argument on its way to one block of the target: argument ``k``, block ``s``."""

    k: int
    s: int
    pair: Pair
    name: str
    bound: float


@dataclass(frozen=True)
class Sum:
    """What is added up in one block of the target: the terms, and the name of a bias if there is one."""

    target: Block
    terms: tuple[Term, ...]
    bias: str
    bias_bound: float


def sums_of(site: LoweringSite) -> list[Sum]:
    """The maps and biases of a layer, with the names and the scales of their free weights: the same
    for every way of lowering."""
    from eqspec.ops.blockmaps import fan_of

    maps = site.node.data
    assert isinstance(maps, LinearMaps)
    single = len(site.node.type.blocks) == 1
    labels = labels_of(site)
    types = [maps.end(number, type_) for number, type_ in enumerate(site.types)]
    found: list[Sum] = []
    for t, target in enumerate(maps.end(-1, site.node.type).blocks):
        pairs = [
            (k, s, pair_of(source, target, maps.each))
            for k, type_ in enumerate(types)
            for s, source in enumerate(type_.blocks)
            if maps.dimensions[k][s][t]
        ]
        fans = [fan_of(pair) for _, _, pair in pairs]
        inputs = sum(fan.inputs for fan in fans)
        terms = []
        for (k, s, pair), fan in zip(pairs, fans, strict=True):
            words = ["weight"]
            if len(site.args) > 1:
                words.append(labels[k])
            if len(site.types[k].blocks) > 1:
                words.append(str(s))
            if not single:
                words.append(f"to{t}")
            name = site.parameter_name("_".join(words))
            terms.append(Term(k, s, pair, name, (inputs * fan.energy) ** -0.5))
        bias = site.parameter_name("bias" if single else f"bias_to{t}") if maps.biases[t] else ""
        found.append(Sum(target, tuple(terms), bias, inputs**-0.5))
    return found


def lower(site: LoweringSite) -> Registers:
    from eqspec.ops.blockmaps import lower_bias, lower_pair, spread_bias
    from eqspec.ops.contractions import Spread, lower_drawing
    from eqspec.ops.drawing import drawing_of

    maps = site.node.data
    assert isinstance(maps, LinearMaps)
    b = site.builder
    inner = partial(lower_pair, form=site.form)
    results: list[int] = []
    for t, made in enumerate(sums_of(site)):
        target = made.target
        terms: list[int] = []
        spread = Spread()
        drawn = False
        for one in made.terms:
            source = one.pair.source
            register = b.reshape(site.args[one.k][one.s], source.shape)
            drawing = drawing_of(source, target, maps.each)
            drawn = drawn or drawing is not None
            if drawing is not None and site.form != "dense":
                lower_drawing(b, drawing, register, one.name, one.bound, spread, inner)
                continue
            term = inner(b, one.pair, register, one.name, one.bound)
            assert term is not None, "the count says that there is a map"
            terms.append(term)
        if made.bias and not (
            drawn and spread_bias(b, target, maps.each, made.bias, made.bias_bound, spread)
        ):
            bias = lower_bias(b, target, maps.each, made.bias, made.bias_bound)
            assert bias is not None, "the count says that there are invariants"
            terms.append(bias)
        terms.extend(b.reshape(term, target.shape) for term in spread.close(b))
        results.append(b.reshape(b.add(*terms), site.node.type.blocks[t].shape))
    return tuple(results)


def forms(site: LoweringSite) -> tuple[str, ...]:
    """The ways in which this layer can be lowered, the reference first."""
    from eqspec.ops.forms import forms_of

    return forms_of(one.pair for made in sums_of(site) for one in made.terms)


def labels_of(site: LoweringSite) -> list[str]:
    """A name for the weights of every argument."""
    return [_origin(site, arg).replace(".", "_") for arg in site.node.args]


def _origin(site: LoweringSite, arg: str) -> str:
    """The name of an argument, or of the one feature that a step inside the expression is made of."""
    inside = f"{site.node.name.partition('.')[0]}."
    while arg.startswith(inside) and len(site.module.node(arg).args) == 1:
        arg = site.module.node(arg).args[0]
    return arg.removeprefix(inside)


def _over(node: Node, types: tuple[Type, ...], frame: Frame) -> bool:
    from eqspec.ops.blocklinear import over

    return over(node, types, frame)


def _lower_blocks(site: LoweringSite) -> Registers:
    from eqspec.ops.blocklinear import lower

    return lower(site)


LINEAR = Op(
    "linear",
    Signature(
        tensors=(1, None),
        keywords={"each": "axes", "bias": "boolean", "lowering": LOWERINGS},
        target="chooses",
        sizes="padded",
    ),
    check,
    lower,
    "the weights span Hom_G(inputs, type) exactly, and the bias its invariants, so every choice of"
    " weights commutes with every generator",
    forms,
    Irreducible(_over, _lower_blocks),
)
OPS = (LINEAR,)
