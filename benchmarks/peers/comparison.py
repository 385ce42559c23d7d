"""The section `peers`: cold imports, layers side by side, and what can capture whose layers."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.basis import Case, factors, generators
from benchmarks.goals import record
from benchmarks.measure import Effort, Rounds, median, processes, quartiles, ratio
from benchmarks.peers.environments import (
    NOT_PACKAGED,
    PEERS,
    ROOT,
    Environment,
    cache_folder,
    environment,
    last_error,
)
from benchmarks.peers.inside.common import WAYS, capture
from benchmarks.specs import emitted, emitted_text
from benchmarks.tables import Table

LIMIT = 400  # seconds for the program of a peer


@dataclass(frozen=True)
class Program:
    """A program of `benchmarks.peers.inside`, and the specs whose modules it needs."""

    peer: str
    module: str
    specs: dict[str, str]


def layer(groups: str, source: str, target: str, body: str = "linear(x)", more: str = "") -> str:
    """A module `Layer` from `x` to `y`."""
    return (
        f"eqspec 1\n{groups}\nmodule Layer {{ input x: {source}\n{more}\n"
        f"output y: {target} = {body} }}\n"
    )


D4, C4 = "group G = dihedral(4)", "group G = cyclic(4)"
REGULAR = "[64, G.regular]"
VECTORS = """\
eqspec 1
group G = orthogonal(3)
module Layer {
  input s: fixed [64]
  input v: [64, G.vector]
  output a: fixed [64] = linear(s, v)
  output b: [64, G.vector] = linear(s, v)
}
"""
INERTIA = """\
eqspec 1
param c = 32
group G = orthogonal(3)
module Layer {
  input x: [flat { s: [5], v: [5, G.vector] }]
  h: [c] + [c, G.vector] + [c, G.vector, G.vector] = greps(x.s, x.v, normalise=false, activation=silu)
  output y: [G.vector, G.vector] = greps(h, normalise=false, activation=silu)
}
"""


def _conv(size: int) -> str:
    block = f"[16, G.regular, G.grid({size}, {size})]"
    return layer(D4, block, block, "conv2d(x, kernel=3, padding=1)")


PROGRAMS = (
    Program("escnn", "escnn_layers", {
        "conv32": _conv(32), "conv8": _conv(8), "linear": layer(D4, REGULAR, REGULAR),
        "block": layer(D4, REGULAR, REGULAR, "x + linear(h)",
                       "h: [64, G.regular] = relu(linear(x))"),
    }),
    Program("e3nn", "e3nn_layers", {
        "vectors": VECTORS,
        "regular_C4": layer(C4, REGULAR, REGULAR), "regular_D4": layer(D4, REGULAR, REGULAR),
    }),
    Program("emlp", "emlp_layers", {
        "points": layer("group G = symmetric(10)", "[16, G.natural]", "[16, G.natural]"),
        "regular": layer(D4, "[16, G.regular]", "[16, G.regular]"), "inertia": INERTIA,
    }),
    Program("equiadapt", "equiadapt_layers", {
        "canonical": layer(
            C4, "[1, G.rot90(32, 32)]", "fixed [10]", "coset(net, x, by=score)",
            "base net: [1, 32, 32] -> [10]\nbase score: [1, 32, 32] -> [1]",
        ),
    }),
)  # fmt: skip

SMALL = "[4, G.regular, G.grid(8, 8)]"
OWN: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("linear", layer(D4, "[4, G.regular]", "[4, G.regular]"), (4, 8)),
    ("pairs of points", layer("group S = symmetric(5)", "[2, S.natural, S.natural]",
                              "[2, S.natural, S.natural]"), (2, 5, 5)),
    ("convolution", layer(D4, SMALL, SMALL, "conv2d(x, kernel=3, padding=1)"), (4, 8, 8, 8)),
    ("convolution, norm, relu", layer(
        D4, SMALL, SMALL, "relu(batch_norm(conv2d(x, kernel=3, padding=1)))"), (4, 8, 8, 8)),
)  # fmt: skip


def peers(effort: Effort, options: argparse.Namespace) -> list[Table]:
    """All tables; environments that are not there are built. Quick mode leaves the peers out."""
    folder = cache_folder(options.peers)
    found = [] if effort.quick else [environment(peer, folder) for peer in PEERS]
    layers = Table(
        "peers",
        "Layers of other libraries, eqspec's and torch's own of the same shapes, in one process",
        (
            "peer", "layer", "batch", "torch forward s", "peer / torch", "eqspec / torch",
            "torch, with backward s", "peer / torch, both", "eqspec / torch, both",
            "peer / eqspec, both", "in the rounds", "peer: construction s",
        ),
    )  # fmt: skip
    captured = Table("capture", "What captures a layer", ("layer", *WAYS))
    folder_of_autoequiv = options.autoequiv
    if effort.quick:
        layers.notes.append("Peers are left out in quick mode.")
    for program in PROGRAMS if found else ():
        home = next(e for e in found if e.peer.name == program.peer)
        answer = _run(program, home, effort, folder_of_autoequiv)
        if isinstance(answer, str):
            layers.notes.append(f"{program.peer}: {answer}")
            continue
        for row in answer["rows"]:
            _row(layers, row.get("peer", program.peer), row)
        for name, ways in answer["captured"].items():
            captured.add(name, *(ways[way] for way in WAYS))
    for name, ways in own_capture(OWN[:1] if effort.quick else OWN).items():
        captured.add(name, *(ways[way] for way in WAYS))
        failed = [way for way in WAYS if ways[way] != "yes"]
        record("capture", ", ".join([name, *failed]), float(len(failed)))
    layers.notes += [f"{e.peer.name}: {e.versions}" for e in found if e.versions]
    if folder_of_autoequiv is None:
        layers.notes += [f"{name}: {reason}" for name, reason in NOT_PACKAGED.items()]
    captured.notes.append(
        '`compile` is `torch.compile(fullgraph=True, backend="aot_eager")`, `export` is `torch.export` at a'
        " fixed batch, `ONNX` the exporter that is built on it."
    )
    return [cold(found, effort), layers, captured]


def _run(
    program: Program, home: Environment, effort: Effort, autoequiv: Path | None
) -> dict[str, Any] | str:
    """What the program printed, or why it did not run."""
    if home.python is None:
        return home.problem
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for key, text in program.specs.items():
            (folder / f"{key}.py").write_text(emitted_text(text, key), encoding="utf-8")
        job = {
            "effort": dataclasses.asdict(effort),
            "generators": regular_matrices(),
            "permutations": {key: regular_permutations(key) for key in ("C4", "D4")},
            "autoequiv": None if autoequiv is None else str(autoequiv),
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        command = [home.python, "-m", f"benchmarks.peers.inside.{program.module}", name]
        settings = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
        try:
            ran = subprocess.run(
                command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=LIMIT
            )
        except subprocess.TimeoutExpired:
            return f"more than {LIMIT} s"
        if ran.returncode:
            return last_error(ran.stderr)
        answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
        return answer


def _row(table: Table, peer: str, row: dict[str, Any]) -> None:
    forward, both = (_rounds(row["times"][mode]) for mode in ("eval", "step"))
    against = quartiles(both, "peer", "ours")
    table.add(
        peer, row["what"], row["batch"],
        median(forward, "dense"), ratio(forward, "peer", "dense"), ratio(forward, "ours", "dense"),
        median(both, "dense"), ratio(both, "peer", "dense"), ratio(both, "ours", "dense"),
        against.middle, against.spread, row["built"],
    )  # fmt: skip


def _rounds(found: dict[str, list[float]]) -> Rounds:
    return {name: [float(x) for x in times] for name, times in found.items()}


def regular_permutations(name: str) -> list[list[int]]:
    """Where the generators send the entries of the regular representation, numbered as eqspec does."""
    case = Case(name, D4 if name == "D4" else C4, "[G.regular]", "[G.regular]")
    (part,), _ = case.parts()
    matrices = factors(part, generators([part]))
    return [[int(column.argmax()) for column in matrix.T] for matrix in matrices]


def regular_matrices() -> list[list[list[int]]]:
    """The same for D4, as matrices."""
    moves = regular_permutations("D4")
    places = range(len(moves[0]))
    return [[[int(move[j] == i) for j in places] for i in places] for move in moves]


def cold(found: list[Environment], effort: Effort) -> Table:
    """Importing a library, in a process of its own, against importing torch in the same environment."""
    table = Table(
        "cold_peers",
        "Cold import: whole processes, CPU time",
        ("what", "import torch s", "s", "/ import torch", "in the rounds"),
    )
    with tempfile.TemporaryDirectory() as folder:
        text = emitted_text(layer(D4, REGULAR, REGULAR))
        Path(folder, "emitted.py").write_text(text, encoding="utf-8")
        ours = f"import sys; sys.path.insert(0, {folder!r}); import emitted"
        rows: list[tuple[str, str, str]] = [
            ("eqspec: an emitted module", sys.executable, ours),
            ("eqspec: the compiler", sys.executable, "import eqspec.pipeline"),
            *(
                (e.peer.name, e.python, f"{e.peer.before}\nimport {e.peer.imports}")
                for e in found
                if e.python is not None
            ),
        ]
        few = dataclasses.replace(effort, rounds=min(effort.rounds, 3))
        for name, python, code in rows:
            commands = {"torch": [python, "-c", "import torch"], "this": [python, "-c", code]}
            _, cpu = processes(commands, few)
            against = quartiles(cpu, "this", "torch")
            table.add(
                name, median(cpu, "torch"), median(cpu, "this"), against.middle, against.spread
            )
    return table


def own_capture(layers: Sequence[tuple[str, str, tuple[int, ...]]]) -> dict[str, dict[str, str]]:
    """The same questions to modules that eqspec emits."""
    found = {}
    for name, text, shape in layers:
        code = emitted(text, "eqspec_captured")
        found[f"eqspec, {name}"] = capture(code.Layer, torch.randn(4, *shape))
    return found
