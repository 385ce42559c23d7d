"""Sizes that are read from the inputs at run time: `param n = dynamic` and `param n = padded`.

A `Size` is an integer that remembers what it stands for. Its integer value is *nominal*: the algebra,
the validation and the interpreter work at it. Its symbol is what counts where two sizes are compared,
and what is printed: a plain 11 is never equal to n at nominal 11, and `n * 3` is printed so. Sums,
differences and products of sizes are polynomials in the symbols; whatever else is computed from a size
is a plain number, and a program in which such a number is left is found out, because it is lowered at
several nominal values and must not change (`eqspec.lowering.sizes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

NOMINAL = (11, 13, 17, 19, 23, 29, 31, 37)
"""At which the algebra runs, in order of declaration: primes, different from each other."""

SECOND = (12, 10, 16, 14, 21, 18, 25, 22)
"""At which every program is lowered a second time: in another order, and none of the first."""

MOST_AXES = 8
"""Axes of one dynamic group at both ends of a map: the diagrams are independent for n >= k + l, and
both tables of nominal values keep to that."""


class Symbol(NamedTuple):
    """The name of a size, and whether the samples of one batch may differ in it."""

    name: str
    padded: bool = False


Terms = tuple[tuple[tuple[Symbol, ...], int], ...]
"""A polynomial: for every monomial (its symbols, sorted) a coefficient that is not zero."""


class Size(int):
    """A size of run time with its nominal value; equal to another if value and symbols agree."""

    terms: Terms

    def __new__(cls, value: int, terms: Terms) -> Size:
        made = super().__new__(cls, value)
        made.terms = terms
        return made

    def __getnewargs__(self) -> Any:
        return int(self), self.terms

    @property
    def symbols(self) -> frozenset[Symbol]:
        return frozenset(symbol for symbols, _ in self.terms for symbol in symbols)

    @property
    def symbol(self) -> Symbol | None:
        """The symbol, if the size is nothing but one."""
        match self.terms:
            case (((symbol,), 1),):
                return symbol
        return None

    def text(self, names: Mapping[str, str] | None = None) -> str:
        """The polynomial as a Python expression, its symbols called as ``names`` says."""
        called = names or {}
        words = []
        for symbols, factor in self.terms:
            letters = [called.get(symbol.name, symbol.name) for symbol in symbols]
            words.append(
                " * ".join([*([str(factor)] if factor != 1 or not letters else []), *letters])
            )
        return " + ".join(words)

    def at(self, values: Mapping[str, int]) -> int:
        """The number for these values of the symbols."""
        total = 0
        for symbols, factor in self.terms:
            for symbol in symbols:
                factor *= values[symbol.name]
            total += factor
        return total

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Size):
            return False
        return int(self) == int(other) and self.terms == other.terms

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((int(self), self.terms))

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return self.text()

    def __add__(self, other: int) -> int:
        return _made(int(self) + int(other), [*self.terms, *_terms(other)])

    __radd__ = __add__

    def __sub__(self, other: int) -> int:
        minus = [(symbols, -factor) for symbols, factor in _terms(other)]
        return _made(int(self) - int(other), [*self.terms, *minus])

    def __rsub__(self, other: int) -> int:
        minus = [(symbols, -factor) for symbols, factor in self.terms]
        return _made(int(other) - int(self), [*_terms(other), *minus])

    def __mul__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        product = [
            (tuple(sorted((*a, *b))), m * n) for a, m in self.terms for b, n in _terms(other)
        ]
        return _made(int(self) * int(other), product)

    __rmul__ = __mul__


def _terms(value: int) -> Terms:
    return value.terms if isinstance(value, Size) else (((), int(value)),)


def _made(value: int, terms: Iterable[tuple[tuple[Symbol, ...], int]]) -> int:
    total: dict[tuple[Symbol, ...], int] = {}
    for symbols, factor in terms:
        total[symbols] = total.get(symbols, 0) + factor
    left = tuple(sorted((s, f) for s, f in total.items() if f))
    if all(not symbols for symbols, _ in left):
        return value
    return Size(value, left)


def size_named(name: str, number: int, *, padded: bool) -> Size:
    """The dynamic size that is declared as the ``number``-th of a run."""
    return Size(NOMINAL[number], (((Symbol(name, padded),), 1),))


def for_json(value: Any) -> Any:
    """Plain values with every size of run time as text: `json` would write its nominal value."""
    match value:
        case Size():
            return value.text()
        case dict():
            return {key: for_json(item) for key, item in value.items()}
        case list() | tuple():
            return [for_json(item) for item in value]
    return value


def symbols_of(*sizes: int) -> frozenset[Symbol]:
    """The symbols in some sizes, plain ones among them."""
    return frozenset(s for size in sizes if isinstance(size, Size) for s in size.symbols)


def is_dynamic(*values: object) -> bool:
    """Is one of these values a dynamic size, or a tuple that contains one?"""
    return any(
        isinstance(value, Size) or (isinstance(value, tuple) and is_dynamic(*value))
        for value in values
    )
