"""The colours of factors are seen on their background, and told apart with any colour vision."""

from __future__ import annotations

from itertools import combinations

from eqspec.tools.pictures.colours import DARK, DASHES, LIGHT, THEME, dash, slot

Colour = tuple[float, float, float]

# Machado, Oliveira and Fernandes, A Physiologically-based Model for Simulation of Color Vision
# Deficiency (2009): severity 1, on linear RGB.
VISION: dict[str, tuple[Colour, Colour, Colour]] = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def linear(colour: str) -> Colour:
    values = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return r, g, b


def contrast(first: str, second: str) -> float:
    """The ratio of WCAG 2."""
    light, dark = sorted(
        (0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (linear(first), linear(second))),
        reverse=True,
    )
    return (light + 0.05) / (dark + 0.05)


def seen(colour: str, vision: str) -> Colour:
    """OKLab coordinates (Ottosson, 2020) of what is seen."""
    rgb = linear(colour)
    r, g, b = (
        min(1.0, max(0.0, sum(m * v for m, v in zip(row, rgb, strict=True))))
        for row in VISION[vision]
    )
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    middle = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def distance(first: str, second: str, vision: str) -> float:
    a, b = seen(first, vision), seen(second, vision)
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5


def test_contrast_with_the_background() -> None:
    for number, colours in enumerate((LIGHT, DARK)):
        for surface in ("paper", "card"):
            ground = THEME[surface][number]
            for colour in colours:
                assert contrast(colour, ground) >= 3, (colour, ground)
            for text in ("ink", "soft"):
                assert contrast(THEME[text][number], ground) >= 4.5
        assert contrast(THEME["amber"][number], THEME["ambersoft"][number]) >= 4.5
        assert contrast(THEME["amber"][number], THEME["card"][number]) >= 4.5


def test_colours_are_told_apart() -> None:
    for colours in (LIGHT, DARK):
        for vision in VISION:
            for a, b in combinations(range(len(colours)), 2):
                least = 0.1 if max(a, b) < 4 else 0.06  # most specs have up to four factors
                found = distance(colours[a], colours[b], vision)
                assert found >= least, (vision, colours[a], colours[b], round(found, 3))


def test_more_factors_than_colours_are_dashed() -> None:
    looks = [(slot(k), dash(k)) for k in range(len(LIGHT) * len(DASHES))]
    assert len(set(looks)) == len(looks)
