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

from dataclasses import dataclass

from eqspec.algebra.counting import CannotCount
from eqspec.algebra.multiaverage import MultiAverageReport, multi_average_report
from eqspec.graph.model import Base
from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.types import Type
from eqspec.ops.collapse import check_collapse
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
    source, target = types_of(site)
    acting = tuple(sorted(source.factors | target.factors))
    check_signature(site, source, target)
    check_not_zero(site, source, target)
    calls = calls_over(site, source, acting)
    check_branches(site, source, target, [acting])
    product = product_of(source, target)
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
    source, target = types_of(site)
    acting = tuple(sorted(source.factors | target.factors))
    own = tuple(sorted(source.factors))
    check_signature(site, source, target)
    check_not_zero(site, source, target)
    assert site.base is not None
    if len(own) < 2:
        _check_not_taken_apart(site, source)
        return check_equitune(site)
    check_collapse(site, source, own)
    calls = sum(calls_over(site, source, (factor,)) for factor in own)
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
            calls = calls_over(site, source, (factor,))
            site.refuse(
                "EQS435",
                f"`multi_equitune` cannot take `{factor}` apart: it is no direct product",
                f"`{factor}` is {group.description}, one factor",
                span=site.whole,
                help=f"`equitune` averages over the whole of it, in {calls:,} calls",
            )


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
    return check_equitune(site)


# ---- lowering -------------------------------------------------------------------------------------------


def lower(site: LoweringSite) -> Registers:
    from eqspec.program.instructions import OrbitMean

    average = site.node.data
    assert isinstance(average, Average)
    b, base = site.builder, average.base
    target = site.node.type
    blocks = blocks_of(site)
    source = Type(tuple(block for _, block in blocks))
    sums: list[list[int]] = [[] for _ in target.blocks]
    count, calls = len(average.branches), 0
    shared = site.distributed and count > 1  # one all-reduce for all branches
    for factors in average.branches:
        others = tuple(f for f in average.factors if f not in factors)
        xs = tuple(project_factors(site, x, block, others) for x, block in blocks)
        branch = branch_of(base, factors, source, target, base.target.blocks)
        ys = project_kernel(
            site, branch, b.orbit(OrbitMean(xs, branch.orbit, calls if shared else None)), target
        )
        for k, block in enumerate(target.blocks):
            sums[k].append(project_factors(site, ys[k], block, others))
        calls += branch.orbit.order
    means = tuple(b.scale(b.add(*terms), 1 / count) for terms in sums)
    return b.over_ranks(means) if shared else means


EQUITUNE = Op(
    "equitune",
    Signature(tensors=(1, None), bases=1, target="chooses", indices=True),
    check_equitune,
    lower,
    "the mean over the whole group of rho(g)^-1 base(g x) commutes with every element, for any base",
)
MULTI_EQUITUNE = Op(
    "multi_equitune",
    Signature(tensors=(1, None), bases=1, target="chooses", indices=True),
    check_multi_equitune,
    lower,
    "in each branch one factor is averaged over the base and all others are averaged before and after"
    " it; averages over different factors of a direct product commute",
)
FUSE = Op(
    "fuse",
    Signature(tensors=(1, None), bases=1, target="chooses", indices=True),
    check_fuse,
    lower,
    "the average over the factors of the arguments is invariant, and its projection onto what the"
    " factors of the target fix is symmetric",
)
