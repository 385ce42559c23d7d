"""`semidirect(N, H) { h { r -> r^-1 } }` and `wreath(A, B)` as a spec writes them.

In: a declaration. Out: one `Group`, checked to be one; the world remembers of which factors it is
built, because these may not act on their own beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from eqspec.algebra import products
from eqspec.algebra.groups import Group, GroupError, Word
from eqspec.diagnostics.model import Diagnostic, Label, Span
from eqspec.graph.groups import group_of, has_dynamic_size, refuse_dynamic_group
from eqspec.graph.scope import GroupValue, Scope
from eqspec.graph.words import as_one, generator_of, word_of
from eqspec.syntax import tree


def product_group(scope: Scope, call: tree.Call, item: tree.GroupDeclaration, key: str) -> Group:
    """The group of a `semidirect` or `wreath` declaration.

    Raises:
        Refusal: EQS301 for what is not well written, EQS320 where the words are no action by
            automorphisms, EQS321 for what is no word.
    """
    assert isinstance(call.function, tree.Reference)
    name = call.function.name
    if len(call.arguments) != 2 or any(a.keyword for a in call.arguments):
        scope.refuse(
            "EQS301",
            f"`{name}` takes two groups",
            call.span,
            f"{len(call.arguments)} given",
            help=f"write `{name}({'N, H' if name == 'semidirect' else 'A, B'})`",
        )
    if item.generators is not None:
        scope.refuse("EQS301", f"`{name}` knows its generators", call.span)
    first, second = (group_of(scope, argument.value) for argument in call.arguments)
    parts = [scope.world.groups[factor] for group in (first, second) for factor in group.names]
    if has_dynamic_size(*parts):
        refuse_dynamic_group(scope, f"`{name}`", None, call.span)
    for twice in sorted(set(first.names) & set(second.names)):
        scope.refuse(
            "EQS309",
            f"the group `{twice}` stands twice in `{name}`",
            call.arguments[1].span,
            "the two parts are different groups",
            help=f"declare a copy: `group {twice}2 = {scope.world.groups[twice].description}`",
        )
    if name == "wreath" and (len(first.names) > 1 or len(second.names) > 1):
        scope.refuse("EQS301", "`wreath` takes two primitive groups", call.span)
    names = _generators(scope, [*first.names, *second.names])
    description = f"{name}({' * '.join(first.names)}, {' * '.join(second.names)})"
    try:
        if name == "semidirect":
            made = _semidirect(scope, call, item, first, second, names, description)
        else:
            if item.block is not None:
                scope.refuse(
                    "EQS301", "`wreath` takes no block: B moves the copies of A", call.span
                )
            a, b = scope.world.groups[first.names[0]], scope.world.groups[second.names[0]]
            made = products.wreath(a, b, names, description)
    except GroupError as error:
        scope.refuse("EQS301", str(error), call.span, "no such group")
    scope.world.built[key] = (*first.names, *second.names)
    return made


def _generators(scope: Scope, factors: Sequence[str]) -> tuple[str, ...]:
    """The names of the generators: of the first group, then of the second; a name that stands twice
    gets the name of its group in front: `N_r`."""
    written = [
        (factor, name) for factor in factors for name in scope.world.groups[factor].generators
    ]
    counts = Counter(name for _, name in written)
    names = tuple(
        name if counts[name] == 1 else f"{factor.rpartition('.')[2]}_{name}"
        for factor, name in written
    )
    if len(set(names)) == len(names):
        return names
    return tuple(f"{factor.replace('.', '_')}_{name}" for factor, name in written)


def _semidirect(
    scope: Scope,
    call: tree.Call,
    item: tree.GroupDeclaration,
    normal: GroupValue,
    complement: GroupValue,
    names: tuple[str, ...],
    description: str,
) -> Group:
    n, own = as_one(scope, normal)
    h, other = as_one(scope, complement)
    images: dict[int, tuple[Word, ...]] = {}
    spans: dict[int, Span] = {}
    for entry in item.block or ():
        if not isinstance(entry, tree.Automorphism):
            scope.refuse(
                "EQS301",
                "the block of `semidirect` says what each generator of H does",
                entry.span,
                help="`h { r -> r^-1 }`",
            )
        number = other[generator_of(scope, complement, entry.path)]
        if number in images:
            scope.refuse("EQS202", f"`{entry.path.text}` stands twice", entry.span, "the second")
        images[number] = _images(scope, entry, normal, own, n)
        spans[number] = entry.span
    for number, text in enumerate(h.generators):
        if number not in images:
            scope.refuse(
                "EQS320",
                f"nothing says what `{text}` does to the generators of {' * '.join(normal.names)}",
                item.name.span,
                f"`{text}` is a generator of {' * '.join(complement.names)}",
                help=f"write `{text} {{ "
                + ", ".join(f"{g} -> {g}" for g in n.generators)
                + " }` if it commutes with them",
            )
    try:
        action = [images[k] for k in range(len(h.generators))]
        return products.semidirect(n, h, action, names, description)
    except products.NoAction as error:
        scope.refuse(
            "EQS320",
            f"`{item.name.text}` is no semidirect product: {error}",
            spans[error.generator],
            "no action by automorphisms",
            help="for every generator h of H write h r h^-1 for every generator r of N",
        )


def _images(
    scope: Scope,
    entry: tree.Automorphism,
    normal: GroupValue,
    numbers: Mapping[tuple[str, int], int],
    n: Group,
) -> tuple[Word, ...]:
    found: dict[int, Word] = {}
    for image in entry.images:
        number = numbers[generator_of(scope, normal, image.path)]
        if number in found:
            scope.refuse("EQS202", f"`{image.path.text}` has two images", image.span, "the second")
        letters = word_of(scope, normal, image.word)
        found[number] = tuple((numbers[f, g], exponent) for f, g, exponent in letters)
    for number, text in enumerate(n.generators):
        if number not in found:
            scope.refuse(
                "EQS320",
                f"`{entry.path.text}` gives no image of the generator `{text}`",
                entry.span,
                "every generator of the normal part needs one",
                help=f"write `{text} -> {text}` if they commute",
            )
    return tuple(found[k] for k in range(len(n.generators)))


def ingredients(built: Mapping[str, tuple[str, ...]], key: str) -> frozenset[str]:
    """The factors of which a group is built, and those of which these are."""
    found: set[str] = set()
    todo = [key]
    while todo:
        for part in built.get(todo.pop(), ()):
            if part not in found:
                found.add(part)
                todo.append(part)
    return frozenset(found)


def beside(
    scope: Scope, acting: Mapping[str, tuple[str, Span]], report: Callable[[Diagnostic], None]
) -> None:
    """Refuse a group that acts beside a product that is built of it. ``acting`` says for every factor
    on which feature it acts, and where that is declared."""
    for key, (_, span) in acting.items():
        for part in sorted(ingredients(scope.world.built, key) & set(acting)):
            feature, at = acting[part]
            report(
                scope.diagnostic(
                    "EQS322",
                    f"`{part}` acts on `{feature}` beside `{key}`, which is built of it",
                    at,
                    f"`{part}` would be a second, independent group",
                    labels=(Label(span, f"`{key}` acts here"),),
                    help=f"let `{key}` act: `{key}.quotient(...)`, `{key}.regular` or a `rep` of it;"
                    f" for another group declare a copy:"
                    f" `group {part}2 = {scope.world.groups[part].description}`",
                )
            )
