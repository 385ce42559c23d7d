"""The choice of one element by its energy: `equizero` and `multi_equizero`.

    y(x) = mean over g in A(x) of rho(g)^-1 base(g x),    A(x) = the g that minimise E(g x)

(*Efficient Equivariant Transfer Learning from Pretrained Models*, section 3; one minimiser there, all of
them here.) E is a user's network with one number as its answer, or is computed from the answer of the
base: the entropy of the softmax of all its entries, or minus its margin, the difference of its two largest
entries (the logarithm of the odds of the likeliest against the next).

*Equivariance.* E(g h x) is a number of the element g h: A(h x) = A(x) h^-1, so that y(h x) = mean over g'
in A(x) of rho(g' h^-1)^-1 base(g' x) = rho(h) y(x). In real arithmetic this holds for every x, base and E,
ties included. But y jumps where A does, and there rounding decides: the level is `almost_everywhere` on
generic arguments, `approximate` on others (rules R2, R3). An argument that a factor acts on and that
nothing can move by this factor (symmetrised upstream) ties everywhere, and is refused.

*Branches.* Branch i of `multi_equizero` sees z = P x, P the average over the factors other than i, and
chooses over factor i. P commutes with factor i, so the branch is equivariant under it by the proof above;
under the others z does not change, and the result is averaged over them. P maps onto U, the vectors that
the others fix: it is linear and onto, hence null sets of U have null preimages, and z is generic in U if x
is generic. On U two elements of factor i can have different energies iff they act differently on U:
where h != 1 acts as the identity on U all of z, h z ties. That is decided for every element of the image
of factor i on the arguments, and refused.

*Training.* The gradient is that of the plain mean (straight through): y = mean + (choice - mean), the
difference without a gradient. The energy gets none.
"""

from __future__ import annotations

from dataclasses import replace

from eqspec.algebra.averages import FWord, action_image
from eqspec.algebra.counting import CannotCount
from eqspec.algebra.fixed import fixed_dimension
from eqspec.algebra.restriction import restricted
from eqspec.graph.model import Base, Level
from eqspec.graph.op import CallSite, Checked, Signature, WordOrBase
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.limits import limits
from eqspec.ops.averaging import Average, Choice, branched, full, lower
from eqspec.ops.contract import Op
from eqspec.ops.orbitchecks import (
    calls_over,
    check_second,
    invariants_under,
    scalar,
    scalar_elements,
    types_of,
)

UNDECIDED = (
    "inputs at which several elements have the least energy. Assumed, and not proved: the energy differs"
    " along almost every orbit; one that an element leaves as it is ties everywhere"
)
ENERGIES = ("entropy", "margin")


def check_equizero(site: CallSite) -> Checked:
    checked = _checked(site, full(site, _choice(site), _level(site)))
    source, _ = types_of(site)
    numbers = Type(tuple(block for block in source.blocks if block.values is None))
    own = tuple(sorted(source.factors))
    if source.has_indices and calls_over(site, numbers, own) < calls_over(site, source, own):
        site.refuse(
            "EQS210",
            "`equizero` that only numbers of words decide is not built yet",
            "where no word is moved all energies are equal, and rounding chooses",
            span=site.whole,
            help="`equitune` and `lambda_equitune` are exact; or let real numbers on which the same group"
            " acts be an argument too",
        )
    return checked


def check_multi_equizero(site: CallSite) -> Checked:
    checked = _checked(site, branched(site, _choice(site), _level(site)))
    assert isinstance(checked.data, Average)
    if len(checked.data.branches) > 1:
        source, _ = types_of(site)
        for branch in checked.data.branches:
            _check_seen(site, source, branch[0])
    return checked


def _level(site: CallSite) -> Level:
    return Level.ALMOST_EVERYWHERE if site.generic else Level.APPROXIMATE


def _choice(site: CallSite) -> Choice:
    energy = site.keywords.get("by")
    if energy is None:
        site.refuse(
            "EQS207",
            f"`{site.op}` must be told what it minimises",
            "by what is the element chosen?",
            help="`by=entropy`, `by=margin`, or `by=` the name of a base with the answer [1]",
        )
    assert isinstance(energy, str | Base)
    return Choice(energy)


