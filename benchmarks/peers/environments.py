"""The environments of the peers: virtual environments in a cache folder, outside of the repository.

An environment is built once and described by the file `built.json` in it: what was asked for, the versions
that came, or what pip said. A peer that does not install is a result like any other.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

COMMON = ("onnx", "onnxscript")  # for the table of what can be captured
RECORD = "built.json"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Peer:
    """``packages`` for pip; ``shown`` are those whose versions count."""

    name: str
    packages: tuple[str, ...]
    shown: tuple[str, ...]
    imports: str
    before: str = "pass"  # run before it is imported


SHIM = "from benchmarks.peers.inside.shims import torchvision_without_operators as shim; shim()"
PEERS = (
    # without the version pip takes a source of lie_learn that does not build; py3nj needs a compiler of Fortran
    Peer("escnn", ("escnn", "lie_learn==0.0.2"), ("escnn",), "escnn.nn"),
    Peer("e3nn", ("e3nn",), ("e3nn",), "e3nn.o3"),
    # objax, which it needs, needs six and does not say so
    Peer("emlp", ("emlp", "six"), ("emlp", "jax"), "emlp.nn.pytorch"),
    Peer("equiadapt", ("equiadapt",), ("equiadapt", "kornia"), "equiadapt", SHIM),
)
NOT_PACKAGED = {
    "AutoEquiv": "no package; its source is used from the folder of `--autoequiv`",
    "code of the seed papers": "no package; their averages are written by hand in the section `averages`",
}


@dataclass(frozen=True)
class Environment:
    """``python`` is None where pip failed; ``problem`` is then what it said."""

    peer: Peer
    python: str | None
    versions: str
    problem: str


def cache_folder(given: Path | None = None) -> Path:
    if given is not None:
        return given
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "eqspec-benchmarks"


def environment(peer: Peer, folder: Path, again: bool = False) -> Environment:
    """The environment of a peer, built if it is not there (or is of other packages)."""
    home = folder / peer.name
    record = home / RECORD
    wanted = [f"torch=={_torch()}", *peer.packages, *COMMON]
    python = str(home / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    found = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    if again or found.get("wanted") != wanted:
        print(f"building {home}", file=sys.stderr, flush=True)
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home, with_pip=True)
        made = subprocess.run(
            [python, "-m", "pip", "install", "-q", *wanted], capture_output=True, text=True
        )
        found = {
            "wanted": wanted,
            "pip": last_error(made.stderr) if made.returncode else "",
            "versions": "" if made.returncode else shown_versions(python, ("torch", *peer.shown)),
        }
        record.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    problem = found["pip"] or import_problem(python, peer)
    return Environment(peer, None if problem else python, found["versions"], problem)


def _torch() -> str:
    """That of this process, without the name of the build."""
    return importlib.metadata.version("torch").split("+")[0]


def import_problem(python: str, peer: Peer) -> str:
    """What importing it says, or nothing."""
    code = f"{peer.before}\nimport {peer.imports}"
    ran = subprocess.run([python, "-c", code], cwd=ROOT, capture_output=True, text=True)
    return f"installs, but: {last_error(ran.stderr)}" if ran.returncode else ""


def shown_versions(python: str, packages: tuple[str, ...]) -> str:
    code = (
        "import importlib.metadata as m; print(', '.join(f'{k} {m.version(k)}' for k in"
        f" {packages!r}))"
    )
    ran = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return ran.stdout.strip() or last_error(ran.stderr)


def last_error(text: str) -> str:
    """The line of an output that says what is wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if "rror" in line and not line.startswith("note")] or lines
    return (said or ["no message"])[-1].replace("|", "/")[:160]
