"""How the emitted class chooses a coset for every sample, and moves the samples by it.

In: the instructions `Canonical` and `MoveBy`. Out: lines of `forward`, and what the class needs besides:
methods that move tensors by an element, and the energies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eqspec.algebra.functionals import Functional, companion, exact_bits
from eqspec.algebra.images import Monomial, explicit
from eqspec.emit.energies import EnergyMethod, EntryTable, Scored, group_text
from eqspec.emit.layout import call
from eqspec.program.instructions import Shape
from eqspec.program.orbits import AxisMove, Canonical, Energy, MoveBy, energy_sizes

if TYPE_CHECKING:
    from eqspec.emit.printer import Printer

FEW = 8  # cosets up to which every sample is moved by all of them in turn
ENTRIES = 1 << 20  # of a table
LEAST_BITS = 20  # to which the entries of an argument are rounded for exact sums


@dataclass(frozen=True)
class MoveMethod:
    """A method ``name(xs, g)`` that moves tensors of these shapes by element g of ``order``, and hands
    them on in the shapes ``accepts``."""

    name: str
    doc: str
    stem: str
    letter: str
    order: int
    shapes: tuple[Shape, ...]
    moves: tuple[tuple[AxisMove, ...], ...]
    accepts: tuple[Shape, ...]


def print_canonical(printer: Printer, number: int, instruction: Canonical) -> None:
    """The lines that choose a coset and move the arguments there."""
    lines, helpers = printer.out.forward_lines, printer.out.helpers
    shapes = [printer.program.shape(arg) for arg in instruction.args]
    texts = [printer.code[arg].text for arg in instruction.args]
    stem = _stem(printer, number)
    energies = _energies(printer, number, instruction, texts, shapes)
    chosen = printer.variables.take(f"{stem}_coset")
    best = "best_coset" if instruction.ties == "first" else "best_cosets"
    lines.extend(call(8, f"{chosen} = _{best}", [*energies, f"cosets={instruction.cosets}"]))
    move = _move(
        printer,
        f"{stem}_canonical",
        "The inverse of representative `g` of the cosets acts on the arguments.",
        "x",
        instruction.cosets,
        shapes,
        instruction.moves,
        shapes,
    )
    names = [
        printer.variables.take(f"{text if text.isidentifier() else stem}_canonical")
        for text in texts
    ]
    _move_lines(printer, instruction, names, texts, chosen, move, shapes, "move_tied")
    helpers.add(best)
    printer.parts[number] = [*names, chosen]


def _move_lines(
    printer: Printer,
    made: Canonical | MoveBy,
    names: Sequence[str],
    texts: Sequence[str],
    chosen: str,
    move: str,
    shapes: Sequence[Shape],
    tied: str,
) -> None:
    """The lines that move every sample by an element of its own: by all in turn if they are few, else by
    tables of the entries that each of them takes."""
    lines, helpers = printer.out.forward_lines, printer.out.helpers
    if made.ties == "average":
        helpers |= {"move_each", tied}
        lines.extend(
            call(8, f"{group_text(names)} = _{tied}", [group_text(texts), chosen, f"self.{move}"])
        )
        return
    acted = tuple(
        tuple(sorted({m.dim + k for m in moves for k in range(m.width)})) for moves in made.moves
    )
    entries = made.cosets * max(
        math.prod(shape[dim] for dim in dims) for shape, dims in zip(shapes, acted, strict=True)
    )
    if made.cosets <= FEW or entries > ENTRIES or not _monomial(made.moves):
        helpers.add("move_each")
        args = [group_text(texts), chosen, f"self.{move}", f"cosets={made.cosets}"]
        lines.extend(call(8, f"{group_text(names)} = _move_each", args))
        return
    helpers |= {"entries", "taken"}
    table = _table(printer, move, shapes, acted, made.cosets)
    for name, text, buffer, shape, dims in zip(
        names, texts, table.names, shapes, acted, strict=True
    ):
        if not buffer:
            lines.append(f"        {name} = {text}")
            continue
        places = [str(dim - len(shape)) for dim in dims]
        lines.extend(call(8, f"{name} = _taken", [text, f"self.{buffer}[{chosen}]", *places]))


def _table(
    printer: Printer,
    move: str,
    shapes: Sequence[Shape],
    acted: tuple[tuple[int, ...], ...],
    order: int,
) -> EntryTable:
    known = next((t for t in printer.out.tables if (t.move, t.acted) == (move, acted)), None)
    if known is not None:
        return known
    suffixes = [""] if len(acted) == 1 else [f"_{k}" for k in range(len(acted))]
    names = tuple(
        printer.attributes.take(f"{move.strip('_')}_entries{suffix}") if dims else ""
        for dims, suffix in zip(acted, suffixes, strict=True)
    )
    made = EntryTable(names, move, tuple(shapes), acted, order)
    printer.out.tables.append(made)
    return made


def _monomial(moves: Sequence[Sequence[AxisMove]]) -> bool:
    """Are all images permutations with signs?"""
    return all(
        isinstance(explicit(image), Monomial)
        for own in moves
        for move in own
        for image in move.images
    )


def print_move_by(printer: Printer, number: int, instruction: MoveBy) -> None:
    """The line that moves the answers of the base back, sample by sample."""
    texts = [printer.code[arg].text for arg in instruction.args]
    shapes = [printer.program.shape(arg) for arg in instruction.args[:-1]]
    stem = _stem(printer, number)
    move = _move(
        printer,
        f"{stem}_restore",
        "Representative `g` of the cosets acts on the answers.",
        "y",
        instruction.cosets,
        shapes,
        instruction.moves,
        shapes,
    )
    names = []
    for register in printer.users[number]:
        if register in printer.named:
            printer.named.pop(register)
            names.append(printer.final[register])
        else:
            names.append(printer.variables.take(stem))
    _move_lines(printer, instruction, names, texts[:-1], texts[-1], move, shapes, "mean_of_tied")
    printer.parts[number] = names


def _stem(printer: Printer, number: int) -> str:
    return printer.program.owners[number].replace(".", "_")


def _energies(
    printer: Printer, number: int, made: Canonical, texts: Sequence[str], shapes: Sequence[Shape]
) -> list[str]:
    """The line that computes the energies of all places; what `_best_coset` is given."""
    energy = made.energy
    stem = _stem(printer, number)
    order = made.cosets * energy.members
    own = [shapes[place] for place in energy.places]
    move = _move(
        printer,
        f"{stem}_place",
        "The inverse of element `g` acts: the places of an orbit, coset by coset.",
        "x",
        order,
        own,
        energy.moves,
        energy.accepts or own,
    )
    name = printer.variables.take(f"{stem}_energies")
    scored = group_text([texts[place] for place in energy.places])
    if energy.base:
        helper = "network_energies"
        args = [
            f"self.{printer.base_names[energy.base]}",
            scored,
            f"self.{move}",
            f"order={order}",
            f"rank={len(own[0])}",
            "calls=self.calls",
        ]
    else:
        printer.out.helpers |= {"orbit_answers", "functional"}
        method = _functional(printer, stem, energy, own, move, order)
        if method.bits:
            printer.out.helpers |= {"whole", "entries", "at_places"}
            lines = call(8, f"{name} = self.{method.name}", [scored])
        else:
            printer.out.helpers.add("energies")
            args = [f"self.{method.name}", scored, f"self.{move}", f"order={order}"]
            lines = call(8, f"{name} = _energies", args)
        printer.out.forward_lines.extend(lines)
        return [name]
    printer.out.helpers |= {"orbit_answers", helper}
    printer.out.forward_lines.extend(call(8, f"{name} = _{helper}", args))
    return [name]


def _functional(
    printer: Printer, stem: str, energy: Energy, shapes: Sequence[Shape], place: str, order: int
) -> EnergyMethod:
    sizes = energy_sizes(energy, shapes)
    acted = [math.prod(acted) for acted, _ in sizes]
    acting = Functional(sum(acted), energy.multiplier, energy.modulus)
    idle = companion(acting, sum(math.prod(plain) for _, plain in sizes))
    bits = min(exact_bits(acting, idle), 40)
    listed = order * sum(acted) <= ENTRIES and _monomial(energy.moves) and bits >= LEAST_BITS
    suffixes = [""] if len(sizes) == 1 else [f"_{k}" for k in range(len(sizes))]
    scored = tuple(
        Scored(
            shape,
            dims,
            printer.attributes.take(f"{stem}_channels{suffix}")
            if listed and math.prod(plain) > 1
            else "",
            printer.attributes.take(f"{stem}_{'functionals' if listed else 'weights'}{suffix}"),
        )
        for shape, dims, (_, plain), suffix in zip(
            shapes, energy.acted, sizes, suffixes, strict=True
        )
    )
    name = "_" + printer.attributes.take(f"{stem}_{'energies' if listed else 'energy'}")
    made = EnergyMethod(name, scored, acting, idle, place, order, bits if listed else 0)
    printer.out.energies.append(made)
    return made


def _move(
    printer: Printer,
    name: str,
    doc: str,
    letter: str,
    order: int,
    shapes: Sequence[Shape],
    moves: tuple[tuple[AxisMove, ...], ...],
    accepts: Sequence[Shape],
) -> str:
    """The name of the method that moves so; one that is there already is taken again."""
    for known in printer.out.moves:
        if (known.order, known.shapes, known.moves, known.accepts, known.letter) == (
            order,
            tuple(shapes),
            moves,
            tuple(accepts),
            letter,
        ):
            return known.name
    taken = "_" + printer.attributes.take(name)
    printer.out.moves.append(
        MoveMethod(taken, doc, name, letter, order, tuple(shapes), moves, tuple(accepts))
    )
    return taken
