"""The time model: device tables, where results lie in memory, and which copies a program makes."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from eqspec.pipeline import check_file, lower_spec
from eqspec.program.builder import Builder
from eqspec.program.devices import (
    KINDS,
    SHIPPED,
    Curve,
    Kernel,
    TableError,
    shipped_table,
    table_from,
)
from eqspec.program.kernels import kernels
from eqspec.program.passes import drop_dead
from eqspec.program.strides import Layout, contiguous, like
from eqspec.program.timing import seconds, times, times_of_nodes

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_table_is_read_as_it_is_written(name: str) -> None:
    table = shipped_table(name)
    assert tuple(table.kinds) == tuple(KINDS)
    assert table.name == name
    again = table_from(table.text())
    assert again == table


def test_a_curve_is_straight_in_logarithms_and_flat_beyond_its_ends() -> None:
    curve = Curve(((10.0, 100.0), (1000.0, 10000.0)))
    assert curve.at(1) == 100
    assert curve.at(10) == 100
    assert curve.at(100) == pytest.approx(1000)
    assert curve.at(1e6) == 10000


def test_a_kernel_takes_its_launch_and_the_larger_of_two_times() -> None:
    table = shipped_table("cpu")
    rates = table.kinds["product"]
    assert rates.flops is not None
    few, many = Kernel("product", 8_000_000, 1, 512), Kernel("product", 8, 10**9, 512)
    assert table.forward(few) == pytest.approx(rates.launch + 8e6 / rates.bytes.at(8e6))
    assert table.forward(many) == pytest.approx(rates.launch + 1e9 / rates.flops.at(512))
    assert table.backward(many) > table.forward(many)
    assert table.forward(Kernel("view")) == table.kinds["view"].launch


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda d: d.pop("kinds"), "lacks `kinds`"),
        (lambda d: d.update(schema=2), "`schema` must be 1"),
        (lambda d: d.update(measured="yes"), "`measured` must be true or false"),
        (lambda d: d.update(extra=1), "unknown entry `extra`"),
        (lambda d: d["kinds"].pop("copy"), "`kinds` lacks `copy`"),
        (lambda d: d["kinds"]["copy"].update(launch=-1), "`launch` of `copy`"),
        (lambda d: d["kinds"]["copy"].update(launch=True), "`launch` of `copy`"),
        (lambda d: d["kinds"]["copy"].update(bytes=[]), "`bytes` of `copy`"),
        (lambda d: d["kinds"]["copy"].update(bytes=[[2, 1], [1, 1]]), "ascending"),
        (lambda d: d["kinds"]["copy"].update(bytes=[[2, 0]]), "from 1e-30"),
        (lambda d: d["kinds"]["copy"].update(bytes=[[2, 1e-320]]), "from 1e-30"),
        (lambda d: d["kinds"]["copy"].update(launch=10**400), "`launch` of `copy`"),
        (lambda d: d["kinds"]["copy"].update(backward=1e308), "`backward` of `copy`"),
        (lambda d: d["kinds"]["copy"].update(launch=float("nan")), "`launch` of `copy`"),
        (lambda d: d["kinds"].update(copy=3), "`copy` must be a JSON object"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(change: object, word: str) -> None:
    data = json.loads(shipped_table("cpu").text())
    change(data)  # type: ignore[operator]
    with pytest.raises(TableError, match=word):
        table_from(json.dumps(data))


@pytest.mark.parametrize("text", ["", "[]", "nan", "[" * 100_000, '{"schema": NaN}'])
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(TableError):
        table_from(text)


def strides(x: torch.Tensor) -> tuple[int, ...]:
    return tuple(s if n > 1 else 0 for n, s in zip(x.shape, x.stride(), strict=True))


def of(layout: Layout) -> tuple[int, ...]:
    return tuple(s if n > 1 else 0 for n, s in zip(layout.sizes, layout.strides, strict=True))


def test_layouts_are_those_of_torch() -> None:
    """Permutations, repetitions, parts, reshapes and functions in random order."""
    draw = random.Random(7)
    copied = 0
    for _ in range(600):
        n = draw.choice(
            [(2, 3, 4), (4, 6), (1, 4, 3), (2, 1, 6), (2, 2, 2, 3), (12,), (3, 1, 4, 2)]
        )
        x, layout = torch.zeros(n), contiguous(n)
        for _ in range(3):
            kind = draw.choice(["permute", "permute", "expand", "narrow", "view", "view"])
            if kind == "permute":
                order = draw.sample(range(x.dim()), x.dim())
                x, layout = x.permute(order), layout.permuted(order)
            elif kind == "expand" and x.dim() < 5:
                dim, size = draw.randint(0, x.dim()), draw.choice([1, 2])
                shape = [*x.shape[:dim], size, *x.shape[dim:]]
                x, layout = x.unsqueeze(dim).expand(shape), layout.expanded(dim, size)
            elif kind == "narrow" and x.shape[-1] > 1:
                x, layout = (
                    x.narrow(-1, 0, x.shape[-1] - 1),
                    layout.narrowed(x.dim() - 1, x.shape[-1] - 1),
                )
            elif kind == "view":
                rows = draw.choice([k for k in range(1, x.numel() + 1) if x.numel() % k == 0])
                sizes = (rows, x.numel() // rows)
                seen = layout.viewed(sizes)
                try:
                    x = x.view(sizes)
                    assert seen is not None
                    layout = seen
                except RuntimeError:
                    assert seen is None
                    copied += 1
                    x, layout = x.reshape(sizes), contiguous(sizes)
            assert strides(x) == of(layout)
        if 0 not in x.stride():
            assert strides(torch.relu(x)) == of(like(tuple(x.shape), layout))
    assert copied > 50


class Copies(TorchDispatchMode):
    """Counts the operations that put numbers into another order."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.count += func in (torch.ops.aten.clone.default, torch.ops.aten.copy_.default)
        return func(*args, **(kwargs or {}))


