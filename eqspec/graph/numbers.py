"""Numbers and sizes: exact rationals, whole and bounded where a size is meant."""

from __future__ import annotations

from fractions import Fraction

from eqspec.diagnostics.model import Span
from eqspec.graph.resolve import kind, qualified, resolve
from eqspec.graph.scope import Scope
from eqspec.graph.sizes import Size
from eqspec.limits import limits
from eqspec.syntax import tree

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
            _not_dynamic(scope, found, span)
            if isinstance(found, int):
                return Fraction(found)
            scope.refuse("EQS203", f"`{name}` is no number", span, f"this is {kind(found)}")
        case tree.Attribute(span=span):
            found = qualified(scope, expr)
            _not_dynamic(scope, found, span)
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


def _not_dynamic(scope: Scope, found: object, span: Span) -> None:
    if isinstance(found, Size):
        scope.refuse(
            "EQS217",
            f"`{found}` is read at run time: there is no arithmetic with it",
            span,
            "a fixed number is needed here",
            help=f"write `{found}` alone as an axis or in `symmetric({found})`, or give it a fixed"
            " value: `param name = 8`",
        )


def dynamic_size(scope: Scope, expr: tree.Expression) -> Size | None:
    """The size of run time that an expression is, if it is nothing but one."""
    found: object = None
    if isinstance(expr, tree.Reference) and scope.owner(expr.name) is not None:
        found = resolve(scope, expr.name, expr.span, "parameter")
    elif isinstance(expr, tree.Attribute):
        found = qualified(scope, expr)
    return found if isinstance(found, Size) else None


def size_of(scope: Scope, expr: tree.Expression, *, dynamic: bool = False) -> int:
    """A size: a whole number of at least 1; one of run time where that is allowed (``dynamic``)."""
    of_run_time = dynamic_size(scope, expr)
    if of_run_time is not None and dynamic:
        return of_run_time
    if of_run_time is not None:
        scope.refuse(
            "EQS218",
            f"`{of_run_time}` is read at run time and cannot stand here",
            expr.span,
            "a fixed size is needed here",
            help=f"it may be a plain axis, or the size of `symmetric({of_run_time})`; else give it a"
            " fixed value: `param name = 8`",
        )
    value = number_of(scope, expr)
    if value.denominator != 1:
        scope.refuse(
            "EQS205",
            "a size must be whole",
            expr.span,
            f"this is {value.numerator}/{value.denominator}",
        )
    if not 1 <= value <= limits().axis_entries:
        said = str(value) if abs(value) < 10**18 else "a huge number"
        scope.refuse(
            "EQS205",
            f"a size must lie between 1 and {limits().axis_entries:,}",
            expr.span,
            f"this is {said}",
        )
    return int(value)
