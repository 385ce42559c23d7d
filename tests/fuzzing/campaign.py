"""A run of the fuzzer: workers one after another, their candidates confirmed, shrunk and kept.

In: a target and a time. Out: a `Report`; the findings lie in `DIR/TARGET/found/`, each as the smallest
input that shows it (`*.case`) and the trace (`*.txt`). A finding becomes a test by moving its `.case`
to `tests/fuzzing/cases/`, named after its target.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzzing.seeds import ROOT
from tests.fuzzing.targets import TARGETS

SPELL = 600.0  # seconds of one worker: memo tables are emptied between two
STUCK = 1_800.0  # seconds without a new input after which a worker is given up
MOST = 40  # findings after which a run stops: something is badly wrong


@dataclass
class Report:
    """``found`` maps signatures to files; ``lost`` are candidates that a fresh process survives."""

    target: str
    engine: str
    seconds: float = 0.0
    tried: int = 0
    corpus: int = 0
    found: dict[str, Path] = field(default_factory=dict)
    lost: int = 0

    def line(self) -> str:
        return (
            f"{self.target} ({self.engine}): {self.seconds / 60:.0f} min, {self.tried:,} inputs,"
            f" {self.corpus:,} kept, {len(self.found)} findings"
            + (f", {self.lost} not reproduced" if self.lost else "")
        )


def best_engine() -> str:
    return "atheris" if importlib.util.find_spec("atheris") is not None else "plain"


def campaign(
    target: str, seconds: float, engine: str, seed: int, base: Path, say: Callable[[str], None]
) -> Report:
    """Fuzz one target for a time."""
    folder = base.absolute() / target
    for name in ("candidates", "corpus", "found"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    report = Report(target, engine)
    begin = time.monotonic()
    seen: set[str] = set()
    number = 0
    while (left := seconds - (time.monotonic() - begin)) > 1 and len(report.found) < MOST:
        (folder / "current").write_bytes(b"")
        (folder / "tried").write_text("0")
        (folder / "stack").write_text("")
        code = _work(folder, target, engine, min(left, SPELL), seed + number)
        number += 1
        report.tried += int((folder / "tried").read_text() or 0)
        data = (folder / "current").read_bytes()
        if code != 0 and not data:
            say((folder / "log").read_text(errors="replace")[-2_000:])
            raise RuntimeError(f"a worker did not start: exit code {code}")
        if code != 0:
            _candidate(folder, data, code)
        for file in sorted((folder / "candidates").glob("*.case")):
            if file.name not in seen:
                seen.add(file.name)
                _confirm(folder, file, report, say)
        report.seconds = time.monotonic() - begin
        report.corpus = sum(1 for _ in (folder / "corpus").iterdir())
        say(report.line())
    return report


def _work(folder: Path, target: str, engine: str, seconds: float, seed: int) -> int:
    """A worker's life; out: its exit code."""
    command = [sys.executable, "-m", "tests.fuzzing.worker", target, "--engine", engine]
    command += ["--folder", str(folder), "--seconds", str(seconds), "--seed", str(seed)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=_environment(), stdout=log, stderr=log)
        try:
            while process.poll() is None:
                time.sleep(0.2)
                if time.time() - (folder / "current").stat().st_mtime > STUCK:
                    process.kill()
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
    return process.returncode


def _environment() -> dict[str, str]:
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, **threads, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


def _candidate(folder: Path, data: bytes, code: int) -> None:
    """The input on which a worker died."""
    name = hashlib.sha256(data).hexdigest()[:16]
    stack = (folder / "stack").read_text(errors="replace")
    if code > 0:
        stack += (folder / "log").read_text(errors="replace")[-4_000:]
    how = signal.Signals(-code).name if code < 0 else f"exit {code}"
    record = {"signature": f"death {how} {_top(stack)}", "trace": stack[-6_000:]}
    (folder / "candidates" / f"{name}.case").write_bytes(data)
    (folder / "candidates" / f"{name}.json").write_text(json.dumps(record))


def _top(stack: str) -> str:
    """The innermost frame of the package in a stack that `faulthandler` wrote."""
    for line in stack.splitlines():
        _, inside, rest = line.partition("/eqspec/")
        if inside:
            return rest.replace('", line ', ":").replace(" in ", ":")
    return "unknown"


def _confirm(folder: Path, file: Path, report: Report, say: Callable[[str], None]) -> None:
    """Try a candidate alone, without instruments; keep it if it fails there as well."""
    target = TARGETS[report.target]
    seconds = 8 * target.seconds + 30
    stack = folder / "stack"
    command = [sys.executable, "-m", "tests.fuzzing.shrink", report.target, str(file)]
    command += ["--seconds", str(seconds), "--stack", str(stack)]
    done = subprocess.run(
        command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        record = json.loads(done.stdout)
        data = base64.b64decode(record["data"])
    elif done.returncode < 0:
        how = signal.Signals(-done.returncode).name
        trace = stack.read_text(errors="replace")
        record = {"signature": f"death {how} {_top(trace)}", "trace": trace}
        data = file.read_bytes()
    else:
        report.lost += 1
        return
    signature = record["signature"]
    if signature in report.found:
        return
    name = hashlib.sha256(signature.encode()).hexdigest()[:12]
    kept = folder / "found" / f"{report.target}-{name}.case"
    kept.write_bytes(data)
    kept.with_suffix(".txt").write_text(f"{signature}\n\n{record['trace']}", encoding="utf-8")
    report.found[signature] = kept
    say(f"FOUND {signature}\n  {kept}")
