"""`concat` along the axis that is plain in all: which one is taken, and what is refused."""

from __future__ import annotations

import torch
from test_norms import codes, network


def test_it_joins_along_the_axis_that_differs_or_is_declared() -> None:
    net = network(
        "  input x: [S.natural, c]\n  input y: [S.natural, d]\n  input z: [c, S.natural, c]\n"
        "  output a = concat(x, y)\n  output b = concat(z, z)\n"
        "  k: [c, S.natural, 8] = concat(z, z)\n  output e = layer_norm(k, each=c)\n"
        "  output f = concat(x, x, x)"
    )
    x, y = torch.randn(2, 5, 4).double(), torch.randn(2, 5, 5).double()
    z = torch.randn(2, 4, 5, 4).double()
    a, b, e, f = net(x, y, z)
    assert torch.equal(a, torch.cat([x, y], -1)), "the only axis that may be joined"
    assert torch.equal(b, torch.cat([z, z], 1)), "the first of two"
    assert e.shape == (2, 4, 5, 8), "the declared one, and its other axes keep their names"
    assert torch.equal(f, torch.cat([x, x, x], -1))


def test_other_axes_must_be_equal() -> None:
    head = "  input x: [S.natural, c]\n  input y: [S.natural, d]\n  input z: [c, F.regular]\n"
    head += "  input u: [F.regular]\n  input v: [c, d]\n  input w: [d, c]\n"
    used = "  output every: [1] = linear(x, y, z, u, v, w)\n"
    for call, code in [
        ("concat(x, z)", "EQS410"),
        ("concat(u, u)", "EQS410"),
        ("concat(v, w)", "EQS410"),
        ("concat(x, y, v)", "EQS410"),
    ]:
        assert codes(f"{head}{used}  output o = {call}") == [code], call
    assert codes(f"{head}{used}  output o: [S.natural, 8] = concat(x, y)") == ["EQS206"]


def test_a_sum_hands_down_the_type_of_a_term_that_is_a_name() -> None:
    net = network(
        "  input x: [c, F.regular]\n  y = x + linear(relu(batch_norm(x)))\n"
        "  output z = dropout(linear(y)) + y"
    )
    assert net(torch.randn(2, 4, 4).double()).shape == (2, 4, 4)
    assert net.y_linear_weight.numel() == 4 * 16, "the maps from [c, F.regular] to itself"
    assert codes("  input x: [c]\n  output y = linear(x) + relu(linear(x))") == ["EQS208", "EQS208"]
    assert codes("  input x: [c]\n  input z: [d]\n  output y = x + z + linear(x)") == ["EQS206"]
