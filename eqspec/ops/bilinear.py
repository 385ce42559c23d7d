"""`dot` and `tensor_product`: products of two features.

`tensor_product(a, b)` multiplies entries with entries; a group acts on the result by the Kronecker
product of its actions on a and b, so that it is equivariant for any two representations. `dot(a, b)`
contracts the axes on which a group acts otherwise than by permutations, pair by pair, by the invariant
form of the representation, or by the sum of x_i y_i where b carries the dual of a.

The other axes are paired as `pairs` says: ``same``, index by index, where both are permuted alike up to
signs; ``channels``, all plain indices with all, permuted ones index by index; ``all``, everything with
everything. Sources: bilinear forms as in `algebra.forms`; Thomas et al., *Tensor Field Networks* (2018)
for products of features; the maps from a product to a declared type are those of `linear`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from eqspec.algebra.forms import Form, is_dual_pair
from eqspec.algebra.representations import same_action
from eqspec.diagnostics.model import Label
from eqspec.graph.elaborate import MAX_AXES
from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.types import Axis, Block, PlainAxis, Type
from eqspec.ops.chosen import OPTIONS, apply_forms, chosen_axes, form_of, kept_axes, scale_of
from eqspec.ops.contract import LoweringSite, Op, Registers
from eqspec.ops.matching import product_axis

MAX_PRODUCT = 2**22
MAX_RANK = 30  # letters of one einsum
PAIRS = ("same", "channels", "all")
LETTERS = "abcdefghijklmnopqrstuvwABCDEFGHIJKLMNOPQRSTUVW"


@dataclass(frozen=True)
class Pairing:
    """How one block of a and one of b are multiplied: ``contracted`` pairs of axes with the form on
    the second, ``shared`` pairs that are multiplied index by index."""

    contracted: tuple[tuple[int, int, Form], ...]
    shared: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Pairings:
    blocks: tuple[Pairing, ...]


def check_dot(site: CallSite) -> Checked:
    a, b = site.args
    if len(a.type.blocks) != len(b.type.blocks):
        _misfit(site, f"{len(a.type.blocks)} blocks and {len(b.type.blocks)} blocks")
    chosen_a = chosen_axes(site, a.type, site.arg_spans[0])
    chosen_b = chosen_axes(site, b.type, site.arg_spans[1])
    made: list[Block] = []
    pairings: list[Pairing] = []
    for x, y, left, right in zip(a.type.blocks, b.type.blocks, chosen_a, chosen_b, strict=True):
        if len(left) != len(right):
            _misfit(site, f"{len(left)} axes of {x} to contract and {len(right)} of {y}")
        contracted = tuple(
            (k, j, _form(site, x, k, y, j)) for k, j in zip(left, right, strict=True)
        )
        shared = _shared(site, x, kept_axes(x, left), y, kept_axes(y, right), "same")
        _check_area(site, x, contracted, len(shared) == len(kept_axes(x, left)))
        made.append(_product(site, x, left, y, right, shared))
        pairings.append(Pairing(contracted, shared))
    return Checked(Type(tuple(made)), Pairings(tuple(pairings)))


def _check_area(
    site: CallSite, x: Block, contracted: tuple[tuple[int, int, Form], ...], same: bool
) -> None:
    """An antisymmetric form is 0 on a vector with itself."""
    odd = [k for k, _, form in contracted if not form.symmetric]
    if same and len(odd) % 2 and site.args[0].name == site.args[1].name:
        site.refuse(
            "EQS402",
            f"`dot` of {x} with itself is 0",
            f"the invariant form of `{x.axes[odd[0]]}` is antisymmetric",
            help="pair two different features, or channels with channels: `pairs=channels`",
        )


def check_tensor_product(site: CallSite) -> Checked:
    for arg, span in zip(site.args, site.arg_spans, strict=True):
        if len(arg.type.blocks) > 1:
            site.refuse(
                "EQS445",
                "`tensor_product` takes one tensor on either side",
                f"this has type {arg.type}",
                span=span,
                help="choose a block: `x[0]`",
            )
    (x,), (y,) = (arg.type.blocks for arg in site.args)
    left, right = (tuple(k for k, a in enumerate(block.axes) if _is_index(a)) for block in (x, y))
    shared = _shared(site, x, left, y, right, "all")
    made = _product(site, x, (), y, (), shared)
    return Checked(Type((made,)), Pairings((Pairing((), shared),)))


def _is_index(axis: Axis) -> bool:
    return isinstance(axis, PlainAxis) or axis.rep.is_permutation


def _form(site: CallSite, x: Block, k: int, y: Block, j: int) -> Form:
    """The form between two axes: sum_i x_i y_i for a dual pair, else the form of their type."""
    a, b = x.axes[k], y.axes[j]
    assert not isinstance(a, PlainAxis) and not isinstance(b, PlainAxis)
    if a.shape == b.shape:
        if is_dual_pair(a.rep, b.rep):
            return Form(a.rep.degree)
        if same_action(a.rep, b.rep):
            return form_of(site, x, k, site.arg_spans[0], definite=False)
    _misfit(site, f"`{a}` and `{b}` are neither the same representation nor dual to each other")


def _shared(
    site: CallSite,
    x: Block,
    left: tuple[int, ...],
    y: Block,
    right: tuple[int, ...],
    default: str,
) -> tuple[tuple[int, int], ...]:
    """The pairs of axes that are multiplied index by index."""
    pairs = site.keywords.get("pairs", default)
    if pairs == "all":
        return ()
    if pairs == "channels":
        left = tuple(k for k in left if x.axes[k].factors)
        right = tuple(k for k in right if y.axes[k].factors)
    shared = tuple(zip(left, right, strict=False))
    if len(left) == len(right) and all(
        product_axis(x.axes[k], y.axes[j]) is not None for k, j in shared
    ):
        return shared
    found = " and ".join(
        "[" + ", ".join(str(block.axes[k]) for k in axes) + "]"
        for block, axes in ((x, left), (y, right))
    )
    _misfit(site, f"{found} are not multiplied index by index")


def _misfit(site: CallSite, what: str) -> NoReturn:
    site.refuse(
        "EQS445",
        f"the arguments of `{site.op}` do not fit",
        what,
        span=site.arg_spans[1],
        labels=(Label(site.arg_spans[0], f"this has type {site.args[0].type}"),),
        help="`pairs=channels` multiplies all plain indices with all, `pairs=all` everything with"
        " everything",
    )


def _product(
    site: CallSite,
    x: Block,
    left: tuple[int, ...],
    y: Block,
    right: tuple[int, ...],
    shared: tuple[tuple[int, int], ...],
) -> Block:
    """The axes of x that stay, then those of y that stay and are not shared."""
    partner = dict(shared)
    axes: list[Axis] = []
    for k, axis in enumerate(x.axes):
        if k in left:
            continue
        product = product_axis(axis, y.axes[partner[k]]) if k in partner else axis
        assert product is not None, "the axes were paired so"
        axes.append(product)
    taken = {*right, *partner.values()}
    axes.extend(axis for j, axis in enumerate(y.axes) if j not in taken)
    made = Block(tuple(axes) or (PlainAxis(1),))
    rank = len(x.shape) + len(y.shape)
    if made.size > MAX_PRODUCT or len(axes) > MAX_AXES or rank > MAX_RANK:
        site.refuse(
            "EQS446",
            f"the product has {made.size:,} numbers in {len(axes)} axes",
            f"at most {MAX_PRODUCT:,} numbers in {MAX_AXES} axes are made, of arguments with"
            f" {MAX_RANK} dimensions together",
            span=site.whole,
            help="`pairs=same` multiplies index by index, `dot` contracts at once; `linear` first"
            " makes the arguments smaller",
        )
    return made


def lower(site: LoweringSite) -> Registers:
    pairings = site.node.data
    assert isinstance(pairings, Pairings)
    b = site.builder
    results: list[int] = []
    for number, pairing in enumerate(pairings.blocks):
        x, y = site.args[0][number], site.args[1][number]
        left, right = site.types[0].blocks[number], site.types[1].blocks[number]
        y = apply_forms(b, y, right, {j: form for _, j, form in pairing.contracted})
        letters = iter(LETTERS)
        of_x = [[next(letters) for _ in axis.shape] for axis in left.axes]
        of_y: list[list[str]] = [[] for _ in right.axes]
        for k, j in (*((k, j) for k, j, _ in pairing.contracted), *pairing.shared):
            of_y[j] = of_x[k]
        free = [j for j, found in enumerate(of_y) if not found]
        for j in free:
            of_y[j] = [next(letters) for _ in right.axes[j].shape]
        lost = {k for k, _, _ in pairing.contracted}
        kept = [letter for k, own in enumerate(of_x) if k not in lost for letter in own]
        kept += [letter for j in free for letter in of_y[j]]
        first, second = ("".join(s for own in axes for s in own) for axes in (of_x, of_y))
        if first == second:  # (x * y).sum(...)
            dims = [d for d, letter in enumerate(first) if letter not in kept]
            result = b.reduce(b.mul(x, y), dims, "sum")
        else:
            result = b.einsum(f"{first},{second}->{''.join(kept)}", x, y)
        result = b.scale(result, scale_of(form for _, _, form in pairing.contracted))
        results.append(b.reshape(result, site.node.type.blocks[number].shape))
    return tuple(results)


DOT = Op(
    "dot",
    Signature(tensors=(2, 2), keywords={**OPTIONS, "pairs": PAIRS}, sizes="dynamic"),
    check_dot,
    lower,
    "the contracted axes are paired by a form that every generator keeps",
)
TENSOR_PRODUCT = Op(
    "tensor_product",
    Signature(tensors=(2, 2), keywords={"pairs": PAIRS}, then="linear", sizes="dynamic"),
    check_tensor_product,
    lower,
    "every generator acts on the product by the product of its matrices",
)
OPS = (DOT, TENSOR_PRODUCT)
