"""Time and memory of the work on one spec, bounded; beyond the bounds there is a diagnostic.

In: an action. Out: what it gives, or a `Diagnostic` (EQS630). Time is processor time, so that a busy
machine refuses nothing; memory is the address space that the process may add. Both need Unix, time also the main
thread; elsewhere they are not bounded, and only a `MemoryError` becomes a diagnostic.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.limits import LimitReached, limits

if TYPE_CHECKING:
    from types import FrameType

Result = TypeVar("Result")


def within(shown: str, action: Callable[[], Result]) -> Result | Diagnostic:
    """Run an action inside of the bounds that hold now; ``shown`` names the spec."""
    try:
        with bounded():
            return action()
    except LimitReached as reached:
        return diagnostic(reached, shown)
    except MemoryError:
        return diagnostic(LimitReached("megabytes"), shown)


def warm() -> None:
    """Load what compiling needs, and let the linear algebra take its buffers: these are no part of
    what a spec costs, and libraries that find no memory while they start end the process."""
    import numpy as np
    import scipy.sparse.csgraph

    import eqspec.emit.files
    import eqspec.lowering.validation  # noqa: F401

    square = np.eye(64)
    np.linalg.svd(square @ square)
    scipy.sparse.csgraph.connected_components(scipy.sparse.csr_array(square))


def diagnostic(reached: LimitReached, shown: str) -> Diagnostic:
    source, span = reached.place or (Source(shown, ""), Span(0, 0))
    label = "given up here" if span.end else ""
    return Diagnostic("EQS630", _words(reached), source, span, label, help=_help(reached))


def words_of(error: LimitReached | MemoryError) -> str:
    """The same without a spec that could be pointed at."""
    reached = error if isinstance(error, LimitReached) else LimitReached("megabytes")
    return f"error[EQS630]: {_words(reached)}\n  = help: {_help(reached)}"


def _words(reached: LimitReached) -> str:
    most = getattr(limits(), reached.name)
    if reached.name == "seconds":
        return f"this takes more than {most:,} second{'' if most == 1 else 's'} of processor time"
    return f"this needs more than {most:,} MiB of memory"


def _help(reached: LimitReached) -> str:
    twice = 2 * getattr(limits(), reached.name)
    return f"make it smaller, or raise the limit: `eqspec --limit {reached.name}={twice} ...`"


@contextmanager
def bounded() -> Iterator[None]:
    """Bound the time and the memory of what is done inside."""
    with _time(limits().seconds), _memory(limits().megabytes):
        yield


@contextmanager
def _time(seconds: int) -> Iterator[None]:
    main = threading.current_thread() is threading.main_thread()
    if sys.platform == "win32" or not main:
        yield
        return
    import signal

    if signal.getitimer(signal.ITIMER_PROF)[0]:
        yield  # somebody measures time already: a profiler, or a bound outside of this one
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise LimitReached("seconds")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)  # again, should one be lost in a callback
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def _memory(megabytes: int) -> Iterator[None]:
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + megabytes * 2**20
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    except (ImportError, OSError, ValueError):
        yield  # no such bound on this system
        return
    held = [value for value in (soft, hard) if value != resource.RLIM_INFINITY]
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (min([most, *held]), hard))
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
