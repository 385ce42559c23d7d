"""The options of execution change memory and time, never a result: chunks, checkpoints, precision."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from tests.emit.counting import Counting, emitted  # noqa: E402

SPEC = """eqspec 1
group A = cyclic(4)
group B = cyclic(2)
rep A.mirror = permutation(3) { r -> (0 2) }
module M {
  input image: [2, A.rot90(4, 4)]
  input rest: [3, B.hflip(2, 5)] + [2]
  base net: [2, 4, 4] + [3, 2, 5] + [2] -> [6, 4] + [2]
  y: [6, A.regular] + [B.sign, 2] = equitune(net, image, rest)
  output z: [6, A.regular] = linear(y)
  output s: [B.sign, 2] = linear(y)
}
"""
SHAPES = ((2, 4, 4), (3, 2, 5), (2,))


@pytest.fixture(scope="module")
def code() -> Any:
    return emitted(
        SPEC.replace("[6, A.regular] + [B.sign, 2]", "[6, A.regular] + [2, B.sign]"), "executed"
    )


class Net(nn.Module):
    """A base with two answers, one of them in a layout of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(64, 40)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(40, 26)

    def forward(self, a: Any, b: Any, c: Any) -> Any:
        x = torch.cat([a.flatten(1), b.flatten(1), c], 1)
        y = self.last(self.drop(torch.tanh(self.first(x))))
        return [y[:, :24].unflatten(1, (4, 6)).mT, y[:, 24:]]


def inputs(*lead: int, dtype: Any = torch.float64) -> tuple[Any, Any]:
    torch.manual_seed(3)
    a, b, c = (torch.randn(*lead, *shape, dtype=dtype) for shape in SHAPES)
    return a, (b, c)


def made(code: Any, **options: Any) -> Any:
    torch.manual_seed(1)
    return code.M(Net(), **options).double().eval()


