"""`frame(base, x, ..., by=[...])`: canonicalise, call the network, transform back.

For every factor that acts on the arguments a method computes a frame f(x), an element of the group, or
a finite set of them, with f(gx) = g f(x). The result is the mean of f base(f^-1 x) over the frame: so
many calls as the frame has elements, for any order of the group, also an infinite one.

    principal_axes  eigenvectors of the covariance, largest eigenvalue first, with all choices of
                    signs: 2^n frames of O(n), 2^(n-1) of SO(n). (Puny et al., Frame Averaging, 2022)
    gram_schmidt    the first vectors, orthogonalised in order: one frame
    sort            the rows in lexicographic order: one frame of S_n

Points are centred first. Methods work in the order in which they are listed; each must have a frame
that no factor still to come changes, since the frame of a product is (f_1(x), f_2(f_1(x)^-1 x), ...).
The law fails on a closed null set (equal eigenvalues, dependent vectors, rows that begin alike), next
to which rounding decides, so the level is almost everywhere, and only on generic arguments. There, for
the sort: the first entries of two rows agree on a hyperplane, or, after principal axes, where an
eigenvector of a positive eigenvalue is orthogonal to the difference of two rows; that is contained in
the zeros of a polynomial, which is not zero at a cloud U D with D diagonal and the columns of U
orthonormal and different in these rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from eqspec.diagnostics.model import Label
from eqspec.graph.guarantees import independent
from eqspec.graph.model import Base, Level
from eqspec.graph.op import CallSite, Checked, Signature, Words, WordsFor
from eqspec.graph.types import Block, Type
from eqspec.ops.contract import Op
from eqspec.ops.framelowering import lower
from eqspec.ops.framing import (
    METHODS,
    MIRRORS,
    ROTATIONS,
    Method,
    Moved,
    frames_of,
    free_rows,
    keeps_covariance,
    movements,
    needed_rows,
)
from eqspec.ops.orbitchecks import check_signature
from eqspec.ops.positions import Centred

CALLS_LIMIT = 64
LONGEST_ROW = 256  # numbers by which rows are sorted, one pass over the rows for each


@dataclass(frozen=True)
class Step:
    """One factor: ``source`` is the block (of all arguments, numbered through) that gives the frame,
    ``row`` its dimension of vectors, or of rows to sort; ``centre`` the block of points whose mean is
    the origin. ``blocks`` and ``targets`` say how the factor moves every block."""

    method: Method
    factor: str
    special: bool
    frames: int
    source: int
    row: int
    centre: int | None
    blocks: tuple[tuple[Moved, ...], ...]
    targets: tuple[tuple[Moved, ...], ...]


@dataclass(frozen=True)
class Framing:
    """``detach``: no gradient flows through the frame."""

    base: Base
    steps: tuple[Step, ...]
    detach: bool

    @property
    def calls(self) -> int:
        return math.prod(step.frames for step in self.steps)


def check(site: CallSite) -> Checked:
    assert site.expected is not None and site.base is not None, "the signature says so"
    target = site.expected
    source = Type(tuple(block for arg in site.args for block in arg.type.blocks))
    check_signature(site, source, target)
    _check_target_only(site, source, target)
    order = _order(site, source)
    steps: list[Step] = []
    for k, (method, factor) in enumerate(order):
        later = frozenset(name for _, name in order[k + 1 :])
        steps.append(_step(site, source, target, method, factor, later))
    framing = Framing(site.base, tuple(steps), bool(site.keywords.get("detach", True)))
    if framing.calls > CALLS_LIMIT:
        site.refuse(
            "EQS412",
            f"this frame would call `{site.base.name}` {framing.calls:,} times",
            f"at most {CALLS_LIMIT}: every choice of signs of the axes is one",
            span=site.keyword_spans["by"],
            help="`gram_schmidt` needs one call, where the vectors have an order",
        )
    generic = bool(steps) and _is_generic(site, source, steps)
    level = Level.ALMOST_EVERYWHERE if generic else Level.APPROXIMATE
    where = ", or where ".join(dict.fromkeys(_null_set(site, source, step) for step in steps))
    return Checked(target, framing, level, null_set=f"inputs where {where}")


# ---- which method for which factor --------------------------------------------------------------------


def _order(site: CallSite, source: Type) -> list[tuple[Method, str]]:
    """Every acting factor with its method, in the order in which they work."""
    by = site.keywords.get("by")
    if not isinstance(by, Words) or not by.items:
        site.refuse(
            "EQS207",
            "`frame` needs a method for every factor: `by=`",
            "",
            span=site.whole,
            help=f"the methods are {', '.join(METHODS)}; for several factors a list",
        )
    left = sorted(source.factors)
    found: list[tuple[Method, str]] = []
    for word, named in by.items:
        method = next(m for m in METHODS if m == word)
        suited = [f for f in left if _suits(method, source.groups[f].family)]
        if named is not None:
            suited = [f for f in suited if f == named]
        if len(suited) != 1:
            _refuse_method(site, source, method, named, suited)
        found.append((method, suited[0]))
        left.remove(suited[0])
    if left:
        group = source.groups[left[0]]
        rest = [m for m in METHODS if _suits(m, group.family)]
        words = ", ".join(word if f is None else f"{word}({f})" for word, f in by.items)
        site.refuse(
            "EQS433",
            f"nothing canonicalises `{left[0]}`",
            f"`{left[0]}` acts on the arguments and is {group.description}",
            span=site.keyword_spans["by"],
            help=f"add a method: `by=[{words}, {rest[0]}]`"
            if rest
            else "`frame` has methods for symmetric(n), (special_)orthogonal(n) and"
            " (special_)euclidean(n); `equitune` averages over a finite group",
        )
    return found


def _suits(method: Method, family: str) -> bool:
    return family == "symmetric" if method == "sort" else family in ROTATIONS


def _refuse_method(
    site: CallSite, source: Type, method: Method, named: str | None, suited: Sequence[str]
) -> None:
    if suited:
        site.refuse(
            "EQS433",
            f"`{method}` may be for {' or '.join(f'`{f}`' for f in suited)}",
            "which of them is meant is not clear",
            span=site.keyword_spans["by"],
            help=f"write `{method}({suited[0]})`",
        )
    who = f"`{named}`" if named else "a factor that acts on the arguments and has no method yet"
    site.refuse(
        "EQS433",
        f"`{method}` has nothing to do",
        f"it is for {who}: " + ("symmetric(n)" if method == "sort" else "rotations or motions"),
        span=site.keyword_spans["by"],
        help=f"{', '.join(f'`{f}`' for f in sorted(source.factors)) or 'no group'} acts on the"
        " arguments",
    )


def _check_target_only(site: CallSite, source: Type, target: Type) -> None:
    for factor in sorted(target.factors - source.factors):
        site.refuse(
            "EQS433",
            f"`{factor}` acts on the result and not on the arguments",
            f"declared {target}",
            span=site.target_span or site.whole,
            help="a frame comes from the arguments; let a `linear` layer after it reach this type",
        )


# ---- one step --------------------------------------------------------------------------------------------


def _step(
    site: CallSite,
    source: Type,
    target: Type,
    method: Method,
    factor: str,
    later: frozenset[str],
) -> Step:
    group = source.groups[factor]
    blocks = tuple(_moved(site, block, factor, source) for block in source.blocks)
    targets = tuple(_moved(site, block, factor, source) for block in target.blocks)
    centre = next(
        (k for k, moved in enumerate(blocks) if any(m.how == "point" for m in moved)), None
    )
    if centre is None and any(m.how == "point" for moved in targets for m in moved):
        site.refuse(
            "EQS427",
            f"no argument says where the origin of `{factor}` is",
            f"declared {target}, and no argument has points",
            span=site.target_span or site.whole,
            help="hand the points to the frame, or add its vectors to them afterwards",
        )
    if method == "sort":
        number, row = _rows_to_sort(site, source, factor, blocks, later)
    else:
        number, row = _vectors(site, source, method, factor, blocks, later)
        if any(m.how == "point" for m in blocks[number]):
            centre = number
        _check_rows(site, source, method, factor, number, row)
    special = group.family not in MIRRORS
    frames = frames_of(method, group)
    return Step(method, factor, special, frames, number, row, centre, blocks, targets)


def _moved(site: CallSite, block: Block, factor: str, source: Type) -> tuple[Moved, ...]:
    moved = movements(block, factor, source.groups[factor])
    if moved is None:
        site.refuse(
            "EQS210",
            f"`frame` cannot move {block} by `{factor}` yet",
            "axes of vectors, points, tensors and their determinants, and natural axes are built",
            span=site.whole,
            help="bring it to a sum of these by `linear`",
        )
    return moved


def _vectors(
    site: CallSite,
    source: Type,
    method: Method,
    factor: str,
    blocks: Sequence[tuple[Moved, ...]],
    later: frozenset[str],
) -> tuple[int, int]:
    """The block whose vectors give the frame, and their dimension: the first with enough vectors, among
    those on which no factor that is still to come changes it."""
    blamed: str | None = None
    found: list[tuple[int, int]] = []
    for number, (block, moved) in enumerate(zip(source.blocks, blocks, strict=True)):
        if len(moved) != 1 or moved[0].how not in ("vector", "point") or moved[0].signed:
            continue
        changing = [
            name
            for rep, _, _ in block.actions
            for name in sorted(rep.factors & later)
            if method == "gram_schmidt" or not keeps_covariance(rep)
        ]
        if not changing:
            found.append((number, moved[0].dim))
        elif blamed is None:
            blamed = changing[0]
    for number, dim in found:
        if _free(site, source, number, dim) >= needed_rows(method, source.groups[factor]):
            return number, dim
    if found:
        return found[0]
    if blamed is not None:
        site.refuse(
            "EQS426",
            f"the {'Gram-Schmidt frame' if method == 'gram_schmidt' else 'covariance'} of `{factor}`"
            f" changes under `{blamed}`",
            f"`{blamed}` acts on the vectors too, and is canonicalised later",
            span=site.keyword_spans["by"],
            help="`principal_axes` does not depend on the order of the vectors"
            if method == "gram_schmidt"
            else None,
        )
    site.refuse(
        "EQS427",
        f"no argument gives a frame of `{factor}`",
        "it needs a block with one axis of vectors or points",
        span=site.whole,
        labels=tuple(
            Label(span, f"this has type {arg.type}")
            for arg, span in zip(site.args, site.arg_spans, strict=True)
        ),
    )


def _rows_to_sort(
    site: CallSite,
    source: Type,
    factor: str,
    blocks: Sequence[tuple[Moved, ...]],
    later: frozenset[str],
) -> tuple[int, int]:
    """The block whose rows are sorted, and their dimension."""
    blamed: str | None = None
    for number, (block, moved) in enumerate(zip(source.blocks, blocks, strict=True)):
        if len(moved) != 1 or len(block.shape) < 1:
            continue
        changing = sorted(block.factors & later)
        if not changing and block.size // block.shape[moved[0].dim] > LONGEST_ROW:
            site.refuse(
                "EQS210",
                f"rows of more than {LONGEST_ROW} numbers are not sorted yet",
                f"those of {block}",
                span=site.whole,
                help="put an argument with shorter rows first: the others are sorted along",
            )
        if not changing:
            return number, moved[0].dim
        blamed = blamed or changing[0]
    if blamed is not None:
        site.refuse(
            "EQS426",
            f"the order of the rows of `{factor}` changes under `{blamed}`",
            f"`{blamed}` acts on the entries of the rows",
            span=site.keyword_spans["by"],
            help=f"canonicalise `{blamed}` first: list its method before `sort`",
        )
    site.refuse(
        "EQS427",
        f"no argument has rows of `{factor}` to sort",
        f"it needs a block with one axis `{factor}.natural`",
        span=site.whole,
    )


def _check_rows(
    site: CallSite,
    source: Type,
    method: Method,
    factor: str,
    number: int,
    dim: int,
) -> None:
    """Refuse where the frame is degenerate for every input."""
    block, group = source.blocks[number], source.groups[factor]
    points = block.point_axis is not None
    centred = _centred(site, number)
    if centred and method == "gram_schmidt":
        site.refuse(
            "EQS210",
            "`gram_schmidt` of centred vectors is not built",
            f"the first of them may depend on each other: {block}",
            span=site.whole,
            help="`principal_axes`, or the points themselves: they are centred by `frame`",
        )
    rows = _free(site, source, number, dim)
    needed = needed_rows(method, group)
    if rows < needed:
        after = " when they are centred" if points or centred else ""
        site.refuse(
            "EQS427",
            f"{'two eigenvalues are' if method == 'principal_axes' else 'the frame is'} always"
            f" {'zero' if method == 'principal_axes' else 'incomplete'}: `{factor}` needs more vectors",
            f"{max(0, rows)} of the {'points' if points else 'vectors'} of {block} are free{after}",
            span=site.whole,
            help=f"{group.description} needs {needed + (1 if points else 0)}"
            f" {'points' if points else 'free vectors'} for `{method}`",
        )


def _free(site: CallSite, source: Type, number: int, dim: int) -> int:
    """How many vectors of a block can be chosen freely, after points are centred."""
    block = source.blocks[number]
    row = next(k for k, (start, width) in enumerate(block.dims) if start <= dim < start + width)
    return free_rows(block, row, _centred(site, number)) - (block.point_axis is not None)


def _arg_of(site: CallSite, number: int) -> tuple[int, int]:
    """The argument to which a block belongs, and its number there."""
    for k, arg in enumerate(site.args):
        if number < len(arg.type.blocks):
            return k, number
        number -= len(arg.type.blocks)
    raise AssertionError(number)


def _centred(site: CallSite, number: int) -> tuple[int, ...]:
    """The axes over which a block is known to be centred."""
    k, inside = _arg_of(site, number)
    arg = site.args[k]
    if arg.centred is not None:
        return arg.centred[inside]
    return arg.data.axes[inside] if isinstance(arg.data, Centred) else ()


# ---- guarantee ---------------------------------------------------------------------------------------------


def _is_generic(site: CallSite, source: Type, steps: Sequence[Step]) -> bool:
    """Are the null sets null where the arguments can be? Every block that gives a frame is generic, all
    together, and a block is sorted after at most one frame has turned it."""
    used = sorted({_arg_of(site, step.source)[0] for step in steps})
    args = [site.args[k] for k in used]
    if not all(arg.generic or arg.centred is not None for arg in args) or not independent(args):
        return False
    for k, step in enumerate(steps):
        turned = [before for before in steps[:k] if before.blocks[step.source]]
        if step.method == "sort" and len(turned) > 1:
            return False
    return True


def _null_set(site: CallSite, source: Type, step: Step) -> str:
    whose = f"`{site.args[_arg_of(site, step.source)[0]].name}`"
    if step.method == "principal_axes":
        return f"two eigenvalues of the covariance of {whose} are equal"
    if step.method == "gram_schmidt":
        count = needed_rows(step.method, source.groups[step.factor])
        return f"the first {count} vectors of {whose} are linearly dependent"
    return f"two rows of {whose} begin with equal numbers"


FRAME = Op(
    "frame",
    Signature(
        tensors=(1, None),
        bases=1,
        keywords={"by": WordsFor(METHODS), "detach": "boolean"},
        target="chooses",
        points=True,
    ),
    check,
    lower,
    "the frame moves with the argument, f(g x) = g f(x), so that the argument seen from its frame is the"
    " same for x and g x, and what the base answers there is moved back by the frame",
)
OPS = (FRAME,)
