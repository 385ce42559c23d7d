"""`eqspec diff`: files, revisions, formats, exit codes, weights."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import torch
from click.testing import CliRunner, Result

import eqspec
from eqspec.cli import main
from eqspec.tools.api.calls import proved
from eqspec.tools.diff.changes import Verdict
from eqspec.tools.diff.printing import code, markdown, prose, text
from eqspec.tools.diff.signature import signature_changes
from eqspec.tools.diff.weights import compiled

ROOT = Path(__file__).resolve().parents[2]
OLD = """eqspec 1

param n = 4
group Rot = cyclic(4)
group Flip = cyclic(2)

module Part {
  input x: [n, Rot.regular]
  output y: [Rot.regular] = batch_norm(linear(x))
}

module Pair {
  input x: [n, Rot.regular]
  input side: [Flip.sign, 3]
  base net: [n, 4] -> [3]
  p = Part(x)
  h: [n, Rot.regular] = relu(linear(x, side))
  output score: [3] = equitune(net, x)
  output turn: [Rot.regular] = linear(h, p)
  ensure score invariant under Rot
}
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["diff", *arguments])


def verdict(new: str, old: str = OLD) -> eqspec.SpecDiff:
    return eqspec.diff(old, new)


def test_a_spec_against_itself_and_in_other_words() -> None:
    same = verdict(OLD)
    assert same.verdict is Verdict.SAME and not same.breaks
    assert [module.state.kind for module in same.modules if module.state] == ["same", "same"]
    # other names, a comment, another order of declarations: the same promises, weights and code
    other = (
        OLD.replace("Rot", "Turn")
        .replace("Flip", "Mirror")
        .replace("module P", "## Words.\nmodule P")
    )
    told = verdict(other)
    assert told.verdict is Verdict.SAME
    (_, pair) = told.modules
    assert pair.state is not None and pair.state.kind == "same"
    assert [f.by for f in pair.outputs[0].factors] == ["Turn", "Mirror"]


def test_what_breaks_callers() -> None:
    for change, expected in (
        (("input side: [Flip.sign, 3]", "input side: [Flip.sign, 3, 1]"), "was [Flip.sign, 3]"),
        (("input side", "input extra: [2]\n  input side"), "input `extra` is new"),
        (("turn: [Rot.regular]", "other: [Rot.regular]"), "output `turn` is gone"),
        (("base net: [n, 4] -> [3]", "base net: [4 * n] -> [3]"), "called with other tensors"),
        (("base net", "base more: [n, 4] -> [3]\n  base net"), "takes a network more"),
        (("module Pair", "module Couple"), "the module is gone"),
        (("score: [3]", "score: [3, 1]"), "was [3] and is [3, 1]"),
    ):
        assert change[0] in OLD
        new = OLD.replace(*change)
        if "score: [3, 1]" in new:
            new = new.replace("-> [3]", "-> [3, 1]")
        if "base more" in new:
            new = new.replace("equitune(net, x)", "equitune(net, x) + equitune(more, x)")
        if "other: [" in new or "extra" in new:
            new = (
                new.replace("linear(x, side)", "linear(x, side, extra)") if "extra" in new else new
            )
        told = eqspec.diff(OLD, new, weights=False)
        texts = [remark.text for module in told.modules for remark in module.remarks]
        assert any(expected in text for text in texts), (change, texts)
        assert told.verdict is Verdict.BROKEN and told.breaks


def test_claims_of_networks_and_ensures() -> None:
    """Specs cannot make such claims yet; the layer graph can hold them."""
    spec = proved(OLD, None).result.spec
    assert spec is not None
    pair = spec.module("Pair")
    (base,) = pair.bases
    claimed = replace(pair, bases=(replace(base, signature=(pair.inputs[0].type,)),))
    (remark,) = signature_changes(pair, claimed)
    assert remark.verdict is Verdict.WEAKER and "respects Rot itself" in remark.text
    (remark,) = signature_changes(claimed, pair)
    assert remark.verdict is Verdict.STRONGER
    assert signature_changes(claimed, claimed) == []
    silent = OLD.replace("  ensure score invariant under Rot\n", "")
    told = eqspec.diff(OLD, silent, weights=False)
    assert told.verdict is Verdict.SAME  # it holds still
    assert "no `ensure` demands any more" in told.modules[1].remarks[0].text


