"""eqspec: a compiler from declared symmetries to PyTorch modules that provably have them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def lift(model: Any, input_shape: Sequence[int], group: str, *, action: str | None = None) -> str:
    """The spec of a `torch.nn.Module` of plain layers in which a group acts, as a starting point.

    ``input_shape`` is that of one sample: channels, then one, two or three sizes. ``group`` is written as
    in a spec, such as `dihedral(4)`. ``action`` is the representation by which it moves positions: by
    default `grid`, for sequences `reverse`.

    Raises:
        ValueError: with ``code``, ``message`` and ``help``, if the model cannot be read (EQS615), a layer
            has no counterpart (EQS616), or the group does not act on such an input (EQS617).
    """
    text: str = import_module("eqspec.tools.lift.lifting").lift(
        model, input_shape, group, action=action
    )
    return text
