"""A table of classes as a PNG image, without a library: an indexed image is a header and one compressed block.

In: for every entry the number of its class (-1: always zero) and its sign. Out: an indexed PNG with a
transparent background, whose bytes depend on nothing else, as a `data:` address.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

PALETTE = 250  # colours; further classes take them again
EMPTY, LINE, DARK = 0, 1, 2  # numbers of the colours that are no class
FIRST = 3
FEW = 16  # classes whose colours are as different as can be

Labels = NDArray[np.int64]
Signs = NDArray[np.int8]


def table_image(labels: Labels, signs: Signs, tile: tuple[int, int] | None, most: int) -> Image:
    """Every entry is a square of one colour; a negative one has a dark bar. ``tile``: lines are drawn
    around tiles of so many entries. ``most`` is the width to be kept to, where that is possible."""
    rows, columns = labels.shape
    cell = max(2, min(22, most // max(columns, 1), most // max(rows, 1)))
    pixels = _cells(labels, signs, cell)
    if tile is not None:
        pixels = _tiled(pixels, tile[0] * cell, tile[1] * cell)
    height, width = pixels.shape
    colours = [(0, 0, 0), (128, 136, 148), (20, 22, 26)]
    count = min(int(labels.max(initial=-1)) + 1, PALETTE)
    colours += class_colours(count, tile[1] if tile is not None else columns)
    return Image(width, height, _data(_png(pixels, colours)))


class Image:
    """The size in pixels and the `data:` address."""

    def __init__(self, width: int, height: int, address: str) -> None:
        self.width, self.height, self.address = width, height, address


def _cells(labels: Labels, signs: Signs, cell: int) -> NDArray[np.uint8]:
    numbers = np.where(labels < 0, EMPTY, FIRST + labels % PALETTE).astype(np.uint8)
    pixels = np.kron(numbers, np.ones((cell, cell), dtype=np.uint8))
    if cell >= 5:  # a thread between cells
        pixels[cell - 1 :: cell, :] = EMPTY
        pixels[:, cell - 1 :: cell] = EMPTY
    bar = max(1, cell // 6)
    for r, c in zip(*np.nonzero((signs < 0) & (labels >= 0)), strict=True):
        middle = r * cell + (cell - 1) // 2 - bar // 2
        pixels[middle : middle + bar, c * cell + cell // 5 : (c + 1) * cell - cell // 5 - 1] = DARK
    return pixels


def _tiled(pixels: NDArray[np.uint8], high: int, wide: int) -> NDArray[np.uint8]:
    """With a line around every tile."""
    rows, columns = pixels.shape
    found = np.full(
        (rows + rows // high * 2 + 2, columns + columns // wide * 2 + 2), LINE, np.uint8
    )
    for r in range(rows // high):
        for c in range(columns // wide):
            top, left = r * (high + 2) + 2, c * (wide + 2) + 2
            part = pixels[r * high : (r + 1) * high, c * wide : (c + 1) * wide]
            found[top - 1 : top + high, left - 1 : left + wide] = EMPTY
            found[top : top + high, left : left + wide] = part
    return found


# ---- colours -------------------------------------------------------------------------------------


def class_colours(count: int, wide: int = 1) -> list[tuple[int, int, int]]:
    """Colours for so many classes, in the order of their first entries. Few are as different as can be;
    many go round the circle of hues, and become lighter along each row of a tile of width ``wide``: so
    that what is turned or mirrored is seen to be."""
    if count <= FEW:
        lightness = (0.62, 0.8, 0.5, 0.72)
        return [
            _rgb(lightness[k % 4], 0.13 if k % 4 != 2 else 0.11, (250 + 137.508 * k) % 360)
            for k in range(count)
        ]
    return [
        _rgb(0.5 + 0.32 * (k % wide) / max(wide - 1, 1), 0.125, (260 + 330 * k / count) % 360)
        for k in range(count)
    ]


def _rgb(lightness: float, chroma: float, hue: float) -> tuple[int, int, int]:
    """From OKLCH (Ottosson, 2020) to sRGB; less colourful where the screen cannot."""
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    if chroma > 0 and not all(-1e-4 <= value <= 1 + 1e-4 for value in linear):
        return _rgb(lightness, max(chroma - 0.01, 0.0), hue)
    r, g, b = (_encoded(value) for value in linear)
    return r, g, b


def _encoded(value: float) -> int:
    value = min(1.0, max(0.0, value))
    curved = 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return round(255 * curved)


# ---- bytes ---------------------------------------------------------------------------------------


def _png(pixels: NDArray[np.uint8], colours: list[tuple[int, int, int]]) -> bytes:
    """PNG, third edition: colour type 3, the first colour transparent."""
    height, width = pixels.shape
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(value for colour in colours for value in colour)),
            _chunk(b"tRNS", b"\0"),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _data(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
