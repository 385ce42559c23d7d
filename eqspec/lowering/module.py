"""Lowering: every node of the layer graph by the lowering of its op, then the passes.

In: a checked `Module`. Out: a `Lowered` module: its tensor program, optimised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from eqspec.algebra.averages import ActionTooLarge
from eqspec.algebra.nullspace import SolverTooLarge
from eqspec.algebra.solver import RoutesDisagree
from eqspec.graph.model import Module, Node
from eqspec.graph.types import Type, stilled
from eqspec.lowering.errors import LoweringRefused
from eqspec.lowering.padding import padded_program
from eqspec.lowering.samples import exact_part
from eqspec.ops import op_named
from eqspec.ops.contract import LoweringSite, Registers
from eqspec.ops.coordinates import Frame, convert, frame_of
from eqspec.ops.plans import NOWHERE, REFERENCE, Plan
from eqspec.ops.project import ProjectorTooLarge
from eqspec.program.builder import Builder
from eqspec.program.instructions import BatchNorm, Parameter, Program
from eqspec.program.layers import Dropout
from eqspec.program.passes import optimise

if TYPE_CHECKING:
    from eqspec.lowering.ways import Placement


@dataclass(frozen=True)
class Lowered:
    """A module and its program by a ``plan``; ``plain`` is the program of the reference plan before the
    passes, without masks. In a
    ``distributed`` one several processes can share the calls of an average."""

    module: Module
    program: Program
    plain: Program
    distributed: bool = False
    plan: Plan = REFERENCE
    placement: Placement | None = None  # how the plan was chosen, if it was

    @cached_property
    def tested(self) -> Lowered:
        """With the module as exact tests see it: a disc is turned only as far as its pixels fit."""
        return replace(self, module=exact_part(self.module))

    @cached_property
    def kinds(self) -> frozenset[type]:
        """The kinds of instructions of the program."""
        return frozenset(map(type, self.program.instructions))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(parameters_of(self.program))


def with_called(lowered: Mapping[str, Lowered], key: str) -> dict[str, Lowered]:
    """A module and those that it calls, themselves or through others: each once, however often it is called."""
    found: dict[str, Lowered] = {}
    todo = [key]
    while todo:
        key = todo.pop()
        if key not in found:
            found[key] = lowered[key]
            todo.extend(found[key].module.children.values())
    return found


def has_batch_norm(lowered: Mapping[str, Lowered], key: str) -> bool:
    """Does the module take statistics of the batch in training, itself or in one that it calls?"""
    return any(BatchNorm in item.kinds for item in with_called(lowered, key).values())


def has_dropout(lowered: Mapping[str, Lowered], key: str) -> bool:
    """Does the module drop fibres in training, itself or in one that it calls?"""
    return any(Dropout in item.kinds for item in with_called(lowered, key).values())


def lower_module(
    module: Module,
    distributed: bool = False,
    plan: Plan = REFERENCE,
    placement: Placement | None = None,
) -> Lowered:
    """By a plan, or by that of a ``placement``; by the reference if that would lose a free weight: what is
    saved of a module never depends on the plan.

    Raises:
        LoweringRefused: a solver refuses a node, or two routes disagree on it.
    """
    plan = plan if placement is None else placement.plan
    plain = program_of(module, distributed)
    best = optimise(plain)
    if not plan.is_reference:
        chosen = optimise(program_of(module, distributed, plan))
        if set(parameters_of(chosen)) == set(parameters_of(best)):
            best = chosen
        else:  # some weights move nothing, which only shows in these coordinates: they are kept
            plan = REFERENCE
    return Lowered(module, padded_program(best, module), plain, distributed, plan, placement)


def parameters_of(program: Program) -> list[Parameter]:
    return [i for i in program.instructions if isinstance(i, Parameter)]


def program_of(module: Module, distributed: bool = False, plan: Plan = REFERENCE) -> Program:
    """The program by a plan, before the passes. Named are the features that stand in given coordinates."""
    builder = Builder()
    frames = Frames(module)
    features: dict[str, dict[frozenset[str], Registers]] = {}
    types = {node.name: node.type for node in module.nodes}

    def feature(name: str, factors: frozenset[str]) -> Registers:
        """A feature in these coordinates, converted once."""
        known = features[name]
        if factors not in known:
            origin = next(iter(known))
            with builder.owner(name):
                known[factors] = frames.converted(
                    builder, types[name], known[origin], origin, factors
                )
        return known[factors]

    for node in module.nodes:
        factors = plan.factors(node.name)
        with builder.owner(node.name):
            if node.op == "input":
                made = tuple(
                    builder.input(
                        node.name, k, block.shape, block.values.size if block.values else 0
                    )
                    for k, block in enumerate(node.type.blocks)
                )
                features[node.name] = {NOWHERE: made}
                continue
        given = tuple(types[arg] for arg in node.args)
        args = tuple(feature(arg, factors) for arg in node.args)
        with builder.owner(node.name):
            if op_named(node.op).signature.sampled == "pixel":  # as its rule saw them
                node = replace(node, type=stilled(node.type))
                given = tuple(stilled(type_) for type_ in given)
            form = plan.forms.get(node.name, "")
            frame = frames.over(factors) if factors else None
            site = LoweringSite(node, module, builder, args, given, distributed, form, frame)
            features[node.name] = {factors: lower_node(node, site)}
    outputs = [(each.name, feature(each.node, NOWHERE)) for each in module.outputs]
    names = {name for name, _ in outputs}
    named = [
        (node.name, features[node.name][NOWHERE])
        for node in module.nodes
        if node.declared
        and node.op != "input"
        and node.name not in names
        and NOWHERE in features[node.name]
    ]
    results = [(name, known[NOWHERE]) for name, known in features.items() if NOWHERE in known]
    return replace(builder.program(outputs, named), results=tuple(results))


def can_stand(module: Module, node: Node, frame: Frame) -> bool:
    """Can the feature, and what its op reads, stand in the coordinates of a frame?"""
    if node.op == "input":
        return False
    op = op_named(node.op)
    types = tuple(module.node(arg).type for arg in node.args)
    if op.irreducible is None or not any(frame.replaces(type_) for type_ in (*types, node.type)):
        return False
    return op.irreducible.over(node, types, frame)


class Frames:
    """The frames of a module, made once for every set of factors."""

    def __init__(self, module: Module) -> None:
        self.types = [node.type for node in module.nodes]
        self.known: dict[frozenset[str], Frame] = {}

    def over(self, factors: frozenset[str]) -> Frame:
        if factors not in self.known:
            self.known[factors] = frame_of(self.types, factors)
        return self.known[factors]

    def converted(
        self,
        b: Builder,
        type_: Type,
        registers: Registers,
        origin: frozenset[str],
        factors: frozenset[str],
    ) -> Registers:
        """A feature of this type from one set of factors to another."""
        result: list[int] = []
        at = 0
        pairs = zip(
            self.over(origin).of_type(type_), self.over(factors).of_type(type_), strict=True
        )
        for source, target in pairs:
            count = len(source.pieces)
            result += convert(b, source, registers[at : at + count], target)
            at += count
        return tuple(result)


def lower_node(node: Node, site: LoweringSite) -> Registers:
    try:
        op = op_named(node.op)
        if site.frame is None:
            return op.lower(site)
        assert op.irreducible is not None, f"`{op.name}` works in given coordinates alone"
        return op.irreducible.lower(site)
    except RoutesDisagree as error:
        raise LoweringRefused(
            "EQS505", f"two routes to a dimension disagree at `{node.name}`", node.span, str(error)
        ) from error
    except (SolverTooLarge, ProjectorTooLarge, ActionTooLarge) as error:
        raise LoweringRefused(
            "EQS507", f"`{node.name}` is too large to build", node.span, str(error)
        ) from error
