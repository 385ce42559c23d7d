"""The guarantee of a module in the docstring of its class.

In: a checked module. Out: lines of prose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eqspec.emit.names import docstring
from eqspec.graph.causes import Cause, causes
from eqspec.graph.guarantees import SAMPLES
from eqspec.graph.model import Level, Module


def law(module: Module) -> list[str]:
    """For which elements the law holds, how exactly, and off which sets."""
    nodes = {node.name: node for node in module.nodes}
    levels = {output.name: nodes[output.node].levels for output in module.outputs}
    reached = {level for found in levels.values() for level in found.values()}
    lines = [
        "    For every element g of these groups, acting on inputs and outputs as their types",
    ]
    if len(reached) <= 1:
        words = min(reached, default=Level.EXACT).words
        lines += [
            f"    say, and for all weights, forward(g x) = g forward(x) {words} in real",
            "    arithmetic; in floating point up to the rounding of the module itself.",
        ]
    else:
        lines += [
            "    say, and for all weights, forward(g x) = g forward(x) in real arithmetic; in",
            "    floating point up to the rounding of the module itself. It holds",
            "",
            *(f"        {name}: {_by_factor(found)}" for name, found in levels.items()),
        ]
    found = [cause for output in module.outputs for cause in causes(nodes, output.node)]
    return [*lines, *_excepted(list(dict.fromkeys(found)))]


def _by_factor(levels: Mapping[str, Level]) -> str:
    """`exactly under Rot, almost everywhere under Flip`."""
    if len(set(levels.values())) == 1:
        return next(iter(levels.values())).words
    names: dict[Level, list[str]] = {}
    for factor, level in levels.items():
        names.setdefault(level, []).append(factor)
    parts = [f"{level.words} under {', '.join(names[level])}" for level in sorted(names)[::-1]]
    return "; ".join(parts)


def _excepted(found: Sequence[Cause]) -> list[str]:
    """The null sets of the ops that hold almost everywhere, and what is not proved of others."""
    lines: list[str] = []
    null = dict.fromkeys(_where(cause) for cause in found if not cause.why)
    if null:
        lines += [
            "",
            "    Excepted is a set of inputs of measure zero, next to which rounding can decide",
            "    differently:",
            "",
            *(f"        {docstring(text)}" for text in null),
        ]
    if any(cause.null_set == SAMPLES for cause in found):
        lines += [
            "",
            "    Pictures on a disc are samples. Turns and mirrors that map pixels to pixels are",
            "    exact. Of others nothing is proved: the tests measure the error on waves that",
            "    are six pixels long or longer, and it grows with finer details.",
        ]
    unproved = [cause for cause in found if cause.why and cause.null_set != SAMPLES]
    if unproved:
        lines += [
            "",
            "    Not proved, so `approximately`: that the inputs at which the law fails have measure",
            "    zero. It may fail at",
            "",
        ]
        lines += [
            f"        {docstring(text)}"
            for text in dict.fromkeys(f"{_where(cause)}; {cause.why}" for cause in unproved)
        ]
    return lines


def _where(cause: Cause) -> str:
    return f"{cause.null_set}, in `{cause.module}`" if cause.module else cause.null_set


def assumptions() -> list[str]:
    """What the law assumes of every base, and what training changes."""
    return [
        "    Assumed of every base, in evaluation mode: it is a deterministic function of its",
        "    input, without randomness or state; it treats every sample by itself; it does not",
        "    write to its input; and it returns finite numbers of one shape and dtype, with the",
        "    same parameters, in all calls of one forward pass.",
        "",
        "    In training mode the law is weaker where a base is random or keeps statistics. With",
        "    dropout it holds in distribution. Spectral norm changes the weights at every call.",
        "    A batch norm sees the samples of a call together: the law needs a whole orbit in one",
        "    call (`call_bytes`), and else holds in evaluation mode only.",
    ]
