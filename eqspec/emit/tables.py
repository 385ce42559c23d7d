"""Constant tables as Python: short lists, ranges, blocks of numbers, and their broadcast sums."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.images import AnyImage, LatticeMap, Monomial, explicit
from eqspec.emit.layout import call, text_block
from eqspec.emit.progressions import progressions
from eqspec.program.filters import FilterBank
from eqspec.program.instructions import Constant, IndexSum, PairOrbits, Program, Reshape

LITERAL = 600  # numbers up to which a table is written out
SHARED = 30  # numbers from which a table that several classes need is written once

Key = tuple[bytes, PairOrbits | FilterBank | None]


@dataclass(frozen=True)
class SharedTable:
    """A function of the emitted file that returns a table, flat: its name, and its lines."""

    name: str
    lines: tuple[str, ...]


def shared_tables(programs: Iterable[Program], helpers: set[str]) -> dict[Key, SharedTable]:
    """Tables of orbits that several weights need: a function of the file makes them."""
    count: Counter[Key] = Counter()
    found: dict[Key, Constant] = {}
    for program in programs:
        for instruction in program.instructions:
            if isinstance(instruction, IndexSum):
                for arg in instruction.args:
                    part = program.instructions[arg]
                    if isinstance(part, Constant) and part.array.ndim > 1:
                        found[_key(part)] = part
                        count[_key(part)] += 1
    shared: dict[Key, SharedTable] = {}
    for key, part in found.items():
        if count[key] > 1 and part.array.size >= SHARED:
            name = "_weight_orbits" + (f"_{len(shared) + 1}" if shared else "")
            flat = [part.array.size]
            if part.origin is not None and part.array.size > LITERAL:
                lines = _orbit_lines(part, "orbits", flat, helpers)
                text = "orbits"
            else:
                lines, text = literal(part.array.reshape(-1), "orbits", helpers)
            body = [line.removeprefix("    ") for line in (*lines, f"        return {text}")]
            shared[key] = SharedTable(name, tuple(body))
    return shared


def _key(part: Constant) -> Key:
    return part.data, part.origin


def table_lines(
    program: Program,
    number: int,
    name: str,
    helpers: set[str],
    shared: Mapping[Key, SharedTable],
) -> list[str]:
    """Statements that register constant ``number`` as the buffer ``name``."""
    register = number
    flatten = False
    instruction = program.instructions[register]
    if isinstance(instruction, Reshape):
        register, flatten = instruction.args[0], True
        instruction = program.instructions[register]
    if isinstance(instruction, Constant):
        value = instruction.array.reshape(-1) if flatten else instruction.array
        if isinstance(instruction.origin, FilterBank):
            return [
                *_filter_lines(instruction.origin, helpers),
                *_register(name, "torch.cat(filters)"),
            ]
        if instruction.origin is not None and value.size > LITERAL:
            lines = _orbit_lines(instruction, "orbits", list(value.shape), helpers)
            return [*lines, *_register(name, "orbits")]
        lines, text = literal(value, "table", helpers, real=instruction.dtype == "float64")
        return [*lines, *_register(name, text)]
    assert isinstance(instruction, IndexSum), instruction
    lines = []
    terms: list[str] = []
    for place, arg in zip(instruction.places, instruction.args, strict=True):
        part = program.instructions[arg]
        assert isinstance(part, Constant)
        view = [n if k in place else 1 for k, n in enumerate(instruction.shape)]
        word = "channels" if part.array.ndim == 1 else "orbits"
        word = part.hint if part.hint == "offsets" else word
        word = word if all(word != term for term in terms) else f"{word}_{len(terms)}"
        if (known := shared.get(_key(part))) is not None:
            sizes = ", ".join(str(n) for n in view)
            lines.append(f"        {word} = {known.name}().view({sizes})")
        elif part.origin is not None and part.array.size > LITERAL:
            lines.extend(_orbit_lines(part, word, view, helpers))
        else:
            made, text = literal(part.array.reshape(view), word, helpers)
            lines.extend(made)
            if not made:
                lines.extend(call(8, f"{word} = {_head(text)}", *_args(text)))
        terms.append(word)
    total = " + ".join(terms)
    text = f"({total}).flatten()" if flatten else total
    return [*lines, *_register(name, text)]


def literal(
    array: NDArray[np.generic], name: str, helpers: set[str], *, real: bool = False
) -> tuple[list[str], str]:
    """A table as an expression; if it is long, the statements that assign it to ``name`` first."""
    entries = np.asarray(array, dtype=np.float64).reshape(-1)
    unit = _unit(entries)
    flat = [int(v) for v in entries * unit]
    shape = tuple(int(n) for n in array.shape)
    view = "" if len(shape) == 1 else f".view({', '.join(str(n) for n in shape)})"
    step = flat[1] - flat[0] if len(flat) > 1 else 0
    words = [str(v) for v in flat]
    short = progressions(np.array(flat)) if len(flat) > LITERAL and unit == 1 else None
    if short is not None and len(short.triples) > 3:
        helpers.add("progressions")
        lines = text_block(8, f"{name} = _progressions", short.words)
        if real:
            lines.append(f"        {name} = {name}.to(torch.get_default_dtype())")
        return [*lines, f"        {name} = {name}{view}"] if view else lines, name
    if real:
        helpers.add("numbers" if unit == 1 else "fractions")
        make = "_numbers" if unit == 1 else "_fractions"
        words = words if unit == 1 else [str(int(math.log2(unit))), *words]
        lines = text_block(8, f"{name} = {make}", words, view)
        if len(lines) == 1 and len(words) <= 10:
            return [], f'{make}("{" ".join(words)}"){view}'
        return lines, name
    if len(flat) > 3 and step > 0 and flat == list(range(flat[0], flat[-1] + 1, step)):
        bounds = (
            f"{len(flat)}"
            if (flat[0], step) == (0, 1)
            else f"{flat[0]}, {flat[-1] + step}, {step}"
            if step != 1
            else f"{flat[0]}, {flat[-1] + 1}"
        )
        return [], f"torch.arange({bounds}){view}"
    if len(flat) <= 10:
        listed = ", ".join(str(v) for v in flat)
        return [], f"torch.tensor([{listed}]){view}"
    helpers.add("table")
    factor = math.gcd(*flat)
    if factor > 1:  # the numbers of orbits, times a stride
        words = [str(v // factor) for v in flat]
        return text_block(8, f"{name} = {factor} * _table", words, view), name
    return text_block(8, f"{name} = _table", words, view), name


def _unit(entries: NDArray[np.float64]) -> float:
    """The least power of two that makes all entries whole."""
    unit = 1.0
    while not np.array_equal(entries * unit, np.round(entries * unit)):
        unit *= 2
    return unit


def _orbit_lines(part: Constant, name: str, view: Sequence[int], helpers: set[str]) -> list[str]:
    """A large table of orbits, computed when the module is made from the generators."""
    assert isinstance(part.origin, PairOrbits)
    helpers.add("orbits")
    lines: list[str] = []
    pairs: list[str] = []
    known: dict[AnyImage, str] = {}
    for target, source in part.origin.generators:
        names = []
        for side, image in (("rows", target), ("columns", source)):
            if image not in known:
                known[image] = side if side not in known.values() else f"{side}_{len(known)}"
                lines.extend(permutation_lines(image, known[image], helpers))
            names.append(known[image])
        pairs.append(f"({names[0]}, {names[1]})")
    lines.extend(call(8, f"{name} = _orbits", [f"[{', '.join(pairs)}]"]))
    times = f"{part.origin.stride} * " if part.origin.stride != 1 else ""
    sizes = ", ".join(str(n) for n in view)
    return [*lines, f"        {name} = {times}{name}.view({sizes})"]


def _filter_lines(bank: FilterBank, helpers: set[str]) -> list[str]:
    """Statements that make the list `filters`, frequency by frequency."""
    helpers.add("circular_harmonics")
    lines: list[str] = []
    half = 0.0 if bank.window % 2 else 0.5
    for number, part in enumerate(bank.parts):
        made, text = literal(np.array(part.entries), "entries", helpers)
        lines += made or [f"        entries = {text}"]
        radii = ", ".join(str(ring + half) for ring in part.rings)
        args = [
            "entries",
            f"window={bank.window}",
            f"places={bank.places}",
            f"frequency={part.frequency}",
            f"radii=[{radii}]",
            f"circle={part.circle}",
        ]
        made = call(8, "bank = _circular_harmonics", args)
        lines += [
            *made,
            "        filters = [bank]" if number == 0 else "        filters.append(bank)",
        ]
    return lines


def permutation_lines(image: AnyImage, name: str, helpers: set[str]) -> list[str]:
    """Statements that assign to ``name`` the index by which a permutation takes its entries."""
    if isinstance(image, LatticeMap) and image.degree > 16:
        sizes = ", ".join(str(n) for n in image.shape)
        view = f".view({sizes})" if len(image.shape) > 1 else ""
        flat = ".flatten()" if len(image.shape) > 1 else ""
        return [
            f"        {name} = torch.arange({image.degree}){view}",
            f"        {name} = {lattice_text(image, name, range(len(image.shape)))}{flat}",
        ]
    monomial = explicit(image)
    assert isinstance(monomial, Monomial)
    index = np.argsort(np.array(monomial.images))
    lines, text = literal(index, name, helpers)
    return lines or call(8, f"{name} = {_head(text)}", *_args(text))


def lattice_text(image: LatticeMap, x: str, dims: Sequence[int]) -> str:
    """The action on a grid: flips, rolls, and a permutation of the dimensions ``dims`` of ``x``."""
    text = x
    flips = [dims[d] for d, sign in enumerate(image.signs) if sign < 0]
    if flips:
        text += f".flip({', '.join(str(d) for d in flips)})"
    rolls = roll_of(image)
    for d, shift in enumerate(rolls):
        if shift:
            text += f".roll({shift}, {dims[d]})"
    order = [image.axes.index(d) for d in range(len(image.axes))]
    moved = [d for d in range(len(order)) if order[d] != d]
    if len(moved) == 2:
        text += f".transpose({dims[moved[0]]}, {dims[moved[1]]})"
    elif moved:
        source = ", ".join(str(dims[order[d]]) for d in moved)
        target = ", ".join(str(dims[d]) for d in moved)
        text += f".movedim(({source}), ({target}))"
    return text


def roll_of(image: LatticeMap) -> tuple[int, ...]:
    """By how much each dimension is rolled, after the flips."""
    return tuple(
        (offset + (sign < 0)) % size
        for sign, offset, size in zip(image.signs, image.offsets, image.shape, strict=True)
    )


def _register(name: str, value: str) -> list[str]:
    return call(8, "self.register_buffer", [f'"{name}"', value, "persistent=False"])


def _head(text: str) -> str:
    return text.partition("(")[0]


def _args(text: str) -> tuple[list[str], str]:
    inner = text.partition("(")[2]
    depth, end = 1, 0
    while True:
        depth += (inner[end] == "(") - (inner[end] == ")")
        if depth == 0:
            break
        end += 1
    return [inner[:end]], inner[end + 1 :]
