"""The steps of a diagram of tensors (`algebra.matchings`): traces, forms, Levi-Civita symbols.

Covectors of a group with a form are first raised, and lowered at the end, so that in between all legs are
vectors. Under orthogonal groups the form is the identity and a contraction is a trace.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eqspec.algebra.matchings import Contraction, Insertion, TensorBasis, levi_civita
from eqspec.ops.drawing import Drawing
from eqspec.ops.points import target_order

if TYPE_CHECKING:
    from eqspec.program.builder import Builder

WORDS = {0: "scalars", 1: "vectors", 2: "matrices"}  # features with so many legs
LETTERS = "ijklmnopqrstuvwxyz"
OTHERS = "abcdefghABCDEFGHIJKL"


def fan(basis: TensorBasis) -> float:
    """How many source entries an entry of the target is made of, on average: the sum of the squares of
    the diagrams, by the size of the target."""
    total = 0.0
    for diagram in basis.matchings:
        square = basis.n ** len(diagram.pairs) * math.factorial(basis.n) ** len(diagram.symbols)
        total += square / basis.n**basis.targets
    return total


def raised(b: Builder, x: int, drawing: Drawing) -> int:
    """The source with vectors in the place of its covectors, where there is a form."""
    assert isinstance(drawing.basis, TensorBasis)
    places = [
        axis
        for axis, lower in zip(drawing.source_legs, drawing.basis.source_lower, strict=True)
        if lower
    ]
    return _turned(b, x, drawing.basis, places)


def _turned(b: Builder, x: int, basis: TensorBasis, places: Sequence[int]) -> int:
    if basis.form is None or basis.has_plain_form:
        return x
    letters = OTHERS[: len(b.shape(x))]
    for place in places:
        result = letters[:place] + "i" + letters[place + 1 :]
        x = b.einsum(f"{letters},{letters[place]}i->{result}", x, _form(b, basis))
    return x


def _form(b: Builder, basis: TensorBasis) -> int:
    rows = basis.form
    if rows is None:
        rows = tuple(tuple(int(i == j) for j in range(basis.n)) for i in range(basis.n))
    return b.number(rows, "form")


def _symbol(b: Builder, basis: TensorBasis, lower: int) -> int:
    """The Levi-Civita symbol, of which so many indices, the first, are contracted; the others are raised
    where there is a form."""
    import numpy as np

    table = np.zeros((basis.n,) * basis.n)
    for index, sign in levi_civita(basis.n):
        table[index] = sign
    if basis.form is not None and lower:
        for place in range(lower, basis.n):
            table = np.moveaxis(np.tensordot(table, np.array(basis.form), (place, 0)), -1, place)
    return b.number(table, "symbol")


def reduced(b: Builder, x: int, drawing: Drawing, pattern: Contraction) -> int:
    """One contracted source: axes for the legs through, in order, then the other axes."""
    basis, legs = drawing.basis, drawing.source_legs
    assert isinstance(basis, TensorBasis)
    rest = [axis for axis in range(len(drawing.source.axes)) if axis not in legs]
    fresh = iter(LETTERS)
    letter = {legs[leg]: next(fresh) for leg in range(len(legs))}
    operands: list[int] = []
    specs: list[str] = []
    for first, second in pattern.pairs:
        if basis.form is None or basis.has_plain_form:
            letter[legs[second]] = letter[legs[first]]
        else:
            operands.append(_form(b, basis))
            specs.append(letter[legs[first]] + letter[legs[second]])
    outputs: dict[object, str] = {leg: letter[legs[leg]] for leg in range(len(legs))}
    for number, own in enumerate(pattern.symbols):
        made = [next(fresh) for _ in range(basis.n - len(own))]
        outputs.update({(number, k): name for k, name in enumerate(made)})
        operands.append(_symbol(b, basis, len(own)))
        specs.append("".join(letter[legs[leg]] for leg in own) + "".join(made))
    if not operands and not pattern.pairs:
        wanted = [legs[leg] for leg in pattern.through if isinstance(leg, int)] + rest
        return b.permute(x, wanted)
    letter.update({axis: OTHERS[k] for k, axis in enumerate(rest)})
    source = "".join(letter[axis] for axis in range(len(drawing.source.axes)))
    result = "".join(outputs[leg] for leg in pattern.through)
    result += "".join(letter[axis] for axis in rest)
    return b.einsum(",".join([source, *specs]) + "->" + result, x, *operands)


def expanded(b: Builder, drawing: Drawing, sums: Sequence[tuple[Insertion, int]]) -> list[int]:
    """The target in the order of its axes: forms and symbols put in, covectors lowered."""
    basis = drawing.basis
    assert isinstance(basis, TensorBasis)
    final = target_order(drawing)
    terms = [_inserted(b, y, basis, pattern, final) for pattern, y in sums]
    places = [final.index(("leg", leg)) for leg, lower in enumerate(basis.target_lower) if lower]
    return [_turned(b, b.add(*terms), basis, places)]


def _inserted(
    b: Builder, y: int, basis: TensorBasis, pattern: Insertion, final: list[tuple[str, int]]
) -> int:
    layout = [("leg", leg) for leg in pattern.through]
    layout += [axis for axis in final if axis[0] == "other"]
    if not pattern.pairs and not pattern.symbols:
        return b.permute(y, [layout.index(axis) for axis in final])
    letter = {axis: (LETTERS if axis[0] == "leg" else OTHERS)[axis[1]] for axis in final}
    specs = ["".join(letter[axis] for axis in layout)]
    operands = [y]
    for first, second in pattern.pairs:
        operands.append(_form(b, basis))
        specs.append(letter["leg", first] + letter["leg", second])
    for symbol in pattern.symbols:
        operands.append(_symbol(b, basis, 0))
        specs.append("".join(letter["leg", leg] for leg in symbol))
    return b.einsum(",".join(specs) + "->" + "".join(letter[axis] for axis in final), *operands)


# ---- words for the reader of the emitted code ----------------------------------------------------------


def note(pattern: Contraction) -> str:
    """`[i, j]`, `[k, k]` for a trace, `e_ijk [j, k]` for a Levi-Civita symbol."""
    letters = {leg: LETTERS[k] for k, leg in enumerate(pattern.through) if isinstance(leg, int)}
    fresh = iter(LETTERS[len(pattern.through) :])
    for first, second in pattern.pairs:
        letters[first] = letters[second] = next(fresh)
    prefix = ""
    for number, own in enumerate(pattern.symbols):
        letters.update({leg: next(fresh) for leg in own})
        outputs = [LETTERS[k] for k, leg in enumerate(pattern.through)
                   if isinstance(leg, tuple) and leg[0] == number]  # fmt: skip
        prefix += f"e_{''.join([letters[leg] for leg in own] + outputs)} "
    return prefix + "[" + ", ".join(letters[leg] for leg in sorted(letters)) + "]"


def entry(target: Insertion) -> str:
    legs = len(target.through) + 2 * len(target.pairs) + sum(len(s) for s in target.symbols)
    return LETTERS[:legs]


def origin(target: Insertion) -> str:
    return "".join(LETTERS[leg] for leg in target.through) or "all"
