"""`eqspec bench`: the contestants are what they are called, and what is printed fits the schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from eqspec.algebra.averages import FWord
from eqspec.cli import main
from eqspec.diagnostics.model import Source
from eqspec.graph.types import Type
from eqspec.lowering.validation import act_on_block, words_of
from eqspec.lowering.ways import Aim
from eqspec.pipeline import check_source, lower_spec
from eqspec.tools.bench.average import GroupAverage
from eqspec.tools.bench.clock import Effort, ratios, side_by_side, spread
from eqspec.tools.bench.comparing import Made, made_of
from eqspec.tools.bench.results import SINGLE
from eqspec.tools.bench.subjects import inputs_of, leaves, stand_ins

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")

LAYERS = """eqspec 1
group D = dihedral(4)
group S = symmetric(3)
group Flip = cyclic(2)
module Block {
  input x: [5, D.regular]
  h: [6, D.regular] = relu(linear(x))
  output y: [4, D.regular] = linear(h)
}
module Image {
  input x: [3, D.grid(6, 6)]
  h: [2, D.regular, D.grid(6, 6)] = relu(conv2d(x, kernel=3, padding=1))
  output y: [4, D.grid(6, 6)] = conv2d(h, kernel=3, padding=1)
}
module Sets {
  input x: [S.natural, 4] + [Flip.sign]
  input s: index(S.natural)[2]
  h: [S.natural, 3] + [S.natural, S.natural] = linear(x)
  output y: [Flip.sign, S.natural] + [2] = linear(h, x)
  words: [2, 3] = embedding(s)
  output e: [3, S.natural] = linear(words, h)
}
"""
BASES = """eqspec 1
group A = cyclic(3)
group B = cyclic(2)
group E = dihedral(3)
module Several {
  input x: [A.regular, B.sign, 2]
  base net: [3, 1, 2] -> [3]
  h: [A.regular] = multi_equitune(net, x)
  output y: [A.regular] = h + equitune(net, x)
}
module Turned {
  input x: [4, E.irrep(2)]
  base net: [4, 2] -> [2]
  output y: [E.irrep(2)] = coset(net, x)
}
"""
ENDLESS = """eqspec 1
group O = special_orthogonal(3)
group S = symmetric(7)
param n = dynamic
group P = symmetric(n)
module Points {
  input x: [4, O.vector]
  output y: [3, O.vector] = linear(x)
}
module Many {
  input x: [S.natural]
  output y: [2, S.natural] = linear(x)
}
"""


def made(text: str) -> Made:
    checked = check_source(Source("t.eqs", text))
    assert checked.ok and checked.spec is not None, [str(d) for d in checked.diagnostics]
    lowered, refused = lower_spec(checked.spec)
    assert not refused, refused
    return made_of(lowered, "t")


def pair_of(found: Made, key: str) -> tuple[Any, Any, tuple[Any, ...]]:
    """The emitted module, its twin and inputs, in double precision."""
    torch.manual_seed(1)
    module = found.lowered[key].module
    bases = stand_ins(module)
    inputs = inputs_of(module, 3, torch.float64, CPU)
    return found.ours[key](*bases).double(), found.twins[key](*bases).double(), inputs


def moved(inputs: Any, types: list[Type], word: FWord) -> Any:
    """By the code that validates programs, which shares none with the average."""
    found = []
    for x, type_ in zip(inputs, types, strict=True):
        blocks = [
            torch.from_numpy(np.ascontiguousarray(act_on_block(b.detach().numpy(), block, word)))
            for b, block in zip(leaves(x), type_.blocks, strict=True)
        ]
        found.append(blocks[0] if len(blocks) == 1 else tuple(blocks))
    return tuple(found)


def far(a: Any, b: Any) -> float:
    return max(
        float((p - q).detach().abs().max()) for p, q in zip(leaves(a), leaves(b), strict=True)
    )


def test_a_twin_is_plain_layers_and_can_be_what_is_emitted() -> None:
    found = made(LAYERS)
    ours, twin, (x,) = pair_of(found, "Block")
    assert {n: tuple(p.shape) for n, p in twin.named_parameters()} == {
        "h_weight": (48, 40), "h_bias": (48,), "y_weight": (32, 48), "y_bias": (32,),
    }  # fmt: skip
    assert far(ours(x), twin(x)) > 1e-3
    with torch.no_grad():  # the tied weights are a point among the free ones
        for name, value in ours._expand()._asdict().items():
            getattr(twin, name).copy_(value)
    assert far(ours(x), twin(x)) < 1e-12
    ours, twin, (x,) = pair_of(found, "Image")
    h = torch.relu(torch.conv2d(x, twin.h_weight, twin.h_bias, padding=1))
    assert twin.h_weight.shape == (16, 3, 3, 3)
    y = torch.conv2d(h, twin.y_weight, twin.y_bias, padding=1)
    assert far(twin(x), y) < 1e-12
    ours, twin, inputs = pair_of(found, "Sets")
    assert [a.shape for a in leaves(ours(*inputs))] == [b.shape for b in leaves(twin(*inputs))]
    assert sum(p.numel() for p in twin.parameters()) > sum(p.numel() for p in ours.parameters())


def test_a_group_average_has_the_symmetry_that_the_twin_lacks() -> None:
    for text in (LAYERS, BASES):
        found = made(text)
        for key, item in found.lowered.items():
            _, twin, inputs = pair_of(found, key)
            average = GroupAverage(item.module, twin, torch.float64)
            sources = [f.type for f in item.module.inputs]
            targets = [f.type for f in item.module.outputs]
            broken = 0.0
            for word in words_of(item.module, np.random.default_rng(0)):
                for network, most in ((average, 1e-10), (twin, None)):
                    before = network(*inputs)
                    single = len(targets) == 1
                    there = moved((before,) if single else before, targets, word)
                    after = network(*moved(inputs, sources, word))
                    error = far(after, there)
                    if most is None:
                        broken = max(broken, error)
                    else:
                        assert error < most, (key, word, error)
            assert broken > 1e-3, key


def test_rounds_alternate_and_slow_ones_are_few() -> None:
    class Fake:
        def __init__(self, seconds: dict[str, float]) -> None:
            self.taken, self.order = seconds, list[str]()

        def seconds(self, run: Callable[[], object], repeats: int) -> float:
            name = str(run())
            self.order.append(name)
            return self.taken[name]

    clock = Fake({"a": 0.001, "b": 0.002})
    runs: dict[str, Callable[[], object]] = {"a": lambda: "a", "b": lambda: "b"}
    found = side_by_side(runs, clock, Effort(5, 0.01, 10.0))
    assert clock.order == [*"ab", *"ab", *"ba", *"ab", *"ba", *"ab"]
    assert spread(ratios(found, "b", "a")).median == 2.0
    slow = side_by_side(runs, Fake({"a": 1.0, "b": 4.0}), Effort(11, 0.01, 25.0))
    assert len(slow["a"]) == 5
    slower = side_by_side(runs, Fake({"a": 1.0, "b": 40.0}), Effort(11, 0.01, 25.0))
    assert len(slower["a"]) == 3
    assert spread([4.0, 1.0, 3.0, 2.0, 5.0]).low == 2.0


def bench(*args: str) -> Result:
    return CliRunner().invoke(main, ["bench", *args])


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bases.eqs").write_text(BASES, encoding="utf-8")
    Path("endless.eqs").write_text(ENDLESS, encoding="utf-8")
    quick = ("--rounds", "1", "--batch", "2")
    shown = bench("bases.eqs", *quick, "-m", "Turned", "--plot", "out.svg")
    assert shown.exit_code == 0, shown.output
    assert "against the dense twin" in shown.stdout and "`net` is a stand-in" in shown.stdout
    assert Path("out.svg").read_text(encoding="utf-8").count("<circle") == 2 * 3
    schema = json.loads((ROOT / "docs/schemas/bench.json").read_text(encoding="utf-8"))
    result = bench("endless.eqs", *quick, "--format", "json", "--lowering", "all")
    record = json.loads(result.stdout)
    jsonschema.Draft202012Validator(schema).validate(record)
    assert record["batch"] == 2 and record["table"] == "cpu"
    assert all(module["predicted"]["training"] > 0 for module in record["modules"])
    for module, why in zip(record["modules"], ("`O` is infinite", "5,040 times"), strict=True):
        names = {c["name"]: c for c in module["contestants"]}
        assert why in names["group average"]["missing"]
        assert names["dense twin"]["training"]["ratio"]["median"] > 0
        assert names["emitted"]["forward"]["ratio"]["median"] == 1


def test_every_way_of_lowering_is_timed_with_the_same_weights() -> None:
    text = """eqspec 1
