"""What the programs share: emitted modules, rounds of several modules, and what captures a module."""

from __future__ import annotations

import copy
import importlib.util
import io
import json
import logging
import os
import pickle
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.measure import Effort, Rounds, side_by_side

Contestant = tuple[nn.Module, Tensor, Tensor]
"""A module, its input, and a gradient of its output."""


class Job:
    """``rows`` are filled by the program; `finish` prints them."""

    def __init__(self) -> None:
        warnings.filterwarnings("ignore")
        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.folder = Path(sys.argv[1])
        self.options: dict[str, Any] = json.loads((self.folder / "job.json").read_text())
        self.effort = Effort(**self.options["effort"])
        self.rows: list[dict[str, Any]] = []
        self.captured: dict[str, dict[str, str]] = {}

    def ours(self, name: str, *bases: nn.Module) -> nn.Module:
        """The class `Layer` of an emitted file."""
        path = self.folder / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"ours_{name}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        layer: nn.Module = module.Layer(*bases)
        return layer

    def row(
        self,
        what: str,
        batch: int,
        build: Callable[[], nn.Module],
        **contestants: Contestant | None,
    ) -> None:
        """Times of all contestants; ``build`` makes the peer's layer once more, for the time it takes."""
        there = {name: given for name, given in contestants.items() if given is not None}
        start = time.process_time()
        build()
        built = time.process_time() - start
        self.rows.append(
            {"what": what, "batch": batch, "built": built, "times": compare(there, self.effort)}
        )

    def finish(self) -> None:
        print(json.dumps({"rows": self.rows, "captured": self.captured}))


def compare(contestants: Mapping[str, Contestant], effort: Effort) -> dict[str, Rounds]:
    """Rounds in evaluation (no gradients), and of a step: forward and backward, to weights and input."""
    found = {}
    for module, _, _ in contestants.values():
        module.eval()
    with torch.no_grad():
        found["eval"] = side_by_side(
            {name: _call(module, x) for name, (module, x, _) in contestants.items()}, effort
        )
    for module, _, _ in contestants.values():
        module.train()
    found["step"] = side_by_side(
        {name: step(*contestant) for name, contestant in contestants.items()}, effort
    )
    return found


def _call(module: nn.Module, x: Tensor) -> Callable[[], None]:
    def run() -> None:
        module(x)

    return run


def step(module: nn.Module, x: Tensor, gradient: Tensor) -> Callable[[], None]:
    """Forward and backward to the weights and to the input, as inside of a network."""
    x = x.clone().requires_grad_()
    wanted = [x, *(p for p in module.parameters() if p.requires_grad)]

    def run() -> None:
        torch.autograd.grad(module(x), wanted, gradient, allow_unused=True)

    return run


# ---- capture ----


def capture(make: Callable[[], nn.Module], x: Tensor) -> dict[str, str]:
    """What a module survives: "yes", or the kind of the error. Every way gets a module of its own."""
    return {name: _attempt(way, make, x) for name, way in WAYS.items()}


def _attempt(
    way: Callable[[nn.Module, Tensor], Tensor], make: Callable[[], nn.Module], x: Tensor
) -> str:
    torch._dynamo.reset()
    logging.disable(logging.WARNING)
    torch.manual_seed(0)
    quiet = open(os.devnull, "w")  # noqa: SIM115 - exporters are loud
    before, sys.stdout, sys.stderr = (sys.stdout, sys.stderr), quiet, quiet
    try:
        module = make()
        module(x)  # in training: statistics, where there are any
        found = way(module, x).detach()
        with torch.no_grad():
            wanted = module.eval()(x)
        tolerance = 1e-4 * max(1.0, float(wanted.abs().max()))
        return "yes" if torch.allclose(found, wanted, atol=tolerance) else "other numbers"
    except Exception as error:
        return f"no: {type(error).__name__}"
    finally:
        sys.stdout, sys.stderr = before
        quiet.close()
        logging.disable(logging.NOTSET)


def _compile(module: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = torch.compile(module.eval(), fullgraph=True, backend="aot_eager")(x)
    return result


def _compile_training(module: nn.Module, x: Tensor) -> Tensor:
    module.train()
    y = torch.compile(module, fullgraph=True, backend="aot_eager")(x.clone().requires_grad_())
    y.square().sum().backward()
    assert any(p.grad is not None for p in module.parameters())
    result: Tensor = module.eval()(x)
    return result


def _export(module: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = torch.export.export(module.eval(), (x,)).module()(x)
    return result


def _export_dynamic(module: nn.Module, x: Tensor) -> Tensor:
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(module.eval(), (x,), dynamic_shapes=({0: batch},))
    longer = torch.cat([x, x])
    result: Tensor = program.module()(longer)[: len(x)]
    return result


def _onnx(module: nn.Module, x: Tensor) -> Tensor:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "layer.onnx"))
        torch.onnx.export(module.eval(), (x,), path, dynamo=True, verbose=False)
        result: Tensor = module(x)
        return result


def _pickle(module: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = pickle.loads(pickle.dumps(module)).eval()(x)
    return result


def _deepcopy(module: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = copy.deepcopy(module).eval()(x)
    return result


def _state(module: nn.Module, x: Tensor) -> Tensor:
    """Saved, all numbers put to 0 and loaded again, with the safe loader."""
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    with torch.no_grad():
        for p in module.parameters():
            p.zero_()
    buffer.seek(0)
    module.load_state_dict(torch.load(buffer, weights_only=True))
    assert any(bool(p.any()) for p in module.parameters())
    result: Tensor = module.eval()(x)
    return result


WAYS: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "compile": _compile,
    "compile, backward": _compile_training,
    "export": _export,
    "export, any batch": _export_dynamic,
    "ONNX": _onnx,
    "pickle": _pickle,
    "deepcopy": _deepcopy,
    "state_dict": _state,
}
