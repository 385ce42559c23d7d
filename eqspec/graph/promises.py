"""What `ensure` claims of a feature, for the factors of a module and for their subgroups.

In: the group of the claim and a node. Out: nothing, or a `Refusal` that says what acts. A feature is
invariant under a subgroup where every word that generates it acts as the identity on the type; it is
equivariant under every subgroup of what it is equivariant under.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, NoReturn

from eqspec.diagnostics.model import Diagnostic, Label, Severity
from eqspec.graph.causes import weakest
from eqspec.graph.extensions import ingredients
from eqspec.graph.groups import group_or_subgroup
from eqspec.graph.guarantees import SAMPLES
from eqspec.graph.model import Level, Node, OutputFeature, Promise
from eqspec.graph.op import Subgroup
from eqspec.graph.scope import GroupValue, Scope
from eqspec.graph.subgroups import moving, not_normal, subgroup_of
from eqspec.syntax import tree

Kind = Literal["invariant", "equivariant"]


def claimed(
    scope: Scope, expr: tree.Expression, acting: Collection[str]
) -> list[tuple[str, ...] | Subgroup]:
    """The factors of a claim in one tuple, and every subgroup. A group of which a product is built that
    acts in the module (``acting``) means its place in the product."""
    value = group_or_subgroup(scope, expr)
    if not isinstance(value, GroupValue):
        sub = subgroup_of(scope, value, value.group, expr.span)
        assert sub is not None
        return [sub]
    claims: list[tuple[str, ...] | Subgroup] = []
    factors: list[str] = []
    for name in value.names:
        wholes = [key for key in sorted(acting) if name in ingredients(scope.world.built, key)]
        if len(wholes) > 1:
            scope.refuse(
                "EQS323",
                f"`{name}` is a part of `{wholes[0]}` and of `{wholes[1]}`",
                expr.span,
                "which of them is meant is not clear",
                help=f"declare `group K = subgroup({wholes[0]}, ...)` and claim it for K",
            )
        if not wholes:
            factors.append(name)
            continue
        sub = subgroup_of(scope, GroupValue((name,)), GroupValue((wholes[0],)), expr.span)
        assert sub is not None
        claims.append(sub)
    return [tuple(factors), *claims] if factors else claims


def factor_promise(
    scope: Scope, kind: Kind, node: Node, path: tree.Path, factors: tuple[str, ...]
) -> None:
    carried = [factor for factor in factors if factor in node.type.factors]
    if kind == "invariant" and carried:
        scope.refuse(
            "EQS405",
            f"`{path.text}` is not invariant under `{carried[0]}`",
            path.span,
            f"it has type {node.type}, on which `{carried[0]}` acts",
            help=f"pool it first: `pool({path.text}, over={carried[0]})`",
        )
    missing = [factor for factor in factors if factor not in node.type.factors]
    if kind == "equivariant" and missing:
        scope.refuse(
            "EQS405",
            f"`{missing[0]}` does not act on `{path.text}`",
            path.span,
            f"it has type {node.type}",
            help="it is invariant: write `ensure ... invariant`",
        )


def subgroup_promise(scope: Scope, kind: Kind, node: Node, path: tree.Path, sub: Subgroup) -> None:
    word = moving(node.type, sub.words)
    if kind == "invariant" and word is not None:
        if not sub.normal:
            message, label, help_ = not_normal(sub)
            scope.refuse("EQS434", message, path.span, label, help=help_)
        scope.refuse(
            "EQS405",
            f"`{path.text}` is not invariant under `{sub.name}`",
            path.span,
            f"it has type {node.type}, on which `{sub.name}` acts",
            help=f"pool it first: `pool({path.text}, over={sub.name})`",
        )
    if kind == "equivariant" and word is None:
        scope.refuse(
            "EQS405",
            f"`{sub.name}` does not act on `{path.text}`",
            path.span,
            f"it has type {node.type}",
            help="it is invariant: write `ensure ... invariant`",
        )


def moved(sub: Subgroup) -> tuple[str, ...]:
    """The factors that stand in the words of a subgroup: a claim for it needs only theirs."""
    return tuple(sorted({factor for word in sub.words for factor, _, _ in word}))


def too_weak(
    scope: Scope,
    member: tree.Ensure,
    nodes: Mapping[str, Node],
    path: tree.Path,
    factors: tuple[str, ...],
    demanded: Level,
) -> NoReturn:
    """A guarantee below the one demanded: the op that lowers it, why, and what to write instead."""
    reached = nodes[path.text].level(factors)
    cause = weakest(nodes, path.text, factors)
    assert cause is not None, "a level is lowered by an op"
    ties = cause.op in scope.world.ops and "ties" in scope.world.ops[cause.op].signature.keywords
    if cause.why:
        label = f"{cause.place} excepts {cause.null_set}; {cause.why}"
        help_ = f"let `{cause.op}` stand on an input, or on parts of inputs: canonicalise the input"
        if cause.null_set == SAMPLES:
            help_ = f"`ensure {path.text} approximately {member.kind}` holds; `grid(h, w)` is exact, for"
            help_ += " groups that map pixels to pixels"
        elif cause.generic:
            help_ = "write `ties=average`" if ties else f"use an exact op in place of `{cause.op}`"
    else:
        label = f"{cause.place} excepts {cause.null_set}"
        help_ = f"`ensure {path.text} {reached.words} {member.kind}` holds, or take a continuous op"
        help_ += ": `equitune` is exact" if ties else ""
    scope.refuse(
        "EQS406",
        f"`{path.text}` keeps its symmetry {reached.words} only",
        path.span,
        f"demanded: {demanded.words}",
        labels=(Label(cause.span, label),),
        help=help_,
    )


def unproved(
    scope: Scope, nodes: Mapping[str, Node], output: OutputFeature, promises: Sequence[Promise]
) -> Iterator[Diagnostic]:
    """A warning for an output whose law is approximate under a factor of which no `ensure` says so."""
    said = {
        factor
        for promise in promises
        if output.name in promise.targets and promise.level is Level.APPROXIMATE
        for factor in promise.factors
    }
    levels = nodes[output.node].levels
    factors = tuple(f for f in sorted(levels) if levels[f] is Level.APPROXIMATE and f not in said)
    if not factors:
        return
    cause = weakest(nodes, output.node, factors)
    assert cause is not None, "a level is lowered by an op"
    kind = "equivariant" if set(factors) <= output.type.factors else "invariant"
    yield scope.diagnostic(
        "EQS905",
        f"the symmetry of `{output.name}` under `{factors[0]}` is approximate: nothing is proved",
        output.span,
        labels=(Label(cause.span, f"{cause.place} excepts {cause.null_set}; {cause.why}"),),
        help=f"if it is meant, say so: `ensure {output.name} approximately {kind} under"
        f" {' * '.join(factors)}`",
        severity=Severity.WARNING,
    )
