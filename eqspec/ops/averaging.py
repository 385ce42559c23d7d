"""Group averages of a user's network: `equitune`, `multi_equitune` and `fuse`.

`equitune(base, x)` is the mean over G of rho_Y(g)^-1 base(rho_X(g) x): exact for every base. Elements
that act alike on the arguments give equal calls, so the base is called once for each element of the
*image* of G on the arguments; averaging over the kernel is a linear projection of the result. Factors
that act on the target alone lie in the kernel and cost no calls. Where the target is not orthogonal the
closest equivariant map takes the place of the mean (`ops.closest`).

`multi_equitune` is the design for product groups of *Efficient Model-Agnostic Multi-Group Equivariant
Networks* (Fig. 1b), with averaging as the invariant map and the mean over branches: branch i averages
the argument over all factors but i, equitunes factor i, and averages the result over all factors but
i. It costs the sum of the orders where the full average costs their product, and it is never
universal; what it loses is said in three numbers.

`fuse(base, y)` is the invariant-symmetric fusion of the same paper: invariant under the factors of y,
symmetric under those of the target.

The weighted mean of `ops.weighting` and the choice of `ops.choosing` share the two designs, `full` and
`branched`, and the lowering; they differ in the `Rule` by which the answers along an orbit become one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eqspec.algebra.counting import CannotCount
from eqspec.algebra.multiaverage import MultiAverageReport, multi_average_report
from eqspec.graph.model import Base, Level
from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.types import Type
from eqspec.ops.closest import PROJECTIONS, apply_closest, wants_closest
from eqspec.ops.collapse import check_collapse, collapses
from eqspec.ops.contract import LoweringSite, Op, Registers
from eqspec.ops.orbitchecks import (
    calls_over,
    check_branches,
    check_not_zero,
    check_signature,
    product_of,
    types_of,
    whole,
)
from eqspec.ops.orbitlowering import blocks_of, branch_of, project_factors, project_kernel

if TYPE_CHECKING:
    from eqspec.program.orbits import Orbit, OrbitCall

PRODUCT_LINT = 64


@dataclass(frozen=True)
class Mean:
    """The mean of the answers; ``closest``: by the normal equations."""

    closest: bool = False


@dataclass(frozen=True)
class Weighted:
    """The mean with weights softplus(what ``weights`` answers) + ``eps``."""

    weights: Base
    eps: float


@dataclass(frozen=True)
class Choice:
    """The answers of least energy: a network, or "entropy" or "margin" of the answer itself."""

    energy: Base | str


Rule = Mean | Weighted | Choice


@dataclass(frozen=True)
class Average:
    """``branches`` are the factors over which each branch runs through an orbit: one branch with all
    factors, or one a factor for `multi_equitune`. ``elements`` is the number of orbit elements, over
    all branches, and of calls of the base; ``product`` is what a plain average over all acting factors
    would need. ``multi`` are the three numbers."""

    base: Base
    branches: tuple[tuple[str, ...], ...]
    factors: tuple[str, ...]
    elements: int
    product: int
    multi: MultiAverageReport | None = None
    rule: Rule = Mean()

    @property
    def bases(self) -> tuple[Base, ...]:
        """The networks that are called once for every element."""
        match self.rule:
            case Weighted(weights=second) | Choice(energy=Base() as second):
                return (self.base, second)
        return (self.base,)

    @property
    def calls(self) -> int:
        """Evaluations of the user's networks for one sample."""
        return self.elements * len(self.bases)


# ---- typing -------------------------------------------------------------------------------------------


def full(site: CallSite, rule: Rule, level: Level = Level.EXACT) -> Checked:
    """One orbit under all acting factors; ``level`` is the op's own where there is more than one
    element."""
    source, target = types_of(site)
    acting = tuple(sorted(source.factors | target.factors))
    check_signature(site, source, target)
    check_not_zero(site, source, target)
    elements = calls_over(site, source, acting)
    check_branches(site, source, target, [acting])
    base = site.bases[0]
    total = sum(group.order or 0 for group in source.groups.values())
    apart = len(source.factors) > 1 and collapses(source, tuple(sorted(source.factors)))
    if elements > PRODUCT_LINT and apart and total < elements:
        other = "multi_equizero" if isinstance(rule, Choice) else "multi_equitune"
        site.warn(
            "EQS904",
            f"this average calls `{base.name}` {elements} times",
            f"the product of {', '.join(sorted(source.factors))}",
            help=f"`{other}` would need {total} calls; it is less expressive",
        )
    average = Average(base, (acting,), acting, elements, product_of(source, target), None, rule)
    return Checked(target, average, level if elements > 1 else Level.EXACT)


