"""Features in irreducible coordinates: which axes are replaced, by what, and the way there and back.

By Schur's lemma an equivariant linear map sends every isotypic component to the component of the same
irreducible representation and does the same to all its copies, so in a basis that shows the components its
matrix is made of small blocks. A feature that stays in that basis from one linear map to the next costs
nothing on the way.

An axis on which one finite factor acts, the only one of its block, can be replaced. Its components fall
into `Slot`s: those with equally many copies and equally many inner coordinates in every representation of
the module, so that the slots of any two of them match; the trivial representation is a slot of its own. A
feature is then one register for each slot (for each choice of slots where several axes are replaced), of
shape (K, D, W, *others): K components, D copies, W inner coordinates (multiplicity times the commutant),
sizes 1 left out, then the other axes of the block in order.

Source: Serre, *Linear Representations of Finite Groups*, 2.2, 2.6 and 13.2 (real, complex, quaternionic).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.isotypic import Isotypic, isotypic
from eqspec.algebra.reference import TRIVIAL
from eqspec.algebra.representations import Representation
from eqspec.graph.sizes import is_dynamic
from eqspec.graph.types import Block, RepAxis, Type
from eqspec.program.fourier import is_transform
from eqspec.program.instructions import Note

if TYPE_CHECKING:
    from eqspec.program.builder import Builder

LETTERS = "abcdefghijklmnopqrstuvwxABCDEFGHIJKLMNOPQRSTUVWX"  # y is the axis that is replaced
LARGEST_MATRIX = 256  # rows of a matrix that stands in an emitted module
FOURIER_FROM = 128  # entries of a cyclic axis; below, a product with the matrix is faster
MOST_PARTS = 6  # the smallest entry of a row is so many times a unit at most
EXACT = 1e-9  # entries below are zero: rounding of an orthogonal matrix is a million times smaller


@dataclass(frozen=True)
class Slot:
    """Components that are treated as one batch in one representation: ``count`` of them, each with
    ``copies`` copies of ``inner`` coordinates; rows ``start`` to ``stop`` of the matrix."""

    number: int
    names: tuple[str, ...]
    count: int
    copies: int
    inner: int
    start: int

    @property
    def size(self) -> int:
        return self.count * self.copies * self.inner

    @property
    def is_trivial(self) -> bool:
        return self.number == 0


@dataclass(frozen=True, eq=False)
class Spectrum:
    """One representation in slots: the rows of the orthogonal ``matrix`` are its new coordinates."""

    rep: Representation
    slots: tuple[Slot, ...]
    matrix: NDArray[np.float64]

    @cached_property
    def whole(self) -> tuple[NDArray[np.float64], tuple[float, ...]] | None:
        """Multiples of the rows that are whole numbers, and the squares of their lengths; None if a row
        has no such multiple."""
        factors = [_whole_factor(row) for row in self.matrix]
        if not all(factors):
            return None
        return np.round(self.matrix * np.array(factors)[:, None]), tuple(
            float(round(factor**2)) for factor in factors
        )

    @cached_property
    def is_fourier(self) -> bool:
        """Is it a long cyclic axis, which is transformed instead of multiplied by the matrix?"""
        return len(self.matrix) >= FOURIER_FROM and is_transform(self.matrix)

    @property
    def is_mirror(self) -> bool:
        """Two entries that become their sum and their difference."""
        root = math.sqrt(0.5)
        return self.matrix.shape == (2, 2) and np.allclose(
            self.matrix, [[root, root], [root, -root]], atol=EXACT
        )

    def slot(self, number: int) -> Slot | None:
        return next((slot for slot in self.slots if slot.number == number), None)

    def rows(self, slot: Slot) -> NDArray[np.float64]:
        """Of shape (K, D, W, degree)."""
        part = self.matrix[slot.start : slot.start + slot.size]
        return part.reshape(slot.count, slot.copies, slot.inner, -1)


def _whole_factor(row: NDArray[np.float64]) -> float:
    """The least number that makes all entries of a unit vector whole, 0 if none is found."""
    least = float(np.abs(row[np.abs(row) > EXACT]).min())
    for count in range(1, MOST_PARTS + 1):
        factor = count / least
        if np.allclose(row * factor, np.round(row * factor), atol=EXACT * factor):
            return factor
    return 0.0


@dataclass(frozen=True)
class Piece:
    """One register of a feature: a slot of every replaced axis."""

    slots: tuple[Slot, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(slot.number for slot in self.slots)

    @property
    def count(self) -> int:
        return math.prod(slot.count for slot in self.slots)

    @property
    def copies(self) -> int:
        return math.prod(slot.copies for slot in self.slots)

    @property
    def inner(self) -> int:
        return math.prod(slot.inner for slot in self.slots)

    @property
    def is_trivial(self) -> bool:
        return all(slot.is_trivial for slot in self.slots)

    @property
    def lead(self) -> tuple[int, ...]:
        return tuple(n for n in (self.count, self.copies, self.inner) if n > 1)


@dataclass(frozen=True)
class Coordinates:
    """A block, the axes that are replaced, and what replaces them; none: given coordinates."""

    block: Block
    axes: tuple[int, ...] = ()
    spectra: tuple[Spectrum, ...] = ()

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        return tuple(Piece(slots) for slots in product(*(s.slots for s in self.spectra)))

    @property
    def others(self) -> tuple[int, ...]:
        """The axes that stay, in order."""
        return tuple(k for k in range(len(self.block.axes)) if k not in self.axes)

    def sizes(self, axes: Iterable[int]) -> tuple[int, ...]:
        return tuple(math.prod(self.block.axes[k].shape) for k in axes)

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the registers."""
        if not self.axes:
            return (self.block.shape,)
        return tuple((*piece.lead, *self.sizes(self.others)) for piece in self.pieces)


