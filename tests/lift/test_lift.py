"""Networks become specs: the same layers, at sizes that work, with the weights of the group.

A lifted module is compiled, its full weights are put into the network that was lifted, and both are run:
so the spec says the layers, options and order of the network. It is also turned: so it has the symmetry.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from lift_networks import (
    Block,
    Denoiser,
    Functions,
    ResNet,
    Twice,
    circle,
    classifier,
    reads,
    volume,
    wide,
)
from torch import Tensor, nn

import eqspec
from eqspec.cli import main
from eqspec.diagnostics.model import Severity, Source
from eqspec.ops import OPS
from eqspec.pipeline import check_source, compile_spec
from eqspec.tools.lift.lifting import lifted
from eqspec.tools.lift.model import LiftError


def compiled(text: str, emit: tuple[str, ...] = ("module",)) -> dict[str, str]:
    result = check_source(Source("net.eqs", text))
    assert [d.message for d in result.diagnostics if d.severity is Severity.ERROR] == []
    done = compile_spec(result, "net", "net.eqs", list(emit))
    return {file.name: file.text for file in done.files}


def emitted(text: str) -> Any:
    """The one module of a spec, with every parameter and statistic drawn at random."""
    module = ModuleType("net")
    exec(compile(compiled(text)["net.py"], "net.py", "exec"), module.__dict__)
    name = re.findall(r"^module (\w+)", text, re.MULTILINE)[0]
    made = getattr(module, name)().double().eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn_like(parameter) / 4 + 0.1)
        for key, buffer in made.named_buffers():
            if "running" in key:
                buffer.copy_(torch.rand_like(buffer) + 0.5)
    return made


def transplant(made: Any, model: nn.Module, order: int) -> nn.Module:
    """The network with the full weights of its lifted form."""
    weights = made._weights()._asdict()

    def full(stem: str, kind: str) -> Tensor:
        for key in (f"{stem}_conv2d_{kind}", f"{stem}_{kind}"):
            if key in weights:
                return weights[key]
        reduced = getattr(made, f"{stem}_{kind}").detach()  # acts on sums over the group
        return reduced if kind == "bias" else reduced.repeat_interleave(order, dim=1)

    model = model.double().eval()
    stem = ""
    for path, layer in model.named_modules():
        name = re.sub(r"\W", "_", path)
        name = f"layer_{name}" if name[:1].isdigit() else name
        with torch.no_grad():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                stem = name
                layer.weight.copy_(full(stem, "weight").reshape(layer.weight.shape))
                if layer.bias is not None:
                    layer.bias.copy_(full(stem, "bias").reshape(layer.bias.shape))
            elif isinstance(layer, nn.BatchNorm2d):
                state = made.state_dict()
                for key in ("weight", "bias", "running_mean", "running_var"):
                    names = (f"{stem}_batch_norm_{key}", f"{stem}_{key}")
                    value = next(state[name] for name in names if name in state)
                    getattr(layer, key).copy_(value.flatten().repeat_interleave(order))
    return model


@pytest.mark.parametrize(
    ("make", "group", "order", "size"),
    [
        (classifier, "dihedral(4)", 8, 12),
        (classifier, "cyclic(4)", 4, 16),
        (lambda: ResNet(stages=2), "dihedral(4)", 8, 33),
    ],
    ids=["classifier-D4", "classifier-C4", "resnet-D4"],
)
def test_a_lifted_network_is_the_network_with_the_weights_of_the_group(
    make: Callable[[], nn.Module], group: str, order: int, size: int
) -> None:
    torch.manual_seed(1)
    model = make()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    text = eqspec.lift(model, (3, size, size), group)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert model.training
    made = emitted(text)
    network = transplant(made, model, order)
    x = torch.randn(2, 3, size, size, dtype=torch.float64)
    y = made(x)
    assert y.std() > 1e-3
    assert torch.allclose(network(x), y, rtol=1e-9, atol=1e-9)
    for moved in (torch.rot90(x, 1, (-2, -1)), x.transpose(-2, -1) if order == 8 else x):
        assert torch.allclose(made(moved), y, rtol=1e-9, atol=1e-9)
    free = sum(p.numel() for p in made.parameters())
    assert free < 2 / order * sum(p.numel() for p in model.parameters())


def test_the_spec_of_a_residual_network_reads_as_one_writes_it() -> None:
    text = eqspec.lift(
        nn.Sequential(Block(8, 16, 2), nn.Conv2d(16, 1, 1)), (8, 15, 15), "dihedral(4)"
    )
    assert (
        text
        == """\
eqspec 1

# Sequential, for an input of 8 x 15 x 15, lifted to dihedral(4): a starting point.
# Channels are fields with one entry for each element of the group: as many channels, fewer weights.
# Those of the input and of the last layer stay as they are.
group D4 = dihedral(4)

