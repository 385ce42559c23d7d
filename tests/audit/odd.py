"""Models that are unusual in form, not in symmetry, and faults that hide."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor, nn

PAIR = """eqspec 1

group O3 = orthogonal(3)

interface Pair {
  input a: [O3.vector] + [2]
  input b: [3, O3.vector]
  output force: [3, O3.vector]
  output mixed: [O3.vector] + [2]
}
"""
VECTOR = """eqspec 1

group O3 = orthogonal(3)

interface Vector {
  input v: [4, O3.vector]
  output w: [4, O3.vector]
}
"""
BOOST = """eqspec 1

group L = lorentz(1, 3)

interface Boost {
  input p: [2, L.vector]
  output q: [L.vector]
  output parity: [L.vector.pseudoscalar]
}
"""
SCORES = """eqspec 1

group S = symmetric(4)

interface Scores {
  input x: [S.natural]
  output y: [S.natural]
}
"""
SPECS = {"pair": PAIR, "vector": VECTOR, "boost": BOOST, "scores": SCORES}


class Both(NamedTuple):
    force: Tensor
    mixed: tuple[Tensor, Tensor]


class Pair(nn.Module):
    """Two inputs, one of them a direct sum; forces are derivatives of an energy."""

    def __init__(self, form: str = "named") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.form = form
        self.net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
        self.dull = nn.Linear(2, 2)

    def forward(self, a: tuple[Tensor, Tensor], b: Tensor) -> Any:
        v, s = a
        b = b.detach().requires_grad_(True)
        dots = (b @ v.unsqueeze(-1)).squeeze(-1)
        energy = self.net(torch.cat([dots, b.norm(dim=-1)], -1)).sum()
        (force,) = torch.autograd.grad(energy, b)
        mixed = (v + b.sum(-2), self.dull(s))
        if self.form == "mapping":
            return {"mixed": mixed, "force": force.detach(), "more": 1}
        return Both(force.detach(), mixed)


def mapping() -> nn.Module:
    return Pair("mapping")


class Vectors(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.weight = nn.Parameter(torch.randn(4, 4))

    def forward(self, v: Tensor) -> Tensor:
        return self.weight @ v


class Clipped(Vectors):
    """Beyond what a standard normal draw reaches."""

    def forward(self, v: Tensor) -> Tensor:
        return super().forward(v.clamp(-6, 6))


class Slightly(Vectors):
    """A fault of one part in a hundred million."""

    def forward(self, v: Tensor) -> Tensor:
        return super().forward(v) + 1e-7 * torch.tensor([1.0, 0.0, 0.0], dtype=v.dtype)


class Short(Vectors):
    """It computes in float32 whatever it is given."""

    def forward(self, v: Tensor) -> Tensor:
        return self.weight.float() @ v.float()


class ShortAndWrong(Short):
    def forward(self, v: Tensor) -> Tensor:
        return super().forward(v) + 0.01


class Stiff(Vectors):
    """It cannot be copied, and cannot be converted."""

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise RuntimeError("no copies")


class Remembering(Vectors):
    """The first input leaves its trace."""

    last: Tensor | None = None

    def forward(self, v: Tensor) -> Tensor:
        y = super().forward(v)
        before, self.last = self.last, y
        return y if before is None or before.shape != y.shape else y + 0.1 * before


class Unfolding(Vectors):
    def forward(self, v: Tensor) -> Tensor:
        y = super().forward(v)
        v.unsqueeze_(0)
        return y


class Counting(Vectors):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, v: Tensor) -> Tensor:
        self.seen += 1
        return super().forward(v)


class Normaliser(Vectors):
    """Statistics that somebody sets by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, v: Tensor) -> Tensor:
        return super().forward((v - self.mean) * self.scale)


class Logarithm(Vectors):
    def forward(self, v: Tensor) -> Tensor:
        return super().forward(v).log()


class Tiny(Vectors):
    def forward(self, v: Tensor) -> Tensor:
        return super().forward(v) * 1e-9


def brief() -> nn.Module:
    return Vectors().to(torch.bfloat16)


def scripted() -> Any:
    return torch.jit.script(Vectors())


def function() -> Any:
    return lambda v: v * v.norm(dim=(-2, -1), keepdim=True)


