"""`instance_norm`, `group_norm`, `dropout` and `stop_gradient`: what is accepted commutes, what is refused does
not; the same as PyTorch where it has the same; wrong masks and statistics fail the emitted tests."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import runner
import torch
import torch.nn.functional as F  # noqa: N812
from generate import Grower
from in_process import run_tests
from test_norms import HEAD, codes, network

from eqspec.diagnostics.model import Source
from eqspec.graph.types import PlainAxis
from eqspec.ops.group_norm import GroupStatistics
from eqspec.pipeline import check_source, compile_spec

REFUSED = [
    ("[c, F.regular]", "group_norm(x)", "EQS207"),
    ("[c, F.regular]", "group_norm(x, groups=0)", "EQS207"),
    ("[c, F.regular]", "group_norm(x, groups=1.5)", "EQS207"),
    ("[c, F.regular]", "group_norm(x, groups=3)", "EQS469"),
    ("[c, F.regular]", "group_norm(x, groups=8)", "EQS469"),  # would cut the fibre
    ("[F.regular]", "group_norm(x, groups=2)", "EQS469"),
    ("[c, F.regular]", "group_norm(x, groups=2, each=c)", "EQS469"),
    ("[c, O.vector]", "group_norm(x, groups=2, each=O.vector)", "EQS449"),
    ("[c, O.vector]", "instance_norm(x, each=O.vector)", "EQS449"),
    ("[c, O.vector]", "instance_norm(x, bias=true)", "EQS404"),
    ("[c, L.vector]", "instance_norm(x)", "EQS442"),
    ("[c, F.regular]", "instance_norm(x, each=[c, F.regular])", "EQS402"),
    ("[c]", "instance_norm(x)", "EQS402"),
    ("[c]", "group_norm(x, groups=4)", "EQS402"),
    ("[c, F.regular]", "instance_norm(x, groups=2)", "EQS207"),
    ("[c, F.regular]", "dropout(x, p=1)", "EQS207"),
    ("[c, F.regular]", "dropout(x, p=-0.1)", "EQS207"),
    ("[c, F.regular]", "dropout(x, each=F.regular)", "EQS207"),
    ("index(S.natural)[c]", "dropout(x)", "EQS223"),
]
FINE = [
    ("[c, F.regular]", "group_norm(x, groups=4)"),
    ("[F.regular, c]", "group_norm(x, groups=2)"),
    ("[c, F.regular, F.sign]", "instance_norm(x, each=F.regular)"),
    ("[c, O.vector]", "instance_norm(x)"),
    ("[c, T.shear]", "group_norm(x, groups=2)"),
    ("[c, L.vector]", "dropout(x)"),
    ("[c, L.vector] + [S.natural]", "stop_gradient(dropout(x, p=0.1))"),
]


def test_the_slightly_wrong_is_refused() -> None:
    for type_, layer, code in REFUSED:
        found = codes(f"  input x: {type_}\n  output y = {layer}")
        assert len(found) == 1 and found[0].startswith(code), (type_, layer, found)
    for type_, layer in FINE:
        assert codes(f"  input x: {type_}\n  output y = {layer}") == [], (type_, layer)


def naive(x: np.ndarray, sets: np.ndarray, centred: bool) -> np.ndarray:
    """Every set of entries of a sample with mean 0, if asked, and mean square 1."""
    flat, found = x.reshape(len(x), -1), np.empty((len(x), x[0].size))
    for label in np.unique(sets):
        part = flat[:, sets == label]
        part = part - part.mean(1, keepdims=True) if centred else part
        found[:, sets == label] = part / np.sqrt((part * part).mean(1, keepdims=True) + 1e-5)
    return found.reshape(x.shape)


@pytest.mark.parametrize(
    ("seeds", "least"), [(50, 1), pytest.param(400, 6, marks=pytest.mark.slow)]
)
def test_accepted_exactly_where_the_numbers_commute(seeds: int, least: int) -> None:
    """Random blocks, groups of channels and axes with own statistics: the checker against sets of entries
    that are written down one by one, under the matrices of the generators."""
    seen: Counter[tuple[str, bool]] = Counter()
    for seed in range(seeds):
        rng = random.Random(f"parts/{seed}")
        grower = Grower(rng)
        if not grower.inputs():
            continue
        name = grower.features[-1]
        node = grower._node(name)
        block = node.type.blocks[0]
        if len(node.type.blocks) > 1 or not block.factors:
            continue
        texts = [str(axis) for axis in block.axes]
        acted = [k for k, axis in enumerate(block.axes) if axis.factors and "flat" not in texts[k]]
        plain = [k for k, axis in enumerate(block.axes) if isinstance(axis, PlainAxis)]
        own = [k for k in acted if rng.random() < 0.4 and texts.count(texts[k]) == 1]
        labels = np.zeros(block.shape, dtype=int)
        op = "group_norm" if plain and rng.random() < 0.5 else "instance_norm"
        options, kept = [], list(own)
        if op == "group_norm":
            size = block.axes[plain[0]].shape[0]
            groups = rng.choice([1, 2, 3, size])
            options.append(f"groups={groups}")
            if size % groups:
                continue
            at = block.dims[plain[0]][0]
            numbers = np.arange(size) // (size // groups)
            labels += numbers.reshape([-1 if d == at else 1 for d in range(len(block.shape))])
        elif not own:
            kept = plain
        if own:
            options.append(f"each=[{', '.join(texts[k] for k in own)}]")
        for k in kept:
            start, width = block.dims[k]
            for d in range(start, start + width):
                place = np.arange(block.shape[d])
                labels = labels * block.shape[d] + place.reshape(
                    [-1 if e == d else 1 for e in range(len(block.shape))]
                )
        line = f"output y = {op}({', '.join([name, *options])}, affine=false)"
        checked = check_source(Source("x.eqs", grower.text([line])))
        found = {d.code for d in checked.diagnostics if d.severity.name == "ERROR"}
        if found - {"EQS442", "EQS449"}:
            continue
        centred = True
        if not found:
            assert checked.spec is not None
            data = next(m for m in checked.spec.modules if m.name == "Net").node("y").data
            assert isinstance(data, GroupStatistics)
            if not all(form.is_identity for _, form in data.parts[0].forms):
                continue  # divides by another length than the plain norm
            centred = data.parts[0].centred
        x = np.random.default_rng(seed).standard_normal((6, *block.shape))
        errors = []
        for mean in (True, False):
            worst = 0.0
            for factor, group in node.type.groups.items():
                for g in range(len(group.generators)):
                    word = ((factor, g, 1),)
                    (moved,) = runner.act([x], node.type, word)
                    y = naive(x, labels.reshape(-1), mean)
                    (expected,) = runner.act([y], node.type, word)
                    got = naive(moved, labels.reshape(-1), mean)
                    worst = max(worst, float(np.abs(got - expected).max()))
            errors.append(worst)
        if found:
            assert errors[1] > 1e-9, (op, found, errors, grower.text([line]))
        else:
            assert errors[0 if centred else 1] < 1e-9, (op, errors, grower.text([line]))
            if not centred:
                assert errors[0] > 1e-9, "a mean would be legal as well"
        seen[op, not found] += 1
        seen["mean" if centred else "no mean", not found] += 1
    kinds = ("group_norm", "instance_norm", "no mean")
    assert min(seen[kind, True] for kind in kinds) >= least, seen
    assert seen["instance_norm", False] + seen["group_norm", False] >= least - 1, seen


def test_they_are_those_of_pytorch() -> None:
    body = (
        "  input x: [c, F.regular]\n  output a = instance_norm(x)\n"
        "  output b = group_norm(x, groups=2)\n  output d = group_norm(x, groups=1, bias=false)"
    )
    net = network(body)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn_like(parameter))
    x = torch.randn(5, 4, 4, dtype=torch.float64)
    a, b, d = net(x)
    assert torch.allclose(a, F.instance_norm(x, weight=net.a_weight, bias=net.a_bias), atol=1e-12)
    assert torch.allclose(b, F.group_norm(x, 2, net.b_weight, net.b_bias), atol=1e-12)
    assert torch.allclose(d, F.group_norm(x, 1, net.d_weight), atol=1e-12)
    deep = net(x.reshape(1, 5, 4, 4))
    assert all(torch.equal(p[0], q) for p, q in zip(deep, (a, b, d), strict=True))


def test_dropout_is_that_of_pytorch_where_nothing_acts() -> None:
    net = network(
        "  input x: [c]\n  input v: [c, F.plane]\n  output y = dropout(x, p=0.3)\n  output z = dropout(v)"
    )
    x, v = torch.randn(50, 4, dtype=torch.float64), torch.randn(50, 4, 2, dtype=torch.float64)
    torch.manual_seed(1)
    y, z = net.train()(x, v)
    torch.manual_seed(1)
    assert torch.equal(y, F.dropout(x, 0.3)), "one draw for every number"
    assert torch.equal(z, v * F.dropout(torch.ones(50, 4, 1, dtype=torch.float64), 0.5))
    kept = (z != 0).double().mean((0, 1))
    assert torch.equal(kept[0], kept[1]) and 0.3 < float(kept[0]) < 0.7
    assert torch.equal(z[z != 0], 2 * v[z != 0])
    assert all(torch.equal(p, q) for p, q in zip(net.eval()(x, v), (x, v), strict=True))


def test_two_dropouts_are_two_draws_and_gradients_stop() -> None:
    net = network(
        "  input x: [c]\n  output y = dropout(x)\n  output z = dropout(x)\n  output w = stop_gradient(x)"
    )
    x = torch.ones(40, 4, dtype=torch.float64, requires_grad=True)
    y, z, w = net.train()(x)
    assert not torch.equal(y, z)
    assert y.requires_grad and not w.requires_grad and torch.equal(w, x)


RICH = """module M {
  input x: [c, F.regular]
  input v: [c, F.plane]
  input t: [S.natural, c] + [c, T.shear]
  a: [8, F.regular] = relu(instance_norm(linear(x)))
  b: [6, F.regular] = relu(group_norm(linear(dropout(a, p=0.25)), groups=3))
  n: [c, F.plane] = instance_norm(linear(dropout(v)))
  s: [S.natural, c] + [c, T.shear] = group_norm(linear(dropout(t)), groups=2)
  k: [6] = batch_norm(dropout(linear(s)))
  output y: [3, F.regular] = linear(b, n, k)
  output z: [2, F.plane] = linear(stop_gradient(n), v)
  output u: [S.natural] = linear(s)
}
module Outer {
  input x: [c, F.regular]
  output y: [2, F.regular] = linear(Inner(x))
}
module Inner {
  input x: [c, F.regular]
  output y = dropout(x, p=0.4)
}
"""
SMALL = """module M {
  input v: [c, F.regular]
  a: [c, F.regular] = dropout(linear(v))
  b: [c, F.regular] = instance_norm(linear(a))
  output y: [2, F.regular] = linear(b)
}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "old", "new", "failing"),
    [
        (RICH, "", "", ""),
        (SMALL, "", "", ""),
        (  # a draw for every entry of an orbit, as `F.dropout` has it
            SMALL,
            "0.5, (-1,)",
            "0.5, ()",
            "test_what_is_dropped_is_dropped_along_whole_orbits[M]",
        ),
        (
            SMALL,
            "0.5, (-1,)",
            "0.0, (-1,)",
            "test_what_is_dropped_is_dropped_along_whole_orbits[M]",
        ),
        (SMALL, "self.training", "True", "test_deterministic_and_without_side_effects[M]"),
        (  # a group that cuts a fibre
            SMALL,
            "            4,\n            self.b_weight",
            "            8,\n            self.b_weight",
            "test_equivariance_in_float64[M]",
        ),
    ],
)
def test_the_emitted_tests_see_faults(
    tmp_path: Path, spec: str, old: str, new: str, failing: str
) -> None:
    checked = check_source(Source("spec.eqs", HEAD + spec))
    assert checked.ok, [d.message for d in checked.diagnostics]
    result = compile_spec(checked, "spec", "spec.eqs", emit=["module", "tests"])
    assert result.files, [d.message for d in result.diagnostics]
    for file in result.files:
        text = file.text
        if not Path(file.name).name.startswith("test"):
            assert old in text, text
            text = text.replace(old, new) if old else text
            if "self.b_weight" in new:
                text = text.replace(
                    "    y = F.group_norm(x.reshape(-1, *shape), groups, weight, bias, eps)\n",
                    "    y = F.group_norm(x.reshape(-1, 16, 1), groups, None, None, eps)\n",
                )
        (tmp_path / Path(file.name).name).write_text(text, encoding="utf-8")
    ran = run_tests(tmp_path)
    assert ran.passed and (ran.status == 0) == (not failing), ran.text[-3000:]
    assert not failing or any(n.startswith(failing) for n in ran.failed), ran.text[-3000:]
