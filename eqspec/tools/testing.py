"""`eqspec compile --test`: run emitted tests with pytest, each folder in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.tools.findings import count, say
from eqspec.tools.places import shown

_INSTALLS = {"torch": "pip install 'eqspec[torch]'", "pytest": "pip install pytest"}


def missing_libraries() -> list[Diagnostic]:
    """What emitted tests need and this Python lacks; asked without importing it."""
    found = []
    for name, install in _INSTALLS.items():
        if find_spec(name) is None:
            message = f"the emitted tests need {name}, which is not installed"
            source = Source(shown(Path(sys.executable)), "")
            found.append(Diagnostic("EQS511", message, source, Span(0, 0), help=f"`{install}`"))
    return found


def run_tests(files: Sequence[Path]) -> int:
    """Exit code 1 if a test fails; pytest speaks for itself."""
    folders: dict[Path, list[str]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(file.name)
    failed = 0
    for folder, names in folders.items():
        say(f"Testing {', '.join(shown(folder / name) for name in names)}")
        # the settings and plugins of a project around it do not concern these tests
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["-o", "addopts=", "--rootdir", str(folder), *names]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=folder, env=environment, check=False)
        failed += done.returncode != 0
    if failed:
        say(f"The emitted tests failed in {count(failed, 'folder')}.")
    return int(bool(failed))
