"""Is an element of one spec's symmetry an element of the other's?

In: a `Frame`, a generator of the one side, the factors of the other side that may be used. Out: the
element that acts alike, a proof that there is none, or neither. Everything is exact:

- A factor of the same group (family, parameters, generators) whose generators act alike, one by one, has
  the same image: a representation is determined by the images of the generators.
- Of a finite factor every element is a candidate. Of symmetric(n) and of the classical matrix groups
  there is one candidate, up to sign, wherever the factor alone acts by its own matrices: it is read off
  there, tested by the equations that define the group, and evaluated on everything else by the functor
  that the representation is (dual, determinant, tensor products and sums of these).
- Candidates are combined and compared by `actions.key` on all tensors at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from itertools import product as combinations
from math import prod

from eqspec.algebra import images as im
from eqspec.algebra.groups import Group, GroupTooLarge, Word
from eqspec.algebra.images import AffineMap, AnyImage, Infinitesimal, Monomial, SampledMap
from eqspec.algebra.representations import Representation, word_image
from eqspec.graph.sizes import is_dynamic
from eqspec.tools.diff import actions
from eqspec.tools.diff.actions import Action, Frame, Part, TooLarge

LARGEST_GROUP = 2_048
"""Elements of a finite factor that are all tried."""

LARGEST_SEARCH = 4_096
"""Elements of a product of factors that are compared on all tensors."""


UNDECIDED = (TooLarge, GroupTooLarge, im.NotLinear, im.NoElement)
"""What stops a comparison: matrices or groups that are too large, points and samples that have none."""


class Answer(Enum):
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Element:
    """An element that acts alike: for every factor that moves, a word, or None where it has no name."""

    parts: tuple[tuple[str, str | None], ...]

    @property
    def factors(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.parts)


def same_factor(frame: Frame, side: int, factor: str, allowed: Sequence[str]) -> str | None:
    """A factor of the other side with the same group, whose generators act alike on everything."""
    group = frame.groups[side][factor]
    try:
        own = [actions.key(frame, frame.action(side, factor, g)) for g in _numbers(group)]
        for name in allowed:
            other = frame.groups[1 - side][name]
            if (group.family, group.parameters) != (other.family, other.parameters):
                continue
            if len(group.generators) == len(other.generators) and all(
                actions.key(frame, frame.action(1 - side, name, g)) == own[g]
                for g in _numbers(other)
            ):
                return name
    except UNDECIDED:
        return None
    return None


def member(
    frame: Frame, side: int, factor: str, generator: int, allowed: Sequence[str]
) -> Element | Answer:
    """An element of the ``allowed`` factors of the other side that acts as this generator does."""
    try:
        return _member(frame, side, factor, generator, allowed)
    except UNDECIDED:
        return Answer.UNKNOWN


def _member(
    frame: Frame, side: int, factor: str, generator: int, allowed: Sequence[str]
) -> Element | Answer:
    groups = frame.groups[1 - side]
    wanted = frame.action(side, factor, generator)
    goal = actions.key(frame, wanted)
    if all(image.is_identity for image in wanted):
        return Element(())
    dynamic = is_dynamic(frame.groups[side][factor].parameters) or any(
        is_dynamic(groups[name].parameters) for name in allowed
    )
    lie_or_disc = (Infinitesimal, SampledMap)
    if dynamic or any(isinstance(image, lie_or_disc) for image in wanted) or frame.is_sampled:
        return Answer.UNKNOWN  # no single element stands for all sizes or for exp(tA)
    complete = True
    choices: list[tuple[str, list[_Candidate]]] = []
    for name in allowed:
        found, whole = _candidates(frame, 1 - side, name, groups[name], wanted)
        complete = complete and whole
        fitting = [(c, _fits(frame, 1 - side, name, allowed, c, wanted)) for c in found]
        complete = complete and all(fits is not None for _, fits in fitting)
        choices.append((name, [c for c, fits in fitting if fits]))
    if prod(len(found) for _, found in choices) > LARGEST_SEARCH:
        return Answer.UNKNOWN
    for chosen in combinations(*(found for _, found in choices)):
        if actions.key(frame, _together(frame, 1 - side, choices, chosen)) == goal:
            parts = [
                (name, c.text)
                for (name, _), c in zip(choices, chosen, strict=True)
                if not c.is_identity
            ]
            return Element(tuple(parts))
    return Answer.NO if complete else Answer.UNKNOWN


# ---- candidates ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Candidate:
    """An element of a factor: how it acts by any representation (None: that is not known)."""

    text: str | None
    evaluate: Callable[[Representation], AnyImage | None]
    is_identity: bool = False


def _candidates(
    frame: Frame, side: int, name: str, group: Group, wanted: Action
) -> tuple[list[_Candidate], bool]:
    """Elements of a factor that may be meant, and whether these are all."""
    one = _Candidate("1", lambda rep: im.power(rep.any_image(name, 0), 0), True)
    if group.order is not None and group.order <= LARGEST_GROUP:
        words = [word for word in group.elements() if word]
        return [one, *(_by_word(name, group, word) for word in words)], True
    found = [one]
    for segment, image in zip(frame.segments, wanted, strict=True):
        parts = segment.parts(side)
        if isinstance(image, AffineMap | SampledMap | Infinitesimal):
            continue
        if len(parts) != 1 or isinstance(parts[0], int) or parts[0].factors != {name}:
            continue
        if image.degree > actions.LARGEST or image.degree != group.model[0].degree:
            continue
        own = tuple(parts[0].image(name, g) for g in _numbers(group))
        matrix = im.explicit(image)
        if group.family == "symmetric" and own == group.model:
            if isinstance(matrix, Monomial) and len(set(matrix.signs)) == 1:
                found.append(_by_word(name, group, _sorting(matrix.images)))
            return found, True  # it is faithful there, and no scalar but 1 is a permutation
        if group.family not in _EQUATIONS:
            continue
        back = next((back for functor, back in _FAITHFUL if own == _made(functor, group)), None)
        if back is None:
            continue
        for sign in (1, -1):
            scaled = im.scale(back(matrix), sign)
            if _EQUATIONS[group.family](scaled, group):
                found.append(_by_matrix(name, group, scaled))
        # 2 A beside a half is A too: only where A itself is in the group, or alone, all are found
        alone = sum(s.block == segment.block for s in frame.segments) == 1
        return found, group.family in _ONLY_SIGNS and (alone or len(found) > 1)
    return found, False


def _by_word(name: str, group: Group, word: Word) -> _Candidate:
    return _Candidate(group.text(word), lambda rep: word_image(rep, name, word))


def _by_matrix(name: str, group: Group, matrix: AnyImage) -> _Candidate:
    return _Candidate(None, lambda rep: _functor(rep, name, group, matrix))


def _functor(rep: Representation, name: str, group: Group, matrix: AnyImage) -> AnyImage | None:
    """What a representation of a classical group makes of a matrix; None where it is no functor that we
    know. A polynomial functor that has the right values at the generators is the right one."""
    if name not in rep.factors:
        return im.identity(rep.degree)
    if rep.terms is not None:
        blocks: list[AnyImage] = []
        for term in rep.terms:
            parts: list[AnyImage] = []
            for axis in term.axes:
                image = (
                    im.identity(axis)
                    if isinstance(axis, int)
                    else _functor(axis, name, group, matrix)
                )
                if image is None:
                    return None
                parts.append(image)
            blocks.append(actions.product(parts))
        return blocks[0] if len(blocks) == 1 else im.direct_sum(blocks)
    if rep.factors != {name} or rep.is_affine or rep.is_sampled:
        return None
    for functor in _FUNCTORS:
        if _made(functor, group) == tuple(rep.image(name, g) for g in _numbers(group)):
            return functor(matrix)
    return None


Functor = Callable[[AnyImage], AnyImage]


def _made(functor: Functor, group: Group) -> tuple[AnyImage, ...]:
    return tuple(im.explicit(functor(im.explicit(image))) for image in group.model)


def _itself(image: AnyImage) -> AnyImage:
    return image


def _dual(image: AnyImage) -> AnyImage:
    return im.inverse(im.transpose(image))


def _twisted_dual(image: AnyImage) -> AnyImage:
    return _dual(im.twisted(image))


_FAITHFUL: tuple[tuple[Functor, Functor], ...] = (
    (_itself, _itself),
    (_dual, _dual),
    (im.twisted, _itself),
    (_twisted_dual, _dual),
)
"""Functors from which the matrix can be read off, up to a scalar, and how."""

_FUNCTORS: tuple[Functor, ...] = (
    *(functor for functor, _ in _FAITHFUL),
    im.determinant_image,
    lambda image: im.inverse(im.determinant_image(image)),
)


def _fits(
    frame: Frame,
    side: int,
    name: str,
    allowed: Sequence[str],
    candidate: _Candidate,
    wanted: Action,
) -> bool | None:
    """Does the candidate act rightly where none of the other factors does? Up to a scalar, if the block
    has other segments. None: nobody knows how it acts."""
    others = set(allowed) - {name}
    for segment, image in zip(frame.segments, wanted, strict=True):
        acting = segment.factors(side)
        if name not in acting or acting & others:
            continue
        made = _on(segment.parts(side), candidate)
        if made is None:
            return None
        alone = Frame((segment,), frame.groups)
        if any(s.block == segment.block and s is not segment for s in frame.segments):
            alone = Frame((segment, segment), frame.groups)  # forgets the scalar
            if actions.key(alone, (made, made))[1:-1] != actions.key(alone, (image, image))[1:-1]:
                return False
        elif actions.key(alone, (made,)) != actions.key(alone, (image,)):
            return False
    return True


def _on(parts: Sequence[Part], candidate: _Candidate) -> AnyImage | None:
    found: list[AnyImage] = []
    for part in parts:
        image = im.identity(part) if isinstance(part, int) else candidate.evaluate(part)
        if image is None:
            return None
        found.append(image)
    return actions.product(found)


def _together(
    frame: Frame,
    side: int,
    choices: Sequence[tuple[str, Sequence[_Candidate]]],
    chosen: Sequence[_Candidate],
) -> Action:
    """The product of the candidates, which commute, on every segment."""
    found: list[AnyImage] = []
    for segment in frame.segments:
        parts = segment.parts(side)
        total = actions.product(
            [im.identity(p) if isinstance(p, int) else im.power(_first(p), 0) for p in parts]
        )
        for (name, _), candidate in zip(choices, chosen, strict=True):
            if candidate.is_identity or name not in segment.factors(side):
                continue
            image = _on(parts, candidate)
            if image is None:
                raise TooLarge("a representation without a formula")
            total = im.compose(total, image)
        found.append(total)
    return tuple(found)


def _first(rep: Representation) -> AnyImage:
    for name, group in rep.groups:
        if group.generators:
            return rep.any_image(name, 0)
    return im.identity(rep.degree)


# ---- the equations of the classical groups -------------------------------------------------------


def _form(matrix: AnyImage, signs: Sequence[int]) -> bool:
    """Does it preserve the form diag(signs)?"""
    rows = im.rows_of(matrix)
    size = range(len(rows))
    return all(
        sum((signs[k] * rows[k][i] * rows[k][j] for k in size), Fraction(0))
        == (signs[i] if i == j else 0)
        for i in size
        for j in size
    )


def _symplectic(matrix: AnyImage) -> bool:
    rows = im.rows_of(matrix)
    m = len(rows) // 2

    def form(i: int, j: int) -> Fraction:
        return sum(
            (rows[k][i] * rows[k + m][j] - rows[k + m][i] * rows[k][j] for k in range(m)),
            Fraction(0),
        )

    return all(
        form(i, j) == (1 if j == i + m else -1 if i == j + m else 0)
        for i in range(2 * m)
        for j in range(2 * m)
    )


def _plus_minus(group: Group) -> list[int]:
    p, q = (int(str(n)) for n in group.parameters[:2])
    return [1] * p + [-1] * q


_EQUATIONS: Mapping[str, Callable[[AnyImage, Group], bool]] = {
    "orthogonal": lambda a, _: im.is_orthogonal(a),
    "special_orthogonal": lambda a, _: im.is_orthogonal(a) and im.determinant(a) == 1,
    "lorentz": lambda a, group: _form(a, _plus_minus(group)),
    "symplectic": lambda a, _: _symplectic(a),
    "special_linear": lambda a, _: im.determinant(a) == 1,
    "general_linear": lambda a, _: im.determinant(a) != 0,
}
"""Families whose groups are given by these equations, all components of them."""

_ONLY_SIGNS = frozenset(_EQUATIONS) - {"general_linear"}
"""Those whose only real scalars are 1 and -1: if A is in the group, of its multiples only -A may be."""


def _sorting(images: Sequence[int]) -> Word:
    """A permutation as a word in t = (0 1) and c = (0 1 ... n-1): neighbours are exchanged by
    c^k t c^-k until all is in place."""
    order, word = list(images), []
    for end in range(len(order) - 1, 0, -1):
        for k in range(end):
            if order[k] > order[k + 1]:
                order[k], order[k + 1] = order[k + 1], order[k]
                word.append(k)
    # images = s_k1 ... s_km read from the last exchange to the first, acting on positions
    letters: list[tuple[int, int]] = []
    for k in reversed(word):
        letters += [(1, k), (0, 1), (1, -k)] if k else [(0, 1)]
    return tuple(letters)


def _numbers(group: Group) -> range:
    return range(len(group.generators))


def same_words(element: Element) -> Iterator[str]:
    """The element in the words of its factors, where it has any."""
    for name, text in element.parts:
        yield f"{name}: {text}" if text else name


__all__ = ["Answer", "Element", "member", "same_factor", "same_words"]