class Boost(nn.Module):
    """`parity` is a determinant for the true answer, an absolute value for the wrong one."""

    def __init__(self, wrong: bool = False) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.wrong = wrong
        self.weight = nn.Parameter(torch.randn(2))
        self.register_buffer("form", torch.tensor([1.0, -1.0, -1.0, -1.0]))

    def forward(self, p: Tensor) -> tuple[Tensor, Tensor]:
        first, second = p.unbind(-2)
        product = (first * self.form * second).sum(-1, keepdim=True)
        if self.wrong:
            product = (first * second).sum(-1, keepdim=True)
        q = self.weight[0] * first * torch.tanh(product) + self.weight[1] * second
        return q, torch.zeros_like(product)


def wrong_form() -> nn.Module:
    return Boost(wrong=True)


class Scores(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(x, -1)


# ---- one layer at fault ----------------------------------------------------------------------------


class Turned(nn.Module):
    """A filter that is the mean of its turns."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.filter = nn.Parameter(torch.randn(4, channels, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        kernel = torch.stack([torch.rot90(self.filter, k, (-2, -1)) for k in range(4)]).mean(0)
        return nn.functional.conv2d(x, kernel, padding=1)


class Mixed(nn.Module):
    """A matrix on one dimension."""

    def __init__(self, n: int, m: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(m, n))
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return (x.movedim(self.dim, -1) @ self.weight.T).movedim(-1, self.dim)


def picture(*layers: nn.Module) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        Turned(1), nn.ReLU(), *layers, Turned(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


def fine_picture() -> nn.Module:
    return picture(nn.Tanh())


def pooled_picture() -> nn.Module:
    return picture(nn.MaxPool2d(2))  # of 7 rows, the last is dropped


def filtered_picture() -> nn.Module:
    return picture(nn.Conv2d(4, 4, 3, padding=1))


def clipped_vectors() -> nn.Module:
    return nn.Sequential(Mixed(4, 6, -2), nn.ReLU(), Mixed(6, 4, -2))


def points(norm: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), norm, nn.Linear(8, 2))


def normed_points() -> nn.Module:
    return points(nn.LayerNorm((5, 8)))  # its weight has an entry for every point


def fine_points() -> nn.Module:
    return points(nn.LayerNorm(8))


def sorted_points() -> nn.Module:
    return points(Mixed(5, 5, -2))


class Summed(nn.Module):
    """A layer that sees the whole batch."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


def coupled_points() -> nn.Module:
    return points(Summed())


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 0.1 * torch.randn_like(x)


def noisy_points() -> nn.Module:
    return points(Noise())


PICTURE = """eqspec 1

group Rot = cyclic(4)

interface Picture {
  input image: [1, Rot.rot90(7, 7)]
  output score: [4]
}
"""
POINTS = """eqspec 1

group S = symmetric(5)

interface Points {
  input x: [S.natural, 3]
  output y: [S.natural, 2]
}
"""
SPECS |= {"picture": PICTURE, "points": POINTS}
LAYERS = [
    ("picture", "fine_picture", "", None),
    ("picture", "pooled_picture", "generators", "2 (MaxPool2d)"),
    ("picture", "filtered_picture", "generators", "2 (Conv2d)"),
    ("vector", "clipped_vectors", "generators", "1 (ReLU)"),
    ("points", "fine_points", "", None),
    ("points", "normed_points", "generators", "2 (LayerNorm)"),
    ("points", "sorted_points", "generators", "2 (Mixed)"),
    ("points", "coupled_points", "batch", "2 (Summed)"),
    ("points", "noisy_points", "determinism", "2 (Noise)"),
]


class Silent(nn.Module):
    """One channel that most draws of its weights silence."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.ones(1))
        self.weight = nn.Parameter(torch.ones(4, 4))

    def forward(self, v: Tensor) -> Tensor:
        return self.weight @ v * torch.relu(self.gate).prod()


class Cancelling(Vectors):
    """Right in real arithmetic; in float32 most digits are lost."""

    def forward(self, v: Tensor) -> Tensor:
        return (super().forward(v) + 1e5) - 1e5


def same() -> Any:
    return lambda v: v


class Picky(Vectors):
    """It refuses vectors that all lie on one side."""

    def forward(self, v: Tensor) -> Tensor:
        if v.shape[0] == 4 and bool(v[0, 0].argmax() == 1):
            raise ValueError("turned the wrong way")
        return super().forward(v)
