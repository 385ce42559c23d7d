"""Names of local variables for the steps inside of a layer.

In: a program and one of its results. Out: the stem of a name; the printer adds a number if it is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eqspec.program.attending import Attend
from eqspec.program.fourier import Fourier, FourierBack
from eqspec.program.framed import Axes, Determinant, InverseOrder, RowOrder, TakeRows
from eqspec.program.grids import Conv
from eqspec.program.instructions import (
    Add,
    Affine,
    BatchNorm,
    Concat,
    DiagonalEmbed,
    Einsum,
    Expand,
    Linear,
    Lookup,
    MaskedReduce,
    Normalise,
    Note,
    Permute,
    Program,
    Reduce,
    Reshape,
    Stack,
    Sub,
)
from eqspec.program.layers import Detach, Dropout, GroupNorm
from eqspec.program.pooling import AdaptivePool, Pad, Pool, Resize


def local_stem(program: Program, users: Mapping[int, Sequence[int]], number: int) -> str:
    """A name for a step on the way to a feature: `h_flat`, `h_from_x`, `h_pooled`."""
    instruction = program.instructions[number]
    match instruction:
        case Concat(note=Note(word=word)) | Stack(note=Note(word=word)):
            pass
        case Attend():
            word = "attended"
        case Fourier():
            word = "spectrum"
        case FourierBack():
            word = "entries"
        case Axes():
            word = "frames" if instruction.method == "principal_axes" else "frame"
        case Determinant():
            word = "determinant"
        case RowOrder():
            word = "order"
        case InverseOrder():
            word = "place"
        case TakeRows():
            word = "sorted"
        case Einsum() if any(isinstance(program.instructions[a], Axes) for a in instruction.args):
            word = "turned"
        case DiagonalEmbed() | Einsum(args=(_,)):
            word = "diagonal"
        case Reduce() | MaskedReduce():
            word = "pooled"
        case Conv():
            word = "convolved"
        case Pad():
            word = "padded"
        case Pool() | AdaptivePool():
            word = "pooled"
        case Resize():
            word = "resized"
        case GroupNorm():
            return f"{program.owners[number].partition('.')[0]}_normed"
        case Dropout():
            word = "dropped"
        case Detach():
            word = "detached"
        case Add():
            word = "sum"
        case Sub():
            word = "relative"
        case Concat():
            word = "joined"
        case Normalise() | BatchNorm() | Affine():
            return f"{program.owners[number].partition('.')[0]}_normed"
        case Lookup():
            word = (
                "ids"
                if len(instruction.args) and program.shape(instruction.args[0])[1:] == ()
                else "rows"
            )
        case Linear() | Einsum() | Reshape() | Permute() | Expand():
            word = _mapped_word(program, users, number)
        case _:
            word = "part"
    layer, _, step = program.owners[number].partition(".")
    several = program.steps.get(layer, 0) > 1
    return "_".join([layer, *(step.split(".") if step and several else ()), word])


def _mapped_word(program: Program, users: Mapping[int, Sequence[int]], number: int) -> str:
    """After the argument from which a linear layer maps, where it maps from several."""
    owner, instruction = program.owners[number], program.instructions[number]
    while program.owners[number] == owner:
        step = program.instructions[number]
        if isinstance(step, Linear | Einsum):
            weight = program.origins[step.args[-1 if isinstance(step, Einsum) else 1]]
            if weight is not None and weight.startswith("weight_"):
                if "_from_" in weight:  # a diagram
                    return weight.removeprefix("weight_")
                return f"from_{weight.removeprefix('weight_')}"
            first = next(filter(None, (program.origins[a] for a in step.args)), "")
            if first and not first.startswith(("weight", "bias")):
                return first  # `h_hidden` is what `self.h_hidden` makes
            break
        if not isinstance(step, Reshape | Permute | Expand):
            break
        number = step.args[0]
    many = isinstance(instruction, Linear) and any(
        isinstance(program.instructions[user], Reshape) for user in users[number]
    )
    if many:
        return "flat"
    return "repeated" if isinstance(instruction, Expand) else "mapped"
