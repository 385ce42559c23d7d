"""`eqspec audit`: planted faults are found and named, their twins pass; reports and exit codes."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from eqspec.cli import main

ROOT = Path(__file__).resolve().parents[2]


def load(name: str, file: Path) -> Any:
    found = importlib.util.spec_from_file_location(name, file)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module


models = load("audit_zoo_cases", Path(__file__).with_name("zoo.py"))


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["audit", *arguments], catch_exceptions=False)
    assert "Traceback" not in result.output
    return result


def audit(model: str, spec: str, *arguments: str) -> tuple[int, Any]:
    result = run(f"audit_zoo:{model}", spec, *arguments, "--format", "json")
    return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def specs(zoo: Path) -> Path:
    for name, text in models.SPECS.items():
        (zoo / f"{name}.eqs").write_text(text, "utf-8")
    return zoo


def sizes(*values: int) -> list[str]:
    return [word for value in values for word in ("--set", f"n={value}")]


def failed(report: Any, check: str) -> list[tuple[str, Any]]:
    """Runs in which a check fails, by their states, with the check."""
    return [
        (run["state"], one)
        for run in report["runs"]
        for one in run["checks"]
        if one["check"] == check and one["verdict"] == "fail"
    ]


def test_planted_faults_are_named_and_their_twins_pass(specs: Path) -> None:
    for case in models.CASES:
        code, report = audit(case.faulty, f"{case.spec}.eqs", *sizes(*case.sizes[:1]))
        assert (code, report["result"]) == (1, "fail"), case
        faults = dict(reversed(failed(report, case.check)))
        assert case.state in faults, case
        if case.state == "random parameters":
            assert "as given" not in faults, (case, "it is invisible at first")
        fault = faults[case.state]
        witness = fault["witness"]
        assert (witness["element"] or "").startswith(case.element), case
        assert witness["letters"] <= 1, case
        assert witness["tensor"] == case.tensor, case
        if case.inputs is not None:
            assert tuple(witness["inputs"] or ()) == case.inputs, case
        assert witness["found"] != witness["expected"], case
        code, report = audit(case.sound, f"{case.spec}.eqs", *sizes(*case.sizes[1:]))
        assert (code, report["result"]) == (0, "pass"), (case, report)


def test_entries_have_the_names_of_the_spec(specs: Path) -> None:
    _, report = audit("wrong_sign", "robot.eqs")
    ((_, fault), _) = failed(report, "generators")
    names = r"torque\[(LF|RF|LH|RH), (HAA|HFE|KFE)\]"
    assert re.fullmatch(names, fault["witness"]["entry"])
    assert fault["witness"]["batch"] == 1
    assert abs(fault["witness"]["found"] - fault["witness"]["expected"]) > 1e-3


def test_the_layer_that_breaks_it_is_guessed(specs: Path) -> None:
    for model, spec, layer, more in (
        ("biased_vectors", "vector.eqs", "second (Mix)", ()),
        ("untied", "points.eqs", "norm (BatchNorm1d)", sizes(5)),
        ("half_averaged", "ring.eqs", None, ()),  # its network is called twice: no guess
    ):
        _, report = audit(model, spec, *more)
        assert failed(report, "generators")[-1][1]["witness"]["layer"] == layer


def test_as_given_alone(specs: Path) -> None:
    code, report = audit("biased_vectors", "vector.eqs", "--as-given")
    assert (code, [run["state"] for run in report["runs"]]) == (0, ["as given"])


def test_random_models(specs: Path) -> None:
    """Randomness in evaluation is a fault; in training it is measured."""
    _, report = audit("redrawn", "ring.eqs")
    assert [state for state, _ in failed(report, "determinism")] == [
        "as given",
        "random parameters",
    ]
    checks = {one["check"]: one for one in report["runs"][0]["checks"]}
    assert "it is equivariant" in checks["held fixed"]["detail"]
    assert checks["batch"]["verdict"] == "skipped"
    _, report = audit("ProperDropout", "points.eqs", *sizes(5))
    checks = {one["check"]: one for one in report["runs"][0]["checks"]}
    assert "two passes differ" in checks["training"]["detail"]
    assert checks["training"]["verdict"] == "measured"


def test_sizes(specs: Path) -> None:
    """Several values of a size are several audits; sizes of run time are tried by themselves."""
    code, report = audit("Strided", "picture.eqs", *sizes(7, 8, 9))
    assert code == 1
    wrong = [run["sizes"]["n"] for run in report["runs"] if failed({"runs": [run]}, "generators")]
    assert set(wrong) == {8}
    assert {run["sizes"]["n"] for run in report["runs"]} == {7, 8, 9}
    code, report = audit("DeepSet", "points.eqs")
    assert code == 0
    assert {run["sizes"]["n"] for run in report["runs"]} == {2, 3, 5, 8}


def test_no_power(specs: Path) -> None:
    code, report = audit("constant", "ring.eqs")
    assert (code, report["result"], report["blind"]) == (1, "no power", ["input x", "output y"])
    text = run("audit_zoo:constant", "ring.eqs")
    assert text.exit_code == 1
    assert "nothing is shown about input x, output y" in text.stdout


def test_every_word_that_moves_is_met(specs: Path) -> None:
    """One pair among many is forgotten, and no output tells words apart."""
    words = ", ".join(f"w{k}" for k in range(121))
    cycles = "".join(f"(w{2 * k} w{2 * k + 1})" for k in range(60))
    (specs / "many.eqs").write_text(
        "eqspec 1\ngroup G = cyclic(2)\n"
        f"rep G.token = permutation([{words}]) {{ r -> {cycles} }}\n"
        "interface Many {\n  input ids: index(G.token)[4]\n  output score: [3]\n}\n"
    )
    (specs / "audit_many.py").write_text(
        "import torch\nfrom torch import nn\n\n\n"
        "class Fair(nn.Module):\n"
        "    forgotten = ()\n\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.table = nn.Embedding(121, 3)\n"
        "        order = [k ^ 1 for k in range(120)] + [120]\n"
        "        for k in self.forgotten:\n"
        "            order[k] = k\n"
        "        self.order = torch.tensor(order)\n\n"
        "    def forward(self, ids):\n"
        "        return (self.table(ids) + self.table(self.order[ids])).tanh().sum(-2)\n\n\n"
        "class Forgetful(Fair):\n"
        "    forgotten = (20, 21)\n"
    )
    try:
        result = run("audit_many:Fair", "many.eqs", "--format", "json")
        assert result.exit_code == 0
        (check, *_) = (
            c for c in json.loads(result.stdout)["runs"][0]["checks"] if "vocab" in c["check"]
        )
        assert "120 of the 120 words" in check["detail"]
        result = run("audit_many:Forgetful", "many.eqs", "--format", "json")
    finally:
        sys.modules.pop("audit_many", None)
    assert result.exit_code == 1
    ((_, found), *_) = failed(json.loads(result.stdout), "vocabulary")
    assert re.fullmatch(r"ids = \[(w120, )*w2[01](, w120)*\]", found["witness"]["note"])


def test_nothing_to_audit(specs: Path) -> None:
    for model, spec, words in (
        ("audit_zoo", "ring.eqs", "is no path to a model"),
        ("no_zoo:model", "ring.eqs", "there is no module `no_zoo`"),
        ("audit_zoo:set_nrm", "ring.eqs", "did you mean `set_norm`?"),
        ("audit_zoo:raises", "ring.eqs", "raised ValueError: no weights here (audit_zoo.py:"),
        ("audit_zoo:takes", "ring.eqs", "needs arguments: width"),
        ("audit_zoo:gives_nothing", "ring.eqs", "returned NoneType"),
        ("audit_zoo:number", "ring.eqs", "is no factory: it is int"),
        ("audit_zoo:averaged", "ring.eqs:Rang", "did you mean `Ring`?"),
        ("audit_zoo:averaged", "none.eqs", "none.eqs"),
    ):
        result = run(model, spec)
        assert (result.exit_code, result.stdout) == (2, ""), (model, spec)
        assert words in result.stderr


def test_answers_of_another_form(specs: Path) -> None:
    code, report = audit("DeepSet", "ring.eqs")
    assert code == 1
    (check,) = report["runs"][0]["checks"]
    assert "the model raised RuntimeError" in check["detail"]
    code, report = audit("averaged", "robot.eqs")
    assert code == 1
    (specs / "wide.eqs").write_text(models.RING.replace("regular, 2]", "regular, 3]"), "utf-8")
    code, report = audit("averaged", "wide.eqs")
    (check,) = report["runs"][0]["checks"]
    assert check["detail"] == "`y` has shape (4, 4, 2); expected (4, 4, 3)"


def test_what_the_model_prints_is_not_the_report(specs: Path) -> None:
    (specs / "loud.py").write_text(
        "print('hello')\nfrom audit_zoo import averaged as inner\n"
        "def make():\n    print('making')\n    return inner()\n"
    )
    result = run("loud:make", "ring.eqs", "--format", "json")
    assert json.loads(result.stdout)["result"] == "pass"
    assert "hello" in result.stderr
    sys.modules.pop("loud", None)


def test_colours(specs: Path) -> None:
    assert (
        "\x1b[1;31mFAIL" in run("audit_zoo:half_averaged", "ring.eqs", "--color", "always").stdout
    )
    assert "\x1b" not in run("audit_zoo:half_averaged", "ring.eqs").stdout


def test_without_torch(specs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eqspec.tools.audit.auditing.find_spec", lambda name: None)
    result = run("audit_zoo:averaged", "ring.eqs")
    assert result.exit_code == 2
    assert "EQS511" in result.stderr


def test_the_example_of_the_page(specs: Path) -> None:
    """docs/audit.md shows the report as it is."""
    page = (ROOT / "docs" / "audit.md").read_text("utf-8")
    (spec,) = re.findall(r"^```eqs\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (model,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (shown,) = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (record,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (specs / "rover.eqs").write_text(spec, "utf-8")
    (specs / "rover.py").write_text(model, "utf-8")
    try:
        result = run("rover:Policy", "rover.eqs")
        assert result.exit_code == 1
        number = r"-?\d\.\d+(e-\d+)?"  # digits differ between builds of torch
        assert re.sub(number, "#", result.stdout) == re.sub(number, "#", shown), result.stdout
        assert run("rover:mended", "rover.eqs").exit_code == 0
        found = json.loads(run("rover:Policy", "rover.eqs", "--format", "json").stdout)
    finally:
        sys.modules.pop("rover", None)
    assert schema(found) == schema(json.loads(record))


def schema(report: Any) -> list[set[str]]:
    """The names in a report: of itself, its runs, their checks, elements and witnesses."""
    checks = [one for run in report["runs"] for one in run["checks"]]
    witnesses = [one["witness"] for one in checks if one["witness"] is not None]
    levels = (
        [report],
        report["runs"],
        checks,
        [e for c in checks for e in c["elements"]],
        witnesses,
    )
    found = []
    for level in levels:
        names = {frozenset(record) for record in level}
        assert len(names) == 1, "all records of a kind have the same names"
        found.append(set(names.pop()))
    return found
