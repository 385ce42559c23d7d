"""Lowering: every node of the layer graph by the lowering of its op, then the passes.

In: a checked `Module`. Out: a `Lowered` module: its tensor program, optimised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from eqspec.algebra.averages import ActionTooLarge
from eqspec.algebra.nullspace import SolverTooLarge
from eqspec.algebra.solver import RoutesDisagree
from eqspec.graph.model import Module, Node
from eqspec.graph.types import stilled
from eqspec.lowering.errors import LoweringRefused
from eqspec.lowering.padding import padded_program
from eqspec.lowering.samples import exact_part
from eqspec.ops import op_named
from eqspec.ops.contract import LoweringSite, Registers
from eqspec.ops.project import ProjectorTooLarge
from eqspec.program.builder import Builder
from eqspec.program.instructions import BatchNorm, Parameter, Program
from eqspec.program.layers import Dropout
from eqspec.program.passes import optimise


@dataclass(frozen=True)
class Lowered:
    """A module and its program; ``plain`` is the program before the passes, without masks. In a
    ``distributed`` one several processes can share the calls of an average."""

    module: Module
    program: Program
    plain: Program
    distributed: bool = False

    @cached_property
    def tested(self) -> Lowered:
        """With the module as exact tests see it: a disc is turned only as far as its pixels fit."""
        return replace(self, module=exact_part(self.module))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(i for i in self.program.instructions if isinstance(i, Parameter))


def has_batch_norm(lowered: Mapping[str, Lowered], key: str) -> bool:
    """Does the module take statistics of the batch in training, itself or in one that it calls?"""
    item = lowered[key]
    return any(isinstance(i, BatchNorm) for i in item.program.instructions) or any(
        has_batch_norm(lowered, child) for child in item.module.children.values()
    )


def has_dropout(lowered: Mapping[str, Lowered], key: str) -> bool:
    """Does the module drop fibres in training, itself or in one that it calls?"""
    item = lowered[key]
    return any(isinstance(i, Dropout) for i in item.program.instructions) or any(
        has_dropout(lowered, child) for child in item.module.children.values()
    )


def lower_module(module: Module, distributed: bool = False) -> Lowered:
    """Raises `LoweringRefused` where a solver refuses a node, or two routes disagree on it."""
    builder = Builder()
    registers: dict[str, tuple[int, ...]] = {}
    types = {node.name: node.type for node in module.nodes}
    for node in module.nodes:
        with builder.owner(node.name):
            if node.op == "input":
                registers[node.name] = tuple(
                    builder.input(
                        node.name, k, block.shape, block.values.size if block.values else 0
                    )
                    for k, block in enumerate(node.type.blocks)
                )
                continue
            given = tuple(types[arg] for arg in node.args)
            if op_named(node.op).signature.sampled == "pixel":  # as its rule saw them
                node = replace(node, type=stilled(node.type))
                given = tuple(stilled(type_) for type_ in given)
            args = tuple(registers[arg] for arg in node.args)
            site = LoweringSite(node, module, builder, args, given, distributed)
            registers[node.name] = _lower_node(node, site)
    outputs = [(feature.name, registers[feature.node]) for feature in module.outputs]
    names = {name for name, _ in outputs}
    named = [
        (node.name, registers[node.name])
        for node in module.nodes
        if node.declared and node.op != "input" and node.name not in names
    ]
    plain = replace(builder.program(outputs, named), results=tuple(registers.items()))
    return Lowered(module, padded_program(optimise(plain), module), plain, distributed)


def _lower_node(node: Node, site: LoweringSite) -> Registers:
    try:
        return op_named(node.op).lower(site)
    except RoutesDisagree as error:
        raise LoweringRefused(
            "EQS505", f"two routes to a dimension disagree at `{node.name}`", node.span, str(error)
        ) from error
    except (SolverTooLarge, ProjectorTooLarge, ActionTooLarge) as error:
        raise LoweringRefused(
            "EQS507", f"`{node.name}` is too large to build", node.span, str(error)
        ) from error
