"""`fold` writes a network out in plain layers: the same outputs, full weights, nothing else."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch import fx, nn  # noqa: E402

from tests.emit.counting import emitted  # noqa: E402

SPEC = """eqspec 1
group Q = dihedral(4)
group G = dihedral(4)
group S = symmetric(3)
group Words = cyclic(3)
rep G.sides = signed_permutation([a, b]) { r -> (a b -a -b)  s -> (a -a) }
rep Words.words = permutation(["pad", "left", "up", "right"]) { r -> (left up right) }
module Part(n) {
  input x: [n, G.regular]
  h: [5, G.regular] = gelu(rms_norm(linear(x)))
  output y: [n, G.regular] = x + linear(h)
  output mean: [5] = pool(h, over=G) + linear(x)
}
module Averaged {
  input x: [3, G.regular]
  base net: [3, 8] -> [4]
  y: [4] = equitune(net, x)
  output z: [3, G.regular] = linear(y)
}
module Net {
  input x: [2, G.regular] + [G.sides]
  input text: index(Words.words)[6]
  input cloud: [S.natural, 4]
  base net: [3, 8] -> [4]
  e: [6, 3] = embedding(text)
  a: [3, G.regular] = relu(batch_norm(linear(x)))
  b = Part(a, n=3)
  c: [3, G.regular] = Averaged(b.y, net=net)
  p: [S.natural, 4] = layer_norm(tanh(linear(cloud)))
  output d: [G.sides] + [2, G.regular] = linear(c, a)
  output q: [S.natural, S.natural] = linear(p, b.mean)
  output r: [3] = linear(d) + linear(e)
}
module Grid {
  input x: [2, Q.grid(3, 3)]
  output y: [2, Q.regular, Q.grid(3, 3)] = conv2d(x, kernel=3, padding=1)
}
"""
SIZED = """eqspec 1
param n = padded
param m = dynamic
group S = symmetric(n)
group T = symmetric(m)
group Q = dihedral(4)
group G = cyclic(4)
module Sized {
  input x: [S.natural, 2, G.regular]
  input y: [T.natural, T.natural, 2]
  h: [S.natural, S.natural, 3, G.regular] = relu(linear(x))
  k: [T.natural, 3] = tanh(linear(y))
  z: [3, G.regular] = pool(h, over=S, by=max) + linear(k)
  output p: [S.natural, 2, G.regular] = softplus(linear(h, z))
  output q: [T.natural, 2] = linear(z, y)
}
module Grid {
  input x: [2, Q.grid(3, 3)]
  output y: [2, Q.regular, Q.grid(3, 3)] = conv2d(x, kernel=3, padding=1)
}
"""


@pytest.fixture(scope="module")
def code() -> Any:
    return emitted(SPEC, "folded")


def inputs(dtype: Any, *lead: int) -> tuple[Any, ...]:
    torch.manual_seed(4)
    x = torch.randn(*lead, 2, 8, dtype=dtype), torch.randn(*lead, 2, dtype=dtype)
    return x, torch.randint(4, (*lead, 6)), torch.randn(*lead, 3, 4, dtype=dtype)


def drawn(network: nn.Module) -> nn.Module:
    """With every parameter and statistic at random."""
    torch.manual_seed(2)
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.3, 0.9)
    return network


def base() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(24, 4), nn.Tanh())


def flat(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().flatten()
    return torch.cat([flat(v) for v in value])


def error(a: Any, b: Any) -> float:
    return float((flat(a) - flat(b)).abs().max() / flat(b).abs().max())


def test_the_same_outputs_of_plain_layers(code: Any) -> None:
    for dtype, bound in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        network = drawn(code.Net(base())).to(dtype)
        folded = network.fold()
        assert isinstance(folded, fx.GraphModule)
        assert network.training, "folding leaves the network as it is"
        network.eval()
        for lead in ((5,), (2, 3), ()):
            x = inputs(dtype, *lead)
            expected, found = network(*x), folded(*x)
            assert type(found) is type(expected)
            assert error(found, expected) < bound, (dtype, lead)
    layers = {name: m for name, m in folded.named_modules() if type(m) is nn.Linear}
    names = [n for n, _ in folded.named_parameters() if not n.startswith("c_module.")]
    norms = {"a_weight", "a_batch_norm_bias", "b_module.h_rms_norm_weight", "p_weight", "p_bias"}
    assert {n for n in names if n.rpartition(".")[0] not in layers} == norms
    assert {"a_0", "a_1", "b_module.y", "p_linear", "d_c_to0", "q_b_mean"} <= {*layers}
    assert layers["a_0"].weight.shape == (24, 16)
    assert isinstance(folded.c_module, code.Averaged), "what calls a base stays whole"
    assert not hasattr(code.Averaged, "fold")
    alone = SPEC[: SPEC.index("module Grid")]
    assert not hasattr(emitted(alone, "no_grid").Net, "fold"), "without convolutions there is none"


def test_a_folded_network_stands_alone(code: Any) -> None:
    """Copied weights, in a state of their own, that can be saved, loaded and exported."""
    network = drawn(code.Net(base())).eval()
    folded, x = network.fold(), inputs(torch.float32, 2)
    expected = network(*x)
    drawn(network)
    with torch.no_grad():
        for p in network.parameters():
            p.mul_(2.0)
    assert error(folded(*x), expected) < 1e-5 < error(network(*x), expected)
    other = code.Net(base()).fold()
    other.load_state_dict(folded.state_dict())
    assert error(other(*x), expected) < 1e-5
    assert error(pickle.loads(pickle.dumps(folded))(*x), expected) < 1e-5
    exported = torch.export.export(network.fold(), x).module()
    assert error(exported(*x), network(*x)) < 1e-5


def test_run_time_sizes() -> None:
    network = drawn(emitted(SIZED, "folded_sizes").Sized()).eval()
    folded = network.fold()
    mask = torch.tensor([[True, True, False], [True, True, True]])
    for m in (2, 4):
        x, y = torch.randn(2, 3, 2, 4), torch.randn(2, m, m, 2)
        assert error(folded(x, y, n_mask=mask), network(x, y, n_mask=mask)) < 1e-5


IMAGES = """eqspec 1
group G = dihedral(4)
module Block {
  input x: [2, G.regular, G.grid(5, 5)]
  h: [3, G.regular, G.grid(5, 5)] = relu(batch_norm(conv2d(x, kernel=3, padding=1)))
  output y: [2, G.regular, G.grid(5, 5)] = relu(x + batch_norm(conv2d(h, kernel=3, padding=1)))
}
module Norms {
  input x: [2, G.regular, G.grid(5, 5)]
  input cloud: [4, 3, G.regular]
  first: [2, G.regular, G.grid(5, 5)] = batch_norm(x)
  twice: [2, G.regular, G.grid(5, 5)] = conv2d(first, kernel=3, padding=1)
  normed: [2, G.regular, G.grid(5, 5)] = batch_norm(twice)
  last: [G.regular, 2, G.grid(5, 5)] = batch_norm(conv2d(twice, normed, kernel=1))
  up: [2, G.regular, G.grid(9, 9)] = batch_norm(conv_transpose2d(last, kernel=3, stride=2, padding=1))
  p: [4, 3, G.regular] = batch_norm(linear(cloud))
  q: [G.regular, 3] = batch_norm(linear(p))
  output z: [2, G.regular, G.grid(9, 9)] = up + conv2d(up, kernel=3, padding=1, groups=2)
  output w: [4] = linear(q)
}
module Images {
  input image: [3, G.grid(9, 9)]
  a: [2, G.regular, G.grid(5, 5)] = conv2d(image, kernel=3, padding=1, stride=2)
  b = Block(a)
  output z: [4] = linear(pool(b, over=G))
}
"""


def test_convolutions_become_layers() -> None:
    network = drawn(emitted(IMAGES, "folded_images").Images())
    folded = network.fold()
    network.eval()
    for lead in ((3,), ()):
        x = torch.randn(*lead, 3, 9, 9)
        assert error(folded(x), network(x)) < 1e-5
    shapes = {n: tuple(m.weight.shape) for n, m in folded.named_modules() if type(m) is nn.Conv2d}
    assert shapes == {
        "a": (16, 3, 3, 3),
        "b_module.h_conv2d": (24, 16, 3, 3),
        "b_module.y_conv2d": (16, 24, 3, 3),
    }
    assert folded.a.stride == (2, 2) and folded.a.padding == (1, 1)
    assert not [n for n, _ in folded.named_buffers()], "the batch norms are in the layers"


def test_batch_norms_that_stay() -> None:
    """A norm of what is read elsewhere too, of an input, or behind another layout, is left alone."""
    network = drawn(emitted(IMAGES, "folded_norms").Norms()).double()
    folded = network.fold()
    network.eval()
    x, cloud = torch.randn(3, 2, 8, 5, 5).double(), torch.randn(3, 4, 3, 8).double()
    assert error(folded(x, cloud), network(x, cloud)) < 1e-12
    norms = {n.removesuffix("_running_mean") for n, _ in folded.named_buffers() if "mean" in n}
    assert {"first", "normed"} <= norms and "p" not in norms
