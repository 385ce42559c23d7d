"""The guarantee of a feature, composed per factor from the ops on the way to it.

In: a node that an op has made and the nodes of its arguments. Out: the node with what is known of it:
the levels, the factors that act upstream, the parts of the inputs that it reads, genericity. The rules
(docs/soundness.md, "Guarantee levels"):

R1  The level of a feature for a factor is the weakest of what the op guarantees for that factor and
    the levels of the arguments. Nothing heals: neither an average nor forgetting the factor. An op
    weakens no factor that acts neither on its result nor on anything upstream: for such a factor the
    same numbers come in and the same go out.
R2  An op that excepts a null set of its argument keeps `almost_everywhere` only on a *generic*
    argument, one under which every null set of its whole type has a null preimage in the inputs.
R6  `approximate` is absorbing (it is the least level, so the minimum does it).
R7  A feature on a `disc` is approximate for the factors that turn it: their law holds for pictures that
    are known everywhere, and a tensor holds samples.

Genericity. An input with a density is generic. So is

  - a name, field, block, renaming or concatenation of different generic parts: a coordinate projection
    of the inputs R^n -> R^m is linear and onto, hence open, and by Fubini the preimage of a null set is
    null; different parts are independent coordinates, so their joint map is a projection again;
  - a sum a + b where a is generic and b reads none of the inputs that a reads: for fixed b the map is a
    translation of a, and Fubini gives the rest;
  - `leaky_relu` (slope not 0) or `asinh` of a generic feature: a homeomorphism of the line, and a
    diffeomorphism off one point; preimages of null sets are null, entry by entry.

`center` of a generic feature is generic among the centred ones (``centred``): it is linear and onto
these, so the preimage of a null set of theirs is null.

Nothing else is: not `relu` (a half-space goes to 0), not `linear` (its weights may be 0, and its image
may be a subspace on which an op has ties everywhere), not a projection onto the invariants, for the
same reason: what counts is that the tie set is null *in the whole type*. `(x, x)` is not generic either.

Live factors. Where a factor acts on a feature but on none of its arguments, these stay what they are when
the factor acts, and so does the feature: it is fixed by the factor. By induction the same holds of every
feature on which a factor acts without being *live*: without acting on every step of some way from an input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from eqspec.graph.model import BlockOf, FieldOf, Level, ModuleCall, Node, Piece

SAMPLES = "pictures with details between their pixels"
MOST_PAIRED = 64  # arguments of a call that are compared with one another
_Memo = dict[object, Mapping[str, Node]]


class _Parts:
    """Parts of the inputs, as a tree: two have no number in common if at the first step where they
    part they go to different inputs, blocks, or fields of the same axis."""

    def __init__(self) -> None:
        self.ends = False
        self.steps: dict[str, dict[str, _Parts]] = {}

    def add(self, part: Piece) -> None:
        at = self
        for kind, name in part:
            at = at.steps.setdefault(kind, {}).setdefault(name, _Parts())
        at.ends = True

    def meets(self, part: Piece) -> bool:
        """Has the part a number in common with one of those here?"""
        at = self
        for kind, name in part:
            if at.ends or at.steps.keys() - {kind}:
                return True
            following = at.steps.get(kind, {}).get(name)
            if following is None:
                return False
            at = following
        return True


def independent(args: Sequence[Node]) -> bool:
    """Does every argument read inputs of its own?"""
    seen = _Parts()
    for arg in args:
        if any(seen.meets(part) for part in arg.reads):
            return False
        for part in arg.reads:
            seen.add(part)
    return True


def jointly_generic(args: Sequence[Node]) -> bool:
    """Is the tuple of the arguments generic in the product of their types?"""
    return all(arg.generic for arg in args) and independent(args)


def own_level(node: Node, factor: str) -> Level:
    """What the op of a node guarantees by itself for a factor."""
    if isinstance(node.own, Level):
        return node.own
    return node.own.get(factor, Level.EXACT)


def with_guarantee(node: Node, args: Sequence[Node]) -> Node:
    """The node with what is known of it, from what is known of its arguments."""
    if node.op == "call":
        return _of_call(node, args, {})
    output = _called_output(node, args)
    if output is not None:
        return _as(node, output)
    touched = node.type.factors.union(*(arg.touched for arg in args))
    node = _of_samples(node, args, touched)
    levels = {
        factor: level
        for factor in sorted(touched)
        if (
            level := min(
                own_level(node, factor),
                *(arg.levels.get(factor, Level.EXACT) for arg in args),
                Level.EXACT,
            )
        )
        < Level.EXACT
    }
    live = node.type.factors
    if node.op != "input":
        live &= frozenset().union(*(arg.live for arg in args))
    piece = _piece(node, args)
    reads = {piece} if piece else {read for arg in args for read in arg.reads}
    return replace(
        node,
        levels=levels,
        touched=frozenset(touched),
        live=live,
        piece=piece,
        reads=frozenset(reads),
    )


def _of_samples(node: Node, args: Sequence[Node], touched: frozenset[str]) -> Node:
    """R7: a disc is turned by interpolation, so no feature on one is more than approximate for the
    factors that turn it, whatever made it, an input included. By R1 and R6 nothing behind it is."""
    fresh = {
        f for f in node.type.sampled if all(arg.level((f,)) > Level.APPROXIMATE for arg in args)
    }
    if not fresh:
        return node
    own = {f: Level.APPROXIMATE if f in fresh else own_level(node, f) for f in touched}
    return replace(node, own=own, null_set=node.null_set or SAMPLES)


def _piece(node: Node, args: Sequence[Node]) -> Piece | None:
    """The way into the inputs, for an input and for names, fields and blocks of it."""
    if node.op == "input":
        return node.piece or (("", node.name),)
    if len(args) != 1 or args[0].piece is None:
        return None
    match node.data:
        case FieldOf(axis=axis, name=name) if node.op == "field":
            return (*args[0].piece, (f"field {axis}", name))
        case BlockOf(start=start, stop=stop) if node.op == "block" and stop == start + 1:
            return (*args[0].piece, ("block", str(start)))
    return args[0].piece if node.op == "identity" else None


# ---- calls of modules -----------------------------------------------------------------------------


def _of_call(node: Node, args: Sequence[Node], memo: _Memo) -> Node:
    """A called module is as if its nodes stood here: their levels, on the arguments that are given."""
    call = node.data
    assert isinstance(call, ModuleCall)
    known = _inside(call, args, memo)
    outputs = tuple(known[output.node] for output in call.module.outputs)
    levels: dict[str, Level] = {}
    for output in outputs:
        for factor, level in output.levels.items():
            levels[factor] = min(level, levels.get(factor, Level.EXACT))
    return replace(
        node,
        data=replace(call, known=known),
        levels=dict(sorted(levels.items())),
        touched=node.type.factors.union(*(output.touched for output in outputs)),
        live=frozenset().union(*(output.live for output in outputs)),
        reads=frozenset(read for output in outputs for read in output.reads),
        piece=outputs[0].piece if len(outputs) == 1 else None,
        generic=jointly_generic(outputs),
        centred=outputs[0].centred if len(outputs) == 1 else None,
    )


def _inside(call: ModuleCall, args: Sequence[Node], memo: _Memo) -> Mapping[str, Node]:
    """What is known of the nodes of a called module, by name. ``memo``: a module that is called twice
    on the same is evaluated once, since calls nest."""
    module = call.module
    key = (
        module.key,
        tuple(
            (
                arg.touched,
                tuple(arg.levels.items()),
                arg.reads,
                arg.piece,
                arg.generic,
                arg.centred,
            )
            for arg in args
        ),
    )
    if key in memo:
        return memo[key]
    given = {feature.name: arg for feature, arg in zip(module.inputs, args, strict=True)}
    known: dict[str, Node] = {}
    for inner in module.nodes:
        if inner.op == "input":
            known[inner.name] = _as(inner, given[inner.name])
            continue
        before = [module.node(arg) for arg in inner.args]
        after = [known[arg] for arg in inner.args]
        if isinstance(inner.data, ModuleCall) and inner.op == "call":
            known[inner.name] = _of_call(inner, after, memo)
            continue
        if _flags(before) != _flags(after):  # what rests on genericity falls
            inner = replace(inner, own=_fallen(inner), generic=False, centred=None)
        known[inner.name] = with_guarantee(inner, after)
    memo[key] = known
    return known


def _flags(args: Sequence[Node]) -> tuple[object, ...]:
    """All that an op can learn of the genericity of its arguments. Where they are many and not all
    independent, a value that equals no other."""
    known = tuple((arg.generic, arg.centred) for arg in args)
    if independent(args):
        return (known,)
    if len(args) > MOST_PAIRED:
        return (object(),)
    pairs = [independent((left, right)) for k, left in enumerate(args) for right in args[k + 1 :]]
    return (known, tuple(pairs))


def _fallen(node: Node) -> Level | Mapping[str, Level]:
    """The op's own level where its arguments are less generic than they were when it was proved."""
    if isinstance(node.own, Level):
        return Level.EXACT if node.own is Level.EXACT else Level.APPROXIMATE
    return {
        factor: level if level is Level.EXACT else Level.APPROXIMATE
        for factor, level in node.own.items()
    }


def _as(node: Node, known: Node) -> Node:
    """A node that is another by a new name."""
    return replace(
        node,
        levels=known.levels,
        touched=known.touched,
        live=known.live,
        reads=known.reads,
        piece=known.piece,
        generic=known.generic,
        centred=known.centred,
    )


def _called_output(node: Node, args: Sequence[Node]) -> Node | None:
    """The output of a called module that a `block` node picks out of the tuple of all."""
    if node.op != "block" or not isinstance(node.data, BlockOf) or args[0].op != "call":
        return None
    call = args[0].data
    assert isinstance(call, ModuleCall)
    start = 0
    for feature in call.module.outputs:
        stop = start + len(feature.type.blocks)
        if (start, stop) == (node.data.start, node.data.stop):
            return call.known[feature.node]
        start = stop
    return None