module Net {
  input x: [8, D4.grid(15, 15)]
  layer_0_conv1: [2, D4.regular, D4.grid(8, 8)]
    = relu(batch_norm(conv2d(x, kernel=3, stride=2, padding=1, bias=false)))
  layer_0_conv2: [2, D4.regular, D4.grid(8, 8)]
    = batch_norm(conv2d(layer_0_conv1, kernel=3, padding=1, bias=false))
  layer_0_downsample_0: [2, D4.regular, D4.grid(8, 8)]
    = batch_norm(conv2d(x, kernel=1, stride=2, bias=false))
  layer_0: [2, D4.regular, D4.grid(8, 8)] = relu(layer_0_conv2 + layer_0_downsample_0)
  output layer_1: [1, D4.grid(8, 8)] = conv2d(layer_0, kernel=1)
}
"""
    )


def test_sizes_that_break_the_symmetry_are_changed_and_said() -> None:
    made = lifted(ResNet(), (3, 224, 224), "dihedral(4)")
    assert made.diagnostics == ()
    assert (
        "# - With 224 x 224, the windows of `conv1` (Conv2d) do not lie symmetrically on 224 x 224."
        " This is written for 225 x 225. 193 x 193, 257 x 257, 161 x 161 work too." in made.text
    )
    for size in (225, 193, 257, 161):
        again = lifted(ResNet(), (3, size, size), "dihedral(4)")
        assert again.diagnostics == ()
        assert "With" not in again.text
    flat = lifted(wide(), (3, 32, 14), "klein()")  # each dimension by itself
    assert flat.diagnostics == ()
    assert "written for 33 x 14. 31 x 14" in flat.text
    never = nn.Sequential(nn.ConvTranspose2d(3, 8, 3, 2, 1, output_padding=1))
    refused = lifted(never, (3, 8, 8), "dihedral(4)")
    assert [fault.code for fault in refused.diagnostics] == ["EQS461"]
    assert "No size near it works" in refused.text
    assert "`eqspec check` refuses this: EQS461" in refused.text


def test_other_networks_pass_the_check() -> None:
    for make, shape, group, action, lines in (
        (Functions, (3, 16, 16), "dihedral(4)", None, ["groups=2", "padding_mode=reflect"]),
        (Functions, (3, 16, 16), "cyclic(2)", "hflip", ["C2.hflip(16, 16)", "groups=4"]),
        (Denoiser, (2, 9, 9), "cyclic(4)", None, ["input x: [2, C4", "conv_transpose2d(down"]),
        (reads, (4, 50), "cyclic(2)", None, ["C2.reverse(25)", "output layer_6: [1] = linear("]),
        (volume, (1, 8, 8, 8), "octahedral()", None, ["O.grid(9, 9, 9)", "by=max"]),
        (circle, (2, 12), "cyclic(12)", "shift", ["layer_0: [12, C12.shift(12)]"]),
        (Twice, (8, 8, 8), "dihedral(4)", None, ["weights of their own", "mix_2: [8, D4.grid"]),
        (
            *(Twice, (8, 8, 8), "matrices(2) generated by f = [[0, 1], [1, 0]]", None),
            ["G.grid(8, 8)"],
        ),
    ):
        made = lifted(make(), shape, group, action)
        assert made.diagnostics == (), made.text
        for line in lines:
            assert line in made.text, made.text
    drops = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Dropout2d(0.2), nn.ReLU(), nn.Conv2d(8, 2, 1))
    made = lifted(drops, (3, 9, 9), "dihedral(4)")
    assert made.diagnostics == ()
    written = "relu(dropout(conv2d(x, kernel=3), p=0.2))"
    assert (written if "dropout" in OPS else "`1` (Dropout2d) is left out") in made.text
    text = lifted(Functions(), (3, 16, 16), "dihedral(4)").text
    assert "20 channels are no multiple of 8, the order of dihedral(4); here they are 16." in text
    assert "4 groups of channels are 2 groups of fields here" in text


class Branch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class Pair(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class Joined(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x], 1)


class Broadcast(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + x.mean((2, 3), keepdim=True)


PICTURE = (3, 9, 9)


@pytest.mark.parametrize(
    ("model", "shape", "group", "code", "words"),
    [
        (nn.Sequential(nn.LSTM(9, 8)), PICTURE, "klein()", "EQS616", "`0` (LSTM)"),
        (nn.Sequential(nn.PixelShuffle(1)), PICTURE, "klein()", "EQS616", "`0` (PixelShuffle)"),
        (nn.Sequential(nn.Linear(9, 4)), PICTURE, "klein()", "EQS616", "2 dimensions of positions"),
        (nn.Sequential(nn.GELU("tanh")), PICTURE, "klein()", "EQS616", "approximate=tanh"),
        (nn.Sequential(nn.Flatten(2)), PICTURE, "klein()", "EQS616", "another range"),
        (
            *(nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False)), PICTURE, "klein()"),
            *("EQS616", "track_running_stats"),
        ),
        (
            *(nn.Sequential(nn.MaxPool2d(2, return_indices=True)), PICTURE, "klein()"),
            *("EQS616", "return_indices"),
        ),
        (Own(), PICTURE, "klein()", "EQS616", "reads `scale`"),
        (Joined(), PICTURE, "klein()", "EQS616", "calls `cat`"),
        (Broadcast(), PICTURE, "klein()", "EQS616", "no sum of two tensors of one shape"),
        (Branch(), PICTURE, "klein()", "EQS615", "cannot be traced"),
        (Pair(), PICTURE, "klein()", "EQS616", "several inputs"),
        (classifier(), (4, 9, 9), "klein()", "EQS615", "`0` raised RuntimeError"),
        (classifier(), (3,), "klein()", "EQS615", "no shape of one sample"),
        (lambda x: x, PICTURE, "klein()", "EQS615", "not function"),
        (classifier(), PICTURE, "dihedral(5)", "EQS617", "no action on a grid"),
        (classifier(), (3, 9, 12), "dihedral(4)", "EQS617", "not square"),
        (classifier(), PICTURE, "cyclic(2)", "EQS617", "several ways"),
        (classifier(), PICTURE, "monster()", "EQS617", "unknown group"),
        (classifier(), PICTURE, "klein() }", "EQS617", ""),
        (classifier(), PICTURE, "klein()\nmodule X {}", "EQS617", "one line"),
        (classifier(), PICTURE, "symmetric(3)", "EQS617", "no action on a grid"),
        (reads(), (4, 50), "cyclic(3)", "EQS617", "has order 2"),
    ],
)
def test_what_cannot_be_lifted_is_refused(
    model: Any, shape: tuple[int, ...], group: str, code: str, words: str
) -> None:
    with pytest.raises(LiftError) as found:
        lifted(model, shape, group)
    assert found.value.code == code
    assert words in found.value.message


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(__file__).with_name("lift_networks.py").read_text("utf-8")
    (tmp_path / "own_networks.py").write_text(source + "never = nn.LSTM\n", "utf-8")
    monkeypatch.chdir(tmp_path)

    def run(model: str, *more: str) -> Any:
        words = ["lift", f"own_networks:{model}", *more]
        return CliRunner().invoke(main, words, catch_exceptions=False)

    group = ("--group", "dihedral(4)")
    done = run("classifier", "--input", "3,12,12", *group, "-o", "net.eqs")
    assert done.exit_code == 0, done.output
    text = (tmp_path / "net.eqs").read_text("utf-8")
    assert text == eqspec.lift(classifier(), (3, 12, 12), "dihedral(4)")
    assert run("classifier", "--input", "3,12,12", *group).stdout == text
    again = run("classifier", "--input", "3, 12, 12", *group, "-o", "net.eqs")
    assert again.exit_code == 2
    assert "--force" in again.stderr
    for model, arguments, code, words in (
        ("wide", ("--input", "3,32,14", *group), 2, "EQS617"),
        ("wide", ("--input", "3,x", *group), 2, "no shape"),
        ("missing", ("--input", "3,9,9", *group), 2, "EQS610"),
        ("never", ("--input", "3,9,9", *group), 2, "EQS611"),
        ("torch", ("--input", "3,9,9", *group), 2, "EQS611"),
        ("circle", ("--input", "2,12", "--group", "cyclic(2)"), 0, ""),
        ("circle", ("--input", "2,12", "--group", "cyclic(4)", "--action", "turn"), 2, "EQS617"),
    ):
        found = run(model, *arguments)
        assert found.exit_code == code, (model, found.output)
        assert words in found.stderr


@pytest.mark.slow
def test_the_emitted_tests_of_lifted_networks_pass(tmp_path: Path) -> None:
    for name, model, shape, group, action in (
        ("functions", Functions(), (3, 16, 16), "dihedral(4)", None),
        ("denoiser", Denoiser(), (2, 9, 9), "cyclic(4)", None),
        ("reads", reads(), (4, 50), "cyclic(2)", None),
        ("volume", volume(), (1, 9, 9, 9), "octahedral()", None),
        ("circle", circle(), (2, 12), "cyclic(12)", "shift"),
        ("resnet", ResNet(stages=2, blocks=1), (3, 33, 33), "dihedral(4)", None),
    ):
        text = lifted(model, shape, group, action).text
        result = check_source(Source(f"{name}.eqs", text))
        done = compile_spec(result, name, f"{name}.eqs", ["module", "tests"])
        for file in done.files:
            (tmp_path / file.name).write_text(file.text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout[-4000:]
