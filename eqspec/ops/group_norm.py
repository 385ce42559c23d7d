"""`instance_norm` and `group_norm`: statistics of parts of one sample.

A part holds the channels of one group (`group_norm`) or one channel (`instance_norm`), with all axes on
which groups act, and with those in ``each`` an own statistic for every index. The law is that of every
norm of one sample: the partition into sets that share a statistic is mapped to itself by every
generator. So, with I the axes within a set and W those in ``each``:

- along I every generator keeps a positive definite form (orthogonal matrices: the sum of squares), and
  along W it permutes the indices, up to signs: sets go to sets, and sizes with them;
- a mean is taken off where every generator permutes the entries along I, with one sign for all of them.
  Elsewhere the set is divided by its root mean square;
- groups divide a plain axis, so whole fibres belong to a group: one that cuts a fibre is refused;
- the weight is one number for every index of the plain axes, and so is the bias, where every generator
  permutes the entries of the block.

Sources: Ulyanov, Vedaldi and Lempitsky, *Instance Normalization* (2016); Wu and He, *Group
Normalization* (2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from eqspec.algebra.forms import Form
from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.sizes import is_dynamic
from eqspec.graph.types import Block, PlainAxis, Type, block_entries
from eqspec.ops.chosen import chosen_dims, form_of
from eqspec.ops.contract import LoweringSite, Op, Registers
from eqspec.ops.normalise import (
    MINUS,
    ONE,
    affine,
    affine_of,
    affine_parameters,
    biases_of,
    check_each,
    each_axes,
    eps_of,
    over_form,
    parameter,
)
from eqspec.program.layers import GroupNorm


@dataclass(frozen=True)
class Parts:
    """The sets of one block: the axis whose indices are divided (None: no axis is), the axes with an own
    statistic for every index, the form of every other axis, and whether a mean is taken off."""

    divided: int | None
    kept: tuple[int, ...]
    forms: tuple[tuple[int, Form], ...]
    centred: bool


@dataclass(frozen=True)
class GroupStatistics:
    parts: tuple[Parts, ...]
    groups: int
    eps: float
    weight: bool
    biases: tuple[bool, ...]
    parameters: int


def check_instance_norm(site: CallSite) -> Checked:
    return _checked(site, 1)


def check_group_norm(site: CallSite) -> Checked:
    groups = site.keywords.get("groups")
    if not isinstance(groups, float):
        site.refuse(
            "EQS207",
            "`group_norm` takes `groups=n`",
            "into how many groups the channels are divided",
            span=site.whole,
            help="`instance_norm` has a statistic for every channel, `layer_norm` one for all",
        )
    if groups != int(groups) or groups < 1:
        site.refuse(
            "EQS207", "`groups` is a whole number above 0", span=site.keyword_spans["groups"]
        )
    return _checked(site, int(groups))


def _checked(site: CallSite, groups: int) -> Checked:
    (arg,) = site.args
    parts = tuple(_parts(site, block, groups) for block in arg.type.blocks)
    biases = biases_of(site)
    weights = affine_parameters(site, biases)
    data = GroupStatistics(parts, groups, eps_of(site), affine_of(site), biases, weights)
    return Checked(arg.type, data)


def _parts(site: CallSite, block: Block, groups: int) -> Parts:
    kept = each_axes(site, block)
    divided = None
    if site.op == "group_norm":
        divided = _divided(site, block, kept, groups)
    elif "each" not in site.keywords:
        kept = tuple(k for k, axis in enumerate(block.axes) if isinstance(axis, PlainAxis))
    check_each(site, Block(tuple(block.axes[k] for k in kept)))
    along = tuple(k for k in range(len(block.axes)) if k not in kept)
    forms: list[tuple[int, Form]] = []
    for k in along:
        axis = block.axes[k]
        if isinstance(axis, PlainAxis):
            forms.append((k, Form(axis.size)))
        else:
            forms.append((k, form_of(site, block, k, site.arg_spans[0], definite=True)))
    part = Block(tuple(block.axes[k] for k in along))
    centred = _has_mean(part)
    sizes = [n // groups if k == divided else n for k in along for n in block.axes[k].shape]
    if is_dynamic(*sizes):
        if all(is_dynamic(n) or n == 1 for n in sizes):
            site.refuse(
                "EQS210",
                f"`{site.op}` along nothing but sizes that are read at run time is not built yet",
                "of one entry it would be 0",
            )
    elif math.prod(sizes) == 1 and centred:
        site.refuse(
            "EQS402",
            f"`{site.op}` of one number is always 0",
            f"every statistic of {block} is that of one entry",
            span=site.arg_spans[0],
            help="`layer_norm` has one statistic for all channels of a sample",
        )
    return Parts(divided, kept, tuple(forms), centred)


def _has_mean(part: Block) -> bool:
    """Does every generator permute the entries, with one sign for all? Then it keeps or turns their mean."""
    return all(
        block_entries(part, factor, number) in (ONE, MINUS)
        for factor, group in Type((part,)).groups.items()
        for number in range(len(group.generators))
    )


def _divided(site: CallSite, block: Block, kept: tuple[int, ...], groups: int) -> int:
    """The first plain axis that has no statistics of its own."""
    plain = [
        k for k, axis in enumerate(block.axes) if isinstance(axis, PlainAxis) and k not in kept
    ]
    if not plain:
        site.refuse(
            "EQS469",
            "there are no channels to divide into groups",
            f"{block} has no plain axis" + (" outside of `each`" if kept else ""),
            span=site.arg_spans[0],
            help="along the axes of a group, statistics are those of whole orbits: `layer_norm`",
        )
    size = block.axes[plain[0]].shape[0]
    if is_dynamic(size):
        site.refuse(
            "EQS210",
            "groups of channels whose number is read at run time are not built yet",
            span=site.arg_spans[0],
        )
    if size % groups:
        near = [n for n in range(1, size + 1) if size % n == 0]
        acted = [axis for axis in block.axes if axis.factors]
        cuts = groups > size and acted
        site.refuse(
            "EQS469",
            f"{size} channels do not make {groups} groups",
            f"a group would cut `{acted[0]}`" if cuts else f"{size} is no multiple of {groups}",
            span=site.keyword_spans["groups"],
            help=(f"`each={acted[0]}` has statistics for every index of it; " if cuts else "")
            + f"groups that fit: {', '.join(map(str, near[-12:]))}",
        )
    return plain[0]


# ---- lowering ----


def lower(site: LoweringSite) -> Registers:
    data = site.node.data
    assert isinstance(data, GroupStatistics)
    blocks = site.types[0].blocks
    return tuple(
        _lower_block(site, data, number, x, block)
        for number, (x, block) in enumerate(zip(site.args[0], blocks, strict=True))
    )


def _lower_block(
    site: LoweringSite, data: GroupStatistics, number: int, x: int, block: Block
) -> int:
    b, parts = site.builder, data.parts[number]
    suffix = "" if len(data.parts) == 1 else str(number)
    channels = _channels(block, data, parts)
    if channels is not None:
        # as `torch.nn.GroupNorm` on all numbers of a channel: weight and bias as well
        args = [x, parameter(site, f"weight{suffix}", (channels,), 1.0)]
        if data.biases[number]:
            args.append(parameter(site, f"bias{suffix}", (channels,), 0.0))
        groups = channels if parts.divided is None else data.groups
        return b.emit(GroupNorm(tuple(args), channels, groups, data.eps))
    forms = dict(parts.forms)
    shape = b.shape(x)
    dims = chosen_dims(block, tuple(forms))
    if not all(form.is_identity for form in forms.values()):
        y = over_form(b, x, block, forms, data.eps, parts.divided, data.groups)
        return affine(site, y, block, suffix, data.weight, data.biases[number])
    if parts.divided is not None and data.groups > 1:
        at = block.dims[parts.divided][0]
        x = b.reshape(x, (*shape[:at], data.groups, shape[at] // data.groups, *shape[at + 1 :]))
        dims = [dim + (dim >= at) for dim in dims]
    y = b.reshape(b.normalise((x,), dims, parts.centred, data.eps), shape)
    return affine(site, y, block, suffix, data.weight, data.biases[number])


def _channels(block: Block, data: GroupStatistics, parts: Parts) -> int | None:
    """The number of channels where these come first, are all plain axes, and `F.group_norm` does it all."""
    plain = tuple(k for k, axis in enumerate(block.axes) if isinstance(axis, PlainAxis))
    if not (data.weight and parts.centred) or plain != tuple(range(len(plain))) or not plain:
        return None
    if parts.kept != (plain if parts.divided is None else ()):
        return None
    if is_dynamic(*block.shape) or not all(form.is_identity for _, form in parts.forms):
        return None
    return math.prod(block.shape[: len(plain)])


INSTANCE_NORM = Op(
    "instance_norm",
    Signature(
        keywords={"each": "axes", "eps": "number", "affine": "boolean", "bias": "boolean"},
        target="keeps",
        sizes="dynamic",
    ),
    check_instance_norm,
    lower,
    "every generator maps the sets that share a mean and a spread to such sets, and keeps or permutes these",
)
GROUP_NORM = Op(
    "group_norm",
    Signature(
        keywords={
            "groups": "number",
            "each": "axes",
            "eps": "number",
            "affine": "boolean",
            "bias": "boolean",
        },
        target="keeps",
        sizes="dynamic",
    ),
    check_group_norm,
    lower,
    "a group of channels holds whole fibres, so every generator maps the sets that share a spread to such sets",
)
OPS = (INSTANCE_NORM, GROUP_NORM)
