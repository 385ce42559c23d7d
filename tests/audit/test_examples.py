"""The modules of the examples, compiled by eqspec, pass an audit against their own specs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from eqspec.cli import main
from eqspec.pipeline import check_file

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
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
        y = self.second(torch.tanh(self.first(torch.cat([x.flatten(1) for x in xs], 1))))
        parts = y.split([math.prod(shape) for shape in self.returns], 1)
        ys = [part.reshape(-1, *shape) for part, shape in zip(parts, self.returns)]
        return ys[0] if len(ys) == 1 else tuple(ys)


def make():
    torch.manual_seed(0)
    bases = [Base(*base) for base in BASES]
    return getattr(importlib.import_module(FILE), CLASS)(*bases)
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
    for number, module in enumerate(found.modules):
        bases = [(sum(t.size for t in b.signature), list(b.target.shapes)) for b in module.bases]
        constants = f"FILE, CLASS, BASES = {name!r}, {module.key!r}, {bases!r}\n"
        (folder / f"model_{name}_{number}.py").write_text(constants + MODEL)
        words = ["audit", f"model_{name}_{number}:make", f"{spec.name}:{module.key}"]
        result = CliRunner().invoke(main, [*words, "--format", "json"], catch_exceptions=False)
        report = json.loads(result.stdout)
        bad = [c for run in report["runs"] for c in run["checks"] if c["verdict"] == "fail"]
        assert (result.exit_code, bad) == (0, []), (name, module.key, report["blind"])
        assert {run["state"] for run in report["runs"]} == {"as given", "random parameters"}


def test_the_module_of_a_small_example_passes(folder: Path) -> None:
    audited(folder, "cartpole")


@pytest.mark.slow
def test_the_modules_of_all_examples_pass(folder: Path) -> None:
    names = [path.parent.name for path in sorted(EXAMPLES.glob("*/*.eqs"))]
    names = [name for name in names if (EXAMPLES / name / f"{name}.py").exists()]
    assert len(names) >= 8
    for name in names:
        audited(folder, name)
