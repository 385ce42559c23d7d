"""Moves that elements of a product share: the same tensors, in fewer operations."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from eqspec.diagnostics.model import Source
from eqspec.emit.digits import digit_of, steps_of
from eqspec.pipeline import check_source, compile_spec
from eqspec.program.orbits import OrbitMean

torch = pytest.importorskip("torch")

GROUPS = """eqspec 1
group A = cyclic(4)
group B = symmetric(3)
group C = cyclic(2)
group S = symmetric(4)
rep C.rev = permutation(5) { r -> (0 4)(1 3) }
"""
PRODUCT = """module M {
  input x: [2, A.shift(4), C.rev]
  input y: [B.natural, C.sign]
  base net: [2, 4, 5] + [3, 1] -> [2, 4, 5]
  output z: [2, A.shift(4), C.rev] = equitune(net, x, y)
}
"""
ONE = "module M { input x: [S.natural, 2]\nbase net: [4, 2] -> [3]\noutput y: [3] = equitune(net, x) }"
TIED = """module M {
  input x: [A.shift(4), C.sign]
  base net: [4, 1] -> [3]
  output y: [3] = equitune(net, x)
}
"""


def compiled(text: str) -> tuple[Any, Any]:
    result = compile_spec(check_source(Source("m.eqs", GROUPS + text)), "digits", "m.eqs")
    assert result.files, [d.message for d in result.diagnostics]
    module = ModuleType("digits")
    sys.modules["digits"] = module
    exec(compile(result.files[0].text, "digits.py", "exec"), module.__dict__)
    (item,) = result.lowered.values()
    (mean,) = [i for i in item.program.instructions if isinstance(i, OrbitMean)]
    return module, (mean.orbit, [item.program.shape(arg) for arg in mean.args])


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ((0, 1, 0, 1), (1, 2)),
        ((0, 0, 1, 1), (2, 2)),
        ((0, 1, 2, 3), (1, 4)),
        ((0, 0, 0, 0), None),
        ((0, 0, 1), None),
        ((0, 1, 1, 0), (1, 4)),
        ((0, 0, 1, 2), None),
    ],
)
def test_digits(choice: tuple[int, ...], found: tuple[int, int] | None) -> None:
    assert digit_of(choice) == found


def test_moving_in_steps_is_moving_at_once() -> None:
    module, orbit = compiled(PRODUCT)
    assert (orbit[0].order, steps_of(*orbit)) == (48, (12, 6))
    seen: list[Any] = []

    class Net(torch.nn.Module):
        def forward(self, x: Any, y: Any) -> Any:
            seen.extend(zip(x.clone(), y.clone(), strict=True))
            x.zero_()  # what a base does to its inputs is its own affair
            y.zero_()
            return seen[-1][0].expand(len(x), 2, 4, 5)

    torch.manual_seed(0)
    xs = torch.randn(1, 2, 4, 5), torch.randn(1, 3, 1)
    kept = [x.clone() for x in xs]
    for call_bytes in (1, 1000, 2**18):
        seen.clear()
        made = module.M(Net(), call_bytes=call_bytes)
        made(*xs)
        assert all(torch.equal(x, k) for x, k in zip(xs, kept, strict=True))
        assert len(seen) == 48
        for g, found in enumerate(seen):
            assert all(
                torch.equal(a, b[0]) for a, b in zip(found, made._net_move(xs, g), strict=True)
            )
        assert (
            len({tuple(a.flatten().tolist()) + tuple(b.flatten().tolist()) for a, b in seen}) == 48
        )


def test_where_nothing_can_be_shared() -> None:
    for text, order in (
        (ONE, 24),
        (TIED, 8),  # too few to be worth it
        (PRODUCT.replace("[3, 1]", "[3]"), 48),  # the base takes other shapes
    ):
        _, orbit = compiled(text)
        assert (orbit[0].order, steps_of(*orbit)) == (order, ())
