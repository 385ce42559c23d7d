"""Softmax attention as one instruction: the weighted means of values, by products of queries and keys.

Vaswani et al., *Attention Is All You Need* (2017), equation (1). In: dense arrays whose leading
dimensions (heads and whatever else has scores of its own) agree. Out: its shape; the interpreter and the
printer know the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Attend:
    """``args = (query, key, value[, bias][, mask])`` of shapes (*lead, n, d), (*lead, m, d) and
    (*lead, m, e): the result is softmax(query key^T / sqrt(d) + bias) value, (*lead, n, e).

    ``biased``: a bias (*lead, n, m), of size 1 along leading dimensions where it is repeated, which
    does not depend on an input. ``masked``: a mask (m,), with a batch: keys that are not there have no
    weight, and where none is there the result is 0, given that the values are.
    """

    args: tuple[int, ...]
    biased: bool = False
    masked: bool = False


def attended_shape(instruction: Attend, of: Sequence[Shape]) -> Shape:
    """The shape of the result. AssertionError where the operands do not fit."""
    query, key, value = of[:3]
    assert query[:-2] == key[:-2] == value[:-2], (instruction, of)
    assert query[-1] == key[-1] and key[-2] == value[-2], (instruction, of)
    assert len(of) == 3 + instruction.biased + instruction.masked, (instruction, of)
    if instruction.biased:
        wanted = (*query[:-1], key[-2])
        assert len(of[3]) == len(wanted), (instruction, of)
        assert of[3][-2:] == wanted[-2:], (instruction, of)
        assert all(own in (1, n) for own, n in zip(of[3], wanted, strict=True)), (instruction, of)
    if instruction.masked:
        assert of[-1] == (key[-2],), (instruction, of)
    return (*query[:-1], value[-1])