def flat(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.flatten().float() if value.dtype.itemsize < 4 else value.flatten()
    return torch.cat([flat(v) for v in value])


def error(a: Any, b: Any) -> float:
    return float(((flat(a) - flat(b)).abs().max() / flat(b).abs().max()).detach())


def test_chunks_and_batches(code: Any) -> None:
    """One element a call, some, all of them; any leading dimensions, none, or no samples at all."""
    whole = made(code, call_bytes=2**30)
    for call_bytes in (1, 10_000, 30_000, 2**30):
        module = made(code, call_bytes=call_bytes)
        for lead in ((), (3,), (2, 3), (1, 1, 2), (0,), (2, 0)):
            x = inputs(*lead)
            found, expected = module(*x), whole(*x)
            assert found.z.shape == (*lead, 6, 4) and found.s.shape[: len(lead)] == lead
            if flat(expected).numel():
                assert error(found, expected) < 1e-12, (call_bytes, lead)
        a, (b, c) = inputs(6)
        rows = [module(a[k], (b[k], c[k])) for k in range(6)]
        assert error([torch.stack(t) for t in zip(*rows, strict=True)], whole(a, (b, c))) < 1e-12
        strided = [x.repeat_interleave(2, 0)[::2].transpose(0, -1).contiguous() for x in (a, b, c)]
        a, b, c = (x.transpose(0, -1) for x in strided)
        assert not a.is_contiguous()
        assert error(module(a, (b, c)), whole(*inputs(6))) < 1e-12


def test_a_base_may_write_to_its_inputs(code: Any) -> None:
    """Also where an element does not move an argument, or nothing moves it."""

    class Writing(Counting):
        def forward(self, *xs: Any) -> Any:
            answers = super().forward(*xs)
            for x in xs:
                x.fill_(7.0)
            return answers

    x = inputs(3)
    kept = copy.deepcopy(x)
    for call_bytes in (1, 10_000, 2**30):
        found, expected = (
            code.M(net((6, 4), (2,)), call_bytes=call_bytes).double() for net in (Writing, Counting)
        )
        found.load_state_dict(expected.state_dict())
        assert error(found(*x), expected(*x)) < 1e-12
        assert error((x[0], *x[1]), (kept[0], *kept[1])) == 0


def gradients(module: Any, x: Any) -> list[Any]:
    leaves = [t.clone().requires_grad_() for t in (x[0], *x[1])]
    module.zero_grad()
    torch.manual_seed(5)  # for dropout
    value = flat(module(leaves[0], tuple(leaves[1:])))
    torch.autograd.backward((value * torch.linspace(-1, 1, len(value))).sum())
    return [leaf.grad for leaf in (*leaves, *module.parameters())]


def test_checkpoints_change_no_gradient(code: Any) -> None:
    for training in (False, True):
        for call_bytes in (1, 10_000, 2**30):
            plain, kept = (
                made(code, call_bytes=call_bytes, checkpoint=c).train(training)
                for c in (False, True)
            )
            for a, b in zip(gradients(kept, inputs(3)), gradients(plain, inputs(3)), strict=True):
                assert error(a, b) < 1e-12


def test_half_precision(code: Any) -> None:
    """Under autocast the result is in single precision, within the rounding of one answer; a module in
    half precision answers in half precision."""
    module, x = made(code).float(), inputs(64, dtype=torch.float32)
    for call_bytes in (1, 2**18):
        module.calls = module.calls._replace(bytes=call_bytes)
        expected = module(*x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            average = module(*x)
            assert average.z.dtype in (torch.float32, torch.bfloat16)
        assert error(average, expected) < 2 * 2**-8
    answers = code._orbit_mean(
        lambda *xs: torch.full((len(xs[0]), 1), 257.0, dtype=torch.bfloat16),
        [torch.zeros(5, 2)],
        lambda xs, g: tuple(xs),
        lambda ys, g: tuple(ys),
        order=300,
        rank=1,
        calls=module.calls,
    )
    assert answers[0].dtype == torch.float32
    assert float((answers[0] - 256).abs().max()) == 0, "256 in half precision; 300 of them add up"
    half = module.to(torch.bfloat16)
    a, (b, c) = x
    result = half(a.bfloat16(), (b.bfloat16(), c.bfloat16()))
    assert result.z.dtype == result.s.dtype == torch.bfloat16
    assert error(result, expected) < 8 * 2**-8


@pytest.mark.slow
def test_capture_and_copies(code: Any) -> None:
    x = inputs(3)
    for options in ({"call_bytes": 1}, {"call_bytes": 10_000}, {"checkpoint": True}):
        module = made(code, **options)
        expected = module(*x)
        exported = torch.export.export(module, x).module()
        compiled = torch.compile(module, fullgraph=True, backend="eager")
        for run in (exported, compiled, copy.deepcopy(module)):
            assert error(run(*x), expected) < 1e-12
        other = made(code)
        other.load_state_dict(module.state_dict())
        assert error(other(*x), expected) < 1e-12
        assert pickle.loads(pickle.dumps(module.calls)) == module.calls
        grads = [g.clone() for g in gradients(module.train(False), x)]
        for a, b in zip(
            gradients(torch.compile(module, fullgraph=True, backend="aot_eager"), x),
            grads,
            strict=True,
        ):
            assert error(a, b) < 1e-12


def test_a_base_of_several_processes(code: Any, tmp_path: Path) -> None:
    """A base that is wrapped for data parallel training is called several times in one step."""
    import torch.distributed as dist

    if not dist.is_available():
        pytest.skip("this torch has no processes")
    plain = made(code, call_bytes=10_000)
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    try:
        wrapped = made(code, call_bytes=10_000)
        wrapped.net = nn.parallel.DistributedDataParallel(wrapped.net)
        for a, b in zip(gradients(wrapped, inputs(3)), gradients(plain, inputs(3)), strict=True):
            assert error(a, b) < 1e-12
    finally:
        dist.destroy_process_group()


def test_dropout_draws_for_every_element(code: Any) -> None:
    """In training the law holds in distribution: elements of an orbit have masks of their own."""
    module, x = made(code).train(), inputs(3)
    torch.manual_seed(0)
    first = flat(module(*x))
    torch.manual_seed(0)
    assert torch.equal(first, flat(module(*x)))
    assert not torch.equal(first, flat(module(*x)))
