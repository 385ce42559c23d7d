"""The record of a certificate as values; `parsing` makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from eqspec.verify.exact import Map

LEVELS = ("approximate", "almost_everywhere", "exact")
"""Weakest first."""


@dataclass(frozen=True)
class Group:
    description: str
    generators: tuple[str, ...]
    order: int | None
    matrices: tuple[Map, ...]


@dataclass(frozen=True, eq=False)
class Action:
    """A representation: by ``matrices`` (factor to one map for each generator), or as a ``sum`` of
    tensor products of ``leaves`` primitive ones. ``groups`` are the numbers of the groups of its factors."""

    number: int
    label: str
    degree: int
    shape: tuple[int, ...]
    groups: dict[str, int]
    matrices: dict[str, tuple[Map, ...]] = field(default_factory=dict)
    sum: tuple[tuple[Part, ...], ...] | None = None
    leaves: int = 1


Part: TypeAlias = int | Action
"""A plain size, or what acts."""


@dataclass(frozen=True)
class Block:
    """One tensor: its axes; ``values`` says of what a tensor of whole numbers is (size, action).
    ``fields`` are those of a flat axis, by its number."""

    text: str
    axes: tuple[Part, ...]
    values: tuple[int, Action | None] | None
    fields: dict[int, dict[str, Type]]


Type: TypeAlias = tuple[Block, ...]


@dataclass(frozen=True)
class Space:
    """Hom_G(source, target); ``arg`` is (argument, block), None for a bias; ``to`` a block of the result."""

    arg: tuple[int, int] | None
    to: int
    source: tuple[Part, ...]
    target: tuple[Part, ...]
    dimension: int


@dataclass(frozen=True)
class Edge:
    source: str
    factors: dict[str, str]
    fusion: bool


@dataclass(frozen=True)
class Node:
    name: str
    op: str
    args: tuple[str, ...]
    type: Type
    levels: dict[str, str]
    own: dict[str, str]
    edges: tuple[Edge, ...]
    spaces: tuple[Space, ...]
    parameters: int | None
    data: dict[str, Any]


@dataclass(frozen=True)
class Base:
    name: str
    arguments: tuple[Type, ...]
    result: Type
    claims: tuple[str, ...]


@dataclass(frozen=True)
class Ensure:
    features: tuple[str, ...]
    kind: str
    level: str
    factors: tuple[str, ...]
    words: tuple[tuple[tuple[str, int, int], ...], ...] | None


@dataclass(frozen=True)
class Module:
    key: str
    interface: bool
    groups: dict[str, int]
    run_time_sizes: tuple[str, ...]
    inputs: dict[str, Type]
    bases: dict[str, Base]
    nodes: dict[str, Node]
    outputs: dict[str, tuple[str, Type]]
    ensures: tuple[Ensure, ...]
    parameters: int
    assumptions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Certificate:
    version: str
    spec: str
    spec_hash: str
    distributed: bool
    sizes: dict[str, int]
    sources: dict[str, str]
    files: dict[str, tuple[str, str]]
    groups: tuple[Group, ...]
    actions: tuple[Action, ...]
    modules: dict[str, Module]
