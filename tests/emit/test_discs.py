"""Discs through the compiler: emitted modules and their tests, and what these measure.

Every spec is compiled, its files are clean for ruff and mypy, and its tests pass: exact where pixels go to
pixels, and far better than kernels without ties elsewhere.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source, compile_spec

CYCLIC = """eqspec 1
group G = cyclic(8)
module M {
  input x: [1, G.disc(9, 9)]
  a: [2, G.regular, G.disc(9, 9)] = relu(steerable_conv2d(x, kernel=5, padding=2))
  b: [2, G.regular, G.disc(5, 5)] = relu(batch_norm(steerable_conv2d(a, kernel=3, stride=2, padding=1)))
  output y: [3, G.disc(5, 5)] = steerable_conv2d(b, kernel=3, padding=same)
  output scores: [4] = linear(pool(avg_pool2d(b, kernel=3, stride=2, padding=1), over=G))
  ensure y approximately equivariant under G
  ensure scores approximately invariant under G
}
"""
MIRRORED = """eqspec 1
group D = dihedral(6)
group H = subgroup(D, s)
module M {
  input x: [D.disc(10, 10)] + [2, D.sign, D.disc(10, 10)]
  a: [D.regular, 2, D.disc(5, 5)] + [D.quotient(H), D.disc(5, 5)] = relu(
    steerable_conv2d(x, kernel=4, stride=2, padding=1))
  output y: [3, D.disc(5, 5)] = steerable_conv2d(a, kernel=3, padding=same)
  ensure y approximately equivariant under D
}
"""
ODD = """eqspec 1
group T = cyclic(3)
group S = symmetric(3)
module Inner {
  input x: [2, T.regular, T.disc(11, 11)]
  output y: [1, T.regular, T.disc(11, 11)] = steerable_conv2d(x, kernel=3, padding=same)
  ensure y approximately equivariant under T
}
module M {
  input x: [1, T.regular, T.disc(11, 11)]
  input w: [S.natural]
  a: [2, T.regular, T.disc(11, 11)] = tanh(steerable_conv2d(x, x, kernel=5, padding=same))
  output y: [1, T.regular, T.disc(11, 11)] = Inner(a)
  output v: [S.natural] = relu(linear(w))
  ensure y approximately equivariant under T
}
"""
CONTINUOUS = """eqspec 1
group R = {}
module M {{
  input x: [1, R.disc(11, 11)]
  a: [2, R.irrep(1), R.disc(11, 11)] + [2, R.disc(11, 11)] = norm_relu(
    steerable_conv2d(x, kernel=7, padding=same))
  output y: [R.tensor(2, 0), R.disc(11, 11)] = steerable_conv2d(a, kernel=5, padding=same, frequencies=4)
  ensure y approximately equivariant under R
}}
"""
SPECS = {
    "cyclic": CYCLIC,
    "mirrored": MIRRORED,
    "odd": ODD,
    "rotations": CONTINUOUS.format("special_orthogonal(2)"),
    "orthogonal": CONTINUOUS.format("orthogonal(2)"),
}
WORST = {"cyclic": 0.5, "mirrored": 0.3, "odd": 0.3, "rotations": 0.3, "orthogonal": 0.3}
"""Relative errors that these specs stay below, with the weights that their tests draw."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
def test_emitted_files_are_clean_and_their_tests_pass(name: str, tmp_path: Path) -> None:
    made = compile_spec(check_source(Source(f"{name}.eqs", SPECS[name])), name, f"{name}.eqs")
    assert len(made.files) == 2, [d.message for d in made.diagnostics]
    for file in made.files:
        (tmp_path / file.name).write_text(file.text, encoding="utf-8")
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy", "--strict"]):
        ran = subprocess.run(
            [sys.executable, "-m", *command, "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "."]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-4000:]
    tied = re.findall(r"(\w+): relative error ([\d.e-]+) under", ran.stdout)
    loose = re.findall(r"(\w+), kernels without ties: ([\d.e-]+) under", ran.stdout)
    assert tied and [module for module, _ in tied] == [module for module, _ in loose]
    for (_, error), (_, control) in zip(tied, loose, strict=True):
        assert float(error) < WORST[name] < float(control)


def test_a_program_with_a_disc_is_validated_where_pixels_go_to_pixels() -> None:
    """Validation sees the quarter turns of cyclic(8): a bank whose phases are wrong is a fault of the
    compiler."""
    import eqspec.ops.steerablelowering as lowering
    from eqspec.algebra.steerable import Pattern, patterns

    def wrong(*args: object) -> tuple[Pattern, ...]:
        found = patterns(*args)  # type: ignore[arg-type]
        return tuple(
            Pattern(
                p.frequency, p.circle, tuple((r, c, t + (r == 1), a) for r, c, t, a in p.entries)
            )
            for p in found
        )

    checked = check_source(Source("spec.eqs", CYCLIC))
    assert compile_spec(checked, "spec", "spec.eqs", emit=["module"]).files
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lowering, "patterns", wrong)
        made = compile_spec(checked, "spec", "spec.eqs", emit=["module"])
    assert [d.code for d in made.diagnostics if d.code != "EQS905"] == ["EQS506"]
