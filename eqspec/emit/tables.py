"""Constant tables as Python: short lists, ranges, blocks of numbers, and their broadcast sums."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eqspec.emit.layout import call, text_block
from eqspec.program.instructions import Constant, IndexSum, Program, Reshape


def table_lines(program: Program, number: int, name: str, helpers: set[str]) -> list[str]:
    """Statements that register constant ``number`` as the buffer ``name``."""
    register = number
    flatten = False
    instruction = program.instructions[register]
    if isinstance(instruction, Reshape):
        register, flatten = instruction.args[0], True
        instruction = program.instructions[register]
    if isinstance(instruction, Constant):
        value = instruction.array.reshape(-1) if flatten else instruction.array
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
        word = word if all(word != term for term in terms) else f"{word}_{len(terms)}"
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
    flat = [int(v) for v in array.reshape(-1)]
    assert np.array_equal(np.asarray(flat), array.reshape(-1)), "tables hold whole numbers"
    shape = tuple(int(n) for n in array.shape)
    view = "" if len(shape) == 1 else f".view({', '.join(str(n) for n in shape)})"
    step = flat[1] - flat[0] if len(flat) > 1 else 0
    words = [str(v) for v in flat]
    if real:
        helpers.add("numbers")
        lines = text_block(8, f"{name} = _numbers", words, view)
        if len(lines) == 1 and len(words) <= 10:
            return [], f'_numbers("{" ".join(words)}"){view}'
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
    return text_block(8, f"{name} = _table", words, view), name


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
