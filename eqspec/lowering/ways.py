"""Ways of lowering as values: what is wanted, what there is, what was chosen.

In: nothing. Out: the types of `placement`, which makes the choice, and of the tools that show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eqspec.ops.plans import Plan
from eqspec.program.devices import DeviceTable, shipped_table
from eqspec.program.timing import BATCH

Factors = frozenset[str]

LOWERINGS = {
    "auto": "what takes the least time",
    "weight": "one matrix, its entries expanded from the free weights",
    "sums": "reduced, mapped and expanded again: sums over orbits, diagrams",
    "blocks": "small matrices in irreducible coordinates",
}
"""Ways of lowering that can be asked for."""
FORMS = {"weight": ("weight", "dense"), "sums": ("sums", "diagrams")}
"""The forms of ops by the name of the way."""
PURPOSES = ("training", "evaluation")


@dataclass(frozen=True)
class Aim:
    """For what a module is lowered. ``lowering`` is "auto", or the one way that is wanted wherever it is
    possible (`LOWERINGS`)."""

    lowering: str = "auto"
    batch: int = BATCH
    purpose: str = "training"
    table: DeviceTable = field(default_factory=lambda: shipped_table("cpu"))


@dataclass(frozen=True)
class Time:
    """Seconds of a step of training and of a call in evaluation."""

    training: float
    evaluation: float

    def __add__(self, other: Time) -> Time:
        return Time(self.training + other.training, self.evaluation + other.evaluation)

    def of(self, purpose: str) -> float:
        return self.training if purpose == "training" else self.evaluation


@dataclass(frozen=True)
class Candidate:
    """A plan for the whole module: what it is called, and what it takes."""

    name: str
    plan: Plan
    time: Time


@dataclass(frozen=True)
class Way:
    """One way to lower one node: the factors over which it stands in irreducible coordinates, the form
    of its op, and the time of the node alone."""

    factors: Factors
    form: str
    time: Time

    @property
    def name(self) -> str:
        return f"blocks over {words(self.factors)}" if self.factors else self.form


@dataclass(frozen=True)
class Placement:
    """``candidates`` are all plans that were compared, the reference first; ``ways`` those of every node
    that has a choice."""

    aim: Aim
    chosen: Candidate
    candidates: tuple[Candidate, ...]
    ways: Mapping[str, tuple[Way, ...]]

    @property
    def plan(self) -> Plan:
        return self.chosen.plan

    def way(self, node: str) -> Way:
        """How a node with a choice is lowered."""
        factors, form = self.plan.factors(node), self.plan.forms.get(node)
        ways = self.ways[node]
        return next(w for w in ways if w.factors == factors and (form is None or w.form == form))


def words(factors: Factors) -> str:
    return ", ".join(sorted(factors))
