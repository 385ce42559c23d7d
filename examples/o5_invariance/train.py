"""Learn an invariant function of two vectors in five dimensions.

The target is y = sin|a| + |b|^3 / 2 + <a, b> / (|a| |b|), a and b normally distributed, with
the sign of the second term as in the data of G-RepsNet (EMLP has a minus there).
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from o5_invariance import O5Invariance

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from regression import Samples, Task, main


def draw(count: int, generator: torch.Generator) -> Samples:
    x = torch.randn(count, 2, 5, generator=generator)
    a, b = x.unbind(1)
    first, second = a.norm(dim=-1), b.norm(dim=-1)
    cosine = (a * b).sum(-1) / (first * second)
    y = first.sin() + 0.5 * second**3 + cosine
    return (x,), y[:, None]


TASK = Task("O(5) invariance", draw, O5Invariance, rate=1e-3, bound=0.05)

if __name__ == "__main__":
    main(TASK, __doc__)