@dataclass(frozen=True)
class Frame:
    """The coordinates of every type of a module over some factors."""

    spectra: Mapping[RepAxis, Spectrum]

    def of(self, block: Block) -> Coordinates:
        axes = tuple(k for k, axis in enumerate(block.axes) if self._is_replaced(block, k))
        return Coordinates(block, axes, tuple(self.spectra[block.axes[k]] for k in axes))  # type: ignore[index]  # they are keys

    def of_type(self, type_: Type) -> tuple[Coordinates, ...]:
        return tuple(self.of(block) for block in type_.blocks)

    def _is_replaced(self, block: Block, k: int) -> bool:
        return is_replaceable(block, k) and block.axes[k] in self.spectra

    def replaces(self, type_: Type) -> frozenset[str]:
        """The factors whose axes are replaced somewhere in a type."""
        return frozenset(
            factor
            for found in self.of_type(type_)
            for k in found.axes
            for factor in found.block.axes[k].factors
        )


def is_replaceable(block: Block, k: int) -> bool:
    """Does one factor act on the axis, which acts on no other axis of the block?"""
    axis = block.axes[k]
    if not isinstance(axis, RepAxis) or block.values is not None or is_dynamic(*axis.shape):
        return False
    if len(axis.factors) != 1:
        return False
    return all(not axis.factors & other.factors for j, other in enumerate(block.axes) if j != k)


def frame_of(types: Iterable[Type], factors: frozenset[str]) -> Frame:
    """The frame over these factors in which all the types of a module have their coordinates."""
    axes: dict[str, list[RepAxis]] = {factor: [] for factor in sorted(factors)}
    for type_ in types:
        for block in type_.blocks:
            for k, axis in enumerate(block.axes):
                if is_replaceable(block, k) and isinstance(axis, RepAxis):
                    (factor,) = axis.factors
                    if factor in axes and axis not in axes[factor]:
                        axes[factor].append(axis)
    spectra: dict[RepAxis, Spectrum] = {}
    for found in axes.values():
        known = [(axis, basis) for axis in found if (basis := _basis(axis.rep)) is not None]
        spectra.update(_spectra(tuple(known)))
    return Frame(spectra)


def _basis(rep: Representation) -> Isotypic | None:
    """Irreducible coordinates by a matrix that can be written into a module, or by a transform."""
    if rep.degree <= LARGEST_MATRIX:
        return isotypic(rep)
    if any(group.family != "cyclic" or (group.order or 0) < rep.degree for _, group in rep.groups):
        return None  # no axis on which the shifts act once: seen before anything is computed
    found = isotypic(rep)
    return found if found is not None and is_transform(found.matrix) else None


