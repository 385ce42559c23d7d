"""Products of two features: entries with entries, index by index, or contracted by a form."""

from __future__ import annotations

from fractions import Fraction

from eqspec.verify.arithmetic import inverse, product, transposed
from eqspec.verify.exact import Map, Rows, Signed, Tangent, dense, is_identity, matrix
from eqspec.verify.laws.reducing import form_of
from eqspec.verify.laws.site import Site, without
from eqspec.verify.reading import Malformed
from eqspec.verify.record import Block, Part
from eqspec.verify.types import generators, image, same_axes, shape, size


def gated(site: Site) -> None:
    """x times numbers: along an axis that both have they are moved alike, and signs multiply; along
    others the gate is one number, and numbers commute with any matrix."""
    places = site.numbers("places")
    x, gates = site.args
    if len(gates) == 1 and len(x) > 1:
        site.require(all(size(axis) == 1 for axis in gates[0].axes), "one gate for all is a number")
        gates = gates * len(x)
    site.require(len(x) == len(gates) == len(places) == len(site.type), "it has other blocks")
    for own, block, gate, result in zip(places, x, gates, site.type, strict=True):
        site.require(len(own) == len(gate.axes), "an axis of the gates has no place")
        site.require(len(result.axes) == len(block.axes), "its type has other axes")
        without(block.axes, own)
        site.require(sorted(own) == own, "the gates are turned around")
        partner = dict(zip(own, gate.axes, strict=True))
        for k, axis in enumerate(block.axes):
            other = partner.get(k, 1)
            if isinstance(other, int) and other == 1:
                site.require(same_axes([axis], [result.axes[k]]), "another action on the result")
            else:
                _index_by_index(site, axis, other, result.axes[k])


def _index_by_index(site: Site, a: Part, b: Part, result: Part) -> None:
    """Both permute alike up to signs, and the signs of the result are the products."""
    site.require(shape(a) == shape(b) == shape(result), "axes of different sizes are multiplied")
    for name, g in generators([a, b, result]):
        left, right, made = (matrix(image(part, name, g)) for part in (a, b, result))
        if not (
            isinstance(left, Signed) and isinstance(right, Signed) and isinstance(made, Signed)
        ):
            site.require(False, "entries that are mixed are multiplied index by index")
            return
        signs = tuple(s * t for s, t in zip(left.signs, right.signs, strict=True))
        fine = left.images == right.images == made.images and made.signs == signs
        site.require(fine, "axes that are moved differently are multiplied index by index")


def pairing(site: Site) -> None:
    """`dot`, `tensor_product`: contracted axes by a form that both actions keep together; shared axes
    index by index; all others stand side by side, on which the Kronecker product acts."""
    contracted, shared = _lists(site, "contracted"), _lists(site, "shared")
    forms = site.data.get("forms")
    x, y = site.args
    count = len(site.type)
    fits = len(x) == len(y) == count == len(contracted) == len(shared)
    site.require(fits and isinstance(forms, list) and len(forms) == count, "it has other blocks")
    assert isinstance(forms, list)
    for left, right, result, pairs, own, same in zip(
        x, y, site.type, contracted, forms, shared, strict=True
    ):
        gone = [k for k, _ in pairs], [j for _, j in pairs]
        # every axis is contracted, shared or left as it is: one of these
        without(left.axes, [*gone[0], *(k for k, _ in same)])
        without(right.axes, [*gone[1], *(j for _, j in same)])
        if not isinstance(own, list) or len(own) != len(pairs):
            raise Malformed(f"node {site.node.name!r}: data.forms is none")
        for (k, j), written in zip(pairs, own, strict=True):
            a, b = left.axes[k], right.axes[j]
            form = form_of(written)
            fine = size(a) == size(b) and (form is None or len(form) == size(a))
            site.require(fine, "a form has another size than its axes")
            for name, g in generators([a, b]):
                kept = _kept_together(image(a, name, g), image(b, name, g), form)
                site.require(kept, "a form is not kept by the group")
        _side_by_side(site, left, right, result, gone, dict(same))


def _side_by_side(
    site: Site,
    left: Block,
    right: Block,
    result: Block,
    gone: tuple[list[int], list[int]],
    partner: dict[int, int],
) -> None:
    made: list[Part] = []
    for k, axis in enumerate(left.axes):
        if k not in gone[0]:
            made.append(axis)
            if k in partner:
                at = len(made) - 1
                site.require(at < len(result.axes), "its type has other axes")
                _index_by_index(site, axis, right.axes[partner[k]], result.axes[at])
                made[at] = result.axes[at]
    taken = {*gone[1], *partner.values()}
    made += [axis for j, axis in enumerate(right.axes) if j not in taken]
    site.require(same_axes(made or [1], result.axes), "its type is not that of the product")


def _kept_together(a: Map, b: Map, form: Rows | None) -> bool:
    """a^T F b = F; for one-parameter groups A^T F + F B = 0."""
    if isinstance(a, Tangent) or isinstance(b, Tangent):
        return _tangents_cancel(a, b, form)
    middle: Map = Signed(tuple(range(a.degree)), (1,) * a.degree)
    if form is not None:
        middle = dense(form)
    # F b = a^-T F
    first, second = product(middle, b), product(inverse(transposed(a)), middle)
    return matrix(first) == matrix(second)


def _tangents_cancel(a: Map, b: Map, form: Rows | None) -> bool:
    n = a.degree
    left, right = _tangent(a), _tangent(b)
    if left is None or right is None:
        return False
    rows = form or tuple(tuple(Fraction(i == j) for j in range(n)) for i in range(n))
    return all(
        sum((left[k][i] * rows[k][j] + rows[i][k] * right[k][j] for k in range(n)), Fraction(0))
        == 0
        for i in range(n)
        for j in range(n)
    )


def _tangent(value: Map) -> Rows | None:
    if isinstance(value, Tangent):
        return value.rows
    zero = ((Fraction(0),) * value.degree,) * value.degree
    return zero if is_identity(value) else None


def _lists(site: Site, key: str) -> list[list[tuple[int, int]]]:
    found = site.data.get(key)
    if not isinstance(found, list):
        raise Malformed(f"node {site.node.name!r}: data.{key} is none")
    for row in found:
        for pair in row if isinstance(row, list) else [None]:
            if not isinstance(pair, list) or [type(n) for n in pair] != [int, int] or min(pair) < 0:
                raise Malformed(f"node {site.node.name!r}: data.{key} is none")
    return [[(k, j) for k, j in row] for row in found]


PRODUCTS = {"gated": gated, "dot": pairing, "tensor_product": pairing}
