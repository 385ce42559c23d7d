"""`coset`: canonicalise the arguments over the cosets of a subgroup K, average over K.

With c(x) = s K chosen so that c(g x) = g c(x) and M_K(z) the mean over K of rho(k)^-1 base(k z),

    M(x) = rho_Y(s) M_K(rho_X(s)^-1 x)

does not depend on which s of the coset is taken, since s n gives rho(s) rho(n) M_K(n^-1 s^-1 x) with n in
K; and for g x one may take g s, so M(g x) = rho_Y(g) M(x). It costs a call for every element of K, and
K may be any subgroup, normal or not (canonicalisation as in Kaba et al., *Equivariance with Learned
Canonicalization Functions*, ICML 2023, up to a subgroup).

The coset is that of the elements g of the group for which the energy of g^-1 x is largest: the largest
energies of g x are at g times those of x. All factors that act on the arguments are canonicalised
together or averaged together, as one group: a canonicaliser of one factor would have to be invariant
under the others. The group is its image on the arguments. What acts on them as nothing is averaged over
by a projection of the result and costs no calls: the image of M lies in what it fixes, and the
projection commutes with the group because a kernel is normal.

The energy is a fixed linear functional W. That no element of the image but 1 fixes W makes the ties
W(g^-1 x) = W(h^-1 x) hyperplanes. It looks only at arguments that are jointly generic, if the elements
that move none of these lie in K: then the ties of different cosets are a null set of the inputs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from eqspec.algebra.averages import ActionTooLarge, FWord, inverse_word
from eqspec.algebra.transversals import Tensors, Transversal, distinct, transversal
from eqspec.diagnostics.model import Label
from eqspec.graph.guarantees import jointly_generic
from eqspec.graph.model import Base, Level, Node
from eqspec.graph.op import CallSite, Checked, Signature, Subgroup, WordOrBase
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.ops.contract import LoweringSite, Op, Registers
from eqspec.ops.orbitchecks import (
    check_branches,
    check_not_zero,
    check_signature,
    product_of,
    shapes_for,
    shapes_text,
    signature_text,
    types_of,
)
from eqspec.ops.orbitlowering import blocks_of, moves_of, project_factors, project_words

if TYPE_CHECKING:
    from eqspec.algebra.functionals import Functional
    from eqspec.program.instructions import Energy

ELEMENTS_LIMIT = 5_040
TRIED = 256  # elements up to which each is tried, and not the generators alone
Ties = Literal["first", "average"]
TIES: tuple[Ties, ...] = ("first", "average")


@dataclass(frozen=True)
class Canonicalisation:
    """``subgroup`` generates K, called ``name``; ``scored`` are the arguments that the energy looks at;
    ``energy`` is a network or, if None, a fixed functional. ``calls`` is the order of the image of K,
    ``elements`` that of the group, ``product`` what a plain average over all acting factors would need."""

    base: Base
    subgroup: tuple[FWord, ...]
    name: str
    ties: Ties
    energy: Base | None
    scored: tuple[int, ...]
    calls: int
    elements: int
    product: int


# ---- typing -------------------------------------------------------------------------------------------


def check(site: CallSite) -> Checked:
    source, target = types_of(site)
    assert site.base is not None, "the signature asks for one"
    check_signature(site, source, target)
    check_not_zero(site, source, target)
    words, name = _subgroup(site, source)
    tensors = tensors_of(source)
    found = _transversal(site, tensors, words)
    if len(found.cosets) == 1:
        site.refuse(
            "EQS419",
            "`coset` has nothing to canonicalise here",
            f"{name} moves the arguments in every way in which the group does"
            if words
            else "no element of the group moves the arguments",
            span=site.whole,
            help=f"`equitune({site.base.name}, ...)` makes the same calls, and is exact",
        )
    check_branches(site, source, target, [tuple(sorted(source.factors | target.factors))])
    _check_ties(site, tensors, words, found)
    chosen = site.keywords.get("ties", "first")
    assert chosen in TIES, "the signature lists the words"
    ties: Ties = chosen
    energy = site.keywords.get("by")
    every = tuple(range(len(site.args)))
    if isinstance(energy, Base):
        _check_energy(site, source, energy)
        scored = every
        certain = ties == "average" and site.generic
    else:
        energy = None
        proved = _scored(site, tensors, words, found)
        if proved is None and source.has_indices:
            site.refuse(
                "EQS210",
                "`coset` of numbers of words needs an energy of yours",
                "the fixed functional looks at real numbers",
                span=site.whole,
                help=f"declare `base energy: {signature_text(source)} -> [1]` and write `by=energy`",
            )
        scored, certain = (every, False) if proved is None else (proved, True)
    return Checked(
        target,
        Canonicalisation(
            site.base,
            words,
            name,
            ties,
            energy,
            scored,
            len(found.members),
            found.order,
            product_of(source, target),
        ),
        Level.ALMOST_EVERYWHERE if certain else Level.APPROXIMATE,
        null_set="inputs with several best cosets"
        + (f" of {name}" if words else "")
        + (", as symmetric ones have" if ties == "first" else ", over which the mean is taken"),
    )


def tensors_of(type_: Type) -> Tensors:
    """For each block the representations along its axes, and that of the words that it numbers."""
    return tuple(
        tuple(axis.rep for axis in block.one_hot.axes if not isinstance(axis, PlainAxis))
        for block in type_.blocks
    )


def _subgroup(site: CallSite, source: Type) -> tuple[tuple[FWord, ...], str]:
    """Words that generate K, and what it is called in a message."""
    given = site.keywords.get("average")
    if given is None:
        return (), "the trivial group"
    if isinstance(given, Subgroup) and given.factors and set(given.factors) <= source.factors:
        given = given.factors  # a group that acts itself, though a product is built of it
    if isinstance(given, Subgroup):
        words, name = given.words, given.name
        factors = sorted({factor for word in words for factor, _, _ in word} or given.group)
    else:
        assert isinstance(given, tuple)
        factors, name = sorted(given), " * ".join(given)
        words = tuple(
            ((factor, number, 1),)
            for factor in given
            if factor in source.groups
            for number in range(len(source.groups[factor].generators))
        )
    strange = [factor for factor in factors if factor not in source.factors]
    if strange:
        acting = " * ".join(sorted(source.factors))
        site.refuse(
            "EQS418",
            f"`{name}` is no subgroup of what acts on the arguments",
            f"`{strange[0]}` does not act on them",
            span=site.keyword_spans["average"],
            labels=tuple(
                Label(span, f"this has type {arg.type}")
                for arg, span in zip(site.args, site.arg_spans, strict=True)
            ),
            help=f"take a subgroup of `{acting}`, or leave `average` out to call the base once"
            if acting
            else "`coset` canonicalises what acts on its arguments",
        )
    return words, f"`{name}`"


def _transversal(site: CallSite, tensors: Tensors, words: tuple[FWord, ...]) -> Transversal:
    try:
        return transversal(tensors, words, ELEMENTS_LIMIT)
    except ActionTooLarge as error:
        site.refuse(
            "EQS412",
            f"`coset` looks at every element of the group: {error}",
            "this canonicalisation",
            span=site.whole,
            help="`frame` canonicalises permutations and rotations without listing them",
        )


def _check_ties(
    site: CallSite, tensors: Tensors, words: tuple[FWord, ...], found: Transversal
) -> None:
    """An element that fixes the arguments for every input, whatever their types say, must be in K:
    else different cosets are tied everywhere."""
    if all(arg.generic for arg in site.args):
        return
    letters = {letter for word in found.elements for letter in word}
    candidates: list[FWord] = [(letter,) for letter in sorted(letters)]
    if found.order <= TRIED:
        candidates += [word for word in found.elements if len(word) > 1]
    for word in candidates:
        if not all(_fixed_by(site.nodes, arg.name, word, {}) for arg in site.args):
            continue
        if len(transversal(tensors, (*words, word), ELEMENTS_LIMIT).members) == len(found.members):
            continue
        factors = " * ".join(sorted({factor for factor, _, _ in word}))
        site.refuse(
            "EQS422",
            f"an element of `{factors}` fixes what `coset` would canonicalise, for every input",
            "it moves this type, and nothing of what the value is made of",
            span=site.arg_spans[0],
            help=f"every choice would be a tie: `equitune` averages over `{factors}`, or take it into"
            " `average`",
        )


def _fixed_by(nodes: Mapping[str, Node], name: str, word: FWord, known: dict[str, bool]) -> bool:
    """Does an element fix the value of a node for every input? It does if it acts on the type as
    nothing, or fixes the value of every argument: the op commutes with it."""
    if name not in known:
        node = nodes[name]
        known[name] = _acts_as_nothing(node.type, word) or (
            bool(node.args) and all(_fixed_by(nodes, arg, word, known) for arg in node.args)
        )
    return known[name]


def _acts_as_nothing(type_: Type, word: FWord) -> bool:
    factors = {factor for factor, _, _ in word}
    tensors = tuple(
        tuple(rep for rep in tensor if rep.factors & factors) for tensor in tensors_of(type_)
    )
    return len(distinct(tensors, ((), word))) == 1


def _check_energy(site: CallSite, source: Type, energy: Base) -> None:
    given = [block for type_ in energy.signature for block in type_.blocks]
    if shapes_for(source, given) is not None and energy.target.shapes == ((1,),):
        return
    takes = shapes_text(given)
    site.refuse(
        "EQS211",
        f"`{energy.name}` is no energy of these arguments",
        "it must take what the base takes and return one number",
        span=site.keyword_spans["by"],
        labels=(
            Label(energy.span, f"takes {takes} and returns {shapes_text(energy.target.blocks)}"),
        ),
        help=f"declare `base {energy.name}: {signature_text(source)} -> [1]`",
    )


def _scored(
    site: CallSite, tensors: Tensors, words: tuple[FWord, ...], found: Transversal
) -> tuple[int, ...] | None:
    """Arguments that are jointly generic, such that what moves none of them is in K; None if there are
    no such arguments."""
    candidates = [k for k, arg in enumerate(site.args) if arg.generic and arg.type.factors]
    for k in candidates:
        if _decides(site.args, (k,), tensors, words, found):
            return (k,)
    chosen: list[int] = []
    for k in candidates:
        if jointly_generic([site.args[j] for j in (*chosen, k)]):
            chosen.append(k)
            if _decides(site.args, chosen, tensors, words, found):
                return tuple(chosen)
    return None


def _decides(
    args: Sequence[Node],
    chosen: Sequence[int],
    tensors: Tensors,
    words: tuple[FWord, ...],
    found: Transversal,
) -> bool:
    """Is every element that moves none of the chosen arguments in K?"""
    seen = Type(tuple(block for k in chosen for block in args[k].type.blocks))
    idle = list(transversal(tensors_of(seen), (), ELEMENTS_LIMIT).kernel)
    for arg in args:
        for factor, group in arg.type.groups.items():
            if factor not in seen.factors:
                idle.extend(((factor, letter, 1),) for letter in range(len(group.generators)))
    return len(transversal(tensors, (*words, *idle), ELEMENTS_LIMIT).members) == len(found.members)


# ---- lowering -----------------------------------------------------------------------------------------


def lower(site: LoweringSite) -> Registers:
    from eqspec.program.instructions import Canonical, MoveBy, Orbit, OrbitMean

    data = site.node.data
    assert isinstance(data, Canonicalisation)
    b = site.builder
    target = site.node.type
    blocks = blocks_of(site)
    source = Type(tuple(block for _, block in blocks))
    found = transversal(tensors_of(source), data.subgroup, ELEMENTS_LIMIT)
    back = [inverse_word(word) for word in found.cosets]
    made = Canonical(
        tuple(register for register, _ in blocks),
        _energy(site, data, source, found),
        len(found.cosets),
        tuple(moves_of(block, back) for block in source.blocks),
        data.ties,
    )
    *moved, chosen = b.items(b.emit(made))
    accepts = shapes_for(source, [block for t in data.base.signature for block in t.blocks])
    returns = shapes_for(target, data.base.target.blocks)
    assert accepts is not None and returns is not None, "the typing rule has seen to it"
    inverses = [inverse_word(word) for word in found.members]
    orbit = Orbit(
        data.base.name,
        len(found.members),
        tuple(moves_of(block, found.members) for block in source.blocks),
        accepts,
        returns,
        target.shapes,
        tuple(moves_of(block, inverses) for block in target.blocks),
    )
    ys = b.orbit(OrbitMean(tuple(moved), orbit))
    moves = tuple(moves_of(block, found.cosets) for block in target.blocks)
    if data.ties == "average" or any(moves):
        ys = b.items(b.emit(MoveBy((*ys, chosen), len(found.cosets), moves, data.ties)))
    alone = sorted(target.factors - source.factors)
    kernel = [word for word in found.kernel if not {factor for factor, _, _ in word} <= {*alone}]
    return tuple(
        project_words(site, project_factors(site, y, block, alone), block, kernel)
        for y, block in zip(ys, target.blocks, strict=True)
    )


def _energy(site: LoweringSite, data: Canonicalisation, source: Type, found: Transversal) -> Energy:
    from eqspec.program.instructions import Energy

    if data.energy is not None:
        accepts = shapes_for(source, [block for t in data.energy.signature for block in t.blocks])
        assert accepts is not None, "the typing rule has seen to it"
        back = [inverse_word(word) for word in found.elements]
        return Energy(
            tuple(range(len(source.blocks))),
            len(found.members),
            tuple(moves_of(block, back) for block in source.blocks),
            base=data.energy.name,
            accepts=accepts,
        )
    places, blocks = _scored_blocks(site, data)
    tensors = tensors_of(Type(tuple(blocks)))
    members = distinct(tensors, found.members)
    back = [inverse_word((*coset, *member)) for coset in found.cosets for member in members]
    functional = _functional(
        site, blocks, [word for word in distinct(tensors, ((), *back)) if word]
    )
    return Energy(
        places,
        len(members),
        tuple(moves_of(block, back) for block in blocks),
        tuple(
            tuple(
                dim + k
                for axis, (dim, width) in zip(block.axes, block.dims, strict=True)
                if not isinstance(axis, PlainAxis)
                for k in range(width)
            )
            for block in blocks
        ),
        functional.multiplier,
        functional.modulus,
    )


def _scored_blocks(
    site: LoweringSite, data: Canonicalisation
) -> tuple[tuple[int, ...], list[Block]]:
    """The blocks of the scored arguments on which something acts, and where they stand."""
    places: list[int] = []
    blocks: list[Block] = []
    place = 0
    for number, type_ in enumerate(site.types):
        for block in type_.blocks:
            if number in data.scored and block.factors:
                places.append(place)
                blocks.append(block)
            place += 1
    return tuple(places), blocks


def _functional(site: LoweringSite, blocks: Sequence[Block], words: Sequence[FWord]) -> Functional:
    """The same one for the same node and shapes, every time that it is compiled."""
    from eqspec.algebra.averages import evaluate_any
    from eqspec.algebra.functionals import separating

    acting = [[axis for axis in block.axes if not isinstance(axis, PlainAxis)] for block in blocks]
    elements = [
        tuple(
            tuple((place, evaluate_any(axis.rep, word)) for place, axis in enumerate(axes))
            for axes in acting
        )
        for word in words
    ]
    shapes = [tuple(math.prod(axis.shape) for axis in axes) for axes in acting]
    salt = f"{site.module.key} {site.node.name} {shapes}"
    return separating(shapes, elements, salt)


COSET = Op(
    "coset",
    Signature(
        tensors=(1, None),
        bases=1,
        keywords={"average": "subgroup", "ties": TIES, "by": WordOrBase()},
        target="chooses",
        indices=True,
    ),
    check,
    lower,
    "a coset s K is chosen with c(g x) = g c(x), and rho(s) of the average over K at s^-1 x depends on"
    " the coset alone; it goes to g times itself with x",
)
