"""Certificates of real specs: they fit the schema, and the verifier proves their claims anew."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from certificates import remade
from click.testing import CliRunner

from eqspec.cli import main
from eqspec.emit.certificate.document import certificate_text, claims
from eqspec.pipeline import check_file, compile_spec
from eqspec.verify import Report, verify_certificate
from eqspec.verify.reading import HEADER

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted((ROOT / "examples").glob("*/*.eqs"))


@cache
def certificate(name: str) -> str:
    """The certificate of an example, about two short files."""
    (path,) = (path for path in SPECS if path.stem == name)
    spec = check_file(path, name, ROOT).spec
    assert spec is not None
    files = [(f"{name}.py", "module", "x = 1\n"), (f"test_{name}.py", "tests", "y = 2\n")]
    digest = hashlib.sha256()
    for source in spec.sources:
        digest.update(source.text.encode())
    return certificate_text(claims(spec, f"{name}.eqs"), files, digest.hexdigest(), False)


def verified(name: str, text: str | bytes) -> Report:
    data = text.encode() if isinstance(text, str) else text
    (path,) = (path for path in SPECS if path.stem == name)
    files = {f"{name}.py": b"x = 1\n", f"test_{name}.py": b"y = 2\n"}
    return verify_certificate(data, files, {f"{name}.eqs": path.read_bytes()})


def test_every_example_is_proved_anew() -> None:
    schema = json.loads((ROOT / "docs/schemas/certificate.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    shown: Counter[str] = Counter()
    for path in SPECS:
        text = certificate(path.stem)
        record = json.loads(text)
        if len(text) < 20_000:  # the others have the same members, more of them
            validator.validate(record)
        assert remade(record) == text
        report = verified(path.stem, text)
        assert report.findings == [], path.stem
        shown.update(report.proved)
    assert shown["dimension"] > 200
    assert shown["law"] > 390
    assert shown["representation"] > 90


# ---- edits -----------------------------------------------------------------------------------------


def mutations(data: bytes, count: int, rng: random.Random) -> Iterator[bytes]:
    """Single edits: a byte replaced, left out or put in."""
    for _ in range(count):
        at = rng.randrange(len(data))
        match rng.randrange(3):
            case 0:
                other = rng.choice([b for b in range(256) if b != data[at]])
                yield data[:at] + bytes([other]) + data[at + 1 :]
            case 1:
                yield data[:at] + data[at + 1 :]
            case _:
                yield data[:at] + bytes([rng.randrange(256)]) + data[at:]


@pytest.mark.parametrize("seed", range(2))
def test_every_single_edit_of_certificate_or_module_is_found(seed: int) -> None:
    rng = random.Random(seed)
    text = certificate("cartpole").encode()
    assert verified("cartpole", text).ok
    for edited in mutations(text, 200, rng):
        if edited != text:
            assert not verified("cartpole", edited).ok
    module = b"x = 1\n" * 50
    spec = check_file(SPECS[0], "cartpole", ROOT).spec
    assert spec is not None
    body = claims(spec, "cartpole.eqs")
    whole = certificate_text(body, [("m.py", "module", module.decode())], "0" * 64, False).encode()
    assert verify_certificate(whole, {"m.py": module}).ok
    for edited in mutations(module, 200, rng):
        if edited != module:
            assert not verify_certificate(whole, {"m.py": edited}).ok


def test_line_ends_that_were_all_turned_are_no_edit() -> None:
    text = certificate("cartpole")
    assert verified("cartpole", text.replace("\n", "\r\n")).ok
    assert not verified("cartpole", text.replace("\n", "\r\n", 1)).ok


def values(record: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all plain values of a record."""
    if isinstance(record, dict):
        for key, value in record.items():
            yield from values(value, (*way, key))
    elif isinstance(record, list):
        for number, value in enumerate(record):
            yield from values(value, (*way, number))
    else:
        yield way


def changed(record: Any, way: tuple[Any, ...], rng: random.Random) -> Any:
    """The record with another value at the end of a way."""
    copy = json.loads(json.dumps(record))
    at = copy
    for step in way[:-1]:
        at = at[step]
    old = at[way[-1]]
    match old:
        case bool():
            at[way[-1]] = not old
        case int():
            at[way[-1]] = old + rng.choice([-2, -1, 1, 2, 7])
        case str():
            at[way[-1]] = old + rng.choice(["x", "1", " "])
        case None:
            at[way[-1]] = 1
    return copy


def test_edits_of_values_with_hashes_made_anew_are_found_by_the_two_looks(tmp_path: Path) -> None:
    """What mathematics cannot see, such as a name, the comparison with the spec does."""
    from eqspec.tools.verifying import verify_module

    spec = (ROOT / "examples/cartpole/cartpole.eqs").read_text(encoding="utf-8")
    (tmp_path / "cartpole.eqs").write_text(spec, encoding="utf-8")
    checked = check_file(tmp_path / "cartpole.eqs", "cartpole.eqs", tmp_path)
    kinds = ("module", "tests", "certificate")
    for file in compile_spec(checked, "cartpole", "cartpole.eqs", kinds).files:
        (tmp_path / file.name).write_text(file.text, encoding="utf-8")
    place = tmp_path / "cartpole.certificate.json"
    record = json.loads(place.read_text(encoding="utf-8"))
    module = tmp_path / "cartpole.py"
    assert verify_module(module).diagnostics == []
    rng = random.Random(7)
    ways = [way for way in values(record) if way[0] not in HEADER]
    for way in rng.sample(ways, 30):
        place.write_text(remade(changed(record, way, rng)), encoding="utf-8")
        found = verify_module(module, None, "spec").diagnostics
        assert found or verify_module(module).diagnostics, way
    # a module that was edited together with its hash
    text = module.read_text(encoding="utf-8").replace("0.5", "0.25").replace("relu", "tanh")
    module.write_text(text, encoding="utf-8")
    record["files"][0]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    place.write_text(remade(record), encoding="utf-8")
    assert verify_module(module, None, "spec").diagnostics == []
    assert [d.code for d in verify_module(module).diagnostics] == ["EQS527"]


