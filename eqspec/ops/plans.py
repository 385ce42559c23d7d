"""How a module is lowered, where there are several ways.

A `Plan` says for every node of the layer graph over which factors its feature stands in irreducible
coordinates (`coordinates`), and by which of its forms an op is lowered (`Op.forms`). Every plan gives the
same function of the same free weights; plans differ in cost alone. Which one is best is found by
`lowering.placement`; `REFERENCE` is the one with which all others are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NOWHERE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Plan:
    """``coordinates[node]`` are the factors over which a feature stands in irreducible coordinates (none
    where a node is missing), ``forms[node]`` is the form of its op (the op's first where it is missing)."""

    coordinates: Mapping[str, frozenset[str]] = field(default_factory=dict)
    forms: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_reference(self) -> bool:
        return not any(self.coordinates.values()) and not self.forms

    def factors(self, node: str) -> frozenset[str]:
        return self.coordinates.get(node, NOWHERE)


REFERENCE = Plan()
