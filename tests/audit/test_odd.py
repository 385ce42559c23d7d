"""Models of unusual form are audited; faults that hide are found; random averages pass."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from eqspec.cli import main
from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source, compile_spec
from eqspec.tools.audit.elements import elements_of, text_of
from eqspec.tools.audit.model import Subject
from eqspec.tools.audit.runs import audited

ODD = Path(__file__).with_name("odd.py")


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "audit_odd.py").write_text(ODD.read_text("utf-8"), "utf-8")
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("audit_odd", None)
    sys.path.insert(0, str(tmp_path))
    import audit_odd  # type: ignore[import-not-found]

    for name, text in audit_odd.SPECS.items():
        (tmp_path / f"{name}.eqs").write_text(text, "utf-8")
    yield tmp_path
    sys.path.remove(str(tmp_path))
    sys.modules.pop("audit_odd", None)


def audit(model: str, spec: str, *arguments: str) -> tuple[int, Any]:
    words = ["audit", f"audit_odd:{model}", f"{spec}.eqs", "--format", "json", *arguments]
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


def checks(report: Any, number: int = 0) -> dict[str, Any]:
    return {check["check"]: check for check in report["runs"][number]["checks"]}


@pytest.mark.filterwarnings("ignore")
def test_unusual_models_pass(odd: Path) -> None:
    for model, spec in (
        ("Pair", "pair"),
        ("mapping", "pair"),
        ("brief", "vector"),
        ("scripted", "vector"),
        ("function", "vector"),
        ("Short", "vector"),
        ("Normaliser", "vector"),
        ("Scores", "scores"),
    ):
        code, report = audit(model, spec)
        assert (code, report["result"]) == (0, "pass"), (model, report)
    _, report = audit("Short", "vector")
    assert "coarsely" in checks(report)["own dtype"]["detail"]
    assert checks(report)["generators"]["bound"] == pytest.approx(2**-11.5)
    _, report = audit("brief", "vector")
    assert report["dtype"] == "bfloat16"
    assert checks(report)["own dtype"]["verdict"] == "pass"


def test_a_model_that_cannot_be_copied_is_made_again(odd: Path) -> None:
    code, report = audit("Stiff", "vector")
    assert (code, len(report["runs"])) == (0, 2)


def test_faults_that_hide(odd: Path) -> None:
    for model, spec, check, words in (
        ("Clipped", "vector", "scales", "inputs ten times as large: not equivariant"),
        ("Slightly", "vector", "generators", "not equivariant"),
        ("ShortAndWrong", "vector", "generators", "not equivariant"),
        ("Remembering", "vector", "determinism", "different answers"),
        ("Unfolding", "vector", "inputs", "changes the shape of its input `v` to (1, 4, 4, 3)"),
        ("Cancelling", "vector", "own dtype", "in float32 `w` keeps less than half of its digits"),
        ("Counting", "vector", "inputs", "changes its state `seen`"),
        ("Logarithm", "vector", "shapes", "is nan"),
        ("wrong_form", "boost", "generators", "not equivariant under `L.b`, in `q`"),
    ):
        code, report = audit(model, spec)
        assert code == 1
        found = checks(report)[check]
        assert found["verdict"] == "fail", (model, report)
        assert words in found["detail"]
        before = [one for name, one in checks(report).items() if name != check]
        if model not in ("Slightly", "Remembering"):
            assert "fail" not in {one["verdict"] for one in before}, model


def test_generators_that_stretch_too_much_are_not_passed_over(odd: Path) -> None:
    text = "eqspec 1\ngroup L = lorentz(1, 1)\ninterface Far {\n"
    text += "  input v: [4, L.tensor(12, 0)]\n  output w: [4, L.tensor(12, 0)]\n}\n"
    (odd / "far.eqs").write_text(text, "utf-8")
    code, report = audit("same", "far", "--as-given")
    assert (code, report["blind"]) == (1, ["generator L.b"])
    assert not [c for c in checks(report).values() if c["verdict"] == "fail"]


def test_one_layer_at_fault_is_guessed(odd: Path) -> None:
    import audit_odd

    for spec, model, check, layer in audit_odd.LAYERS:
        code, report = audit(model, spec)
        assert code == bool(check), (model, report)
        if check:  # with random parameters every fault shows
            found = checks(report, 1)[check]
            assert found["verdict"] == "fail", (model, report)
            assert found["witness"]["layer"] == layer, (model, found)


def test_a_model_that_refuses_moved_inputs(odd: Path) -> None:
    code, report = audit("Picky", "vector", "--seed", "7")
    assert code == 1
    detail = checks(report)["generators"]["detail"]
    assert re.match(r"inputs moved by `O3\.\w`: the model raised ValueError", detail)


def test_what_shows_nothing_is_said(odd: Path) -> None:
    code, report = audit("Tiny", "vector")
    assert (code, report["result"]) == (1, "no power")
    assert "output w" in report["blind"]
    code, report = audit("Boost", "boost")
    assert (code, report["blind"]) == (1, ["output parity"])


def test_weights_are_drawn_anew_where_they_silence_an_output(odd: Path) -> None:
    for seed in "567":  # whose first draw is silent
        _, report = audit("Silent", "vector", "--seed", seed)
        assert checks(report, 1)["power"]["verdict"] == "pass"


def test_buffers_on_which_the_symmetry_depends(odd: Path) -> None:
    _, report = audit("Normaliser", "vector")
    check = checks(report, 1)["buffers"]
    assert check["verdict"] == "measured"
    assert "`mean`" in check["detail"]
    assert "`scale`" not in check["detail"]


def test_the_same_seed_gives_the_same_report(odd: Path) -> None:
    first, second = audit("Vectors", "vector"), audit("Vectors", "vector")
    assert first == second
    other = audit("Vectors", "vector", "--seed", "6")
    assert [c["error"] for c in checks(other[1]).values()] != [
        c["error"] for c in checks(first[1]).values()
    ]


def test_an_element_of_every_component() -> None:
    text = "eqspec 1\ngroup L = lorentz(1, 3)\ninterface X { input p: [L.vector]  output q: [L.vector] }\n"
    spec = check_source(Source("x.eqs", text)).spec
    assert spec is not None
    found = elements_of(spec.modules[0], np.random.default_rng(0))
    # the generators t and m lie in two components; their product lies in the fourth
    assert [text_of(spec.modules[0], word) for word in found.components] == ["L.t L.m"]
    assert len(found.words) == 8
    text = text.replace("lorentz(1, 3)", "orthogonal(3)")
    spec = check_source(Source("x.eqs", text)).spec
    assert spec is not None
    assert elements_of(spec.modules[0], np.random.default_rng(0)).components == ()


# ---- averages of random networks ------------------------------------------------------------------

GROUPS = {
    "cyclic(4)": ["regular", "rot90(3, 3)", "sign"],
    "dihedral(3)": ["regular", "natural"],
    "symmetric(3)": ["natural", "tensor(2)", "sign"],
    "quaternion": ["regular"],
    "klein": ["grid(2, 3)", "regular"],
    "cyclic(2)": ["sign", "hflip(2, 3)", "regular"],
}


def random_spec(rng: np.random.Generator) -> str:
    """Two groups, inputs and outputs of one or two blocks of up to two acted axes."""
    names = list(GROUPS)
    chosen = [names[int(k)] for k in rng.choice(len(names), size=2, replace=False)]

    def block() -> str:
        axes = [
            f"{'AB'[k]}.{rng.choice(GROUPS[chosen[k]])}"
            for k in sorted(rng.choice(2, size=int(rng.integers(1, 3)), replace=False))
        ]
        axes += ["2"] * int(rng.integers(2))
        return f"[{', '.join(str(axis) for axis in rng.permutation(axes))}]"

    def type_() -> str:
        return " + ".join(block() for _ in range(int(rng.integers(1, 3))))

    lines = ["eqspec 1", f"group A = {chosen[0]}", f"group B = {chosen[1]}", "interface X {"]
    lines += [f"  input x{k}: {type_()}" for k in range(int(rng.integers(1, 3)))]
    lines += ["  input a: [A.regular]", "  input b: [B.regular]"]
    lines += [f"  output y{k}: {type_()}" for k in range(int(rng.integers(1, 3)))]
    return "\n".join([*lines, "}", ""])


def blocks(x: Any) -> Sequence[Tensor]:
    return [x] if isinstance(x, Tensor) else x


def averaging(symmetry: Any, spec: Any, leave: int | None) -> Callable[..., Any]:
    """The mean over the group of a random network, by the emitted symmetry functions; without the
    element of number ``leave``."""
    rng = torch.Generator().manual_seed(0)
    size = sum(f.type.size for f in spec.inputs)
    first = torch.randn(size, 6, generator=rng, dtype=torch.float64) / size**0.5
    last = {
        f.name: [torch.randn(6, b.size, generator=rng, dtype=torch.float64) for b in f.type.blocks]
        for f in spec.outputs
    }

    def network(*xs: Any) -> Any:
        flat = torch.cat([b.flatten(1) for x in xs for b in blocks(x)], 1)
        hidden = torch.tanh(flat @ first.to(flat) + 0.3)
        made = []
        for f in spec.outputs:
            ys = [
                (hidden @ w.to(flat)).reshape(-1, *b.shape)
                for w, b in zip(last[f.name], f.type.blocks, strict=True)
            ]
            made.append(ys[0] if len(ys) == 1 else tuple(ys))
        return made[0] if len(made) == 1 else tuple(made)

    def model(*xs: Any) -> Any:
        total: list[list[Tensor]] = []
        for number, element in enumerate(symmetry.group()):
            if number == leave:
                continue
            answer = network(
                *(symmetry.act(f.name, x, element) for f, x in zip(spec.inputs, xs, strict=True))
            )
            answers = [answer] if len(spec.outputs) == 1 else answer
            back = symmetry.inverse(element)
            ys = [
                list(blocks(symmetry.act(f.name, y, back)))
                for f, y in zip(spec.outputs, answers, strict=True)
            ]
            total = (
                [[a + b for a, b in zip(t, y, strict=True)] for t, y in zip(total, ys, strict=True)]
                if total
                else ys
            )
        made = [t[0] if len(t) == 1 else tuple(t) for t in total]
        return made[0] if len(made) == 1 else tuple(made)

    return model


def test_averages_pass_and_incomplete_ones_fail() -> None:
    """Random groups, representations and types. The emitted symmetry functions average; the audit
    acts by other code. An average that lacks one element is not equivariant."""
    rng = np.random.default_rng(3)
    done = caught = 0
    while done < 6:
        text = random_spec(rng)
        checked = check_source(Source("x.eqs", text))
        if not checked.ok or checked.spec is None:
            continue
        spec = checked.spec.modules[0]
        (file, *_) = compile_spec(checked, "x", "x.eqs", ["actions"]).files
        namespace: dict[str, Any] = {"__name__": f"audit_random_{done}"}
        sys.modules[namespace["__name__"]] = type(sys)(namespace["__name__"])
        exec(compile(file.text, "x_symmetry.py", "exec"), namespace)
        del sys.modules[namespace["__name__"]]
        done += 1
        for leave in (None, 1):
            model = averaging(namespace["x"], spec, leave)
            (run,) = audited(Subject("x", model, lambda: None), spec, {}, 2, done)
            found = {check.name: check for check in run.checks}
            verdict = found["generators"].verdict
            blind = {name for name in run.blind if name.startswith("output")}
            if leave is None:
                assert not run.failed, (text, run)
            elif len(blind) < len(spec.outputs):
                assert verdict == "fail", (text, run)
                caught += 1
    assert caught >= 5


# ---- hostile ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
def test_nothing_makes_an_audit_fall_over(odd: Path) -> None:
    """Whatever a model does, the audit ends in a report or a message, never in a fault of eqspec."""
    (odd / "audit_hostile.py").write_text(ODD.with_name("hostile.py").read_text("utf-8"), "utf-8")
    import audit_hostile  # type: ignore[import-not-found]

    try:
        for name in audit_hostile.NAMES:
            words = ["audit", f"audit_hostile:{name}", "vector.eqs"]
            result = CliRunner().invoke(main, words, catch_exceptions=False)
            assert result.exit_code in (0, 1, 2), name
            assert "EQS599" not in result.output, (name, result.output)
            assert "Traceback" not in result.output, name
            assert bool(result.stdout) == (result.exit_code < 2), (name, result.output)
    finally:
        sys.modules.pop("audit_hostile", None)
    for path in (
        "./audit_odd.py:Vectors",
        ".audit_odd:Vectors",
        "audit_odd:",
        ":x",
        "a\0b:c",
        "é:é",
    ):
        result = CliRunner().invoke(main, ["audit", path, "vector.eqs"], catch_exceptions=False)
        assert (result.exit_code, result.stdout) == (2, ""), path
        assert "EQS610" in result.stderr
