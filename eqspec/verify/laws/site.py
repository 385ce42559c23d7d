"""One op at one place, as a law sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eqspec.verify.reading import Malformed
from eqspec.verify.record import Certificate, Module, Node, Part, Type
from eqspec.verify.types import same_axes


class Broken(ValueError):  # noqa: N818 - says what the law is
    """The law fails; the message says how."""


class Unproved(ValueError):  # noqa: N818 - says what the law is
    """The certificate does not say enough to show the law; the message says what is missing."""


@dataclass(frozen=True)
class Site:
    """A node with the types of its arguments."""

    node: Node
    args: tuple[Type, ...]
    module: Module
    certificate: Certificate

    @property
    def type(self) -> Type:
        return self.node.type

    @property
    def data(self) -> dict[str, Any]:
        return self.node.data

    def require(self, truth: bool, message: str) -> None:
        if not truth:
            raise Broken(message)

    def whole(self, key: str) -> int:
        value = self.data.get(key)
        if type(value) is not int or value < 0:
            raise Malformed(f"node {self.node.name!r}: data.{key} is no whole number")
        return value

    def text(self, key: str) -> str:
        value = self.data.get(key)
        if not isinstance(value, str):
            raise Malformed(f"node {self.node.name!r}: data.{key} is no text")
        return value

    def numbers(self, key: str) -> list[list[int]]:
        """A list of lists of whole numbers."""
        return numbers(self.data.get(key), f"node {self.node.name!r}: data.{key}")


def numbers(value: object, place: str) -> list[list[int]]:
    if not isinstance(value, list) or not all(
        isinstance(row, list) and all(type(n) is int for n in row) for row in value
    ):
        raise Malformed(f"{place} is no list of lists of whole numbers")
    return value


def without(axes: Sequence[Part], removed: Sequence[int]) -> tuple[Part, ...]:
    """The axes that are left; `Malformed` if one is named that is not there."""
    if len(set(removed)) < len(removed) or any(not 0 <= k < len(axes) for k in removed):
        raise Malformed(f"axes {list(removed)} of {len(axes)} are named")
    return tuple(axis for k, axis in enumerate(axes) if k not in removed)


def left_over(axes: Sequence[Part], removed: Sequence[int], result: Sequence[Part]) -> bool:
    """Is ``result`` what is left of ``axes`` (a lone number is written [1])?"""
    kept = without(axes, removed)
    return same_axes(kept or (1,), result)
