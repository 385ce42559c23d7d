"""What the emitted tests measure of discs: turns that map no pixels to pixels.

In: a module. Out: lines of its case: the turns by their generators, the tensor dimension of the disc in every
block, and how the generators act on the fibres.
"""

from __future__ import annotations

from math import atan2, tau

from eqspec.algebra.disc import QUARTERS, plane_motions
from eqspec.emit.laws import law_lines
from eqspec.graph.model import Module
from eqspec.graph.types import Block, stilled


def turn_lines(module: Module) -> list[str]:
    """Empty for a module without discs among its inputs."""
    features = dict(module.features)
    groups = {
        factor: group
        for feature in module.inputs
        for factor, group in feature.type.groups.items()
        if factor in feature.type.sampled
    }
    lines: list[str] = []
    for factor, group in groups.items():
        for name, (turn, _) in zip(group.generators, plane_motions(group) or (), strict=True):
            if turn in QUARTERS.values():
                continue
            angle = atan2(turn[1], turn[0]) if isinstance(turn, tuple) else tau * turn
            lines.append(f'            "{factor}.{name}": {float(angle)!r},')
    if not lines:
        return []
    lines = ["        turns={", *lines, "        },", "        discs={"]
    for name, type_ in features.items():
        dims = ", ".join(str(_disc_dim(block)) for block in type_.blocks)
        lines.append(f'            "{name}": [{dims}],')
    lines += ["        },", "        fibres={"]
    for name, type_ in features.items():
        law = law_lines(12, stilled(type_))
        lines += [f'            "{name}": {law[0].strip()}', *law[1:]]
    return [*lines, "        },"]


def _disc_dim(block: Block) -> int | None:
    place = block.disc_axis
    return None if place is None else block.dims[place][0] - len(block.shape)
