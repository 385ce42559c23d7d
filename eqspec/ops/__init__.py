"""The table of ops: one line for each op family.

`OPS` holds what a spec may call, `INTERNAL` what the layer graph makes by itself (inputs apart).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from eqspec.ops import (
    attention,
    averaging,
    batch_norm,
    bilinear,
    choosing,
    contraction,
    conv,
    coset,
    dropout,
    embedding,
    frames,
    gated,
    greps,
    group_norm,
    invariants,
    linear,
    norm,
    normalise,
    patches,
    pointwise,
    pool,
    pools,
    positions,
    resize,
    steerable,
    structure,
    weighting,
)
from eqspec.ops.contract import Op

OPS: Mapping[str, Op] = MappingProxyType(
    {
        op.name: op
        for op in (
            linear.LINEAR,
            embedding.EMBEDDING,
            *conv.ops(),
            steerable.STEERABLE_CONV2D,
            attention.ATTENTION,
            patches.PATCH_EMBEDDING,
            *pointwise.ops(),
            pool.POOL,
            invariants.INVARIANTS,
            *pools.ops(),
            resize.RESIZE,
            resize.UPSAMPLE,
            resize.PAD,
            norm.NORM,
            norm.NORM_RELU,
            gated.GATED,
            bilinear.DOT,
            bilinear.TENSOR_PRODUCT,
            contraction.CONTRACT,
            normalise.LAYER_NORM,
            normalise.RMS_NORM,
            batch_norm.BATCH_NORM,
            group_norm.INSTANCE_NORM,
            group_norm.GROUP_NORM,
            dropout.DROPOUT,
            dropout.STOP_GRADIENT,
            averaging.EQUITUNE,
            averaging.MULTI_EQUITUNE,
            averaging.FUSE,
            coset.COSET,
            weighting.LAMBDA_EQUITUNE,
            choosing.EQUIZERO,
            choosing.MULTI_EQUIZERO,
            greps.GREPS,
            frames.FRAME,
            positions.CENTER,
            positions.DIFFERENCE,
            structure.SUM,
            structure.CONCAT,
            structure.IDENTITY,
        )
    }
)
INTERNAL: Mapping[str, Op] = MappingProxyType(
    {op.name: op for op in (structure.FIELD, structure.BLOCK, structure.CALL)}
)


def op_named(name: str) -> Op:
    """The op that made a node.

    Raises:
        KeyError: the node is an input.
    """
    return OPS[name] if name in OPS else INTERNAL[name]
