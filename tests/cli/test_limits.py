"""Every limit moves by its name, by settings and by the flag, and ends in a diagnostic."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import fields
from pathlib import Path

import pytest
from cli_support import GOOD, ROOT, run

from eqspec.diagnostics.model import Diagnostic
from eqspec.limits import NAMES, LimitReached, Limits, limited, limits
from eqspec.pipeline import check_source
from eqspec.tools.bounding import bounded, within

HEAD = "eqspec 1\ngroup F = cyclic(2)\n"
TOO_MUCH = {
    "source-bytes": ("# a comment\n", "EQS122"),
    "instances": (
        "module A(n) {\n input x: [n, F.regular]\n output y = relu(x)\n}\nmodule M {\n"
        " input x: [1, F.regular]\n a = A(x, n=1)\n input z: [2, F.regular]\n"
        " b = A(z, n=2)\n output c = a\n output d = b\n}\n",
        "EQS204",
    ),
    "group-elements": ("group G = dihedral(379)\nmodule M {\ninput x: [G.regular]\n output y = relu(x)\n}\n", "EQS306"),
    "listed-entries": (
        "group A = cyclic(64)\ngroup B = subgroup(A, r)\nmodule M {\n input x: [A.regular]\n"
        " output y = pool(x, over=B)\n}\n",
        "EQS301",
    ),
    "axis-entries": ("module M {\n input x: [50, F.regular]\n output y = relu(x)\n}\n", "EQS205"),
    "block-entries": ("module M {\n input x: [7, 7, F.regular]\n output y = relu(x)\n}\n", "EQS205"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOO_MUCH)
def test_a_size_beyond_its_limit(name: str) -> None:
    """Limited first: what was built within a process is remembered there."""
    text, code = TOO_MUCH[name]
    source = HEAD + text
    most = {"listed-entries": 100, "instances": 1}.get(name, 10)
    told = run("--limit", f"{name}={most}", "check", "-", stdin=source)
    assert told.exit_code == 1
    assert f"error[{code}]" in told.stdout
    assert run("check", "-", stdin=source).exit_code == 0  # the limit went with its run


def test_settings_and_the_flag(here: Path) -> None:
    (here / "good.eqs").write_text(GOOD)
    project = here / "pyproject.toml"
    project.write_text("[tool.eqspec.limits]\naxis-entries = 3\n")
    assert "a size must lie between 1 and 3" in run("check").stdout
    assert run("--limit", "axis-entries=100", "check").exit_code == 0
    from cli_support import forget

    for text, words in (
        ("axis-entry = 3", "did you mean `axis-entries`?"),
        ("axis-entries = 0", "this must be a whole number above 0"),
        ("seconds = true", "this must be a whole number above 0"),
        ('seconds = "9"', "this must be a whole number above 0"),
    ):
        project.write_text(f"[tool.eqspec.limits]\n{text}\n")
        forget()
        assert words in run("check").stdout
    project.write_text("[tool.eqspec]\nlimits = 7\n")
    forget()
    assert "this must be a table of whole numbers above 0" in run("check").stdout
    for text in ("seconds", "seconds=", "seconds=0", "seconds=-1", "seconds=1e9", "second=1", "=1"):
        assert run("--limit", text, "check").exit_code == 2


def test_nesting_of_limits() -> None:
    with limited({"seconds": 5}, fixed=True), limited({"seconds": 7, "axis-entries": 9}):
        assert (limits().seconds, limits().axis_entries) == (5, 9)
    assert limits() == Limits()


def test_the_page_lists_every_limit() -> None:
    text = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| ([0-9,]+) \| (.*) \|$", text, re.MULTILINE)
    assert rows == [
        (f.name.replace("_", "-"), f"{f.default:,}", f.metadata["what"]) for f in fields(Limits)
    ]
    assert [row[0] for row in rows] == list(NAMES)


# ---- time ----------------------------------------------------------------------------------------


def forever() -> None:
    while True:
        try:
            sum(range(10_000))
        except Exception:  # nothing on the way may take it for an error
            continue


def test_time_ends() -> None:
    begin = time.process_time()
    with limited({"seconds": 1}):
        found = within("a.eqs", forever)
    assert isinstance(found, Diagnostic)
    assert found.code == "EQS630"
    assert found.message == "this takes more than 1 second of processor time"
    assert time.process_time() - begin < 3
    assert within("a.eqs", lambda: 7) == 7


def test_the_layer_that_takes_long_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from eqspec.graph.expressions import Expressions

    real = Expressions.layer

    def slow(self: Expressions, name: str, *rest: object, **more: object) -> object:
        return forever() if name == "two" else real(self, name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Expressions, "layer", slow)
    text = "module M {\n input x: [F.regular]\n one = relu(x)\n two = relu(one)\n output y = relu(two)\n}\n"
    told = run("--limit", "seconds=1", "check", "-", stdin=HEAD + text)
    assert told.exit_code == 1
    assert "--> <stdin>:6:2" in told.stdout
    assert "^^^ given up here" in told.stdout


def test_elsewhere_than_in_the_main_thread() -> None:
    found: list[object] = []
    work = threading.Thread(target=lambda: found.append(within("a.eqs", lambda: 7)))
    work.start()
    work.join()
    assert found == [7]


def test_one_bound_inside_of_another() -> None:
    def both() -> None:
        with bounded():
            within("a.eqs", lambda: 7)
            forever()

    with limited({"seconds": 1}), pytest.raises(LimitReached), bounded():
        both()


# ---- memory --------------------------------------------------------------------------------------

MEMORY = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is bounded on Linux"
)
LARGE = """eqspec 1
group Mirror = cyclic(2)
module Large {
  input scan: [1, Mirror.hflip(96, 96, 96)]
  base unet: [1, 96, 96, 96] -> [6, 96, 96, 96]
  output mask: [6, Mirror.hflip(96, 96, 96)] = equitune(unet, scan)
}
"""


@MEMORY
def test_memory_ends() -> None:
    with limited({"megabytes": 50}):
        found = within("a.eqs", lambda: [bytes(2**20) for _ in range(10_000)])
        assert isinstance(found, Diagnostic)
        assert found.message == "this needs more than 50 MiB of memory"
        assert "megabytes=100" in (found.help or "")
    assert len([bytes(2**20) for _ in range(100)]) == 100  # the bound is gone


@MEMORY
def test_a_spec_beyond_its_memory_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "large.eqs").write_text(LARGE)
    (tmp_path / "small.eqs").write_text(GOOD)
    command = [sys.executable, "-m", "eqspec", "--limit", "megabytes=150", "compile"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "error[EQS630]: this needs more than 150 MiB of memory" in done.stdout
    assert "--> large.eqs:3:8" in done.stdout
    assert (tmp_path / "small.py").exists()
    assert not (tmp_path / "large.py").exists()


def test_without_limits_the_library_bounds_nothing() -> None:
    """`check_source` in somebody's process: no timers, no bounds of the system."""
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_AS), signal.getsignal(signal.SIGPROF)
    from eqspec.diagnostics.model import Source

    assert check_source(Source("a.eqs", GOOD)).ok
    assert (resource.getrlimit(resource.RLIMIT_AS), signal.getsignal(signal.SIGPROF)) == before