def branched(site: CallSite, rule: Rule, level: Level = Level.EXACT) -> Checked:
    """An orbit for each factor of the arguments, the other factors averaged before and after."""
    source, target = types_of(site)
    acting = tuple(sorted(source.factors | target.factors))
    own = tuple(sorted(source.factors))
    check_signature(site, source, target)
    check_not_zero(site, source, target)
    single = "equizero" if isinstance(rule, Choice) else "equitune"
    if len(own) < 2:
        _check_not_taken_apart(site, source, single)
        return full(site, rule, level)
    check_collapse(site, source, own)
    elements = sum(calls_over(site, source, (factor,)) for factor in own)
    check_branches(site, source, target, [(factor,) for factor in own])
    try:
        report = multi_average_report(whole(source.one_hot), whole(target), own)
    except CannotCount as error:
        site.refuse("EQS412", f"the space of maps is too large to count: {error}", "this average")
    product = product_of(source, target)
    numbers = (
        f"output span {report.output_span:,} of {report.output_dimension:,}, input kept"
        f" {report.input_kept:,} of {report.input_dimension:,}"
        + (" of its one-hot encoding" if source.has_indices else "")
    )
    if report.hom and isinstance(rule, Mean):
        numbers += f", linear maps reached {report.reached:,} of {report.hom:,}"
    lossy = report.output_span < report.output_dimension
    if lossy or report.input_kept < report.input_dimension:
        site.warn(
            "EQS408",
            f"`{site.op}` loses something here: {numbers}",
            f"{elements} calls where the full average needs {product}",
            help=f"`{single}` loses nothing",
        )
    branches = tuple((factor,) for factor in own)
    average = Average(site.bases[0], branches, acting, elements, product, report, rule)
    return Checked(target, average, level)


def check_equitune(site: CallSite) -> Checked:
    return full(site, _mean(site))


def check_multi_equitune(site: CallSite) -> Checked:
    return branched(site, _mean(site))


def check_fuse(site: CallSite) -> Checked:
    source, target = types_of(site)
    both = sorted(source.factors & target.factors)
    if both:
        site.refuse(
            "EQS409",
            f"`fuse` needs different groups at its ends; `{both[0]}` acts on both",
            f"from {source} to {target}",
            span=site.whole,
            help=f"`equitune` is equivariant under `{both[0]}`",
        )
    return full(site, _mean(site))


def _mean(site: CallSite) -> Mean:
    _, target = types_of(site)
    return Mean(wants_closest(site, target))


def _check_not_taken_apart(site: CallSite, source: Type, single: str) -> None:
    """One factor that is no direct product: there is nothing whose orders could be summed."""
    for factor, group in source.groups.items():
        if group.family in ("semidirect", "wreath"):
            calls = calls_over(site, source, (factor,))
            site.refuse(
                "EQS435",
                f"`{site.op}` cannot take `{factor}` apart: it is no direct product",
                f"`{factor}` is {group.description}, one factor",
                span=site.whole,
                help=f"`{single}` averages over the whole of it, in {calls:,} calls",
            )


# ---- lowering -------------------------------------------------------------------------------------------


def lower(site: LoweringSite) -> Registers:
    average = site.node.data
    assert isinstance(average, Average)
    b, target = site.builder, site.node.type
    blocks = blocks_of(site)
    source = Type(tuple(block for _, block in blocks))
    closest = isinstance(average.rule, Mean) and average.rule.closest
    shapes = average.base.target.blocks
    sums: list[list[int]] = [[] for _ in target.blocks]
    count, calls = len(average.branches), 0
    # one all-reduce for all branches of what is linear
    shared = site.distributed and count > 1 and isinstance(average.rule, Mean)
    for factors in average.branches:
        others = tuple(f for f in average.factors if f not in factors)
        xs = tuple(project_factors(site, x, block, others) for x, block in blocks)
        branch = branch_of(average.base, factors, source, target, shapes, transposed=closest)
        ys = b.orbit(_instruction(average.rule, xs, branch.orbit, calls if shared else None))
        if closest:
            pairs = zip(ys, target.blocks, strict=True)
            ys = tuple(apply_closest(site, y, block) for y, block in pairs)
        ys = tuple(project_kernel(site, branch, ys, target))
        for k, block in enumerate(target.blocks):
            sums[k].append(project_factors(site, ys[k], block, others))
        calls += branch.orbit.order
    means = tuple(b.scale(b.add(*terms), 1 / count) for terms in sums)
    return b.over_ranks(means) if shared else means


def _instruction(rule: Rule, xs: tuple[int, ...], orbit: Orbit, first: int | None) -> OrbitCall:
    from eqspec.program.orbits import OrbitChoice, OrbitMean, OrbitWeighted

    match rule:
        case Mean():
            return OrbitMean(xs, orbit, first)
        case Weighted(weights=weights, eps=eps):
            return OrbitWeighted(xs, orbit, weights.name, eps)
        case Choice(energy=energy):
            if isinstance(energy, Base):
                return OrbitChoice(xs, orbit, energy.name, True)
            return OrbitChoice(xs, orbit, energy, False)


EQUITUNE = Op(
    "equitune",
    Signature((1, None), 1, {"projection": PROJECTIONS}, "chooses", indices=True),
    check_equitune,
    lower,
    "the mean over the whole group of rho(g)^-1 base(g x) commutes with every element, for any base",
)
MULTI_EQUITUNE = Op(
    "multi_equitune",
    Signature((1, None), 1, {"projection": PROJECTIONS}, "chooses", indices=True),
    check_multi_equitune,
    lower,
    "in each branch one factor is averaged over the base and all others are averaged before and after"
    " it; averages over different factors of a direct product commute",
)
FUSE = Op(
    "fuse",
    Signature((1, None), 1, {"projection": PROJECTIONS}, "chooses", indices=True),
    check_fuse,
    lower,
    "the average over the factors of the arguments is invariant, and its projection onto what the"
    " factors of the target fix is symmetric",
)
OPS = (EQUITUNE, MULTI_EQUITUNE, FUSE)
