"""`quotient(H)` and `induced(H, rep)` as a spec writes them.

In: a group, the arguments. Out: a `Representation` of the group: permutations of the cosets of H, or
the representation induced from one of H. Both are representations by construction.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqspec.algebra import subgroups
from eqspec.algebra.groups import Group, GroupError
from eqspec.algebra.images import Image, permutation
from eqspec.algebra.representations import Representation, RepresentationError, from_images
from eqspec.diagnostics.model import Span
from eqspec.graph.groups import group_or_subgroup
from eqspec.graph.scope import GroupValue, Scope, SubgroupValue
from eqspec.graph.subgroups import inside, lettered
from eqspec.graph.words import as_one
from eqspec.syntax import tree

LARGEST_INDUCED = 1_024  # degree of an induced representation that is no signed permutation
Arguments = tuple[tree.Argument, ...]


def quotient(
    scope: Scope, group: GroupValue, arguments: Arguments, label: str, span: Span
) -> Representation:
    """The permutations of the cosets g H, in the order of their first elements; one entry a coset."""
    (value,) = _values(scope, "quotient", arguments, 1, "H", span)
    whole, made, numbers, name = _subgroup(scope, group, value)
    found = subgroups.cosets(whole, made)
    images: dict[tuple[str, int], Image] = {
        key: permutation(found.moves[letter]) for key, letter in numbers.items()
    }
    points = [whole.text(word) for word in found.words]
    factors = tuple((factor, scope.world.groups[factor]) for factor in group.names)
    return from_images(f"{label}({name})", factors, len(points), images, points)


def induced(
    scope: Scope, group: GroupValue, arguments: Arguments, label: str, span: Span
) -> Representation:
    """What a representation of H induces: one copy of it for every coset, coset by coset.

    The second argument names a representation of H: `trivial`, `sign` (that of the group, on H),
    `regular`, `irrep(k)`, or a `rep` that is declared for H.
    """
    from eqspec.graph.elaborate import named_rep

    value, rep_expr = _values(scope, "induced", arguments, 2, "H, rep", span)
    whole, made, numbers, name = _subgroup(scope, group, value)
    source = group_or_subgroup(scope, value)
    key = source.key if isinstance(source, SubgroupValue) else source.names[0]
    if isinstance(source, GroupValue) and len(source.names) > 1:
        scope.refuse(
            "EQS306",
            "`induced` takes a representation of one group",
            value.span,
            help=f"name the subgroup: `group K = subgroup({' * '.join(group.names)}, ...)`",
        )
    match rep_expr:
        case tree.Reference(name=text, span=at):
            word, given = tree.Name(text, at), ()
        case tree.Call(function=tree.Reference(name=text, span=at), arguments=given):
            word = tree.Name(text, at)
        case _:
            scope.refuse(
                "EQS306",
                "the representation of the subgroup is given by its name",
                rep_expr.span,
                help=f"`trivial`, `sign`, `regular`, `irrep(k)` or a `rep {name}.NAME = ...`",
            )
    rep = named_rep(scope, GroupValue((key,)), word, given, rep_expr.span)
    cosets = len(subgroups.cosets(whole, made).words)
    if cosets * rep.degree > LARGEST_INDUCED and not rep.is_signed_permutation:
        raise RepresentationError(
            f"{label} would have degree {cosets * rep.degree:,}; at most {LARGEST_INDUCED:,} where the"
            " matrices are no signed permutations"
        )
    found = subgroups.induced_images(whole, made, rep, key)
    images = {pair: found[letter] for pair, letter in numbers.items()}
    factors = tuple((factor, scope.world.groups[factor]) for factor in group.names)
    return from_images(f"{label}({name}, {text})", factors, cosets * rep.degree, images)


def _values(
    scope: Scope, name: str, arguments: Arguments, count: int, form: str, span: Span
) -> Sequence[tree.Expression]:
    if len(arguments) != count or any(a.keyword for a in arguments):
        scope.refuse(
            "EQS306",
            f"`{name}` takes {'a subgroup' if count == 1 else 'a subgroup and a representation of it'}",
            span,
            f"{len(arguments)} given",
            help=f"write `{name}({form})` with `group H = subgroup(G, ...)`",
        )
    return [argument.value for argument in arguments]


def _subgroup(
    scope: Scope, group: GroupValue, expr: tree.Expression
) -> tuple[Group, Group, dict[tuple[str, int], int], str]:
    """The group as one, its subgroup, the letters of the group, and a name of the subgroup."""
    value = group_or_subgroup(scope, expr)
    words = inside(scope, value, group)
    name = value.key if isinstance(value, SubgroupValue) else " * ".join(value.names)
    if words is None:
        scope.refuse(
            "EQS323",
            f"`{name}` is no subgroup of `{' * '.join(group.names)}`",
            expr.span,
            f"it lies in `{' * '.join(value.group.names)}`"
            if isinstance(value, SubgroupValue)
            else "it is a group of its own",
            help=f"declare `group H = subgroup({' * '.join(group.names)}, ...)`",
        )
    try:
        whole, numbers = as_one(scope, group)
        letters = [lettered(numbers, word) for word in words]
        made = subgroups.subgroup(whole, letters, [f"g{k}" for k in range(len(letters))])
        subgroups.cosets(whole, made)
    except GroupError as error:
        raise RepresentationError(f"the cosets of `{name}` cannot be listed: {error}") from None
    return whole, made, numbers, name
