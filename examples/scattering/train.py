"""Learn the matrix element of electron-muon scattering from four momenta.

The momenta are N(0, 1) / 4, on no mass shell. With eta = diag(1, -1, -1, -1),

    E = p1 p3^T - (<p1, p3> - <p1, p1>) eta
    M = (eta p2) (eta p4)^T - (<p2, p4> - <p2, p2>) eta

the target is 4 sum_ij E_ij M_ij.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from scattering import Scattering

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from regression import Samples, Task, main

ETA = torch.diag(torch.tensor([1.0, -1.0, -1.0, -1.0]))


def dot(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    return ((p @ ETA) * q).sum(-1)[:, None, None]


def draw(count: int, generator: torch.Generator) -> Samples:
    momenta = torch.randn(count, 4, 4, generator=generator) / 4
    p1, p2, p3, p4 = momenta.unbind(1)
    electron = p1[:, :, None] * p3[:, None, :] - (dot(p1, p3) - dot(p1, p1)) * ETA
    low2, low4 = p2 @ ETA, p4 @ ETA
    muon = low2[:, :, None] * low4[:, None, :] - (dot(p2, p4) - dot(p2, p2)) * ETA
    return (momenta,), 4 * (electron * muon).sum((-2, -1))[:, None]


TASK = Task("SO(1,3) scattering", draw, Scattering, rate=3e-3, bound=0.06)

if __name__ == "__main__":
    main(TASK, __doc__)
