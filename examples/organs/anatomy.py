"""Synthetic slices of a trunk: a body with a spine, two lungs, two kidneys, and a lesion.

Every slice is drawn by ellipses whose places, sizes and tilts are random; the two organs of a pair
differ. The body does not lie in the middle of the picture, so that left is what lies left
of the spine. A lesion is a bright spot in one organ. It belongs to that organ.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SIZE = 32
LABELS = ("background", "spine", "kidney_L", "kidney_R", "lung_L", "lung_R")
MIRRORED = (0, 1, 3, 2, 5, 4)  # the label that a label becomes in a mirror
NOISE = 0.15

# organ: label, side, centre (across, down) from the spine, half axes, grey
ORGANS = (
    (4, -1, (0.36, -0.30), (0.20, 0.30), 0.25),
    (5, +1, (0.36, -0.30), (0.20, 0.30), 0.25),
    (2, -1, (0.32, 0.42), (0.13, 0.19), 0.75),
    (3, +1, (0.32, 0.42), (0.13, 0.19), 0.75),
    (1, 0, (0.0, 0.05), (0.07, 0.75), 0.90),
)


def slices(count: int, lesions: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures of shape (count, 1, 32, 32) and labels of shape (count, 32, 32). Lesions lie in organs on
    the left of the picture (-1) or on the right (+1)."""

    def between(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=draw)

    line = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
    down, across = torch.meshgrid(line, line, indexing="ij")
    angle = between(-0.2, 0.2, 1, 1)
    scale = between(0.85, 1.05, 1, 1)
    x, y = across - between(-0.2, 0.2, 1, 1), down - between(-0.1, 0.1, 1, 1)
    u = (angle.cos() * x + angle.sin() * y) / scale
    v = (angle.cos() * y - angle.sin() * x) / scale
    picture = 0.5 * ((u / 0.75) ** 2 + (v / 0.95) ** 2 < 1)
    labels = torch.zeros(count, SIZE, SIZE, dtype=torch.long)
    ill = torch.randint(2, (count, 1, 1), generator=draw)  # lung or kidney
    for label, side, (right, low), (wide, high), grey in ORGANS:
        tilt = between(-0.3, 0.3, 1, 1) * (side != 0)
        a = u - side * right - between(-0.05, 0.05, 1, 1)
        b = v - low - between(-0.06, 0.06, 1, 1)
        a, b = tilt.cos() * a + tilt.sin() * b, tilt.cos() * b - tilt.sin() * a
        a, b = (
            a / (wide * between(0.8, 1.2, 1, 1)),
            b / (high * between(0.8, 1.2, 1, 1)),
        )
        inside = a**2 + b**2 < 1
        shade = grey + between(-0.1, 0.1, 1, 1)
        picture = torch.where(inside, shade, picture)
        labels = torch.where(inside, label, labels)
        turn, far = between(0, 2 * math.pi, 1, 1), between(0.0, 0.5, 1, 1)
        spot = (a - far * turn.cos()) ** 2 + (b - far * turn.sin()) ** 2 < 0.3
        here = (ill == (label in (2, 3))) & (side == lesions)
        picture = torch.where(inside & spot & here, 1.2 - grey, picture)
    noise = NOISE * torch.randn(count, SIZE, SIZE, generator=draw)
    return (picture + noise).unsqueeze(1), labels


def mirrored(picture: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Left and right exchanged, in the picture and in the names."""
    return picture.flip(-1), torch.tensor(MIRRORED)[labels].flip(-1)
