"""The line of progress: on a terminal only, after a delay, gone at the end."""

from __future__ import annotations

import io
import time

import pytest

from eqspec.tools.progress import ProgressLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, delay: float, work: float) -> str:
    monkeypatch.setattr("sys.stderr", stream)
    with ProgressLine(delay) as progress:
        progress.spec = "two_view.eqs"
        progress("TwoView", 0, 2)
        time.sleep(work)
        progress("Other", 1, 2)
    return stream.getvalue()


def test_slow_work_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(Terminal(), monkeypatch, 0.01, 0.2)
    assert "compiling two_view.eqs: TwoView (1 of 2) ..." in text
    assert "compiling two_view.eqs: Other (2 of 2) ..." in text
    assert text.endswith("\r\x1b[2K")


def test_quick_work_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(Terminal(), monkeypatch, 5, 0) == ""


def test_no_terminal_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(io.StringIO(), monkeypatch, 0.01, 0.1) == ""
