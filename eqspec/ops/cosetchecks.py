"""The typing rule of `coset`: see `ops.coset` for the mathematics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from eqspec.algebra.averages import ActionTooLarge, FWord
from eqspec.algebra.transversals import Tensors, Transversal, distinct, transversal
from eqspec.diagnostics.model import Label
from eqspec.graph.guarantees import jointly_generic
from eqspec.graph.model import Base, Level, Node
from eqspec.graph.op import CallSite, Checked, Subgroup
from eqspec.graph.types import PlainAxis, Type
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
