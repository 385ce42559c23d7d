"""Groups: orders, the order of elements, classes against brute force, presentations, refusals."""

from __future__ import annotations

from collections import Counter
from math import factorial

import pytest
from algebra_cases import small_groups

from eqspec.algebra.families import (
    alternating,
    cyclic,
    dihedral,
    klein,
    matrix_group,
    permutation_group,
    quaternion,
    symmetric,
)
from eqspec.algebra.groups import Group, GroupError, GroupTooLarge, Word
from eqspec.algebra.images import compose, inverse
from eqspec.limits import limits

GROUPS = small_groups()
NAMES = [f"{group.family}-{group.order}-{k}" for k, group in enumerate(GROUPS)]


def names(group: Group) -> list[str]:
    return [group.text(word) for word in group.elements()]


def test_element_order() -> None:
    assert names(cyclic(4)) == ["1", "r", "r^2", "r^3"]
    assert names(dihedral(3)) == ["1", "r", "r^2", "s", "r s", "r^2 s"]
    assert names(klein()) == ["1", "a", "b", "a b"]
    assert names(symmetric(3))[:3] == ["1", "t", "c"]


@pytest.mark.parametrize("group", GROUPS, ids=NAMES)
def test_elements_are_distinct_and_all(group: Group) -> None:
    images = [group.element(word) for word in group.elements()]
    assert len(set(images)) == len(images) == group.order
    assert [group.index_of(word) for word in group.elements()] == list(range(group.order))


@pytest.mark.parametrize("group", GROUPS, ids=NAMES)
def test_classes_against_brute_force(group: Group) -> None:
    if group.order > 120:
        pytest.skip("brute force is for small groups")
    elements = [group.element(word) for word in group.elements()]
    rest = set(elements)
    brute = []
    while rest:
        x = next(iter(rest))
        orbit = {compose(compose(g, x), inverse(g)) for g in elements}
        rest -= orbit
        brute.append(frozenset(orbit))
    found = group.classes()
    by_class = {
        orbit: [size for word, size in found if group.element(word) in orbit] for orbit in brute
    }
    assert all(sizes == [len(orbit)] for orbit, sizes in by_class.items())
    assert len(found) == len(brute)


@pytest.mark.parametrize("group", GROUPS, ids=NAMES)
def test_rational_classes_cover_the_group(group: Group) -> None:
    assert sum(size for _, size in group.rational_classes()) == group.order
    assert sum(size for _, size in group.classes()) == group.order


@pytest.mark.parametrize("group", GROUPS, ids=NAMES)
def test_left_multiplication_is_an_action(group: Group) -> None:
    for g in range(len(group.generators)):
        step = group.left_multiplication(g)
        assert sorted(step) == list(range(group.order))
        for place, word in enumerate(group.elements()):
            assert group.index_of((((g, 1)), *word)) == step[place]


def cosets(relators: tuple[Word, ...], letters: int, bound: int) -> int:
    """The order of a presented group: cosets of the trivial subgroup (Todd and Coxeter)."""
    flat = []
    for relator in relators:
        word: list[int] = []
        for letter, exponent in relator:
            word += [letter if exponent > 0 else letter + letters] * abs(exponent)
        flat.append(word)
    flat += [[letter, letter + letters] for letter in range(letters)]

    def back(letter: int) -> int:
        return letter + letters if letter < letters else letter - letters

    table: list[list[int]] = [[-1] * (2 * letters)]
    parent = [0]

    def find(x: int) -> int:
        while parent[x] != x:
            x = parent[x]
        return x

    def merge(a: int, b: int) -> None:
        queue = [(a, b)]
        while queue:
            a, b = (find(x) for x in queue.pop())
            if a == b:
                continue
            a, b = min(a, b), max(a, b)
            parent[b] = a
            for letter in range(2 * letters):
                c = table[b][letter]
                if c < 0:
                    continue
                c = find(c)
                for x, y, step in ((a, c, letter), (c, a, back(letter))):
                    if table[x][step] < 0:
                        table[x][step] = y
                    else:
                        queue.append((table[x][step], y))

    place = 0
    while place < len(table):
        if find(place) == place:
            for word in flat:
                at = find(place)
                for letter in word[:-1]:
                    if table[at][letter] < 0:
                        table.append([-1] * (2 * letters))
                        parent.append(len(parent))
                        table[at][letter] = len(table) - 1
                        table[-1][back(letter)] = at
                    at = find(table[at][letter])
                last, start = word[-1], find(place)
                for x, y, step in ((at, start, last), (start, at, back(last))):
                    if table[x][step] < 0:
                        table[x][step] = y
                    else:
                        merge(table[x][step], y)
                if find(place) != place:
                    break
        place += 1
        assert len(table) < bound, "the enumeration does not close"
    return sum(find(x) == x for x in range(len(table)))


