"""What the method `fold` of emitted modules needs: which classes have it, and which layers it makes.

`fold` records the forward pass with `torch.fx`, after the weights are expanded, and puts a layer of `torch.nn` in
the place of every function of weights. A module that calls a base for the elements of a group, or chooses
among them, does that in Python, step by step; it has no `fold`, and stays whole inside of modules that have. Files
without convolutions have none either: their layers are products of matrices already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from eqspec.lowering.module import Lowered
from eqspec.program.framed import CallBase
from eqspec.program.orbits import Canonical, MoveBy, OrbitCall, OverRanks

LAYERS = {"linear": "Linear"} | {
    f"conv{kind}{rank}d": f"Conv{word}{rank}d"
    for kind, word in (("", ""), ("_transpose", "Transpose"))
    for rank in (1, 2, 3)
}
TRACED = frozenset(
    "on_grid batch_norm batch_norm_along group_norm dropout layer_norm rms_norm renamed".split()
)
"""Helpers that `torch.fx` sees through; calls of all others stay whole."""


class ClassLines(Protocol):
    """A class as `emit.module` prints it."""

    parents: tuple[str, ...]
    weight_fields: list[str]
    forward_lines: list[str]


@dataclass(frozen=True)
class Folding:
    """``layers``: the functions with weights and their layers; ``whole``: helpers whose calls are kept."""

    layers: tuple[tuple[str, str], ...]
    whole: tuple[str, ...]

    @property
    def linear(self) -> bool:
        return any(layer == "Linear" for _, layer in self.layers)

    @property
    def grids(self) -> bool:
        return any(layer != "Linear" for _, layer in self.layers)

    @property
    def transposed(self) -> bool:
        return any("Transpose" in layer for _, layer in self.layers)


def foldable(lowered: Mapping[str, Lowered], weighted: Mapping[str, bool]) -> set[str]:
    """The modules with full weights, their own or those of a part, and nothing that Python decides;
    ``weighted`` says which expand weights."""
    found: set[str] = set()
    for key, item in lowered.items():
        plain = not any(
            isinstance(i, OrbitCall | OverRanks | Canonical | MoveBy | CallBase)
            for i in item.program.instructions
        )
        parts = any(child in found for child in item.module.children.values())
        if plain and (weighted[key] or parts):
            found.add(key)
    return found


def fold_parts(
    lowered: Mapping[str, Lowered], classes: Sequence[ClassLines], helpers: Set[str]
) -> Folding | None:
    """Give every class its parents; what the helpers of `fold` need, or None if no class has it: a file
    without convolutions. ``classes`` are those of ``lowered``, in its order; ``helpers`` what they use."""
    pairs = list(zip(lowered, classes, strict=True))
    folds = foldable(lowered, {key: bool(text.weight_fields) for key, text in pairs})
    lines = [line for key, text in pairs if key in folds for line in text.forward_lines]
    code = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    layers = [(name, layer) for name, layer in LAYERS.items() if re.search(rf"\bF\.{name}\b", code)]
    whole = set(re.findall(r"(?<![\w.])_([a-z]\w*)\(", code)) - TRACED
    whole |= {"wide"} & helpers  # other helpers call it, with what is recorded
    folding = Folding(tuple(layers), tuple(sorted(whole)))
    for key, text in pairs:
        parents = ["_Foldable"] * (folding.grids and key in folds)
        text.parents = (*parents, *["_ExpandedWeights"] * bool(text.weight_fields)) or (
            "nn.Module",
        )
    return folding if folding.grids else None
