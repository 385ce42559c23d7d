"""The Python interface: the same answers as the command line, as values and one exception."""

from __future__ import annotations

import dataclasses
import inspect
import json
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import eqspec
from eqspec.cli import main

ROOT = Path(__file__).resolve().parents[2]
TWO_VIEW = ROOT / "examples" / "two_view" / "two_view.eqs"
CARTPOLE = ROOT / "examples" / "cartpole" / "cartpole.eqs"
TEXT = """eqspec 1

param n = 2
group Rot = cyclic(4)

## A small one.
module Small {
  input x: [n, Rot.regular]
  base net: [n, 4] -> [3]
  output score: [1] = linear(x)     # forgets Rot
  output mean: [3] = equitune(net, x)
}
"""
WRONG = TEXT.replace("[1] = linear(x)", "[1] = realu(x)")
NORMS = """eqspec 1

group Rot = cyclic(4)
group O3 = orthogonal(3)

module Norms {
  input x: [4, Rot.rot90(6, 6)]
  input v: [2, O3.vector] + [3]
  input z: [3, 5]
  a: [4, Rot.rot90(6, 6)] = batch_norm(x)
  b = group_norm(a, groups=2)
  c = instance_norm(b, bias=false)
  d = layer_norm(c, affine=false)
  e = rms_norm(v, joint=true)
  f = rms_norm(v)
  g = layer_norm(z)
  output y: [4, Rot.rot90(6, 6)] = d + a
  output w: [2, O3.vector] + [3] = e + f
  output u: [3, 5] = g
}
"""
INTERFACE = """eqspec 1

group Flip = cyclic(2)

interface Only {
  input x: [Flip.sign, 3]
  output y: [Flip.sign]
}
"""
IDLE = TEXT.replace("group Rot", "group Idle = cyclic(3)\ngroup Rot")


