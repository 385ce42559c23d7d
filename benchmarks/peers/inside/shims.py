"""What lets a peer be imported beside the torch at hand."""

from __future__ import annotations

import torch

_DECLARED: list[object] = []  # declarations end with the object that made them


def torchvision_without_operators() -> None:
    """The package index has torchvision for CUDA only; beside a torch for CPUs its operators do not load, and it
    stumbles over those that it describes. Nothing that is timed uses one."""
    declared = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        declared.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _DECLARED.append(declared)
