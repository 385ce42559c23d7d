"""Networks with shortcuts: a U-net of residual blocks, and labels that are exchanged with the sides of a
picture. They compile from specs as a user writes them, fold, and pass their emitted tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tests.emit.counting import emitted  # noqa: E402

SPECS = Path(__file__).parents[1] / "corpus" / "specs"


def text(name: str) -> str:
    return (SPECS / name).read_text(encoding="utf-8")


def test_a_u_net_turns_its_mask_and_keeps_its_score() -> None:
    """Under the eight symmetries in torch's own words; the folded network has the same outputs."""
    net = emitted(text("21_unet.eqs"), "unet").UNet().double()
    torch.manual_seed(0)
    for tensor in (*net.parameters(), *net.buffers()):
        if tensor.is_floating_point():
            torch.nn.init.uniform_(tensor, 0.2, 0.6)
    x = torch.randn(2, 3, 17, 17, dtype=torch.float64)
    mask, score = net.eval()(x)
    folded = net.fold()(x)
    for moved, back in (
        (x.rot90(1, (-2, -1)), lambda y: y.rot90(-1, (-2, -1))),
        (x.flip(-1), lambda y: y.flip(-1)),
    ):
        other_mask, other_score = net(moved)
        assert torch.allclose(back(other_mask), mask, atol=1e-9 * float(mask.detach().abs().max()))
        assert torch.allclose(other_score, score, rtol=1e-9)
    assert all(torch.allclose(p, q, rtol=1e-9) for p, q in zip(folded, (mask, score), strict=True))
    assert float(mask.detach().std()) > 0 and not torch.allclose(score, net(x * 2)[1])


def test_sides_are_exchanged_with_the_picture() -> None:
    net = emitted(text("22_sides.eqs"), "sides").Organs().double().eval()
    x = torch.randn(2, 1, 16, 17, dtype=torch.float64)
    labels, sides = net(x)
    mirrored, others = net(x.flip(-1))
    order = [0, 1, 3, 2]  # the kidneys
    assert torch.allclose(mirrored, labels[:, order].flip(-1), atol=1e-12)
    assert torch.allclose(others, sides[:, order], atol=1e-12)
    assert float((labels[:, 2] - labels[:, 3]).detach().abs().max()) > 1e-3, "not one label twice"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["21_unet.eqs", "22_sides.eqs"])
def test_its_own_tests_pass(tmp_path: Path, name: str) -> None:
    spec = tmp_path / "net.eqs"
    spec.write_text(text(name), encoding="utf-8")
    command = [sys.executable, "-m", "eqspec", "compile", str(spec)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "skipped" not in done.stdout.splitlines()[-1]
