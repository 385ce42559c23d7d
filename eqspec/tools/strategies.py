"""Which strategies would give a user's network its symmetry at a node, and at what price.

In: a module and a node that an averaging op made. Out: for every strategy the calls of the network and
of its helpers, what training keeps, the guarantee for every factor, or the reason why it is refused. The
typing rules of the ops themselves are run on the call as it would be written; nothing is known here of
when a strategy is legal, what it costs or what it guarantees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from eqspec.algebra import subgroups
from eqspec.algebra.groups import Group, GroupError
from eqspec.algebra.multiaverage import MultiAverageReport
from eqspec.diagnostics.model import Diagnostic
from eqspec.graph.guarantees import with_guarantee
from eqspec.graph.model import Base, Level, Module, Node
from eqspec.graph.op import CallSite, KeywordValue, Refusal, Subgroup, Words
from eqspec.graph.opcalls import made_node
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.ops import OPS
from eqspec.ops.averaging import Average, Weighted
from eqspec.ops.cosetchecks import Canonicalisation
from eqspec.ops.frames import Framing
from eqspec.ops.framing import ROTATIONS

NAMES = (
    "equitune",
    "multi_equitune",
    "fuse",
    "coset",
    "lambda_equitune",
    "equizero",
    "multi_equizero",
    "frame",
)
HELPER = "helper"  # the network that weighs or chooses, where the spec has none yet


@dataclass(frozen=True)
class Strategy:
    """``text`` is the call as one would write it, with the subgroup that ``declares`` makes; ``written``
    if the spec says so. ``base_calls`` and
    ``helper_calls`` are for one sample. In evaluation the answers of one chunk of calls are in memory at
    a time; training keeps the activations of ``kept`` of them, since no gradient reaches an energy.
    ``loses`` are the three numbers of
    `multi_equitune`."""

    text: str
    op: str
    written: bool
    base_calls: int
    helper_calls: int
    level: Level
    levels: Mapping[str, Level]
    kept: int
    loses: MultiAverageReport | None = None
    declares: str = ""


@dataclass(frozen=True)
class Refused:
    """A strategy that is not legal at this node, and the first reason."""

    text: str
    op: str
    code: str
    reason: str


def is_average(node: Node) -> bool:
    """Is there a table of strategies for this node?"""
    return node.op in NAMES and node.op in OPS


def strategies(module: Module, node: Node) -> list[Strategy | Refused]:
    """Every strategy for a node that an average made; what is written stands first if none of them."""
    base, helper = _networks(node)
    acting = {
        factor: group
        for name in node.args
        for factor, group in module.node(name).type.groups.items()
    }
    candidates = [*_candidates(module, node), *(("frame", words) for words in _methods(acting))]
    tried = [_tried(module, node, base, helper, *candidate) for candidate in candidates]
    found = [one for one in tried if one is not None]
    if not any(isinstance(one, Strategy) and one.written for one in found):
        found.insert(0, _strategy(_abridged(node, base), node, written=True))
    return found


Option = tuple[str, ...] | Subgroup | str | None


def _candidates(module: Module, node: Node) -> Iterator[tuple[str, Option]]:
    """Ops, and the subgroup over which one averages or that by which it chooses."""
    yield "equitune", None
    yield "multi_equitune", None
    yield "fuse", None
    yield "coset", None
    groups = {
        factor: group
        for name in node.args
        for factor, group in sorted(module.node(name).type.groups.items())
    }
    for factor in groups:
        yield "coset", (factor,)
    if len(groups) == 1:
        for factor, group in groups.items():
            for sub in _natural(factor, group):
                yield "coset", sub
    yield "lambda_equitune", None
    for op in ("equizero", "multi_equizero"):
        yield op, "entropy"
        yield op, HELPER


def _natural(factor: str, group: Group) -> Iterator[Subgroup]:
    """The subgroups that one generator generates, of a group with several."""
    for number, generator in enumerate(group.generators if len(group.generators) > 1 else ()):
        try:
            order = subgroups.subgroup(group, [((number, 1),)], ["g0"]).order
            closure = subgroups.normal_closure(group, [((number, 1),)])
        except GroupError:
            continue
        words = ", ".join(group.text(word).replace(" ", " * ") for word in closure.words)
        yield Subgroup(
            f"{factor}_{generator}",
            (factor,),
            (((factor, number, 1),),),
            closure.order == order,
            f"subgroup({factor}, {words})",
            closure.order or 0,
        )


def _methods(groups: Mapping[str, Group]) -> Iterator[Words]:
    """The lists of methods of `frame`: rotations first, then the order of rows."""
    families = {factor: group.family for factor, group in groups.items()}
    turned = sorted(factor for factor, family in families.items() if family in ROTATIONS)
    sorts = [("sort", factor) for factor in sorted(families) if families[factor] == "symmetric"]
    for method in ("principal_axes", "gram_schmidt") if turned else ():
        yield Words((*((method, factor) for factor in turned), *sorts))
    if sorts and not turned:
        yield Words(tuple(sorts))


def _tried(
    module: Module,
    node: Node,
    base: Base,
    helper: Base,
    op: str,
    option: Option | Words,
) -> Strategy | Refused | None:
    """Run the typing rule of an op on the arguments, the network and the type of the node. None if the
    result is another row again, since one factor alone acts."""
    keywords: dict[str, KeywordValue] = {}
    bases = [base]
    shown, declares = [], ""
    if isinstance(option, tuple):
        keywords["average"] = option
        shown.append(f"average={' * '.join(option)}")
    elif isinstance(option, Subgroup):
        keywords["average"] = option
        shown.append(f"average={option.name}")
        generator = option.name.removeprefix(f"{option.group[0]}_")
        declares = f"group {option.name} = subgroup({option.group[0]}, {generator})"
    elif isinstance(option, Words):
        keywords["by"] = option
        shown.append(f"by=[{', '.join(f'{word}({factor})' for word, factor in option.items)}]")
    elif option is not None:
        keywords["by"] = helper if option == HELPER else option
        shown.append(f"by={helper.name if option == HELPER else option}")
    if op == "lambda_equitune":
        bases.append(helper)
    args = tuple(module.node(name) for name in node.args)
    named = [*(one.name for one in bases), *node.args, *shown]
    text = f"{op}({', '.join(named)})"
    if op not in OPS:
        return Refused(text, op, "EQS210", f"the op `{op}` is not built yet")
    said: list[Diagnostic] = []
    site = CallSite(
        op,
        node.name,
        args,
        tuple(arg.span for arg in args),
        tuple(bases),
        keywords,
        dict.fromkeys(keywords, node.span),
        node.type,
        node.span,
        node.span,
        node.span,
        module.source,
        said.append,
        nodes={one.name: one for one in module.nodes},
    )
    try:
        made = with_guarantee(made_node(OPS[op], site), args)
    except Refusal as refusal:
        first = refusal.diagnostics[0]
        reason = f"{first.message}: {first.label}" if first.label else first.message
        return Refused(text, op, first.code, reason)
    written = made.op == node.op and made.data == node.data
    single = isinstance(made.data, Average) and len(made.data.branches) < 2
    if op.startswith("multi_") and single and not written:
        return None
    return _strategy(text, made, written=written, declares=declares)


def _abridged(node: Node, base: Base) -> str:
    """A call with options of its own."""
    return f"{node.op}({', '.join((base.name, *node.args))}, ...)"


def _strategy(text: str, node: Node, *, written: bool, declares: str = "") -> Strategy:
    calls = _calls(node)
    loses = node.data.multi if isinstance(node.data, Average) else None
    levels = {factor: node.levels.get(factor, Level.EXACT) for factor in sorted(node.touched)}
    return Strategy(
        text, node.op, written, *calls, node.level(), levels, _kept(node), loses, declares
    )


def _calls(node: Node) -> tuple[int, int]:
    """Of the network and of its helper, as the op's own rule counts them."""
    match node.data:
        case Average(elements=elements, bases=bases):
            return elements, elements * (len(bases) - 1)
        case Canonicalisation(calls=calls, elements=elements, energy=energy):
            return calls, elements if energy is not None else 0
        case Framing() as framing:
            return framing.calls, 0
    raise AssertionError(node.data)


def _kept(node: Node) -> int:
    """Calls whose activations training keeps: those that a gradient reaches."""
    base_calls, helper_calls = _calls(node)
    weighted = isinstance(node.data, Average) and isinstance(node.data.rule, Weighted)
    return base_calls + helper_calls if weighted else base_calls


def _networks(node: Node) -> tuple[Base, Base]:
    """The network at a node, and its helper: that of the spec, or one as it would be declared."""
    assert isinstance(node.data, Average | Canonicalisation | Framing)
    base = node.data.base
    if isinstance(node.data, Average) and len(node.data.bases) > 1:
        return base, node.data.bases[1]
    number = Type((Block((PlainAxis(1),)),))
    return base, Base(HELPER, base.signature, number, None, base.span)
