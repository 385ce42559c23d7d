"""Emitted tests and scripts that use emitted modules, in this process: what torch and its tracers load takes
longer than most of them.

In a process of its own, as a user calls them, the tests of the examples run, and all long scripts.
"""

from __future__ import annotations

import contextlib
import io
import random
import runpy
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch


@dataclass
class Ran:
    """The exit status, the tests by name, and what pytest printed."""

    status: int
    text: str
    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


class _Watch:
    def __init__(self) -> None:
        self.reports: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.reports.append(report)


def run_tests(where: Path, *flags: str) -> Ran:
    """The emitted tests of a file or of a folder, collected and run by pytest."""
    watch, folder = _Watch(), where if where.is_dir() else where.parent
    plugins = ("cacheprovider", "xdist", "faulthandler")
    options = ["-q", "-s", "--rootdir", str(folder), *(f"-pno:{name}" for name in plugins)]
    with _apart(folder) as printed:
        status = pytest.main([*options, *flags, str(where)], plugins=[watch])
    found: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": []}
    for report in watch.reports:
        found[report.outcome].append(report.nodeid.partition("::")[2])
    return Ran(int(status), printed.getvalue(), **found)


def run_script(path: Path, *flags: str, cwd: Path) -> str:
    """What a script prints that is called with these flags in the folder ``cwd``."""
    with _apart(path.parent) as printed, contextlib.chdir(cwd):
        arguments, sys.argv = sys.argv, [str(path), *flags]
        sys.path.insert(0, str(path.parent))
        try:
            runpy.run_path(str(path), run_name="__main__")
        finally:
            sys.argv = arguments
    return printed.getvalue()


@contextlib.contextmanager
def _apart(folder: Path) -> Iterator[io.StringIO]:
    """What is printed meanwhile. Modules that lie in the folder are forgotten before and after, so that each
    run reads its files anew; paths, random numbers and the settings of torch are left as they were."""
    names = {path.stem for path in folder.rglob("*.py")} | {p.name for p in folder.iterdir()}
    path, modules = list(sys.path), {name: sys.modules.pop(name, None) for name in names}
    dtype, threads, exact = (
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
    )
    drawn = torch.get_rng_state(), random.getstate(), np.random.get_state()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), torch.enable_grad():
            yield printed
    finally:
        sys.path[:] = path
        for name in [n for n in sys.modules if n.partition(".")[0] in names]:
            del sys.modules[name]
        sys.modules.update({name: old for name, old in modules.items() if old is not None})
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(exact)
        torch.set_rng_state(drawn[0])
        random.setstate(drawn[1])
        np.random.set_state(drawn[2])
