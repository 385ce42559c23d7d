"""Norms: what is accepted commutes, what is refused does not; training; the fault of a norm that sees
the batch."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import runner
import torch
from generate import Grower
from in_process import run_tests
from torch import nn

from eqspec.diagnostics.model import Source
from eqspec.graph.model import Node
from eqspec.graph.types import Block
from eqspec.ops.normalise import Normalisation
from eqspec.pipeline import check_source, compile_spec

HEAD = """eqspec 1
param c = 4
param d = 5
group F = cyclic(4)
group S = symmetric(5)
group L = lorentz(1, 1)
group O = orthogonal(2)
group T = cyclic(3)
rep F.plane = matrix([x, y]) { r -> [[0, -1], [1, 0]] }
rep F.joint = signed_permutation(2) { r -> (0 -0) }
rep T.shear = matrix(2) { r -> [[0, -1], [1, -1]] }
"""


def codes(body: str) -> list[str]:
    text = HEAD + "module M {\n" + body + "\n}\n"
    found = check_source(Source("x.eqs", text)).diagnostics
    return [d.code for d in found if d.severity.name == "ERROR"]


def emitted(body: str) -> str:
    checked = check_source(Source("x.eqs", HEAD + "module M {\n" + body + "\n}\n"))
    assert checked.ok, [d.message for d in checked.diagnostics]
    result = compile_spec(checked, "net", "net.eqs", emit=["module"])
    assert result.files, [d.message for d in result.diagnostics]
    return result.files[0].text


def network(body: str) -> nn.Module:
    made: nn.Module = runner.load("net", emitted(body)).M().double()
    return made


# ---- typing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "layer", "code"),
    [
        ("[c, F.plane]", "layer_norm(x)", "EQS448"),
        ("[c, F.joint]", "layer_norm(x)", "EQS448"),
        ("[F.joint, F.sign]", "layer_norm(x)", "EQS448"),
        ("[c, F.plane]", "layer_norm(x, each=c)", "EQS448"),
        ("flat { a: [F.regular], b: [F.sign] }", "layer_norm(x)", "EQS448"),
        ("[c, F.regular] + [F.plane]", "layer_norm(x)", "EQS448"),
        ("[c, O.vector]", "rms_norm(x, each=O.vector)", "EQS449"),
        ("[c, F.plane]", "rms_norm(x, each=[c, F.plane])", "EQS207"),
        ("[S.natural, O.vector]", "layer_norm(x, each=O.vector)", "EQS449"),
        ("[c, L.vector]", "rms_norm(x)", "EQS442"),
        ("[c, L.vector]", "batch_norm(x)", "EQS450"),
        ("[c, T.shear]", "batch_norm(x)", "EQS450"),
        ("[c, F.regular]", "batch_norm(x, each=[c, F.regular])", "EQS450"),
        ("[c, F.plane]", "batch_norm(x, each=F.plane)", "EQS450"),
        ("[S.natural, F.sign]", "layer_norm(x, each=F.sign, bias=true)", "EQS404"),
        ("[c, F.plane]", "batch_norm(x, bias=true)", "EQS404"),
        ("[c, F.regular]", "layer_norm(x, affine=false, bias=true)", "EQS207"),
        ("[1]", "layer_norm(x)", "EQS402"),
        ("[c]", "layer_norm(x, each=c)", "EQS207"),
        ("[c, F.regular]", "layer_norm(x, each=d)", "EQS207"),
        ("[c, F.regular]", "layer_norm(x, each=[c, c])", "EQS207"),
        ("[c, F.regular]", "layer_norm(x, each=S.natural)", "EQS207"),
        ("[c, F.regular]", "layer_norm(x, each=3)", "EQS2"),
        ("[c, F.regular]", "rms_norm(x, eps=0)", "EQS207"),
        ("[c, F.regular]", "rms_norm(x, eps=-1)", "EQS207"),
        ("[c, F.regular]", "rms_norm(x, eps=1e-40)", "EQS207"),
        ("[c, F.regular]", "rms_norm(x, bias=true)", "EQS207"),
        ("[c, F.regular]", "rms_norm(x, joint=true)", "EQS207"),
        ("[c] + [c]", "rms_norm(x, joint=true, each=c)", "EQS207"),
        ("[c, F.regular]", "batch_norm(x, momentum=0)", "EQS207"),
        ("[c, F.regular]", "batch_norm(x, momentum=2)", "EQS207"),
        ("[c, F.regular]", "batch_norm(x, axis=F.regular)", "EQS207"),
    ],
)
def test_the_slightly_wrong_is_refused(type_: str, layer: str, code: str) -> None:
    found = codes(f"  input x: {type_}\n  output y = {layer}")
    assert len(found) == 1 and found[0].startswith(code), found


@pytest.mark.parametrize(
    ("type_", "layer"),
    [
        ("[c, F.regular]", "layer_norm(x)"),
        ("[S.natural, F.sign]", "layer_norm(x, each=F.sign)"),
        ("[S.natural, F.sign]", "layer_norm(x)"),
        ("[S.natural, F.sign]", "layer_norm(x, each=F.sign, bias=false)"),
        ("[F.sign, F.sign, c]", "layer_norm(x)"),
        ("flat { a: [F.regular], b: [2] }", "layer_norm(x, bias=true)"),
        ("[c, F.plane]", "rms_norm(x)"),
        ("[c, F.plane]", "rms_norm(x, each=c)"),
        ("[c, F.joint]", "rms_norm(x, each=F.joint)"),
        ("[c, F.regular] + [F.plane]", "rms_norm(x, joint=true)"),
        ("[c, T.shear]", "rms_norm(x)"),
        ("[c, F.plane]", "batch_norm(x)"),
        ("[c, F.regular]", "batch_norm(x, each=c, bias=true)"),
        ("[c, d, F.regular]", "batch_norm(x, each=c)"),
    ],
)
def test_its_neighbour_is_legal(type_: str, layer: str) -> None:
    assert codes(f"  input x: {type_}\n  output y = {layer}") == []


def naive(op: str, x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    if op == "layer_norm":
        x = x - x.mean(axes, keepdims=True)
    return x / np.sqrt((x * x).mean(axes, keepdims=True) + 1e-5)


def spread_of(block: Block, kept: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(
        1 + d
        for k, (start, width) in enumerate(block.dims)
        if k not in kept
        for d in range(start, start + width)
    )


def test_accepted_exactly_where_the_numbers_commute() -> None:
    """Random blocks and axes: the checker against the plain norm under the matrices of the generators."""
    seen: Counter[tuple[str, bool]] = Counter()
    for seed in range(240):
        rng = random.Random(f"norm/{seed}")
        grower = Grower(rng)
        if not grower.inputs():
            continue
        name = grower.features[-1]
        node: Node = grower._node(name)
        block = node.type.blocks[0]
        if len(node.type.blocks) > 1 or not block.factors:
            continue
        acted = [k for k, axis in enumerate(block.axes) if axis.factors]
        texts = [str(block.axes[k]) for k in acted]
        kept = tuple(
            k
            for k, text in zip(acted, texts, strict=True)
            if rng.random() < 0.5 and texts.count(text) == 1 and "flat" not in text
        )
        if len(kept) == len(block.axes):
            continue
        op = rng.choice(["layer_norm", "rms_norm"])
        each = f", each=[{', '.join(str(block.axes[k]) for k in kept)}]" if kept else ""
        line = f"output y = {op}({name}, affine=false{each})"
        checked = check_source(Source("x.eqs", grower.text([line])))
        found = {d.code for d in checked.diagnostics if d.severity.name == "ERROR"}
        if found - {"EQS442", "EQS448", "EQS449"}:
            continue
        if not found:
            assert checked.spec is not None
            data = next(m for m in checked.spec.modules if m.name == "Net").node("y").data
            assert isinstance(data, Normalisation)
            if not all(form.is_identity for _, form in data.forms[0]):
                continue  # divides by another length than the plain norm
        if op == "layer_norm" and all(block.shape[d - 1] == 1 for d in spread_of(block, kept)):
            continue  # always 0
        numbers = np.random.default_rng(seed)
        x = numbers.standard_normal((6, *block.shape))
        axes = spread_of(block, kept)
        worst = 0.0
        for factor, group in node.type.groups.items():
            for g in range(len(group.generators)):
                word = ((factor, g, 1),)
                (moved,) = runner.act([x], node.type, word)
                (expected,) = runner.act([naive(op, x, axes)], node.type, word)
                worst = max(worst, float(np.abs(naive(op, moved, axes) - expected).max()))
        assert (worst < 1e-9) == (not found), (op, found, worst, grower.text([line]))
        seen[op, not found] += 1
    assert min(seen[op, ok] for op in ("layer_norm", "rms_norm") for ok in (True, False)) >= 2, seen


# ---- against PyTorch ------------------------------------------------------------------------------------


def test_layer_norm_is_that_of_pytorch_where_nothing_acts() -> None:
    own = network("  input x: [S.natural, d]\n  output y = layer_norm(x, each=S.natural)")
    other = nn.LayerNorm(5).double()
    with torch.no_grad():
        for p, q in zip(own.parameters(), other.parameters(), strict=True):
            assert torch.equal(p, q), "they start alike"
            q.copy_(torch.randn_like(q))
            p.copy_(q)
    x = torch.randn(3, 5, 5, dtype=torch.float64)
    assert torch.allclose(own(x), other(x), atol=1e-12)


def test_batch_norm_is_that_of_pytorch_on_a_permuted_axis() -> None:
    """Channels times an axis that is permuted: `BatchNorm1d` on (batch, channel, length)."""
    own = network("  input x: [c, F.regular]\n  output y = batch_norm(x, momentum=0.3)")
    other = nn.BatchNorm1d(4, momentum=0.3).double()
    with torch.no_grad():
        other.weight.copy_(torch.randn(4))
        other.bias.copy_(torch.randn(4))
        own.y_weight.copy_(other.weight)
        own.y_bias.copy_(other.bias)
    for _ in range(3):
        x = torch.randn(6, 4, 4, dtype=torch.float64) * 2 + 1
        assert torch.allclose(own.train()(x), other.train()(x), atol=1e-12)
        assert torch.allclose(own.y_running_mean, other.running_mean, atol=1e-12)
        assert torch.allclose(own.y_running_var, other.running_var, atol=1e-12)
        assert torch.allclose(own.eval()(x), other.eval()(x), atol=1e-12)
    assert torch.allclose(own(x.reshape(2, 3, 4, 4)).reshape(6, 4, 4), own(x), atol=1e-12)
    fresh = network("  input x: [c, F.regular]\n  output y = batch_norm(x)").eval()
    fresh.load_state_dict(own.state_dict())
    assert torch.equal(fresh(x), own(x))


def test_a_batch_norm_of_a_vector_takes_off_no_mean() -> None:
    own = network("  input x: [c, F.plane]\n  output y = batch_norm(x, affine=false, momentum=1)")
    assert [name for name, _ in own.named_buffers()] == ["y_running_var"]
    x = torch.randn(7, 4, 2, dtype=torch.float64) + 3
    square = x.square().mean((0, 2))
    expected = x / (square + 1e-5).sqrt()[:, None]
    assert torch.allclose(own.train()(x), expected, atol=1e-12)
    assert torch.allclose(own.eval()(x), expected, atol=1e-12)


def test_a_batch_of_one_number_is_refused_in_training() -> None:
    own = network("  input x: [c]\n  output y = batch_norm(x)").train()
    with pytest.raises(ValueError, match="two numbers"):
        own(torch.randn(1, 4, dtype=torch.float64))
    with pytest.raises(ValueError, match="two numbers"):
        own(torch.randn(4, dtype=torch.float64))
    with pytest.raises(ValueError, match="two numbers"):
        own(torch.randn(0, 4, dtype=torch.float64))
    assert torch.isfinite(own.y_running_var).all()


def test_norms_of_zero_are_zero() -> None:
    body = (
        "  input x: [c, F.regular]\n  input v: [c, T.shear]\n  a = layer_norm(x)\n"
        "  b = rms_norm(v)\n  output y: [1] = linear(a)\n  output z: [c, T.shear] = linear(b)"
    )
    net = network(body).float()
    y, z = net(torch.zeros(2, 4, 4), torch.zeros(2, 4, 2))
    assert torch.isfinite(y).all() and torch.equal(z, torch.zeros_like(z))


# ---- what the emitted tests see ------------------------------------------------------------------------

RICH = """module M {
  input x: [c, F.regular]
  input t: [S.natural, c]
  input v: [c, F.plane]
  input w: [c, T.shear]
  a: [8, F.regular] = relu(layer_norm(linear(x)))
  b: [S.natural, c] = layer_norm(linear(t), each=S.natural)
  p: [S.natural, c] = layer_norm(b, each=c)
  n: [c, F.plane] = rms_norm(linear(v))
  e: [c, F.plane] = rms_norm(linear(n), each=c)
  f: [c, F.plane] = batch_norm(linear(e))
  g: [6, F.regular] = relu(batch_norm(linear(a)))
  h: [6, F.regular] + [3, F.plane] = rms_norm(linear(g, f), joint=true)
  q: [S.natural, c] = batch_norm(relu(p))
  k: [3] = layer_norm(linear(b))
  s: [c, T.shear] = rms_norm(linear(w))
  output y: [3, F.regular] = linear(h, k)
  output z: [S.natural, 2] = linear(q)
  output u: [2, T.shear] = linear(s)
}
module Outer {
  input x: [c, F.regular]
  output y: [2, F.regular] = linear(Inner(x))
}
module Inner {
  input x: [c, F.regular]
  output y = batch_norm(x, momentum=0.5)
}
"""


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("norms")
    checked = check_source(Source("spec.eqs", HEAD + RICH))
    assert checked.ok, [d.message for d in checked.diagnostics]
    result = compile_spec(checked, "spec", "spec.eqs", emit=["module", "tests"])
    assert result.files, [d.message for d in result.diagnostics]
    for file in result.files:
        (folder / Path(file.name).name).write_text(file.text, encoding="utf-8")
    return folder


def call(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_emitted_tests_pass_and_other_tools_find_nothing(
    rich: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.getbasetemp().parent / "mypy"
    for command in (["ruff", "check"], ["ruff", "format", "--check"]):
        done = call(rich, *command, "--isolated", "--no-cache", ".")
        assert done.returncode == 0, done.stdout
    done = call(rich, "mypy", "--strict", "--cache-dir", str(cache), "spec.py")
    assert done.returncode == 0, done.stdout
    ran = run_tests(rich)
    assert ran.status == 0 and ran.passed and not ran.skipped, ran.text[-4000:]


DYNAMIC = """eqspec 1
param d = 4
param n = dynamic
group S = symmetric(n)
module Net {
  input tokens: [S.natural, d]
  h: [S.natural, d] = layer_norm(linear(tokens), each=S.natural)
  k: [S.natural, d] = rms_norm(linear(h))
  m: [S.natural, d] = layer_norm(linear(k))
  e: [S.natural, d] = rms_norm(linear(m), each=d)
  output y: [3] = linear(e)
}
"""


@pytest.mark.parametrize("n", [2, 3, 9])
def test_norms_at_any_size(n: int) -> None:
    """One module at sizes of run time: no constant of it depends on n."""
    checked = check_source(Source("net.eqs", DYNAMIC))
    assert checked.ok, [d.message for d in checked.diagnostics]
    result = compile_spec(checked, "net", "net.eqs", emit=["module"])
    assert result.files, [d.message for d in result.diagnostics]
    net = runner.load("net", result.files[0].text).Net().double()
    x, order = torch.randn(3, n, 4, dtype=torch.float64), torch.randperm(n)
    assert torch.allclose(net(x), net(x[:, order]), atol=1e-9)
    assert torch.allclose(net(x)[1], net(x[1]), atol=1e-9)


@pytest.mark.parametrize(
    ("layer", "code"),
    [("layer_norm(tokens, each=d)", "EQS210"), ("batch_norm(tokens)", "EQS429")],
)
def test_what_is_not_built_at_any_size(layer: str, code: str) -> None:
    text = DYNAMIC.replace("layer_norm(linear(tokens), each=S.natural)", layer)
    found = check_source(Source("net.eqs", text)).diagnostics
    assert [d.code for d in found if d.severity.name == "ERROR"] == [code]


PLAIN = "module M {\n  input v: [c, O.vector]\n  a: [c, O.vector] = rms_norm(linear(v))\n"
PLAIN += "  output y: [2, O.vector] = linear(a)\n}\n"
LAYER = "module M {\n  input v: [c, F.regular]\n  a: [c, F.regular] = layer_norm(linear(v))\n"
LAYER += "  output y: [2, F.regular] = linear(a)\n}\n"
BATCH = "module M {\n  input v: [c, F.regular]\n  a: [c, F.regular] = batch_norm(linear(v))\n"
BATCH += "  output y: [2, F.regular] = linear(a)\n}\n"


@pytest.mark.parametrize(
    ("spec", "old", "new", "failing"),
    [
        pytest.param(PLAIN, "", "", (), marks=pytest.mark.slow),
        (  # the norm of the whole batch, as in the published code of G-RepsNet
            PLAIN,
            "F.rms_norm(a_mapped.transpose(-2, -1), (4, 2), eps=1e-05)",
            "a_mapped.transpose(-2, -1) / torch.norm(a_mapped)",
            ("test_samples_do_not_see_each_other[M]",),
        ),
        pytest.param(  # one statistic for every component of a vector
            PLAIN,
            "F.rms_norm(a_mapped.transpose(-2, -1), (4, 2), eps=1e-05)",
            "_each(a_mapped.transpose(-2, -1))",
            ("test_every_sample_may_be_moved_by_its_own_element[M]",),
            marks=pytest.mark.slow,
        ),
        pytest.param(  # a mean is taken off a vector
            PLAIN,
            "F.rms_norm(",
            "F.layer_norm(",
            ("test_equivariance_in_float64[M]",),
            marks=pytest.mark.slow,
        ),
        pytest.param(  # a weight for every entry of an orbit
            LAYER,
            "self.a_weight = nn.Parameter(torch.empty(4, 1))",
            "self.a_weight = nn.Parameter(torch.empty(4, 4))",
            ("test_equivariance_in_float64[M]",),
            marks=pytest.mark.slow,
        ),
        pytest.param(  # a bias for every entry of an orbit: it starts at 0
            LAYER,
            "self.a_bias = nn.Parameter(torch.empty(4, 1))",
            "self.a_bias = nn.Parameter(torch.empty(4, 4))",
            ("test_equivariance_in_float64[M]",),
            marks=pytest.mark.slow,
        ),
        pytest.param(BATCH, "", "", (), marks=pytest.mark.slow),
        pytest.param(  # `BatchNorm2d` on channels times group elements
            BATCH,
            "            (4, 4),\n",
            "            (16,),\n",
            ("test_equivariance_in_float64[M]", "test_equivariance_in_training[M]"),
            marks=pytest.mark.slow,
        ),
        pytest.param(  # the statistics of the batch in evaluation too
            BATCH,
            "training=self.training",
            "training=True",
            ("test_samples_do_not_see_each_other[M]",),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_wrong_norm_fails(
    tmp_path: Path, spec: str, old: str, new: str, failing: tuple[str, ...]
) -> None:
    checked = check_source(Source("spec.eqs", HEAD + spec))
    result = compile_spec(checked, "spec", "spec.eqs", emit=["module", "tests"])
    assert result.files, [d.message for d in result.diagnostics]
    for file in result.files:
        text = file.text
        if file.name.endswith("spec.py") and not file.name.startswith("test"):
            assert old in text, text
            text = text.replace(old, new) if old else text
            if "(16,)" in new:
                for word in ("zeros", "ones", "empty"):
                    text = text.replace(f"torch.{word}(4)", f"torch.{word}(16)")
            text += "\n\ndef _each(x: Tensor) -> Tensor:\n    return x / x.square().mean(-2, True).sqrt()\n"
        (tmp_path / Path(file.name).name).write_text(text, encoding="utf-8")
    ran = run_tests(tmp_path)
    assert ran.passed and (ran.status == 0) == (not failing), ran.text[-3000:]
    assert {*failing} <= {*ran.failed}, ran.text[-3000:]
