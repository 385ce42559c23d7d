"""Models with planted faults, each beside its twin without: what `eqspec audit` must tell apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

ROBOT = """eqspec 1

group Sagittal = cyclic(2) named { r: m }
rep Sagittal.world = matrix([x, y, z]) { m -> diag(1, -1, 1) }
rep Sagittal.legs  = permutation([LF, RF, LH, RH]) { m -> (LF RF)(LH RH) }
rep Sagittal.leg   = signed_permutation([HAA, HFE, KFE]) { m -> (HAA -HAA) }

interface Robot {
  input obs: flat {
    velocity: [Sagittal.world],
    turn:     [Sagittal.world.axial],
    joints:   [Sagittal.legs, Sagittal.leg],
    battery:  fixed [1]
  }
  output action: flat { torque: [Sagittal.legs, Sagittal.leg] }
  output value: [1]
}
"""
VECTOR = """eqspec 1

group O3 = orthogonal(3)

interface Vector {
  input v: [4, O3.vector]
  output w: [2, O3.vector]
}
"""
PICTURE = """eqspec 1

param n = 9
group Rot = cyclic(4)

interface Picture {
  input image: [1, Rot.rot90(n, n)]
  output score: [3]
}
"""
POINTS = """eqspec 1

param n = dynamic
group S = symmetric(n)

interface Points {
  input x: [S.natural, 3]
  output y: [S.natural, 2]
}
"""
RING = """eqspec 1

group Rot = cyclic(4)

interface Ring {
  input x: [Rot.regular, 5]
  output y: [Rot.regular, 2]
}
"""
WORDS = """eqspec 1

group Gender = cyclic(2)
rep Gender.token = permutation([pad, he, she, cat, his, her, dog, sees, feeds, old]) {
  r -> (he she)(his her)
}

interface Words {
  input ids: index(Gender.token)[6]
  output next: [Gender.token]
}
"""
CLOUD = """eqspec 1

group S = symmetric(5)
group E = euclidean(3)

interface Cloud {
  input x: [S.natural, E.point]
  input f: [S.natural, 2]
  output centre: [E.point]
  output push: [S.natural, E.vector]
}
"""
SPECS = {"robot": ROBOT, "vector": VECTOR, "picture": PICTURE, "points": POINTS, "ring": RING}
SPECS |= {"words": WORDS, "cloud": CLOUD}


# ---- a policy that is mirrored by hand -------------------------------------------------------------

VELOCITY, TURN, BATTERY = [1, -1, 1], [-1, 1, -1], [1]
LEGS = [1, 0, 3, 2]  # LF RF LH RH
LEG = [-1, 1, 1]  # HAA HFE KFE


def mirror(legs: list[int], leg: list[int], *fields: list[int]) -> tuple[Tensor, Tensor]:
    """Where every entry comes from and its sign: fields of three, then the joints of the legs."""
    order = [k for at, field in enumerate(fields) for k in range(3 * at, 3 * at + len(field))]
    start = len(order)
    order += [start + 3 * k + j for k in legs for j in range(3)]
    signs = [s for field in fields for s in field] + leg * 4
    return torch.tensor(order), torch.tensor(signs)


class Policy(nn.Module):
    """The mean over a network and its mirror image: right if the mirror is."""

    def __init__(
        self,
        velocity: list[int] = VELOCITY,
        turn: list[int] = TURN,
        legs: list[int] = LEGS,
        leg: list[int] = LEG,
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(19, 16), nn.Tanh(), nn.Linear(16, 13))
        order, signs = mirror(legs, leg, velocity, turn)
        self.order = torch.cat([order, torch.tensor([18])])
        self.signs = torch.cat([signs, torch.tensor([1])])
        self.back, self.back_signs = mirror(LEGS, LEG)

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        one, other = self.net(obs), self.net(obs[..., self.order] * self.signs)
        action = one[..., :12] + other[..., self.back] * self.back_signs
        return action / 2, (one[..., 12:] + other[..., 12:]) / 2


def policy() -> nn.Module:
    return Policy()


def wrong_sign() -> nn.Module:
    """The angular velocity is taken for a polar vector."""
    return Policy(turn=VELOCITY)


def forgotten_field() -> nn.Module:
    return Policy(velocity=[1, 1, 1])


def wrong_order() -> nn.Module:
    """The legs are taken in the order LF LH RF RH."""
    return Policy(legs=[2, 3, 0, 1])


# ---- vectors ---------------------------------------------------------------------------------------


class Vectors(nn.Module):
    """Channels of vectors are mixed; a bias would point somewhere. It is zero at first."""

    def __init__(self, bias: bool) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first = Mix(4, 6, bias=False)
        self.gate = nn.Linear(6, 6)
        self.second = Mix(6, 2, bias=bias)

    def forward(self, v: Tensor) -> Tensor:
        h = self.first(v)
        gates = torch.sigmoid(self.gate((h * h).sum(-1)))
        y: Tensor = self.second(h * gates.unsqueeze(-1))
        return y


class Mix(nn.Module):
    def __init__(self, n: int, m: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(m, n) / n**0.5)
        self.bias = nn.Parameter(torch.zeros(m, 3)) if bias else None

    def forward(self, v: Tensor) -> Tensor:
        y = torch.einsum("mn,...ni->...mi", self.weight, v)
        return y if self.bias is None else y + self.bias


def vectors() -> nn.Module:
    return Vectors(bias=False)


def biased_vectors() -> nn.Module:
    return Vectors(bias=True)


class InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Vectors(bias=False)

    def forward(self, v: Tensor) -> Tensor:
        v *= 0.5
        y: Tensor = self.inner(v)
        return y


# ---- pictures --------------------------------------------------------------------------------------


class Strided(nn.Module):
    """A filter that is the mean of its four turns, with a stride that fits odd sizes only."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.filter = nn.Parameter(torch.randn(3, 1, 3, 3))

    def forward(self, image: Tensor) -> Tensor:
        turns = [torch.rot90(self.filter, k, (-2, -1)) for k in range(4)]
        kernel = torch.stack(turns).mean(0)
        return torch.relu(nn.functional.conv2d(image, kernel, stride=2, padding=1)).mean((-2, -1))


