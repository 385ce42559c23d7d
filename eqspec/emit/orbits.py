"""How the emitted class moves the arguments of a base along an orbit, and its answers back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.images import (
    AnyImage,
    LatticeMap,
    Monomial,
    compose,
    explicit,
    inverse,
    lattice_map,
    rows_of,
)
from eqspec.emit.cosets import MoveMethod
from eqspec.emit.digits import steps_of
from eqspec.emit.layout import WIDTH, call
from eqspec.emit.names import Names, identifier
from eqspec.emit.printer import OrbitMethods
from eqspec.emit.tables import lattice_text, literal, roll_of
from eqspec.program.instructions import Shape
from eqspec.program.orbits import AxisMove

MATCHED = 48  # elements up to which every one is written out: the symmetries of a cube


class OrbitPrinter:
    """Prints the two methods of an orbit mean, and the buffers that they read."""

    def __init__(self, attributes: Names, helpers: set[str]) -> None:
        self.attributes = attributes
        self.helpers = helpers
        self.buffers: list[str] = []
        self.buffer_lines: list[str] = []
        self._known: dict[tuple[str, tuple[AnyImage, ...]], str] = {}

    def methods(self, made: OrbitMethods) -> list[str]:
        """The lines of `_x_move` and `_x_move_back`."""
        orbit, shapes = made.orbit, made.shapes
        stem = identifier(orbit.base)
        lines = [
            *_definition(made.stem, "xs"),
            f'        """Element `g` of the group acts on the arguments of `{orbit.base}`."""',
        ]
        names = self._unpack(lines, len(shapes), "x")
        skip, copied = bool(steps_of(orbit, shapes)), []
        for name, shape, moves in zip(names, shapes, orbit.moves, strict=True):
            text = self._moves(name, shape, moves, f"{stem}_move", orbit.order, skip=skip)
            lines.extend(text)
            copied.append(_is_copy(name, text))
        lines.extend(_returned(names, shapes, orbit.accepts, copied))
        lines.append("")
        how = "transpose" if orbit.transposed else "inverse"
        lines += [
            *_definition(f"{made.stem}_back", "ys"),
            f'        """The {how} of element `g` acts on what `{orbit.base}` returned."""',
        ]
        names = self._unpack(lines, len(orbit.returns), "y")
        names = _fitted(lines, names, orbit.returns, orbit.targets)
        for name, shape, moves in zip(names, orbit.targets, orbit.backs, strict=True):
            lines.extend(self._moves(name, shape, moves, f"{stem}_back", orbit.order))
        lines.append(f"        return {_tuple(names)}")
        return lines

    def move_method(self, made: MoveMethod) -> list[str]:
        """The lines of a method that moves tensors by one element."""
        letter = made.letter
        lines = [*_definition(made.name, f"{letter}s"), f'        """{made.doc}"""']
        names = self._unpack(lines, len(made.shapes), letter)
        for name, shape, moves in zip(names, made.shapes, made.moves, strict=True):
            lines.extend(self._moves(name, shape, moves, made.stem, made.order))
        lines.extend(_returned(names, made.shapes, made.accepts))
        return lines

    def _unpack(self, lines: list[str], count: int, letter: str) -> list[str]:
        names = [letter] if count == 1 else [f"{letter}{k}" for k in range(count)]
        lines.append(f"        {_tuple(names)} = {letter}s")
        return names

    def _moves(
        self,
        x: str,
        shape: Shape,
        moves: Sequence[AxisMove],
        stem: str,
        order: int,
        *,
        skip: bool = False,
    ) -> list[str]:
        """``skip``: nothing is done for the digit 0 of the element, except for the last digit."""
        lines: list[str] = []
        for move in moves:
            rank = len(shape)
            last = move.dim + move.width - 1 - rank
            pick = _pick(move.choice, order)
            if len(pick) > 32:  # a row for every element rather than a long list of rows
                images = tuple(move.images[k] for k in move.choice)
                move = replace(move, images=images, choice=tuple(range(order)))
                pick = "g"
            if not move.width:
                lines.append(self._renamed(x, move, stem, pick))
                continue
            flat, restore = x, ""
            if move.width > 1:
                flat = f"{x}.flatten({move.dim - rank}{'' if last == -1 else f', {last}'})"
                sizes = ", ".join(str(n) for n in shape[move.dim : move.dim + move.width])
                restore = f"        {x} = torch.unflatten({x}, {last}, ({sizes}))"
            text = self._one(x, flat, restore, last, move, stem, pick)
            if skip and "//" in pick and all(len(line) + 4 <= WIDTH for line in text):
                text = [f"        if {pick}:", *(f"    {line}" for line in text)]
            lines.extend(text)
        return lines

    def _renamed(self, x: str, move: AxisMove, stem: str, pick: str) -> str:
        """Every number of an index tensor is replaced by its image."""
        self.helpers.add("renamed")
        images = [explicit(image) for image in move.images]
        table = np.array([image.images for image in images if isinstance(image, Monomial)])
        name = self._buffer(f"{stem}_words", "words", move.images, table)
        return f"        {x} = _renamed({x}, self.{name}[{pick}])"

    def _one(
        self, x: str, flat: str, restore: str, dim: int, move: AxisMove, stem: str, pick: str
    ) -> list[str]:
        grids = [image for image in move.images if isinstance(image, LatticeMap)]
        if (
            all(isinstance(image, LatticeMap) or image.is_identity for image in move.images)
            and all(len(grid.shape) == move.width for grid in grids)
            and (len(move.images) <= MATCHED or (move.width == 1 and _only_rolls(grids)))
        ):
            return self._lattice(x, dim, move, pick)
        explicit_images = [explicit(image) for image in move.images]
        monomials = [image for image in explicit_images if isinstance(image, Monomial)]
        if len(monomials) < len(move.images):
            return self._matrices(x, flat, restore, dim, move, stem, pick)
        # y[images[i]] = signs[i] x[i], so entry j of y is taken from the i with images[i] = j
        sources = np.array([np.argsort(np.array(image.images)) for image in monomials])
        signs = np.array(
            [
                np.array(image.signs)[source]
                for image, source in zip(monomials, sources, strict=True)
            ]
        )
        lines: list[str] = []
        if not all(np.array_equal(row, np.arange(len(row))) for row in sources):
            table = self._buffer(f"{stem}_index", "index", move.images, sources)
            lines.append(f"        {x} = {flat}.index_select({dim}, self.{table}[{pick}])")
            flat = x
        if np.any(signs < 0):
            table = self._buffer(f"{stem}_signs", "signs", move.images, signs)
            column = ", ".join(["-1", *["1"] * (-1 - dim)])
            view = "" if dim == -1 else f".view({column})"
            lines.append(f"        {x} = {flat} * self.{table}[{pick}]{view}")
        return _folded([*lines, restore] if restore else lines)

    def _lattice(self, x: str, dim: int, move: AxisMove, pick: str) -> list[str]:
        """A grid is moved by torch's own functions, which copy whole rows."""
        images = [
            image if isinstance(image, LatticeMap) else None for image in move.images
        ]  # None: the identity
        dims = [dim - move.width + 1 + k for k in range(move.width)]
        if move.width == 1:
            amounts = [roll_of(image)[0] if image else 0 for image in images]
            flipped = any(image is not None and image.signs[0] < 0 for image in images)
            step = amounts[1] if len(amounts) > 1 else 0
            size = next(image.shape[0] for image in images if image)
            if not flipped and amounts == [k * step % size for k in range(len(amounts))]:
                times = _times(step if 2 * step <= size else step - size, pick)
                return [f"        {x} = torch.roll({x}, {times}, {dim})"]
        texts = [lattice_text(image, x, dims) if image else x for image in images]
        for turn, word in ((1, ""), (-1, "-")):
            if len(images) <= 4 and texts == _quarter_turns(move, x, dims, turn)[: len(images)]:
                bracket = f"({pick})" if word and pick != "g" else pick
                return [f"        {x} = torch.rot90({x}, {word}{bracket}, ({dims[0]}, {dims[1]}))"]
        lines = [f"        match {pick}:"]
        for k, text in enumerate(texts):
            if text != x:
                lines += [f"            case {k}:", f"                {x} = {text}"]
        return lines

    def _matrices(
        self, x: str, flat: str, restore: str, dim: int, move: AxisMove, stem: str, pick: str
    ) -> list[str]:
        exact = [rows_of(image) for image in move.images]
        denominator = math.lcm(*(v.denominator for rows in exact for row in rows for v in row))
        whole = np.array(
            [[[int(Fraction(v) * denominator) for v in row] for row in rows] for rows in exact]
        )
        table = self._buffer(f"{stem}_matrices", "matrices", move.images, whole)
        rest = "abcdefgh"[: -1 - dim]
        spec = f'"...j{rest}, ij -> ...i{rest}"'
        over = f" / {denominator}" if denominator != 1 else ""
        lines = call(8, f"{x} = torch.einsum", [spec, flat, f"self.{table}[{pick}]"], over)
        return [*lines, restore] if restore else lines

    def _buffer(
        self, stem: str, kind: str, images: tuple[AnyImage, ...], table: NDArray[np.int64]
    ) -> str:
        known = self._known.get((kind, images))
        if known is not None:
            return known
        name = self.attributes.take(stem)
        self._known[kind, images] = name
        lines, text = literal(table, "table", self.helpers, real=kind not in ("index", "words"))
        self.buffers.append(name)
        self.buffer_lines.extend(lines)
        self.buffer_lines.extend(
            call(8, "self.register_buffer", [f'"{name}"', text, "persistent=False"])
        )
        return name


