"""The order of the members of a module: each after those it reads, as written where that is free.

Kept here rather than on networkx, whose import would cost `check` as much as everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eqspec.diagnostics.model import Span
from eqspec.syntax import tree

Member = tree.Input | tree.Base | tree.Layer | tree.Output


def dependence_order(
    members: Mapping[str, Member],
) -> tuple[list[str], list[tuple[list[str], Span]]]:
    """Names in order, and the circles: a chain of names that ends where it begins, and the place
    that closes it. Depth-first, without recursion."""
    order: list[str] = []
    circles: list[tuple[list[str], Span]] = []
    state: dict[str, int] = {}
    for root in members:
        path: list[tuple[str, Iterator[tuple[str, Span]]]] = []
        if root not in state:
            state[root] = 1
            path.append((root, _reads(members, root)))
        while path:
            name, reads = path[-1]
            step = next(reads, None)
            if step is None:
                path.pop()
                state[name] = 2
                order.append(name)
                continue
            other, span = step
            if state.get(other) == 1:
                chain = [entry for entry, _ in path]
                circles.append(([*chain[chain.index(other) :], other], span))
            elif other not in state:
                state[other] = 1
                path.append((other, _reads(members, other)))
    return order, circles


def _reads(members: Mapping[str, Member], name: str) -> Iterator[tuple[str, Span]]:
    """The layers and outputs that a member reads, with the places."""
    member = members[name]
    value = member.value if isinstance(member, tree.Layer | tree.Output) else None
    todo: list[object] = [value] if value is not None else []
    while todo:
        match todo.pop():
            case tree.Reference(name=other, span=span):
                if isinstance(members.get(other), tree.Layer | tree.Output):
                    yield other, span
            case tree.Attribute(base=base) | tree.Select(base=base):
                todo.append(base)
            case tree.Call(arguments=arguments):
                # a keyword takes a word, a size, a group or a base, never a feature
                todo.extend(a.value for a in reversed(arguments) if a.keyword is None)
            case tree.Sum(terms=terms):
                todo.extend(term for _, term in reversed(terms))
            case tree.Product(factors=factors):
                todo.extend(factor for _, factor in reversed(factors))
