"""Groups, representations and types of a spec as plain values for JSON.

In: values of `eqspec.algebra` and `eqspec.graph`. Out: records in which a group or a representation is a
number, its place in a table, so that each matrix is written once. Whole numbers are numbers, other
rationals are texts such as "3/5": no floating point stands in a certificate.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, assert_never

from eqspec.algebra.groups import Group
from eqspec.algebra.images import (
    AffineMap,
    AnyImage,
    Infinitesimal,
    LatticeMap,
    Matrix,
    Monomial,
    Rational,
    SampledMap,
)
from eqspec.algebra.representations import Representation, Term
from eqspec.graph.sizes import Size, symbols_of
from eqspec.graph.types import Axis, Block, FlatAxis, PlainAxis, Type

SAFE_INTEGER = 2**53
"""Beyond it a reader of JSON may round: larger numbers are texts."""

Record = dict[str, Any]


class Tables:
    """The groups and representations met so far, in order of first use."""

    def __init__(self) -> None:
        self.groups: list[Record] = []
        self.representations: list[Record] = []
        self._groups: dict[tuple[str, Group], int] = {}
        self._representations: dict[tuple[str, Representation], int] = {}

    def group(self, group: Group) -> int:
        key = (group.description, group)
        if key not in self._groups:
            self._groups[key] = len(self.groups)
            self.groups.append(
                {
                    "description": group.description,
                    "generators": list(group.generators),
                    "order": None if group.order is None else number(group.order),
                    "matrices": [image(one) for one in group.model],
                }
            )
        return self._groups[key]

    def representation(self, rep: Representation) -> int:
        key = (rep.label, rep)
        if key in self._representations:
            return self._representations[key]
        record: Record = {
            "label": rep.label,
            "degree": int(rep.degree),
            "shape": [int(size) for size in rep.shape],
            "groups": {name: self.group(group) for name, group in rep.groups},
        }
        if rep.terms is None:
            record["matrices"] = {
                name: [image(one) for one in images]
                for (name, _), images in zip(rep.groups, rep.images, strict=True)
            }
        else:
            record["sum"] = [self._term(term) for term in rep.terms]
        place = self._representations[key] = len(self.representations)
        self.representations.append(record)
        return place

    def _term(self, term: Term) -> list[Any]:
        return [
            int(axis) if isinstance(axis, int) else {"rep": self.representation(axis)}
            for axis in term.axes
        ]

    def part(self, part: int | Representation) -> Any:
        """An axis as the algebra has it: a plain size, or what acts."""
        return int(part) if isinstance(part, int) else {"rep": self.representation(part)}

    def axis(self, axis: Axis) -> Any:
        if isinstance(axis, PlainAxis):
            return int(axis.size)
        record: Record = {"rep": self.representation(axis.rep)}
        if isinstance(axis, FlatAxis):
            record["fields"] = {name: self.type(type_) for name, type_ in axis.fields}
        return record

    def block(self, block: Block) -> Record:
        record: Record = {"text": str(block), "axes": [self.axis(axis) for axis in block.axes]}
        if block.values is not None:
            rep = block.values.rep
            record["values"] = {
                "size": int(block.values.size),
                "rep": None if rep is None else self.representation(rep),
            }
        symbols = symbols_of(*block.shape)
        if symbols:
            record["sizes"] = [str(n) if isinstance(n, Size) else int(n) for n in block.shape]
        return record

    def type(self, type_: Type) -> list[Record]:
        return [self.block(block) for block in type_.blocks]


def number(value: Rational) -> int | str:
    """A rational as JSON keeps it exactly."""
    fraction = Fraction(value)
    if fraction.denominator == 1:
        whole = int(fraction)
        return whole if abs(whole) < SAFE_INTEGER else str(whole)
    return f"{fraction.numerator}/{fraction.denominator}"


def image(value: AnyImage) -> Record:
    """The matrix of a generator; see docs/certificate.md for the forms."""
    match value:
        case Monomial(images=images, signs=signs):
            if value.is_identity:
                return {"identity": len(images)}
            return {"permutation": [(j + 1) * s for j, s in zip(images, signs, strict=True)]}
        case LatticeMap():
            return {
                "lattice": [int(n) for n in value.shape],
                "axes": list(value.axes),
                "signs": list(value.signs),
                "offsets": [int(n) for n in value.offsets],
            }
        case Matrix(rows=rows):
            return {"matrix": _rows(rows)}
        case Infinitesimal(rows=rows):
            return {"tangent": _rows(rows)}
        case AffineMap(linear=linear, shift=shift):
            return {"linear": image(linear), "shift": [number(v) for v in shift]}
        case SampledMap(shape=shape, turn=turn, mirrored=mirrored):
            angle = [number(v) for v in turn] if isinstance(turn, tuple) else number(turn)
            return {"turn": angle, "mirrored": mirrored, "pixels": [int(n) for n in shape]}
        case _:
            assert_never(value)


def _rows(rows: tuple[tuple[Fraction, ...], ...]) -> list[list[int | str]]:
    return [[number(value) for value in row] for row in rows]


__all__ = ["Record", "Tables", "image", "number"]