def _definition(name: str, xs: str) -> list[str]:
    args = ["self", f"{xs}: Sequence[Tensor]", "g: int"]
    return call(4, f"def {name}", args, " -> tuple[Tensor, ...]:")


def _only_rolls(grids: Sequence[LatticeMap]) -> bool:
    return all(sign > 0 for grid in grids for sign in grid.signs)


def _times(step: int, pick: str) -> str:
    if abs(step) == 1:
        bracketed = pick if pick == "g" else f"({pick})"
        return pick if step == 1 else f"-{bracketed}"
    return f"{step} * {pick if pick == 'g' else f'({pick})'}"


def _quarter_turns(move: AxisMove, x: str, dims: Sequence[int], turn: int) -> list[str]:
    """What the powers of a quarter turn of a square would be written as."""
    grid = next(image for image in move.images if isinstance(image, LatticeMap))
    if len(grid.shape) != 2 or grid.shape[0] != grid.shape[1]:
        return []
    n = grid.shape[0]
    quarter = lattice_map((n, n), (1, 0), (1, -1), (0, n - 1))
    if turn < 0:
        quarter = inverse(quarter)  # type: ignore[assignment]  # of a lattice map is one
    texts = [x]
    power = quarter
    for _ in range(3):
        texts.append(lattice_text(power, x, dims))
        power = compose(quarter, power)  # type: ignore[assignment]
    return texts


