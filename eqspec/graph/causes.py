"""Which ops lower the guarantee of a feature, and what each of them excepts.

In: the nodes of a module and the name of one. Out: `Cause`s, for messages, `explain` and docstrings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from eqspec.diagnostics.model import Span
from eqspec.graph.guarantees import SAMPLES, independent, jointly_generic, own_level
from eqspec.graph.model import Level, ModuleCall, Node


@dataclass(frozen=True)
class Cause:
    """The op ``op`` at ``node`` lowers the level to ``level`` for ``factors``.

    ``null_set`` says where its law may fail, ``why`` why that set need not have measure 0 (empty where
    it has). ``module`` is the module in which the node stands, if it is a called one; ``span`` is a
    place in the module that was asked about. ``generic``: its arguments are, together.
    """

    op: str
    node: str
    level: Level
    factors: tuple[str, ...]
    null_set: str
    why: str
    module: str
    span: Span
    generic: bool

    @property
    def place(self) -> str:
        """`` `sign` in `h` `` for a message."""
        where = f" of the module `{self.module}`" if self.module else ""
        return f"`{self.op}` in `{self.node}`{where}"


def causes(
    nodes: Mapping[str, Node], name: str, factors: Collection[str] | None = None
) -> list[Cause]:
    """Every op upstream of a feature (and its own) that is not exact for one of the factors (None: for
    any), in the order of the graph. A module that is called twice alike is told once."""
    found: list[Cause] = []
    _gather(nodes, {name}, factors, (), found, set())
    return list(dict.fromkeys(found))


def weakest(nodes: Mapping[str, Node], name: str, factors: Collection[str]) -> Cause | None:
    """The first op that lowers a feature to the level which it has."""
    found = causes(nodes, name, factors)
    return min(found, key=lambda cause: cause.level, default=None)


_Calls = tuple[tuple[Mapping[str, Node], Node], ...]
"""The calls around a node, outermost first: the nodes among which the call stands, and the call."""


def _gather(
    nodes: Mapping[str, Node],
    wanted: set[str],
    factors: Collection[str] | None,
    calls: _Calls,
    found: list[Cause],
    seen: set[int],
) -> None:
    """``seen`` are the calls that were told already: calls nest, and may be alike."""
    upstream = _upstream(nodes, wanted)
    for node in (nodes[name] for name in nodes if name in upstream):
        if isinstance(node.data, ModuleCall) and node.op == "call":
            if id(node.data.known) not in seen and node.levels:
                seen.add(id(node.data.known))
                outputs = {output.node for output in node.data.module.outputs}
                around = (*calls, (nodes, node))
                _gather(node.data.known, outputs, factors, around, found, seen)
            continue
        lowered = tuple(
            factor
            for factor in sorted(node.touched)
            if (factors is None or factor in factors) and own_level(node, factor) < Level.EXACT
        )
        if not lowered:
            continue
        level = min(own_level(node, factor) for factor in lowered)
        inside = calls[-1][1].data if calls else None
        found.append(
            Cause(
                node.op,
                _layer(node),
                level,
                lowered,
                node.null_set or f"inputs where `{node.op}` jumps",
                _why(nodes, node, calls) if level is Level.APPROXIMATE else "",
                inside.module.name if isinstance(inside, ModuleCall) else "",
                calls[0][1].span if calls else node.span,
                jointly_generic([nodes[arg] for arg in node.args]),
            )
        )


def _layer(node: Node) -> str:
    """The layer in whose expression a node stands."""
    return node.name.partition(".")[0]


def _upstream(nodes: Mapping[str, Node], wanted: set[str]) -> set[str]:
    found = set(wanted)
    waiting = list(wanted)
    while waiting:
        for arg in nodes[waiting.pop()].args:
            if arg not in found:
                found.add(arg)
                waiting.append(arg)
    return found


def _why(nodes: Mapping[str, Node], node: Node, calls: _Calls) -> str:
    """Why the arguments are not generic: the first feature on the way that is not."""
    args = [nodes[arg] for arg in node.args]
    if node.null_set == SAMPLES:
        return "a turned picture is interpolated"
    if all(arg.generic for arg in args):
        if not independent(args):
            return "its arguments read the same inputs"
        return f"nothing is known of how often `{node.op}` is undecided"
    arg = next(arg for arg in args if not arg.generic)
    while True:
        if arg.op == "input" and calls:  # of a called module: what is given
            (nodes, call), calls = calls[-1], calls[:-1]
            assert isinstance(call.data, ModuleCall)
            names = [feature.name for feature in call.data.module.inputs]
            arg = nodes[call.args[names.index(arg.name)]]
        elif arg.op == "input":
            return f"the values of `{arg.name}` have no density"
        else:
            before = (nodes[name] for name in arg.args)
            following = next((one for one in before if not one.generic), None)
            if following is None:
                return f"`{arg.op}` in `{_layer(arg)}` may send a set of positive measure there"
            arg = following
