"""Ops on a grid that do not commute with a motion are refused, with the reason in numbers.

In: the laws of the dimensions (`algebra.windows`), their sizes and the motions. Out: nothing, or a
refusal; `spatialhints` says what would work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from eqspec.algebra.lattice import Motion
from eqspec.algebra.windows import (
    Fault,
    Framed,
    Law,
    Resampled,
    Spread,
    Window,
    faults,
)
from eqspec.diagnostics.model import Label
from eqspec.graph.op import CallSite
from eqspec.ops.spatialhints import impossible, shown, what_works


def check_commutes(
    site: CallSite,
    sizes: Sequence[int],
    laws: Sequence[Law],
    moves: Sequence[Motion],
    generator: Callable[[tuple[str, int]], str],
) -> None:
    """Every dimension has a result, and every motion of x is the same motion of it.

    Raises:
        Refusal: EQS463 (no result), 461 (a reversal), 462 (an exchange), 464 (a translation).
    """
    for law, size in zip(laws, sizes, strict=True):
        problem = impossible(law, size)
        if problem is not None:
            _refuse_impossible(site, laws, sizes, moves, problem)
    found = faults(laws, sizes, moves)
    if not found:
        return
    fault = next((f for f in found if f.why == "roll"), None) or found[0]
    name = generator((fault.factor, fault.generator))
    match fault.why:
        case "roll":
            _refuse_roll(site, sizes, laws, fault, name)
        case "exchange":
            move = next(
                m for m in moves if (m.factor, m.generator) == (fault.factor, fault.generator)
            )
            site.refuse(
                "EQS462",
                f"`{site.op}` treats two dimensions differently that are exchanged",
                f"`{name}` exchanges them: "
                + _difference(laws[fault.dim], laws[move.axes[fault.dim]]),
                labels=_premise(site),
                help="give one number for both",
            )
        case "reverse":
            _refuse_reversal(site, sizes, laws, moves, fault, name)


# ---- no result ------------------------------------------------------------------------------------------


def _refuse_impossible(
    site: CallSite, laws: Sequence[Law], sizes: Sequence[int], moves: Sequence[Motion], problem: str
) -> NoReturn:
    site.refuse(
        "EQS463",
        f"`{site.op}` has no result at size {shown(sizes)}",
        problem,
        labels=_premise(site),
        help=what_works(site, laws, sizes, moves),
    )


# ---- translations ----------------------------------------------------------------------------------------


def _refuse_roll(
    site: CallSite, sizes: Sequence[int], laws: Sequence[Law], fault: Fault, name: str
) -> NoReturn:
    law, size = laws[fault.dim], sizes[fault.dim]
    why, help_ = (
        f"the result has {law.result(size)} entries",
        f"`pool(x, over={fault.factor})` pools it",
    )
    match law:
        case Window(stride=stride) if stride > 1:
            why = f"a stride of {stride} keeps only translations by multiples of {stride}"
        case Window(mode=mode) if mode != "circular" and law.left + law.right:
            why = f"the padding ({mode}) is not the entries that come around"
        case Window():
            why = f"{law.result(size)} windows, and {size} translations"
        case Spread():
            why = "a transposed convolution is not periodic"
        case _:
            pass
    options = [option for option in ("padding_mode",) if option in _options(site)]
    if isinstance(law, Window) and options:
        total = law.reach
        help_ = (
            f"stride 1 with `padding_mode=circular` and {total} entries of padding in all keep them"
        )
        if total % 2 == 0 and total // 2 <= size:
            help_ = f"`stride=1, padding={total // 2}, padding_mode=circular` keeps them"
    site.refuse(
        "EQS464",
        f"`{site.op}` is not equivariant under translations here",
        f"`{name}` rolls an axis of {size} entries; {why}",
        labels=_premise(site),
        help=help_,
    )


def _options(site: CallSite) -> tuple[str, ...]:
    return ("padding_mode",) if site.op.startswith("conv") and "transpose" not in site.op else ()


# ---- reversals ---------------------------------------------------------------------------------------------


def _refuse_reversal(
    site: CallSite,
    sizes: Sequence[int],
    laws: Sequence[Law],
    moves: Sequence[Motion],
    fault: Fault,
    name: str,
) -> NoReturn:
    law, size = laws[fault.dim], sizes[fault.dim]
    move = next(m for m in moves if (m.factor, m.generator) == (fault.factor, fault.generator))
    other = laws[move.axes[fault.dim]]
    reason = f"the {law.result(size)} entries of the result do not lie symmetrically"
    match law, other:
        case Window(), Window():
            reason = _asymmetry(law, size, fault.left)
        case Framed(), Framed():
            reason = f"its begin gets {_count(other.left)} and its end {law.right}"
        case Spread(), Spread():
            reason = f"`output_padding` adds {_count(law.extra)} at the end only"
        case Resampled(corners=True), _ if law.result(size) == 1:
            reason = "with `align_corners` the one entry of the result is the first of the axis"
        case Resampled(corners=True), _:
            reason = "`antialias` with `align_corners` begins half an entry off"
        case Resampled(mode=mode), _:
            reason = (
                f"`{mode}` from {size} to {law.result(size)} entries reads other ones from the end"
            )
        case _:
            pass
    site.refuse(
        "EQS461",
        f"`{site.op}` is not equivariant at size {shown(sizes)}",
        f"`{name}` reverses an axis of {size}, but {reason}",
        labels=_premise(site),
        help=what_works(site, laws, sizes, moves),
    )


# ---- words ---------------------------------------------------------------------------------------------------


def _premise(site: CallSite) -> tuple[Label, ...]:
    return (Label(site.arg_spans[0], f"this has type {site.args[0].type}"),)


def _count(number: int) -> str:
    return f"{number} {'entry' if number == 1 else 'entries'}"


def _asymmetry(law: Window, size: int, left: int) -> str:
    """How the windows stand on an axis of this size, in the numbers of the call."""
    count = law.result(size)
    options = [f"stride {law.stride}"] if law.stride > 1 else []
    if law.left or law.right:
        pads = str(law.left) if law.left == law.right else f"[{law.left}, {law.right}]"
        options.append(f"padding {pads}")
    if law.dilation > 1:
        options.append(f"dilation {law.dilation}")
    text = f"{count} window{'s' if count > 1 else ''} of {law.kernel}"
    if options:
        text += f" with {joined(options)}"
    leaves = "leave" if count > 1 else "leaves"
    if left > 0:
        text += f" {leaves} {_count(left)} over at its end"
    else:
        text += f" {'stand' if count > 1 else 'stands'} over by {_count(-left)} at its end"
    return f"{text}: mirrored, {'they stand' if count > 1 else 'it stands'} at other places"


def joined(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _difference(law: Law, other: Law) -> str:
    pairs = zip(_options_of(law), _options_of(other), strict=False)
    named = [f"{key} {a} and {b}" for (key, a), (_, b) in pairs if a != b]
    return ", ".join(named) or "their sizes differ"


def _options_of(law: Law) -> list[tuple[str, object]]:
    match law:
        case Window():
            pads: object = law.left if law.left == law.right else [law.left, law.right]
            return [
                ("kernel", law.kernel),
                ("stride", law.stride),
                ("padding", pads),
                ("dilation", law.dilation),
            ]
        case Spread():
            return [
                ("kernel", law.kernel),
                ("stride", law.stride),
                ("padding", law.padding),
                ("dilation", law.dilation),
                ("output_padding", law.extra),
            ]
        case Framed():
            return [("padding", [law.left, law.right])]
        case Resampled(out=None, factor=factor):
            return [("factor", factor)]
        case _:
            return [("size", law.out)]
