"""What would work instead of an op on a grid that does not: sizes, and options at this size.

In: the laws of the dimensions (`algebra.windows`), their sizes and the motions. Out: a help line. Whatever it
proposes was tried by the same rules first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eqspec.algebra.lattice import Motion
from eqspec.algebra.windows import (
    Framed,
    Law,
    Resampled,
    Spread,
    Window,
    faults,
    nearest_sizes,
    tied,
)
from eqspec.graph.op import CallSite

FARTHEST = 64  # how far from a size another one is proposed


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


def what_works(
    site: CallSite, laws: Sequence[Law], sizes: Sequence[int], moves: Sequence[Motion]
) -> str:
    near = [
        shown(n)
        for n in nearest_sizes(laws, sizes, moves, FARTHEST)
        if n is not None and not any(map(impossible, laws, n))
    ]
    parts = []
    if near:
        parts.append(f"inputs of {' or '.join(near)} work{every(laws, sizes, moves)}")
    others = alternatives(laws, sizes, moves, same=site.keywords.get("padding") == "same")
    if "pool" in site.op and "stride" not in site.keywords:  # it would follow the new kernel
        strides = [str(law.stride) for law in laws if isinstance(law, Window)]
        kept = (
            strides[0] if len(set(strides)) == 1 else f"[{', '.join(strides)}]" if strides else ""
        )
        others = [f"{o}, stride={kept}" if o.startswith("kernel=") else o for o in others]
    if others:
        parts.append(f"at {shown(sizes)} {' or '.join(f'`{other}`' for other in others)} would")
    return "; ".join(parts) or "no size nearby works with these options"


def every(laws: Sequence[Law], sizes: Sequence[int], moves: Sequence[Motion]) -> str:
    """Which sizes work in general, where one rule says it of all dimensions that do not."""
    found = {
        (law.stride, (law.reach + 1 - 2 * law.left) % law.stride)
        if isinstance(law, Window) and law.mode != "circular" and law.stride > 1
        else None
        for law in (laws[fault.dim] for fault in faults(laws, sizes, moves))
    }
    match found.pop() if len(found) == 1 else None:
        case (2, rest):
            words = ("even", "odd") if rest == 0 else ("odd", "even")
            return f" ({words[0]} sizes do, {words[1]} ones do not)"
        case (int(stride), int(rest)):
            return f" (sizes that leave {rest} when divided by {stride} do, others do not)"
    return ""


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


def shown(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))
