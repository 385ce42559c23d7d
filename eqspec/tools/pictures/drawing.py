"""`eqspec graph` as SVG, drawn without any external program.

In: scenes. Out: one SVG text, which brings its own colours for light and dark and names no other file.

Every factor is a coloured line. Where it acts at both ends of an arrow, the line goes through: the map
is equivariant. Where the factor is forgotten the line ends at the gate above the target, and where it
acts on the target alone it begins there. A gate at which one line ends and another begins is a fusion
point.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eqspec.graph.model import EdgeClass
from eqspec.tools.pictures.cards import Card, card_of, clipped, draw_card, mono, sans_width
from eqspec.tools.pictures.colours import dash, slot, variables
from eqspec.tools.pictures.layering import Box, Link, Way, layout
from eqspec.tools.pictures.markup import Markup, element, escaped, joined, number
from eqspec.tools.pictures.scene import Arrow, Factor, Scene
from eqspec.tools.pictures.style import STYLE

MARGIN = 28.0
GATE = 24.0  # from the middle of a gate to the target below it
STRAND = 5.0  # from the middle of a line to that of its neighbour
PILL = 18.0
LEAST = 600.0  # the width that a title and its legend get


@dataclass(frozen=True)
class Drawing:
    """Markup that fits into a rectangle from (0, 0)."""

    width: float
    height: float
    markup: Markup


def svg_text(scenes: Sequence[Scene], *, titles: bool = True) -> str:
    """All scenes, one below the other, each with its legend, and its title and doc (``titles``)."""
    drawings = [draw_scene(scene, titles=titles) for scene in scenes]
    width = max((d.width for d in drawings), default=0.0)
    parts: list[Markup] = []
    y = 0.0
    for drawing in drawings:
        parts.append(element("g", drawing.markup, transform=f"translate(0 {number(y)})"))
        y += drawing.height
    what = ", ".join(scene.module for scene in scenes)
    return element(
        "svg",
        element("style", Markup(variables(".eqg") + STYLE)),
        element("rect", class_="eqg-paper", width=width, height=y, rx=10),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        class_="eqg",
        role="img",
        aria_label=f"Layer graph of {what}",
        width=number(width),
        height=number(y),
        style=f"--eq-width:{number(width)}px",
        viewBox=f"0 0 {number(width)} {number(y)}",
    )


def draw_scene(scene: Scene, *, titles: bool = True) -> Drawing:
    factors = {factor.name: factor for factor in scene.factors}
    labels = [_label(arrow) for arrow in scene.arrows]
    links = [
        Link(
            arrow.source, arrow.target, _room(arrow, label), 38.0 if _gated(arrow, label) else 12.0
        )
        for arrow, label in zip(scene.arrows, labels, strict=True)
    ]
    into: dict[str, float] = {}
    for link in links:
        into[link.target] = into.get(link.target, 0.0) + link.width
    cards = {
        feature.name: card_of(feature, into.get(feature.name, 0.0) + 16)
        for feature in scene.features
    }
    boxes = [Box(name, card.width, card.height) for name, card in cards.items()]
    places = layout(boxes, links)
    head = _head(scene, max(places.width, LEAST), titles)
    inner = max(places.width, head.width)
    shift = (inner - places.width) / 2
    wires = [
        _wire(arrow, label, way, factors)
        for arrow, label, way in zip(scene.arrows, labels, places.ways, strict=True)
    ]
    graph = [*(wire for wire, _ in wires), *(gate for _, gate in wires)]
    graph += [_at(card, *places.centres[name], factors) for name, card in cards.items()]
    markup = joined(
        [
            element("g", head.markup, transform=f"translate({number(MARGIN)} {number(MARGIN)})"),
            element(
                "g",
                *graph,
                transform=f"translate({number(MARGIN + shift)} {number(MARGIN + head.height)})",
            ),
        ]
    )
    return Drawing(inner + 2 * MARGIN, places.height + head.height + 2 * MARGIN, markup)


def _at(card: Card, x: float, y: float, factors: Mapping[str, Factor]) -> Markup:
    return draw_card(card, x - card.width / 2, y - card.height / 2, factors)


# ---- arrows --------------------------------------------------------------------------------------


def _label(arrow: Arrow) -> str:
    """`[0] dim 64`, or nothing."""
    words = [arrow.part] if arrow.part else []
    if arrow.dimension is not None:
        words.append(f"dim {arrow.dimension:,}")
    if arrow.fusion and arrow.dimension is None:
        words.append("fusion")
    return clipped("  ".join(words), 34)


def _room(arrow: Arrow, label: str) -> float:
    strands = len(arrow.classes) * STRAND + 12
    return max(strands, _pill_width(arrow, label) + 8)


def _gated(arrow: Arrow, label: str) -> bool:
    """Does anything stand above the target?"""
    return bool(label or arrow.carrying(EdgeClass.INVARIANT) or arrow.enters)


def _pill_width(arrow: Arrow, label: str) -> float:
    if not label:
        return 0.0
    return len(label) * 6.62 + 16 + (15 if arrow.fusion else 0)


def _wire(
    arrow: Arrow, label: str, way: Way, factors: Mapping[str, Factor]
) -> tuple[Markup, Markup]:
    """The lines of an arrow, and the gate above its target."""
    through = arrow.carrying(EdgeClass.EQUIVARIANT)
    ending, starting = arrow.carrying(EdgeClass.INVARIANT), arrow.enters
    x, y = way.points[-1]
    gate = y - GATE
    above = gate - 8 if _gated(arrow, label) else y - 12
    approach = [*way.points[:-1], (x, above)]
    whole = _curve(approach, 0.0) + f"V{number(y - 1)}"
    parts = [
        element("title", sentence(arrow)),
        element("path", class_="eqg-hit", d=whole),
        element("path", class_="eqg-w", d=whole),
    ]
    gates: list[Markup] = []
    above_gate = [name for name in arrow.classes if name in {*through, *ending}]
    lanes = {name: k for k, name in enumerate(above_gate)}
    free = [lanes[name] for name in ending]  # one line begins where another ends
    for name in starting:
        lanes[name] = free.pop(0) if free else len(lanes)
    count = max(lanes.values(), default=0) + 1
    for name, lane in lanes.items():
        offset = (lane - (count - 1) / 2) * STRAND
        factor = factors[name]
        curve = _curve(approach, offset)
        if name in through:
            d = curve + f"V{number(y - 6)}"
        elif name in ending:
            d = curve + f"V{number(gate)}"
            if not label:
                bar = f"M{number(x + offset - 4.5)} {number(gate)}h9"
                gates.append(_strand(bar, factor, plain=True))
        else:
            d = f"M{number(x + offset)} {number(gate)}V{number(y - 6)}"
        parts.append(_strand(d, factor))
    tip = f"M{number(x)} {number(y)}l-5.5 -8.5h11z"
    gates.append(element("path", class_="eqg-a", d=tip))
    if label:
        gates.append(_pill(arrow, label, x, gate, factors))
    return element("g", *parts, class_="eqg-e"), joined(gates)


def _strand(d: str, factor: Factor, plain: bool = False) -> Markup:
    return element(
        "path",
        class_=f"eqg-l eqg-c{slot(factor.number)}",
        d=d,
        stroke_dasharray=None if plain else dash(factor.number) or None,
    )


def _curve(points: Sequence[tuple[float, float]], offset: float) -> str:
    """A smooth line through the points, moved to its side: it turns between two layers and goes
    straight down through one."""
    (x, y), rest = points[0], points[1:]
    x += offset
    words = [f"M{number(x)} {number(y - 4)}V{number(y)}"]
    for k, (to_x, to_y) in enumerate(rest):
        to_x += offset
        if k % 2:
            words.append(f"V{number(to_y)}")
        elif abs(to_x - x) < 0.5:
            words.append(f"L{number(to_x)} {number(to_y)}")
        else:
            lean = max(-1.0, min(1.0, (to_x - x) / max(to_y - y, 1.0)))
            middle = (y + to_y) / 2 - offset * lean
            words.append(
                f"C{number(x)} {number(middle)} {number(to_x)} {number(middle)}"
                f" {number(to_x)} {number(to_y)}"
            )
        x, y = to_x, to_y
    return "".join(words)


def _pill(
    arrow: Arrow,
    label: str,
    x: float,
    y: float,
    factors: Mapping[str, Factor],
) -> Markup:
    width = _pill_width(arrow, label)
    left = x - width / 2
    kind = "eqg-p eqg-fusion" if arrow.fusion else "eqg-p"
    parts = [
        element("title", sentence(arrow)),
        element("rect", class_=kind, x=left, y=y - PILL / 2, width=width, height=PILL, rx=PILL / 2),
    ]
    text = left + 8
    if arrow.fusion:
        parts += _diamond(left + 14, y, factors, arrow)
        text += 15
    parts.append(mono("eqg-d", text, y + 3.8, label, 6.62))
    return element("g", *parts)


def _diamond(x: float, y: float, factors: Mapping[str, Factor], arrow: Arrow) -> Iterator[Markup]:
    """Above, the colour of what is forgotten; below, that of what acts from here on."""
    for kind, sign in ((EdgeClass.INVARIANT, -6), (EdgeClass.SYMMETRIC, 6)):
        names = arrow.carrying(kind)
        colour = f"eqg-k{slot(factors[names[0]].number)}" if names else "eqg-k"
        d = f"M{number(x - 6)} {number(y)}l6 {sign}l6 {-sign}z"
        yield element("path", class_=colour, d=d)


def sentence(arrow: Arrow) -> str:
    """What an arrow is, in words."""
    words = [f"{arrow.source}{arrow.part} \N{RIGHTWARDS ARROW} {arrow.target}"]
    for names, text in (
        (arrow.carrying(EdgeClass.EQUIVARIANT), "equivariant under"),
        (arrow.carrying(EdgeClass.INVARIANT), "forgets"),
        (arrow.enters, "the result is fixed by"),
    ):
        if names:
            words.append(f"{text} {', '.join(names)}")
    if arrow.dimension is not None:
        words.append(f"{arrow.dimension:,} free weight{'s' if arrow.dimension != 1 else ''}")
    if arrow.fusion:
        words.append("fusion point")
    return "\n".join(words)


# ---- the head ------------------------------------------------------------------------------------


def _head(scene: Scene, width: float, titles: bool) -> Drawing:
    """The name of the module, its first words, and the factors with their colours."""
    y = 0.0
    widest = 0.0
    parts: list[Markup] = []
    if titles:
        y = 14.0
        title = clipped(scene.module, 60)
        parts.append(element("text", title, class_="eqg-h", x=0.0, y=y))
        y += 6
        widest = sans_width(title, 19)
        paragraph = " ".join(scene.doc.split("\n\n")[0].split())
        for line in textwrap.wrap(paragraph, max(40, int(width / 6.6)))[:3]:
            y += 18
            parts.append(element("text", line, class_="eqg-o", x=0.0, y=y))
            widest = max(widest, sans_width(line, 13))
        y += 12
    x = 0.0
    y += 16
    for factor in scene.factors:
        text = f"{factor.name}"
        what = clipped(f"{factor.group}, {factor.extent}", 60)
        size = 34 + len(text) * MONO_LEGEND + 10 + sans_width(what, 12) + 22
        if x and x + size > width:
            x = 0.0
            y += 20
        line = f"M{number(x)} {number(y - 4)}h24"
        parts.append(_strand(line, factor))
        parts.append(mono("eqg-g", x + 32, y, text, MONO_LEGEND))
        start = x + 32 + len(text) * MONO_LEGEND + 9
        parts.append(element("text", what, class_="eqg-o", x=start, y=y))
        x += size
        widest = max(widest, x - 22)
    for line in _key(scene):
        y += 20
        parts.append(element("text", line, class_="eqg-q", x=0.0, y=y))
        widest = max(widest, sans_width(line, 11))
    return Drawing(widest, y + 30, joined(parts))


MONO_LEGEND = 7.23


def _key(scene: Scene) -> Iterator[str]:
    """How to read the lines that occur."""
    found: list[str] = []
    classes = {kind for arrow in scene.arrows for kind in arrow.classes.values()}
    if EdgeClass.INVARIANT in classes:
        found.append("a line that ends: forgotten")
    if any(arrow.enters for arrow in scene.arrows):
        found.append("a line that begins: the result is fixed by it")
    if any(arrow.dimension is not None for arrow in scene.arrows):
        found.append("dim: free weights of the map")
    if any(arrow.fusion for arrow in scene.arrows):
        found.append("\N{BLACK DIAMOND} fusion point")
    if found:
        yield "   \N{MIDDLE DOT}   ".join(found)


__all__ = ["Drawing", "draw_scene", "escaped", "svg_text"]
