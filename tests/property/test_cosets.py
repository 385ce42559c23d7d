"""`coset`: calls, exactness off ties, ties themselves, and canonicalisers that are slightly wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from eqspec.algebra.averages import FWord
from eqspec.graph.model import Module

from .runner import load
from .twins import Emitted, moved, relative_error

D4 = """eqspec 1
group D = dihedral(4)
group Turns = subgroup(D, r)
group Flip = subgroup(D, s)
module M {
  input x: [2, D.grid(6, 6)]
  base net: [2, 6, 6] -> OUT
  output y: TYPE = coset(net, xOPTIONS)
}
"""
PRODUCT = """eqspec 1
group A = cyclic(4)
group B = cyclic(2)
group AB = A * B
group Diagonal = subgroup(AB, A.r * B.r)
module M {
  input x: [2, A.regular, B.regular]
  base net: [2, 4, 2] -> OUT
  output y: TYPE = coset(net, xOPTIONS)
}
"""
BOTH = "[A.regular, B.regular]"


def spec(text: str, type_: str, out: str, options: str) -> str:
    return text.replace("TYPE", type_).replace("OUT", out).replace("OPTIONS", options)


class Counting(nn.Module):
    """Counts the samples that it is given."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(
            nn.Flatten(), nn.LazyLinear(9), nn.Tanh(), nn.LazyLinear(torch.Size(sizes).numel())
        )
        self.sizes = sizes
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += len(x)
        y: Tensor = self.layers(x)
        return y.reshape(-1, *self.sizes)


@contextmanager
def module_of(made: Emitted, *bases: nn.Module) -> Iterator[nn.Module]:
    module: nn.Module = load(made.stem, made.module_text).M(*bases)
    with torch.no_grad():
        yield module.double().eval()


def generators(module: Module) -> list[FWord]:
    return [((f, k, 1),) for f, g in module.groups.items() for k in range(len(g.generators))]


def violation(made: Emitted, module: nn.Module, x: Tensor) -> float:
    """The largest relative error of the law over generators."""
    source, target = made.spec.inputs[0].type, made.spec.outputs[0].type
    y = module(x)
    return max(
        relative_error(module(moved([x], source, word)[0]), moved([y], target, word)[0])
        for word in generators(made.spec)
    )


def test_calls_and_exactness() -> None:
    """The known answers; the law off ties to 1e-12 on many inputs, with one choice for each of them."""
    cases = [
        (spec(D4, "[D.regular]", "[8]", ", average=Turns"), (8,), (2, 6, 6), 4),
        (spec(D4, "[D.regular]", "[8]", ", average=Flip"), (8,), (2, 6, 6), 2),
        (spec(D4, "[D.regular]", "[8]", ""), (8,), (2, 6, 6), 1),
        (spec(PRODUCT, BOTH, "[4, 2]", ", average=A"), (4, 2), (2, 4, 2), 4),
        (spec(PRODUCT, BOTH, "[4, 2]", ", average=B"), (4, 2), (2, 4, 2), 2),
        (spec(PRODUCT, BOTH, "[4, 2]", ", average=Diagonal"), (4, 2), (2, 4, 2), 4),
        (spec(PRODUCT, BOTH, "[4, 2]", ", average=A, ties=average"), (4, 2), (2, 4, 2), 4),
        (spec(PRODUCT, "[B.sign]", "[1]", ""), (1,), (2, 4, 2), 1),
    ]
    for text, out, shape, calls in cases:
        made, base = Emitted(text), Counting(*out)
        with module_of(made, base) as module:
            torch.manual_seed(0)
            x = torch.randn(200, *shape, dtype=torch.float64)
            module(x)
            assert base.calls == 200 * calls, text
            assert violation(made, module, x) <= 1e-12, text
            deep = module(x.reshape(4, 10, 5, *shape))
            assert relative_error(deep.reshape(200, *out), module(x)) <= 1e-12


def test_an_equivariant_base_is_kept() -> None:
    """What is equivariant already comes out as it went in."""
    made = Emitted(spec(D4, "[2, D.grid(6, 6)]", "[2, 6, 6]", ", average=Turns"))
    with module_of(made, nn.Softsign()) as module:
        x = torch.randn(50, 2, 6, 6, dtype=torch.float64)
        torch.testing.assert_close(module(x), nn.functional.softsign(x), rtol=0, atol=1e-14)


