"""Places for the boxes of a layered drawing and the ways of its arrows.

In: boxes with sizes, and arrows with the widths that their labels need. Out: a `Layout`: the centre of
every box, and for every arrow the places where it leaves, passes through the layers, and arrives.

The method of Sugiyama, Tagawa and Toda (1981): layers by longest paths (networkx), with sources moved
down to their first use; places held free in the layers that a long arrow passes; crossings reduced by
medians and by exchanging neighbours (Gansner et al., *A Technique for Drawing Directed Graphs*, 1993);
then, layer by layer, the places nearest to the means of the neighbours that keep order and distances,
by isotonic regression (pooling adjacent violators). Ties are broken by the order of the spec, so the
drawing is always the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP = 34.0  # between boxes of a layer
LANE = 16.0  # the width of a place that an arrow passes
TURN, MOST_TURN = 40.0, 80.0  # the height in which an arrow goes to its side, and what far ones get
SWEEPS = 12
ALIGNMENTS = 14
EXCHANGES = 400  # boxes of a drawing up to which neighbours are exchanged


@dataclass(frozen=True)
class Box:
    """``name`` is its identity, the order of the boxes that of the spec."""

    name: str
    width: float
    height: float


@dataclass(frozen=True)
class Link:
    """An arrow from box to box; ``width`` and ``height`` are the room that it needs where it arrives."""

    source: str
    target: str
    width: float
    height: float


@dataclass(frozen=True)
class Way:
    """``points`` are the places at which an arrow leaves (at the lower edge of its source), passes
    (``top`` and ``bottom`` of a layer) and arrives (at the upper edge of its target)."""

    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Layout:
    """``centres`` of the boxes, and a way for every link, in order. Everything lies in a rectangle from
    (0, 0) to (width, height)."""

    width: float
    height: float
    centres: Mapping[str, tuple[float, float]]
    ways: tuple[Way, ...]


@dataclass
class _Cell:
    """A box, or a place that an arrow passes (``box`` is None), in the drawing that is being made."""

    layer: int
    number: int
    width: float
    box: Box | None = None
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    x: float = 0.0


def layout(boxes: Sequence[Box], links: Sequence[Link]) -> Layout:
    """Places for all boxes and ways for all links, which must have no cycle."""
    if not boxes:
        return Layout(0.0, 0.0, {}, ())
    layers_of = _layers(boxes, links)
    cells, index, chains = _cells(boxes, links, layers_of)
    rows = _ordered(cells)
    _place(cells, rows)
    left = min(cell.x - cell.width / 2 for cell in cells)
    for cell in cells:
        cell.x -= left
    width = max(cell.x + cell.width / 2 for cell in cells)
    heights = [max((_height(cells[c]) for c in row), default=0.0) for row in rows]
    gaps = _gaps(links, cells, rows, chains)
    tops = [sum(heights[:k]) + sum(gaps[:k]) for k in range(len(rows))]
    centres = {
        box.name: (
            cells[index[box.name]].x,
            tops[layers_of[box.name]] + heights[layers_of[box.name]] / 2,
        )
        for box in boxes
    }
    ways = _ways(boxes, links, cells, index, chains, centres, tops, heights)
    return Layout(width, tops[-1] + heights[-1], centres, ways)


def _height(cell: _Cell) -> float:
    return cell.box.height if cell.box is not None else 0.0


def _gaps(
    links: Sequence[Link],
    cells: Sequence[_Cell],
    rows: Sequence[Sequence[int]],
    chains: Sequence[Sequence[int]],
) -> list[float]:
    """The distance below every layer: room for what stands above the boxes of the next one, and for
    arrows to go far to the side without lying flat."""
    found = [TURN] * len(rows)
    rooms = [0.0] * len(rows)
    for link, chain in zip(links, chains, strict=True):
        last = cells[chain[-2]].layer
        rooms[last] = max(rooms[last], link.height)
        for upper, lower in pairwise(chain):
            far = abs(cells[upper].x - cells[lower].x)
            layer = cells[upper].layer
            found[layer] = max(found[layer], TURN + min(MOST_TURN, 0.12 * far))
    return [gap + room for gap, room in zip(found, rooms, strict=True)]


# ---- layers --------------------------------------------------------------------------------------


def _layers(boxes: Sequence[Box], links: Sequence[Link]) -> dict[str, int]:
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(box.name for box in boxes)
    graph.add_edges_from((link.source, link.target) for link in links)
    found = {
        name: number
        for number, names in enumerate(nx.topological_generations(graph))
        for name in names
    }
    for box in boxes:
        if graph.in_degree(box.name) == 0 and graph.out_degree(box.name) > 0:
            found[box.name] = min(found[target] for target in graph.successors(box.name)) - 1
    first = min(found.values())
    return {name: number - first for name, number in found.items()}


def _cells(
    boxes: Sequence[Box], links: Sequence[Link], layers_of: Mapping[str, int]
) -> tuple[list[_Cell], dict[str, int], list[list[int]]]:
    """All cells, the number of that of every box, and the chain of cells of every link. Links between
    the same boxes share their places."""
    cells: list[_Cell] = []
    index: dict[str, int] = {}
    for box in boxes:
        index[box.name] = len(cells)
        cells.append(_Cell(layers_of[box.name], len(cells), box.width, box))
    chains: list[list[int]] = []
    for link in links:
        chain = [index[link.source]]
        for layer in range(layers_of[link.source] + 1, layers_of[link.target]):
            chain.append(len(cells))
            cells.append(_Cell(layer, len(cells), LANE))
        chain.append(index[link.target])
        for upper, lower in pairwise(chain):
            cells[upper].below.append(lower)
            cells[lower].above.append(upper)
        chains.append(chain)
    return cells, index, chains


# ---- crossings -----------------------------------------------------------------------------------


def _ordered(cells: Sequence[_Cell]) -> list[list[int]]:
    """The cells of every layer, in an order with few crossings."""
    depth = max(cell.layer for cell in cells) + 1
    rows: list[list[int]] = [[] for _ in range(depth)]
    seen: set[int] = set()

    def visit(start: int) -> None:  # depth first, so that what hangs together stands together
        stack = [start]
        while stack:
            cell = stack.pop()
            if cell in seen:
                continue
            seen.add(cell)
            rows[cells[cell].layer].append(cell)
            stack.extend(reversed(cells[cell].below))

    for cell in cells:
        if not cell.above:
            visit(cell.number)
    best, fewest = [list(row) for row in rows], _crossings(cells, rows)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        for layer in range(1, depth) if down else range(depth - 2, -1, -1):
            other = _positions(rows[layer - 1] if down else rows[layer + 1])
            _by_medians(cells, rows[layer], other, down)
        if len(cells) <= EXCHANGES:
            _exchange(cells, rows)
        count = _crossings(cells, rows)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    return best


def _positions(row: Sequence[int]) -> dict[int, int]:
    return {cell: place for place, cell in enumerate(row)}


def _neighbours(cell: _Cell, down: bool) -> list[int]:
    return cell.above if down else cell.below


def _by_medians(
    cells: Sequence[_Cell], row: list[int], other: Mapping[int, int], down: bool
) -> None:
    """Sort a row by the medians of the neighbours; what has none keeps its place."""

    def median(cell: int) -> float:
        places = sorted(other[n] for n in _neighbours(cells[cell], down))
        middle = len(places) // 2
        if len(places) % 2:
            return float(places[middle])
        return (places[middle - 1] + places[middle]) / 2

    moving = sorted((c for c in row if _neighbours(cells[c], down)), key=median)
    found = iter(moving)
    row[:] = [next(found) if _neighbours(cells[c], down) else c for c in row]


def _exchange(cells: Sequence[_Cell], rows: Sequence[list[int]]) -> None:
    """Exchange neighbours of a row as long as that takes crossings away."""
    for layer, row in enumerate(rows):
        above = _positions(rows[layer - 1]) if layer else {}
        below = _positions(rows[layer + 1]) if layer + 1 < len(rows) else {}
        improved = True
        while improved:
            improved = False
            for k in range(len(row) - 1):
                a, b = cells[row[k]], cells[row[k + 1]]
                gain = _pair(a.above, b.above, above) + _pair(a.below, b.below, below)
                if gain > 0:
                    row[k], row[k + 1] = row[k + 1], row[k]
                    improved = True


def _pair(first: Sequence[int], second: Sequence[int], places: Mapping[int, int]) -> int:
    """Crossings of two neighbours as they stand, less those when they are exchanged."""
    gain = 0
    for a in first:
        for b in second:
            gain += (places[a] > places[b]) - (places[a] < places[b])
    return gain


def _crossings(cells: Sequence[_Cell], rows: Sequence[Sequence[int]]) -> int:
    from bisect import bisect_right, insort

    total = 0
    for upper, lower in pairwise(rows):
        place = _positions(lower)
        seen: list[int] = []
        for cell in upper:
            ends = sorted(place[n] for n in cells[cell].below)
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


# ---- places --------------------------------------------------------------------------------------


def _place(cells: Sequence[_Cell], rows: Sequence[Sequence[int]]) -> None:
    """Set ``x`` of every cell: near to its neighbours, in order, with room between."""
    for row in rows:
        x = 0.0
        for number in row:
            cells[number].x = x + cells[number].width / 2
            x += cells[number].width + GAP
        for number in row:
            cells[number].x -= x / 2
    for sweep in range(ALIGNMENTS):
        last = sweep >= ALIGNMENTS - 2  # both neighbours count, at last
        order = range(len(rows)) if sweep % 2 == 0 else range(len(rows) - 1, -1, -1)
        for layer in order:
            _align(cells, rows[layer], sweep % 2 == 0, last)


def _align(cells: Sequence[_Cell], row: Sequence[int], down: bool, both: bool) -> None:
    """The places of a row that are nearest, in the mean square, to where its neighbours want it."""
    offset = 0.0
    before: _Cell | None = None
    blocks: list[list[float]] = []  # weight, sum of weighted wishes, number of cells
    offsets: list[float] = []
    for number in row:
        cell = cells[number]
        if before is not None:
            lanes = before.box is None and cell.box is None
            offset += (before.width + cell.width) / 2 + (LANE / 2 if lanes else GAP)
        before = cell
        offsets.append(offset)
        wish, weight = _wish(cells, cell, down, both)
        blocks.append([weight, weight * (wish - offset), 1.0])
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][0] >= blocks[-1][1] * blocks[-2][0]:
            late = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], late, strict=True)]
    k = 0
    for weight, total, count in blocks:
        for _ in range(round(count)):
            cells[row[k]].x = total / weight + offsets[k]
            k += 1


def _wish(cells: Sequence[_Cell], cell: _Cell, down: bool, both: bool) -> tuple[float, float]:
    """The mean of the neighbours, and its weight: a long arrow wants to be straight."""
    names = [*cell.above, *cell.below] if both else _neighbours(cell, down)
    names = names or _neighbours(cell, not down)
    total = weight = 0.0
    for number in names:
        other = cells[number]
        pull = 8.0 if cell.box is None and other.box is None else 1.0
        total += pull * other.x
        weight += pull
    return (total / weight, weight) if weight else (cell.x, 0.1)


# ---- ways ----------------------------------------------------------------------------------------


def _ways(
    boxes: Sequence[Box],
    links: Sequence[Link],
    cells: Sequence[_Cell],
    index: Mapping[str, int],
    chains: Sequence[Sequence[int]],
    centres: Mapping[str, tuple[float, float]],
    tops: Sequence[float],
    heights: Sequence[float],
) -> tuple[Way, ...]:
    leaving: dict[str, list[int]] = {box.name: [] for box in boxes}
    arriving: dict[str, list[int]] = {box.name: [] for box in boxes}
    for number, link in enumerate(links):
        leaving[link.source].append(number)
        arriving[link.target].append(number)
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    for box in boxes:
        own = cells[index[box.name]].x
        out = sorted(leaving[box.name], key=lambda n: (cells[chains[n][1]].x, n))
        step = min(26.0, (box.width - 28) / max(len(out) - 1, 1))
        for place, number in enumerate(out):
            starts[number] = own + (place - (len(out) - 1) / 2) * step
        into = sorted(arriving[box.name], key=lambda n: (cells[chains[n][-2]].x, n))
        whole = sum(links[n].width for n in into)
        at = own - whole / 2
        for number in into:
            ends[number] = at + links[number].width / 2
            at += links[number].width
    sizes = {box.name: box.height for box in boxes}
    found: list[Way] = []
    for number, (link, chain) in enumerate(zip(links, chains, strict=True)):
        points = [(starts[number], centres[link.source][1] + sizes[link.source] / 2)]
        for cell in chain[1:-1]:
            top = tops[cells[cell].layer]
            points += [(cells[cell].x, top), (cells[cell].x, top + heights[cells[cell].layer])]
        points.append((ends[number], centres[link.target][1] - sizes[link.target] / 2))
        found.append(Way(tuple(points)))
    return tuple(found)