def test_state_dicts_are_those_of_torch() -> None:
    """Names and shapes that are compared are those that the modules have; what "loads" does load."""
    for given in (OLD, ROOT / "examples" / "dipole" / "dipole.eqs"):
        spec = proved(given, None).result.spec
        assert spec is not None
        side, refused = compiled(spec)
        assert side is not None and not refused
        loaded = eqspec.load(given)
        for key, state in side.states.items():
            bases = [torch.nn.Identity() for _ in loaded.checked[key].bases]
            built = loaded[key](*bases).state_dict()
            assert {k: tuple(v.shape) for k, v in built.items()} == dict(state)


def test_weights_that_load_and_mean_something_else() -> None:
    told = verdict(OLD.replace("relu(linear(x, side))", "elu(linear(x, side))"))
    assert told.verdict is Verdict.SAME
    state = told.modules[1].state
    assert state is not None and state.kind == "differs"
    inside = verdict(OLD.replace("batch_norm(linear(x))", "batch_norm(linear(x), eps=0.01)"))
    assert [m.state.kind for m in inside.modules if m.state] == ["differs", "differs"]
    wide = verdict(OLD.replace("h: [n,", "h: [7,"))
    state = wide.modules[1].state
    assert state is not None and state.kind == "incompatible"
    assert "h_weight" in " ".join(state.reshaped)
    numbers = {n.name: n for n in wide.modules[1].numbers}
    assert numbers["parameters"].old == eqspec.check(OLD)["Pair"].parameters
    assert numbers["base_calls"].old == numbers["base_calls"].new == 4


def test_formats_and_exit_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    weaker = OLD.replace(
        "input x: [n, Rot.regular]\n  input side: [Flip.sign, 3]",
        "input x: [n, Rot.regular]\n  input side: [1, 3]",
    )
    for name, spec in (("old", OLD), ("weaker", weaker), ("wrong", "eqspec 1\nmodule")):
        (tmp_path / f"{name}.eqs").write_text(spec)
    assert run("old.eqs", "old.eqs", "--promises-only").exit_code == 0
    told = run("old.eqs", "weaker.eqs")
    assert told.exit_code == 1
    assert "- lost  Flip = cyclic(2)" in told.stdout and "state_dict" in told.stdout
    assert "Weaker: not every promise is kept. (" in told.stderr
    assert run("old.eqs", "weaker.eqs", "--promises-only", "--allow-weaker").exit_code == 0
    assert run("weaker.eqs", "old.eqs", "--promises-only").exit_code == 0
    short = run("old.eqs", "weaker.eqs", "--promises-only")
    assert short.exit_code == 1 and "state_dict" not in short.stdout
    record = json.loads(run("old.eqs", "weaker.eqs", "--output-format", "json").stdout)
    assert record == eqspec.diff("old.eqs", "weaker.eqs").to_dict()
    assert (record["schema"], record["verdict"]) == (1, "weaker")
    schema = json.loads((ROOT / "docs" / "schemas" / "diff.json").read_text(encoding="utf-8"))
    jsonschema.validate(record, schema)
    broken = OLD.replace("turn: [Rot", "other: [Rot").replace(
        "module Part", "interface Part_2 {\n  output y: [n]\n}\n\nmodule Part"
    )
    jsonschema.validate(eqspec.diff(OLD, broken).to_dict(), schema)
    lines = run(
        "old.eqs", "weaker.eqs", "--promises-only", "--output-format", "github"
    ).stdout.splitlines()
    assert lines and all(line.startswith("::error file=weaker.eqs,line=") for line in lines)
    told = run("old.eqs", "weaker.eqs", "--promises-only", "--output-format", "markdown")
    assert "| lost | `score` | `Flip = cyclic(2)` | invariant, exactly |" in told.stdout
    assert run("old.eqs", "missing.eqs").exit_code == 2
    wrong = run("old.eqs", "wrong.eqs")
    assert wrong.exit_code == 1 and "error[EQS" in wrong.stderr and wrong.stdout == ""
    assert run("old.eqs", "old.eqs", "--promises-only", "--set", "n=3").exit_code == 0


WORDS = """eqspec 1

group G = cyclic(2)

module M {
  input ids: index(6)[9]
  input jds: index(700)[9]
  input x: [9]
  input g: [G.regular]
  base net: index(6)[9] -> [4]
  z: [4] = equitune(net, ids)
  output y: [4] = linear(z, x, g)
}
"""


