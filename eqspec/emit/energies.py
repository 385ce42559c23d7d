"""The energies by which cosets compete, and tables of entries, in the emitted class.

In: a fixed linear functional and the method that moves what it looks at. Out: the method that computes
the energies, and the buffers that it reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from eqspec.algebra.functionals import Functional
from eqspec.emit.layout import call, tuple_text
from eqspec.program.instructions import Shape

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Scored:
    """A tensor at which a functional looks: its shape, the dimensions on which something acts, and the
    buffers with the numbers for the others (empty: there are none) and for these."""

    shape: Shape
    acted: tuple[int, ...]
    channels: str
    numbers: str


@dataclass(frozen=True)
class EnergyMethod:
    """A method ``name(xs)``: a fixed linear functional of tensors. ``place`` is the method that moves
    them to the places of their orbits, ``order`` how many there are: with ``bits`` the result is the
    energies of all of them, else that of one."""

    name: str
    scored: tuple[Scored, ...]
    acting: Functional
    idle: Functional
    place: str
    order: int
    bits: int


@dataclass(frozen=True)
class EntryTable:
    """Buffers ``names`` with the entries that every element of the method ``move`` takes, for each of
    some tensors (an empty name: for that one they are not needed)."""

    names: tuple[str, ...]
    move: str
    shapes: tuple[Shape, ...]
    acted: tuple[tuple[int, ...], ...]
    order: int


def group_text(texts: Sequence[str]) -> str:
    return f"({texts[0]},)" if len(texts) == 1 else tuple_text(list(texts))


def energy_lines(made: EnergyMethod) -> list[str]:
    """The method of the energies of all places, or of one."""
    lines = call(4, f"def {made.name}", ["self", "xs: Sequence[Tensor]"], " -> Tensor:")
    names = ["x"] if len(made.scored) == 1 else [f"x{k}" for k in range(len(made.scored))]
    if made.bits:
        lines.append(
            '        """A linear functional at all places of an orbit, without rounding."""'
        )
        ranks = ", ".join(str(len(each.shape)) for each in made.scored)
        args = ["xs", f"ranks=({ranks}{',' if len(names) == 1 else ''})", f"bits={made.bits}"]
        lines.extend(call(8, f"{group_text(names)} = _whole", args))
    else:
        lines.append('        """A linear functional that no element of the group fixes."""')
        lines.append(f"        {group_text(names)} = xs")
    flats: list[str] = []
    for name, each in zip(names, made.scored, strict=True):
        rank = len(each.acted) if made.bits else len(each.shape)
        if each.channels:
            spec = f'"...{_letters(each)}, {_letters(each, False)} -> ...{_letters(each, True)}"'
            channels = f"self.{each.channels}.double()"
            lines.extend(call(8, f"{name} = torch.einsum", [spec, name, channels]))
        elif rank < len(each.shape):  # a plain axis of size 1
            ones = tuple(k - len(each.shape) for k in range(len(each.shape)) if k not in each.acted)
            lines.append(f"        {name} = {name}.squeeze({tuple_text([str(k) for k in ones])})")
        flats.append(f"{name}.flatten({-rank})" if rank > 1 else name)
    word = "energies" if made.bits else "energy"
    for k, (flat, each) in enumerate(zip(flats, made.scored, strict=True)):
        head = "return" if k == len(flats) - 1 else f"{word} ="
        before = f"{word} + " if k else ""
        if made.bits:
            lines.append(f"        numbers = self.{each.numbers}.double()")
            lines.append(f"        {head} {before}{flat} @ numbers")
        else:
            lines.append(f"        numbers = self.{each.numbers}")
            lines.append(f"        {head} {before}(_wide({flat}).contiguous() * numbers).sum(-1)")
    return lines


def _letters(each: Scored, acted: bool | None = None) -> str:
    """A letter for every dimension, or for those on which something acts, or for the others."""
    return "".join(
        LETTERS[k] for k in range(len(each.shape)) if acted is None or (k in each.acted) == acted
    )


def energy_buffers(made: EnergyMethod) -> list[str]:
    return [n for each in made.scored for n in (each.channels, each.numbers) if n]


def weight_lines(made: EnergyMethod) -> list[str]:
    """The numbers of the functional, in the constructor."""
    lines: list[str] = []
    acted = [tuple(each.shape[k] for k in each.acted) for each in made.scored]
    plain = [
        tuple(n for k, n in enumerate(each.shape) if k not in each.acted) for each in made.scored
    ]
    if any(math.prod(sizes) > 1 for sizes in plain):
        idle = _parts(lines, "channels", made.idle, [math.prod(sizes) for sizes in plain])
    else:
        idle = [""] * len(plain)
    for each, text, sizes in zip(made.scored, idle, plain, strict=True):
        if each.channels:
            lines.extend(_register(each.channels, _shaped(text, sizes)))
    acting = _parts(lines, "weights", made.acting, [math.prod(sizes) for sizes in acted])
    if made.bits:
        rows = _entries_lines(
            lines, made.place, [each.shape for each in made.scored],
            [each.acted for each in made.scored], made.order,
        )  # fmt: skip
        acting = [f"_at_places({row}, {text})" for row, text in zip(rows, acting, strict=True)]
    for each, text, rest, sizes in zip(made.scored, acting, idle, plain, strict=True):
        if not made.bits and math.prod(sizes) > 1:  # the product of both, entry by entry
            spec = f'"{_letters(each, False)}, {_letters(each, True)} -> {_letters(each)}"'
            kept = tuple(each.shape[k] for k in each.acted)
            args = [spec, _shaped(rest, sizes), _shaped(text, kept)]
            lines.extend(call(8, "numbers = torch.einsum", args))
            text = "numbers.flatten()"
        lines.extend(_register(each.numbers, text))
    return lines


def _shaped(text: str, sizes: Shape) -> str:
    return f"{text}.reshape({', '.join(str(n) for n in sizes)})" if len(sizes) > 1 else text


def _parts(lines: list[str], name: str, made: Functional, sizes: Sequence[int]) -> list[str]:
    """The numbers for each of several tensors."""
    text = f"_functional({made.size}, {made.multiplier}, {made.modulus})"
    if len(sizes) == 1:
        return [text]
    listed = ", ".join(str(n) for n in sizes)
    lines.extend(call(8, f"{name} = torch.split", [text, f"[{listed}]"]))
    return [f"{name}[{k}]" for k in range(len(sizes))]


def _entries_lines(
    lines: list[str],
    move: str,
    shapes: Sequence[Shape],
    acted: Sequence[Sequence[int]],
    order: int,
) -> list[str]:
    """The rows of entries of each tensor, in local variables; nothing moves along plain axes."""
    sizes = [
        [str(n) if k in dims else "1" for k, n in enumerate(shape)]
        for shape, dims in zip(shapes, acted, strict=True)
    ]
    texts = [f"({', '.join(own)}{',' if len(own) == 1 else ''})" for own in sizes]
    args = [f"self.{move}", f"[{', '.join(texts)}]", f"order={order}"]
    lines.extend(call(8, "rows = _entries", args))
    return [f"rows[{k}]" for k in range(len(shapes))]


def table_lines(made: EntryTable) -> list[str]:
    """The tables of the entries that the elements take, in the constructor."""
    lines: list[str] = []
    rows = _entries_lines(lines, made.move, made.shapes, made.acted, made.order)
    for name, row in zip(made.names, rows, strict=True):
        if name:
            lines.extend(_register(name, row))
    return lines


def _register(name: str, text: str) -> list[str]:
    return call(8, "self.register_buffer", [f'"{name}"', text, "persistent=False"])
