"""The kernels by which a device is measured: some probes for every kind of `program.devices`.

A probe takes a tensor to one of the same shape, so that it can be chained: the difference between a long
chain and a short one leaves out what is paid once a call. Its bytes and FLOPs are counted as
`program.kernels` counts them. In: how large. Out: `Probe`s.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as f
from torch import Tensor

BYTES = 4
TINY = 64
"""Numbers of a tensor whose work is nothing beside the launch."""

Step = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Probe:
    """``step`` takes a tensor of the shape ``x`` and a weight (of one number where there is none) to
    another of that shape, by ``kernels`` kernels of the kind and some ``views`` besides. One that is not
    ``chained`` makes another shape, and takes a tensor of its own each time. ``bytes`` and ``flops`` are those of
    one kernel."""

    kind: str
    x: tuple[int, ...]
    step: Step
    bytes: int
    flops: int = 0
    side: int = 1
    weight: tuple[int, ...] = ()
    kernels: int = 1
    views: int = 0
    chained: bool = True


def simple(numbers: int) -> list[Probe]:
    """Kinds that read and write about so many numbers."""
    wide = (max(1, numbers // 64), 64)
    deep = (numbers // 512, 8, 64) if numbers >= 512 else (1, 2, 32)
    square = (numbers // 256, 16, 16) if numbers >= 256 else (1, 8, 8)
    images = (numbers // 2048, 8, 16, 16) if numbers >= 2048 else (1, 1, 8, 8)

    def twice(shape: tuple[int, ...]) -> int:
        return 2 * BYTES * math.prod(shape)

    count = math.prod(wide)
    return [
        Probe("elementwise", wide, lambda x, w: torch.relu(x), twice(wide)),
        Probe("elementwise", wide, lambda x, w: x * 1.0001, twice(wide)),
        Probe("function", wide, lambda x, w: torch.tanh(x), twice(wide), count),
        Probe("function", wide, lambda x, w: f.gelu(x), twice(wide), count),
        Probe("reduce", wide, lambda x, w: x.sum(-1), BYTES * (count + count // 64), chained=False),
        Probe("reduce", deep, lambda x, w: x.mean(1), BYTES * 9 * math.prod(deep) // 8, chained=False),
        Probe("copy", square, lambda x, w: x.transpose(1, 2).contiguous(), twice(square), views=1),
        Probe(
            "copy", deep, lambda x, w: x.transpose(0, 1).contiguous().view(x.shape), twice(deep),
            views=2,
        ),
        Probe("gather", wide, lambda x, w: x.index_select(1, _backwards(x.device)), twice(wide)),
        Probe("fourier", wide, _there_and_back, twice(wide), kernels=2),
        Probe("pool", images, lambda x, w: f.max_pool2d(x, 3, 1, 1), twice(images)),
        Probe(
            "pool", images, lambda x, w: f.avg_pool2d(x, 2), 5 * BYTES * math.prod(images) // 4,
            chained=False,
        ),
        Probe("norm", wide, lambda x, w: f.rms_norm(x, (64,), w, 1e-5), twice(wide), weight=(64,)),
        Probe(
            "norm", wide, lambda x, w: f.layer_norm(x, (64,), w, w, 1e-5), twice(wide),
            weight=(64,),
        ),
    ]  # fmt: skip


def view() -> Probe:
    return Probe("view", (4, 4), lambda x, w: x.transpose(0, 1), 0)


def streams(numbers: int) -> list[Probe]:
    """Products and the like that read about so many numbers and do little with each. There is none for a
    convolution: of few channels it is slow for other reasons."""
    n = max(1, math.isqrt(numbers))
    count = max(1, numbers // 4096)
    heads = (max(1, numbers // 1024), 1, 16, 16)
    entries = math.prod(heads)
    return [
        Probe("product", (1, n), _linear, BYTES * (n * n + 2 * n), 2 * n * n, 1, (n, n)),
        Probe(
            "batched", (count, 1, 64), torch.bmm, BYTES * count * (4096 + 128),
            2 * count * 4096, 1, (count, 64, 64),
        ),
        Probe("attention", heads, _attention, 4 * BYTES * entries, 64 * entries, 16),
    ]  # fmt: skip


SIDES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def sided(side: int) -> list[Probe]:
    """Products and the like whose smallest side is this one; they fit into a cache."""
    found: list[Probe] = []
    rows = 4096 if side <= 32 else 256
    for x, width in (((rows, side), side), ((side, 512), 512)):
        moved = BYTES * (2 * math.prod(x) + width * width)
        flops = 2 * math.prod(x) * width
        found.append(Probe("product", x, _linear, moved, flops, side, (width, width)))
    if side <= 256:
        for lines in (256, side):
            count = max(2, min(64, (1 << 18) // (lines * side)))
            numbers = count * lines * side
            moved = BYTES * (2 * numbers + count * side * side)
            shape = (count, side, side)
            found.append(
                Probe(
                    "batched", (count, lines, side), torch.bmm, moved, 2 * numbers * side,
                    min(side, lines), shape,
                )
            )  # fmt: skip
    if side in (1, 4, 16, 64):
        images = (max(1, 256 // side), side, 16, 16)
        pixels = math.prod(images)
        found.append(
            Probe(
                "convolution", images, lambda x, w: f.conv2d(x, w, padding=1),
                2 * BYTES * pixels, 18 * side * pixels, side, (side, side, 3, 3),
            )
        )  # fmt: skip
    if side in (4, 16, 64):
        heads = (max(1, (1 << 16) // side**2), 1, side, side)
        entries = math.prod(heads)
        found.append(Probe("attention", heads, _attention, 16 * entries, 4 * entries * side, side))
    return found


def tiny() -> list[Probe]:
    """One probe and more for every kind, whose work is nothing beside the launch."""
    return [
        view(),
        *simple(TINY),
        Probe("product", (4, 4), _linear, 0, weight=(4, 4)),
        Probe("batched", (4, 4, 4), torch.bmm, 0, weight=(4, 4, 4)),
        Probe(
            "convolution", (1, 4, 8, 8), lambda x, w: f.conv2d(x, w, padding=1), 0,
            weight=(4, 4, 3, 3),
        ),
        Probe("attention", (1, 1, 4, 4), _attention, 0),
    ]  # fmt: skip


def _linear(x: Tensor, w: Tensor) -> Tensor:
    return f.linear(x, w)


def _attention(x: Tensor, w: Tensor) -> Tensor:
    return f.scaled_dot_product_attention(x, x, x)


def _there_and_back(x: Tensor, w: Tensor) -> Tensor:
    back: Tensor = torch.fft.irfft(torch.fft.rfft(x, norm="ortho"), n=64, norm="ortho")
    return back


_INDICES: dict[torch.device, Tensor] = {}


def _backwards(device: torch.device) -> Tensor:
    if device not in _INDICES:
        _INDICES[device] = torch.arange(63, -1, -1, device=device)
    return _INDICES[device]
