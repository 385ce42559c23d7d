"""`batch_norm`: divide every channel by its size over the batch, and by a running one in evaluation.

A channel is an index of the plain axes (of those in ``each``, if given); its statistics are pooled over
the batch and over all other axes, so their sets are unions of orbits. Every generator acts by orthogonal
matrices: then the mean square of a channel is the same for x and for g x, also if every sample is moved
by an element of its own. The mean is taken off, and a bias added, where every generator permutes the
entries; elsewhere the field is divided by its root mean square (Weiler and Cesa 2019, section 2.6).

In evaluation the statistics are constants: every sample by itself, exactly equivariant. In training they
are those of the batch: exactly equivariant too, but samples see each other.
Source: Ioffe and Szegedy, *Batch Normalization* (2015).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.sizes import is_dynamic
from eqspec.graph.types import Block, PlainAxis
from eqspec.ops.chosen import chosen_dims
from eqspec.ops.contract import LoweringSite, Op, Registers
from eqspec.ops.normalise import (
    affine,
    affine_of,
    affine_parameters,
    biases_of,
    each_axes,
    eps_of,
    is_permuted,
    parameter,
)

MOMENTUM = 0.1


@dataclass(frozen=True)
class BatchStatistics:
    """For every block the axes of the channels, whether a mean is taken off, whether there is a bias."""

    channels: tuple[tuple[int, ...], ...]
    centred: tuple[bool, ...]
    biases: tuple[bool, ...]
    weight: bool
    momentum: float
    eps: float
    parameters: int


def check(site: CallSite) -> Checked:
    (arg,) = site.args
    momentum = site.keywords.get("momentum", MOMENTUM)
    assert isinstance(momentum, float)
    if not 0 < momentum <= 1:
        site.refuse(
            "EQS207",
            "`momentum` is above 0 and at most 1",
            "the share of the new batch in the running statistics",
            span=site.keyword_spans["momentum"],
        )
    channels = tuple(_channels(site, block) for block in arg.type.blocks)
    for block in arg.type.blocks:
        _check_orthogonal(site, block)
    centred = tuple(is_permuted(block) for block in arg.type.blocks)
    biases = biases_of(site)
    weights = affine_parameters(site, biases)
    data = BatchStatistics(
        channels, centred, biases, affine_of(site), momentum, eps_of(site), weights
    )
    return Checked(arg.type, data)


def _channels(site: CallSite, block: Block) -> tuple[int, ...]:
    if "each" not in site.keywords:
        return tuple(
            k
            for k, axis in enumerate(block.axes)
            if isinstance(axis, PlainAxis) and not is_dynamic(axis.size)
        )
    chosen = each_axes(site, block)
    for k in chosen:
        axis = block.axes[k]
        if is_dynamic(axis.shape):
            site.refuse(
                "EQS450",
                f"running statistics along `{axis}` have no fixed size",
                "its size is read at run time",
                span=site.keyword_spans["each"],
                help=f"pool them: leave `{axis}` out of `each`",
            )
        if axis.factors:
            site.refuse(
                "EQS450",
                f"running statistics for every entry of `{axis}` are not equivariant",
                f"`{min(axis.factors)}` moves its entries, and the statistics stay",
                span=site.keyword_spans["each"],
                help=f"pool them: leave `{axis}` out of `each`",
            )
    return chosen


def _check_orthogonal(site: CallSite, block: Block) -> None:
    for axis in block.axes:
        if isinstance(axis, PlainAxis) or axis.rep.is_orthogonal:
            continue
        site.refuse(
            "EQS450",
            f"`batch_norm` is not equivariant on `{axis}`",
            "its matrices are not orthogonal: the mean square of a batch is not invariant",
            span=site.arg_spans[0],
            help="`rms_norm` divides by an invariant length where the group keeps one; `gated` multiplies"
            " by invariant features",
        )


def lower(site: LoweringSite) -> Registers:
    from eqspec.program.instructions import BatchNorm

    data = site.node.data
    assert isinstance(data, BatchStatistics)
    blocks = site.types[0].blocks
    results: list[int] = []
    for number, (x, block) in enumerate(zip(site.args[0], blocks, strict=True)):
        suffix = "" if len(blocks) == 1 else str(number)
        norm = BatchNorm(
            (x,),
            site.parameter_name(f"norm{suffix}") if suffix else site.node.name,
            tuple(chosen_dims(block, data.channels[number])),
            data.centred[number],
            data.momentum,
            data.eps,
        )
        shape = site.builder.shape(x)
        plain = [k for k, axis in enumerate(block.axes) if isinstance(axis, PlainAxis)]
        if data.weight and norm.view(shape) and tuple(plain) == data.channels[number]:
            # as `torch.nn.BatchNorm2d`, on all numbers of a channel: weight and bias as well
            args = [x, parameter(site, f"weight{suffix}", norm.channels(shape), 1.0)]
            if data.biases[number]:
                args.append(parameter(site, f"bias{suffix}", norm.channels(shape), 0.0))
            results.append(site.builder.emit(replace(norm, args=tuple(args))))
            continue
        y = site.builder.emit(norm)
        results.append(affine(site, y, block, suffix, data.weight, data.biases[number]))
    return tuple(results)


BATCH_NORM = Op(
    "batch_norm",
    Signature(
        keywords={
            "each": "axes",
            "eps": "number",
            "momentum": "number",
            "affine": "boolean",
            "bias": "boolean",
        },
        target="keeps",
        sampled="pixel",
    ),
    check,
    lower,
    "every generator keeps the mean square of a channel, and its mean where one is taken off",
)
OPS = (BATCH_NORM,)
