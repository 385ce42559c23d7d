"""Take the network out of Python: compiled, exported, folded into plain layers, and as ONNX.

For each way: the largest difference of the scores from those of the module itself, by how much the
scores change when the pictures are turned and mirrored, and the time for a picture.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from resnet18 import ResNet18

Run = Callable[[Tensor], Tensor]


def made(seed: int = 0) -> ResNet18:
    """A network in evaluation mode; its batch norms have seen some pictures."""
    torch.manual_seed(seed)
    network = ResNet18()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(8, 3, 33, 33))
    return network.eval()


def exported(network: nn.Module, x: Tensor) -> Run:
    batch = torch.export.Dim("batch", min=2)
    program = torch.export.export(network, (x,), dynamic_shapes=({0: batch},))
    run: Run = program.module()
    return run


def onnx(network: nn.Module, x: Tensor) -> Run | None:
    """The network in ONNX Runtime; None if that is not installed."""
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  # the exporter needs it
    except ImportError:
        return None
    batch = torch.export.Dim("batch", min=2)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "resnet18.onnx")
        program = torch.onnx.export(
            network, (x,), dynamo=True, dynamic_shapes=({0: batch},), verbose=False
        )
        assert program is not None
        program.save(file)
        session = onnxruntime.InferenceSession(file)
    name = session.get_inputs()[0].name

    def run(x: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {name: x.numpy()})[0])

    return run


def moved(x: Tensor) -> list[Tensor]:
    """The eight pictures that are equal to x for the network."""
    turned = [torch.rot90(x, k, (-2, -1)) for k in range(4)]
    return [*turned, *(y.flip(-1) for y in turned)]


def seconds(run: Run, x: Tensor) -> float:
    run(x)
    start = time.perf_counter()
    run(x)
    return (time.perf_counter() - start) / len(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compile", metavar="BACKEND", default="inductor")
    options = parser.parse_args()
    network = made()
    x = torch.randn(4, 3, 33, 33)
    plain = network.fold()
    ways: dict[str, Run | None] = {
        "module": network,
        "torch.compile": torch.compile(
            network, fullgraph=True, backend=options.compile
        ),
        "torch.export": exported(network, x),
        "fold()": plain,
        "ONNX": onnx(network, x),
        "fold() as ONNX": onnx(plain, x),
    }
    with torch.no_grad():
        expected = network(x)
        size = expected.abs().max()
        print(f"{'way':16} {'difference':>12} {'equivariance':>12} {'ms':>8}")
        for name, run in ways.items():
            if run is None:
                print(f"{name:16} needs onnxruntime and onnxscript")
                continue
            scores = run(x)
            difference = float((scores - expected).abs().max() / size)
            errors = [float((run(y) - scores).abs().max() / size) for y in moved(x)]
            ms = 1e3 * seconds(run, x)
            print(f"{name:16} {difference:12.1e} {max(errors):12.1e} {ms:8.2f}")


if __name__ == "__main__":
    main()