def _checked(site: CallSite, checked: Checked) -> Checked:
    source, target = types_of(site)
    assert isinstance(checked.data, Average) and isinstance(checked.data.rule, Choice)
    energy = checked.data.rule.energy
    if isinstance(energy, Base):
        check_second(site, site.bases[0], energy, "energy")
    elif len(target.blocks) > 1 or target.size < 2:
        site.refuse(
            "EQS415",
            f"the {energy} of this answer is not defined",
            f"the answer is {target}: "
            + ("several tensors" if len(target.blocks) > 1 else "a single number"),
            span=site.whole,
            help="choose by a base: `by=` the name of a network with the answer [1]",
        )
    for factor in sorted(source.factors):
        if not any(factor in arg.live for arg in site.args):
            k = next(k for k, arg in enumerate(site.args) if factor in arg.type.factors)
            site.refuse(
                "EQS416",
                f"every element of `{factor}` has the same energy here",
                f"nothing upstream can move this by `{factor}`: it is fixed by all of it",
                span=site.arg_spans[k],
                help="`equitune` averages; or choose on a feature that the group still moves",
            )
    if len(checked.data.branches) == 1:
        _check_moving(site, source)
    return replace(checked, null_set=UNDECIDED)


def _check_moving(site: CallSite, source: Type) -> None:
    """Elements that move axes and no tensor, as a sign along each of two axes, tie with 1 everywhere."""
    elements = action_image(tuple(source.representations()), limit=limits().group_elements).elements
    for word in scalar_elements(source, elements):
        letters = [
            f"{factor}.{source.groups[factor].generators[k]}" + (f"^{n}" if n != 1 else "")
            for factor, k, n in word
        ]
        site.refuse(
            "EQS416",
            f"`{' * '.join(letters)}` moves no argument and has the energy of 1",
            "the signs along the axes of a tensor cancel",
            span=site.whole,
            help="`coset` compares elements by what they do to the tensors; `equitune` and"
            " `lambda_equitune` are exact",
        )


def _check_seen(site: CallSite, source: Type, factor: str) -> None:
    """Do the elements of a factor act differently on what the other factors fix?"""
    others = source.factors - {factor}
    if _all_seen(source, factor, others):
        return
    reps = tuple(restricted(rep, frozenset({factor})) for rep in source.representations())
    try:
        for word in action_image(reps, limit=limits().group_elements).elements[1:]:
            if all(_unseen(block, factor, others, word) for block in source.blocks):
                site.refuse(
                    "EQS416",
                    f"elements of `{factor}` have the same energy in the branch of `{factor}`",
                    f"what {_named(others)} leave of the arguments is not moved by all of `{factor}`",
                    span=site.whole,
                    help="`equizero` chooses over the whole group; `multi_equitune` averages",
                )
    except CannotCount as error:
        site.refuse("EQS412", f"too large to count: {error}", "this choice", span=site.whole)


def _all_seen(source: Type, factor: str, others: frozenset[str]) -> bool:
    """Is it clear without a look at each element? One that moves something permutes an axis that the
    others leave alone, and a product of permutations is the identity only if each of them is."""
    try:
        return all(
            axis.factors == {factor} and axis.rep.is_permutation
            for block in source.blocks
            for axis in block.one_hot.axes
            if not isinstance(axis, PlainAxis) and factor in axis.factors
        ) and all(
            invariants_under(block, others & block.factors) > 0
            for block in source.blocks
            if factor in block.factors
        )
    except CannotCount:
        return False


def _unseen(block: Block, factor: str, others: frozenset[str], word: FWord) -> bool:
    """Does a word of ``factor`` fix every vector of a block that ``others`` fix?"""
    if invariants_under(block, others & block.factors) == 0:
        return True
    mine = [a for a in block.axes if not isinstance(a, PlainAxis) and factor in a.factors]
    if all(axis.factors == {factor} for axis in mine):  # external: the rest is not moved at all
        return scalar(Block(tuple(mine)), word) == 1
    letters = [
        ((name, letter, 1),)
        for name, group in Type((block,)).groups.items()
        if name in others
        for letter in range(len(group.generators))
    ]
    before, after = (fixed_dimension(block.parts, words) for words in (letters, [*letters, word]))
    if before is None or after is None:
        raise CannotCount("the group is too large to list")
    return before == after


def _named(factors: frozenset[str]) -> str:
    return " and ".join(f"`{factor}`" for factor in sorted(factors))


EQUIZERO = Op(
    "equizero",
    Signature((1, None), 1, {"by": WordOrBase(ENERGIES)}, "chooses", indices=True),
    check_equizero,
    lower,
    "the elements of least energy along the orbit of h x are those along the orbit of x times h^-1; the"
    " result jumps where they change",
)
MULTI_EQUIZERO = Op(
    "multi_equizero",
    Signature((1, None), 1, {"by": WordOrBase(ENERGIES)}, "chooses"),
    check_multi_equizero,
    lower,
    "in each branch an element of one factor is chosen and all other factors are averaged before and"
    " after; these averages commute with the factor of the branch",
)
OPS = (EQUIZERO, MULTI_EQUIZERO)