# ---- false claims, found by mathematics alone ------------------------------------------------------


def forged(name: str, change: Any) -> Report:
    record = json.loads(certificate(name))
    change(record)
    return verified(name, remade(record))


def parts(report: Report) -> set[str]:
    return {finding.part for finding in report.findings}


def node(record: dict[str, Any], name: str) -> dict[str, Any]:
    found = [n for module in record["modules"] for n in module["nodes"] if n["name"] == name]
    return dict(found[0]) if not found else found[0]


def test_every_wrong_dimension_is_found() -> None:
    """Of every space of several examples, one more and one less."""
    count = 0
    for name in ("cartpole", "dipole", "two_view", "dna"):
        record = json.loads(certificate(name))
        for module in record["modules"]:
            for one in module["nodes"]:
                for space in one.get("spaces", ()):
                    for step in (-1, 1) if space["dimension"] else (1,):
                        space["dimension"] += step
                        one["parameters"] += step
                        module["parameters"] += step
                        report = verified(name, remade(record))
                        assert "dimension" in parts(report), (name, one["name"])
                        space["dimension"] -= step
                        one["parameters"] -= step
                        module["parameters"] -= step
                        count += 1
    assert count > 50


def test_false_claims_of_every_kind_are_found() -> None:
    def generator(record: dict[str, Any]) -> None:  # of order 8
        turn = record["representations"][0]["matrices"]["Rot"][0]
        turn.update(axes=[0, 1], signs=[1, 1], offsets=[0, 3])

    def order(record: dict[str, Any]) -> None:
        record["groups"][0]["order"] = 8

    def edge(record: dict[str, Any]) -> None:
        node(record, "h.linear")["edges"][1]["factors"]["Flip"] = "equivariant"

    def fusion(record: dict[str, Any]) -> None:
        node(record, "h.linear")["edges"][1]["fusion"] = False

    def weights(record: dict[str, Any]) -> None:
        node(record, "h.linear")["parameters"] += 1

    def space(record: dict[str, Any]) -> None:
        node(record, "h.linear")["spaces"][1]["source"][0] = 32

    def missing(record: dict[str, Any]) -> None:
        del node(record, "h.linear")["spaces"][0]

    def promise(record: dict[str, Any]) -> None:
        record["modules"][0]["outputs"][0]["node"] = "f"

    for change, part in (
        (generator, "representation"),
        (order, "group"),
        (edge, "op"),
        (fusion, "op"),
        (weights, "op"),
        (space, "op"),
        (missing, "op"),
        (promise, "promise"),
    ):
        assert part in parts(forged("two_view", change)), change.__name__


def test_raised_levels_and_missing_assumptions_are_found() -> None:
    record = json.loads(certificate("digits"))
    text = json.dumps(record)
    assert '"almost_everywhere"' in text
    count = 0
    for module in record["modules"]:
        for one in module["nodes"]:
            for factor, level in one["levels"].items():
                if level != "exact" and count < 12:
                    one["levels"][factor] = "exact"
                    assert "level" in parts(verified("digits", remade(record)))
                    one["levels"][factor] = level
                    count += 1
        for number, assumption in enumerate(list(module["assumptions"])):
            if number % 16 == 0:
                module["assumptions"].remove(assumption)
                assert "assumption" in parts(verified("digits", remade(record)))
                module["assumptions"].insert(number, assumption)
    assert count > 5
    # a level that is raised on the whole way, and of the op itself
    for module in record["modules"]:
        for one in module["nodes"]:
            one["own"] = {}
            one["levels"] = dict.fromkeys(one["levels"], "exact")
    assert "level" in parts(verified("digits", remade(record)))


# ---- alone -----------------------------------------------------------------------------------------


def test_the_verifier_runs_on_the_standard_library_alone(tmp_path: Path) -> None:
    place = tmp_path / "cartpole.certificate.json"
    place.write_text(certificate("cartpole"), encoding="utf-8")
    (tmp_path / "cartpole.py").write_text("x = 1\n", encoding="utf-8")
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['verify', {str(place)!r}]\n"
        "try:\n    runpy.run_module('eqspec.verify', run_name='__main__')\n"
        "except SystemExit as end:\n    print('exit', end.code)\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "own = {n for n in sys.modules if n.startswith('eqspec.') and 'verify' not in n}\n"
        "print(sorted(names & {'numpy', 'torch', 'lark', 'click', 'networkx', 'jinja2'}), sorted(own))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "verified (" in run.stdout
    assert run.stdout.endswith("exit 0\n[] []\n")


def test_a_way_of_lowering_that_was_chosen_by_a_flag_is_chosen_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "eqspec 1\n\ngroup D = dihedral(4)\n\nmodule Net {\n  input x: [2, D.regular]\n"
    text += "  output y: [2, D.regular] = linear(x)\n}\n"
    (tmp_path / "net.eqs").write_text(text, encoding="utf-8")
    flags = ["--lowering", "blocks"]
    made = CliRunner().invoke(
        main, ["compile", "net.eqs", "--emit", "module,tests,certificate", *flags]
    )
    assert made.exit_code == 0, made.output
    without = CliRunner().invoke(main, ["verify", "net.py"])
    assert without.exit_code == 1 and "EQS527" in without.output and "--lowering" in without.output
    again = CliRunner().invoke(main, ["verify", "net.py", *flags])
    assert again.exit_code == 0, again.output
