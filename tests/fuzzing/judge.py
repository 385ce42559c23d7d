"""One input on one target, inside bounds of time and memory: what came of it.

In: a `Target` and bytes. Out: None, or a `Finding`. Python code that runs too long is interrupted by
a timer of processor time; code in C that does not come back is ended by a second one, which writes
where it stood (`mortal`). Memory is bounded for the process, by the system.
"""

from __future__ import annotations

import faulthandler
import resource
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

from eqspec.limits import LimitReached
from tests.fuzzing.targets import Broken, Target

SLACK = 3.0  # what an input may take before its process is ended, in units of its bound


class TooSlow(BaseException):
    """Not an `Exception`: nothing on the way may take it for an error of the input."""


@dataclass(frozen=True)
class Finding:
    """``kind`` is "crash", "broken", "slow", "memory" or "death"; ``where`` tells one fault from
    another, ``trace`` is for a person."""

    kind: str
    where: str
    trace: str

    @property
    def signature(self) -> str:
        return f"{self.kind} {self.where}"


def judge(target: Target, data: bytes, patience: float = 1.0) -> Finding | None:
    """Run the target; ``patience`` stretches its bound of time (for instrumented code)."""
    try:
        with _time(target.seconds * patience):
            target.run(data)
    except TooSlow as error:
        return Finding("slow", _stage(error.__traceback__), _trace(error))
    except LimitReached:
        return None  # the commands make a diagnostic of it
    except MemoryError as error:
        return Finding("memory", _stage(error.__traceback__), _trace(error))
    except Broken as error:
        return Finding("broken", _sentence(str(error)), _trace(error))
    except Exception as error:
        return Finding(
            "crash", f"{type(error).__name__} {_place(error.__traceback__)}", _trace(error)
        )
    return None


def bounded(target: Target) -> None:
    """Bound the memory of this process, for good."""
    now = _size()
    most = now + target.megabytes * 2**20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def mortal(log: Path) -> None:
    """Write a stack to ``log`` before the second timer ends this process."""
    faulthandler.register(signal.SIGPROF, log.open("w"), all_threads=False, chain=True)


@contextmanager
def _time(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    signal.setitimer(signal.ITIMER_PROF, seconds * SLACK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGVTALRM, before)


def _size() -> int:
    """The address space of this process, in bytes; a guess where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 2**30


# ---- which fault is it? --------------------------------------------------------------------------


def _frames(trace: TracebackType | None) -> list[tuple[str, str, int]]:
    """The frames inside of the package: file, function, line."""
    frames = []
    for frame in traceback.extract_tb(trace):
        _, inside, file = frame.filename.replace("\\", "/").rpartition("/eqspec/")
        if inside:
            frames.append((file, frame.name, frame.lineno or 0))
    return frames


def _place(trace: TracebackType | None) -> str:
    frames = _frames(trace)
    return "{}:{}:{}".format(*frames[-1]) if frames else "outside"


def _stage(trace: TracebackType | None) -> str:
    """A slow input is interrupted anywhere: the last frame above the mathematics names it."""
    frames = _frames(trace)
    above = [frame for frame in frames if not frame[0].startswith(("algebra/", "program/"))]
    return "{}:{}".format(*above[-1]) if above else "outside"


def _sentence(text: str) -> str:
    return "".join("0" if sign.isdigit() else sign for sign in text.split("\n")[0])[:120]


def _trace(error: BaseException) -> str:
    lines = traceback.format_exception(type(error), error, error.__traceback__, limit=-40)
    return "".join(lines)[-6_000:]


if sys.platform == "win32":  # pragma: no cover
    raise ImportError("the fuzzer needs the timers and limits of a Unix system")
