"""Device tables: how long one kernel takes on a kind of device.

A table is measured once for a kind of device (`cpu` and `gpu` are shipped) and read from JSON. It knows
nothing of programs: a `Kernel` is one call of the tensor library with its bytes and FLOPs, and
`DeviceTable.forward` and `DeviceTable.backward` turn it into seconds, always the same ones for the same table. Which
kernels a program runs is in `kernels`, their sum in `timing`.

In: the text of a table. Out: `DeviceTable`; `TableError` says what is wrong with a text.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SCHEMA = 1
SHIPPED = ("cpu", "gpu")
KINDS = {
    "view": "a change of shape that moves nothing",
    "elementwise": "a sum, product, difference or scale of tensors, or a cheap function such as relu",
    "function": "a function that costs arithmetic, such as tanh, exp or gelu",
    "reduce": "a sum, mean or maximum along dimensions",
    "copy": "numbers put into another order in memory, or side by side",
    "gather": "entries chosen by a table of indices",
    "product": "one product of two matrices",
    "batched": "many products of matrices of one shape",
    "fourier": "a real Fourier transform along one dimension",
    "convolution": "a convolution",
    "pool": "means or maxima of windows, resizing",
    "norm": "a norm of a layer, of groups or of the batch",
    "attention": "softmax attention",
}
"""Kinds of kernels, in the order in which a table lists them."""
LARGEST = 1e30  # numbers of a table, and one over the smallest: beyond the seconds of any device


class TableError(Exception):
    """A text is no device table; the message says why."""


@dataclass(frozen=True)
class Kernel:
    """One call of the tensor library. ``bytes`` are read and written together, ``flops`` counts a
    multiplication and an addition as two, or the evaluations of a function. ``side`` is the smallest of
    the rows, columns and summed length of a product of matrices (of one of them, if ``batched``). Of a
    reduction that adds up runs which lie in one piece in memory, ``flops`` are its numbers and ``side`` is
    the length of a run. ``back``: it runs on the way back alone, as where the gradients of several readers
    are added up."""

    kind: str
    bytes: int = 0
    flops: int = 0
    side: int = 1
    back: bool = False


@dataclass(frozen=True)
class Curve:
    """A rate as a function of a size: points (size, rate), sizes ascending; between them the logarithm of
    the rate is linear in the logarithm of the size, and beyond the ends it is constant."""

    points: tuple[tuple[float, float], ...]

    def at(self, size: float) -> float:
        place = bisect_left(self.points, (size, 0.0))
        if place == 0:
            return self.points[0][1]
        if place == len(self.points):
            return self.points[-1][1]
        (a, low), (b, high) = self.points[place - 1], self.points[place]
        share = math.log(size / a) / math.log(b / a)
        return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))


@dataclass(frozen=True)
class Rates:
    """What kernels of one kind cost.

    ``launch``: seconds that a call takes besides its work, without gradients. ``training``: seconds that
    it takes besides its work to record it and to go back through it. ``backward``: the work of the way back, as a
    multiple of that of the way forward. ``bytes``: bytes a second by the bytes of the kernel.
    ``flops``: FLOPs a second by the smallest side of a product, None where only bytes count. The work of
    a kernel is the larger of the two times.
    """

    launch: float
    training: float
    backward: float
    bytes: Curve
    flops: Curve | None = None

    def work(self, kernel: Kernel) -> float:
        moved = kernel.bytes / self.bytes.at(kernel.bytes) if kernel.bytes else 0.0
        if self.flops is None or not kernel.flops:
            return moved
        return max(moved, kernel.flops / self.flops.at(kernel.side))


@dataclass(frozen=True)
class DeviceTable:
    """``machine`` says on what it was measured, ``measured`` whether it was at all."""

    name: str
    machine: str
    measured: bool
    kinds: Mapping[str, Rates]

    def forward(self, kernel: Kernel) -> float:
        """Seconds of one call without gradients."""
        rates = self.kinds[kernel.kind]
        return 0.0 if kernel.back else rates.launch + rates.work(kernel)

    def backward(self, kernel: Kernel) -> float:
        """Seconds that gradients take besides."""
        rates = self.kinds[kernel.kind]
        if kernel.back:
            return rates.launch + rates.work(kernel)
        return rates.training + rates.backward * rates.work(kernel)

    def text(self) -> str:
        """The table as JSON, as `table_from` reads it: six digits of every number."""
        kinds = ",\n".join(f"    {_rates_text(kind, self.kinds[kind])}" for kind in KINDS)
        head = {
            "schema": SCHEMA,
            "name": self.name,
            "machine": self.machine,
            "measured": self.measured,
        }
        lines = "".join(f"  {json.dumps(k)}: {json.dumps(v)},\n" for k, v in head.items())
        return f'{{\n{lines}  "kinds": {{\n{kinds}\n  }}\n}}\n'


def _rates_text(kind: str, rates: Rates) -> str:
    entries = [
        f'"{name}": {getattr(rates, name):.6g}' for name in ("launch", "training", "backward")
    ]
    entries.append(f'"bytes": {_points(rates.bytes)}')
    if rates.flops is not None:
        entries.append(f'"flops": {_points(rates.flops)}')
    return f"{json.dumps(kind)}: {{{', '.join(entries)}}}"


def _points(curve: Curve) -> str:
    return "[" + ", ".join(f"[{size:.6g}, {rate:.6g}]" for size, rate in curve.points) + "]"


@cache
def shipped_table(name: str) -> DeviceTable:
    """The table of a kind of device that eqspec ships; ``name`` is one of `SHIPPED`."""
    assert name in SHIPPED, name
    return table_from(
        (Path(__file__).parent / "tables" / f"{name}.json").read_text(encoding="utf-8")
    )


def table_named(name: str) -> DeviceTable:
    """A shipped table, or that of a file.

    Raises:
        TableError: there is no such table or file, or it holds none.
    """
    if name in SHIPPED:
        return shipped_table(name)
    try:
        text = Path(name).read_text(encoding="utf-8")
    except FileNotFoundError:
        known = ", ".join(f"`{known}`" for known in SHIPPED)
        raise TableError(f"there is no such file; the shipped tables are {known}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise TableError(f"the file cannot be read: {reason}") from None
    return table_from(text)


def table_from(text: str) -> DeviceTable:
    """Read a table.

    Raises:
        TableError: the text is no JSON, an entry is missing or unknown, or a number is out of range.
    """
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise TableError(f"it is not valid JSON: {error}") from None
    entries = _entries(data, "the table", ("schema", "name", "machine", "measured", "kinds"))
    if type(entries["schema"]) is not int or entries["schema"] != SCHEMA:
        raise TableError(f"its `schema` must be {SCHEMA}, not {entries['schema']!r}")
    for key, kind in (("name", str), ("machine", str), ("measured", bool)):
        if type(entries[key]) is not kind:
            wanted = "a string" if kind is str else "true or false"
            raise TableError(f"`{key}` must be {wanted}")
    found = _entries(entries["kinds"], "`kinds`", tuple(KINDS))
    kinds = {kind: _rates(kind, found[kind]) for kind in KINDS}
    return DeviceTable(entries["name"], entries["machine"], entries["measured"], kinds)


def _entries(
    data: object, what: str, keys: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise TableError(f"{what} must be a JSON object")
    for key in keys:
        if key not in data:
            raise TableError(f"{what} lacks `{key}`")
    for key in data:
        if key not in (*keys, *optional):
            raise TableError(f"{what} has an unknown entry `{key}`")
    return data


def _rates(kind: str, data: object) -> Rates:
    what = f"`{kind}`"
    found = _entries(data, what, ("launch", "training", "backward", "bytes"), ("flops",))
    for key in ("launch", "training", "backward"):
        if not _is_number(found[key]) or found[key] < 0:
            raise TableError(f"`{key}` of {what} must be a number, 0 or from 1e-30 to 1e30")
    flops = found.get("flops")
    return Rates(
        float(found["launch"]),
        float(found["training"]),
        float(found["backward"]),
        _curve(f"`bytes` of {what}", found["bytes"]),
        None if flops is None else _curve(f"`flops` of {what}", flops),
    )


def _curve(what: str, data: object) -> Curve:
    wrong = TableError(
        f"{what} must be a list of pairs [size, rate], all from 1e-30 to 1e30, sizes ascending"
    )
    if not isinstance(data, list) or not data:
        raise wrong
    points: list[tuple[float, float]] = []
    for pair in data:
        if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_number, pair)):
            raise wrong
        size, rate = float(pair[0]), float(pair[1])
        if size <= 0 or rate <= 0 or (points and size <= points[-1][0]):
            raise wrong
        points.append((size, rate))
    return Curve(tuple(points))


def _is_number(value: object) -> bool:
    """A number of which sums and quotients stay finite; NaN compares with nothing."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return value == 0 or 1 / LARGEST <= abs(value) <= LARGEST