@pytest.mark.parametrize(("kind", "given"), [("[9]", "x"), ("index(700)[9]", "jds")])
def test_a_network_that_is_called_with_other_words(kind: str, given: str) -> None:
    """An `nn.Embedding` takes whole numbers, and has a row for each word."""
    assert eqspec.diff(WORDS, WORDS, weights=False).verdict is Verdict.SAME
    other = WORDS.replace("net: index(6)[9]", f"net: {kind}").replace("net, ids", f"net, {given}")
    for pair in ((WORDS, other), (other, WORDS)):
        told = eqspec.diff(*pair, weights=False)
        assert told.verdict is Verdict.BROKEN
        (remark,) = told.modules[0].remarks
        assert remark.text == "the network `net` is called with other tensors"


FIELDS = """eqspec 1

group G = cyclic(2)
rep G.state = signed_permutation([x, v]) { r -> (x -x)(v -v) }

module M {
  input s: [flat { pos: [2, G.regular], vel: [2, G.regular] }]
  input t: [G.state, 3]
  base net: [flat { one: [2], two: [2] }] -> [flat { logits: [2], value: [2] }]
  base mean: [flat { one: [2], two: [2] }] -> [4]
  p: [flat { one: [2], two: [2] }] = linear(s)
  q: [4] = equitune(mean, p)
  output y: [flat { logits: [2], value: [2] }] = equitune(net, p)
  output w: [3] = linear(q, t, s)
}
"""


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        # other places, other names, other sizes
        ("pos: [2, G.regular], vel", "vel: [2, G.regular], pos", "input `s`"),
        ("pos:", "place:", "input `s`"),
        ("pos: [2, G.regular], vel: [2,", "pos: [1, G.regular], vel: [3,", "input `s`"),
        ("[x, v]", "[v, x]", "input `t`"),
        ("logits: [2], value", "value: [2], logits", "output `y`"),
        ("one: [2], two", "two: [2], one", "argument 1 of the network `mean`"),
        ("value", "worth", "the result of the network `net`"),
    ],
)
def test_entries_that_are_called_otherwise(old: str, new: str, where: str) -> None:
    """The group acts as before and the shapes are the same; what callers read there is not."""
    assert eqspec.diff(FIELDS, FIELDS).verdict is Verdict.SAME
    assert old in FIELDS
    for pair in ((FIELDS, FIELDS.replace(old, new)), (FIELDS.replace(old, new), FIELDS)):
        told = eqspec.diff(*pair)
        assert told.verdict is Verdict.BROKEN and told.breaks
        (module,) = told.modules
        assert any(
            r.verdict is Verdict.BROKEN and r.text.startswith(f"the entries of {where} were ")
            for r in module.remarks
        ), module.remarks
        assert module.state is not None and module.state.kind == "differs"
        assert all(output.verdict is Verdict.SAME for output in module.outputs)


def test_entries_that_only_one_spec_names() -> None:
    named = "eqspec 1\ngroup G = cyclic(2)\nrep G.two = permutation([a, b]) { r -> (a b) }\n"
    old = named + "interface I {\n  input x: [G.two]\n}\n"
    plain, flat = (
        old.replace("[G.two]", "[G.regular]"),
        old.replace("[G.two]", "flat { p: [G.two] }"),
    )
    assert eqspec.diff(old, flat).verdict is Verdict.BROKEN
    told = eqspec.diff(old, plain)
    assert told.verdict is Verdict.UNDECIDED and told.breaks
    assert "had names and have none" in told.modules[0].remarks[0].text
    told = eqspec.diff(plain, flat)
    assert told.verdict is Verdict.UNDECIDED
    assert "had no names and have some" in told.modules[0].remarks[0].text


UNDECIDED = """eqspec 1

group S = special_euclidean(3)
group C = cyclic(2)

module M {
  input x: [S.vector]
  input p: [S.point]
  output y: [S.point] = p + linear(x)
}

module N {
  input c: [C.regular]
  output y: [1] = linear(c)
}
"""


