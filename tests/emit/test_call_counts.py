"""Budgets of the emitted averages, counted and never timed: what bases are asked, the bytes that are
alive, and the arithmetic beside the bases. The numbers are orders of groups, known beforehand."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from eqspec.tools.bench.memory import peak_bytes  # noqa: E402
from tests.emit.counting import Counting, emitted  # noqa: E402

GROUPS = """eqspec 1
group A = cyclic(4)
group B = cyclic(2)
group C = cyclic(3)
group D = dihedral(4)
group G = cyclic(32)
group Turns = subgroup(D, r)
group Flip = subgroup(D, s)
"""
TWO = ("[2, A.regular, B.regular]", (2, 4, 2))
THREE = ("[2, A.regular, B.regular, C.regular]", (2, 4, 2, 3))
TURNED = ("[2, D.regular]", (2, 8))
# op, its arguments besides the base, type, rows that each base sees for a sample
COUNTS: list[tuple[str, str, tuple[str, tuple[int, ...]], tuple[int, ...]]] = [
    ("equitune", "x", TWO, (8,)),
    ("multi_equitune", "x", TWO, (6,)),
    ("equitune", "x", THREE, (24,)),
    ("multi_equitune", "x", THREE, (9,)),
    ("equitune", "x", TURNED, (8,)),
    ("lambda_equitune", "small, x", TWO, (8, 8)),
    ("equizero", "x, by=entropy", TWO, (8,)),
    ("equizero", "x, by=margin", TURNED, (8,)),
    ("equizero", "x, by=small", THREE, (24, 24)),
    ("multi_equizero", "x, by=entropy", THREE, (9,)),
    ("coset", "x, average=Turns", TURNED, (4,)),
    ("coset", "x, average=Flip", TURNED, (2,)),
]


def module_of(op: str, rest: str, type_: tuple[str, tuple[int, ...]]) -> Any:
    shape = f"[{', '.join(map(str, type_[1]))}]"
    text = (
        f"{GROUPS}module M {{\n  input x: {type_[0]}\n  base net: {shape} -> {shape}\n"
        f"  base small: {shape} -> [1]\n  output y: {type_[0]} = {op}(net, {rest})\n}}\n"
    )
    return emitted(text if "small" in rest else text.replace(f"  base small: {shape} -> [1]\n", ""))


@pytest.mark.parametrize(("op", "rest", "type_", "expected"), COUNTS)
def test_rows_a_base_sees(
    op: str, rest: str, type_: tuple[str, tuple[int, ...]], expected: tuple[int, ...]
) -> None:
    code = module_of(op, rest, type_)
    x = torch.randn(5, *type_[1], dtype=torch.float64)
    results = []
    for call_bytes in (1, 1000, 2**18):  # one element a call, some, all
        bases = [Counting(type_[1]), Counting((1,))][: len(expected)]
        module = code.M(*bases, call_bytes=call_bytes).double().eval()
        results.append(module(x))
        assert tuple(base.rows for base in bases) == tuple(5 * n for n in expected)
        one = x.numel() * x.element_size()
        assert all(base.bytes <= max(one, call_bytes) for base in bases)
    assert [float((y - results[0]).abs().max()) < 1e-12 for y in results] == [True] * 3


def test_four_views_share_their_branches() -> None:
    """One fusion network for each view, shared by its targets: 16 rows for the views themselves and 16
    for what they tell, where the plain average needs 256."""
    views = range(1, 5)
    lines = [f"group R{k} = cyclic(4)" for k in views]
    lines += ["module M {", *(f"  input v{k}: [3, R{k}.regular]" for k in views)]
    lines += ["  base own: [3, 4] -> [2, 4]", "  base tell: [3, 4] -> [2, 4]"]
    for k in views:
        told = " + ".join(f"fuse(tell, v{j})" for j in views if j != k)
        lines.append(f"  f{k}: [2, R{k}.regular] = equitune(own, v{k}) + {told}")
    lines += ["  output y: [5] = linear(relu(f1), relu(f2), relu(f3), relu(f4))", "}"]
    own, tell = Counting((2, 4)), Counting((2, 4), seed=1)
    module = emitted("\n".join(["eqspec 1", *lines, ""])).M(own, tell).double()
    module(*(torch.randn(7, 3, 4, dtype=torch.float64) for _ in views))
    assert (own.rows, tell.rows) == (7 * 16, 7 * 16)


ORDER = 32
LARGE = f"""{GROUPS}module M {{
  input x: [40, G.regular]
  base net: [40, {ORDER}] -> [10]
  output y: [10] = equitune(net, x)
}}
"""


class Wide(torch.nn.Module):
    """Two layers; its activations are as large as its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv1d(40, 40, 1)
        self.last = torch.nn.Linear(40, 10)

    def forward(self, x: Any) -> Any:
        return self.last(torch.tanh(self.first(x)).mean(-1))


def test_live_bytes_are_bounded_by_a_call() -> None:
    """Four inputs at most beside what a call itself needs, its inputs included. In training that takes a
    checkpoint: without it the activations of all calls stay."""
    code = emitted(LARGE)
    torch.manual_seed(0)
    net, x = Wide(), torch.randn(4, 40, ORDER)
    one = x.numel() * x.element_size()

    def peak(call_bytes: int, checkpoint: bool, training: bool) -> float:
        module = code.M(net, call_bytes=call_bytes, checkpoint=checkpoint)
        with torch.set_grad_enabled(training):
            return peak_bytes(lambda: _step(module, x) if training else module(x)) / one

    with torch.no_grad():
        alone = peak_bytes(lambda: net(x)) / one
    assert peak(one, False, False) <= alone + 4
    assert peak(8 * one, False, False) <= 8 * (alone + 1) + 4
    assert peak(ORDER * one, False, False) >= ORDER * alone, "all in one call"
    trained = peak_bytes(lambda: _step(net, x)) / one
    assert peak(one, True, True) <= trained + 6
    assert peak(one, False, True) >= ORDER, "activations of all calls"


def _step(module: Any, x: Any) -> None:
    module(x).square().sum().backward()


def test_arithmetic_beside_the_base() -> None:
    """A permutation of the arguments costs no products: those of a module are those of its base, once
    for every row."""
    from torch.utils.flop_counter import FlopCounterMode

    code = emitted(LARGE)
    net, x = Wide(), torch.randn(4, 40, ORDER)
    with FlopCounterMode(display=False) as alone, torch.no_grad():
        net(x)
    for call_bytes in (1, 2**30):
        with FlopCounterMode(display=False) as whole, torch.no_grad():
            code.M(net, call_bytes=call_bytes)(x)
        assert whole.get_total_flops() == ORDER * alone.get_total_flops() > 0
