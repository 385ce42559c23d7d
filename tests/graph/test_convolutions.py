"""Convolutions: what is refused and what it says, counts of kernels, and the checks of the compiled program."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eqspec.diagnostics.model import Diagnostic, Severity, Source
from eqspec.lowering.counting import count_fault
from eqspec.lowering.module import lower_module
from eqspec.lowering.validation import validate
from eqspec.ops.kernels import Kernels
from eqspec.pipeline import check_source
from eqspec.program.instructions import Constant, Program

HEAD = """eqspec 1
param L = 12
param W = 6
param n = dynamic
group D4 = dihedral(4)
group M = cyclic(2)
group Z = cyclic(6)
group F = cyclic(2)
group O = orthogonal(3)
group E = euclidean(2)
group S = symmetric(n)
group C8 = cyclic(8)
rep D4.arrow = matrix(2) { r -> [[0, -1], [1, 0]]
  s -> diag(1, -1) }
rep M.pair = signed_permutation(2) { r -> (0 -0) }
"""


def found(body: str) -> list[Diagnostic]:
    diagnostics = check_source(Source("x.eqs", f"{HEAD}module N {{\n{body}\n}}\n")).diagnostics
    return [d for d in diagnostics if d.severity is Severity.ERROR]


def test_refusals() -> None:
    cases = [
        # positions of the result
        ("[3, D4.grid(9, 9)]", "[4, D4.grid(9, 9)]", "conv2d(x, kernel=3)", "EQS465"),
        ("[3, D4.grid(9, 9)]", "[4, 7, 7]", "conv2d(x, kernel=3)", "EQS465"),
        ("[3, D4.grid(9, 9)]", "[4, D4.regular]", "conv2d(x, kernel=9)", "EQS465"),
        ("[3, M.reverse(9)]", "[4, F.reverse(9)]", "conv1d(x, kernel=1)", "EQS465"),
        ("[M.reverse(9), F.reverse(9)]", "[F.reverse(9), M.reverse(9)]", "conv2d(x, kernel=1)", "EQS465"),
        # the size rules
        ("[3, D4.grid(8, 8)]", "[4, D4.grid(4, 4)]", "conv2d(x, kernel=3, padding=1, stride=2)", "EQS461"),
        ("[3, M.reverse(9)]", "[4, M.reverse(9)]", "conv1d(x, kernel=2, padding=same)", "EQS461"),
        ("[3, M.reverse(9)]", "[4, M.reverse(9)]", "conv1d(x, kernel=2, padding=[[1, 0]])", "EQS461"),
        ("[3, D4.grid(9, 9)]", "[4, D4.grid(9, 9)]", "conv2d(x, kernel=[1, 3])", "EQS462"),
        ("[3, M.transpose(9)]", "[4, M.transpose(9)]", "conv2d(x, kernel=[1, 3], padding=[0, 1])", "EQS462"),
        ("[3, D4.grid(2, 2)]", "[4, D4.grid(1, 1)]", "conv2d(x, kernel=3)", "EQS463"),
        ("[3, Z.shift(6)]", "[4, Z.shift(6)]", "conv1d(x, kernel=3, padding=1)", "EQS464"),
        ("[3, Z.shift(6)]", "[4, Z.shift(6)]", "conv1d(x, kernel=3, padding=1, padding_mode=reflect)", "EQS464"),
        ("[3, Z.shift(6)]", "[4, Z.shift(3)]", "conv1d(x, kernel=1, stride=2, padding_mode=circular)", "EQS464"),
        ("[3, Z.shift(6)]", "[4, Z.shift(6)]", "conv_transpose1d(x, kernel=3, padding=1)", "EQS464"),
        ("[3, M.reverse(5)]", "[M.reverse(11)]", "conv_transpose1d(x, kernel=2, stride=2, output_padding=1)", "EQS461"),
        # the number of dimensions
        ("[3, D4.grid(9, 9)]", "[4, D4.grid(9, 9)]", "conv1d(x, kernel=1)", "EQS460"),
        ("[3, L]", "[4, L]", "conv1d(x, kernel=1)", "EQS460"),
        ("[3, D4.grid(9, 9), M.reverse(4)]", "[4, D4.grid(9, 9)]", "conv2d(x, kernel=1)", "EQS460"),
        # gates: points, sizes of run time, words, pictures turned by any angle
        ("[E.point, M.reverse(9)]", "[E.vector, M.reverse(9)]", "conv1d(x, kernel=1)", "EQS425"),
        ("[S.natural, M.reverse(9)]", "[S.natural, M.reverse(9)]", "conv1d(x, kernel=1)", "EQS429"),
        ("index(M.reverse(9))[9]", "[4, M.reverse(9)]", "conv1d(x, kernel=1)", "EQS223"),
        ("[3, C8.disc(9, 9)]", "[4, C8.disc(9, 9)]", "conv2d(x, kernel=1)", "EQS477"),
        # kernels, biases, groups
        ("[3, D4.grid(9, 9)]", "[D4.arrow, D4.grid(9, 9)]", "conv2d(x, kernel=1)", "EQS402"),
        ("[3, D4.grid(9, 9)]", "[D4.sign, D4.grid(9, 9)]", "conv2d(x, kernel=3, padding=1)", "EQS402"),
        ("[3, M.reverse(9)]", "[O.vector, M.reverse(9)]", "conv1d(x, kernel=3, padding=1)", "EQS402"),
        ("[D4.arrow, D4.grid(9, 9)]", "[D4.arrow, D4.grid(9, 9)]", "conv2d(x, kernel=1, bias=true)", "EQS404"),
        ("[3, D4.grid(9, 9)]", "[4, D4.grid(9, 9)]", "conv2d(x, kernel=1, groups=2)", "EQS466"),
        ("[D4.regular, D4.grid(9, 9)]", "[4, D4.grid(9, 9)]", "conv2d(x, kernel=1, groups=2)", "EQS466"),
        ("[6, D4.grid(9, 9)]", "[4, D4.grid(9, 9)]", "conv2d(x, kernel=1, groups=0)", "EQS207"),
        ("[3, D4.grid(9, 9)]", "[4, D4.grid(9, 9)]", "conv2d(x)", "EQS207"),
        ("[3, D4.grid(9, 9)]", "[4, D4.grid(9, 9)]", "conv2d(x, kernel=[1, 1, 1])", "EQS207"),
        ("[3, D4.grid(9, 9)]", "[4, D4.grid(9, 9)]", "conv2d(x, kernel=0)", "EQS207"),
        ("[3, D4.grid(9, 9)]", "[4, D4.grid(9, 9)]", "conv2d(x, kernel=1, padding_mode=mirror)", "EQS207"),
        ("[3, D4.grid(9, 9)]", "[40000, D4.grid(9, 9)]", "conv2d(x, kernel=9, padding=4)", None),
        ("[3000, D4.regular, D4.grid(9, 9)]", "[3000, D4.grid(9, 9)]", "conv2d(x, kernel=3, padding=1)", "EQS413"),
    ]  # fmt: skip
    for given, made, call, code in cases:
        codes = [d.code for d in found(f"  input x: {given}\n  output y: {made} = {call}")]
        assert codes == ([] if code is None else [code]), (given, made, call, codes)


def test_refusals_say_what_would_work() -> None:
    cases = [
        ("[3, D4.grid(8, 8)]", "[4, D4.grid(4, 4)]", "conv2d(x, kernel=3, padding=1, stride=2)", "7 x 7 or 9 x 9"),
        ("[3, D4.grid(9, 9)]", "[D4.regular, D4.grid(9, 9)]", "conv2d(x, kernel=3)", "[D4.regular, D4.grid(7, 7)]"),
        ("[3, D4.grid(9, 9)]", "[D4.arrow, D4.grid(9, 9)]", "conv2d(x, kernel=1)", "kernel=2"),
        ("[3, D4.grid(9, 9)]", "[D4.sign, D4.grid(7, 7)]", "conv2d(x, kernel=3)", "kernel=4"),
        ("[3, M.reverse(9)]", "[O.vector, M.reverse(9)]", "conv1d(x, kernel=1)", "nothing in [O.vector"),
        ("[3, Z.shift(6)]", "[4, Z.shift(6)]", "conv1d(x, kernel=3)", "padding_mode=circular"),
    ]  # fmt: skip
    for given, made, call, said in cases:
        (diagnostic,) = found(f"  input x: {given}\n  output y: {made} = {call}")
        assert said in (diagnostic.help or ""), (call, diagnostic)


def test_an_argument_that_carries_nothing_is_warned_of() -> None:
    body = (
        "  input x: [3, D4.grid(9, 9)]\n  input v: [D4.arrow, D4.grid(9, 9)]\n"
        "  output y: [D4.arrow, D4.grid(9, 9)] = conv2d(x, v, kernel=1)"
    )
    result = check_source(Source("x.eqs", f"{HEAD}module N {{\n{body}\n}}\n"))
    assert result.ok and "EQS403" in [d.code for d in result.diagnostics]


def maps(given: str, made: str, call: str) -> Kernels:
    body = f"  input x: {given}\n  output y: {made} = {call}"
    result = check_source(Source("x.eqs", f"{HEAD}module N {{\n{body}\n}}\n"))
    assert result.ok and result.spec is not None, [d.message for d in result.diagnostics]
    data = result.spec.modules[0].node("y").data
    assert isinstance(data, Kernels)
    return data


@pytest.mark.parametrize(
    ("given", "made", "call", "count", "bias"),
    [
        ("[2, D4.grid(9, 9)]", "[3, D4.regular, D4.grid(9, 9)]", "conv2d(x, kernel=3, padding=1)", 54, 3),
        ("[D4.grid(9, 9)]", "[D4.grid(9, 9)]", "conv2d(x, kernel=3, padding=1)", 3, 1),
        ("[D4.arrow, D4.grid(9, 9)]", "[D4.arrow, D4.grid(9, 9)]", "conv2d(x, kernel=3, padding=1)", 5, 0),
        # a factor of the fibres alone: kept, forgotten, added
        ("[F.regular, M.reverse(9)]", "[F.regular, M.reverse(9)]", "conv1d(x, kernel=3, padding=1)", 4, 1),
        ("[F.regular, M.reverse(9)]", "[M.reverse(9)]", "conv1d(x, kernel=3, padding=1)", 2, 1),
        ("[M.reverse(9)]", "[F.regular, F.regular, M.reverse(9)]", "conv1d(x, kernel=3, padding=1)", 4, 2),
        # a translation that acts moves no window
        ("[Z.shift(6)]", "[Z.regular, Z.shift(6)]", "conv1d(x, kernel=3, padding=1, padding_mode=circular)", 3, 1),
        ("[Z.regular, Z.shift(6)]", "[Z.regular, Z.shift(6)]", "conv1d(x, kernel=1)", 6, 1),
        # depthwise, plain axes, positions in the middle
        ("[8, D4.regular, D4.grid(9, 9)]", "[8, D4.regular, D4.grid(9, 9)]", "conv2d(x, kernel=1, groups=8)", 64, 8),
        ("[2, W, D4.grid(9, 9)]", "[3, 4, D4.grid(9, 9)]",
         "conv3d(x, kernel=[3, 1, 1], over=[W, D4.grid(9, 9)])", 18, 3),
        ("[M.reverse(9), 2, M.pair]", "[3, M.reverse(5)]", "conv1d(x, kernel=3, stride=2, padding=1)", 18, 3),
        # direct sums
        ("[2, M.reverse(9)] + [M.pair, M.reverse(9)]", "[M.reverse(9)] + [M.sign, M.reverse(9)]",
         "conv1d(x, kernel=3, padding=1)", 4 + 3 + 2 + 3, 1),
    ],
)  # fmt: skip
def test_kernels_are_counted(given: str, made: str, call: str, count: int, bias: int) -> None:
    data = maps(given, made, call)
    assert (data.parameters - sum(data.biases), sum(data.biases)) == (count, bias)


def test_a_wrong_kernel_is_found_by_validation() -> None:
    """A table of orbits with two entries exchanged leaves the space; one whose orbits are joined stays in
    it and spans less."""
    body = (
        "  input x: [2, D4.regular, D4.grid(5, 5)]\n"
        "  output y: [2, D4.regular, D4.grid(5, 5)] = conv2d(x, kernel=3, padding=1)"
    )
    spec = check_source(Source("x.eqs", f"{HEAD}module N {{\n{body}\n}}\n")).spec
    assert spec is not None
    module = spec.modules[0]
    lowered = lower_module(module)
    assert validate({"N": lowered}, "N") is None

    def changed(program: Program, joined: bool) -> Program:
        """The table of orbits with its first two entries exchanged, or with two orbits as one."""
        steps = list(program.instructions)
        at, table = next(
            (k, i) for k, i in enumerate(steps) if isinstance(i, Constant) and i.array.size > 100
        )
        values = table.array.reshape(-1).copy()
        if joined:
            values[values == 1] = 0
        else:
            values[[0, 1]] = values[[1, 0]]
        steps[at] = replace(table, data=values.tobytes())
        return replace(program, instructions=tuple(steps))

    fault = validate({"N": replace(lowered, program=changed(lowered.program, False))}, "N")
    assert fault is not None and "error" in fault.message
    fault = count_fault(module, changed(lowered.plain, True))
    assert fault is not None and "free weights" in fault.message
