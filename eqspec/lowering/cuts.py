"""The cheapest labels of the nodes of a graph, where every node takes one of two: a minimum cut.

Nodes are features of a layer graph; the two labels are given and irreducible coordinates. A node costs
what its op costs in the coordinates of its label (None: impossible), and a feature that is read in the other
coordinates is converted, once however many read it. The cheapest labels are a minimum cut between a
source (given) and a sink (irreducible): a feature has an auxiliary node for each direction of
its conversion, which its readers hold on their side.

Nodes that have one possible label separate the graph, so each connected part of the others is a cut of
its own; the parts are small and their number grows with the layers. Costs are whole numbers, so sums are
exact and the result does not depend on the algorithm; of equally cheap labels the one with the fewest irreducible
features is taken.

Source: Picard and Ratliff (1975), *Minimum cuts and related problems*; Greig, Porteous and Seheult (1989).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SOURCE, SINK = "source", "sink"


@dataclass(frozen=True)
class Options:
    """What one node can be: ``given`` and ``irreducible`` are the costs of its op in these coordinates, None
    where it is impossible; ``there`` and ``back`` what it costs to convert its result to irreducible and to
    given coordinates; ``args`` the nodes that it reads."""

    given: int | None
    irreducible: int | None
    there: int
    back: int
    args: tuple[str, ...] = ()


def cheapest(nodes: Mapping[str, Options]) -> frozenset[str]:
    """The nodes in irreducible coordinates of a cheapest labelling, the fewest that there can be.

    Every node needs one possible label. A node that is read from outside in given coordinates has a
    reader for which ``irreducible`` is None.
    """
    readers: dict[str, list[str]] = {name: [] for name in nodes}
    for name, node in nodes.items():
        assert node.given is not None or node.irreducible is not None, name
        for arg in dict.fromkeys(node.args):
            readers[arg].append(name)
    fixed = {
        name: node.given is None
        for name, node in nodes.items()
        if node.given is None or node.irreducible is None
    }
    chosen = {name for name, irreducible in fixed.items() if irreducible}
    for part in _parts(nodes, readers, fixed):
        chosen |= _cut(part, nodes, readers, fixed)
    return frozenset(chosen)


def total(nodes: Mapping[str, Options], irreducible: Iterable[str]) -> int | None:
    """The cost of a labelling; None if it is impossible."""
    inside = set(irreducible)
    cost = 0
    converted: set[str] = set()
    for name, node in nodes.items():
        own = node.irreducible if name in inside else node.given
        if own is None:
            return None
        cost += own
        converted.update(arg for arg in node.args if (arg in inside) != (name in inside))
    return cost + sum(
        nodes[name].back if name in inside else nodes[name].there for name in converted
    )


def _parts(
    nodes: Mapping[str, Options],
    readers: Mapping[str, Sequence[str]],
    fixed: Mapping[str, bool],
) -> list[list[str]]:
    """The free nodes, those together whose labels depend on each other: one reads the other, or
    both read the same feature (its conversion is paid once)."""
    parts: list[list[str]] = []
    seen: set[str] = set()
    for start in nodes:
        if start in fixed or start in seen:
            continue
        part, todo = [], [start]
        seen.add(start)
        while todo:
            name = todo.pop()
            if name not in fixed:
                part.append(name)
            near = [*readers[name]]
            if name not in fixed:
                near += nodes[name].args
            for other in near:
                if other not in seen:
                    if other not in fixed:
                        seen.add(other)
                        todo.append(other)
                    elif name not in fixed and other in nodes[name].args:
                        seen.add(other)  # its other readers share the conversion
                        todo.append(other)
        parts.append(sorted(part))
        seen.difference_update(fixed)
    return parts


def _cut(
    part: Sequence[str],
    nodes: Mapping[str, Options],
    readers: Mapping[str, Sequence[str]],
    fixed: Mapping[str, bool],
) -> set[str]:
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from((SOURCE, SINK))
    inside = set(part)

    def place(name: str) -> object:
        if name in inside:
            return ("node", name)
        return SINK if fixed[name] else SOURCE

    def edge(a: object, b: object, cost: int | None) -> None:
        """Costs ``cost`` where a is given and b is irreducible; None: that cannot be."""
        if b in (a, SOURCE) or a == SINK or cost == 0:
            return
        if cost is None or (graph.has_edge(a, b) and "capacity" not in graph[a][b]):
            graph.add_edge(a, b)  # without a capacity: no bound
            graph[a][b].pop("capacity", None)
        else:
            before = graph[a][b]["capacity"] if graph.has_edge(a, b) else 0
            graph.add_edge(a, b, capacity=before + cost)

    features = dict.fromkeys(part)
    for name in part:
        node = nodes[name]
        edge(SOURCE, ("node", name), node.irreducible)
        edge(("node", name), SINK, node.given)
        features.update(dict.fromkeys(node.args))
    for name in features:
        there, back = ("there", name), ("back", name)
        edge(place(name), there, nodes[name].there)
        edge(back, place(name), nodes[name].back)
        for reader in readers[name]:
            edge(there, place(reader), None)
            edge(place(reader), back, None)
    _, (_, sinks) = nx.minimum_cut(graph, SOURCE, SINK)
    return {name for name in part if ("node", name) in sinks}
