"""Words in the generators of a group: `r`, `X.r * Y.r^2`, `(r * s)^3`, `1`.

In: an expression and the group in whose generators it is written. Out: letters (factor, number of the
generator, exponent), left to right as a product. What is no word is refused.
"""

from __future__ import annotations

from typing import TypeAlias

from eqspec.algebra import products
from eqspec.algebra.groups import Group
from eqspec.graph.groups import group_of
from eqspec.graph.scope import GroupValue, Scope
from eqspec.syntax import tree

MAX_LETTERS = 10_000
MAX_EXPONENT = 10**9

Letters: TypeAlias = tuple[tuple[str, int, int], ...]
"""(factor, number of the generator, exponent), left to right as a product."""


def word_of(scope: Scope, group: GroupValue, expr: tree.Expression) -> Letters:
    """The letters of a word in the generators of the factors of the group."""
    match expr:
        case tree.Integer(value=1):
            return ()
        case tree.Reference() | tree.Attribute():
            factor, number = generator_of(scope, group, _path(scope, expr))
            return ((factor, number, 1),)
        case tree.Product(factors=factors) if all(sign > 0 for sign, _ in factors):
            found: list[tuple[str, int, int]] = []
            for _, part in factors:
                found.extend(word_of(scope, group, part))
            return _bounded(scope, tuple(found), expr)
        case tree.Power(base=base, exponent=exponent):
            word = word_of(scope, group, base)
            if len(word) == 1:
                factor, number, times = word[0]
                if abs(times * exponent) > MAX_EXPONENT:
                    scope.refuse("EQS321", "this power is out of range", expr.span)
                return ((factor, number, times * exponent),) if exponent else ()
            if exponent < 0:
                word = inverse_letters(word)
            if len(word) * abs(exponent) > MAX_LETTERS:
                _bounded(scope, (("", 0, 1),) * (MAX_LETTERS + 1), expr)
            return word * abs(exponent)
    scope.refuse(
        "EQS321",
        "a word in the generators is expected here",
        expr.span,
        "this is none",
        help="generators, products `*`, powers `^` and `1`, as in `r^2 * s`",
    )


def inverse_letters(word: Letters) -> Letters:
    return tuple((factor, number, -exponent) for factor, number, exponent in reversed(word))


def _bounded(scope: Scope, word: Letters, expr: tree.Expression) -> Letters:
    if len(word) > MAX_LETTERS:
        scope.refuse("EQS321", f"a word has at most {MAX_LETTERS:,} letters", expr.span)
    return word


def _path(scope: Scope, expr: tree.Expression) -> tree.Path:
    names: list[tree.Name] = []
    at = expr
    while isinstance(at, tree.Attribute):
        names.insert(0, at.name)
        at = at.base
    if not isinstance(at, tree.Reference):
        scope.refuse("EQS321", "a generator is written `r` or `G.r`", expr.span)
    return tree.Path((tree.Name(at.name, at.span), *names), expr.span)


def generator_of(scope: Scope, group: GroupValue, path: tree.Path) -> tuple[str, int]:
    """`Verb.r`, or `r` where it is clear, as (factor, number of the generator)."""
    world = scope.world
    last = path.names[-1]
    candidates = [
        (factor, number)
        for factor in group.names
        for number, name in enumerate(world.groups[factor].generators)
        if name == last.text
        and (
            len(path.names) == 1
            or factor
            in (path.text.rpartition(".")[0], f"{scope.prefix}.{path.text.rpartition('.')[0]}")
        )
    ]
    if len(path.names) > 1 and not candidates:
        # another name of a factor, as `group B = A` gives it, or a group of which it is built
        prefix: tree.Expression = tree.Reference(path.names[0].text, path.names[0].span)
        for name in path.names[1:-1]:
            prefix = tree.Attribute(prefix, name, prefix.span.to(name.span))
        owner = group_of(scope, prefix)
        candidates = [
            (factor, start + number)
            for whole in group.names
            for factor, part, start in [(whole, whole, 0), *parts_of(scope, whole)]
            if part in owner.names
            for number, text in enumerate(world.groups[part].generators)
            if text == last.text
        ]
    if len(candidates) == 1:
        return candidates[0]
    every = [
        name if len(group.names) == 1 else f"{factor}.{name}"
        for factor in group.names
        for name in world.groups[factor].generators
    ]
    if len(candidates) > 1:
        options = " or ".join(f"`{f}.{last.text}`" for f, _ in candidates)
        scope.refuse(
            "EQS305",
            f"several factors have a generator `{last.text}`",
            path.span,
            help=f"write {options}",
        )
    scope.unknown("generator", path.text, path.span, iter(every))


def parts_of(scope: Scope, factor: str) -> list[tuple[str, str, int]]:
    """The groups of which a factor is built: (factor, group, number of its first generator)."""
    found: list[tuple[str, str, int]] = []
    start = 0
    for part in scope.world.built.get(factor, ()):
        found.append((factor, part, start))
        start += len(scope.world.groups[part].generators)
    return found


def as_one(scope: Scope, group: GroupValue) -> tuple[Group, dict[tuple[str, int], int]]:
    """The product of the factors as one group, and the number in it of every generator."""
    groups = [(factor, scope.world.groups[factor]) for factor in group.names]
    numbers = {
        key: place
        for place, key in enumerate(
            (factor, k) for factor, g in groups for k in range(len(g.generators))
        )
    }
    names = [
        name if len(groups) == 1 else f"{factor}.{name}"
        for factor, g in groups
        for name in g.generators
    ]
    return products.direct([g for _, g in groups], names), numbers
