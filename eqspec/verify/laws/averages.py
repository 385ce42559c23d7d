"""Averages of a user's network over an orbit, and choices along it.

The mean of rho(g)^-1 base(g x) commutes with the group for any base, if g runs through the whole image
of the group on the arguments: the number of elements is counted again. Branches over the factors
one by one need factors that commute, which a representation has (`eqspec.verify.actions`).
"""

from __future__ import annotations

from math import prod

from eqspec.verify.counting import letter
from eqspec.verify.exact import Map, Motion, Moved, NoMatrix, matrix
from eqspec.verify.groups import TooLarge, elements, one_of
from eqspec.verify.laws.site import Site, Unproved
from eqspec.verify.reading import Malformed
from eqspec.verify.record import Action
from eqspec.verify.types import (
    factors_of,
    generators,
    image_of_axes,
    is_point,
    parts_of,
    primitive,
    size,
)

MOST_ELEMENTS = 25_000

CHOICES = frozenset({"equizero", "multi_equizero", "coset", "frame"})
"""They choose an element of the group, so they jump where two are equally good."""

COUNTED = frozenset({"equizero", "multi_equizero"})
"""Choices whose law counts the elements anew."""


def average(site: Site) -> None:
    branches = _branches(site)
    source = frozenset().union(*(factors_of(type_) for type_ in site.args))
    acting = source | factors_of(site.type)
    if len(branches) == 1:
        site.require(branches[0] == acting, "it does not average over every factor that acts")
    else:
        once = sorted(name for branch in branches for name in branch)
        site.require(once == sorted(source), "its branches are not the factors of its arguments")
    base = site.text("base")
    networks = site.data.get("networks")
    if not isinstance(networks, list):
        raise Malformed(f"node {site.node.name!r}: data.networks is none")
    for name in (base, *networks):
        site.require(name in site.module.bases, f"the module has no base `{name}`")
    total = 0
    for branch in branches:
        own = branch & source
        if any(site.certificate.groups[site.module.groups[name]].order is None for name in own):
            site.require(False, "it averages over an infinite group")
        try:
            total += _elements(site, own)
        except Unproved:
            # a choice among one alone does not jump, so that number has to be shown
            site.require(
                site.data.get("elements") != 1, "that its orbit is one element is not shown"
            )
            raise
    stated = site.whole("elements")
    site.require(stated == total, f"its orbit has {total:,} elements, not {stated:,}")


def fuse(site: Site) -> None:
    source = frozenset().union(*(factors_of(type_) for type_ in site.args))
    both = source & factors_of(site.type)
    site.require(not both, "a factor acts on both ends")
    average(site)


def _branches(site: Site) -> list[frozenset[str]]:
    found = site.data.get("branches")
    if not isinstance(found, list) or not all(isinstance(row, list) for row in found):
        raise Malformed(f"node {site.node.name!r}: data.branches is none")
    return [frozenset(map(str, row)) for row in found]


def _elements(site: Site, factors: frozenset[str]) -> int:
    """The number of elements of the image of some factors on the arguments, block by block."""
    if not factors:
        return 1
    blocks = [parts_of(block) for type_ in site.args for block in type_]
    if any(is_point(part) for parts in blocks for part in parts):
        raise Unproved("orbits of points")
    places: list[tuple[Action, ...]] = []
    for parts in blocks:
        leaves = tuple(dict.fromkeys(leaf for part in parts for leaf in primitive(part)))
        shared = sum(bool(factors & set(leaf.groups)) for part in parts for leaf in primitive(part))
        whole = prod(map(size, parts))
        if shared < 2:
            places += [(leaf,) for leaf in leaves if factors & set(leaf.groups)]
        elif whole <= 256:
            places.append(tuple(part for part in parts if isinstance(part, Action)))
        else:  # -1 on two axes is 1 on their product: the parts tell more than the whole
            if not all(_is_faithful_alone(leaf) for leaf in leaves):
                raise Unproved("orbits of large products of axes")
            places += [(leaf,) for leaf in leaves if factors & set(leaf.groups)]
    letters = [
        (name, g)
        for name in sorted(factors)
        for g in range(len(site.certificate.groups[site.module.groups[name]].generators))
    ]
    steps = [tuple(_image(place, name, g) for place in places) for name, g in letters]
    one = tuple(one_of(value) for value in steps[0])
    try:
        return len(elements(steps, one, MOST_ELEMENTS))
    except (TooLarge, NoMatrix) as error:
        raise Unproved(f"large orbits ({error})") from None


def _is_faithful_alone(leaf: Action) -> bool:
    """Has no matrix a sign? Products of permutations are the identity only if all of them are."""
    return all(
        isinstance(value, Motion) or min(getattr(value, "signs", (-1,))) > 0
        for name, g in generators([leaf])
        for value in [leaf.matrices[name][g]]
    )


def _image(place: tuple[Action, ...], name: str, generator: int) -> Map:
    if len(place) == 1 and place[0].sum is None:
        value = letter(place[0], name, generator)
        first = next(iter(place[0].matrices.values()))[0]
        if isinstance(value, Motion) and isinstance(first, Motion):
            return value
        return value if isinstance(value, Moved) else matrix(value)
    return image_of_axes(place, name, generator)


AVERAGES = {
    "equitune": average,
    "multi_equitune": average,
    "lambda_equitune": average,
    "equizero": average,
    "multi_equizero": average,
    "fuse": fuse,
}