group D = dihedral(3)
group S = symmetric(6)
module Wide { input x: [24, D.regular]
  h: [24, D.regular] = linear(x)
  output y: [24, D.regular] = linear(h) }
module Pairs { input x: [4, S.natural, S.natural]
  output y: [4, S.natural, S.natural] = linear(x) }
"""
    checked = check_source(Source("t.eqs", text))
    assert checked.spec is not None
    by = {name: lower_spec(checked.spec, aim=Aim(name.removeprefix("by ")))[0] for name in SINGLE}
    found = made_of(lower_spec(checked.spec)[0], "t", by)
    assert found.singles["by blocks"] and found.singles["by sums"]
    assert "Wide" not in found.singles["by weight"]  # as the reference
    for key in found.ours:
        ours, _, inputs = pair_of(found, key)
        for classes in found.singles.values():
            if key in classes:
                other = classes[key]().double()
                other.load_state_dict(ours.state_dict())
                assert far(ours(*inputs), other(*inputs)) < 1e-12


def test_what_cannot_be_timed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sized = ENDLESS.replace("[S.natural]", "[P.natural]").replace("[2, S", "[2, P")
    Path("sized.eqs").write_text(sized, encoding="utf-8")
    found = bench("sized.eqs")
    assert found.exit_code == 1 and "EQS561" in found.stderr and "--set n=8" in found.stderr
    assert bench("sized.eqs", "--set", "n=3", "--rounds", "1", "--batch", "1").exit_code == 0
    assert "EQS560" in bench("sized.eqs", "--device", "cuda:99").stderr
    assert "EQS560" in bench("sized.eqs", "--device", "toaster").stderr
    assert "does not end in .svg" in bench("sized.eqs", "--plot", "x.png").stderr
    monkeypatch.setattr("eqspec.tools.bench.running.find_spec", lambda name: None)
    found = bench("sized.eqs")
    assert found.exit_code == 2 and "EQS511" in found.stderr
