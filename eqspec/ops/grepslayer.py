"""Instructions of one layer of a G-RepsNet; the formulas stand in `greps`.

In: a checked layer and the results that are its arguments. Out: the blocks of the declared type.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from eqspec.algebra import images as im
from eqspec.algebra.forms import Form
from eqspec.graph.types import Block
from eqspec.ops.contract import LoweringSite, Registers
from eqspec.ops.greps import Greps, channels_of
from eqspec.ops.pointwise import FUNCTIONS
from eqspec.program.builder import Builder


def lower_layer(site: LoweringSite, layer: Greps) -> Registers:
    made = _Layer(site, layer)
    s, v, t = (made.gathered(order) for order in range(3))
    u1 = made.first(v, t)
    u2 = made.second(s, v, t)
    invariants = [] if s is None else [s]
    scales: list[int | None] = [None, None, None]
    for order, u in ((1, u1), (2, u2)):
        if u is not None:
            length, scales[order] = made.length(u, order, v)
            invariants.append(length)
    if layer.trace:
        assert u2 is not None, "the typing rule asks for order 2"
        invariants.append(made.trace(u2))
    z = made.network(invariants)
    scalars, *rest = layer.target
    results = {0: made.b.narrow(z, 0, 0, scalars)} if scalars else {}
    at = scalars
    for order, (u, count) in enumerate(zip((u1, u2), rest, strict=True), start=1):
        if count:
            assert u is not None, "the typing rule asks for a path"
            gate = made.b.narrow(z, 0, at, layer.hidden)
            at += layer.hidden
            results[order] = made.out(u, gate, scales[order], order)
    return made.split(results)


@dataclass(frozen=True)
class _Layer:
    site: LoweringSite
    layer: Greps

    @property
    def b(self) -> Builder:
        return self.site.builder

    def weight(self, name: str) -> int:
        made = self.layer.weights[name]
        return self.b.parameter(self.site.parameter_name(name), made.shape, made.fan**-0.5)

    def gathered(self, order: int) -> int | None:
        """All channels of one order, of shape (c, n, ..., n); None if there are none."""
        shape = (self.layer.degree,) * order
        parts = [
            self.b.reshape(register, (channels_of(block), *shape))
            for registers, type_, orders in zip(
                self.site.args, self.site.types, self.layer.orders, strict=True
            )
            for register, block, found in zip(registers, type_.blocks, orders, strict=True)
            if found == order
        ]
        return self.b.concat(parts, 0) if parts else None

    def split(self, results: dict[int, int]) -> Registers:
        """The channels of every order, block by block of the declared type."""
        starts = dict.fromkeys(results, 0)
        blocks: list[int] = []
        target: tuple[Block, ...] = self.site.node.type.blocks
        for block, order in zip(target, self.layer.made, strict=True):
            count = channels_of(block)
            piece = self.b.narrow(results[order], 0, starts[order], count)
            starts[order] += count
            blocks.append(self.b.reshape(piece, block.shape))
        return tuple(blocks)

    # ---- mixtures ----------------------------------------------------------------------------------

    def first(self, v: int | None, t: int | None) -> int | None:
        """u1, of shape (h, n)."""
        if v is None:
            return None
        u = self.b.einsum("hc,ci->hi", self.weight("mix1"), v)
        if self.layer.contract:
            assert t is not None, "the typing rule asks for order 2"
            left = self.b.einsum("hc,cij->hij", self.weight("contract_left"), t)
            right = self.b.einsum("hc,ci->hi", self.weight("contract_right"), v)
            u = self.b.add(u, self.b.einsum("hij,hj->hi", left, self.lowered(right, 1)))
        return self.passed(u, "mix1_bias")

    def second(self, s: int | None, v: int | None, t: int | None) -> int | None:
        """u2, of shape (h, n, n)."""
        if not self.layer.has_second:
            return None
        weights = self.layer.weights
        terms: list[int] = []
        if t is not None:
            terms.append(self.b.einsum("hc,cij->hij", self.weight("mix2"), t))
        if v is not None and "outer" in weights:
            terms.append(self.b.einsum("hc,ci,cj->hij", self.weight("outer"), v, v))
        if v is not None and "outer_left" in weights:
            left = self.b.einsum("hc,ci->hi", self.weight("outer_left"), v)
            right = self.b.einsum("hc,ci->hi", self.weight("outer_right"), v)
            terms.append(self.b.einsum("hi,hj->hij", left, right))
        if s is not None and "scalar2" in weights:
            mixed = self.b.linear(s, self.weight("scalar2"))
            terms.append(self.b.einsum("h,ij->hij", mixed, self.metric()))
        return self.passed(self.b.add(*terms), "mix2_bias")

    def activated(self, x: int) -> int:
        name = self.layer.activation
        return self.b.pointwise(x, name, FUNCTIONS[name].options)

    def passed(self, u: int, bias: str) -> int:
        """Slices pass through the activation; for any other representation nothing happens."""
        if not self.layer.slices:
            return u
        return self.activated(self.shifted(u, bias))

    def shifted(self, u: int, bias: str) -> int:
        """u plus a number for every channel."""
        shift = self.weight(bias)
        for dim, size in enumerate(self.b.shape(u)[1:], start=1):
            shift = self.b.expand(shift, dim, size)
        return self.b.add(u, shift)

    # ---- invariants --------------------------------------------------------------------------------

    def length(self, u: int, order: int, v: int | None) -> tuple[int, int | None]:
        """The invariants of every channel, of shape (h,), and what to multiply by to divide by them."""
        b, layer = self.b, self.layer
        dims = range(1, order + 1)
        if layer.form is None:
            return b.reduce(u, dims, "mean"), None
        if layer.form.is_identity:
            square = b.reduce(b.pointwise(u, "square"), dims, "sum")
        else:
            other = u
            if order == 1 and not layer.form.symmetric:
                assert v is not None
                other = b.einsum("hc,ci->hi", self.weight("pair"), v)
            square = b.reduce(b.mul(other, self.lowered(u, order)), dims, "sum")
        if layer.form.definite:
            square = b.shift(square, layer.eps)
            length = b.pointwise(square, "sqrt")
            return length, b.pointwise(square, "rsqrt") if layer.normalise else None
        root = b.pointwise(b.shift(b.pointwise(square, "square"), layer.eps**2), "sqrt")
        scale = b.pointwise(root, "rsqrt")
        return b.mul(square, scale), scale if layer.normalise else None

    def trace(self, u: int) -> int:
        """The contraction of every channel of order 2 with the form, of shape (h,)."""
        form = self.layer.form
        n = self.layer.degree
        if form is None or form.is_identity:
            flat = self.b.reshape(u, (self.layer.hidden, n * n))
            index = self.b.index([k * (n + 1) for k in range(n)], "the diagonal")
            diagonal = self.b.take(flat, 1, index)
            return self.b.reduce(diagonal, (1,), "mean" if form is None else "sum")
        return self.b.einsum("hij,ij->h", u, self.table(form))

    def lowered(self, u: int, order: int) -> int:
        """u with the form applied to each of its axes V, so that products with it are invariant."""
        form = self.layer.form
        if form is None or form.is_identity:
            return u
        if form.diagonal is not None:
            signs = [int(value) for value in form.diagonal]
            rows = [signs] if order == 1 else [[[a * b for b in signs] for a in signs]]
            table = self.b.number(rows, "the invariant form")
            return self.b.mul(u, table)
        table = self.table(form)
        if order == 1:
            return self.b.einsum("hi,ij->hj", u, table)
        return self.b.einsum("hik,ij,kl->hjl", u, table, table)

    def table(self, form: Form) -> int:
        values = [[int(value) for value in row] for row in form.dense()]
        return self.b.number(values, "the invariant form")

    def metric(self) -> int:
        """The invariant tensor of order 2: the inverse of the form, in whole numbers."""
        form = self.layer.form
        n = self.layer.degree
        rows = [[Fraction(int(i == j)) for j in range(n)] for i in range(n)]
        if form is not None and not form.is_identity:
            inverse = im.rows_of(im.inverse(im.matrix(form.dense())))
            rows = [list(row) for row in inverse]
        entries = [value for row in rows for value in row if value]
        scale = Fraction(lcm(*(value.denominator for value in entries)))
        scale /= gcd(*(int(value * scale) for value in entries))
        values = [[int(value * scale) for value in row] for row in rows]
        return self.b.number(values, "the invariant tensor of order 2")

    # ---- scalars and results -----------------------------------------------------------------------

    def network(self, invariants: list[int]) -> int:
        """T0: two layers on all invariants."""
        b = self.b
        x = b.concat(invariants, 0)
        hidden = b.linear(x, self.weight("hidden"), self.weight("hidden_bias"))
        hidden = self.activated(hidden)
        return b.linear(hidden, self.weight("scalars"), self.weight("scalars_bias"))

    def out(self, u: int, gate: int, scale: int | None, order: int) -> int:
        """Mixed channels of u, each multiplied by its gate."""
        b = self.b
        if scale is not None:
            gate = b.mul(gate, scale)
        gated = b.mul(u, b.unsqueeze(gate, range(1, order + 1)))
        letters = "ij"[:order]
        result = b.einsum(f"dh,h{letters}->d{letters}", self.weight(f"out{order}"), gated)
        return self.shifted(result, f"out{order}_bias") if self.layer.slices else result
