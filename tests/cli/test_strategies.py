"""`eqspec cost` lists what could stand in the place of an average, as each of these would be proved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eqspec.diagnostics.model import Source
from eqspec.graph.model import Module, Spec
from eqspec.ops import OPS
from eqspec.pipeline import check_source, lower_spec
from eqspec.tools.costing import module_costs
from eqspec.tools.strategies import NAMES, Refused, Strategy, strategies

from .cli_support import run

SPECS = {
    "product": (
        "group A = cyclic(4)\ngroup B = cyclic(2)\n",
        "input x: [3, A.regular, B.regular]",
        "[3, 4, 2] -> [4, 2]",
        "[A.regular, B.regular]",
    ),
    "a target of its own": (
        "group A = cyclic(4)\ngroup B = cyclic(3)\n",
        "input x: [2, A.regular]",
        "[2, 4] -> [2, 3]",
        "[2, B.regular]",
    ),
    "three factors, in several arguments": (
        "group A = cyclic(2)\ngroup B = cyclic(3)\ngroup C = cyclic(2)\n",
        "input x: [A.regular, B.regular]\n  input z: [3, C.sign]",
        "[2, 3] + [3, 1] -> [4]",
        "[4]",
    ),
    "no direct product": (
        "group N = cyclic(4) named { r: r }\ngroup H = cyclic(2) named { r: s }\n"
        "group D = semidirect(N, H) { s { r -> r^-1 } }\n",
        "input x: [2, D.regular]",
        "[2, 8] -> [8]",
        "[D.regular]",
    ),
    "a cloud of points": (
        "group S = symmetric(3)\ngroup O = orthogonal(2)\n",
        "input x: [S.natural, O.vector]",
        "[3, 2] -> [3]",
        "[S.natural]",
    ),
    "a jump upstream": (
        "group A = cyclic(4)\ngroup B = cyclic(2)\n",
        "input w: [2, A.regular, B.regular]\n  x = round(w)",
        "[2, 4, 2] -> [4]",
        "[A.regular]",
    ),
}

FIRST = {
    "a cloud of points": "frame(net, x, by=[principal_axes(O), sort(S)])"
}  # no average is finite


def spec(name: str, call: str | None = None, declares: str = "") -> Module:
    groups, inputs, base, target = SPECS[name]
    groups += declares + "\n"
    helper = base.partition(" -> ")[0] + " -> [1]"
    args = "x, z" if "input z" in inputs else "x"
    text = (
        f"eqspec 1\n{groups}module M {{\n  {inputs}\n  base net: {base}\n"
        + (f"  base helper: {helper}\n" if call and "helper" in call else "")
        + f"  output y: {target} = {call or FIRST.get(name, f'equitune(net, {args})')}\n}}\n"
    )
    result = check_source(Source("x.eqs", text))
    assert result.spec is not None
    assert result.ok, [d.message for d in result.diagnostics]
    return result.spec.modules[-1]


@pytest.mark.parametrize("name", SPECS)
def test_every_row_is_what_the_spec_with_that_call_has(name: str) -> None:
    """The calls of the lowered program and the guarantee, where the row's text is written instead."""
    module = spec(name)
    rows = strategies(module, module.node("y"))
    legal = [row for row in rows if isinstance(row, Strategy)]
    assert [row.text for row in legal if row.written] == [FIRST.get(name, legal[0].text)]
    for row in legal:
        written = spec(name, row.text, row.declares)
        node = written.node("y")
        assert node.op == row.op
        assert {f: level for f, level in node.levels.items() if f in node.touched} == row.levels
        lowered, refused = lower_spec_of(written)
        assert not refused
        (record,) = module_costs(lowered)
        assert record["total"]["base_calls"] == row.base_calls + row.helper_calls, row.text
        (mine,) = (n for n in record["nodes"] if n["node"] == "y")
        ours = [s["strategy"] for s in mine["strategies"] if s["written"]]
        assert ours == [row.text]
    for row in rows:
        if isinstance(row, Refused) and row.code != "EQS210":
            assert row.reason


def lower_spec_of(module: Module) -> tuple[Any, list[Any]]:
    return lower_spec(Spec(module.source, (module,), (module.source,)))


def test_what_is_legal_depends_on_the_group_and_the_types() -> None:
    rows = {name: strategies(module := spec(name), module.node("y")) for name in SPECS}
    codes = {
        name: {row.op: row.code for row in found if isinstance(row, Refused)}
        for name, found in rows.items()
    }
    assert codes["product"]["fuse"] == "EQS409"
    assert "fuse" not in codes["a target of its own"]
    assert codes["no direct product"]["multi_equitune"] == "EQS435"
    ops = {name: {r.op for r in found if isinstance(r, Strategy)} for name, found in rows.items()}
    assert set().union(*ops.values()) == set(NAMES) & set(OPS), "every strategy is legal somewhere"
    assert "multi_equitune" not in ops["a target of its own"], "the same as equitune"
    calls = {
        row.text: row.base_calls
        for row in rows["three factors, in several arguments"]
        if isinstance(row, Strategy)
    }
    assert calls["equitune(net, x, z)"] == 12
    assert calls["multi_equitune(net, x, z)"] == 7
    assert codes["a cloud of points"]["equitune"] == "EQS420"
    frames = {r.text: r for r in rows["a cloud of points"] if isinstance(r, Strategy)}
    assert {row.op for row in frames.values()} == {"frame"}
    assert {row.base_calls for row in frames.values()} == {4}  # the rows have no order
    assert {row.level.key for row in frames.values()} == {"almost_everywhere"}
    upstream = [row for row in rows["a jump upstream"] if isinstance(row, Strategy)]
    assert {row.level.key for row in upstream if row.op == "equitune"} == {"almost_everywhere"}


def test_the_table_in_text_and_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.eqs").write_text(spec("product").source.text)
    text = run("cost", "m.eqs").stdout
    assert "*  equitune(net, x)" in text
    assert "output 5 of 8, input 15 of 24" in text
    assert "EQS409" not in text
    assert "fuse(net, x): EQS409" in run("cost", "m.eqs", "--all").stdout
    record = json.loads(run("cost", "m.eqs", "--format", "json").stdout)
    (node,) = (n for n in record["modules"][0]["nodes"] if n["node"] == "y")
    assert "refused" not in node
    first = node["strategies"][0]
    assert first == {
        "strategy": "equitune(net, x)",
        "op": "equitune",
        "written": True,
        "base_calls": 8,
        "helper_calls": 0,
        "kept_in_training": 8,
        "guarantee": "exact",
        "levels": {"A": "exact", "B": "exact"},
    }
    assert node["strategies"][1]["loses"]["input_kept"] == 15
    refused = json.loads(run("cost", "m.eqs", "--all", "--format", "json").stdout)
    (node,) = (n for n in refused["modules"][0]["nodes"] if n["node"] == "y")
    assert {row["op"]: row["code"] for row in node["refused"]}["fuse"] == "EQS409"
