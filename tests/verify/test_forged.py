"""Certificates that lie with all hashes made anew: none of them is called verified."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import record_of, remade

from eqspec.pipeline import check_file, compile_spec
from eqspec.tools.verifying import Verified, verify_module
from eqspec.verify import Report, verify_certificate

GROUP = """eqspec 1
group G = cyclic(2)
rep G.st = signed_permutation([x, v]) { r -> (x -x)(v -v) }
"""
MODULE = """module M {
  input s: [G.st]
  h: [4, G.regular] = tanh(linear(s))
  output y: [3] = linear(h)
}
"""
INTERFACE = "interface I {\n  input s: [G.regular]\n  output a: [G.regular]\n}\n"


def written(folder: Path, name: str, text: str, *emit: str, stem: str | None = None) -> Path:
    """The place of the certificate of a spec that was compiled."""
    stem = stem or name
    (folder / f"{name}.eqs").write_text(text, encoding="utf-8")
    checked = check_file(folder / f"{name}.eqs", f"{name}.eqs", folder)
    result = compile_spec(checked, stem, f"{name}.eqs", (*emit, "certificate"))
    assert result.files, [d.message for d in result.diagnostics]
    for file in result.files:
        (folder / file.name).write_text(file.text, encoding="utf-8")
    return folder / f"{stem}.certificate.json"


def forge(place: Path, change: Callable[[dict[str, Any]], object] = lambda record: None) -> None:
    """Change the record of a certificate, and make all hashes anew."""
    record = json.loads(place.read_text(encoding="utf-8"))
    change(record)
    for one in record["files"]:
        file = place.with_name(one["name"])
        if file.exists():
            one["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    place.write_text(remade(record), encoding="utf-8")


def codes(found: Verified) -> list[str]:
    return [one.code for one in found.diagnostics]


# ---- files against their spec ----------------------------------------------------------------------


@pytest.mark.parametrize("text", [MODULE, INTERFACE, MODULE + INTERFACE])
@pytest.mark.parametrize("emit", [("module", "tests"), ("module", "tests", "actions")])
def test_every_file_of_the_record_is_compared(
    tmp_path: Path, text: str, emit: tuple[str, ...]
) -> None:
    place = written(tmp_path, "m", GROUP + text, *emit)
    for file in compile_spec(
        check_file(tmp_path / "m.eqs", "m.eqs", tmp_path), "m", "m.eqs", None
    ).files:
        path = tmp_path / file.name
        if not path.exists():  # the certificate speaks of it although it was not asked for
            path.write_text(file.text, encoding="utf-8")
    found = verify_module(place)
    assert codes(found) == [] and found.rebuilt
    for one in json.loads(place.read_text(encoding="utf-8"))["files"]:
        file = tmp_path / one["name"]
        true = file.read_text(encoding="utf-8")
        file.write_text(true + "\nprint(1)\n", encoding="utf-8")
        forge(place)
        found = verify_module(place)
        assert codes(found) == ["EQS527"] and not found.rebuilt, one["name"]
        file.write_text(true, encoding="utf-8")
        forge(place)


def test_a_file_to_which_the_spec_does_not_compile_is_found(tmp_path: Path) -> None:
    place = written(tmp_path, "i", GROUP + INTERFACE, "actions", "tests")
    (tmp_path / "i.py").write_text("print(1)\n", encoding="utf-8")
    more = {"name": "i.py", "kind": "module", "sha256": "0" * 64}
    forge(place, lambda record: record["files"].append(more))
    found = verify_module(tmp_path / "i.py")
    assert codes(found) == ["EQS527"] and not found.rebuilt


def test_a_file_that_the_record_leaves_out_is_found(tmp_path: Path) -> None:
    place = written(tmp_path, "m", GROUP + MODULE, "module", "tests")
    forge(place, lambda record: record["files"].pop())
    assert codes(verify_module(tmp_path / "m.py")) == ["EQS527"]
    forge(place, lambda record: record["files"].clear())
    assert codes(verify_module(place)) == ["EQS527", "EQS527"]


@pytest.mark.parametrize("kind", ["module", "actions"])
def test_a_spec_that_does_not_compile_is_no_silence(tmp_path: Path, kind: str) -> None:
    place = written(tmp_path, "m", GROUP + MODULE, "module", "tests")
    record = json.loads(place.read_text(encoding="utf-8"))
    names = ["class.py"] if kind == "module" else ["class.py", "class_symmetry.py"]
    kinds = ["module", "actions"]
    record["files"] = [
        {"name": name, "kind": kind, "sha256": ""} for name, kind in zip(names, kinds, strict=False)
    ]
    for name in names:
        (tmp_path / name).write_text("print(1)\n", encoding="utf-8")
    place = tmp_path / "class.certificate.json"
    place.write_text(remade(record), encoding="utf-8")
    forge(place)
    found = verify_module(tmp_path / "class.py")
    assert codes(found) == ["EQS528", "EQS504"] and not found.rebuilt


def test_a_module_that_is_not_there_is_not_verified(tmp_path: Path) -> None:
    written(tmp_path, "m", GROUP + MODULE, "module", "tests")
    (tmp_path / "m.py").unlink()
    assert codes(verify_module(tmp_path / "m.py")) == ["EQS522"]


def test_the_spec_of_another_name_does_not_stand_for_that_beside_the_module(
    tmp_path: Path,
) -> None:
    written(tmp_path, "weak", GROUP + MODULE, "module", "tests", stem="strong")
    module = tmp_path / "strong.py"
    found = verify_module(module)
    assert codes(found) == [] and found.spec.endswith("weak.eqs")
    strong = MODULE.replace("linear(h)", "linear(h)\n  ensure y invariant under G")
    (tmp_path / "strong.eqs").write_text(GROUP + strong, encoding="utf-8")
    assert codes(verify_module(module)) == ["EQS528"]
    assert codes(verify_module(module, str(tmp_path / "weak.eqs"))) == []


# ---- claims against mathematics --------------------------------------------------------------------


def verified(record: dict[str, Any]) -> Report:
    return verify_certificate(remade(record).encode(), {})


def messages(record: dict[str, Any]) -> str:
    return "\n".join(finding.message for finding in verified(record).findings)


def node(record: dict[str, Any], module: int, name: str) -> dict[str, Any]:
    (found,) = (one for one in record["modules"][module]["nodes"] if one["name"] == name)
    one: dict[str, Any] = found
    return one


@pytest.mark.parametrize("op", ["floor", "round", "sign", "hardshrink"])
def test_data_of_other_ops_raises_no_level(op: str) -> None:
    text = MODULE.replace("output y: [3] = linear(h)", f"output y: [4, G.regular] = {op}(h)")
    record = record_of(GROUP + text)
    assert verified(record).ok
    one = node(record, 0, "y")
    one["own"], one["data"] = {}, {"elements": 1}
    one["levels"] = dict.fromkeys(one["levels"], "exact")
    assert "what follows is" in messages(record)


PLAIN = [{"text": "[2]", "axes": [2]}]
CALLS = """module C {
  input a: [G.st]
  output b: [G.st] = tanh(a)
}
module M {
  input s: [G.st]
  output y: [G.st] = C(s)
}
"""


@pytest.mark.parametrize("empty", [False, True])
def test_outputs_of_an_interface_are_not_believed(empty: bool) -> None:
    record = record_of(GROUP + CALLS)
    assert verified(record).ok
    called, module = record["modules"]
    called["interface"] = True
    called["outputs"][0]["type"] = PLAIN
    if empty:
        called["nodes"] = []
    for one in module["nodes"]:
        if one["op"] == "call" or one["name"] == "y":
            one["type"] = PLAIN
            one["edges"][0]["factors"] = {"G": "invariant"} if one["args"] == ["s"] else {}
    module["outputs"][0]["type"] = PLAIN
    module["ensures"] = [
        {"features": ["y"], "kind": "invariant", "level": "exact", "factors": ["G"]}
    ]
    found = messages(record)
    assert "is an interface, which nothing computes" in found
    assert ("has features" in found) is not empty


@pytest.mark.parametrize(
    "shared",
    [[[0, 1]], [[7, 1]], [[0, 0]], [[1, 0], [1, 1]]],
    ids=["gone", "none", "both", "twice"],
)
def test_an_axis_of_a_product_has_one_use(shared: list[list[int]]) -> None:
    text = (
        "module M {\n  input a: [G.st]\n  input b: [G.st, G.st]\n"
        "  output c: [G.st, G.st, G.st] = tensor_product(a, b)\n}\n"
    )
    record = record_of(GROUP + text)
    assert verified(record).ok
    plain = [{"text": "[1]", "axes": [1]}]
    one = node(record, 0, "c")
    one.update(op="dot", type=plain)
    one["data"].update(contracted=[[[0, 0]]], shared=[shared], forms=[[None]])
    for edge in one["edges"]:
        edge.update(factors={"G": "invariant"}, fusion=False)
    record["modules"][0]["outputs"][0]["type"] = plain
    assert "are named" in messages(record)


@pytest.mark.parametrize("op", ["tanh", "linear", "floor"])
def test_data_that_an_op_does_not_have_is_refused(op: str) -> None:
    record = record_of(GROUP + MODULE.replace("linear(h)", "linear(floor(h))"))
    assert verified(record).ok
    for one in record["modules"][0]["nodes"]:
        if one["op"] == op:
            one.setdefault("data", {})["squared"] = True
    assert f"`{op}` has no data called 'squared'" in messages(record)


def test_a_maximum_is_no_mean_and_a_layer_norm_takes_one_off() -> None:
    text = (
        "eqspec 1\ngroup Flip = cyclic(2)\ngroup C = cyclic(2)\nmodule M {\n"
        "  input x: [C.sign, Flip.reverse(8)]\n  output y = avg_pool1d(x, kernel=2)\n}\n"
    )
    record = record_of(text)
    assert verified(record).ok
    node(record, 0, "y")["op"] = "max_pool1d"
    assert "it is no `max` of a window" in messages(record)

    text = "module M {\n  input x: [G.st]\n  output y: [G.st] = rms_norm(x)\n}\n"
    record = record_of(GROUP + text)
    assert verified(record).ok
    node(record, 0, "y")["op"] = "layer_norm"
    assert "whether a mean is taken off" in messages(record)


@pytest.mark.parametrize("slope", [0, "0", "0/1", None, "x", False])
def test_a_slope_of_every_writing_is_read(slope: object) -> None:
    text = (
        "module M {\n  input x: [4, G.regular]\n  h: [4, G.regular] = leaky_relu(x)\n"
        "  output y: [4, G.regular] = floor(h)\n}\n"
    )
    record = record_of(GROUP + text)
    assert verified(record).ok
    assert "almost_everywhere" in node(record, 0, "y")["levels"].values()
    node(record, 0, "h")["data"]["negative_slope"] = slope
    assert not verified(record).ok


def test_promises_under_nobody_and_certificates_of_nothing_are_refused() -> None:
    text = GROUP + MODULE.replace("}\n", "  ensure h equivariant under G\n}\n")
    record = record_of(text)
    assert verified(record).ok
    record["modules"][0]["ensures"][0].update(kind="invariant", subgroup="H", words=[])
    assert "names a subgroup of which it has no element" in messages(record)
    record = record_of(text)
    for name in ("modules", "groups", "representations"):
        record[name] = []
    assert "it speaks of no module" in messages(record)
