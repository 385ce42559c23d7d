"""What every average over a group asks of its arguments, its target and its base.

Used by the typing rules of the averages; needs neither NumPy nor instructions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from eqspec.algebra.averages import ActionTooLarge, FWord, action_image, evaluate_any
from eqspec.algebra.counting import CannotCount, invariants_dimension
from eqspec.algebra.fixed import fixed_dimension
from eqspec.algebra.images import Monomial
from eqspec.algebra.representations import Representation
from eqspec.algebra.restriction import restricted
from eqspec.diagnostics.model import Label
from eqspec.graph.model import Base
from eqspec.graph.op import CallSite
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.limits import limits


def types_of(site: CallSite) -> tuple[Type, Type]:
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


def whole(type_: Type) -> tuple[int | Representation, ...]:
    """A type as the axes of one tensor, the blocks flattened and concatenated."""
    from eqspec.algebra.representations import direct_sum
    from eqspec.graph.types import term_of

    if len(type_.blocks) == 1:
        return type_.blocks[0].parts
    return (direct_sum(str(type_), tuple(term_of(block) for block in type_.blocks)),)


def check_signature(site: CallSite, source: Type, target: Type) -> None:
    base = site.base
    assert base is not None
    given = tuple(block for type_ in base.signature for block in type_.blocks)
    if shapes_for(source, given) is None:
        site.refuse(
            "EQS211",
            f"`{base.name}` takes other shapes",
            f"it is given {shapes_text(source.blocks)}",
            span=site.whole,
            labels=(Label(base.span, f"takes {shapes_text(given)}"),),
            help=f"declare `base {base.name}: {signature_text(source)} -> {signature_text(target)}`",
        )
    if shapes_for(target, base.target.blocks) is None:
        site.refuse(
            "EQS211",
            f"`{base.name}` returns other shapes",
            f"the layer has the shapes {shapes_text(target.blocks)}",
            span=site.whole,
            labels=(Label(base.span, f"returns {shapes_text(base.target.blocks)}"),),
            help=f"declare `base {base.name}: {signature_text(source)} -> {signature_text(target)}`",
        )


def check_second(site: CallSite, base: Base, second: Base, what: str) -> None:
    """The network that weighs or chooses takes what the base takes, and answers one number."""
    takes, given = ([b for t in net.signature for b in t.blocks] for net in (second, base))
    same = [(b.shape, _words(b)) for b in takes] == [(b.shape, _words(b)) for b in given]
    if same and second.target.shapes == ((1,),):
        return
    words = " + ".join(shapes_text([block]) for block in given)
    found = f"takes {shapes_text(takes)}, returns {shapes_text(second.target.blocks)}"
    site.refuse(
        "EQS211",
        f"`{second.name}` takes or returns other shapes",
        f"the {what} takes what `{base.name}` takes, and returns one number",
        span=site.whole,
        labels=(Label(second.span, found),),
        help=f"declare `base {second.name}: {words} -> [1]`",
    )


def shapes_for(type_: Type, given: Sequence[Block]) -> tuple[tuple[int, ...], ...] | None:
    """The shapes in which a base takes or returns a type: block by block (as they are or flattened),
    or all real numbers flattened into one axis; words of one vocabulary fit no other. None if neither
    fits."""
    if len(given) == len(type_.blocks) and all(
        (mine.shape == other.shape or mine.shape == (other.size,)) and _words(mine) == _words(other)
        for mine, other in zip(given, type_.blocks, strict=True)
    ):
        return tuple(block.shape for block in given)
    indices = any(block.values is not None for block in (*given, *type_.blocks))
    if len(given) == 1 and given[0].shape == (type_.size,) and not indices:
        return (given[0].shape,)
    return None


def _words(block: Block) -> int:
    """How many words an index tensor numbers; 0 for real numbers."""
    return block.values.size if block.values is not None else 0


def shapes_text(blocks: Sequence[Block]) -> str:
    return ", ".join(
        (f"index({block.values.size})" if block.values is not None else "")
        + "["
        + ", ".join(str(n) for n in block.shape)
        + "]"
        for block in blocks
    )


def signature_text(type_: Type) -> str:
    return " + ".join(shapes_text([block]) for block in type_.blocks)


def check_not_zero(site: CallSite, source: Type, target: Type) -> None:
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


def check_branches(
    site: CallSite, source: Type, target: Type, branches: Sequence[tuple[str, ...]]
) -> None:
    """Averages over the other factors, and over what acts alike on the arguments, may leave nothing."""
    acting = sorted(source.factors | target.factors)
    for block in target.blocks:
        empty = []
        for branch in branches:
            factors = frozenset(branch)
            others = frozenset(acting) - factors
            # one word of every orbit is left, and moved by all that moves the others
            blind = not source.has_indices and not any(
                invariants_under(x, others & x.factors) for x in source.blocks
            )
            words: list[FWord] = []
            for factor in acting:
                if factor in block.factors and (
                    blind or factor in others or factor not in source.factors
                ):
                    count = len(target.groups[factor].generators)
                    words.extend(((factor, g, 1),) for g in range(count))
            reps = tuple(restricted(rep, factors) for rep in source.representations())
            image = action_image(reps, limit=limits().group_elements)
            words.extend(image.kernel)
            words.extend(scalar_elements(source, image.elements))
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


def scalar_elements(source: Type, elements: Sequence[FWord]) -> list[FWord]:
    """Elements that act on every block by numbers whose product is 1: as nothing at all, though no
    axis of it stays (a sign times a sign)."""
    found: list[FWord] = []
    if all(rep.is_permutation for rep in source.representations()):
        return found
    for word in elements:
        if word and all(scalar(block, word) == 1 for block in source.blocks):
            found.append(word)
    return found


def scalar(block: Block, word: FWord) -> int:
    """The sign by which a word multiplies a block; 0 if it does anything else."""
    sign = 1
    for axis in block.one_hot.axes:
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


def calls_over(site: CallSite, source: Type, factors: tuple[str, ...]) -> int:
    try:
        parts = tuple(restricted(rep, frozenset(factors)) for rep in source.representations())
        return action_image(parts, limit=limits().group_elements).order
    except ActionTooLarge as error:
        site.refuse(
            "EQS412",
            f"the average would need too many calls: {error}",
            "this average",
            span=site.whole,
        )


def product_of(source: Type, target: Type) -> int:
    """The calls of a plain average over the product of all groups that act at either end."""
    groups = {**source.groups, **target.groups}
    return math.prod(group.order or 0 for group in groups.values())  # finite: see `_types`
