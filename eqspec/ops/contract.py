"""The contract of an op: a signature, a typing rule and a lowering, side by side in one file.

A new op is one file with an `Op` in it and one line in `eqspec.ops`. The typing rule proves that the
op commutes with every generator, or refuses; the lowering emits instructions. What the two agree on
travels in the ``data`` of the node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from eqspec.graph.model import Module, Node
from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.types import Type

if TYPE_CHECKING:  # `check` proves without making instructions
    from eqspec.ops.coordinates import Frame
    from eqspec.program.builder import Builder

Registers = tuple[int, ...]


@runtime_checkable
class Weighted(Protocol):
    """The data of a node whose op has free weights: how many."""

    @property
    def parameters(self) -> int: ...


@dataclass(frozen=True)
class LoweringSite:
    """One node to lower: ``args[k]`` holds the results that are the blocks of argument k.

    ``distributed`` asks that averages can share their calls among processes. ``form`` is one of the op's
    own forms, "" its first. ``frame`` is set where the arguments and the result are features in irreducible
    coordinates."""

    node: Node
    module: Module
    builder: Builder
    args: tuple[Registers, ...]
    types: tuple[Type, ...]
    distributed: bool = False
    form: str = ""
    frame: Frame | None = None

    def parameter_name(self, suffix: str) -> str:
        """A name for a parameter of this node: `h_weight`; steps inside a layer share its prefix."""
        return f"{self.node.name}.{suffix}"


@dataclass(frozen=True)
class Irreducible:
    """How an op works on features in irreducible coordinates: ``over`` are the factors over which it can,
    for a node and the types of its arguments; ``lower`` is its lowering there, with ``site.frame`` set.
    """

    over: Callable[[Node, tuple[Type, ...], Frame], bool]
    lower: Callable[[LoweringSite], Registers]


@dataclass(frozen=True)
class Op:
    """An entry of the table of ops.

    ``rule`` says in one sentence when the op is equivariant; `eqspec explain` prints it. ``forms`` are the
    names of the ways in which a node can be lowered in given coordinates, the reference first; ``irreducible``
    is set where the op also works on features in irreducible coordinates.
    """

    name: str
    signature: Signature
    check: Callable[[CallSite], Checked]
    lower: Callable[[LoweringSite], Registers]
    rule: str
    forms: Callable[[LoweringSite], tuple[str, ...]] | None = None
    irreducible: Irreducible | None = None
