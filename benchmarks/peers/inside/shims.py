"""What lets a peer be imported beside the torch at hand."""

from __future__ import annotations

import torch


def torchvision_without_operators() -> None:
    """The package index has torchvision for CUDA only; beside a torch for CPUs its library does not load, and it
    stumbles over the operators that it describes. Nothing that is timed uses one."""
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    torchvision_without_operators.library = library  # type: ignore[attr-defined]
