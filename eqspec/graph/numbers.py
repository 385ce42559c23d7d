"""Numbers and sizes: exact rationals, whole and bounded where a size is meant."""

from __future__ import annotations

from fractions import Fraction

from eqspec.graph.resolve import kind, qualified, resolve
from eqspec.graph.scope import Scope
from eqspec.syntax import tree

MAX_AXIS = 2**22


MAX_BITS = 4_096


def number_of(scope: Scope, expr: tree.Expression) -> Fraction:
    """An exact rational number; names are parameters."""
    match expr:
        case tree.Integer(value=value):
            return Fraction(value)
        case tree.Decimal(value=value):
            return value
        case tree.Reference(name=name, span=span):
            found = resolve(scope, name, span, "parameter")
            if isinstance(found, int):
                return Fraction(found)
            scope.refuse("EQS203", f"`{name}` is no number", span, f"this is {kind(found)}")
        case tree.Attribute(span=span):
            found = qualified(scope, expr)
            if isinstance(found, int):
                return Fraction(found)
            scope.refuse("EQS203", "this is no number", span, f"this is {kind(found)}")
        case tree.Negate(operand=operand):
            return -number_of(scope, operand)
        case tree.Sum(terms=terms):
            return sum((sign * number_of(scope, term) for sign, term in terms), Fraction(0))
        case tree.Product(factors=factors, span=span):
            total = Fraction(1)
            for sign, factor in factors:
                value = number_of(scope, factor)
                if sign < 0 and value == 0:
                    scope.refuse("EQS205", "division by zero", span, "here")
                total = total * value if sign > 0 else total / value
            return total
        case tree.Power(base=base, exponent=exponent, span=span):
            value = number_of(scope, base)
            bits = max(value.numerator.bit_length(), value.denominator.bit_length())
            if abs(exponent) * bits > MAX_BITS or (value == 0 and exponent < 0):
                scope.refuse("EQS205", "this power is out of range", span, "here")
            return value**exponent
        case tree.Call(span=span):
            scope.not_built("a function of numbers", span, help="write the number as a fraction")
        case _:
            scope.refuse("EQS203", "a number is expected here", expr.span, "this is none")


def size_of(scope: Scope, expr: tree.Expression) -> int:
    """A size: a whole number of at least 1."""
    value = number_of(scope, expr)
    if value.denominator != 1:
        scope.refuse(
            "EQS205",
            "a size must be whole",
            expr.span,
            f"this is {value.numerator}/{value.denominator}",
        )
    if not 1 <= value <= MAX_AXIS:
        said = str(value) if abs(value) < 10**18 else "a huge number"
        scope.refuse(
            "EQS205", f"a size must lie between 1 and {MAX_AXIS:,}", expr.span, f"this is {said}"
        )
    return int(value)
