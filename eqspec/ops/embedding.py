"""`embedding(ids)`: a row of a table for every entry of an index tensor, one table at all places.

The table T has a row T[w] of type Y for every word w. It is equivariant iff T[g w] = g T[w] for every
generator g, i.e. iff T lies in Hom_G(R^words, Y): then (g ids) at any place has the row g T[ids], also
where g permutes the places as well. R^words is a permutation representation and so its own dual, hence
Hom_G(R^words, Y) is the space of invariants of R^words (x) Y, for which `linear` solves its bias.

In: one index tensor, and the declared type: its axes, then those of Y. Out: that type.
"""

from __future__ import annotations

from dataclasses import dataclass

from eqspec.algebra.counting import CannotCount, hom_dimension
from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.types import Block, RepAxis, Values
from eqspec.limits import limits
from eqspec.ops.contract import LoweringSite, Op, Registers

SPREAD = 3**0.5  # uniform in (-SPREAD, SPREAD): variance 1, as `torch.nn.Embedding` has


@dataclass(frozen=True)
class Table:
    """``dimensions[t]`` is dim Hom from the words to what block t has at every place."""

    words: Values
    places: int  # axes of the index tensor
    dimensions: tuple[int, ...]

    @property
    def parameters(self) -> int:
        return sum(self.dimensions)

    def block(self, target: Block) -> Block:
        """The table as a block: the words, then the axes of a row."""
        return Block((RepAxis(self.words.point), *target.axes[self.places :]))


def check(site: CallSite) -> Checked:
    target = site.expected
    assert target is not None, "the signature says that `embedding` chooses"
    (arg,) = site.args
    source = arg.type.blocks[0]
    if len(arg.type.blocks) != 1 or source.values is None:
        site.refuse(
            "EQS225",
            "`embedding` takes one tensor of whole numbers",
            f"`{arg.name}` has type {arg.type}",
            span=site.arg_spans[0],
            help="`linear` maps features"
            if not arg.type.has_indices
            else f"choose one of them: `{arg.name}[0]`",
        )
    places = source.axes
    for block in target.blocks:
        if block.axes[: len(places)] != places:
            wanted = ", ".join(str(axis) for axis in (*places, "..."))
            site.refuse(
                "EQS225",
                "an embedding keeps the places of its argument",
                f"the type begins with the axes of {source}: `[{wanted}]`",
                span=site.target_span or site.span,
            )
    try:
        dimensions = tuple(
            hom_dimension((source.values.point,), Block(block.axes[len(places) :]).parts)
            for block in target.blocks
        )
    except CannotCount as error:
        site.refuse("EQS412", f"the space of tables is too large to count: {error}", "this layer")
    data = Table(source.values, len(places), dimensions)
    for block, dimension in zip(target.blocks, dimensions, strict=True):
        if not dimension:
            site.refuse(
                "EQS402",
                f"no equivariant table from {source} to {block} exists",
                "the output would be identically 0",
                help="a row of a `regular` type can be any vector for the first word of an orbit",
            )
        _check_size(site, data.block(block))
    return Checked(target, data)


def _check_size(site: CallSite, table: Block) -> None:

    if table.size > limits().weight_entries:
        site.refuse(
            "EQS413",
            f"the table of this layer would have {table.size:,} entries",
            f"{table}",
            help=f"at most {limits().weight_entries:,} are built",
        )


def lower(site: LoweringSite) -> Registers:
    from eqspec.ops.blockmaps import lower_bias

    data = site.node.data
    assert isinstance(data, Table)
    b = site.builder
    ((ids,),) = site.args
    single = len(site.node.type.blocks) == 1
    results: list[int] = []
    for number, target in enumerate(site.node.type.blocks):
        block = data.block(target)
        name = site.parameter_name("table" if single else f"table_to{number}")
        table = lower_bias(b, block, (), name, SPREAD)
        assert table is not None, "the count says that there are tables"
        table = b.reshape(table, (data.words.size, block.size // data.words.size))
        results.append(b.reshape(b.lookup(table, ids), target.shape))
    return tuple(results)


EMBEDDING = Op(
    "embedding",
    Signature(tensors=(1, 1), target="chooses", sizes="padded", indices=True),
    check,
    lower,
    "the tables are all T with T[g w] = g T[w], so the row of a word that g moved is the row moved by g",
)
OPS = (EMBEDDING,)
