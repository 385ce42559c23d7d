"""The modules of the examples, compiled by eqspec, pass an audit against their own specs."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from eqspec.cli import main
from eqspec.diagnostics.model import Source
from eqspec.graph.model import Module
from eqspec.pipeline import check_file, check_source, compile_spec

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
MODEL = """import importlib
import math

import torch
from torch import nn


class Base(nn.Module):
    def __init__(self, takes, returns):
        super().__init__()
        self.returns = returns
        self.first = nn.Linear(takes, 8)
        self.second = nn.Linear(8, sum(math.prod(shape) for shape in returns))

    def forward(self, *xs):
        y = self.second(torch.tanh(self.first(torch.cat([x.flatten(1).to(self.first.weight) for x in xs], 1))))
        parts = y.split([math.prod(shape) for shape in self.returns], 1)
        ys = [part.reshape(-1, *shape) for part, shape in zip(parts, self.returns)]
        return ys[0] if len(ys) == 1 else tuple(ys)


def make():
    torch.manual_seed(0)
    bases = [Base(*base) for base in BASES]
    return getattr(importlib.import_module(FILE), CLASS)(*bases)


class Shifted(nn.Module):
    # the same with a constant added that no symmetry keeps
    def __init__(self):
        super().__init__()
        self.inner = make()

    def forward(self, *xs):
        value = self.inner(*xs)
        return shifted(value)


def shifted(value):
    if isinstance(value, torch.Tensor):
        rng = torch.Generator().manual_seed(value[0].numel())
        noise = torch.randn(value.shape[1:], generator=rng, dtype=torch.float64)
        return value + 0.01 * noise.to(value)
    return tuple(shifted(one) for one in value)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if (tmp_path / f"{name}.py").exists():
            del sys.modules[name]


def audited(folder: Path, name: str) -> None:
    """Every module of an example."""
    spec = folder / f"{name}.eqs"
    shutil.copy(EXAMPLES / name / spec.name, spec)
    shutil.copy(EXAMPLES / name / f"{name}.py", folder)
    found = check_file(spec, spec.name, folder).spec
    assert found is not None
    for module in found.modules:
        report = audit(folder, name, module)
        assert report["result"] == "pass", (name, module.key, report["blind"], bad(report))
        assert {run["state"] for run in report["runs"]} == {"as given", "random parameters"}


def audit(folder: Path, name: str, module: Module, factory: str = "make") -> Any:
    """The report on an emitted module with random networks for its bases."""
    bases = [(sum(t.size for t in b.signature), list(b.target.shapes)) for b in module.bases]
    file = f"model_{name}_{len(list(folder.glob('model_*')))}"
    constants = f"FILE, CLASS, BASES = {name!r}, {module.key!r}, {bases!r}\n"
    (folder / f"{file}.py").write_text(constants + MODEL)
    words = ["audit", f"{file}:{factory}", f"{name}.eqs:{module.key}", "--format", "json"]
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    assert result.stdout, result.stderr
    return json.loads(result.stdout)


def bad(report: Any) -> list[Any]:
    return [c for run in report["runs"] for c in run["checks"] if c["verdict"] == "fail"]


def test_the_module_of_a_small_example_passes(folder: Path) -> None:
    audited(folder, "cartpole")


@pytest.mark.slow
def test_the_modules_of_all_examples_pass(folder: Path) -> None:
    names = [path.parent.name for path in sorted(EXAMPLES.glob("*/*.eqs"))]
    names = [name for name in names if (EXAMPLES / name / f"{name}.py").exists()]
    assert len(names) >= 8
    for name in names:
        audited(folder, name)


STRATEGIES = """eqspec 1

group D = dihedral(4)
group C = cyclic(3)
group S = symmetric(4)
group E = euclidean(3)
group Turns = subgroup(D, r)

module Finite {
  input x: [2, D.grid(4, 4)]
  input y: [C.regular, 2]
  base net: [2, 4, 4], [3, 2] -> [5]
  base own: [2, 4, 4] -> [3, 8]
  output mean: [5] = equitune(net, x, y)
  output sum: [5] = multi_equitune(net, x, y)
  output turned: [3, D.regular] = coset(own, x, average=Turns)
  output once: [3, D.regular] = coset(own, x)
  base score: [2, 4, 4] -> [1]
  output weighted: [3, D.regular] = lambda_equitune(own, score, x)
  output sharp: [3, D.regular] = equizero(own, x, by=margin)
  output sharper: [5] = multi_equizero(net, x, y, by=entropy)
}

module Points {
  input x: [S.natural, E.point]
  input f: [S.natural, 2]
  base net: [4, 3], [4, 2] -> [4, 3]
  output force: [S.natural, E.vector] = frame(net, x, f, by=[principal_axes, sort])
  output middle: [S.natural, E.vector] = center(x, over=S)
}
"""


@pytest.mark.slow
def test_the_strategies_pass(folder: Path) -> None:
    """Averages and canonicalisations of random networks, also those that hold almost everywhere."""
    checked = check_source(Source("strategies.eqs", STRATEGIES))
    assert checked.spec is not None
    assert checked.ok, [d.message for d in checked.diagnostics]
    (folder / "strategies.eqs").write_text(STRATEGIES, "utf-8")
    done = compile_spec(checked, "strategies", "strategies.eqs", ["module"])
    (folder / "strategies.py").write_text(done.files[0].text, "utf-8")
    for module in checked.spec.modules:
        report = audit(folder, "strategies", module)
        assert report["result"] == "pass", (module.key, report["blind"], bad(report))


@pytest.mark.slow
def test_the_modules_of_the_reference_pages_pass(folder: Path) -> None:
    """The example of every group and representation: what is emitted follows its types. The control:
    with a constant added to its answers it does not."""
    count = shifted = 0
    for page in sorted((ROOT / "docs" / "reference").glob("*/*.md")):
        (text,) = re.findall(r"^```eqs\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
        checked = check_source(Source("x.eqs", text))
        if not checked.ok or checked.spec is None:
            continue  # a page of what is not built
        name = f"page_{page.parent.name}_{page.stem}"
        done = compile_spec(checked, name, f"{name}.eqs", ["module"])
        assert done.files, name
        (folder / f"{name}.eqs").write_text(text, "utf-8")
        (folder / f"{name}.py").write_text(done.files[0].text, "utf-8")
        for module in checked.spec.modules:
            if module.groups and not module.is_interface:
                report = audit(folder, name, module)
                assert not bad(report), (page.name, bad(report))
                count += 1
                if any(output.type.factors for output in module.outputs):
                    report = audit(folder, name, module, "Shifted")
                    assert "generators" in {c["check"] for c in bad(report)}, page.name
                    shifted += 1
    assert count >= 40
    assert shifted >= 20
