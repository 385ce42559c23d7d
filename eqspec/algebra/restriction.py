"""Restriction of a representation of a product to some of its factors."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import lru_cache

from eqspec.algebra.representations import Representation, Term


def restricted(rep: Representation, factors: frozenset[str]) -> Representation:
    """The same space, on which only these factors act (the others by the identity)."""
    return _restricted(rep, rep.meant, factors)


@lru_cache(maxsize=4096)
def _restricted(rep: Representation, meant: Hashable, factors: frozenset[str]) -> Representation:
    """`meant` keeps a roll of two entries apart from a flip of two, which is an equal value."""
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
        lattice=None
        if rep.lattice is None
        else tuple(entry for entry in rep.lattice if entry[0] in factors),
    )
