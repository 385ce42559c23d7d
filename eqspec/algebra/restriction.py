"""Restriction of a representation of a product to some of its factors."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from eqspec.algebra.representations import Representation, Term


@lru_cache(maxsize=4096)
def restricted(rep: Representation, factors: frozenset[str]) -> Representation:
    """The same space, on which only these factors act (the others by the identity)."""
    if rep.terms is not None:
        terms = tuple(
            Term(
                tuple(
                    axis if isinstance(axis, int) else restricted(axis, factors)
                    for axis in term.axes
                )
            )
            for term in rep.terms
        )
        groups = tuple((name, group) for name, group in rep.groups if name in factors)
        return replace(rep, groups=groups, terms=terms)
    keep = [k for k, (name, _) in enumerate(rep.groups) if name in factors]
    return replace(
        rep,
        groups=tuple(rep.groups[k] for k in keep),
        images=tuple(rep.images[k] for k in keep),
        lattice=None,
    )
