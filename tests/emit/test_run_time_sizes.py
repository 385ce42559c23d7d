"""Sizes that are read at run time: one emitted module for all of them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from in_process import run_tests

from eqspec.diagnostics.model import Source
from eqspec.graph.sizes import Size, for_json
from eqspec.lowering.module import lower_module
from eqspec.lowering.sizes import check_sizes, resized_module, same_program, second_values
from eqspec.pipeline import check_source, compile_spec, lower_spec
from eqspec.program.instructions import Expand, Scale
from eqspec.tools.costing import module_costs
from eqspec.tools.derivation import derivation

SETS = """eqspec 1
param n = dynamic
param m = dynamic
group S = symmetric(n)
module Inner(k) {
  input x: [k, 4]
  output y: [2, k] = tanh(linear(x, each=k))
}
module Sets {
  input x: [S.natural, 3]
  input t: fixed [m, 4]
  input w: fixed [m, 11] + fixed [2]
  s: [16] = linear(x)
  i = Inner(t, k=m)
  top: [3] = pool(x, over=S, by=max)
  u: [m, 5] = linear(t, w[0], each=m)
  h: [S.natural, 4] = linear(s, top, w[1])
  output k: [m, 5] + [2] = concat(u, w[1])
  output y: [4] = linear(top, s)
  output q: [2, m] = i.y + i.y
  output z: [S.natural, 4] = relu(h)
}
"""


def emitted(text: str, folder: Path, stem: str, sizes: dict[str, int] | None = None) -> ModuleType:
    """The files of a spec in a folder, and its module imported."""
    checked = check_source(Source(f"{stem}.eqs", text), overrides=sizes)
    result = compile_spec(checked, stem, f"{stem}.eqs")
    assert result.files, [(d.code, d.message, d.label) for d in result.diagnostics]
    for file in result.files:
        (folder / file.name).write_text(file.text, encoding="utf-8")
    found = importlib.util.spec_from_file_location(f"{stem}_emitted", folder / f"{stem}.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[f"{stem}_emitted"] = module
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("sets")
    return folder, emitted(SETS, folder, "sets")


def test_the_files_are_clean(sets: tuple[Path, Any]) -> None:
    folder, _ = sets
    for args in (["ruff", "check", "."], ["ruff", "format", "--check", "."]):
        done = subprocess.run([sys.executable, "-m", *args], cwd=folder, capture_output=True)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@pytest.mark.slow
def test_the_files_are_typed(sets: tuple[Path, Any]) -> None:
    folder, _ = sets
    args = [sys.executable, "-m", "mypy", "--strict", "sets.py", "test_sets.py"]
    done = subprocess.run(args, cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stdout.decode()


def test_the_emitted_tests_pass(sets: tuple[Path, Any]) -> None:
    folder, _ = sets
    ran = run_tests(folder / "test_sets.py")
    assert ran.status == 0 and ran.passed, ran.text[-3000:]


def test_nothing_in_the_text_belongs_to_one_size(sets: tuple[Path, Any]) -> None:
    folder, _ = sets
    text = (folder / "sets.py").read_text()
    assert "n = x.shape[-2]" in text
    assert 'm = _size("m", t.shape[-2], w[0].shape[-2])' in text or "_size(" in text
    assert "13" not in text.split("class Inner", 1)[1].replace("line 13", "")


def test_sizes_that_disagree_are_told(sets: tuple[Path, Any]) -> None:
    module = sets[1].Sets()
    x, t, w = torch.randn(2, 5, 3), torch.randn(2, 6, 4), torch.randn(2, 7, 11)
    with pytest.raises(ValueError, match=r"`m` has several sizes in one call: .6, 7."):
        module(x, t, (w, torch.randn(2, 2)))
    module(x, t, (torch.randn(2, 6, 11), torch.randn(2, 2)))


def test_a_fixed_size_gives_as_many_parameters(sets: tuple[Path, Any], tmp_path: Path) -> None:
    fixed = emitted(SETS, tmp_path, "sets", {"n": 7, "m": 3}).Sets()
    free = sets[1].Sets()
    assert sum(p.numel() for p in fixed.parameters()) == sum(p.numel() for p in free.parameters())


def test_a_constant_that_depends_on_the_size_is_found() -> None:
    """A fault is planted: a number made from the nominal value."""
    spec = check_source(Source("sets.eqs", SETS)).spec
    assert spec is not None
    lowered, diagnostics = lower_spec(spec)
    assert diagnostics == []
    item = lowered["Sets"]
    values = second_values(item.module)
    resized = resized_module(item.module, values)
    other = lower_module(resized).program
    assert same_program(item.program, other, values) is None
    number = next(k for k, i in enumerate(other.instructions) if isinstance(i, Expand))
    wrong = Scale((other.instructions[number].args[0],), 1.0 / values["n"])
    instructions = list(other.instructions)
    instructions[number] = wrong  # type: ignore[call-overload]
    broken = replace(other, instructions=tuple(instructions))
    assert same_program(item.program, broken, values) is not None
    assert check_sizes(lowered, "Sets") is None


def test_symmetry_functions_are_refused() -> None:
    result = compile_spec(check_source(Source("s.eqs", SETS)), "s", "s.eqs", ["actions"])
    assert [d.code for d in result.diagnostics] == ["EQS210"] and not result.files


GRAPH = Path(__file__).parents[1] / "corpus" / "specs" / "11_graph.eqs"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("graph")
    return folder, emitted(GRAPH.read_text(encoding="utf-8"), folder, "graph")


def relabelled(module: Any, n: int, dtype: torch.dtype) -> float:
    """The largest relative error of the graph layer under a random relabelling of n nodes."""
    rng = torch.Generator().manual_seed(n)
    edges = torch.randn(2, n, n, 5, generator=rng, dtype=dtype)
    nodes = torch.randn(2, n, 10, generator=rng, dtype=dtype)
    order = torch.randperm(n, generator=rng)
    with torch.no_grad():
        links, label = module(edges, nodes)
        moved = module(edges[:, order][:, :, order], nodes[:, order])
    pairs = [(links[:, order][:, :, order], moved.links), (label, moved.label)]
    return max(float((a - b).abs().max() / a.abs().max()) for a, b in pairs)


def test_a_graph_layer_runs_at_every_size(graph: tuple[Path, Any]) -> None:
    torch.manual_seed(0)
    module = graph[1].Graph().double()
    for n in (1, 2, 3, 4, 7, 50):
        assert relabelled(module, n, torch.float64) <= 1e-12


@pytest.mark.slow
def test_a_graph_layer_runs_at_500_nodes(graph: tuple[Path, Any]) -> None:
    torch.manual_seed(0)
    module = graph[1].Graph()
    assert relabelled(module, 500, torch.float32) <= 1e-4
    assert relabelled(module.double(), 500, torch.float64) <= 1e-11


def test_the_weights_are_the_diagrams(graph: tuple[Path, Any]) -> None:
    """Bell numbers: 15 maps from pairs to pairs, 5 from nodes to pairs and back, 2 each way below."""
    expected = 32 * (15 * 5 + 5 * 10 + 2)
    expected += 32 * (5 * 5 + 2 * 10 + 1)
    expected += 15 * 32 + 5 * 32 + 2
    expected += 3 * (2 * 32 + 32 + 1)
    assert sum(p.numel() for p in graph[1].Graph().parameters()) == expected


def test_a_fixed_size_is_the_same_space(graph: tuple[Path, Any], tmp_path: Path) -> None:
    """At n = 5 the module with a fixed size has as many weights."""
    text = GRAPH.read_text(encoding="utf-8")
    fixed = emitted(text, tmp_path, "graph", {"n": 5}).Graph()
    count = sum(p.numel() for p in graph[1].Graph().parameters())
    assert sum(p.numel() for p in fixed.parameters()) == count


def test_costs_and_derivations_name_the_sizes() -> None:
    checked = check_source(Source("graph.eqs", GRAPH.read_text(encoding="utf-8")))
    assert checked.spec is not None
    (module,) = checked.spec.modules
    record = for_json(derivation(module, module.node("e")))
    assert record["shape"] == ["n", "n", 32]
    cluster = record["edges"][0]["clusters"][0]
    assert (cluster["dimension"], cluster["holds_from"]) == (15, {"n": 4})
    assert cluster["solver"] == "diagrams"
    lowered, _ = lower_spec(checked.spec)
    (cost,) = module_costs(lowered)
    flops = cost["total"]["flops"]
    assert isinstance(flops, Size) and max(len(s) for s, _ in flops.terms) == 2, "order n^2"
    assert json.loads(json.dumps(for_json(cost)))["total"]["flops"] == flops.text()
