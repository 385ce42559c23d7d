"""Specs and helpers of the command line's tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from eqspec.cli import main
from eqspec.tools import config, places

ROOT = Path(__file__).resolve().parent.parent.parent

GOOD = """eqspec 1

param n = 2
group Rot = cyclic(4)
group Flip = cyclic(2)

## A small one.
module Small {
  input x: [n, Rot.regular]
  input y: [Flip.regular]
  base net: [n, 4] -> [3]
  h: [3, Rot.regular] = relu(linear(x, y))
  z: [3] = equitune(net, x)
  output score: [1] = linear(h, z)
}
"""
BAD = """eqspec 1

group Flip = cyclic(2)

module Wrong {
  input x: [Flip.sign]
  output y: [Flip.sign] = relu(x)
}
"""
WARNS = """eqspec 1

group Flip = cyclic(2)
group Idle = cyclic(3)

module Fine {
  input x: [Flip.sign]
  output y: [Flip.sign] = tanh(x)
}
"""
INTERFACE = """eqspec 1

group Flip = cyclic(2)

interface Only {
  input x: [Flip.sign, 3]
  output y: [Flip.sign]
}
"""


def run(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
    """The command in this process; a traceback is a failure of the test."""
    result = CliRunner().invoke(
        main, [str(a) for a in arguments], input=stdin, prog_name="eqspec", catch_exceptions=False
    )
    assert "Traceback" not in result.output
    return result


def process(
    *arguments: str | Path, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "eqspec", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def forget() -> None:
    """Settings and projects are memoised for one run of the command; a test makes several."""
    config._read.cache_clear()
    places.project_of.cache_clear()