def _pick(choice: Sequence[int], order: int) -> str:
    """The row of a table for element g."""
    if list(choice) == list(range(order)):
        return "g"
    period = len(set(choice))
    if list(choice) == [g % period for g in range(order)]:
        return f"g % {period}"
    if order % period == 0 and list(choice) == [g // (order // period) for g in range(order)]:
        return f"g // {order // period}"
    for run in range(1, order):
        if list(choice) == [g // run % period for g in range(order)]:
            return f"g // {run} % {period}"
    return f"({', '.join(str(k) for k in choice)})[g]"


def _tuple(names: Sequence[str]) -> str:
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def _is_copy(x: str, lines: Sequence[str]) -> bool:
    """Is the moved tensor always a new one?"""
    return any(
        line.startswith(f"        {x} = ") and "torch.unflatten" not in line for line in lines
    )


def _returned(
    names: Sequence[str],
    shapes: Sequence[Shape],
    accepts: Sequence[Shape],
    copied: Sequence[bool] | None = None,
) -> list[str]:
    """A base may write to what it is given: what is not ``copied`` yet is copied here."""
    copied = copied or [True] * len(names)
    if len(names) == len(accepts):
        texts = [
            (name if shape == wanted else f"{name}.flatten({-len(shape)})")
            + ("" if fresh else ".clone()")
            for name, shape, wanted, fresh in zip(names, shapes, accepts, copied, strict=True)
        ]
        return call(8, "return ", texts) if len(texts) > 1 else [f"        return {_tuple(texts)}"]
    flats = [
        name if len(shape) == 1 else f"{name}.flatten({-len(shape)})"
        for name, shape in zip(names, shapes, strict=True)
    ]
    lines = call(8, "flat = torch.cat", [f"({', '.join(flats)})", "dim=-1"])
    return [*lines, "        return (flat,)"]


def _fitted(
    lines: list[str], names: list[str], returns: Sequence[Shape], targets: Sequence[Shape]
) -> list[str]:
    """Give the answers of a base the shapes of the blocks."""
    if len(returns) == len(targets):
        for name, shape, wanted in zip(names, returns, targets, strict=True):
            if shape != wanted:
                sizes = ", ".join(str(n) for n in wanted)
                lines.append(f"        {name} = torch.unflatten({name}, -1, ({sizes}))")
        return names
    made = [f"y{k}" for k in range(len(targets))]
    sizes = ", ".join(str(math.prod(shape)) for shape in targets)
    lines.append(f"        {_tuple(made)} = {names[0]}.split(({sizes}), dim=-1)")
    for name, wanted in zip(made, targets, strict=True):
        if len(wanted) > 1:
            sizes = ", ".join(str(n) for n in wanted)
            lines.append(f"        {name} = torch.unflatten({name}, -1, ({sizes}))")
    return made


def _folded(lines: list[str]) -> list[str]:
    """Long assignments in brackets, as a formatter would write them."""
    folded: list[str] = []
    for line in lines:
        if len(line) <= WIDTH:
            folded.append(line)
            continue
        name, _, value = line.strip().partition(" = ")
        folded.extend([f"        {name} = (", f"            {value}", "        )"])
    return folded
