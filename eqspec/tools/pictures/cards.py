"""The cards of a drawing: a feature with its name, its type and what makes it.

In: a `Feature`. Out: its size, and its markup. Widths are those of a fixed-width font, which `textLength`
holds in every viewer; other text is measured generously.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from eqspec.tools.pictures.colours import dash, slot
from eqspec.tools.pictures.markup import Markup, element, joined, number
from eqspec.tools.pictures.scene import Factor, Feature
from eqspec.tools.pictures.tokens import Token, wrapped

PAD = 14.0
MONO = 7.23  # advance of a fixed-width letter of 12 pixels
BIG = 8.43  # of 14 pixels
TYPE_WIDTH, TYPE_LINES = 40, 7
NAME_LENGTH = 36
LINE = 19.0
TAGS = {"input": "INPUT", "output": "OUTPUT", "call": "MODULE"}
_NARROW, _WIDE = frozenset("iljtfrI.,:;'|!()[]{} \u00b7"), frozenset("mwMW@%\u2192")


@dataclass(frozen=True)
class Card:
    """The lines of a feature and the size that they need."""

    feature: Feature
    name: str
    tag: str
    type: list[list[Token]]
    below: list[tuple[str, str]]  # class of the text, and the text
    width: float
    height: float


def sans_width(text: str, size: float) -> float:
    """About the width of a text in a proportional font, rather too much than too little."""
    units = 0.0
    for c in text:
        units += 0.34 if c in _NARROW else 0.9 if c in _WIDE else 0.7 if c.isupper() else 0.58
    return units * size


def clipped(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"


def card_of(feature: Feature, least: float = 0.0) -> Card:
    """``least`` is the width that the arrows into it need."""
    name = clipped(feature.name, NAME_LENGTH)
    tag = TAGS.get(feature.kind, "")
    others = [one for one in feature.outputs if one != feature.name]
    if others:
        tag = clipped(f"{tag} {', '.join(others)}", 24)
    lines = wrapped(feature.tokens, TYPE_WIDTH, TYPE_LINES) if feature.tokens else []
    below = [("o", clipped(text, 46)) for text in _making(feature)]
    kind = "w" if any("almost" in law or "approx" in law for law in feature.laws) else "l"
    below += [(kind, clipped(law, 60)) for law in feature.laws]
    widths = [
        len(name) * BIG + (sans_width(tag, 10) + 22 if tag else 0),
        *(sum(len(t.text) for t in line) * MONO for line in lines),
        *(sans_width(text, 12) * (1.0 if kind == "o" else 1.2) for kind, text in below),
    ]
    width = max(112.0, least, max(widths) + 2 * PAD + 4)
    height = PAD + LINE + len(lines) * LINE + len(below) * 17 + (5 if below else 0) + 5
    return Card(feature, name, tag, lines, below, width, height)


def _making(feature: Feature) -> Iterator[str]:
    """What makes the feature: its ops and calls, and how many weights it has."""
    arrow = " \N{RIGHTWARDS ARROW} "
    ops = arrow.join(op for op in feature.ops if op != "call")
    if ops:
        yield ops
    yield from feature.notes
    if feature.parameters:
        yield f"{feature.parameters:,} weight{'s' if feature.parameters != 1 else ''}"


def draw_card(card: Card, x: float, y: float, factors: Mapping[str, Factor]) -> Markup:
    """The card with its upper left corner at (x, y)."""
    feature, w, h = card.feature, card.width, card.height
    parts = [element("title", description(feature))]
    if feature.kind == "call":
        parts.append(element("rect", class_="eqg-back", x=x + 5, y=y + 5, width=w, height=h, rx=9))
    parts.append(
        element("rect", class_=f"eqg-card eqg-{feature.kind}", x=x, y=y, width=w, height=h, rx=9)
    )
    parts += _stripe(feature, x, y, h, factors)
    at = y + PAD + 9
    left = x + PAD + 4
    parts.append(mono("eqg-n", left, at, card.name, BIG))
    if card.tag:
        parts.append(element("text", card.tag, class_="eqg-t", x=x + w - PAD, y=at))
    for line in card.type:
        at += LINE
        parts += _tokens(line, left, at, factors)
    at += 3
    for kind, text in card.below:
        at += 17
        parts.append(element("text", text, class_=f"eqg-{kind}", x=left, y=at))
    return element("g", joined(parts), class_="eqg-f")


def _stripe(
    feature: Feature, x: float, y: float, h: float, factors: Mapping[str, Factor]
) -> Iterator[Markup]:
    """A band at the left with a piece for every factor that acts."""
    acting = [factors[name] for name in feature.factors]
    piece = (h - 18) / max(len(acting), 1)
    for k, factor in enumerate(acting):
        top = y + 9 + k * piece
        yield element(
            "path",
            class_=f"eqg-s eqg-c{slot(factor.number)}",
            d=f"M{number(x + 6)} {number(top + 2)}V{number(top + piece - 2)}",
            stroke_dasharray=dash(factor.number) or None,
        )


def _tokens(
    line: list[Token], x: float, y: float, factors: Mapping[str, Factor]
) -> Iterator[Markup]:
    """A line of a type; what a factor acts on is underlined in its colour."""
    yield mono("eqg-y", x, y, "".join(token.text for token in line), MONO)
    for token in line:
        width = len(token.text) * MONO
        acting = sorted(
            (factors[name] for name in token.factors if name in factors), key=lambda f: f.number
        )
        for k, factor in enumerate(acting):
            piece = width / len(acting)
            yield element(
                "path",
                class_=f"eqg-u eqg-c{slot(factor.number)}",
                d=f"M{number(x + k * piece + 0.5)} {number(y + 4)}h{number(piece - 1)}",
                stroke_dasharray=dash(factor.number) or None,
            )
        x += width


def mono(class_: str, x: float, y: float, text: str, advance: float) -> Markup:
    """Text in a fixed-width font, as wide in every viewer as it is drawn here."""
    return element(
        "text",
        text,
        class_=class_,
        x=x,
        y=y,
        textLength=len(text) * advance,
        lengthAdjust="spacingAndGlyphs",
    )


def description(feature: Feature) -> str:
    """Everything about a feature, as a text to be shown beside it."""
    lines = [f"{feature.name}: {feature.type}" if feature.type else feature.name]
    if feature.doc:
        lines.append(feature.doc)
    if feature.type:
        acting = ", ".join(feature.factors)
        lines.append(f"acted on by {acting}" if acting else "nothing acts: invariant")
    lines += [*_making(feature), *feature.laws]
    return "\n".join(lines)