def test_only_what_is_weaker_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    other = UNDECIDED.replace("special_euclidean", "euclidean")
    weaker = UNDECIDED.replace("[C.regular]", "[2]")
    both = other.replace("[C.regular]", "[2]")
    for name, spec in (("old", UNDECIDED), ("other", other), ("weaker", weaker), ("both", both)):
        (tmp_path / f"{name}.eqs").write_text(spec)
    for name, expected, status in (
        ("other", Verdict.UNDECIDED, 1),
        ("weaker", Verdict.WEAKER, 0),
        ("both", Verdict.WEAKER, 1),  # the undecided promise counts beside the weaker one
    ):
        assert eqspec.diff("old.eqs", f"{name}.eqs", weights=False).verdict is expected
        given = ("old.eqs", f"{name}.eqs", "--promises-only")
        assert run(*given).exit_code == 1
        assert run(*given, "--allow-weaker").exit_code == status
    marked = run(*given, "--allow-weaker", "--output-format", "github").stdout.splitlines()
    kinds = {line.split(" ")[0] + line.split("title=")[1][:6] for line in marked}
    assert kinds == {"::errorEQS533", "::warningEQS531"}


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_revisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the files that a spec uses, from any folder, and with nothing of the repository run."""
    specs = tmp_path / "my specs"
    specs.mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.eqspec.set]\nn = 3\n")
    (specs / "groups.eqs").write_text("eqspec 1\n\ngroup Rot = cyclic(4)\n")
    text = (
        'eqspec 1\n\nuse "groups.eqs" as g\nparam n = 4\n\nmodule M {\n'
        "  input x: [n, g.Rot.regular]\n  output y: [1] = linear(x)\n}\n"
    )
    (specs / "used.eqs").write_text(text)
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / ".gitattributes").write_text("*.eqs filter=evil diff=evil\n")
    for key in ("filter.evil.smudge", "filter.evil.clean", "diff.evil.textconv", "core.fsmonitor"):
        git(tmp_path, "config", key, f"touch {tmp_path}/ran; cat")
    os.environ.pop("GIT_DIR", None)
    git(tmp_path, "-c", "filter.evil.clean=", "-c", "core.fsmonitor=", "add", ".")
    git(tmp_path, "-c", "core.fsmonitor=", "commit", "-qm", "first")
    (tmp_path / "ran").unlink(missing_ok=True)
    (specs / "groups.eqs").write_text("eqspec 1\n\ngroup Rot = klein()\n")
    monkeypatch.chdir(specs)
    for arguments in (
        ("used.eqs",),
        ("HEAD:./used.eqs", "used.eqs"),
        ("main:my specs/used.eqs", "used.eqs"),
    ):
        told = run(*arguments)
        assert told.exit_code == 1, told.stderr
        assert "[3, 4]" not in told.stdout and "cyclic(4)" in told.stdout, told.stdout
    assert run("HEAD:./used.eqs", "main:my specs/used.eqs").exit_code == 0
    monkeypatch.chdir(tmp_path)
    assert run("my specs/used.eqs").exit_code == 1
    for wrong, reason in (
        ("nowhere:my specs/used.eqs", "there is no revision"),
        ("HEAD:used.eqs", "has no spec"),
        ("HEAD:../used.eqs", "has no spec"),
        ("HEAD:pyproject.toml", "has no spec"),
        ("--output=x:used.eqs", "No such option"),
        ("-x:used.eqs", "No such option"),
    ):
        told = run(wrong, "my specs/used.eqs")
        assert told.exit_code in (1, 2) and reason in told.stderr, (wrong, told.stderr)
    with pytest.raises(eqspec.SpecError, match="begin with a dash"):
        eqspec.diff("-x:used.eqs", "my specs/used.eqs")
    assert not (tmp_path / "ran").exists()
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    monkeypatch.chdir(outside)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(outside.parent))
    told = run("HEAD:x.eqs", "y.eqs")
    assert told.exit_code == 2 and "EQS530" in told.stderr
    monkeypatch.setenv("PATH", "")
    assert "git is not installed" in run("HEAD:x.eqs", "y.eqs").stderr


def test_markdown_is_never_markup() -> None:
    assert code("a | b") == "`a \\| b`"
    assert code("`x` ``y``") == "``` `x` ``y`` ```"
    assert prose("<img src=x> [a](b) @you | `c` # 1 *d*") == (
        "\\<img src=x\\> \\[a\\]\\(b\\) \\@you \\| \\`c\\` \\# 1 \\*d\\*"
    )
    hostile = OLD.replace("module Pair", "module Pair_x")
    hostile_name = "a|b`<script>\x1b[31m.eqs"
    told = eqspec.diff(OLD, hostile, weights=False)
    shown = replace(told, old=hostile_name)
    assert "\x1b" not in markdown(shown) + text(shown, color=False)


def test_a_promise_about_what_is_inside_is_not_lost_in_silence() -> None:
    old = OLD.replace("  ensure score invariant under Rot\n", "  ensure h equivariant under Rot\n")
    assert old != OLD
    told = eqspec.diff(old, old.replace("  ensure h equivariant under Rot\n", ""), weights=False)
    assert told.verdict is Verdict.WEAKER
