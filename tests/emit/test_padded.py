"""Padded sizes: samples of one batch that differ in size, told by a mask."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from in_process import run_tests

from eqspec.diagnostics.model import Source
from eqspec.lowering import padding
from eqspec.ops.pointwise import FUNCTIONS, numpy_functions
from eqspec.pipeline import check_source, compile_spec, lower_spec
from eqspec.program.instructions import Mask, MaskedReduce, Reduce
from tests.emit.test_run_time_sizes import emitted

SPEC = """eqspec 1
param n = padded
param m = padded
param k = dynamic
group S = symmetric(n)
group Mirror = cyclic(2)
module Point {
  input n_mask: [S.natural, 3]
  output far: [S.natural, 4] = exp(linear(n_mask))
  output all: [5] = linear(n_mask)
}
module Padded {
  input x: [S.natural, Mirror.regular, 2]
  input e: [S.natural, S.natural] + [S.natural, 3]
  input t: [m, k, Mirror.regular]
  p = Point(e[1])
  h: [S.natural, S.natural, 3] = softplus(linear(x, e[0], p.far))
  top: [Mirror.regular, 2] = pool(x, over=S, by=max)
  low: [3] = pool(h, over=S, by=max)
  u: [m, k, Mirror.regular] = cos(linear(t, each=[m, k]))
  output links: [S.natural, S.natural] = linear(h, e)
  output label: [4] + [2, Mirror.regular] = linear(h, p.all, low, top)
  output total: [3] = pool(h, over=S, by=sum)
  output mean: [3] = pool(h, over=S)
  output rows: [m, k, Mirror.regular] = u + t
}
"""


@pytest.fixture(scope="module")
def padded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("padded")
    return folder, emitted(
        SPEC.replace("each=[m, k]", "each=m")
        .replace("[m, k,", "[m, 3,")
        .replace("param k = dynamic\n", ""),
        folder,
        "padded",
    )


def test_the_files_are_clean(padded: tuple[Path, Any]) -> None:
    folder, _ = padded
    for args in (["ruff", "check", "."], ["ruff", "format", "--check", "."]):
        done = subprocess.run([sys.executable, "-m", *args], cwd=folder, capture_output=True)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@pytest.mark.slow
def test_the_files_are_typed(padded: tuple[Path, Any]) -> None:
    folder, _ = padded
    args = [sys.executable, "-m", "mypy", "--strict", "padded.py", "test_padded.py"]
    done = subprocess.run(args, cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize(
    "which",
    ["padded_sample or float64 or dimensions", pytest.param("test", marks=pytest.mark.slow)],
)
def test_the_emitted_tests_pass(padded: tuple[Path, Any], which: str) -> None:
    folder, _ = padded
    ran = run_tests(folder / "test_padded.py", "-k", which)
    assert ran.status == 0 and ran.passed, ran.text[-3000:]


def test_masks_are_keywords_and_must_fit(padded: tuple[Path, Any]) -> None:
    module = padded[1].Padded()
    x, t = torch.randn(2, 5, 2, 2), torch.randn(2, 6, 3, 2)
    e = (torch.randn(2, 5, 5), torch.randn(2, 5, 3))
    some = torch.tensor([[True] * 5, [True, False, True, False, False]])
    every = torch.ones(2, 6, dtype=torch.bool)
    found = module(x, e, t, n_mask=some, m_mask=every)
    assert found.links.shape == (2, 5, 5)
    with pytest.raises(TypeError):
        module(x, e, t)
    with pytest.raises(ValueError, match="`n` has several sizes"):
        module(x, e, t, n_mask=some[:, :4], m_mask=every)
    assert not found.links[1, 1].any() and found.links[1, 0, 2] != 0


def test_an_input_may_be_called_as_a_mask(padded: tuple[Path, Any]) -> None:
    found = padded[1].Point()(torch.randn(2, 5, 3), n_mask_2=torch.ones(2, 5, dtype=torch.bool))
    assert found.far.shape == (2, 5, 4)


# ---- rules ----------------------------------------------------------------------------------------


def test_the_list_of_functions_that_keep_zeros_is_right() -> None:
    import numpy as np

    for name, function in numpy_functions().items():
        if name in FUNCTIONS:
            options = dict(FUNCTIONS[name].options)
            zero = float(function(np.zeros(1), options)[0]) == 0
            assert zero == (name in padding.ZERO_AT_ZERO), name


TYPES = [
    "S.natural, S.natural, 2",
    "S.natural, 3",
    "2",
    "S.natural, S.natural",
    "S.natural, 2, R.regular",
]
UNARY = ["relu", "exp", "cos", "tanh", "sigmoid", "identity", "softplus", "square"]


def random_spec(seed: int) -> str:
    chance = random.Random(seed)
    lines = ["eqspec 1", "param n = padded", "group S = symmetric(n)", "group R = cyclic(3)"]
    lines += ["module M {", "  input x0: [S.natural, S.natural, 2]", "  input x1: [S.natural, 3]"]
    names = ["x0", "x1"]
    kinds = {"x0": TYPES[0], "x1": TYPES[1]}
    for k in range(2, 7):
        name, how = f"x{k}", chance.random()
        source = chance.choice(names)
        if how < 0.55:
            target = chance.choice(TYPES)
            inner = ", ".join(sorted({source, chance.choice(names)}))
            value = f"{chance.choice(UNARY)}(linear({inner}))"
            lines.append(f"  {name}: [{target}] = {value}")
            kinds[name] = target
        elif how < 0.75:
            lines.append(f"  {name} = {chance.choice(UNARY)}({source})")
            kinds[name] = kinds[source]
        elif how < 0.9 and "S.natural" in kinds[source]:
            rest = kinds[source].replace("S.natural, ", "").replace("S.natural", "1")
            lines.append(
                f"  {name} = pool({source}, over=S, by={chance.choice(['mean', 'sum', 'max'])})"
            )
            kinds[name] = rest
        else:
            lines.append(f"  {name} = {source} + {source}")
            kinds[name] = kinds[source]
        names.append(name)
    lines += [f"  output y{k} = identity({name})" for k, name in enumerate(names)]
    lines += ["  output z: [S.natural, 2] = linear(" + ", ".join(names) + ")", "}"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", range(24))
def test_random_modules_keep_the_rules(seed: int) -> None:
    """Lowering holds every one against the samples alone, and against garbage."""
    checked = check_source(Source("m.eqs", random_spec(seed)))
    assert checked.ok and checked.spec is not None, [d.message for d in checked.diagnostics]
    _, diagnostics = lower_spec(checked.spec)
    assert diagnostics == [], random_spec(seed)


SMALL = """eqspec 1
param n = padded
group S = symmetric(n)
module M {
  input x: [S.natural, S.natural, 2]
  h: [S.natural, S.natural, 2] = exp(linear(x))
  output y: [3] = linear(h)
  output m: [2] = pool(h, over=S, by=max)
  output z: [S.natural, 2] = linear(h)
}
"""


def faults() -> list[str]:
    spec = check_source(Source("m.eqs", SMALL)).spec
    assert spec is not None
    return [d.code for d in lower_spec(spec)[1]]


def test_a_planted_fault_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults() == []
    with monkeypatch.context() as patch:  # a function that writes 1 to masked positions
        patch.setattr(padding, "ZERO_AT_ZERO", padding.ZERO_AT_ZERO | {"exp"})
        patch.setattr(padding._Padding, "_cleaned", _only_dirty)
        assert faults() == ["EQS506"]
    with monkeypatch.context() as patch:  # a mean that counts the entries that are not there
        patch.setattr(padding, "MaskedReduce", lambda args, dims, how: Reduce(args[:1], dims, how))
        assert faults() == ["EQS506"]
    with monkeypatch.context() as patch:  # only the first of two axes is masked
        patch.setattr(padding, "Mask", lambda args, dims: Mask(args, dims[:1]))
        assert faults() == ["EQS506"]
    with monkeypatch.context() as patch:  # a maximum over zeros that are not there
        patch.setattr(
            padding,
            "MaskedReduce",
            lambda a, d, how: Reduce(a[:1], d, how) if how == "max" else MaskedReduce(a, d, how),
        )
        negative = SMALL.replace("exp(", "logsigmoid(")
        spec = check_source(Source("m.eqs", negative)).spec
        assert spec is not None and [d.code for d in lower_spec(spec)[1]] == ["EQS506"]


def _only_dirty(self: Any, register: int) -> int:
    """Cleaning that trusts what is said to be clean, and does nothing for inputs' sums."""
    if self.clean.get(register, False) or not self.program.instructions:
        return register
    self.clean[register] = True
    return register


def test_a_padded_size_in_an_average_is_refused() -> None:
    text = SMALL.replace(
        "output y: [3] = linear(h)", "base f: [2] -> [3]\n  output y: [3] = fuse(f, h)"
    )
    found = compile_spec(check_source(Source("m.eqs", text)), "m", "m.eqs")
    assert [d.code for d in found.diagnostics] == ["EQS429"]
