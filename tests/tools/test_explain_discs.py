"""`explain` and `cost` of discs: no pixels are taken for a representation."""

from __future__ import annotations

from pathlib import Path

import pytest

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source
from eqspec.tools.audit.auditing import Options, run_audit
from eqspec.tools.derivation import derivation

SPEC = """eqspec 1
group G = cyclic(8)
module M {
  input x: [1, G.disc(9, 9)]
  a: [2, G.regular, G.disc(9, 9)] = relu(steerable_conv2d(x, kernel=5, padding=2))
  b = avg_pool2d(a, kernel=3, stride=2, padding=1)
  output y: [2] = pool(relu(b), over=G)
  output z: [3, G.regular, G.disc(5, 5)] = steerable_conv2d(b, b, kernel=3, padding=same)
  ensure y approximately invariant under G
  ensure z approximately equivariant under G
}
"""


def test_every_node_is_explained() -> None:
    spec = check_source(Source("spec.eqs", SPEC)).spec
    assert spec is not None
    module = spec.module("M")
    told = {node.name: derivation(module, node) for node in module.nodes}
    (edge,) = told["a"]["edges"]
    assert edge["dimension"] == 22 and edge["solved"]
    assert [cluster["dimension"] for cluster in edge["clusters"]] == [11]
    first, second = told["z"]["edges"]
    assert first["dimension"] == second["dimension"] == 2 * 3 * 32
    assert told["b"]["edges"][0]["dimension"] is None
    assert all(record["guarantee"] == "approximate" for record in told.values())


def test_an_audit_under_a_disc_is_not_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "spec.eqs"
    path.write_text(
        "eqspec 1\ngroup G = cyclic(8)\ninterface I {\n  input x: [G.disc(9, 9)]\n  output y: [3]\n}\n"
    )
    assert run_audit("torch:nn", str(path), [], Options(), "text", False) == 2
    assert "EQS210" in capsys.readouterr().err
