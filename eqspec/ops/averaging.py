"""Group averages of a user's network: `equitune`, `multi_equitune` and `fuse`.

`equitune(base, x)` is the mean over G of rho_Y(g)^-1 base(rho_X(g) x): exact for every base. Elements
that act alike on the arguments give equal calls, so the base is called once for each element of the
*image* of G on the arguments; averaging over the kernel is a linear projection of the result. Factors
that act on the target alone lie in the kernel and cost no calls.

`multi_equitune` is the design for product groups of *Efficient Model-Agnostic Multi-Group Equivariant
Networks* (Fig. 1b), with averaging as the invariant map and the mean over branches: branch i averages
the argument over all factors but i, equitunes factor i, and averages the result over all factors but
i. It costs the sum of the orders where the full average costs their product, and it is never
universal; what it loses is said in three numbers.

`fuse(base, y)` is the invariant-symmetric fusion of the same paper: invariant under the factors of y,
symmetric under those of the target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eqspec.algebra.averages import ActionTooLarge, FWord, action_image, evaluate_any, inverse_word
from eqspec.algebra.counting import CannotCount, invariants_dimension
from eqspec.algebra.fixed import fixed_dimension
from eqspec.algebra.images import AnyImage, Monomial
from eqspec.algebra.multiaverage import MultiAverageReport, multi_average_report
from eqspec.algebra.products import chain_of
from eqspec.algebra.representations import Representation
from eqspec.algebra.restriction import restricted
from eqspec.diagnostics.model import Label
from eqspec.graph.model import Base
from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.ops.contract import LoweringSite, Op, Registers

if TYPE_CHECKING:
    from eqspec.program.instructions import AxisMove

CALLS_LIMIT = 20_160
PRODUCT_LINT = 64


@dataclass(frozen=True)
class Average:
    """``branches`` are the factors over which each branch equitunes: one branch with all factors for
    `equitune`, one a factor for `multi_equitune`. ``calls`` is the number of base calls, ``product``
    what a plain average over all acting factors would need. ``multi`` are the three numbers."""

    base: Base
    branches: tuple[tuple[str, ...], ...]
    factors: tuple[str, ...]
    calls: int
    product: int
    multi: MultiAverageReport | None = None


# ---- typing -------------------------------------------------------------------------------------------


def check_equitune(site: CallSite) -> Checked:
    source, target = _types(site)
    acting = tuple(sorted(source.factors | target.factors))
    _check_signature(site, source, target)
    _check_not_zero(site, source, target)
    calls = _calls(site, source, acting)
    _check_branches(site, source, target, [acting])
    product = _product(source, target)
    total = sum(group.order or 0 for group in source.groups.values())
    if calls > PRODUCT_LINT and len(source.factors) > 1 and total < calls:
        site.warn(
            "EQS904",
            f"this average calls `{site.base.name if site.base else ''}` {calls} times",
            f"the product of {', '.join(sorted(source.factors))}",
            help=f"`multi_equitune` would need {total} calls; it is less expressive",
        )
    assert site.base is not None
    return Checked(target, Average(site.base, (acting,), acting, calls, product))


def check_multi_equitune(site: CallSite) -> Checked:
    source, target = _types(site)
    acting = tuple(sorted(source.factors | target.factors))
    own = tuple(sorted(source.factors))
    _check_signature(site, source, target)
    _check_not_zero(site, source, target)
    assert site.base is not None
    if len(own) < 2:
        _check_not_taken_apart(site, source)
        return check_equitune(site)
    calls = sum(_calls(site, source, (factor,)) for factor in own)
    _check_branches(site, source, target, [(factor,) for factor in own])
    try:
        report = multi_average_report(_whole(source), _whole(target), own)
    except CannotCount as error:
        site.refuse("EQS412", f"the space of maps is too large to count: {error}", "this average")
    product = _product(source, target)
    numbers = (
        f"output span {report.output_span:,} of {report.output_dimension:,}, input kept"
        f" {report.input_kept:,} of {report.input_dimension:,}"
        + (f", linear maps reached {report.reached:,} of {report.hom:,}" if report.hom else "")
    )
    lossy = report.output_span < report.output_dimension
    if lossy or report.input_kept < report.input_dimension:
        site.warn(
            "EQS408",
            f"`multi_equitune` loses something here: {numbers}",
            f"{calls} calls where the full average needs {product}",
            help="`equitune` loses nothing",
        )
    return Checked(
        target, Average(site.base, tuple((f,) for f in own), acting, calls, product, report)
    )


def _check_not_taken_apart(site: CallSite, source: Type) -> None:
    """One factor that is no direct product: there is nothing whose orders could be summed."""
    for factor, group in source.groups.items():
        if group.family in ("semidirect", "wreath"):
            calls = _calls(site, source, (factor,))
            site.refuse(
                "EQS435",
                f"`multi_equitune` cannot take `{factor}` apart: it is no direct product",
                f"`{factor}` is {group.description}, one factor",
                span=site.whole,
                help=f"`equitune` averages over the whole of it, in {calls:,} calls",
            )


def check_fuse(site: CallSite) -> Checked:
    source, target = _types(site)
    both = sorted(source.factors & target.factors)
    if both:
        site.refuse(
            "EQS409",
            f"`fuse` needs different groups at its ends; `{both[0]}` acts on both",
            f"from {source} to {target}",
            span=site.whole,
            help=f"`equitune` is equivariant under `{both[0]}`",
        )
    return check_equitune(site)


def _types(site: CallSite) -> tuple[Type, Type]:
    assert site.expected is not None, "the signature says that averages choose"
    source = Type(tuple(block for arg in site.args for block in arg.type.blocks))
    groups = {**source.groups, **site.expected.groups}
    for factor, group in groups.items():
        if not group.is_finite:
            site.refuse(
                "EQS420",
                f"`{factor}` is infinite: no finite number of calls is its average",
                f"`{factor}` is {group.description}",
                span=site.whole,
                help="`linear` is exact for infinite groups; averages are for finite ones",
            )
    return source, site.expected


def _whole(type_: Type) -> tuple[int | Representation, ...]:
    """A type as the axes of one tensor, the blocks flattened and concatenated."""
    from eqspec.algebra.representations import direct_sum
    from eqspec.graph.types import term_of

    if len(type_.blocks) == 1:
        return type_.blocks[0].parts
    return (direct_sum(str(type_), tuple(term_of(block) for block in type_.blocks)),)


def _check_signature(site: CallSite, source: Type, target: Type) -> None:
    base = site.base
    assert base is not None
    given = tuple(block for type_ in base.signature for block in type_.blocks)
    if shapes_for(source, given) is None:
        site.refuse(
            "EQS211",
            f"`{base.name}` takes other shapes",
            f"it is given {_shapes(source.shapes)}",
            span=site.whole,
            labels=(Label(base.span, f"takes {_shapes([b.shape for b in given])}"),),
            help=f"declare `base {base.name}: {_signature(source)} -> {_signature(target)}`",
        )
    if shapes_for(target, base.target.blocks) is None:
        site.refuse(
            "EQS211",
            f"`{base.name}` returns other shapes",
            f"the layer has the shapes {_shapes(target.shapes)}",
            span=site.whole,
            labels=(Label(base.span, f"returns {_shapes(base.target.shapes)}"),),
            help=f"declare `base {base.name}: {_signature(source)} -> {_signature(target)}`",
        )


def shapes_for(type_: Type, given: Sequence[Block]) -> tuple[tuple[int, ...], ...] | None:
    """The shapes in which a base takes or returns a type: block by block (as they are or flattened),
    or all flattened into one axis. None if neither fits."""
    if len(given) == len(type_.blocks) and all(
        mine.shape == other.shape or mine.shape == (other.size,)
        for mine, other in zip(given, type_.blocks, strict=True)
    ):
        return tuple(block.shape for block in given)
    if len(given) == 1 and given[0].shape == (type_.size,):
        return (given[0].shape,)
    return None


def _shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join("[" + ", ".join(str(n) for n in shape) + "]" for shape in shapes)


def _signature(type_: Type) -> str:
    return " + ".join(_shapes([shape]) for shape in type_.shapes)


def _check_not_zero(site: CallSite, source: Type, target: Type) -> None:
    """A target that its own factors fix only at zero makes the average vanish."""
    alone = target.factors - source.factors
    for block in target.blocks:
        factors = block.factors & alone
        if not factors:
            continue
        try:
            zero = invariants_under(block, factors) == 0
        except CannotCount as error:
            site.refuse("EQS412", f"too large to count: {error}", "this average")
        if zero:
            site.refuse(
                "EQS402",
                f"nothing in {block} is fixed by `{min(factors)}`",
                "the output would be identically 0",
                span=site.whole,
                help=f"`{min(factors)}` does not act on the arguments",
            )


def _check_branches(
    site: CallSite, source: Type, target: Type, branches: Sequence[tuple[str, ...]]
) -> None:
    """Averages over the other factors, and over what acts alike on the arguments, may leave nothing."""
    acting = sorted(source.factors | target.factors)
    for block in target.blocks:
        empty = []
        for branch in branches:
            factors = frozenset(branch)
            others = frozenset(acting) - factors
            blind = not any(invariants_under(x, others & x.factors) for x in source.blocks)
            words: list[FWord] = []
            for factor in acting:
                if factor in block.factors and (
                    blind or factor in others or factor not in source.factors
                ):
                    count = len(target.groups[factor].generators)
                    words.extend(((factor, g, 1),) for g in range(count))
            reps = tuple(restricted(rep, factors) for rep in source.representations())
            image = action_image(reps, limit=CALLS_LIMIT)
            words.extend(image.kernel)
            words.extend(_scalar_elements(source, image.elements))
            empty.append(fixed_dimension(block.parts, words) == 0)
        if all(empty):
            site.refuse(
                "EQS402",
                f"nothing in {block} survives the average",
                "the output would be identically 0",
                span=site.whole,
                help="elements that act alike on the arguments must act alike on the result: use a"
                " `regular` type, or `equitune` where this is `multi_equitune`",
            )


def _scalar_elements(source: Type, elements: Sequence[FWord]) -> list[FWord]:
    """Elements that act on every block by numbers whose product is 1: as nothing at all, though no
    axis of it stays (a sign times a sign)."""
    found: list[FWord] = []
    if all(rep.is_permutation for rep in source.representations()):
        return found
    for word in elements:
        if word and all(_scalar(block, word) == 1 for block in source.blocks):
            found.append(word)
    return found


def _scalar(block: Block, word: FWord) -> int:
    """The sign by which a word multiplies a block; 0 if it does anything else."""
    sign = 1
    for axis in block.axes:
        if isinstance(axis, PlainAxis):
            continue
        image = evaluate_any(axis.rep, word)
        if image.is_identity:
            continue
        if not isinstance(image, Monomial) or len(set(image.signs)) > 1:
            return 0
        if image.images != tuple(range(image.degree)):
            return 0
        sign *= image.signs[0]
    return sign


def invariants_under(block: Block, factors: frozenset[str]) -> int:
    """dim of the vectors of a block that these factors fix."""
    return invariants_dimension(block.parts, factors)


def _calls(site: CallSite, source: Type, factors: tuple[str, ...]) -> int:
    try:
        parts = tuple(restricted(rep, frozenset(factors)) for rep in source.representations())
        return action_image(parts, limit=CALLS_LIMIT).order
    except ActionTooLarge as error:
        site.refuse(
            "EQS412",
            f"the average would need too many calls: {error}",
            "this average",
            span=site.whole,
        )


def _product(source: Type, target: Type) -> int:
    """The calls of a plain average over the product of all groups that act at either end."""
    groups = {**source.groups, **target.groups}
    return math.prod(group.order or 0 for group in groups.values())  # finite: see `_types`


# ---- lowering -------------------------------------------------------------------------------------------


def lower(site: LoweringSite) -> Registers:
    average = site.node.data
    assert isinstance(average, Average)
    b = site.builder
    target = site.node.type
    blocks = [
        (register, block)
        for registers, type_ in zip(site.args, site.types, strict=True)
        for register, block in zip(registers, type_.blocks, strict=True)
    ]
    source = Type(tuple(block for _, block in blocks))
    sums: list[list[int]] = [[] for _ in target.blocks]
    for branch in average.branches:
        others = tuple(f for f in average.factors if f not in branch)
        xs = [_project_factors(site, x, block, others) for x, block in blocks]
        ys = _orbit_mean(site, average, branch, xs, source)
        for k, block in enumerate(target.blocks):
            sums[k].append(_project_factors(site, ys[k], block, others))
    count = len(average.branches)
    return tuple(b.scale(b.add(*terms), 1 / count) for terms in sums)


def _orbit_mean(
    site: LoweringSite,
    average: Average,
    branch: tuple[str, ...],
    xs: Sequence[int],
    source: Type,
) -> list[int]:
    """The average over the factors of one branch: calls over the image, projection over the kernel."""
    from eqspec.program.instructions import Orbit, OrbitMean

    target = site.node.type
    factors = frozenset(branch)
    reps = tuple(restricted(rep, factors) for rep in source.representations())
    image = action_image(reps, limit=CALLS_LIMIT)
    accepts = shapes_for(source, [b for t in average.base.signature for b in t.blocks])
    returns = shapes_for(target, average.base.target.blocks)
    assert accepts is not None and returns is not None
    inverses = [inverse_word(word) for word in image.elements]
    orbit = Orbit(
        average.base.name,
        len(image.elements),
        tuple(_moves(block, image.elements) for block in source.blocks),
        accepts,
        returns,
        target.shapes,
        tuple(_moves(block, inverses) for block in target.blocks),
    )
    ys = site.builder.orbit_mean(OrbitMean(tuple(xs), orbit))
    alone = tuple(sorted(target.factors & factors - source.factors))
    results: list[int] = []
    for y, block in zip(ys, target.blocks, strict=True):
        y = _project_factors(site, y, block, alone)
        kernel = [word for word in image.kernel if not {f for f, _, _ in word} <= set(alone)]
        results.append(_project_words(site, y, block, kernel))
    return results


def _moves(block: Block, elements: Sequence[FWord]) -> tuple[AxisMove, ...]:
    """How the elements move the axes of a block; axes that none of them moves are left out."""
    from eqspec.program.instructions import AxisMove

    moves: list[AxisMove] = []
    for axis, (dim, width) in zip(block.axes, block.dims, strict=True):
        if isinstance(axis, PlainAxis):
            continue
        numbers: dict[AnyImage, int] = {}
        choice: list[int] = []
        for word in elements:
            image = evaluate_any(axis.rep, word)
            choice.append(numbers.setdefault(image, len(numbers)))
        if not all(image.is_identity for image in numbers):
            moves.append(AxisMove(dim, width, tuple(choice), tuple(numbers)))
    return tuple(moves)


def _project_factors(site: LoweringSite, x: int, block: Block, factors: Sequence[str]) -> int:
    """Average over factors, one after the other, and over each along its chain of subgroups (Reynolds
    operators multiply where the products of the subgroups are subgroups)."""
    from eqspec.ops.project import project

    for factor in factors:
        if factor in block.factors:
            group = site.module.groups[factor]
            chain: list[list[FWord]] = [
                [tuple((factor, letter, exponent) for letter, exponent in word) for word in link]
                for link in chain_of(group)
            ]
            x = project(site.builder, x, block, chain)
    return x


def _project_words(site: LoweringSite, x: int, block: Block, words: Sequence[FWord]) -> int:
    from eqspec.ops.project import project

    moving = [
        word
        for word in words
        if any(
            not isinstance(axis, PlainAxis) and not evaluate_any(axis.rep, word).is_identity
            for axis in block.axes
        )
    ]
    return project(site.builder, x, block, [moving]) if moving else x


EQUITUNE = Op(
    "equitune",
    Signature(tensors=(1, None), bases=1, target="chooses"),
    check_equitune,
    lower,
    "the mean over the whole group of rho(g)^-1 base(g x) commutes with every element, for any base",
)
MULTI_EQUITUNE = Op(
    "multi_equitune",
    Signature(tensors=(1, None), bases=1, target="chooses"),
    check_multi_equitune,
    lower,
    "in each branch one factor is averaged over the base and all others are averaged before and after"
    " it; averages over different factors of a direct product commute",
)
FUSE = Op(
    "fuse",
    Signature(tensors=(1, None), bases=1, target="chooses"),
    check_fuse,
    lower,
    "the average over the factors of the arguments is invariant, and its projection onto what the"
    " factors of the target fix is symmetric",
)
