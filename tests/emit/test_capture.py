"""Emitted modules by every way of lowering outside of eager PyTorch: compiled in one graph with the backward pass,
exported for one batch and for any, in ONNX Runtime, copied, pickled, saved, and on a device without numbers.

The examples and the gallery, every node by one way wherever it has it; what fails must be known.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.emit.capture import CHECKS, Subject, copies, failures, same  # noqa: E402
from tests.emit.lowerings import WAYS, emitted_by, specs  # noqa: E402

KNOWN = {
    # eigenvectors: their solver looks at a status, and ONNX has none
    ("point_cloud", "no host sync"),
    ("point_cloud", "ONNX"),
    ("point_cloud", "export, any batch"),
}
SMALL = """eqspec 1
group D = dihedral(4)
group S = symmetric(4)
group P = symmetric(9)
module Net {
  input x: [4, D.regular]
  input s: [3, S.natural]
  input v: [20, P.natural]
  h: [4, D.regular] = relu(linear(x))
  output y: [4, D.regular] = rms_norm(x + linear(h))
  output t: [2, S.natural] = linear(s)
  output w: [20, P.natural] = linear(v)
}
"""


def test_weights_and_copies_by_every_way(tmp_path: Path) -> None:
    """A checkpoint of one way loads into the others, with the same outputs and gradients to 1e-12."""
    made = {way: emitted_by("small", SMALL, way, tmp_path) for way in WAYS}
    assert all(each is not None for each in made.values())
    subjects = {way: Subject(e.tests, e.tests.CASES[-1]) for way, e in made.items() if e}
    reference = subjects["reference"]
    expected = [y.detach() for y in reference(reference.module)]
    wanted = [g.clone() for g in reference.gradients(reference.module)]
    for subject in subjects.values():
        subject.module.load_state_dict(reference.module.state_dict())
        same(subject(subject.module, reference.args), expected, 1e-12)
        subject.args = reference.args
        same(subject.gradients(subject.module), wanted, 1e-12)
        subject.module.zero_grad()
        copies(subject)


def test_what_captures_look_at_can_fail(tmp_path: Path) -> None:
    """A module that asks for a number fails where it must not ask."""
    made = emitted_by("small", SMALL, "reference", tmp_path)
    assert made is not None
    subject = Subject(made.tests, made.tests.CASES[-1])
    forward = type(subject.module).forward

    def asking(self: Any, x: Any, *rest: Any) -> Any:
        return forward(self, x if float(x.sum()) > 0 else x + 1, *rest)

    type(subject.module).forward = asking  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="item"):
        CHECKS["no host sync"](subject)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text"), list(specs()), ids=lambda value: value.split("\n")[0][:20]
)
def test_every_way(name: str, text: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    seen = 0
    for way in WAYS:
        made = emitted_by(name, text, way, tmp_path)
        if made is not None:
            seen += 1
            found = failures(made)
            assert {(name, check) for _, check in found} <= KNOWN, (way, found)
    assert seen
