"""Constants that are computed from constants become tables, as the printer writes them.

In: a program. Out: the same, with every result that depends on nothing but constants computed by the
interpreter. Sums of small index tables stay: they are printed as such.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from eqspec.program.builder import Builder
from eqspec.program.instructions import Constant, IndexSum, Program, Reshape, Stage
from eqspec.program.interpreter import run

COMPUTED = "computed from constants"


def computed_entries(program: Program) -> int:
    """How many numbers stand in tables that were computed, which are written out one by one."""
    return sum(
        math.prod(instruction.shape)
        for instruction in program.instructions
        if isinstance(instruction, Constant) and instruction.hint == COMPUTED
    )


def fold_constants(program: Program) -> Program:
    made = [
        number
        for number, (stage, instruction) in enumerate(
            zip(program.stages, program.instructions, strict=True)
        )
        if stage is Stage.CONSTANT and not isinstance(instruction, Constant | IndexSum | Reshape)
    ]
    if not made:
        return program
    values = _values(program, made)
    builder = Builder()
    new: list[int] = []
    for number, (instruction, owner) in enumerate(
        zip(program.instructions, program.owners, strict=True)
    ):
        with builder.owner(owner):
            if number in values:
                new.append(builder.real(values[number], COMPUTED))
            else:
                args = tuple(new[arg] for arg in instruction.args)
                new.append(builder.emit(replace(instruction, args=args)))
    return builder.program(
        [(name, tuple(new[r] for r in registers)) for name, registers in program.outputs],
        [(name, tuple(new[r] for r in registers)) for name, registers in program.named],
    )


def _values(program: Program, wanted: Iterable[int]) -> dict[int, Any]:
    """The values of results that depend on constants alone."""
    constant = [k for k, stage in enumerate(program.stages) if stage is Stage.CONSTANT]
    place = {old: new for new, old in enumerate(constant)}
    part = Program(
        tuple(
            replace(
                program.instructions[k], args=tuple(place[a] for a in program.instructions[k].args)
            )
            for k in constant
        ),
        tuple(program.owners[k] for k in constant),
        (),
    )
    found = run(part, {}, {}, {}, {}, {})
    return {k: found[place[k]] for k in wanted}
