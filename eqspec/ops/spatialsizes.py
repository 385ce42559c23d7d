"""What to say where an op on a grid does not commute with a motion: the numbers, and what would work.

In: the laws of the dimensions (`algebra.windows`), their sizes and the motions. Out: nothing, or a
refusal. Whatever a help line proposes was tried by the same rules first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
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
    nearest_sizes,
    tied,
)
from eqspec.diagnostics.model import Label
from eqspec.graph.op import CallSite

FARTHEST = 64  # how far from a size another one is proposed


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


def impossible(law: Law, size: int) -> str | None:
    """Why torch has no result, or none of meaning, for an axis of this size."""
    match law:
        case Window():
            if law.mode == "circular" and max(law.left, law.right) > size:
                return (
                    f"a circular padding of {max(law.left, law.right)} goes around {size} entries"
                )
            if law.mode == "reflect" and max(law.left, law.right) >= size:
                return f"{size} entries cannot be reflected into a padding of {max(law.left, law.right)}"
            if law.result(size) < 1:
                padded = size + law.left + law.right
                return f"a window spans {law.reach + 1} entries and the padded axis has {padded}"
            if law.pool and 2 * law.left > law.kernel:
                return f"a padding of {law.left} is more than half of the kernel {law.kernel}"
            if law.pool and law.sees_nothing(size):
                return f"a window lies in the padding and sees none of the {size} entries"
        case Spread(stride=stride, dilation=dilation, extra=extra):
            if extra >= max(stride, dilation):
                return f"`output_padding` {extra} is not below the stride"
            if law.result(size) < 1:
                return f"the padding takes all {law.result(size) + 2 * law.padding} entries away"
        case Resampled(factor=factor):
            if law.result(size) < 1:
                return f"{factor} times {size} entries is no whole number"
        case Framed(left=left, right=right, mode=mode):
            if law.result(size) < 1:
                return f"{size} entries less {-left - right} leave none"
            if mode == "circular" and max(left, right) > size:
                return f"a circular padding of {max(left, right)} goes around {size} entries"
            if mode == "reflect" and max(left, right) >= size:
                return f"{size} entries cannot be reflected into a padding of {max(left, right)}"
        case _:
            pass
    return None


def _refuse_impossible(
    site: CallSite, laws: Sequence[Law], sizes: Sequence[int], moves: Sequence[Motion], problem: str
) -> NoReturn:
    site.refuse(
        "EQS463",
        f"`{site.op}` has no result at size {shown(sizes)}",
        problem,
        labels=_premise(site),
        help=_works(site, laws, sizes, moves),
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
    reason = f"{law.result(size)} entries of {size}"
    match law, other:
        case Window(), Window():
            end = law.stride * (law.result(size) - 1) + law.reach + 1 - law.left - size
            reason = (
                f"{_windows(law.result(size))} {_beyond(other.left, 'begin')} and {_beyond(end, 'end')},"
                f" {_count(abs(fault.left))} {'is' if abs(fault.left) == 1 else 'are'}"
                f" {'left over' if fault.left > 0 else 'too many'}"
            )
        case Framed(), Framed():
            reason = f"{other.left} at the begin and {law.right} at the end"
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
        f"`{name}` reverses an axis of {size}: {reason}",
        labels=_premise(site),
        help=_works(site, laws, sizes, moves),
    )


def _works(
    site: CallSite, laws: Sequence[Law], sizes: Sequence[int], moves: Sequence[Motion]
) -> str:
    near = [
        shown(n)
        for n in nearest_sizes(laws, sizes, moves, FARTHEST)
        if n is not None and not any(map(impossible, laws, n))
    ]
    parts = []
    if near:
        parts.append(f"input size {' or '.join(near)} works")
    others = alternatives(laws, sizes, moves, same=site.keywords.get("padding") == "same")
    if "pool" in site.op and "stride" not in site.keywords:  # it would follow the new kernel
        strides = [str(law.stride) for law in laws if isinstance(law, Window)]
        kept = (
            strides[0] if len(set(strides)) == 1 else f"[{', '.join(strides)}]" if strides else ""
        )
        others = [f"{o}, stride={kept}" if o.startswith("kernel=") else o for o in others]
    if others:
        parts.append(f"here {' or '.join(f'`{other}`' for other in others)} would")
    return "; ".join(parts) or "no size nearby works with these options"


def alternatives(
    laws: Sequence[Law], sizes: Sequence[int], moves: Sequence[Motion], *, same: bool = False
) -> list[str]:
    """Options with which the laws commute at these sizes, the nearest padding and the nearest kernel (or
    size of the result) to those given; empty if none is near. ``same``: the padding follows the kernel.
    """
    wrong = {fault.dim for fault in faults(laws, sizes, moves)}
    wrong |= {d for d, law in enumerate(laws) if impossible(law, sizes[d])}
    moved = [d for group in tied(moves, len(sizes)) if group & wrong for d in sorted(group)]
    found: list[str] = []
    for key, changes in _changes([laws[d] for d in moved], same).items() if moved else ():
        for change in changes:
            tried = list(laws)
            for d, law in zip(moved, change, strict=True):
                tried[d] = law
            if any(map(impossible, tried, sizes)) or faults(tried, sizes, moves):
                continue
            found.append(f"{key}={_written(tried, key, sizes)}")
            break
    return found


def _changes(laws: Sequence[Law], same: bool) -> dict[str, list[list[Law]]]:
    """The other laws to try, nearest first, by the option that says so."""
    first = laws[0]
    match first:
        case Window(kernel=kernel, left=left):
            paddings = _around(left, 0, FARTHEST)
            kernels = _around(kernel, 1, FARTHEST)
            return {
                "padding": [
                    [replace(law, left=p, right=p) for law in laws if isinstance(law, Window)]
                    for p in paddings
                ],
                "kernel": [
                    [_with_kernel(law, k, same) for law in laws if isinstance(law, Window)]
                    for k in kernels
                ],
            }
        case Spread():
            none = [replace(law, extra=0) for law in laws if isinstance(law, Spread)]
            return {"output_padding": [list(none)]}
        case Framed(left=left):
            level = [replace(law, right=law.left) for law in laws if isinstance(law, Framed)]
            return {"padding": [list(level)]}
        case Resampled(out=int(out)):
            outs = _around(out, 1, FARTHEST)
            return {
                "size": [
                    [replace(law, out=o) for law in laws if isinstance(law, Resampled)]
                    for o in outs
                ]
            }
        case _:
            return {}


def _with_kernel(law: Window, kernel: int, same: bool) -> Window:
    total = law.dilation * (kernel - 1)
    left, right = (total // 2, total - total // 2) if same else (law.left, law.right)
    return replace(law, kernel=kernel, left=left, right=right)


def _around(number: int, least: int, farthest: int) -> list[int]:
    near = range(max(least, number - farthest), number + farthest + 1)
    return sorted(near, key=lambda n: (abs(n - number), n))


def _written(laws: Sequence[Law], key: str, sizes: Sequence[int]) -> str:
    """An option as a user would write it."""
    values: list[str] = []
    for law, size in zip(laws, sizes, strict=True):
        match law:
            case Window() if key == "kernel":
                values.append(str(law.kernel))
            case Window() | Framed():
                left, right = law.left, law.right
                values.append(str(left) if left == right else f"[{left}, {right}]")
            case Spread():
                values.append(str(law.extra))
            case _:
                values.append(str(law.result(size)))
    if len(set(values)) == 1 and not values[0].startswith("["):
        return values[0]
    return f"[{', '.join(values)}]"


# ---- words ---------------------------------------------------------------------------------------------------


def shown(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))


def _premise(site: CallSite) -> tuple[Label, ...]:
    return (Label(site.arg_spans[0], f"this has type {site.args[0].type}"),)


def _count(number: int) -> str:
    return f"{number} {'entry' if number == 1 else 'entries'}"


def _windows(number: int) -> str:
    return "the one window reaches" if number == 1 else f"the {number} windows reach"


def _beyond(number: int, which: str) -> str:
    if number < 0:
        return f"to {_count(-number)} before its {which}"
    return f"{_count(number)} beyond its {which}" if number else f"to its {which}"


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