def test_check_gives_values() -> None:
    checked = eqspec.check(TEXT)
    assert [module.name for module in checked] == ["Small"] and len(checked) == 1
    small = checked["Small"]
    assert (small.doc, small.is_interface) == ("A small one.", False)
    assert small.groups == (type(small.groups[0])("Rot", "cyclic(4)", 4),)
    (x,) = small.inputs
    assert (x.name, x.type, x.shape, x.factors) == ("x", "[2, Rot.regular]", (2, 4), ("Rot",))
    score, mean = small.outputs
    assert score.guarantees == {"Rot": "exact"} and mean.guarantee == "exact"
    assert small.bases[0].arguments == ("[2, 4]",) and small.bases[0].result == "[3]"
    assert eqspec.check(TEXT, sizes={"n": 5})["Small"].inputs[0].shape == (5, 4)
    assert str(checked) == (
        "Small: 3 free weights\n"
        "  x      [2, Rot.regular]\n"
        "  score  [1]               invariant under Rot, exactly\n"
        "  mean   [3]               invariant under Rot, exactly\n"
    )
    with pytest.raises(KeyError, match="did you mean `Small`"):
        checked["Smal"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        checked.path = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        score.guarantees["Rot"] = "approximate"  # type: ignore[index]


def test_answers_are_those_of_the_command_line() -> None:
    run = CliRunner().invoke
    checked = eqspec.check(CARTPOLE)
    told = run(main, ["explain", str(CARTPOLE), "logits", "--format", "json"])
    assert checked["CartPole"].explain("logits") == json.loads(told.output)
    told = run(main, ["cost", str(CARTPOLE), "--format", "json"])
    assert checked.cost() == json.loads(told.stdout)
    told = run(main, ["compile", str(CARTPOLE), "--emit", "module", "--stdout"])
    assert eqspec.compile(str(CARTPOLE), emit=["module"]).files["cartpole.py"] == told.stdout
    with pytest.raises(KeyError, match="no node `nothing`"):
        checked["CartPole"].explain("nothing")


def test_one_exception_for_everything_that_a_spec_can_do_wrong(tmp_path: Path) -> None:
    (tmp_path / "wrong.eqs").write_text(WRONG)
    (tmp_path / "bytes.eqs").write_bytes(b"eqspec 1\n\xff")
    (tmp_path / "torch.eqs").write_text(TEXT)
    for call in (eqspec.check, eqspec.compile, eqspec.load):
        for given, code in (
            (WRONG, "EQS214"),
            (tmp_path / "wrong.eqs", "EQS214"),
            (tmp_path / "missing.eqs", "EQS123"),
            (tmp_path / "bytes.eqs", "EQS120"),
            (tmp_path, "EQS123"),
            ("", "EQS123"),
            ("a\0b", "EQS123"),
            ("\n", "EQS109"),
            ('eqspec 1\nuse "other.eqs" as other\n', "EQS209"),
        ):
            with pytest.raises(eqspec.SpecError) as caught:
                call(given)
            error = caught.value
            assert error.codes[:1] == (code,), (call, given, error.codes)
            assert str(error).startswith(f"error[{code}]")
            assert str(pickle.loads(pickle.dumps(error))) == str(error)
    with pytest.raises(eqspec.SpecError, match="EQS504"):
        eqspec.load(tmp_path / "torch.eqs")
    with pytest.raises(ValueError, match="EQS214"):  # it is a ValueError
        eqspec.check(WRONG)
    (found,) = eqspec.diagnose(WRONG)
    assert (found.code, found.line, found.column, found.path) == ("EQS214", 10, 23, "<text>")
    assert "did you mean" in str(found).lower()
    assert eqspec.diagnose(TEXT) == ()
    assert [d.code for d in eqspec.check(IDLE).diagnostics] == ["EQS902"]


def test_wrong_arguments_are_type_errors() -> None:
    for given in (3, None, b"eqspec 1\n"):
        with pytest.raises(TypeError):
            eqspec.check(given)  # type: ignore[arg-type]
    for sizes in ({"n": 2.0}, {"n": True}, {3: 3}):
        with pytest.raises(TypeError):
            eqspec.check(TEXT, sizes=sizes)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'modle' cannot be emitted"):
        eqspec.compile(TEXT, emit=["modle"])
    with pytest.raises(TypeError, match="needs a folder"):
        eqspec.compile(TEXT).write()
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        eqspec.chekc  # noqa: B018
    with pytest.raises(eqspec.SpecError, match="nosuch"):
        eqspec.check(TEXT, sizes={"nosuch": 3})


def test_files_are_written_by_the_rules_of_compile(tmp_path: Path) -> None:
    spec = tmp_path / "small.eqs"
    spec.write_text(TEXT)
    compiled = eqspec.compile(spec)
    assert sorted(compiled.files) == ["small.py", "test_small.py"]
    assert list(tmp_path.glob("*.py")) == []  # in memory
    (tmp_path / "small.py").write_text("mine = 1\n")
    with pytest.raises(eqspec.SpecError, match="EQS502"):
        compiled.write()
    assert [path.name for path in tmp_path.glob("*.py")] == ["small.py"]
    assert len(compiled.write(force=True)) == 2
    assert compiled.write() == ()  # nothing changed
    result = CliRunner().invoke(main, ["compile", "--check", str(spec)])
    assert result.exit_code == 0, result.output
    (text,) = eqspec.compile(TEXT, emit="module", name="other").write(tmp_path / "new")
    assert text == tmp_path / "new" / "other.py"


def test_load_gives_classes(tmp_path: Path) -> None:
    loaded = eqspec.load(TWO_VIEW)
    assert list(loaded.classes) == ["TwoView"]
    model = loaded.TwoView()
    x, y = torch.randn(2, 8, 8), torch.randn(2, 8, 8)
    with torch.no_grad():
        first, second = model(x, y), model(x.rot90(1, (1, 2)), y.flip(2))
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)
    info = loaded.checked["TwoView"]
    assert sum(p.numel() for p in model.parameters()) == info.parameters
    again = eqspec.load(str(TWO_VIEW))
    assert again["TwoView"] is loaded.TwoView
    assert isinstance(pickle.loads(pickle.dumps(model)), loaded.TwoView)
    assert "def forward" in inspect.getsource(loaded.TwoView)
    assert "TwoView" in dir(loaded) and "TwoView" in repr(loaded)
    with pytest.raises(AttributeError, match="did you mean `TwoView`"):
        loaded.TwoVeiw  # noqa: B018
    with pytest.raises(AttributeError, match="is a value"):
        loaded.TwoView = None  # type: ignore[assignment]
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3))
    scaled = eqspec.load(TEXT, sizes={"n": 3}).Small(net)
    assert scaled(torch.randn(5, 3, 4)).mean.shape == (5, 3)


