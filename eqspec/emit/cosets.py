"""How the emitted class chooses a coset for every sample, and moves the samples by it.

In: the instructions `Canonical` and `MoveBy`. Out: lines of `forward`, and what the class needs besides:
methods that move tensors by an element, and the energies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eqspec.algebra.functionals import Functional
from eqspec.emit.layout import call, tuple_text
from eqspec.program.instructions import AxisMove, Canonical, Energy, MoveBy, Shape

if TYPE_CHECKING:
    from eqspec.emit.printer import Printer


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


@dataclass(frozen=True)
class EnergyMethod:
    """A method ``name(xs)``: a fixed linear functional of tensors of these shapes, whose numbers are the
    buffer ``buffer``."""

    name: str
    buffer: str
    shapes: tuple[Shape, ...]
    functional: Functional


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
    helper = "move_each" if instruction.ties == "first" else "move_tied"
    args = [_group(texts), chosen, f"self.{move}"]
    if instruction.ties == "first":
        args.append(f"cosets={instruction.cosets}")
    lines.extend(call(8, f"{_group(names)} = _{helper}", args))
    helpers |= {best, "move_each", helper}
    printer.parts[number] = [*names, chosen]


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
    helper = "move_each" if instruction.ties == "first" else "mean_of_tied"
    args = [_group(texts[:-1]), texts[-1], f"self.{move}"]
    if instruction.ties == "first":
        args.append(f"cosets={instruction.cosets}")
    printer.out.forward_lines.extend(call(8, f"{_group(names)} = _{helper}", args))
    printer.out.helpers |= {"move_each", helper}
    printer.parts[number] = names


def _stem(printer: Printer, number: int) -> str:
    return printer.program.owners[number].replace(".", "_")


def _group(texts: Sequence[str]) -> str:
    return f"({texts[0]},)" if len(texts) == 1 else tuple_text(list(texts))


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
    scored = _group([texts[place] for place in energy.places])
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
        helper = "energies"
        args = [f"self.{_functional(printer, stem, energy, own)}", scored, f"self.{move}"]
        args.append(f"order={order}")
    printer.out.helpers |= {"orbit_answers", helper}
    printer.out.forward_lines.extend(call(8, f"{name} = _{helper}", args))
    return [name]


def _functional(printer: Printer, stem: str, energy: Energy, shapes: Sequence[Shape]) -> str:
    size = sum(math.prod(shape) for shape in shapes)
    functional = Functional(size, energy.multiplier, energy.modulus)
    name = "_" + printer.attributes.take(f"{stem}_energy")
    buffer = printer.attributes.take(f"{stem}_weights")
    printer.out.energies.append(EnergyMethod(name, buffer, tuple(shapes), functional))
    return name


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


def energy_lines(energy: EnergyMethod) -> list[str]:
    """The method, after a definition that fits on a line or is broken."""
    lines = call(4, f"def {energy.name}", ["self", "xs: Sequence[Tensor]"], " -> Tensor:")
    lines.append('        """A linear functional that no element of the group fixes."""')
    flats = []
    names = ["x"] if len(energy.shapes) == 1 else [f"x{k}" for k in range(len(energy.shapes))]
    lines.append(f"        {_group(names)} = xs")
    for name, shape in zip(names, energy.shapes, strict=True):
        flats.append(f"{name}.flatten({-len(shape)})" if len(shape) > 1 else name)
    if len(flats) == 1:
        lines.append(f"        flat = {flats[0]}")
    else:
        lines.extend(call(8, "flat = torch.cat", [_group(flats), "dim=-1"]))
    # equal numbers in equal order give equal sums to the last bit: so ties are found
    lines.append(f"        return (_wide(flat).contiguous() * self.{energy.buffer}).sum(-1)")
    return lines


def weight_lines(energy: EnergyMethod) -> list[str]:
    """The numbers of the functional, in the constructor."""
    made = energy.functional
    return [
        f"        weights = {made.multiplier} * torch.arange(1, {made.size + 1}) % {made.modulus}",
        "        weights = torch.where(weights % 2 == 1, -weights, weights)",
        *call(
            8,
            "self.register_buffer",
            [f'"{energy.buffer}"', "weights", "persistent=False"],
        ),
    ]
