"""`steerable_conv2d`: convolution by filters that a group of rotations turns into one another.

The filters are Gaussian rings times circular harmonics, sampled at the pixels of the window, and they solve
the constraint of steerable kernels (see `algebra.steerable`). A convolution by such a kernel in the plane
commutes with every turn exactly. Sums over pixels stand for integrals, so the layer does so approximately:
how well depends on how smooth the pictures are. Frequencies that a ring does not resolve are left out. The
windows must stand around the centre as on a grid (`spatial`): then turns and mirrors that map pixels to
pixels are exact.

Sources: Weiler and Cesa (2019), section 2.4 and appendix F; Weiler, Hamprecht and Storath (2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from eqspec.algebra.counting import CannotCount, hom_dimension
from eqspec.algebra.disc import disc
from eqspec.algebra.families import cyclic
from eqspec.algebra.groups import Group
from eqspec.algebra.lattice import motions, rot90
from eqspec.algebra.representations import Representation
from eqspec.algebra.steerable import LARGEST_FREQUENCY, dimension, is_permuted, rings_of
from eqspec.diagnostics.model import Span
from eqspec.graph.op import CallSite, Checked, Keyword, Numbers, Signature
from eqspec.graph.types import Block, RepAxis
from eqspec.limits import limits
from eqspec.ops.contract import LoweringSite, Op, Registers
from eqspec.ops.linear import check_bias
from eqspec.ops.spatial import SWEEP, Spatial, Sweep, sweep_of, swept_sizes

LARGEST_KERNEL = LARGEST_FREQUENCY + 1
LARGEST_BASIS = 2**22  # numbers in the filters of a pair of fibres


@dataclass(frozen=True)
class Steerable:
    """``rings[m]`` are the rings that carry frequency m; ``dimensions[i][s][t][m]`` the number of kernels
    of frequency m, for one ring and one pair of channels, from block s of argument i to block t."""

    sweep: Sweep
    rings: tuple[tuple[int, ...], ...]
    dimensions: tuple[tuple[tuple[tuple[int, ...], ...], ...], ...]
    channels: tuple[tuple[tuple[tuple[int, int], ...], ...], ...]
    biases: tuple[int, ...]

    @property
    def kernel(self) -> int:
        return self.sweep.kernel[0]

    def kernels(self, arg: int, source: int, target: int) -> int:
        """The number of filters between two channels."""
        counts = self.dimensions[arg][source][target]
        return sum(count * len(rings) for count, rings in zip(counts, self.rings, strict=True))

    def weights(self, arg: int) -> int:
        """The number of free weights of an argument."""
        return sum(
            prod(pair) * self.kernels(arg, s, t)
            for s, row in enumerate(self.channels[arg])
            for t, pair in enumerate(row)
        )

    @property
    def parameters(self) -> int:
        return sum(map(self.weights, range(len(self.channels)))) + sum(self.biases)


@dataclass(frozen=True)
class Picture:
    """A block taken apart: the disc, the axes on which its group acts, and those on which nothing does."""

    disc: int
    factor: str
    group: Group
    fibres: tuple[int, ...]
    plain: tuple[int, ...]

    def fibre(self, block: Block) -> tuple[Representation, ...]:
        return tuple(rep for k in self.fibres if isinstance(rep := block.parts[k], Representation))

    def channels(self, block: Block) -> int:
        return prod(prod(block.axes[k].shape) for k in self.plain)


def picture_of(block: Block) -> Picture | None:
    """None where there is no disc."""
    place = block.disc_axis
    if place is None:
        return None
    axis = block.axes[place]
    assert isinstance(axis, RepAxis)
    ((factor, group),) = axis.rep.groups
    fibres = tuple(k for k, a in enumerate(block.axes) if k != place and a.factors)
    plain = tuple(k for k, a in enumerate(block.axes) if not a.factors)
    return Picture(place, factor, group, fibres, plain)


def check(site: CallSite) -> Checked:
    target = site.expected
    assert target is not None, "the signature says that it chooses"
    rings: tuple[tuple[int, ...], ...] | None = None
    sweep: Sweep | None = None
    dimensions, channels = [], []
    for arg, span in zip(site.args, site.arg_spans, strict=True):
        rows, pairs = [], []
        for block in arg.type.blocks:
            picture = _picture(site, block, span)
            place = _place(block, picture)
            sweep = sweep_of(site, place)
            _check_square(site, sweep)
            made = disc_of(picture, swept_sizes(site, place, sweep)[0])
            rings = rings or _rings(site, sweep.kernel[0])
            row, pair = [], []
            for wanted in target.blocks:
                into = _target(site, wanted, made)
                row.append(_counts(site, block, picture, wanted, into, rings, span))
                pair.append((into.channels(wanted), picture.channels(block)))
            rows.append(tuple(row))
            pairs.append(tuple(pair))
        dimensions.append(tuple(rows))
        channels.append(tuple(pairs))
    assert rings is not None and sweep is not None, "a type has a block"
    invariants = tuple(hom_dimension((), fibres_of(block).parts) for block in target.blocks)
    biases = check_bias(site, target, invariants)
    data = Steerable(sweep, rings, tuple(dimensions), tuple(channels), biases)
    _check_reached(site, data)
    return Checked(target, data)


def fibres_of(block: Block) -> Block:
    """A block without its disc: what stands at every pixel."""
    return Block(tuple(axis for k, axis in enumerate(block.axes) if k != block.disc_axis))


def disc_of(picture: Picture, size: int) -> RepAxis:
    label = f"{picture.factor}.disc({size}, {size})"
    return RepAxis(disc(label, picture.factor, picture.group, size, size))


def _picture(site: CallSite, block: Block, span: Span) -> Picture:
    picture = picture_of(block)
    if picture is None:
        site.refuse(
            "EQS478",
            f"`{site.op}` works on a disc",
            f"{block} has none",
            span=span,
            help="a picture that is turned by any angle is `G.disc(h, h)`; `conv2d` works on grids",
        )
    others = sorted(block.factors - {picture.factor})
    if others:
        site.refuse(
            "EQS210",
            f"`{site.op}` on fibres of another group is not built yet",
            f"`{others[0]}` acts on {block}",
            span=span,
            help="the fibres beside a disc belong to its own group",
        )
    fibre = picture.fibre(block)
    if picture.group.is_finite and not is_permuted(fibre):
        name = next(rep for rep in fibre if not is_permuted([rep])).label
        site.refuse(
            "EQS478",
            f"`{site.op}` has no filters for the fibre `{name}`",
            f"{picture.group.description} does not permute its entries",
            span=span,
            help=f"`{picture.factor}.regular`, `quotient(H)` and signs are built for finite groups, and"
            " every representation of `special_orthogonal(2)` and `orthogonal(2)`",
        )
    return picture


def _target(site: CallSite, wanted: Block, made: RepAxis) -> Picture:
    if wanted.disc_axis is None or wanted.axes[wanted.disc_axis] != made:
        site.refuse(
            "EQS465",
            f"the result of this `{site.op}` lies on `{made}`",
            f"declared {wanted}",
            span=site.target_span or site.span,
            help=f"declare `[..., {made}]`",
        )
    return _picture(site, wanted, site.target_span or site.span)


def _place(block: Block, picture: Picture) -> Spatial:
    """The two dimensions of the disc. What is asked of sizes is asked by quarter turns about the centre,
    whatever the group: windows that stand askew would shift the picture."""
    size = block.axes[picture.disc].shape[0]
    quarter = rot90(f"{picture.factor}.disc", picture.factor, cyclic(4), size, size)
    moves = tuple(move for move in motions(quarter) if not move.is_identity)
    start = block.dims[picture.disc][0]
    return Spatial((picture.disc,), (start, start + 1), (size, size), moves, (quarter,))


def _check_square(site: CallSite, sweep: Sweep) -> None:
    if len(set(sweep.laws)) == 1:
        if sweep.kernel[0] > LARGEST_KERNEL:
            site.refuse(
                "EQS210",
                f"a `{site.op}` of kernel {sweep.kernel[0]} is not built yet",
                f"kernels go up to {LARGEST_KERNEL}",
                span=site.keyword_spans["kernel"],
            )
        return
    key = next(key for key in ("kernel", "stride", "padding") if key in site.keyword_spans)
    site.refuse(
        "EQS462",
        f"`{site.op}` treats two dimensions differently that are turned into one another",
        "kernel, stride and padding are the same for both",
        span=site.keyword_spans[key],
        help="give one number for both",
    )


def _rings(site: CallSite, kernel: int) -> tuple[tuple[int, ...], ...]:
    given = site.keywords.get("frequencies")
    if given is None:
        return rings_of(kernel)
    assert isinstance(given, Numbers)
    span = site.keyword_spans["frequencies"]
    if len(given.values) != 1 or given.values[0] < 0:
        site.refuse("EQS207", "`frequencies` is one number, at least 0", span=span)
    most = given.values[0]
    if most > kernel - 1:
        site.refuse(
            "EQS479",
            f"a window of {kernel} does not resolve the frequency {most}",
            f"its outermost ring has radius {(kernel - 1) / 2:g}: frequencies up to {kernel - 1}",
            span=span,
            help=f"`frequencies={kernel - 1}`, or `kernel={most + 1}`; without the option the outermost"
            " ring is cut lower, which is more exact",
        )
    return rings_of(kernel, most)


def _counts(
    site: CallSite,
    source: Block,
    picture: Picture,
    target: Block,
    into: Picture,
    rings: tuple[tuple[int, ...], ...],
    span: Span,
) -> tuple[int, ...]:
    """The number of kernels for every frequency."""
    out_of, to = picture.fibre(source), into.fibre(target)
    try:
        counts = tuple(
            dimension(out_of, to, picture.factor, picture.group, m) for m in range(len(rings))
        )
    except CannotCount as error:
        site.refuse("EQS412", f"the space of kernels is too large to count: {error}", "this layer")
    entries = prod(rep.degree for rep in (*out_of, *to)) * (2 * len(rings[0])) ** 2
    total = entries * sum(count * len(at) for count, at in zip(counts, rings, strict=True))
    weight = entries * picture.channels(source) * into.channels(target)
    if total > LARGEST_BASIS or weight > limits().weight_entries:
        what, most = (
            ("filters", LARGEST_BASIS)
            if total > LARGEST_BASIS
            else ("weight", limits().weight_entries)
        )
        site.refuse(
            "EQS413",
            f"the {what} of this layer would have {total if what == 'filters' else weight:,} entries",
            f"from {source} to {target}",
            span=span,
            help=f"at most {most:,} are built; take a smaller kernel or fibre",
        )
    return counts


def _check_reached(site: CallSite, data: Steerable) -> None:
    assert site.expected is not None
    for t, block in enumerate(site.expected.blocks):
        if not any(
            data.kernels(k, s, t) for k, arg in enumerate(data.dimensions) for s in range(len(arg))
        ):
            names = ", ".join(str(arg.type) for arg in site.args)
            site.refuse(
                "EQS402",
                f"no steerable kernel of {data.kernel} x {data.kernel} from {names} to {block} exists",
                "the output would be identically 0",
                help="a larger kernel has higher frequencies, which lead further",
            )
    for k, (arg, span) in enumerate(zip(site.args, site.arg_spans, strict=True)):
        rows = data.dimensions[k]
        if not any(data.kernels(k, s, t) for s, row in enumerate(rows) for t in range(len(row))):
            site.warn(
                "EQS403",
                f"`{arg.name}` carries nothing to {site.expected}",
                "its space of steerable kernels is zero",
                span=span,
                help="leave it out, or take a larger kernel",
            )


def lower(site: LoweringSite) -> Registers:
    from eqspec.ops.steerablelowering import lower_steerable

    data = site.node.data
    assert isinstance(data, Steerable)
    return lower_steerable(site, data)


KEYWORDS: dict[str, Keyword] = {key: SWEEP[key] for key in ("kernel", "stride", "padding")}
STEERABLE_CONV2D = Op(
    "steerable_conv2d",
    Signature(
        tensors=(1, None),
        keywords={**KEYWORDS, "frequencies": "numbers", "bias": "boolean"},
        target="chooses",
        sampled="own",
    ),
    check,
    lower,
    "in the plane the kernels obey K(g u) = rho(g) K(u) rho(g)^-1, and the windows stand around the centre;"
    " on pixels that is exact for turns that map them to pixels, and approximate for all others",
)
OPS = (STEERABLE_CONV2D,)