def test_parameters_are_counted_alike_by_checker_and_compiler() -> None:
    """What `explain` says of a node without solving anything, and what the compiled module has."""
    specs = ("cartpole", "go", "dipole", "graph_layer", "inertia", "sets_of_sets", "point_cloud")
    paths = [ROOT / "examples" / name / f"{name}.eqs" for name in specs]
    for spec in (*paths, NORMS):
        checked = eqspec.check(spec)
        for record in checked.cost()["modules"]:
            module = checked[record["module"]]
            assert module.parameters == record["total"]["parameters"], (spec, module.name)
            for node in record["nodes"]:
                told = module.explain(node["node"])
                if len(told["steps"]) == 1:
                    assert told["parameters"] == node["parameters"], (spec, node["node"])


def test_load_of_an_interface_gives_its_symmetry() -> None:
    loaded = eqspec.load(INTERFACE, name="only")
    assert dict(loaded.classes) == {} and loaded.symmetry is not None
    assert hasattr(loaded.symmetry, "only")
    assert eqspec.load(TEXT).symmetry is None


def test_names_of_modules_do_not_hide_what_loaded_specs_have() -> None:
    text = TEXT.replace("Small", "source")
    loaded = eqspec.load(text)
    assert isinstance(loaded.source, str)
    assert loaded["source"].__name__ == "source"


def test_notebooks_see_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = eqspec.load(TEXT)
    picture = loaded._repr_svg_()
    assert picture is not None and picture.startswith("<svg") and "score" in picture
    assert picture == eqspec.check(TEXT)._repr_svg_()
    assert (loaded.checked["Small"]._repr_svg_() or "").startswith("<svg")
    monkeypatch.setattr("eqspec.tools.pictures.notebook.MOST_FEATURES", 2)
    assert eqspec.check(TEXT)._repr_svg_() is None  # too large: the text stands in
    assert "_ipython_display_" not in dir(loaded) and not hasattr(loaded, "_repr_html_")


def test_threads_share_one_module() -> None:
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(eqspec.load(TEXT, name="shared").Small))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(map(id, found))) == 1


def test_import_is_light() -> None:
    code = (
        "import sys, eqspec\n"
        "before = set(sys.modules)\n"
        "assert 'lark' not in before and 'numpy' not in before, before\n"
        f"eqspec.check({TEXT!r})\n"
        "assert not {'numpy', 'torch', 'networkx', 'pydantic', 'jinja2'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_load_says_that_it_needs_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match="load needs torch"):
        eqspec.load(TEXT)


USER = """
from pathlib import Path
from typing import assert_type

import eqspec
from torch import nn

checked = eqspec.check(Path("x.eqs"), sizes={"n": 3})
assert_type(checked, eqspec.CheckedSpec)
for module in checked:
    assert_type(module.parameters, int)
    assert_type(module.outputs[0].guarantees["Rot"], str)
assert_type(eqspec.diagnose("x.eqs"), tuple[eqspec.Diagnostic, ...])
compiled = eqspec.compile("x.eqs", emit=["module"])
assert_type(compiled, eqspec.CompiledSpec)
assert_type(compiled.files["x.py"], str)
assert_type(compiled.write("out"), tuple[Path, ...])
model = eqspec.load("x.eqs").TwoView(nn.Linear(3, 4))
assert_type(model, nn.Module)
try:
    eqspec.check("x.eqs")
except eqspec.SpecError as error:
    assert_type(error.codes, tuple[str, ...])
eqspec.check(3)  # type: ignore[arg-type]
compiled.path = "y"  # type: ignore[misc]
"""


@pytest.mark.slow
def test_programs_of_users_are_typed(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(USER)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            "--follow-imports=silent",
            "user.py",
        ],
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
