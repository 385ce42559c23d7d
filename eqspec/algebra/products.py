"""Products of groups as one group: direct, semidirect and wreath products, with faithful matrices.

In: groups, and for a semidirect product the action of H on N as words. Out: `Group` values of the
families "direct" (a part of the others, never a factor), "semidirect" and "wreath"; `GroupError`
where there is no such product, `NoAction` where the words are no action by automorphisms.

A semidirect product is represented on the elements of N, where n acts by left multiplication and h by
its automorphism, together with the matrices of H: an element that fixes 1 lies in H, and H acts
faithfully on its own part. A wreath product A wr B is represented on one copy of the matrices of A for
every point of B.

Sources: Robinson, A Course in the Theory of Groups, 1.5 (semidirect) and 1.6 (wreath products).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from eqspec.algebra import images as im
from eqspec.algebra.extension import Extension, evaluated, inverted, shifted
from eqspec.algebra.groups import (
    TABLE_LIMIT,
    Group,
    GroupError,
    GroupTooLarge,
    Word,
)
from eqspec.algebra.homomorphism import Fault, images_fault
from eqspec.algebra.images import AnyImage, Monomial
from eqspec.limits import limits

LARGEST_NORMAL = 1_024  # elements of the normal part of a semidirect product
LARGEST_POINTS = 1 << 16  # points of a wreath product
LARGEST_ORDER_BITS = 8_000


class NoAction(GroupError):  # noqa: N818 - says what is wrong
    """The words define no action of H on N by automorphisms.

    ``generator`` is the number of the generator of H that is to blame; ``fault`` the relation that
    fails, None where the map is not one-to-one.
    """

    def __init__(self, message: str, generator: int, fault: Fault | None = None) -> None:
        super().__init__(message)
        self.generator = generator
        self.fault = fault


def direct(parts: Sequence[Group], generators: Sequence[str]) -> Group:
    """The direct product as one group, its elements row by row (the last part runs fastest)."""
    if len(parts) == 1:
        return parts[0].renamed(dict(zip(parts[0].generators, generators, strict=True)))
    models = [_monomials(part) for part in parts]
    sizes = [model[0].degree for model in models]
    letters: list[AnyImage] = []
    for k, model in enumerate(models):
        for image in model:
            blocks = [image if j == k else im.identity(size) for j, size in enumerate(sizes)]
            letters.append(im.direct_sum(blocks))
    starts = Extension(tuple(parts), (), ()).starts
    cross: list[Word] = []
    for j, (part, start) in enumerate(zip(parts, starts, strict=True)):
        for other, begin in zip(parts[j + 1 :], starts[j + 1 :], strict=True):
            for a in range(start, start + len(part.generators)):
                for b in range(begin, begin + len(other.generators)):
                    cross.append(((a, 1), (b, 1), (a, -1), (b, -1)))
    extension = Extension(
        tuple(parts), tuple(cross), _chains(list(zip(parts, starts, strict=True))), "first"
    )
    return _group(
        " * ".join(part.description for part in parts),
        "direct",
        letters,
        extension,
        generators,
        prod(_order(part) for part in parts),
    )


def semidirect(
    normal: Group,
    complement: Group,
    action: Sequence[Sequence[Word]],
    generators: Sequence[str],
    description: str,
) -> Group:
    """N x| H: ``action[h][n]`` is h n h^-1 as a word in N, for generators h of H and n of N.

    Checked exactly: the images of every h satisfy the relations of N and reach all of it, and the
    permutations of N that they define satisfy the relations of H. Elements are listed as n h, n
    running fastest. NoAction or GroupError.
    """
    size_of_normal = _order(normal)
    order = size_of_normal * _order(complement)
    if size_of_normal > LARGEST_NORMAL or size_of_normal * _degree(normal) > TABLE_LIMIT:
        raise GroupError(
            f"{description}: the normal part may have at most {LARGEST_NORMAL:,} elements,"
            f" {normal.description} has {_counted(size_of_normal)}"
        )
    maps = tuple(
        Monomial(_automorphism(normal, images, h, complement), (1,) * size_of_normal)
        for h, images in enumerate(action)
    )
    fault = images_fault("H", complement, maps)
    if fault is not None:
        blamed = next(
            (h for h, name in enumerate(complement.generators) if name in fault.relation.split()),
            0,
        )
        raise NoAction(
            f"as maps of {normal.description} these break the relation {fault.relation} of"
            f" {complement.description}",
            blamed,
            fault,
        )
    own = _monomials(complement)
    size = own[0].degree
    letters: list[AnyImage] = [
        im.direct_sum([im.permutation(normal.left_multiplication(n)), im.identity(size)])
        for n in range(len(normal.generators))
    ]
    letters += [im.direct_sum([image, own[h]]) for h, image in enumerate(maps)]
    offset = len(normal.generators)
    cross = tuple(
        ((offset + h, 1), (n, 1), (offset + h, -1), *inverted(word))
        for h, images in enumerate(action)
        for n, word in enumerate(images)
    )
    extension = Extension((normal, complement), cross, _chains([(normal, 0), (complement, offset)]))
    return _group(description, "semidirect", letters, extension, generators, order)


def wreath(base: Group, top: Group, generators: Sequence[str], description: str) -> Group:
    """A wr B for a transitive group B of permutations of b points: A^b x| B, of order |A|^b |B|.

    Generators: those of A, on the copy at point 0, then those of B, which move the copies. GroupError
    if B has no points, is not transitive, or the product has too many points.
    """
    size_of_base, size_of_top = _order(base), _order(top)
    found = points(top)
    if found is None:
        raise GroupError(
            f"{description}: {top.description} permutes no points; the second group of a wreath"
            " product is symmetric, alternating, cyclic or given by permutations"
        )
    moves = found[1]
    copies = moves[0].degree
    own = _monomials(base)
    width = own[0].degree
    if copies * width > LARGEST_POINTS:
        raise GroupError(
            f"{description} moves {copies:,} copies of {width:,} points;"
            f" at most {LARGEST_POINTS:,} points are built"
        )
    bits = size_of_base.bit_length() * copies + size_of_top.bit_length()
    if bits > LARGEST_ORDER_BITS:
        raise GroupError(f"{description} has an order of more than 10^2,000")
    reach = _transversal(moves)
    if len(reach) < copies:
        left = min(set(range(copies)) - set(reach))
        raise GroupError(
            f"{description}: {top.description} never moves point 0 to point {left}; the second group"
            " of a wreath product must be transitive"
        )
    offset = len(base.generators)
    letters: list[AnyImage] = [
        im.direct_sum([image, im.identity((copies - 1) * width)]) for image in own
    ]
    letters += [im.kron(im.explicit(move), im.identity(width)) for move in moves]
    extension = Extension(
        (base, top),
        _wreath_relators(offset, moves, reach),
        _wreath_chain(base, top, offset, reach),
    )
    order = size_of_base**copies * size_of_top
    return _group(description, "wreath", letters, extension, generators, order)


def points(group: Group) -> tuple[tuple[int, ...], tuple[AnyImage, ...]] | None:
    """The points that a group permutes by its own definition, as a shape and permutations: those of
    `natural`; for cyclic(n) the n steps of a circle; for A wr B the pairs. None for other groups."""
    match group.family:
        case "symmetric" | "alternating" | "permutations" | "cyclic":
            return (group.model[0].degree,), group.model
        case "wreath":
            extension = group.extension
            assert extension is not None
            base, top = (points(part) for part in extension.parts)
            if base is None or top is None:
                return None
            return (top[1][0].degree, *base[0]), group.model
    return None


def _group(
    description: str,
    family: str,
    letters: Sequence[AnyImage],
    extension: Extension,
    generators: Sequence[str],
    order: int,
) -> Group:
    names = tuple(generators)
    assert len(names) == len(letters)
    parameters = (letters[0].degree, tuple(letters), extension)
    return Group(description, family, parameters, names, order)


def _automorphism(
    normal: Group, images: Sequence[Word], generator: int, complement: Group
) -> tuple[int, ...]:
    """Where every element of N goes, by index. NoAction if the words give no automorphism."""
    name = complement.generators[generator]
    values = tuple(im.explicit(normal.element(word)) for word in images)
    fault = images_fault("N", normal, values)
    if fault is not None:
        raise NoAction(
            f"the images under `{name}` break the relation {fault.relation} of"
            f" {normal.description}",
            generator,
            fault,
        )
    table = {im.explicit(normal.element(word)): k for k, word in enumerate(normal.elements())}
    powers: dict[tuple[int, int], AnyImage] = {}
    moved = tuple(table[im.explicit(evaluated(values, w, powers))] for w in normal.elements())
    if len(set(moved)) < len(moved):
        twin = {place: k for k, place in reversed(list(enumerate(moved)))}
        second = next(k for k, place in enumerate(moved) if twin[place] != k)
        first = normal.elements()[twin[moved[second]]]
        raise NoAction(
            f"the images under `{name}` are not one-to-one: {normal.text(first)} and"
            f" {normal.text(normal.elements()[second])} go to one element",
            generator,
        )
    return moved


def _monomials(group: Group) -> tuple[AnyImage, ...]:
    """A faithful model by signed permutations: the group's own, else its left multiplication. GroupError
    where it moves too many points to list."""
    if group.model[0].degree > LARGEST_POINTS:
        raise GroupError(
            f"{group.description} moves {_counted(group.model[0].degree)} points;"
            f" products are built of groups on at most {LARGEST_POINTS:,}"
        )
    model = tuple(im.explicit(image) for image in group.model)
    if all(isinstance(image, Monomial) for image in model):
        return model
    if _order(group) > limits().group_elements:
        raise GroupTooLarge(
            f"{group.description} has more than {limits().group_elements:,} elements"
        )
    return tuple(im.permutation(group.left_multiplication(g)) for g in range(len(group.generators)))


def _order(group: Group) -> int:
    """The order of a finite group. GroupError for an infinite one."""
    if group.order is None:
        raise GroupError(
            f"{group.description} is infinite: semidirect and wreath products are built of finite"
            " groups"
        )
    return group.order


def _degree(group: Group) -> int:
    return group.model[0].degree


def _counted(order: int) -> str:
    return f"{order:,}" if order < 10**12 else "more than 10^12"


def dihedral_size(group: Group) -> int | None:
    """n if the group is dihedral(n) with its generators r, s in order: by name, or as the semidirect
    product cyclic(n) x| cyclic(2) with s r s = r^-1. None for all others."""
    if group.family == "dihedral":
        return _order(group) // 2
    if group.family != "semidirect" or group.extension is None:
        return None
    normal, complement = group.extension.parts
    if normal.family != "cyclic" or complement.family != "cyclic" or complement.order != 2:
        return None
    mirrored = group.element(((1, 1), (0, 1), (1, -1), (0, 1)))
    return normal.order if mirrored.is_identity else None


def chain_of(group: Group) -> tuple[tuple[Word, ...], ...]:
    """Generating words of subgroups whose averages, one after the other, are the average over the
    group; one subgroup, the group, where no chain is known. `dihedral(n)` is cyclic(n) x| cyclic(2).
    """
    if group.family == "dihedral":
        return ((((0, 1),),), (((1, 1),),))
    if group.extension is not None:
        return group.extension.chain
    return (tuple(((letter, 1),) for letter in range(len(group.generators))),)


def _chains(parts: Sequence[tuple[Group, int]]) -> tuple[tuple[Word, ...], ...]:
    return tuple(
        tuple(shifted(word, start) for word in link)
        for part, start in parts
        for link in chain_of(part)
    )


# ---- wreath products ---------------------------------------------------------------------------


def _transversal(moves: Sequence[AnyImage]) -> dict[int, Word]:
    """For every point in reach of 0 a word that moves 0 there, breadth-first; the last letter first,
    so that a long cycle gives its powers."""
    permutations = [im.explicit(move) for move in moves]
    reach: dict[int, Word] = {0: ()}
    queue = [0]
    for point in queue:
        for letter in reversed(range(len(permutations))):
            move = permutations[letter]
            assert isinstance(move, Monomial)
            target = move.images[point]
            if target not in reach:
                reach[target] = _before(letter, reach[point])
                queue.append(target)
    return reach


def _before(letter: int, word: Word) -> Word:
    """letter * word, equal neighbours joined."""
    if word and word[0][0] == letter:
        return ((letter, word[0][1] + 1), *word[1:])
    return ((letter, 1), *word)


def _stabiliser(moves: Sequence[AnyImage], reach: dict[int, Word]) -> list[Word]:
    """Generators of the stabiliser of point 0 (Schreier's lemma), equal ones once."""
    found: dict[AnyImage, Word] = {}
    powers: dict[tuple[int, int], AnyImage] = {}
    for point, word in reach.items():
        for letter, move in enumerate(moves):
            explicit = im.explicit(move)
            assert isinstance(explicit, Monomial)
            back = inverted(reach[explicit.images[point]])
            loop: Word = (*back, (letter, 1), *word)
            image = im.explicit(evaluated(moves, loop, powers))
            if not image.is_identity:
                found.setdefault(image, loop)
    return list(found.values())


def _wreath_relators(
    offset: int, moves: Sequence[AnyImage], reach: dict[int, Word]
) -> tuple[Word, ...]:
    """A commutes with the stabiliser of its point, and with its copy at one point of every orbit of
    that stabiliser: conjugation gives all other pairs of copies."""
    loops = _stabiliser(moves, reach)
    relators: list[Word] = []
    for a in range(offset):
        for loop in loops:
            word = shifted(loop, offset)
            relators.append(((a, 1), *word, (a, -1), *inverted(word)))
    images = [im.explicit(evaluated(moves, loop)) for loop in loops]
    seen = {0}
    for point, word in reach.items():
        if point in seen:
            continue
        orbit = [point]
        seen.add(point)
        for other in orbit:
            for image in images:
                assert isinstance(image, Monomial)
                if image.images[other] not in seen:
                    seen.add(image.images[other])
                    orbit.append(image.images[other])
        there = shifted(word, offset)
        for a in range(offset):
            for b in range(offset):
                copy: Word = (*there, (b, 1), *inverted(there))
                relators.append(((a, 1), *copy, (a, -1), *inverted(copy)))
    return tuple(relators)


def _wreath_chain(
    base: Group, top: Group, offset: int, reach: dict[int, Word]
) -> tuple[tuple[Word, ...], ...]:
    """The copies of A, one after the other, then B."""
    links: list[tuple[Word, ...]] = []
    for word in reach.values():
        there = shifted(word, offset)
        for link in chain_of(base):
            links.append(tuple((*there, *letters, *inverted(there)) for letters in link))
    links.extend(tuple(shifted(word, offset) for word in link) for link in chain_of(top))
    return tuple(links)


__all__ = ["NoAction", "chain_of", "dihedral_size", "direct", "points", "semidirect", "wreath"]