PRESENTED = [
    *(cyclic(n) for n in (1, 2, 5)),
    *(dihedral(n) for n in (1, 2, 3, 6)),
    klein(),
    quaternion(),
    *(symmetric(n) for n in range(1, 7)),
    *(alternating(n) for n in range(1, 8)),
]


@pytest.mark.parametrize("group", PRESENTED, ids=lambda g: g.description)
def test_relations_present_the_group(group: Group) -> None:
    relators = group.relations()
    assert relators is not None
    assert all(group.element(relator).is_identity for relator in relators)
    assert cosets(relators, len(group.generators), 300_000) == group.order


@pytest.mark.parametrize("n", [*range(1, 14), 30, 31])
def test_large_presentations_hold(n: int) -> None:
    for group in (symmetric(n), alternating(n)):
        assert all(group.element(relator).is_identity for relator in group.relations() or ())


def test_cycle_types_without_enumeration() -> None:
    group = symmetric(12)
    classes = group.classes()
    assert len(classes) == 77
    assert sum(size for _, size in classes) == factorial(12)
    assert classes[0] == ((), 1)
    types = Counter()
    for word, _ in classes:
        images = group.element(word).images  # type: ignore[union-attr]
        seen: set[int] = set()
        lengths = []
        for start in range(12):
            length, point = 0, start
            while point not in seen:
                seen.add(point)
                point, length = images[point], length + 1
            if length:
                lengths.append(length)
        types[tuple(sorted(lengths))] += 1
    assert set(types.values()) == {1}


def test_large_groups_are_cheap_and_refuse_to_be_listed() -> None:
    group = symmetric(1000)
    assert group.order == factorial(1000)
    with pytest.raises(GroupTooLarge, match="20,160 are listed"):
        symmetric(8).elements()
    with pytest.raises(GroupTooLarge):
        symmetric(33).classes()
    assert len(alternating(8).elements()) == limits().group_elements
    assert cyclic(10**9).rational_classes()[0] == ((), 1)


def test_renaming() -> None:
    mirror = cyclic(2).renamed({"r": "m"})
    assert mirror.generators == ("m",)
    assert mirror.description == "cyclic(2)"
    assert mirror != cyclic(2)
    with pytest.raises(GroupError, match="has no generator s"):
        cyclic(2).renamed({"s": "m"})
    with pytest.raises(GroupError, match="the same name"):
        klein().renamed({"a": "b"})


def cycle(n: int, *cycles: tuple[int, ...]) -> tuple[int, ...]:
    images = list(range(n))
    for points in cycles:
        for a, b in zip(points, points[1:] + points[:1], strict=True):
            images[a] = b
    return tuple(images)


def test_order_of_large_permutation_groups() -> None:
    m12 = permutation_group(
        12,
        {
            "a": cycle(12, tuple(range(11))),
            "b": cycle(12, (2, 6, 10, 7), (3, 9, 4, 5)),
            "c": cycle(12, (0, 11), (1, 10), (2, 5), (3, 7), (4, 8), (6, 9)),
        },
    )
    assert m12.order == 95_040  # Mathieu's group
    full = permutation_group(10, {"t": cycle(10, (0, 1)), "c": cycle(10, tuple(range(10)))})
    assert full.order == factorial(10)
    assert full.relations() is None


def test_descriptions() -> None:
    group = permutation_group(5, {"a": (1, 2, 0, 3, 4), "b": (0, 1, 2, 4, 3)})
    assert group.description == "permutations(5) generated by a = (0 1 2), b = (3 4)"
    assert group.order == 6
    square = matrix_group(2, {"q": [[0, -1], [1, 0]]})
    assert square.description == "matrices(2) generated by q = [[0, -1], [1, 0]]"
    assert square.order == 4


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: cyclic(0), "at least 1"),
        (lambda: dihedral(-1), "at least 1"),
        (lambda: symmetric(0), "at least 1"),
        (lambda: symmetric(1001), "go up to 1,000"),
        (lambda: alternating(2000), "go up to 1,000"),
        (lambda: permutation_group(3, {}), "at least one generator"),
        (lambda: permutation_group(3, {"a": (0, 0, 1)}), "a is not a permutation"),
        (lambda: matrix_group(2, {"a": [[1, 0]]}), "not a matrix of 2 rows"),
        (lambda: matrix_group(2, {"a": [[1, 1], [1, 1]]}), "determinant 0"),
        (lambda: matrix_group(2, {"a": [[1, 1], [0, 1]]}), "infinite or has more than 20,160"),
        (lambda: matrix_group(1, {"a": [[2]]}), "infinite or has more than 20,160"),
        (
            lambda: permutation_group(
                100, {"t": cycle(100, (0, 1)), "c": cycle(100, tuple(range(100)))}
            ),
            "at most 24 points",
        ),
    ],
)
def test_refusals(build: object, message: str) -> None:
    with pytest.raises(GroupError, match=message):
        build()  # type: ignore[operator]
