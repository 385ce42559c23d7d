"""What `eqspec diff` finds, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from eqspec.diagnostics.model import Source, Span

SCHEMA = 1
Place = tuple[Source, Span]
"""Where it stands in the new spec."""


class Verdict(IntEnum):
    """What became of a promise, best first. UNDECIDED: neither that it is kept nor that it is lost could
    be shown."""

    SAME = 0
    STRONGER = 1
    UNDECIDED = 2
    WEAKER = 3
    BROKEN = 4

    @property
    def key(self) -> str:
        return self.name.lower()

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True)
class FactorChange:
    """What became of the promise of an output for one factor.

    ``kind``: "kept", "stronger" or "weaker" (the level changed), "lost", "moved" (the output follows
    another law now), "undecided"; "gained" for what is new, "perhaps" where that is not decided. ``law``
    says what the factor does at the output: it is "invariant" or "equivariant". ``by`` names what plays
    its part in the other spec, if that has another name or group.
    """

    factor: str
    group: str
    kind: str
    law: str
    old: str | None
    new: str | None
    by: str = ""
    why: str = ""

    @property
    def verdict(self) -> Verdict:
        return _VERDICTS[self.kind]


_VERDICTS = {
    "kept": Verdict.SAME,
    "stronger": Verdict.STRONGER,
    "gained": Verdict.STRONGER,
    "perhaps": Verdict.SAME,
    "undecided": Verdict.UNDECIDED,
    "weaker": Verdict.WEAKER,
    "lost": Verdict.WEAKER,
    "moved": Verdict.BROKEN,
}


@dataclass(frozen=True)
class OutputChange:
    """An output that both specs have, with the same shape."""

    name: str
    old_type: str
    new_type: str
    factors: tuple[FactorChange, ...]
    place: Place | None = field(default=None, repr=False, compare=False)

    @property
    def verdict(self) -> Verdict:
        return max((change.verdict for change in self.factors), default=Verdict.SAME)


@dataclass(frozen=True)
class Remark:
    """Anything else that a caller of the module notices, or that a promise rests on."""

    verdict: Verdict
    text: str


@dataclass(frozen=True)
class Numbers:
    """Costs of a module before and after; ``old`` or ``new`` None: that spec lacks it."""

    name: str
    old: int | str | None
    new: int | str | None


@dataclass(frozen=True)
class State:
    """Can the new module load the `state_dict` of the old one? "same": yes, and it means the same;
    "differs": it loads, but the code that reads it changed, or the names of what comes in or goes out;
    "incompatible": names or shapes differ."""

    kind: str
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    reshaped: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModuleChange:
    name: str
    outputs: tuple[OutputChange, ...]
    remarks: tuple[Remark, ...]
    numbers: tuple[Numbers, ...] = ()
    state: State | None = None
    place: Place | None = field(default=None, repr=False, compare=False)

    @property
    def verdict(self) -> Verdict:
        found = [output.verdict for output in self.outputs]
        return max([*found, *(remark.verdict for remark in self.remarks)], default=Verdict.SAME)


@dataclass(frozen=True)
class SpecDiff:
    """The changes from one spec to another, module by module in the order of the old one, then new
    modules. ``verdict`` is the worst of them."""

    old: str
    new: str
    modules: tuple[ModuleChange, ...]

    @property
    def verdict(self) -> Verdict:
        return max((module.verdict for module in self.modules), default=Verdict.SAME)

    @property
    def breaks(self) -> bool:
        """Is there a promise of the old spec that the new one is not shown to keep?"""
        return self.verdict >= Verdict.UNDECIDED

    def __str__(self) -> str:
        from eqspec.tools.diff.printing import text  # which imports this file

        return text(self, color=False)

    def _repr_markdown_(self) -> str:
        from eqspec.tools.diff.printing import markdown

        return markdown(self)

    def to_dict(self) -> dict[str, Any]:
        """Schema 1, as `eqspec diff --output-format json` prints it."""
        return {
            "schema": SCHEMA,
            "old": self.old,
            "new": self.new,
            "verdict": self.verdict.key,
            "modules": [
                {
                    "module": module.name,
                    "verdict": module.verdict.key,
                    "outputs": [
                        {
                            "output": output.name,
                            "verdict": output.verdict.key,
                            "old_type": output.old_type,
                            "new_type": output.new_type,
                            "factors": [
                                {
                                    "factor": f.factor,
                                    "group": f.group,
                                    "change": f.kind,
                                    "law": f.law,
                                    "old_guarantee": f.old,
                                    "new_guarantee": f.new,
                                    "by": f.by,
                                    "why": f.why,
                                }
                                for f in output.factors
                            ],
                        }
                        for output in module.outputs
                    ],
                    "remarks": [
                        {"verdict": remark.verdict.key, "text": remark.text}
                        for remark in module.remarks
                    ],
                    "numbers": {n.name: {"old": n.old, "new": n.new} for n in module.numbers},
                    "state_dict": None
                    if module.state is None
                    else {
                        "change": module.state.kind,
                        "missing": list(module.state.missing),
                        "unexpected": list(module.state.unexpected),
                        "reshaped": list(module.state.reshaped),
                    },
                }
                for module in self.modules
            ],
        }