@lru_cache(maxsize=256)
def _spectra(known: tuple[tuple[RepAxis, Isotypic], ...]) -> dict[RepAxis, Spectrum]:
    names: dict[str, None] = {}
    kinds: dict[str, list[object]] = {}
    for _, basis in known:
        names.update(dict.fromkeys(component.name for component in basis.components))
    trivial = {_trivial_name(basis) for _, basis in known}
    for name in names:
        of = [next((c for c in basis.components if c.name == name), None) for _, basis in known]
        kinds[name] = [c and (c.degree // c.commutant, c.multiplicity * c.commutant) for c in of]
    classes: list[list[str]] = []
    for name in sorted(names, key=lambda name: name not in trivial):
        host = next(
            (c for c in classes if kinds[c[0]] == kinds[name] and not trivial & {c[0], name}), None
        )
        if host is None:
            classes.append([name])
        else:
            host.append(name)
    shift = 0 if classes and classes[0][0] in trivial else 1  # number 0 is the trivial one's
    return {
        axis: _spectrum(axis.rep, basis, [(k + shift, c) for k, c in enumerate(classes)])
        for axis, basis in known
    }


def _spectrum(
    rep: Representation, basis: Isotypic, classes: Sequence[tuple[int, list[str]]]
) -> Spectrum:
    rows: dict[str, NDArray[np.float64]] = {}
    at = 0
    for component in basis.components:
        size = component.degree * component.multiplicity
        rows[component.name] = basis.matrix[at : at + size]
        at += size
    by_name = {component.name: component for component in basis.components}
    slots: list[Slot] = []
    parts: list[NDArray[np.float64]] = []
    start = 0
    for number, names in classes:
        if names[0] not in by_name:
            continue
        first = by_name[names[0]]
        copies, inner = first.degree // first.commutant, first.multiplicity * first.commutant
        slots.append(Slot(number, tuple(names), len(names), copies, inner, start))
        start += slots[-1].size
        parts += [rows[name] for name in names]
    return Spectrum(rep, tuple(slots), np.concatenate(parts))


def _trivial_name(basis: Isotypic) -> str | None:
    """The component that every generator leaves alone."""
    return next((TRIVIAL for part in basis.components if part.name == TRIVIAL), None)


# ---- the way there and back ----


def convert(
    b: Builder, source: Coordinates, registers: Sequence[int], target: Coordinates
) -> tuple[int, ...]:
    """One block from some coordinates to others: axes that both replace stay replaced if all do."""
    if source.axes == target.axes:
        return tuple(registers)
    return split(b, target, merge(b, source, registers))


def split(b: Builder, to: Coordinates, x: int) -> tuple[int, ...]:
    """From given coordinates: sums and differences for two entries, else a product with the matrix."""
    if not to.axes:
        return (x,)
    order = range(len(to.block.axes))
    done: dict[tuple[Slot, ...], int] = {(): b.reshape(x, to.sizes(order))}
    left = list(order)  # the axes that are not yet replaced, behind the sizes of those that are
    for k, spectrum in zip(to.axes, to.spectra, strict=True):
        at = left.index(k)
        left.remove(k)
        done = {
            (*slots, slot): y
            for slots, register in done.items()
            for slot, y in _split_axis(b, spectrum, register, len(_leads(slots)), at).items()
        }
    return tuple(_packed(b, to, slots, register) for slots, register in done.items())


def _split_axis(b: Builder, spectrum: Spectrum, x: int, lead: int, at: int) -> dict[Slot, int]:
    """Every slot of one axis; its sizes stand behind the first ``lead`` dimensions."""
    dim = lead + at
    shape = b.shape(x)
    rest = (*shape[:dim], *shape[dim + 1 :])
    if spectrum.is_mirror:
        first, second = (b.reshape(b.narrow(x, dim, k, 1), rest) for k in (0, 1))
        # scaled here after the sum, and in `_merge_axis` before it: next to the weights, which take it in
        even, odd = b.add(first, second), b.subtract(first, second)
        scaled = (b.scale(even, 0.5**0.5), b.scale(odd, 0.5**0.5))
        return dict(zip(spectrum.slots, scaled, strict=True))
    if spectrum.is_fourier:
        y = b.fourier(x, dim)
    else:
        letters = LETTERS[: len(shape)]
        others = letters.replace(letters[dim], "")
        # the matrix first: its rows become the slowest axis in memory, so that slots are slices
        spec = f"y{letters[dim]},{letters}->y{others}"
        sizes = " + ".join(str(slot.size) for slot in spectrum.slots)
        note = Note("", f"{spectrum.rep.label} in irreducible coordinates: {sizes}")
        y = b.einsum(spec, _table(b, spectrum), x, note=note)
    results: dict[Slot, int] = {}
    for slot in spectrum.slots:
        part = b.narrow(y, 0, slot.start, slot.size)
        own = [size for _, size in _leads((slot,))]
        part = b.reshape(part, (*own, *rest))
        n = len(own)
        behind = [*range(n, n + lead), *range(n), *range(n + lead, n + len(rest))]
        results[slot] = b.permute(part, behind)
    return results


def _leads(slots: Sequence[Slot]) -> list[tuple[int, int]]:
    """The sizes above 1 of some slots in turn: which of the three each is, and how large."""
    return [
        (part, size)
        for slot in slots
        for part, size in enumerate((slot.count, slot.copies, slot.inner))
        if size > 1
    ]


def _packed(b: Builder, to: Coordinates, slots: tuple[Slot, ...], x: int) -> int:
    """(K, D, W) of every axis in turn become one K, one D, one W."""
    leads = _leads(slots)
    order = sorted(range(len(leads)), key=lambda n: leads[n][0])
    x = b.permute(x, [*order, *range(len(leads), len(b.shape(x)))])
    return b.reshape(x, (*Piece(slots).lead, *to.sizes(to.others)))


def _unpacked(b: Builder, of: Coordinates, slots: tuple[Slot, ...], x: int) -> int:
    leads = _leads(slots)
    order = sorted(range(len(leads)), key=lambda n: leads[n][0])
    others = of.sizes(of.others)
    x = b.reshape(x, (*(leads[n][1] for n in order), *others))
    back = [order.index(n) for n in range(len(leads))]
    return b.permute(x, [*back, *range(len(leads), len(leads) + len(others))])


def merge(b: Builder, of: Coordinates, registers: Sequence[int]) -> int:
    """Back to given coordinates."""
    if not of.axes:
        return registers[0]
    done = {
        piece.slots: _unpacked(b, of, piece.slots, x)
        for piece, x in zip(of.pieces, registers, strict=True)
    }
    left = list(of.others)
    for n in reversed(range(len(of.axes))):
        k, spectrum = of.axes[n], of.spectra[n]
        at = sum(other < k for other in left)
        left.insert(at, k)
        done = {
            slots: _merge_axis(
                b, spectrum, [done[(*slots, s)] for s in spectrum.slots], len(_leads(slots)), at
            )
            for slots in dict.fromkeys(slots[:n] for slots in done)
        }
    return b.reshape(done[()], of.block.shape)


def _merge_axis(b: Builder, spectrum: Spectrum, parts: list[int], lead: int, at: int) -> int:
    """The axis at ``at`` behind the first ``lead`` dimensions, from its slots."""
    if spectrum.is_mirror:
        even, odd = (b.scale(part, 0.5**0.5) for part in parts)
        return b.stack((b.add(even, odd), b.subtract(even, odd)), lead + at)
    rows: list[int] = []
    for part, slot in zip(parts, spectrum.slots, strict=True):
        n = len(_leads((slot,)))
        shape = b.shape(part)
        front = [*range(lead, lead + n), *range(lead), *range(lead + n, len(shape))]
        rest = (*shape[:lead], *shape[lead + n :])
        rows.append(b.reshape(b.permute(part, front), (slot.size, *rest)))
    x = b.concat(rows, 0)
    if spectrum.is_fourier:
        return b.fourier_back(x, lead + at)
    letters = LETTERS[: len(b.shape(x))]
    note = Note("", f"back to {spectrum.rep.label}")
    spec = f"y{letters[0]},y{letters[1:]}->{letters}"
    x = b.einsum(spec, _table(b, spectrum), x, note=note)
    order = list(range(1, len(letters)))
    order.insert(lead + at, 0)
    return b.permute(x, order)


def _table(b: Builder, spectrum: Spectrum) -> int:
    hint = f"irreducible coordinates of {spectrum.rep.label}, one a row"
    if spectrum.whole is None:
        return b.real(spectrum.matrix, hint)
    return b.orthonormal(*spectrum.whole, hint)
