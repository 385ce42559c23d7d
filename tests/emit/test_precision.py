"""Half precision: statistics are taken in single precision, results keep the precision of the inputs, and
symmetry holds up to the rounding of what is stored."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.emit.counting import emitted  # noqa: E402

SPEC = """eqspec 1
group O = orthogonal(3)
group S = symmetric(6)
group R = cyclic(4)
module Lengths {
  input x: [8, O.vector]
  a: [8, O.vector] = rms_norm(x)
  b: [8, O.vector] = norm_relu(a)
  c: [8] = norm(b)
  g: [8, O.vector] = gated(b, sigmoid(linear(c)))
  h: [8, O.vector] = batch_norm(g)
  output y: [8, O.vector] = h + instance_norm(linear(h))
  output n: [8] = norm(x)
}
module Sets {
  input x: [S.natural, 16]
  a: [S.natural, 16] = relu(batch_norm(layer_norm(x)))
  b: [6, S.natural, S.natural] = relu(layer_norm(linear(a)))
  output y: [S.natural, 16] = linear(b)
  output m: [6] = pool(b, over=S, by=mean)
}
module Spots {
  input x: [R.regular, 3]
  a: [R.regular, 3] = instance_norm(x)
  b: [R.regular, 3] = layer_norm(a)
  output y: [R.regular, 3] = linear(relu(b))
}
"""


@pytest.fixture(scope="module")
def code() -> Any:
    return emitted(SPEC, "precise")


def made(code: Any, name: str, dtype: Any) -> Any:
    torch.manual_seed(0)
    module = getattr(code, name)()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    return module.eval().to(dtype)


def values(result: Any) -> list[Any]:
    return [result] if isinstance(result, torch.Tensor) else list(result)


def moved(name: str, x: Any, element: Any) -> Any:
    return torch.einsum("...i, ji -> ...j", x, element) if name == "Lengths" else x[:, element]


def test_half_precision_follows_single_precision_and_keeps_symmetry(code: Any) -> None:
    """Both errors, relative to the size of an output, are a few of the roundings of one number."""
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1)))[0]
    cases = {
        "Lengths": ((8, 3), turn),
        "Sets": ((6, 16), torch.tensor([2, 0, 1, 5, 3, 4])),
        "Spots": ((4, 3), torch.tensor([1, 2, 3, 0])),
    }
    for name, (shape, element) in cases.items():
        torch.manual_seed(2)
        x = torch.randn(64, *shape)
        single = [y.detach() for y in values(made(code, name, torch.float32)(x))]
        for dtype, step in ((torch.bfloat16, 2**-8), (torch.float16, 2**-11)):
            module = made(code, name, dtype)
            with torch.no_grad():
                half = values(module(x.to(dtype)))
                after = values(module(moved(name, x, element).to(dtype)))
            for key, (y, z, expected) in enumerate(zip(half, after, single, strict=True)):
                assert y.dtype == z.dtype == dtype
                size = float(expected.abs().max())
                assert float((y.float() - expected).abs().max()) < 6 * step * size, (name, key)
                wanted = moved(name, y.float(), element) if key == 0 else y.float()
                assert float((z.float() - wanted).abs().max()) < 8 * step * size, (name, key)


def test_lengths_neither_overflow_nor_vanish(code: Any) -> None:
    """Squares of entries of half precision: 300 squared is not one of its numbers, nor is 1e-8."""
    for name, shape in (("Lengths", (8, 3)), ("Spots", (4, 3)), ("Sets", (6, 16))):
        module = made(code, name, torch.float16)
        torch.manual_seed(3)
        x = torch.randn(5, *shape).half()
        for size in (0.0, 1e-4, 300.0, 3000.0):
            large = (x * size).requires_grad_()
            ys = values(module(large))
            assert all(bool(y.isfinite().all()) for y in ys), (name, size)
            if size < 1:  # steep: norms of short vectors have gradients beyond half precision
                continue
            torch.autograd.backward(sum(y.float().sum() for y in ys))
            assert large.grad is not None and bool(large.grad.isfinite().all()), (name, size)


def test_statistics_of_a_batch_in_half_precision(code: Any) -> None:
    """Training moves the running statistics as single precision does."""
    found = {}
    for dtype in (torch.float32, torch.bfloat16):
        module = made(code, "Lengths", dtype).train()
        torch.manual_seed(4)
        module(torch.randn(256, 8, 3).to(dtype))
        found[dtype] = module.h_running_var.float()
        assert module.h_running_var.dtype == dtype
    assert torch.allclose(found[torch.bfloat16], found[torch.float32], rtol=2**-6)
