"""`greps`: one layer of a G-RepsNet between features of orders 0, 1 and 2 of one representation V.

A feature of order 0 is a block of scalars ``[c]``, of order 1 ``[c, V]``, of order 2 ``[c, V, V]``; an
argument or the declared type is a direct sum of such blocks. With <., .> an invariant form of V, eta its
inverse in V (x) V and all W free weights without bias:

    u1 = W v                                      mixed channels of order 1
    u2 = W t + (W s) eta + W (v (x) v)            what reaches order 2
    z  = W relu(W [s, |u1|, |u2|] + b) + b        the scalar network T0
    s', v', t' = z_0,  W (z_1 u1 / |u1|),  W (z_2 u2 / |u2|)

Everything is equivariant: weights mix copies of one representation, ``eta`` and <., .> are invariant,
and vectors are multiplied by invariants. Lengths are per sample and per channel with an epsilon inside
the root, |u| = sqrt(<u, u> + eps); the layer that was published divides by one norm of the whole batch,
so that samples see each other. A form that is not definite can vanish without its argument: there |u| is
q / (q^2 + eps^2)^(1/4) with q = <u, u>, smooth at the cone, and u / |u| means u / (q^2 + eps^2)^(1/4).
For an antisymmetric form q = <W v, u1> pairs two mixtures.

Where V is a permutation representation (`regular`), its entries are slices that one network sees each in
turn: u1 and u2 pass through the activation, have biases, and |u| is their mean over the entries.

Sources: Basu et al., *G-RepsNet: A Fast and General Construction of Equivariant Networks for Arbitrary
Matrix Groups* (2024); Villar et al., *Scalars are universal* (2021) for the form of the layer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

from eqspec.algebra.forms import Form, invariant_form
from eqspec.algebra.representations import Representation, same_action
from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.types import Block, FlatAxis, RepAxis, Type
from eqspec.ops.contract import LoweringSite, Op, Registers

ACTIVATIONS = ("relu", "silu", "gelu", "tanh", "elu", "softplus")
PATHS = ("contract", "trace", "antisymmetric")
MAX_HIDDEN = 2**16
MAX_NUMBERS = 2**26
EPS_DEFINITE = 1e-6
EPS_INDEFINITE = 1.0

Channels = tuple[int, int, int]


@dataclass(frozen=True)
class Weight:
    """A free parameter: ``fan`` is the number of terms in a sum over its last axis."""

    shape: tuple[int, ...]
    fan: int


@dataclass(frozen=True)
class Greps:
    """One layer. ``source`` and ``target`` count the channels of orders 0, 1 and 2; ``orders[i][k]``
    is the order of block k of argument i. ``form`` is None where V is a permutation representation."""

    rep: Representation
    form: Form | None
    source: Channels
    target: Channels
    orders: tuple[tuple[int, ...], ...]
    made: tuple[int, ...]
    hidden: int
    activation: str
    normalise: bool
    contract: bool
    trace: bool
    antisymmetric: bool
    eps: float

    @property
    def degree(self) -> int:
        return self.rep.degree

    @property
    def slices(self) -> bool:
        return self.form is None

    @property
    def has_first(self) -> bool:
        """Is there a mixture u1 of order 1?"""
        return self.source[1] > 0

    @property
    def has_second(self) -> bool:
        """Is there a mixture u2 of order 2?"""
        return self.source[2] > 0 or self.target[2] > 0

    @cached_property
    def weights(self) -> Mapping[str, Weight]:
        """All free weights by name, in order of use."""
        s, v, t = self.source
        h = self.hidden
        found: dict[str, Weight] = {}
        if self.has_first:
            found["mix1"] = Weight((h, v), v)
            if self.contract:
                found["contract_left"] = Weight((h, t), t)
                found["contract_right"] = Weight((h, v), v * self.degree)
            if self.form is not None and not self.form.symmetric:
                found["pair"] = Weight((h, v), v)
            if self.slices:
                found["mix1_bias"] = Weight((h,), v)
        if self.has_second:
            terms = t + (s + v if self.target[2] else 0)
            if t:
                found["mix2"] = Weight((h, t), terms)
            if self.target[2] and s:
                found["scalar2"] = Weight((h, s), terms)
            if self.target[2] and v and self.antisymmetric:
                found["outer_left"] = Weight((h, v), v)
                found["outer_right"] = Weight((h, v), v)
            elif self.target[2] and v:
                found["outer"] = Weight((h, v), terms)
            if self.slices:
                found["mix2_bias"] = Weight((h,), terms)
        inputs = s + h * (self.has_first + self.has_second + self.trace)
        outputs = self.target[0] + h * sum(1 for order in (1, 2) if self.target[order])
        found["hidden"] = Weight((h, inputs), inputs)
        found["hidden_bias"] = Weight((h,), inputs)
        found["scalars"] = Weight((outputs, h), h)
        found["scalars_bias"] = Weight((outputs,), h)
        for order in (1, 2):
            if self.target[order]:
                found[f"out{order}"] = Weight((self.target[order], h), h)
                if self.slices:
                    found[f"out{order}_bias"] = Weight((self.target[order],), h)
        return found

    @property
    def parameters(self) -> int:
        return sum(math.prod(weight.shape) for weight in self.weights.values())


# ---- the typing rule ------------------------------------------------------------------------------


def check(site: CallSite) -> Checked:
    target = site.expected
    assert target is not None, "the signature says that `greps` chooses"
    rep = _representation(site, target)
    orders = tuple(tuple(order_of(block) for block in arg.type.blocks) for arg in site.args)
    made = tuple(order_of(block) for block in target.blocks)
    source = _channels([b for arg in site.args for b in arg.type.blocks])
    goal = _channels(target.blocks)
    form = None if rep.is_permutation else _form(site, rep)
    _check_paths(site, target, source, goal)
    hidden = _hidden(site, max(*source, *goal))
    layer = Greps(
        rep,
        form,
        source,
        goal,
        orders,
        made,
        hidden,
        activation=str(site.keywords.get("activation", "relu")),
        normalise=_normalise(site, rep, form),
        contract=site.keywords.get("contract") is True,
        trace=site.keywords.get("trace") is True,
        antisymmetric=site.keywords.get("antisymmetric") is True,
        eps=_eps(site, form),
    )
    numbers = hidden * (rep.degree ** (2 if layer.has_second else 1))
    largest = max(math.prod(weight.shape) for weight in layer.weights.values())
    if max(numbers, largest) > MAX_NUMBERS:
        site.refuse(
            "EQS413",
            f"this layer would hold {max(numbers, largest):,} numbers at once",
            f"`hidden` is {hidden:,}, and `{rep.label}` has {rep.degree:,} entries",
            help=f"at most {MAX_NUMBERS:,} are built; take fewer channels",
        )
    return Checked(target, layer)


def order_of(block: Block) -> int:
    return sum(1 for axis in block.axes if axis.factors)


def channels_of(block: Block) -> int:
    return math.prod(math.prod(axis.shape) for axis in block.axes if not axis.factors)


def _channels(blocks: list[Block] | tuple[Block, ...]) -> Channels:
    counts = [0, 0, 0]
    for block in blocks:
        counts[order_of(block)] += channels_of(block)
    return (counts[0], counts[1], counts[2])


def _representation(site: CallSite, target: Type) -> Representation:
    """The one representation V of all blocks; refuses what is no sum of blocks of orders 0, 1, 2."""
    found: Representation | None = None
    places = [(arg.type, span) for arg, span in zip(site.args, site.arg_spans, strict=True)]
    for type_, span in (*places, (target, site.target_span or site.span)):
        for block in type_.blocks:
            acted = [axis for axis in block.axes if axis.factors]
            if len(acted) > 2:
                site.refuse(
                    "EQS454",
                    f"`greps` knows the orders 0, 1 and 2, and {block} has order {len(acted)}",
                    f"groups act on {len(acted)} of its axes",
                    span=span,
                    help="contract or pool an axis first, or use `linear`",
                )
            if any(axis.factors for axis in block.axes[: len(block.axes) - len(acted)]):
                site.refuse(
                    "EQS454",
                    f"the channels of {block} must stand first",
                    "`greps` reads [c], [c, V] and [c, V, V]",
                    span=span,
                    help=f"write {_sorted(block)}, or bring it to that type by `linear`",
                )
            for axis in acted:
                assert isinstance(axis, RepAxis | FlatAxis)
                if found is None:
                    found = axis.rep
                elif not same_action(found, axis.rep) or found.shape != axis.rep.shape:
                    site.refuse(
                        "EQS455",
                        f"`greps` works with one representation, and here are `{found.label}` and"
                        f" `{axis.rep.label}`",
                        f"{block} has the second",
                        span=span,
                        help="bring them together by `linear`, or take a layer for each",
                    )
    if found is None:
        site.refuse(
            "EQS455",
            "no group acts on anything in this `greps`",
            "all blocks are scalars",
            help="`relu(linear(x))` is a layer between scalars",
        )
    return found


def _sorted(block: Block) -> str:
    axes = sorted(block.axes, key=lambda axis: bool(axis.factors))
    return "[" + ", ".join(str(axis) for axis in axes) + "]"


def _form(site: CallSite, rep: Representation) -> Form:
    form = invariant_form(rep)
    if form is None:
        site.refuse(
            "EQS456",
            f"`{rep.label}` has no invariant form, so its vectors have no length",
            "the lengths of the channels are what `greps` computes with",
            help="`greps` works for orthogonal matrices, `lorentz`, `symplectic` and finite groups;"
            " elsewhere pair vectors with covectors",
        )
    return form


def _check_paths(site: CallSite, target: Type, source: Channels, goal: Channels) -> None:
    def refuse(block: int, why: str, help_: str) -> NoReturn:
        wanted = next(b for b in target.blocks if order_of(b) == block)
        site.refuse(
            "EQS457",
            f"nothing in `greps` leads to {wanted}",
            why,
            span=site.target_span,
            help=help_,
        )

    if goal[1] and not source[1]:
        refuse(
            1,
            "the arguments have no feature of order 1",
            "vectors come from vectors: give one as a further argument",
        )
    if goal[2] == 0 and goal[1] == 0 and goal[0] == 0:
        raise AssertionError("a type has blocks")
    needs = {"contract": source[1] and source[2], "trace": source[2] or goal[2]}
    needs["antisymmetric"] = source[1] and goal[2]
    what = {
        "contract": "features of orders 1 and 2 among the arguments",
        "trace": "a feature of order 2",
        "antisymmetric": "vectors among the arguments and a target of order 2",
    }
    for key in PATHS:
        if site.keywords.get(key) is True and not needs[key]:
            site.refuse(
                "EQS457",
                f"`{key}` has nothing to work on",
                f"it needs {what[key]}",
                span=site.keyword_spans[key],
                help="leave it out",
            )


def _hidden(site: CallSite, default: int) -> int:
    value = site.keywords.get("hidden", float(default))
    assert isinstance(value, float)
    if not (value.is_integer() and 1 <= value <= MAX_HIDDEN):
        site.refuse(
            "EQS207",
            f"`hidden` is a whole number between 1 and {MAX_HIDDEN:,}",
            "",
            span=site.keyword_spans.get("hidden"),
        )
    return int(value)


def _normalise(site: CallSite, rep: Representation, form: Form | None) -> bool:
    wanted = site.keywords.get("normalise")
    if form is None and wanted is True:
        site.refuse(
            "EQS207",
            f"the slices of `{rep.label}` are not normalised",
            "a permutation representation passes through the activation instead",
            span=site.keyword_spans["normalise"],
        )
    return form is not None and wanted is not False


def _eps(site: CallSite, form: Form | None) -> float:
    default = EPS_DEFINITE if form is None or form.definite else EPS_INDEFINITE
    value = site.keywords.get("eps", default)
    assert isinstance(value, float)
    if not 1e-12 <= value <= 1e6:
        site.refuse(
            "EQS207",
            "`eps` must lie between 1e-12 and 1e6",
            "it keeps the root away from zero",
            span=site.keyword_spans["eps"],
        )
    return value


def lower(site: LoweringSite) -> Registers:
    from eqspec.ops.grepslayer import lower_layer

    layer = site.node.data
    assert isinstance(layer, Greps)
    return lower_layer(site, layer)


GREPS = Op(
    "greps",
    Signature(
        tensors=(1, None),
        keywords={
            "hidden": "number",
            "activation": ACTIVATIONS,
            "normalise": "boolean",
            "eps": "number",
            **dict.fromkeys(PATHS, "boolean"),
        },
        target="chooses",
    ),
    check,
    lower,
    "weights mix copies of one representation, the invariant form gives scalars that no element changes,"
    " and every vector and tensor is multiplied by such scalars alone",
)
OPS = (GREPS,)
