"""Models that do not behave like models: an audit must end in a report or a message."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor, nn


def answering(answer: Any) -> Any:
    return lambda: lambda v: answer(v)


nothing = answering(lambda v: None)
text = answering(lambda v: "w")
nested = answering(lambda v: {"w": {"w": v}})
empty = answering(lambda v: ())
none_in_it = answering(lambda v: [None])
complex_ = answering(lambda v: v.to(torch.complex64))
sparse = answering(lambda v: v.to_sparse())
elsewhere = answering(lambda v: v.to("meta"))
truth = answering(lambda v: v > 0)
same = answering(lambda v: v)
more = answering(lambda v, *, other=0: v)
infinite = answering(lambda v: v * float("inf"))
leaves = answering(lambda v: sys.exit(3))
deep = answering(lambda v: deep_answer(v))


def deep_answer(v: Tensor) -> Tensor:
    return deep_answer(v)


def two_arguments() -> Any:
    return lambda v, w: v


class Uneven(nn.Module):
    """Each call another length."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, v: Tensor) -> Tensor:
        self.calls += 1
        return v if self.calls < 12 else v[:-1]


class Refusing(nn.Module):
    """Nothing may be asked of its state."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("no state")

    def forward(self, v: Tensor) -> Tensor:
        return v * self.weight


class Moody(nn.Module):
    """It cannot be brought into training mode."""

    def train(self, mode: bool = True) -> Any:
        if mode:
            raise RuntimeError("not in the mood")
        return super().train(mode)

    def forward(self, v: Tensor) -> Tensor:
        return v


class Lazy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.LazyLinear(3, bias=False)

    def forward(self, v: Tensor) -> Tensor:
        y: Tensor = self.inner(v)
        return y


class Late(nn.Module):
    """A parameter that appears in the first call."""

    def forward(self, v: Tensor) -> Tensor:
        if not hasattr(self, "weight"):
            self.weight = nn.Parameter(torch.ones((), dtype=v.dtype))
        return v * self.weight


class Whole(nn.Module):
    """Tables of whole numbers, an empty parameter, a parameter without a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.arange(3))
        self.nothing = nn.Parameter(torch.zeros(0))
        self.still = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, v: Tensor) -> Tensor:
        return v * self.still


class Undone(nn.Module):
    """What is deleted by hooks that somebody left."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Identity()
        self.inner.register_forward_hook(lambda *_: (_ for _ in ()).throw(ValueError("hook")))

    def forward(self, v: Tensor) -> Tensor:
        y: Tensor = self.inner(v)
        return y


async def coroutine() -> nn.Module:
    return nn.Identity()


class Broken(type):
    def __call__(cls) -> Any:
        raise KeyError("made of nothing")


class Metaclass(metaclass=Broken):
    pass


NAMES = [
    *"nothing text nested empty none_in_it complex_ sparse elsewhere truth same more infinite".split(),
    *"leaves deep two_arguments Uneven Refusing Moody Lazy Late Whole Undone coroutine".split(),
    *"Metaclass sys torch.nn.Identity nn answering".split(),
]
