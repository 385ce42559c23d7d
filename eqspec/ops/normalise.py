"""`layer_norm` and `rms_norm`: divide every sample by its own size.

By default one statistic for a whole block of a sample, over channels and representations alike;
``each=[n, G.rep]`` lists axes along which every index has a statistic of its own. With I the axes that
share a statistic and W those in ``each``:

- `rms_norm` divides by sqrt(<x, x> / |I| + eps): every generator keeps a positive definite form along I
  (orthogonal matrices: the sum of squares) and permutes the indices of W, up to signs.
- `layer_norm` takes off the mean along I first: every generator permutes the entries along I, with one
  sign for all of them, so that the mean has that sign too.

The weight is one number for every index of the plain axes and commutes with every generator. The bias of
`layer_norm` is one as well, where every generator permutes the entries of the block, else there is none.
Sources: Ba, Kiros and Hinton, *Layer Normalization* (2016); Zhang and Sennrich, *Root Mean Square Layer
Normalization* (2019).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from eqspec.algebra.forms import Form
from eqspec.algebra.representations import Representation, same_action
from eqspec.graph.op import Axes, CallSite, Checked, Signature
from eqspec.graph.sizes import is_dynamic, symbols_of
from eqspec.graph.types import Block, PlainAxis, RepAxis, Type, block_entries
from eqspec.ops.chosen import chosen_dims, form_of, lower_square
from eqspec.ops.contract import Irreducible, LoweringSite, Op, Registers

if TYPE_CHECKING:
    from eqspec.graph.model import Node
    from eqspec.ops.coordinates import Frame
    from eqspec.program.builder import Builder

EPS = 1e-5
ONE = frozenset({Fraction(1)})
MINUS = frozenset({Fraction(-1)})
LEAST_EPS = 1e-12  # below, single precision may divide 0 by 0


@dataclass(frozen=True)
class Normalisation:
    """For every block the axes that share a statistic, with the form of each that is acted on, and
    whether there is a bias. ``joint``: one statistic for all blocks; ``parameters``: weights and biases."""

    forms: tuple[tuple[tuple[int, Form], ...], ...]
    centre: bool
    eps: float
    weight: bool
    biases: tuple[bool, ...]
    parameters: int
    joint: bool = False


def check_layer_norm(site: CallSite) -> Checked:
    (arg,) = site.args
    forms = _forms(site, centre=True)
    biases = biases_of(site)
    data = Normalisation(
        forms, True, eps_of(site), affine_of(site), biases, affine_parameters(site, biases)
    )
    return Checked(arg.type, data)


def check_rms_norm(site: CallSite) -> Checked:
    (arg,) = site.args
    joint = site.keywords.get("joint") is True
    if joint and (len(arg.type.blocks) == 1 or "each" in site.keywords):
        site.refuse(
            "EQS207",
            "`joint` is for a direct sum and takes no `each`",
            "one statistic for all blocks",
            span=site.keyword_spans["joint"],
        )
    if joint and is_dynamic(arg.type.shapes):
        site.refuse(
            "EQS210",
            "`joint` is not built yet for sizes that are read at run time",
            span=site.keyword_spans["joint"],
        )
    none = tuple(False for _ in arg.type.blocks)
    forms = _forms(site, centre=False)
    weights = affine_parameters(site, none)
    data = Normalisation(forms, False, eps_of(site), affine_of(site), none, weights, joint)
    return Checked(arg.type, data)


# ---- options, shared with `batch_norm` ----


def eps_of(site: CallSite) -> float:
    eps = site.keywords.get("eps", EPS)
    assert isinstance(eps, float)
    if not LEAST_EPS <= eps <= 1:
        site.refuse(
            "EQS207",
            f"`eps` is between {LEAST_EPS:g} and 1",
            "it keeps the division away from 0",
            span=site.keyword_spans["eps"],
        )
    return eps


def affine_of(site: CallSite) -> bool:
    return site.keywords.get("affine") is not False


def affine_parameters(site: CallSite, biases: Sequence[bool]) -> int:
    """How many weights and biases `affine` takes: one for every index of the plain axes of a block."""
    if not affine_of(site):
        return 0
    return sum(
        (1 + bias) * math.prod(affine_sizes(block))
        for block, bias in zip(site.args[0].type.blocks, biases, strict=True)
    )


def affine_sizes(block: Block) -> tuple[int, ...]:
    """The shape of a weight: 1 along acted axes and where a size is known at run time only."""
    return tuple(
        n if isinstance(axis, PlainAxis) and not is_dynamic(n) else 1
        for axis in block.axes
        for n in axis.shape
    )


def is_permuted(block: Block) -> bool:
    """Does every generator permute the entries of the block?"""
    return all(
        block_entries(block, factor, number) == ONE
        for factor, group in Type((block,)).groups.items()
        for number in range(len(group.generators))
    )


def biases_of(site: CallSite) -> tuple[bool, ...]:
    """Which blocks have a bias: those on which one constant along the acted axes is invariant."""
    wanted = site.keywords.get("bias")
    if wanted is True and not affine_of(site):
        site.refuse(
            "EQS207",
            f"`{site.op}` with `affine=false` has no bias",
            span=site.keyword_spans["bias"],
        )
    found = tuple(is_permuted(block) for block in site.args[0].type.blocks)
    if wanted is True and not all(found):
        block = site.args[0].type.blocks[found.index(False)]
        site.refuse(
            "EQS404",
            f"no bias of `{site.op}` on {block} is equivariant",
            "asked for here",
            span=site.keyword_spans["bias"],
            help="a generator changes signs or mixes entries, and a bias is constant along the axes on"
            " which groups act: leave it out; `linear` has a bias in all invariants",
        )
    return tuple(here and wanted is not False and affine_of(site) for here in found)


def each_axes(site: CallSite, block: Block) -> tuple[int, ...]:
    """The axes of a block that stand in ``each``."""
    each = site.keywords.get("each", Axes(()))
    assert isinstance(each, Axes)
    chosen: list[int] = []
    for item in each.items:
        found = [k for k, axis in enumerate(block.axes) if _is_named(axis, item)]
        name = item if isinstance(item, str) else item.label
        if len(found) != 1 or found[0] in chosen:
            count = "twice" if len(found) == 1 else f"{len(found) or 'no'} times"
            site.refuse(
                "EQS207",
                f"`each={name}` needs one axis written `{name}` in every block",
                f"named {count}" if len(found) == 1 else f"{block} has it {count}",
                span=site.keyword_spans["each"],
            )
        chosen.append(found[0])
    return tuple(sorted(chosen))


def _is_named(axis: object, item: str | Representation) -> bool:
    if isinstance(item, str):
        return isinstance(axis, PlainAxis) and axis.name == item
    return isinstance(axis, RepAxis) and axis.shape == item.shape and same_action(axis.rep, item)


# ---- typing ----


def _forms(site: CallSite, *, centre: bool) -> tuple[tuple[tuple[int, Form], ...], ...]:
    (arg,), (span,) = site.args, site.arg_spans
    found = []
    for block in arg.type.blocks:
        each = each_axes(site, block)
        check_each(site, Block(tuple(block.axes[k] for k in each)))
        along = tuple(k for k in range(len(block.axes)) if k not in each)
        if not along:
            site.refuse(
                "EQS207",
                f"`each` leaves no axis of {block} to normalise along",
                span=site.keyword_spans["each"],
            )
        part = Block(tuple(block.axes[k] for k in along))
        _check_padded(site, part)
        if centre:
            _check_mean(site, part)
        forms: list[tuple[int, Form]] = []
        for k in along:
            axis = block.axes[k]
            if isinstance(axis, PlainAxis):
                forms.append((k, Form(axis.size)))
            else:
                forms.append((k, form_of(site, block, k, span, definite=True)))
        found.append(tuple(forms))
    return tuple(found)


def _check_padded(site: CallSite, part: Block) -> None:
    """No statistic runs over entries that may be absent."""
    for axis in part.axes:
        if any(symbol.padded for symbol in symbols_of(*axis.shape)):
            name = getattr(axis, "name", None) or str(axis)
            site.refuse(
                "EQS429",
                f"`{site.op}` has no rule for statistics over samples of different sizes",
                f"`{axis}` is `padded`",
                span=site.arg_spans[0],
                help=f"`each={name}`: one statistic for every index of it",
            )


def check_each(site: CallSite, part: Block) -> None:
    """The indices of the axes in ``each`` are permuted, up to signs: sizes move with their index."""
    for factor, group in sorted(Type((part,)).groups.items()):
        for number, generator in enumerate(group.generators):
            values = block_entries(part, factor, number)
            if values is not None and all(abs(s) == 1 for s in values):
                continue
            axis = next(a for a in part.axes if factor in a.factors)
            site.refuse(
                "EQS449",
                f"one statistic for every entry of `{axis}` is not equivariant",
                f"`{factor}.{generator}` "
                + ("mixes its entries" if values is None else "multiplies some of its entries"),
                span=site.keyword_spans["each"],
                help=f"leave it out of `each`: one statistic for the whole of `{axis}`",
            )


def _check_mean(site: CallSite, part: Block) -> None:
    """Every generator permutes the entries along the axes of the mean, with one sign for all."""
    if is_dynamic(part.shape) and all(is_dynamic(size) or size == 1 for size in part.shape):
        site.refuse(
            "EQS210",
            f"`{site.op}` along nothing but sizes that are read at run time is not built yet",
            "of one entry it would be 0",
            help="leave a plain axis out of `each`, or use `rms_norm`",
        )
    if math.prod(part.shape) == 1:
        site.refuse(
            "EQS402",
            f"`{site.op}` of one number is always 0",
            "a number is its own mean",
            help="`rms_norm` takes off no mean",
        )
    for factor, group in sorted(Type((part,)).groups.items()):
        for number, generator in enumerate(group.generators):
            values = block_entries(part, factor, number)
            if values in (ONE, MINUS):
                continue
            axis = next(a for a in part.axes if factor in a.factors)
            site.refuse(
                "EQS448",
                f"`{site.op}` is not equivariant on `{axis}`",
                f"it takes off a mean, and `{factor}.{generator}` "
                + ("mixes the entries" if values is None else "multiplies some entries"),
                span=site.arg_spans[0],
                help="`rms_norm` takes off no mean"
                + (
                    f"; or `each=[..., {axis}]`: one mean for every index of it"
                    if values is not None and all(abs(s) == 1 for s in values)
                    else ""
                ),
            )


# ---- lowering ----


def lower(site: LoweringSite) -> Registers:
    data = site.node.data
    assert isinstance(data, Normalisation)
    if data.joint:
        return _lower_joint(site, data)
    blocks = zip(site.args[0], site.types[0].blocks, strict=True)
    return tuple(lower_block(site, number, x, block) for number, (x, block) in enumerate(blocks))


def lower_block(site: LoweringSite, number: int, x: int, block: Block) -> int:
    """One block with statistics of its own."""
    data = site.node.data
    assert isinstance(data, Normalisation)
    forms = dict(data.forms[number])
    suffix = suffix_of(site, number)
    dims = chosen_dims(block, tuple(forms))
    if not all(form.is_identity for form in forms.values()):
        y = over_form(site.builder, x, block, forms, data.eps)
        return affine(site, y, block, suffix, data.weight, data.biases[number])
    plain = [k for k, axis in enumerate(block.axes) if isinstance(axis, PlainAxis)]
    last = dims == list(range(len(block.shape) - len(dims), len(block.shape)))
    if (
        data.weight
        and last
        and not is_dynamic(*(block.shape[dim] for dim in dims))
        and chosen_dims(block, tuple(plain)) == dims
    ):
        # nothing acts along these axes: weight and bias are those of `torch.nn.LayerNorm`
        sizes = tuple(block.shape[dim] for dim in dims)
        args = [x, parameter(site, f"weight{suffix}", sizes, 1.0)]
        if data.biases[number]:
            args.append(parameter(site, f"bias{suffix}", sizes, 0.0))
        return site.builder.normalise(args, dims, data.centre, data.eps)
    y = site.builder.normalise((x,), dims, data.centre, data.eps)
    return affine(site, y, block, suffix, data.weight, data.biases[number])


def suffix_of(site: LoweringSite, number: int) -> str:
    """Of the names of the parameters of a block."""
    return "" if len(site.types[0].blocks) == 1 else str(number)


def over_form(
    b: Builder,
    x: int,
    block: Block,
    forms: dict[int, Form],
    eps: float,
    divided: int | None = None,
    groups: int = 1,
) -> int:
    """x / sqrt(<x, x> / n + eps), n the number of entries; the plain axis ``divided`` falls into
    ``groups``, each with a size of its own."""
    whole = b.shape(x)
    if divided is not None:
        size = block.shape[block.dims[divided][0]] // groups
        axes = [*block.axes[:divided], PlainAxis(groups), PlainAxis(size)]
        block = Block((*axes, *block.axes[divided + 1 :]))
        forms = {k + (k >= divided): form for k, form in forms.items()}
        forms[divided + 1] = Form(size)
        x = b.reshape(x, block.shape)
    dims = chosen_dims(block, tuple(forms))
    count = math.prod(block.shape[dim] for dim in dims)
    mean = b.scale(lower_square(b, x, block, forms), 1 / count)
    y = b.mul(x, b.unsqueeze(b.pointwise(b.shift(mean, eps), "rsqrt"), dims))
    return b.reshape(y, whole)


def _lower_joint(site: LoweringSite, data: Normalisation) -> Registers:
    """One statistic for all blocks of a direct sum."""
    b = site.builder
    blocks = site.types[0].blocks
    total = b.add(
        *(
            lower_square(b, x, block, dict(forms))
            for x, block, forms in zip(site.args[0], blocks, data.forms, strict=True)
        )
    )
    mean = b.scale(total, 1 / site.types[0].size)
    factor = b.pointwise(b.shift(mean, data.eps), "rsqrt")
    results = []
    for number, (x, block) in enumerate(zip(site.args[0], blocks, strict=True)):
        y = b.mul(x, b.unsqueeze(factor, range(len(block.shape))))
        results.append(affine(site, y, block, str(number), data.weight, False))
    return tuple(results)


def affine(site: LoweringSite, x: int, block: Block, suffix: str, weight: bool, bias: bool) -> int:
    """One weight and one bias for every index of the plain axes, the same along all others (and along
    those whose size is known at run time only)."""
    b = site.builder
    if not weight:
        return x
    sizes = affine_sizes(block)
    scale = parameter(site, f"weight{suffix}", sizes, 1.0)
    if not bias:
        return b.mul(x, scale)
    return b.affine(x, scale, parameter(site, f"bias{suffix}", sizes, 0.0))


def parameter(site: LoweringSite, suffix: str, shape: tuple[int, ...], start: float) -> int:
    return site.builder.parameter(site.parameter_name(suffix), shape, 0.0, start)


def _over(node: Node, types: tuple[Type, ...], frame: Frame) -> bool:
    from eqspec.ops.framednorms import over

    return over(node, types, frame)


def _lower_in_frame(site: LoweringSite) -> Registers:
    from eqspec.ops.framednorms import lower

    return lower(site)


LAYER_NORM = Op(
    "layer_norm",
    Signature(
        keywords={"each": "axes", "eps": "number", "affine": "boolean", "bias": "boolean"},
        target="keeps",
        sizes="padded",
    ),
    check_layer_norm,
    lower,
    "every generator permutes the entries that share a mean and a spread, and permutes the spreads",
    irreducible=Irreducible(_over, _lower_in_frame),
)
RMS_NORM = Op(
    "rms_norm",
    Signature(
        keywords={"each": "axes", "eps": "number", "affine": "boolean", "joint": "boolean"},
        target="keeps",
        sizes="padded",
    ),
    check_rms_norm,
    lower,
    "every generator keeps the size of the entries that share one, and permutes the sizes",
    irreducible=Irreducible(_over, _lower_in_frame),
)
OPS = (LAYER_NORM, RMS_NORM)
