"""The instructions of `layers` in NumPy, on arrays with one batch axis in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from eqspec.program.layers import Detach, Dropout, GroupNorm, Layer

Array = NDArray[np.float64]


def run_layer(
    instruction: Layer, args: Sequence[Array], state: Mapping[str, Array], training: bool
) -> Array:
    """``state`` holds the masks of dropouts, which count in ``training`` alone, under `NAME.mask`."""
    match instruction:
        case GroupNorm():
            return _group_norm(instruction, args)
        case Dropout(name=name):
            return args[0] * state[f"{name}.mask"] if training else args[0]
        case Detach():
            return args[0]


def _group_norm(instruction: GroupNorm, args: Sequence[Array]) -> Array:
    x: Array = args[0]
    sets: Array = x.reshape(len(x), instruction.groups, -1)
    sets = sets - sets.mean(2, keepdims=True)
    sets = sets / np.sqrt((sets * sets).mean(2, keepdims=True) + instruction.eps)
    y: Array = sets.reshape(len(x), instruction.channels, -1)
    for k, parameter in enumerate(args[1:]):
        y = y + parameter[:, None] if k else y * parameter[:, None]
    return np.asarray(y.reshape(x.shape))