def symmetric(x: Tensor, turns: int, flip: bool) -> Tensor:
    """The mean over quarter turns (1, 2 or 4 of them) and a mirror."""
    if turns > 1:
        x = torch.stack([x.rot90(k * (4 // turns), (-2, -1)) for k in range(turns)]).mean(0)
    return (x + x.flip(-1)) / 2 if flip else x


def exactly_symmetric(x: Tensor, turns: int, flip: bool) -> Tensor:
    """Rounded to few bits first, so that the mean over the orbit is symmetric to the last bit."""
    return symmetric((x * 64).round() / 64, turns, flip)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ties_of_symmetric_inputs(dtype: torch.dtype) -> None:
    """True ties are found to the last bit. The first of the tied cosets breaks the law, the mean over all
    keeps it, and an invariant result cannot tell."""
    torch.manual_seed(3)
    base = Counting(8)
    base(torch.zeros(1, 2, 6, 6))
    # the stabiliser F has |F : F and c K c^-1| best cosets
    known = {
        ("Flip", 2): ((1, False, 1), (2, False, 2), (4, False, 4), (4, True, 4)),
        ("Turns", 4): ((1, False, 1), (4, False, 1), (1, True, 2), (4, True, 2)),
    }
    for (name, calls), symmetries in known.items():
        options = f", average={name}"
        first = Emitted(spec(D4, "[D.regular]", "[8]", options))
        mean = Emitted(spec(D4, "[D.regular]", "[8]", f"{options}, ties=average"))
        invariant = Emitted(spec(D4, "[8]", "[8]", options))
        for turns, flip, best in symmetries:
            x = exactly_symmetric(torch.randn(64, 2, 6, 6), turns, flip).to(dtype)
            for made, small in ((first, best == 1), (mean, True), (invariant, True)):
                with module_of(made, base) as module:
                    module.to(dtype)
                    base.calls = 0
                    module(x)
                    assert base.calls == 64 * calls * (best if made is mean else 1), (turns, flip)
                    bound = 1e-12 if dtype is torch.float64 else 1e-5
                    error = violation(made, module, x)
                    assert error <= bound if small else error > 0.05, (name, turns, flip, error)


def test_half_precision_decides_as_single_does() -> None:
    """Energies are added up in single precision, with whole numbers that are not rounded."""
    made = Emitted(spec(PRODUCT, BOTH, "[4, 2]", ", average=A"))
    base = Counting(4, 2)
    base(torch.zeros(1, 2, 4, 2))
    with module_of(made, base) as module:
        x = torch.randn(500, 2, 4, 2).bfloat16()
        weights = dict(module.named_buffers())["y_functionals"].clone()
        low, high = module.bfloat16()(x), module.float()(x.float())
        assert low.dtype == torch.bfloat16
        assert torch.equal(weights, dict(module.named_buffers())["y_functionals"])
        assert relative_error(low.float(), high) <= 0.05


Change = Callable[[str], str]


def planted(old: str, new: str) -> Change:
    def change(text: str) -> str:
        assert old in text, (old, text)
        return text.replace(old, new)

    return change


FAULTS = {
    "energies that are drawn at every call": (
        planted("@ numbers", "@ torch.randn_like(numbers)"),
        "test_deterministic_and_without_side_effects",
    ),
    "a canonicaliser that the other factor changes": (
        planted("torch.unflatten(energies, -1, (cosets, -1)).amax(-1)",
                "torch.unflatten(energies, -1, (cosets, -1))[..., 0]"),
        "test_equivariance_in_float64",
    ),
    "the answer is not moved back": (
        planted("y_coset, self._y_restore, cosets=4)", "y_coset, self._y_restore, cosets=1)"),
        "test_equivariance_in_float64",
    ),
    "one choice for the whole batch": (
        planted("return values.argmax(-1)",
                "return values.reshape(-1, values.shape[-1])[-1].argmax(-1).expand(values.shape[:-1])"),
        "test_samples_do_not_see_each_other",
    ),
    "energies that an element does not move": (
        planted("@ numbers", "@ numbers.abs().clamp(max=1)"),
        "",
    ),
}  # fmt: skip


def test_slightly_wrong_canonicalisers_fail() -> None:
    """Each planted fault is caught, where there is one by the test that is for it."""
    made = Emitted(spec(PRODUCT, BOTH, "[4, 2]", ", average=B"))
    assert made.failures() == {}
    for name, (change, test) in FAULTS.items():
        failed = made.failures(change(made.module_text))
        assert failed if not test else test in failed, name


def test_a_canonicaliser_of_one_factor_breaks_the_law() -> None:
    """The size of the classic fault (maths of the seed paper, measured there as 0.54)."""
    made = Emitted(spec(PRODUCT, BOTH, "[4, 2]", ", average=B"))
    change, _ = FAULTS["a canonicaliser that the other factor changes"]
    made.module_text = change(made.module_text)
    with module_of(made, Counting(4, 2)) as module:
        assert violation(made, module, torch.randn(50, 2, 4, 2, dtype=torch.float64)) >= 0.05
