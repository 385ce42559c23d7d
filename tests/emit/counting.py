"""Bases that count what they are asked, and emitted modules in memory."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source, compile_spec


def emitted(text: str, name: str = "counted", distributed: bool = False) -> Any:
    """The emitted module of a spec."""
    checked = check_source(Source(f"{name}.eqs", text))
    result = compile_spec(checked, name, f"{name}.eqs", ["module"], distributed=distributed)
    assert result.files, [d.message for d in result.diagnostics]
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(result.files[0].text, f"{name}.py", "exec"), module.__dict__)
    return module


class Counting(nn.Module):
    """Answers at random, but the same to the same row, in the shapes ``returns``; counts ``calls`` and
    ``rows``, and keeps the most ``bytes`` of inputs in one call."""

    def __init__(self, *returns: tuple[int, ...], seed: int = 0) -> None:
        super().__init__()
        self.returns = returns
        self.seed = seed
        self.calls = self.rows = self.bytes = 0

    def forward(self, *xs: Tensor) -> Any:
        self.calls += 1
        self.rows += len(xs[0])
        self.bytes = max(self.bytes, sum(x.numel() * x.element_size() for x in xs))
        x = torch.cat([x.flatten(1).double() for x in xs], 1)
        draw = torch.Generator().manual_seed(self.seed)
        ys = []
        for shape in self.returns:
            size = x.shape[1], torch.Size(shape).numel()
            weight = torch.randn(size, generator=draw, dtype=torch.float64)
            ys.append(torch.tanh(x @ weight + 0.3).reshape(len(x), *shape))
        return ys[0] if len(ys) == 1 else tuple(ys)
