"""What training keeps: `eqspec cost` counts the calls whose activations are alive after `forward`."""

from __future__ import annotations

import gc
import math
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from eqspec.diagnostics.model import Source
from eqspec.graph.model import Module
from eqspec.pipeline import check_source, compile_spec
from eqspec.tools.strategies import Strategy, strategies

from .runner import load

SPEC = """eqspec 1
group A = cyclic(4)
group B = cyclic(2)
module M {
  input x: [2, A.regular, B.regular]
  base net: [2, 4, 2] -> [4, 2]
  base helper: [2, 4, 2] -> [1]
  output y: [A.regular, B.regular] = CALL
  output z: [1] = equitune(helper, x)
}
"""


class Held:
    """As long as the backward pass needs the activations of a call, this is alive."""

    def __init__(self, rows: int) -> None:
        self.rows = rows


class Keep(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, alive: weakref.WeakSet[Held]) -> Tensor:
        ctx.held = Held(len(x))
        alive.add(ctx.held)
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return grads[0], None


class Network(nn.Module):
    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.alive: weakref.WeakSet[Held] = weakref.WeakSet()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh())
        self.last = nn.Linear(8, math.prod(shape))

    def forward(self, x: Tensor) -> Tensor:
        hidden = Keep.apply(self.layers(x), self.alive)
        return self.last(hidden).unflatten(-1, self.shape)

    def held(self) -> int:
        gc.collect()
        return sum(held.rows for held in self.alive)


def compiled(call: str) -> tuple[Module, type[nn.Module]]:
    result = check_source(Source("kept.eqs", SPEC.replace("CALL", call)))
    assert result.spec is not None
    done = compile_spec(result, "kept", "kept.eqs", emit=["module"])
    assert done.files, [d.message for d in done.diagnostics]
    made: type[nn.Module] = load("kept", done.files[0].text).M
    return result.spec.modules[-1], made


@pytest.mark.slow
def test_training_keeps_what_the_table_says() -> None:
    module, _ = compiled("equitune(net, x)")
    rows = [s for s in strategies(module, module.node("y")) if isinstance(s, Strategy)]
    assert {row.op for row in rows} >= {"equitune", "coset", "lambda_equitune", "equizero"}
    for row in rows:
        _, made = compiled(row.text)
        net, helper = Network((4, 2)), Network((1,))
        network = made(net, helper).train()
        y, z = network(torch.randn(1, 2, 4, 2))
        del z  # it is there so that `helper` is used in every spec
        assert net.held() + helper.held() == row.kept, row.text
        y.sum().backward()
