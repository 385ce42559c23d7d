"""How many threads the linear algebra of a compilation has: one.

Programs are validated by many products of small matrices. Threads of a BLAS wait for each other by
spinning, and where another process has a core, each of these products waits for it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy  # noqa: F401  # its BLAS must be loaded before it can be limited
from threadpoolctl import threadpool_limits


def one_thread() -> AbstractContextManager[object]:
    """While this lasts, NumPy's BLAS works on the calling thread, in the whole process."""
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