# ---- points ----------------------------------------------------------------------------------------


class DeepSet(nn.Module):
    """Each point and the mean of all; `norm` is what stands between the layers."""

    def __init__(self, norm: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.own = nn.Linear(3, 8)
        self.all = nn.Linear(3, 8, bias=False)
        self.last = nn.Linear(8, 2)
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.own(x) + self.all(x.mean(-2, keepdim=True)))
        y: Tensor = self.last(h if self.norm is None else self.norm(h))
        return y


def over_the_batch(h: Tensor) -> Tensor:
    """A batch norm without running statistics: every sample sees all others."""
    return (h - h.mean(0)) / (h.var(0, unbiased=False) + 1e-3).sqrt()


def over_the_set(h: Tensor) -> Tensor:
    mean, var = h.mean(-2, keepdim=True), h.var(-2, keepdim=True, unbiased=False)
    return (h - mean) / (var + 1e-3).sqrt()


def batch_norm() -> nn.Module:
    return DeepSet(over_the_batch)


def set_norm() -> nn.Module:
    return DeepSet(over_the_set)


def dropped() -> nn.Module:
    """Dropout that evaluation mode does not switch off."""
    return DeepSet(lambda h: nn.functional.dropout(h, 0.5, training=True))


class ProperDropout(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.inner = DeepSet(self.drop)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.inner(x)
        return y


class Untied(nn.Module):
    """A batch norm with a statistic for each point; fresh, it shows nothing in evaluation mode."""

    def __init__(self, points: bool) -> None:
        super().__init__()
        self.points = points
        self.inner = DeepSet()
        self.norm = nn.BatchNorm1d(5 if points else 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x)
        if self.points:
            z: Tensor = self.norm(y)
            return z
        return self.norm(y.flatten(0, 1)).reshape(y.shape)


def untied() -> nn.Module:
    return Untied(points=True)


def tied() -> nn.Module:
    return Untied(points=False)


# ---- a ring ----------------------------------------------------------------------------------------


class Canonical(nn.Module):
    """Turned until a score is largest, then a network, then turned back; the score is by a reference
    that is drawn once, or in every call."""

    def __init__(self, redrawn: bool) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, 8))
        self.redrawn = redrawn
        self.register_buffer("reference", torch.randn(5))

    def forward(self, x: Tensor) -> Tensor:
        reference = torch.randn(5, dtype=x.dtype) if self.redrawn else self.reference
        turns = (x @ reference).argmax(1)
        index = (torch.arange(4) + turns[:, None]) % 4
        straight = x.gather(1, index[..., None].expand_as(x))
        y = self.net(straight).unflatten(1, (4, 2))
        return torch.zeros_like(y).scatter(1, index[..., None].expand_as(y), y)


