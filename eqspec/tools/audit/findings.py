"""What an audit finds: checks with their verdicts, and witnesses. Values only; no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["pass", "fail", "no power", "measured", "skipped"]
"""`measured`: reported and not judged. `no power`: the check could not have failed."""

AS_GIVEN, RANDOM = "as given", "random parameters"


def _number(value: float) -> float | str:
    """JSON has no infinity and no NaN: these are strings."""
    return value if math.isfinite(value) else str(value)


@dataclass(frozen=True)
class Witness:
    """One entry of one tensor that is not what it should be.

    ``element`` is the word that moves the inputs (empty: none), ``moves`` says which samples it moves.
    ``inputs`` are the parts of the inputs that show the fault alone (None: not looked for, empty: it
    shows with all inputs zero). ``layer`` is a guess.
    """

    tensor: str
    entry: str
    found: float
    expected: float
    relative_error: float
    element: str = ""
    letters: int = 0
    moves: str = ""
    sample: int = 0
    batch: int = 1
    dtype: str = "float64"
    inputs: tuple[str, ...] | None = None
    layer: str | None = None
    note: str | None = None

    def record(self) -> dict[str, Any]:
        return {
            "element": self.element or None,
            "letters": self.letters,
            "moves": self.moves or None,
            "tensor": self.tensor,
            "entry": self.entry,
            "sample": self.sample,
            "batch": self.batch,
            "dtype": self.dtype,
            "found": _number(self.found),
            "expected": _number(self.expected),
            "relative_error": _number(self.relative_error),
            "inputs": None if self.inputs is None else list(self.inputs),
            "layer": self.layer,
            "note": self.note,
        }


@dataclass(frozen=True)
class Check:
    """A question with its verdict; ``error`` is relative, and ``bound`` what it may be at most.
    ``rows`` are the elements that failed, with the error of each."""

    name: str
    verdict: Verdict
    detail: str
    error: float | None = None
    bound: float | None = None
    rows: tuple[tuple[str, float], ...] = ()
    witness: Witness | None = None

    def record(self) -> dict[str, Any]:
        return {
            "check": self.name,
            "verdict": self.verdict,
            "detail": self.detail,
            "error": None if self.error is None else _number(self.error),
            "bound": self.bound,
            "elements": [{"element": text, "error": _number(error)} for text, error in self.rows],
            "witness": None if self.witness is None else self.witness.record(),
        }


@dataclass(frozen=True)
class Run:
    """All checks at one choice of sizes in one state of the model."""

    sizes: Mapping[str, int]
    state: str
    checks: tuple[Check, ...]
    blind: frozenset[str] = field(default_factory=frozenset)  # outputs and inputs without power

    @property
    def failed(self) -> bool:
        return any(check.verdict == "fail" for check in self.checks)

    def record(self) -> dict[str, Any]:
        return {
            "sizes": dict(self.sizes),
            "state": self.state,
            "checks": [check.record() for check in self.checks],
        }


@dataclass(frozen=True)
class Report:
    """An audit. ``blind`` are outputs and inputs about which no run could say anything."""

    model: str
    spec: str
    name: str
    dtype: str
    seed: int
    batch: int
    runs: tuple[Run, ...]

    @property
    def blind(self) -> tuple[str, ...]:
        common = [run.blind for run in self.runs]
        return tuple(sorted(frozenset.intersection(*common))) if common else ()

    @property
    def result(self) -> Literal["pass", "fail", "no power"]:
        if any(run.failed for run in self.runs):
            return "fail"
        return "no power" if self.blind else "pass"

    def record(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "model": self.model,
            "spec": self.spec,
            "name": self.name,
            "dtype": self.dtype,
            "seed": self.seed,
            "batch": self.batch,
            "result": self.result,
            "blind": list(self.blind),
            "runs": [run.record() for run in self.runs],
        }
