"""Guarantees, composed anew: for every feature and factor the weakest of the ops on the way.

In: the nodes of a module, with what each op by itself is said to guarantee. Out: findings where a level is
higher than what follows. An op that jumps is at most `almost_everywhere`, and that only on arguments under
which null sets have null preimages (*generic* ones): inputs with a density, different parts of them, sums
with such a part, and the images of these under `leaky_relu`, `asinh` and what only renames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eqspec.verify.laws.averages import CHOICES, COUNTED
from eqspec.verify.laws.entrywise import JUMPS
from eqspec.verify.record import LEVELS, Certificate, Module, Node, Type
from eqspec.verify.types import factors_of, is_sampled, moved_by
from eqspec.verify.values import rational

APPROXIMATE, ALMOST, EXACT = range(3)

Piece = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Known:
    """What follows for a feature: levels by factor (exact where none is said), the factors that act on
    it or upstream, and of the inputs that it reads: which parts, and whether it is generic."""

    levels: Mapping[str, int]
    touched: frozenset[str]
    reads: frozenset[Piece]
    piece: Piece | None
    generic: bool
    centred: bool = False


class Levels:
    """Composes the levels of the modules of one certificate; each module alone is composed once."""

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate
        self._alone: dict[str, dict[str, Known]] = {}

    def alone(self, module: Module) -> dict[str, Known]:
        """What follows for a module whose inputs have densities and no law to break."""
        if module.key not in self._alone:
            given = {name: _input(name, type_) for name, type_ in module.inputs.items()}
            self._alone[module.key] = self._inside(module, given, None)
        return self._alone[module.key]

    def faults(self, module: Module) -> list[tuple[str, str]]:
        """(feature, message) for every level that is claimed and does not follow."""
        known = self.alone(module)
        found = []
        for node in module.nodes.values():
            if node.levels.keys() != module.groups.keys():
                found.append((node.name, "it does not have a level for every factor of the module"))
                continue
            for factor, level in node.levels.items():
                reached = known[node.name].levels.get(factor, EXACT)
                if LEVELS.index(level) > reached:
                    claimed, follows = (w.replace("_", " ") for w in (level, LEVELS[reached]))
                    text = f"under {factor} it is claimed {claimed}; what follows is {follows}"
                    found.append((node.name, text))
        return found

    def _inside(
        self, module: Module, given: Mapping[str, Known], alone: Mapping[str, Known] | None
    ) -> dict[str, Known]:
        """``alone`` is what followed where the laws of the ops were shown: where less is known of the
        arguments of an op now, its exceptions may have any measure."""
        known: dict[str, Known] = {}
        calls: dict[str, tuple[Module, dict[str, Known]]] = {}
        for node in module.nodes.values():
            args = [known[arg] for arg in node.args]
            if node.op == "input":
                known[node.name] = given[node.name]
            elif node.op == "call":
                called = self.certificate.modules[str(node.data["module"])]
                inner = self._inside(
                    called, dict(zip(called.inputs, args, strict=True)), self.alone(called)
                )
                calls[node.name] = called, inner
                known[node.name] = _joined(node, [inner[n] for n, _ in called.outputs.values()])
            elif (
                node.op == "block"
                and node.args[0] in calls
                and (picked := _picked(node, *calls[node.args[0]]))
            ):
                known[node.name] = picked
            else:
                same = alone is None or _flags(args) == _flags([alone[arg] for arg in node.args])
                known[node.name] = _after(node, args, not same)
        return known


def _input(name: str, type_: Type) -> Known:
    rough = dict.fromkeys(_sampled(type_), APPROXIMATE)
    piece: Piece = (("", name),)
    generic = all(block.values is None for block in type_)
    return Known(rough, factors_of(type_), frozenset([piece]), piece, generic)


def _sampled(type_: Type) -> frozenset[str]:
    """The factors that turn pictures of which only the pixels are known."""
    parts = [part for block in type_ for part in block.axes if is_sampled(part)]
    return frozenset().union(*map(moved_by, parts))


def _after(node: Node, args: Sequence[Known], fallen: bool) -> Known:
    touched = factors_of(node.type).union(*(arg.touched for arg in args))
    cap, rough = _cap(node, args), _sampled(node.type)
    levels = {}
    for factor in touched:
        own = min(cap, LEVELS.index(node.own.get(factor, "exact")))
        if factor in rough or (fallen and own < EXACT):
            own = APPROXIMATE
        level = min(own, *(arg.levels.get(factor, EXACT) for arg in args), EXACT)
        if level < EXACT:
            levels[factor] = level
    piece = _piece(node, args)
    reads = frozenset([piece]) if piece else frozenset().union(*(arg.reads for arg in args))
    generic = not fallen and _generic(node, args)
    centred = node.op == "center" and args[0].generic and not fallen
    return Known(levels, frozenset(touched), reads, piece, generic, centred)


def _cap(node: Node, args: Sequence[Known]) -> int:
    """The most that an op can guarantee on such arguments."""
    if node.op not in JUMPS | CHOICES:
        return EXACT
    if node.op in COUNTED and node.data.get("elements") == 1:  # nothing to choose from
        return EXACT
    if node.op == "coset":  # it looks at some of its arguments only
        certain = any(arg.generic for arg in args)
    elif node.op == "frame":
        certain = all(arg.generic or arg.centred for arg in args) and independent(args)
    else:
        certain = all(arg.generic for arg in args) and independent(args)
    return ALMOST if certain else APPROXIMATE


def _generic(node: Node, args: Sequence[Known]) -> bool:
    """Does every null set of the type of the result have a null preimage in the inputs?"""
    match node.op:
        case "identity" | "stop_gradient" | "concat" | "field" | "block" | "asinh":
            return all(arg.generic for arg in args) and independent(args)
        case "leaky_relu":
            slope = rational(node.data.get("negative_slope"), f"node {node.name!r}: negative_slope")
            return args[0].generic and slope != 0
        case "+":
            return any(
                arg.generic
                and all(independent((arg, other)) for j, other in enumerate(args) if j != k)
                for k, arg in enumerate(args)
            )
    return False


def _piece(node: Node, args: Sequence[Known]) -> Piece | None:
    """The way into the inputs, for names, fields and single blocks of one."""
    if len(args) != 1 or args[0].piece is None:
        return None
    way = args[0].piece
    match node.op, node.data:
        case "field", {"axis": axis, "name": name}:
            return (*way, (f"field {axis}", str(name)))
        case "block", {"start": int() as start, "stop": int() as stop} if stop == start + 1:
            return (*way, ("block", str(start)))
    return way if node.op == "identity" else None


def independent(args: Sequence[Known]) -> bool:
    """Does every argument read parts of the inputs that no other one reads?"""
    return not any(
        _meet(p, q)
        for k, one in enumerate(args)
        for other in args[k + 1 :]
        for p in one.reads
        for q in other.reads
    )


def _meet(first: Piece, second: Piece) -> bool:
    """Have two parts a number in common? Not if they part at one step of the same kind."""
    for (kind, name), (other_kind, other) in zip(first, second, strict=False):
        if kind != other_kind:
            return True
        if name != other:
            return False
    return True


def _flags(args: Sequence[Known]) -> object:
    """All that an op can learn of how generic its arguments are."""
    pairs = [independent((a, b)) for k, a in enumerate(args) for b in args[k + 1 :]]
    return [(arg.generic, arg.centred) for arg in args], pairs


def _joined(node: Node, outputs: Sequence[Known]) -> Known:
    """Several outputs of a called module as one value."""
    levels: dict[str, int] = {}
    for output in outputs:
        for factor, level in output.levels.items():
            levels[factor] = min(level, levels.get(factor, EXACT))
    return Known(
        levels,
        factors_of(node.type).union(*(output.touched for output in outputs)),
        frozenset().union(*(output.reads for output in outputs)),
        outputs[0].piece if len(outputs) == 1 else None,
        all(output.generic for output in outputs) and independent(outputs),
        outputs[0].centred if len(outputs) == 1 else False,
    )


def _picked(node: Node, called: Module, inner: Mapping[str, Known]) -> Known | None:
    """The output of a called module that the blocks of a `block` node are."""
    start = 0
    for name, type_ in called.outputs.values():
        if (start, start + len(type_)) == (node.data.get("start"), node.data.get("stop")):
            return inner[name]
        start += len(type_)
    return None