def canonical() -> nn.Module:
    return Canonical(redrawn=False)


def redrawn() -> nn.Module:
    return Canonical(redrawn=True)


class Averaged(nn.Module):
    """The mean over some turns."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.turns = turns
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, 8))

    def forward(self, x: Tensor) -> Tensor:
        answers = [
            self.net(x.roll(k, 1)).unflatten(1, (4, 2)).roll(-k, 1) for k in range(self.turns)
        ]
        return torch.stack(answers).mean(0)


def averaged() -> nn.Module:
    return Averaged(4)


def half_averaged() -> nn.Module:
    return Averaged(2)


def constant() -> Callable[[Tensor], Tensor]:
    """Equivariant without doing anything."""
    return lambda x: torch.ones(len(x), 4, 2, dtype=x.dtype)


# ---- words -----------------------------------------------------------------------------------------


class Swapped(nn.Module):
    """The mean over a small language model and its mirror image among words."""

    def __init__(self, pairs: list[tuple[int, int]]) -> None:
        super().__init__()
        torch.manual_seed(6)
        self.table = nn.Embedding(10, 5)
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(30, 16), nn.Tanh(), nn.Linear(16, 10))
        order = list(range(10))
        for a, b in pairs:
            order[a], order[b] = b, a
        self.order = torch.tensor(order)

    def forward(self, ids: Tensor) -> Tensor:
        one = self.net(self.table(ids))
        other = self.net(self.table(self.order[ids]))
        y: Tensor = (one + other[..., self.order]) / 2
        return y


def fair() -> nn.Module:
    return Swapped([(1, 2), (4, 5)])


def half_fair() -> nn.Module:
    """`his` and `her` are forgotten."""
    return Swapped([(1, 2)])


# ---- points ----------------------------------------------------------------------------------------


class Cloud(nn.Module):
    def __init__(self, origin: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.origin = origin
        self.weight = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))

    def forward(self, x: Tensor, f: Tensor) -> tuple[Tensor, Tensor]:
        weight = torch.softmax(self.weight(f), -2)
        centre = (weight * x).sum(-2)
        return centre, weight * (x - (1 - self.origin) * centre.unsqueeze(-2))


def from_the_origin() -> nn.Module:
    """Vectors that are partly measured from the origin."""
    return Cloud(0.1)


# ---- factories that fail ---------------------------------------------------------------------------


def raises() -> nn.Module:
    raise ValueError("no weights here")


def takes(width: int) -> nn.Module:
    return DeepSet()


def gives_nothing() -> None:
    return None


number = 3


class Case(NamedTuple):
    """A fault: the spec, the factory with it and that without, the sizes, and what must be named."""

    spec: str
    faulty: str
    sound: str
    check: str
    element: str
    tensor: str
    inputs: tuple[str, ...] | None = None
    state: str = "as given"
    sizes: tuple[int, ...] = ()


CASES = (
    Case("robot", "wrong_sign", "policy", "generators", "Sagittal.m", "action", ("obs.turn",)),
    Case(
        "robot",
        "forgotten_field",
        "policy",
        "generators",
        "Sagittal.m",
        "action",
        ("obs.velocity",),
    ),
    Case("robot", "wrong_order", "policy", "generators", "Sagittal.m", "action", ("obs.joints",)),
    Case("vector", "biased_vectors", "vectors", "generators", "O3.", "w", (), "random parameters"),
    Case("vector", "InPlace", "vectors", "inputs", "", "v"),
    Case("picture", "Strided", "Strided", "generators", "Rot.r", "score", sizes=(8, 9)),
    Case("points", "batch_norm", "set_norm", "each sample", "S.", "y", sizes=(5, 5)),
    Case("points", "dropped", "ProperDropout", "generators", "S.", "y", sizes=(5, 5)),
    Case("points", "untied", "tied", "generators", "S.", "y", None, "random parameters", (5, 5)),
    Case("words", "half_fair", "fair", "generators", "Gender.r", "next"),
    Case("cloud", "from_the_origin", "Cloud", "generators", "E.t", "push"),
    Case("ring", "redrawn", "canonical", "generators", "Rot.r", "y"),
    Case("ring", "half_averaged", "averaged", "generators", "Rot.r", "y"),
)
