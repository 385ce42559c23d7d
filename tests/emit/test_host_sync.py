"""Emitted modules only launch: no operation waits for numbers of the device, none makes or moves a tensor on
the host. So a step can be recorded as a CUDA graph. Checked on the device `meta`, which has no numbers."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.emit.counting import emitted  # noqa: E402
from tests.emit.host_sync import host_syncs, on_meta  # noqa: E402

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
KNOWN = {"PointCloud": ["_linalg_eigh checks a status"]}  # frames by eigenvectors
GROUPS = """eqspec 1
group D = dihedral(4)
group A = cyclic(3)
group Turns = subgroup(D, r)
"""
MODES = ("evaluation", "training", "backward")
STRATEGIES = {  # and the operation that must read numbers
    "lambda_equitune(net, score, x)": "",
    "equizero(net, x, by=entropy)": "",
    "equizero(net, x, by=margin)": "",
    "equizero(net, x, by=score)": "",
    "multi_equitune(net, x)": "",
    "multi_equizero(net, x, by=entropy)": "",
    "coset(net, x, average=Turns)": "",
    "coset(net, x, average=Turns, ties=average)": "nonzero",
}


def single(value: Any) -> Any:
    """Arguments in single precision."""
    if isinstance(value, torch.Tensor):
        return value.float() if value.is_floating_point() else value
    return tuple(single(part) for part in value)


def passes(module: Any, args: Any, masks: Any) -> dict[str, list[str]]:
    found = {}
    for mode in MODES:
        module.train(mode != "evaluation")
        found[mode] = host_syncs(module, on_meta(args), on_meta(masks), mode == "backward")
    return found


FEW = ("two_view", "point_cloud", "sets_of_sets", "scattering", "dipole")


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_examples(every: bool) -> None:
    count = 0
    for file in sorted(EXAMPLES.glob("*/test_*.py")):
        if file.stem.endswith("_symmetry") or not (every or file.parent.name in FEW):
            continue
        spec = importlib.util.spec_from_file_location(f"host_sync_{file.stem}", file)
        assert spec is not None and spec.loader is not None
        tests = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = tests
        spec.loader.exec_module(tests)
        for case in tests.CASES[:2]:
            x = (tests.drawn if hasattr(tests, "drawn") else tests.draw)(case, 3)
            masks = tests.masks(case, x) if hasattr(tests, "masks") else {}
            args = single(tuple(tests.arguments(case, x)))
            module = tests.build(case).float().to("meta")
            for mode, found in passes(module, args, masks).items():
                assert found == KNOWN.get(case.name, []), (file.stem, case.name, mode)
            count += 1
    assert count > (20 if every else 4)


@pytest.mark.slow
def test_strategies() -> None:
    """Choosing a coset with ties averaged calls the base as often as there are ties, and must know."""

    class Net(torch.nn.Module):
        def __init__(self, *shape: int) -> None:
            super().__init__()
            self.shape = shape
            self.layer = torch.nn.Linear(48, int(torch.Size(shape).numel()))

        def forward(self, x: Any) -> Any:
            return self.layer(x.flatten(1)).reshape(-1, *self.shape)

    for call, expected in STRATEGIES.items():
        score = "  base score: [2, 8, 3] -> [1]\n" if "score" in call else ""
        code = emitted(
            f"{GROUPS}module M {{\n  input x: [2, D.regular, A.regular]\n{score}"
            f"  base net: [2, 8, 3] -> [2, 8, 3]\n"
            f"  output y: [2, D.regular, A.regular] = {call}\n}}\n"
        )
        nets = {"net": Net(2, 8, 3), "score": Net(1)}
        order = ["score", "net"] if score else ["net"]
        module = code.M(*(nets[name] for name in order), call_bytes=1000).to("meta")
        args = (torch.randn(5, 2, 8, 3),)
        if expected:  # a size that depends on numbers: no tensor of `meta` can have it
            with pytest.raises(NotImplementedError, match=expected):
                passes(module, args, {})
            continue
        assert passes(module, args, {}) == {mode: [] for mode in MODES}, call


def test_the_watch_sees() -> None:
    """Numbers read, masks as indices, sizes that depend on numbers, tensors made on the host."""

    class Bad(torch.nn.Module):
        def __init__(self, how: Any) -> None:
            super().__init__()
            self.how = how

        def forward(self, x: Any) -> Any:
            return self.how(x)

    for how in (
        lambda x: x * float(x.sum()),
        lambda x: x if bool((x > 0).all()) else -x,
        lambda x: x[x > 0],
        lambda x: x + torch.arange(4).sum(),
        lambda x: torch.unique(x),
        lambda x: x.nonzero(),
        lambda x: x.cpu(),
    ):
        try:
            found = host_syncs(Bad(how), (torch.zeros(4, device="meta"),), {}, False)
        except (NotImplementedError, RuntimeError):
            continue
        assert found
