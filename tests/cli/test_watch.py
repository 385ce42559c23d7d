"""`compile --watch`: what is compiled again, and what a person sees meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from cli_support import BAD, GOOD, ROOT, run

from eqspec.tools import compiling, watching
from eqspec.tools.building import Build
from eqspec.tools.checking import Checked

SHARED = "eqspec 1\n\ngroup Flip = cyclic(2)\n"
USER = (
    'eqspec 1\n\nuse "shared.eqs" as s\n\n'
    "module User {\n  input x: [s.Flip.regular]\n  output y: [s.Flip.regular] = tanh(x)\n}\n"
)
Step = Callable[[], Collection[object]]


def watched(monkeypatch: pytest.MonkeyPatch, *steps: Step) -> str:
    """Standard output and error of a watch during which these things happen, each in its own moment."""
    left = list(steps)

    def wait(_: frozenset[Path]) -> Iterator[Collection[object]]:
        yield ()  # the first look
        while left:
            yield left.pop(0)()

    monkeypatch.setattr(watching, "_moments", wait)
    result = run("compile", "--watch")
    assert result.exit_code == 0
    assert result.stderr.endswith("Stopped watching.\n")
    return result.output


def write(name: str, text: str) -> Step:
    def step() -> Collection[object]:
        Path(name).write_text(text)
        return ["event"]

    return step


def test_what_changed_is_compiled_again(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "shared.eqs").write_text(SHARED)
    (here / "user.eqs").write_text(USER)
    (here / "other.eqs").write_text(GOOD)
    rounds: list[list[str]] = []
    build, compile_ = compiling.build, watching.run_compile

    def built(checked: Checked, *rest: Any) -> Build:
        rounds[-1].append(checked.spec.shown)
        return build(checked, *rest)

    def compiled(*rest: Any) -> int:
        rounds.append([])
        return compile_(*rest)

    monkeypatch.setattr(compiling, "build", built)
    monkeypatch.setattr(watching, "run_compile", compiled)
    output = watched(
        monkeypatch,
        write("shared.eqs", SHARED),  # saved without a change
        write("shared.eqs", SHARED.replace("2", "3")),  # user.eqs uses it
        write("user.eqs", USER.replace("tanh(x)", "tahn(x)")),
        write("more.eqs", SHARED),  # what was refused is looked at again, too
        write("user.eqs", USER),
        lambda: [Path("more.eqs").unlink()],
    )
    changes = [part.split("\n")[0] for part in output.split("Changed: ")[1:]]
    assert changes == ["shared.eqs", "user.eqs", "more.eqs", "user.eqs", "more.eqs"]
    assert rounds[:2] == [["other.eqs", "shared.eqs", "user.eqs"], ["shared.eqs", "user.eqs"]]
    assert all("other.eqs" not in names for names in rounds[1:])
    assert "user.eqs" in rounds[2]
    assert {"more.eqs", "user.eqs"} <= set(rounds[3])
    assert output.count("error[EQS214]") == 2  # shown again while another spec changes
    assert "Watching 4 specs; Ctrl-C ends." in output
    assert "cyclic(3)" in (here / "user.py").read_text()


def test_a_file_that_is_missing_may_come(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "user.eqs").write_text(USER)
    (here / "pyproject.toml").write_text("")
    output = watched(
        monkeypatch,
        write("shared.eqs", SHARED),
        write("pyproject.toml", '[tool.eqspec]\noutput-dir = "out"\n'),
    )
    assert output.count("error[EQS209]") == 1
    assert "Wrote user.py" in output
    assert "Wrote out/user.py" in output


def test_a_fault_of_eqspec_does_not_end_the_watch(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "good.eqs").write_text(GOOD)
    build = compiling.build

    def fails_once(*rest: Any) -> Build:
        monkeypatch.setattr(compiling, "build", build)
        raise RuntimeError("a fault")

    monkeypatch.setattr(compiling, "build", fails_once)
    output = watched(monkeypatch, write("good.eqs", GOOD + "\n"))
    assert "error[EQS599]: internal error, please report: RuntimeError: a fault" in output
    assert "Wrote good.py" in output


def _hears_interrupts() -> None:
    """Jobs in the background ignore interrupts, and so would what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_real_watch_ends_by_an_interrupt(here: Path) -> None:
    if find_spec("watchfiles") is None:
        pytest.skip("watchfiles is not installed")
    (here / "good.eqs").write_text(BAD)
    command = [sys.executable, "-m", "eqspec", "compile", "--watch", "--emit", "module"]
    log = here / "log.txt"
    with log.open("w") as file:
        running = subprocess.Popen(
            command,
            cwd=here,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=file,
            stderr=file,
            preexec_fn=_hears_interrupts,
        )

    def said(words: str) -> None:
        for _ in range(600):
            if words in log.read_text():
                return
            time.sleep(0.1)
        raise AssertionError(log.read_text())

    try:
        said("Ctrl-C ends.")
        assert "error[EQS401]" in log.read_text()
        (here / "good.eqs").write_text(GOOD)
        said("Wrote good.py")
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
        said("Stopped watching.")
        assert "Traceback" not in log.read_text()
    finally:
        running.kill()


def test_nothing_that_writes_nothing_is_watched(here: Path) -> None:
    for flag in ("--check", "--diff", "--dry-run", "--stdout"):
        result = run("compile", "--watch", flag)
        assert result.exit_code == 2
        assert "nothing to --watch" in result.stderr
    result = run("compile", "--watch", "--output-format", "sarif")
    assert result.exit_code == 2


def test_without_watchfiles_it_is_asked_for(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "find_spec", lambda _: None)
    result = run("compile", "--watch")
    assert result.exit_code == 2
    assert "EQS620" in result.stdout
    assert "pip install 'eqspec[watch]'" in result.stdout
