"""Pools, resizing and padding that must be refused, in the form of `refusal_table`."""

from __future__ import annotations

from tests.refusals.refusal_table import Row, module

GRID = "group D4 = dihedral(4)\ngroup T = cyclic(8)\ngroup Mirror = klein()\n"


def row(name: str, code: str, marked: str, bad: str, good: str) -> Row:
    return Row(name, code, marked, GRID + module(bad), GRID + module(good))


POOL_ROWS = [
    row(
        "a maximum of windows beside a sign",
        "EQS407",
        "max_pool2d",
        "input x: [4, Flip.sign, D4.grid(8, 8)]\noutput y = max_pool2d(x, kernel=2)",
        "input x: [4, Flip.sign, D4.grid(8, 8)]\noutput y = avg_pool2d(x, kernel=2)",
    ),
    row(
        "a maximum of windows beside a vector",
        "EQS407",
        "adaptive_max_pool2d",
        "input x: [4, Turn.vector, D4.grid(8, 8)]\noutput y = adaptive_max_pool2d(x, size=2)",
        "input x: [4, Flip.scaled, D4.grid(8, 8)]\noutput y = adaptive_max_pool2d(x, size=2)",
    ),
    row(
        "windows of 2 on an odd picture that is turned",
        "EQS461",
        "max_pool2d",
        "input x: [3, Rot.rot90(33, 33)]\noutput y = max_pool2d(x, kernel=2)",
        "input x: [3, Rot.rot90(32, 32)]\noutput y = max_pool2d(x, kernel=2)",
    ),
    row(
        "a stride that leaves a column over",
        "EQS461",
        "avg_pool2d",
        "input x: [3, Flip.hflip(31, 32)]\noutput y = avg_pool2d(x, kernel=3, stride=2, padding=1)",
        "input x: [3, Flip.hflip(32, 31)]\noutput y = avg_pool2d(x, kernel=3, stride=2, padding=1)",
    ),
    row(
        "a window that stands over at one end",
        "EQS461",
        "max_pool1d",
        "input x: [3, Flip.reverse(8)]\noutput y = max_pool1d(x, kernel=3, ceil_mode=true)",
        "input x: [3, Flip.reverse(9)]\noutput y = max_pool1d(x, kernel=3, ceil_mode=true)",
    ),
    row(
        "a factor that gives no whole number",
        "EQS463",
        "upsample",
        "input x: [3, D4.grid(5, 5)]\noutput y = upsample(x, factor=1.5)",
        "input x: [3, D4.grid(6, 6)]\noutput y = upsample(x, factor=1.5)",
    ),
    row(
        "corners aligned to one entry",
        "EQS461",
        "resize",
        "input x: [3, D4.grid(5, 5)]\noutput y = resize(x, size=1, align_corners=true)",
        "input x: [3, D4.grid(5, 5)]\noutput y = resize(x, size=1)",
    ),
    row(
        "nearest neighbours to what is no multiple",
        "EQS461",
        "resize",
        "input x: [3, D4.grid(4, 4)]\noutput y = resize(x, size=6, mode=nearest)",
        "input x: [3, D4.grid(4, 4)]\noutput y = resize(x, size=164, mode=nearest)",
    ),
    row(
        "nearest-exact from an even to an odd size",
        "EQS461",
        "resize",
        "input x: [3, Flip.reverse(4)]\noutput y = resize(x, size=6, mode=nearest_exact)",
        "input x: [3, Flip.reverse(6)]\noutput y = resize(x, size=10, mode=nearest_exact)",
    ),
    row(
        "a stride on a cycle",
        "EQS464",
        "avg_pool1d",
        "input x: [3, T.shift(8)]\noutput y = avg_pool1d(x, kernel=2)",
        "input x: [3, T.shift(8)]\n"
        "output y = avg_pool1d(x, kernel=2, stride=1, padding=[[0, 1]], padding_mode=circular)",
    ),
    row(
        "zeros at the ends of a cycle",
        "EQS464",
        "max_pool1d",
        "input x: [3, T.shift(8)]\noutput y = max_pool1d(x, kernel=3, stride=1, padding=1)",
        "input x: [3, T.shift(8)]\n"
        "output y = max_pool1d(x, kernel=3, stride=1, padding=1, padding_mode=circular)",
    ),
    row(
        "interpolation of a cycle",
        "EQS464",
        "upsample",
        "input x: [3, T.shift(8)]\noutput y = upsample(x, factor=2, mode=nearest)",
        "input x: [3, Flip.reverse(8)]\noutput y = upsample(x, factor=2, mode=nearest)",
    ),
    row(
        "a window that a turn does not keep",
        "EQS462",
        "max_pool2d",
        "input x: [3, D4.grid(8, 8)]\noutput y = max_pool2d(x, kernel=[1, 2])",
        "input x: [3, Mirror.grid(8, 8)]\noutput y = max_pool2d(x, kernel=[1, 2])",
    ),
    row(
        "another size along an exchanged dimension",
        "EQS462",
        "resize",
        "input x: [3, D4.grid(8, 8)]\noutput y = resize(x, size=[4, 6])",
        "input x: [3, Mirror.grid(8, 8)]\noutput y = resize(x, size=[4, 6])",
    ),
    row(
        "entries at one end of what is reversed",
        "EQS461",
        "pad",
        "input x: [3, Mirror.grid(8, 8)]\noutput y = pad(x, padding=[0, [1, 0]])",
        "input x: [3, Mirror.grid(8, 8)]\noutput y = pad(x, padding=[0, [1, 1]])",
    ),
    row(
        "a cycle cut open",
        "EQS464",
        "pad",
        "input x: [3, T.shift(8)]\noutput y = pad(x, padding=-1)",
        "input x: [3, Flip.reverse(8)]\noutput y = pad(x, padding=-1)",
    ),
    row(
        "more padding than half of a pool",
        "EQS463",
        "max_pool1d",
        "input x: [3, Flip.reverse(8)]\noutput y = max_pool1d(x, kernel=2, padding=2)",
        "input x: [3, Flip.reverse(8)]\noutput y = max_pool1d(x, kernel=2, padding=1)",
    ),
    row(
        "a window longer than the picture",
        "EQS463",
        "avg_pool2d",
        "input x: [3, D4.grid(3, 3)]\noutput y = avg_pool2d(x, kernel=4)",
        "input x: [3, D4.grid(4, 4)]\noutput y = avg_pool2d(x, kernel=4)",
    ),
    row(
        "antialiasing to one column",
        "EQS463",
        "true",
        "input x: [3, Mirror.grid(8, 8)]\noutput y = resize(x, size=[4, 1], antialias=true)",
        "input x: [3, Mirror.grid(8, 8)]\noutput y = resize(x, size=[1, 4], antialias=true)",
    ),
    row(
        "a window over channels",
        "EQS460",
        "x",
        "input x: [3, D4.regular]\noutput y = max_pool1d(x, kernel=2)",
        "input x: [3, Flip.reverse(8)]\noutput y = max_pool1d(x, kernel=2)",
    ),
    row(
        "two pictures where one is meant",
        "EQS460",
        "x",
        "input x: [Mirror.grid(4, 4), D4.grid(8, 8)]\noutput y = avg_pool2d(x, kernel=2)",
        "input x: [Mirror.grid(4, 4), D4.grid(8, 8)]\n"
        "output y = avg_pool2d(x, kernel=2, over=[D4.grid(8, 8)])",
    ),
    row(
        "a roll of a regular axis is no position",
        "EQS460",
        "T.regular",
        "input x: [3, T.regular]\noutput y = max_pool1d(x, kernel=1, over=T.regular)",
        "input x: [3, T.regular]\noutput y = max_pool1d(x, kernel=1, over=T.shift(8))",
    ),
    row(
        "another type than that of the result",
        "EQS206",
        "[3, D4.grid(17, 17)]",
        "input x: [3, D4.grid(32, 32)]\noutput y: [3, D4.grid(17, 17)] = max_pool2d(x, kernel=2)",
        "input x: [3, D4.grid(32, 32)]\noutput y: [3, D4.grid(16, 16)] = max_pool2d(x, kernel=2)",
    ),
    row(
        "unequal padding of a pool",
        "EQS207",
        "[[0, 1]]",
        "input x: [3, Flip.reverse(8)]\noutput y = avg_pool1d(x, kernel=3, padding=[[0, 1]])",
        "input x: [3, Flip.reverse(7)]\noutput y = avg_pool1d(x, kernel=3, padding=[[1, 1]])",
    ),
]
