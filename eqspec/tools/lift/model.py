"""What a lift reads from a network: its layers as calls of ops, without torch.

A `Step` is one layer or function of the network in words of the language. `LiftError` says why a network
cannot be lifted.
"""

from __future__ import annotations

from dataclasses import dataclass

from eqspec.algebra.windows import Law

ADD = "+"
SAME = "identity"
INPUT = "input"


class LiftError(ValueError):
    """There is no spec for this network; ``code`` is that of the diagnostic."""

    def __init__(self, code: str, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help


@dataclass(frozen=True)
class Step:
    """A call of ``op``, or ``+``, of what other steps returned; ``layer`` is its name in messages.

    ``options`` stand in the spec as they are. ``laws`` say for every dimension of positions how the size
    changes. ``chooses``: the channels of the result are its own, ``channels`` in number; else they are
    those of its arguments. ``flat``: the network has no dimensions of positions here. ``written`` is a
    name for the spec.
    """

    name: str
    layer: str
    op: str
    args: tuple[str, ...]
    options: tuple[str, ...] = ()
    laws: tuple[Law, ...] = ()
    channels: int = 0
    chooses: bool = False
    groups: int = 1
    flat: bool = False
    notes: tuple[str, ...] = ()
    written: str = ""


@dataclass(frozen=True)
class Network:
    """The steps in an order in which every name is known; ``shape`` is that of one sample."""

    name: str
    shape: tuple[int, ...]
    steps: tuple[Step, ...]
    output: str

    @property
    def count(self) -> int:
        """Dimensions of positions."""
        return len(self.shape) - 1
