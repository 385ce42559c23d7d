"""Conjugacy classes of finite groups, by formula where there is one and by enumeration elsewhere.

In: a family and its parameters. Out: (word of a representative, size) for every class.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from math import factorial, gcd, prod

from eqspec.algebra.enumeration import (
    GroupTooLarge,
    Word,
    enumeration,
    extend,
    model,
    power_word,
)
from eqspec.algebra.images import compose, inverse

CYCLE_TYPE_LIMIT = 32  # symmetric(32) has 8,349 cycle types


def rotations(n: int) -> tuple[tuple[Word, int], ...]:
    """One representative r^d for each divisor d of n, with the number of elements of its order."""
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    divisors = sorted({*small, *(n // d for d in small)})
    return tuple((power_word(0, d % n), totient(n // d)) for d in reversed(divisors))


def reflections(n: int) -> tuple[tuple[Word, int], ...]:
    if n % 2:
        return ((((1, 1),), n),)
    return ((((1, 1),), n // 2), (((0, 1), (1, 1)), n // 2))


def totient(n: int) -> int:
    result, rest, p = n, n, 2
    while p * p <= rest:
        if rest % p == 0:
            result -= result // p
            while rest % p == 0:
                rest //= p
        p += 1
    return result - result // rest if rest > 1 else result


def partitions(n: int, largest: int | None = None) -> list[tuple[int, ...]]:
    """The partitions of n in decreasing parts, (1, ..., 1) last."""
    if n == 0:
        return [()]
    top = n if largest is None else min(n, largest)
    return [(k, *rest) for k in range(top, 0, -1) for rest in partitions(n - k, k)]


@lru_cache(maxsize=64)
def cycle_types(n: int) -> tuple[tuple[Word, int], ...]:
    """A word for each cycle type: (a ... a+k-1) is s_a ... s_{a+k-2}, where s_i = c^i t c^-i."""
    if n > CYCLE_TYPE_LIMIT:
        raise GroupTooLarge(f"symmetric({n}) has too many cycle types: n <= {CYCLE_TYPE_LIMIT}")
    result: list[tuple[Word, int]] = []
    for parts in reversed(partitions(n)):
        word: Word = ()
        start = 0
        for k in parts:
            if k > 1:
                word = extend(word, 1, start) if start else word
                for step in range(k - 1):
                    word = extend(word, 0, 1)
                    if step < k - 2:
                        word = extend(word, 1, 1)
                word = extend(word, 1, -(start + k - 2)) if start + k - 2 else word
            start += k
        centraliser = prod(k**m * factorial(m) for k in set(parts) for m in [parts.count(k)])
        result.append((word, factorial(n) // centraliser))
    return tuple(result)


@lru_cache(maxsize=256)
def _class_indices(family: str, parameters: tuple[Hashable, ...]) -> tuple[int, ...]:
    """For every element the index of the first element of its conjugacy class."""
    table = enumeration(family, parameters)
    steps = [(g, inverse(g)) for g in model(family, parameters)]
    label = [-1] * len(table.images)
    for start in range(len(label)):
        if label[start] >= 0:
            continue
        label[start], queue = start, [start]
        while queue:
            x = table.images[queue.pop()]
            for g, back in steps:
                other = table.index[compose(compose(g, x), back)]
                if label[other] < 0:
                    label[other] = start
                    queue.append(other)
    return tuple(label)


def _sized(words: Sequence[Word], label: Sequence[int]) -> tuple[tuple[Word, int], ...]:
    sizes: dict[int, int] = {}
    for representative in label:
        sizes[representative] = sizes.get(representative, 0) + 1
    return tuple((words[place], size) for place, size in sorted(sizes.items()))


@lru_cache(maxsize=256)
def enumerated_classes(
    family: str, parameters: tuple[Hashable, ...]
) -> tuple[tuple[Word, int], ...]:
    return _sized(enumeration(family, parameters).words, _class_indices(family, parameters))


@lru_cache(maxsize=256)
def merged_classes(family: str, parameters: tuple[Hashable, ...]) -> tuple[tuple[Word, int], ...]:
    table, label = enumeration(family, parameters), _class_indices(family, parameters)
    merged: dict[int, int] = {}
    for representative in sorted(set(label)):
        if representative in merged:
            continue
        powers = [0]
        image = table.images[representative]
        while (place := table.index[compose(table.images[powers[-1]], image)]) != 0:
            powers.append(place)
        for k in range(1, len(powers)):
            if gcd(k, len(powers)) == 1:
                merged.setdefault(label[powers[k]], representative)
        merged.setdefault(representative, representative)
    return _sized(table.words, [merged[place] for place in label])
