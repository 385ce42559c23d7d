"""`lie(n) { algebra J = [[...]]  discrete p = [[...]] }` as a spec writes it.

In: the call and its block. Out: a `Group`; refusals that name the generator and what is missing.
"""

from __future__ import annotations

from fractions import Fraction

from eqspec.algebra.groups import Group, GroupError
from eqspec.algebra.lie import NotClosed, NotNormal, lie_group
from eqspec.graph.images import matrix_rows
from eqspec.graph.numbers import size_of
from eqspec.graph.scope import Scope
from eqspec.syntax import tree

Rows = tuple[tuple[Fraction, ...], ...]


def declared_lie(scope: Scope, call: tree.Call, item: tree.GroupDeclaration) -> Group:
    """The group; Refusal EQS301, EQS311 (not closed) or EQS312 (a discrete element does not fit)."""
    if len(call.arguments) != 1 or call.arguments[0].keyword or item.generators is not None:
        scope.refuse(
            "EQS301",
            "`lie` takes the number of rows, and a block of generators",
            call.span,
            help="write `lie(2) { algebra J = [[0, -1], [1, 0]] }`",
        )
    n = size_of(scope, call.arguments[0].value)
    if not item.block:
        scope.refuse(
            "EQS301",
            "`lie` needs its generators",
            call.span,
            help="write `lie(2) { algebra J = [[0, -1], [1, 0]] }`",
        )
    found: dict[str, dict[str, Rows]] = {"algebra": {}, "discrete": {}}
    spans = {}
    for entry in item.block:
        if not isinstance(entry, tree.LieGenerator):
            scope.refuse("EQS301", "`lie` takes `algebra` and `discrete` generators", entry.span)
        key = entry.name.text
        if key in spans:
            scope.refuse("EQS202", f"two generators are called `{key}`", entry.span, "the second")
        found[entry.kind][key] = matrix_rows(scope, entry.matrix, n)
        spans[key] = entry.span
    try:
        return lie_group(n, found["algebra"], found["discrete"])
    except NotClosed as error:
        rows = ", ".join("[" + ", ".join(map(str, row)) + "]" for row in error.missing)
        scope.refuse(
            "EQS311",
            str(error),
            spans[error.name],
            "with those before it",
            help=f"add the bracket to the algebra: `algebra K = [{rows}]`",
        )
    except NotNormal as error:
        scope.refuse(
            "EQS312",
            str(error),
            spans[error.name],
            "this element",
            help="the elements exp(tA) and their conjugates generate a larger group: add those"
            if "determinant" not in str(error)
            else None,
        )
    except GroupError as error:
        scope.refuse("EQS301", str(error), call.span, "no such group")
