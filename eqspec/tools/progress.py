"""A line of progress on standard error: on a terminal only, and only after a second."""

from __future__ import annotations

import sys
import threading
from types import TracebackType

DELAY = 1.0


class ProgressLine:
    """Shows what is being compiled; used as a context, it clears its line at the end."""

    def __init__(self, delay: float = DELAY, verb: str = "compiling") -> None:
        self.verb = verb
        self.enabled = sys.stderr.isatty()
        self.text = ""
        self.spec = ""
        self._shown = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(delay, self._begin)
        self._timer.daemon = True

    def __enter__(self) -> ProgressLine:
        if self.enabled:
            self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self.enabled = False
            if self._shown:
                self._write("")

    def __call__(self, module: str, number: int, count: int) -> None:
        """The callback of the pipeline."""
        of = f" ({number + 1} of {count})" if count > 1 else ""
        with self._lock:
            self.text = f"{self.verb} {self.spec}: {module}{of} ..."
            if self._shown:
                self._write(self.text)

    def _begin(self) -> None:
        with self._lock:
            if self.enabled:
                self._shown = True
                self._write(self.text)

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r\x1b[2K{text[:100]}")
        sys.stderr.flush()
