"""Networks of convolutions outside of eager PyTorch: compiled, exported, folded, in ONNX Runtime; each is
still equivariant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.emit.counting import emitted  # noqa: E402
from tests.emit.test_fold import drawn, error  # noqa: E402

SPEC = """eqspec 1
group G = dihedral(4)
module Block(n) {
  input x: [n, G.regular, G.grid(5, 5)]
  h: [n, G.regular, G.grid(5, 5)] = relu(batch_norm(conv2d(x, kernel=3, padding=1)))
  output y: [n, G.regular, G.grid(5, 5)] = relu(x + conv2d(h, kernel=3, padding=1, padding_mode=circular))
}
module Net {
  input image: [3, G.grid(9, 9)]
  a: [2, G.regular, G.grid(5, 5)] = batch_norm(conv2d(image, kernel=3, padding=1, stride=2))
  b = Block(a, n=2)
  m: [2, G.regular, G.grid(9, 9)] = conv_transpose2d(b, kernel=3, stride=2, padding=1)
  output heat: [1, G.grid(9, 9)] = sigmoid(conv2d(m, kernel=3, padding=1))
  output scores: [4] = linear(pool(b, over=G))
}
"""


@pytest.fixture(scope="module")
def network() -> Any:
    return drawn(emitted(SPEC, "deployed").Net()).eval()


def check(run: Any, network: Any) -> None:
    """The outputs of the module, which turn and mirror with the image."""
    torch.manual_seed(0)
    x = torch.randn(3, 3, 9, 9)
    expected, found = network(x), run(x)
    assert error(found, expected) < 1e-5
    for move in (lambda y: torch.rot90(y, 1, (-2, -1)), lambda y: y.flip(-1)):
        heat, scores = run(move(x))
        assert error(heat, move(found[0])) < 1e-5 and error(scores, found[1]) < 1e-5
    assert float(found[1].detach().std(0).max()) > 1e-4, "the outputs tell pictures apart"


def exported(module: Any) -> Any:
    sizes = ({0: torch.export.Dim("batch", min=2)},)
    return torch.export.export(module, (torch.randn(2, 3, 9, 9),), dynamic_shapes=sizes).module()


def test_compiled_exported_and_folded(network: Any) -> None:
    check(network.fold(), network)
    check(torch.compile(network, fullgraph=True, backend="eager"), network)
    check(exported(network), network)


@pytest.mark.slow
def test_the_folded_network_compiled_and_exported(network: Any) -> None:
    folded = network.fold()
    check(torch.compile(folded, fullgraph=True, backend="eager"), network)
    check(exported(folded), network)


@pytest.mark.slow
def test_onnx(network: Any, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    sizes = ({0: torch.export.Dim("batch", min=2)},)
    for name, module in (("module", network), ("folded", network.fold())):
        file = tmp_path / f"{name}.onnx"
        program = torch.onnx.export(
            module,
            (torch.randn(2, 3, 9, 9),),
            dynamo=True,
            dynamic_shapes=sizes,
            verbose=False,
        )
        program.save(file)
        session = onnxruntime.InferenceSession(file)
        key = session.get_inputs()[0].name
        check(lambda x: [torch.from_numpy(y) for y in session.run(None, {key: x.numpy()})], network)  # noqa: B023
