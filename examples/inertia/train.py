"""Learn the tensor of inertia of five bodies from their masses and positions.

The target is sum_k m_k (|r_k|^2 I - r_k r_k^T) with masses softplus(N(0, 1)) and positions
N(0, 1), nine numbers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.nn.functional as F

from inertia import Inertia

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from regression import Samples, Task, main


def draw(count: int, generator: torch.Generator) -> Samples:
    masses = F.softplus(torch.randn(count, 5, generator=generator))
    r = torch.randn(count, 5, 3, generator=generator)
    squares = (masses * r.square().sum(-1)).sum(-1)
    products = torch.einsum("bk, bki, bkj -> bij", masses, r, r)
    return (masses, r), squares[:, None, None] * torch.eye(3) - products


TASK = Task("O(3) inertia", draw, Inertia, rate=3e-3, bound=1.5)

if __name__ == "__main__":
    main(TASK, __doc__)