def test_the_copies_of_an_einsum_are_those_of_torch() -> None:
    sizes = dict(zip("abcdef", (2, 3, 4, 5, 6, 7), strict=True))
    draw = random.Random(3)
    seen = 0
    for _ in range(200):
        left = draw.sample("abcdef", draw.randint(2, 4))
        right = draw.sample("abcdef", draw.randint(2, 3))
        shared = sorted(set(left) & set(right))
        if not shared:
            continue
        gone = set(draw.sample(shared, draw.randint(1, len(shared))))
        out = [letter for letter in dict.fromkeys([*left, *right]) if letter not in gone]
        draw.shuffle(out)
        spec = f"{''.join(left)},{''.join(right)}->{''.join(out)}"
        b = Builder()
        x = b.input("x", 0, tuple(sizes[k] for k in left))
        w = b.parameter("w", tuple(sizes[k] for k in right), 1.0)
        y = b.einsum(spec, x, w)
        program = b.program([("y", (y,))])
        found = kernels(program, 9)[y]
        with Copies() as copies, torch.no_grad():
            torch.einsum(
                f"...{''.join(left)},{''.join(right)}->...{''.join(out)}",
                torch.zeros(9, *program.shape(x)),
                torch.zeros(program.shape(w)),
            )
        assert sum(kernel.kind == "copy" for kernel in found) == copies.count, spec
        seen += copies.count > 0
    assert seen > 20


def test_the_time_of_a_program_is_the_sum_of_its_nodes() -> None:
    path = ROOT / "examples/two_view/two_view.eqs"
    spec = check_file(path, path.name, ROOT).spec
    assert spec is not None
    lowered, _ = lower_spec(spec)
    table = shipped_table("cpu")
    for item in lowered.values():
        program = item.program
        for training in (False, True):
            total = seconds(program, 256, training, table)
            assert total == pytest.approx(sum(times(program, 256, training, table)))
            assert total == pytest.approx(
                sum(times_of_nodes(program, 256, training, table).values())
            )
        assert seconds(program, 256, False, table) < seconds(program, 256, True, table)
        assert seconds(program, 256, False, table) < seconds(program, 1024, False, table)


def test_the_way_back_counts_what_the_program_does_not_show() -> None:
    """Parts that make up a result go back by one join, a single part by zeros of the whole size; a result
    with several readers adds up their gradients."""
    b = Builder()
    x = b.input("x", 0, (4, 6))
    halves = [b.narrow(x, 0, k, 2) for k in (0, 2)]
    whole = b.program([("y", (b.add(*halves),))])
    single = b.program([("y", (b.scale(halves[0], 2.0),))])
    back = [
        [k.kind for run in kernels(p, 8) for k in run if k.back] for p in (whole, drop_dead(single))
    ]
    assert back == [["copy"], ["elementwise", "copy"]]
    twice = Builder()
    y = twice.input("x", 0, (4, 6))
    program = twice.program([("y", (twice.add(twice.scale(y, 2.0), y),))])
    assert [k.kind for run in kernels(program, 8) for k in run if k.back] == ["elementwise"]


def test_short_runs_are_added_up_slowly() -> None:
    table = shipped_table("cpu")
    times_of = []
    for dims in ((2,), (1,)):
        b = Builder()
        x = b.input("x", 0, (64, 2, 2))
        program = b.program([("y", (b.reduce(x, dims, "sum"),))])
        times_of.append(seconds(program, 256, False, table))
    assert times_of[0] > 2 * times_of[1]
