"""Steerable filters sampled at the pixels of a window.

In: for every frequency the rings and the patterns, as `algebra.steerable` finds them. Out: an array with
one filter bank for each free weight. Values are rounded to multiples of 2^-20, so that they are the same in
single and in double precision, and equal where a quarter turn of the window makes them equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

SPREAD = 0.5  # of a Gaussian ring, in pixels
GRAIN = 2.0**20

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Harmonics:
    """The filters of one frequency. ``entries`` has a row (pattern, place, phase, amplitude) for every
    entry of every pattern; a place is row * columns + column; phases are parts of a circle of
    ``circle``."""

    frequency: int
    rings: tuple[int, ...]
    circle: int
    patterns: int
    entries: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True)
class FilterBank:
    """All filters between two fibres: free weights count frequencies, patterns, then rings."""

    window: int
    places: int
    parts: tuple[Harmonics, ...]

    @property
    def weights(self) -> int:
        return sum(part.patterns * len(part.rings) for part in self.parts)

    def sampled(self) -> Array:
        """Shape (weights, places, window, window)."""
        made = [part_samples(part, self.window, self.places) for part in self.parts]
        rounded: Array = np.round(np.concatenate(made) * GRAIN) / GRAIN
        return rounded


def part_samples(part: Harmonics, window: int, places: int) -> Array:
    """The filters of one frequency, before rounding."""
    at = np.arange(window) - (window - 1) / 2
    points = np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1)
    profiles = profiles_at(points, part.rings, window, part.frequency)
    profiles = profiles / np.sqrt((profiles**2).sum((1, 2), keepdims=True))
    filters: Array = np.einsum("ryx,bpyx->brpyx", profiles, angular_at(points, part, places))
    return filters.reshape(-1, places, window, window)


def profiles_at(points: Array, rings: tuple[int, ...], window: int, frequency: int) -> Array:
    """The Gaussian rings at points (row, column) of the plane; shape (rings, *points). At the centre, where
    an angle has no meaning, only frequency 0 is not zero."""
    radius = np.hypot(points[..., 0], points[..., 1])
    centre = np.array(rings, dtype=float) + (0.0 if window % 2 else 0.5)
    values = np.exp(-((radius - centre.reshape(-1, *[1] * radius.ndim)) ** 2) / (2 * SPREAD**2))
    return np.asarray(values if frequency == 0 else values * (radius > 0))


def angular_at(points: Array, part: Harmonics, places: int) -> Array:
    """The patterns at points (row, column); shape (patterns, places, *points)."""
    angle = np.arctan2(points[..., 1], points[..., 0])
    found = np.zeros((part.patterns, places, *angle.shape))
    for pattern, place, phase, amplitude in part.entries:
        turned = part.frequency * angle - 2 * pi * phase / part.circle
        found[pattern, place] += amplitude * np.cos(turned)
    return found


def within(size: int) -> Array:
    """1 at the pixels whose centres lie within the circle that a square of pixels contains, 0 elsewhere."""
    at = np.arange(size) - (size - 1) / 2
    inside: Array = (np.add.outer(at**2, at**2) <= (size / 2) ** 2).astype(np.float64)
    return inside
