"""Instructions of `attention`: projections, scores, and the map of the means to the result.

In: a node that `attention` accepted. Out: its blocks. All projections are those of `blockmaps`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eqspec.algebra.forms import invariant_form
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.ops.attentionplan import Attention, Maps, Plan, bias_axes, names_of, plan
from eqspec.ops.chosen import apply_forms, scale_of
from eqspec.ops.contract import LoweringSite, Registers
from eqspec.ops.positionbias import Offsets, offsets_of

if TYPE_CHECKING:
    from eqspec.program.builder import Builder


def lower(site: LoweringSite) -> Registers:
    data = site.node.data
    assert isinstance(data, Attention)
    b = site.builder
    x, y, target = site.types[0], site.types[-1], site.node.type
    made = plan(
        x, y, target, data.queries, data.keys, data.results, data.heads, data.scores, data.values
    )
    query = _projected(site, site.args[0], made.x, made.query, data.query, "query")
    key = _projected(site, site.args[-1], made.y, made.key, data.key, "key")
    value = _projected(site, site.args[-1], made.y, made.value, data.value, "value")
    rows, columns = len(data.queries[0].tokens), len(data.keys[0].tokens)
    key = [
        _paired(b, k, block, _fibre(made, columns)) for k, block in zip(key, made.key, strict=True)
    ]
    attended = b.attend(
        _joined(b, query, made.query, made, rows),
        _joined(b, key, made.key, made, columns),
        _joined(b, value, made.value, made, columns),
        _bias(site, x, y, data, made) if data.bias != "none" else None,
    )
    means = _split(b, attended, made, rows)
    results = _projected(site, means, made.mixed, made.target, data.out, "out")
    found = [register for register in results if register is not None]
    assert len(found) == len(results), "every block of the result is reached"
    return tuple(b.reshape(r, shape) for r, shape in zip(found, target.shapes, strict=True))


def _projected(
    site: LoweringSite,
    registers: Sequence[int | None],
    sources: Sequence[Block],
    targets: Sequence[Block],
    maps: Maps,
    word: str,
) -> list[int | None]:
    """The blocks of a projection; None where nothing leads to one."""
    from eqspec.ops.blockmaps import fan_of, lower_bias, lower_pair
    from eqspec.ops.clusters import pair_of

    b = site.builder
    results: list[int | None] = []
    for t, target in enumerate(targets):
        pairs = [
            (s, register, pair_of(source, target, names_of(source)))
            for s, (register, source) in enumerate(zip(registers, sources, strict=True))
            if register is not None and maps.dimensions[s][t]
        ]
        fans = [fan_of(pair) for _, _, pair in pairs]
        inputs = sum(fan.inputs for fan in fans)
        terms: list[int] = []
        to = f"_to{t}" if len(targets) > 1 else ""
        for (s, register, pair), fan in zip(pairs, fans, strict=True):
            words = word + (f"_{s}" if len(sources) > 1 else "") + to
            bound = (inputs * fan.energy) ** -0.5
            term = lower_pair(b, pair, register, site.parameter_name(words), bound)
            assert term is not None, "the count says that there is a map"
            terms.append(b.reshape(term, target.shape))
        if terms and maps.biases and maps.biases[t]:
            name = site.parameter_name(f"{word}_bias{to}")
            bias = lower_bias(b, target, names_of(target), name, inputs**-0.5)
            assert bias is not None, "the count says that there are invariants"
            terms.append(bias)
        results.append(b.add(*terms) if terms else None)
    return results


def _paired(b: Builder, key: int | None, block: Block, fibre: int) -> int | None:
    """What pairs with a query by a sum: B k for every axis from ``fibre`` on that has a form B (along one
    without, keys carry the dual)."""
    if key is None:
        return None
    forms = {}
    for k, axis in enumerate(block.axes):
        if isinstance(axis, PlainAxis) or k < fibre:
            continue
        form = invariant_form(axis.rep)
        if form is not None and not form.is_identity:
            forms[k] = form
    return b.scale(apply_forms(b, key, block, forms), scale_of(forms.values())) if forms else key


def _fibre(made: Plan, tokens: int) -> int:
    """Where the acted axes of the fibre begin in what a projection makes."""
    return made.plain + tokens + 1 + made.permuted + 1


def _joined(
    b: Builder, registers: Sequence[int | None], blocks: Sequence[Block], made: Plan, tokens: int
) -> int:
    """All blocks side by side along one last axis, behind one axis of tokens."""
    parts: list[int] = []
    for register, block in zip(registers, blocks, strict=True):
        if register is not None:
            plain, places, heads, fibre = _sizes(block, made, tokens)
            at, behind = len(plain), len(plain) + len(places)
            ends = [*range(behind, behind + len(heads)), *range(at, behind)]
            rest = range(behind + len(heads), len(block.shape))
            part = b.permute(register, [*range(at), *ends, *rest])
            parts.append(b.reshape(part, (*plain, *heads, math.prod(places), math.prod(fibre))))
    return b.concat(parts, len(b.shape(parts[0])) - 1)


def _split(b: Builder, attended: int, made: Plan, tokens: int) -> list[int | None]:
    """The blocks of the means, as `made.mixed` has them; None where there are none."""
    found: list[int | None] = []
    start = 0
    for block in made.mixed:
        plain, places, heads, fibre = _sizes(block, made, tokens)
        width = math.prod(fibre)
        if not width:
            found.append(None)
            continue
        part = b.narrow(attended, len(b.shape(attended)) - 1, start, width)
        part = b.reshape(part, (*plain, *heads, *places, *fibre))
        at, behind = len(plain), len(plain) + len(heads)
        ends = [*range(behind, behind + len(places)), *range(at, behind)]
        rest = range(behind + len(places), len(block.shape))
        found.append(b.permute(part, [*range(at), *ends, *rest]))
        start += width
    return found


def _sizes(block: Block, made: Plan, tokens: int) -> tuple[tuple[int, ...], ...]:
    """The plain sizes of `each`; those of tokens; those of heads and permuted axes of `each`; and those
    of what a head has at a token."""
    ends = [0, made.plain, made.plain + tokens, _fibre(made, tokens) - 1, len(block.axes)]
    return tuple(
        tuple(n for axis in block.axes[start:stop] for n in axis.shape)
        for start, stop in itertools.pairwise(ends)
    )


# ---- the position bias ---------------------------------------------------------------------------------


def _bias(site: LoweringSite, x: Type, y: Type, data: Attention, made: Plan) -> int:
    """The bias, of shape (1 for plain axes of ``each``, heads, permuted ones, queries, keys)."""
    queries, keys, each = bias_axes(x, y, data)
    b = site.builder
    name = site.parameter_name("position")
    rows, columns = (math.prod(n for a in axes for n in a.shape) for axes in (queries, keys))
    permuted = (n for axis in each for n in axis.shape)
    plain = (1 for axis in made.query[0].axes[: made.plain] for _ in axis.shape)
    shape = (*plain, data.heads, *permuted, rows, columns)
    if data.bias == "full":
        from eqspec.ops.blockmaps import lower_invariants

        target = Block((PlainAxis(data.heads), *each, *queries))
        return b.reshape(lower_invariants(b, target, Block(keys), name, 0.0), shape)
    offsets = offsets_of(queries, each)
    free = b.parameter(name, (data.heads, offsets.orbits), 0.0)
    by_offset = b.take(free, 1, b.index(list(offsets.labels), "orbit of every offset"))
    by_offset = b.reshape(by_offset, (data.heads, offsets.each, math.prod(offsets.ranges)))
    table = b.reshape(_offset_table(b, offsets), (rows * columns,))
    return b.reshape(b.take(by_offset, 2, table), shape)


def _offset_table(b: Builder, offsets: Offsets) -> int:
    """The number of the offset of every pair, of shape (*sizes, *sizes), as a sum of small tables."""
    rank = len(offsets.sizes)
    parts: list[tuple[int, tuple[int, ...]]] = []
    for d, n in enumerate(offsets.sizes):
        stride = math.prod(offsets.ranges[d + 1 :])
        values = [[stride * offsets.offset(d, q, k) for k in range(n)] for q in range(n)]
        parts.append((b.index(values, "offsets"), (d, rank + d)))
    return b.index_sum(parts, (*offsets.sizes, *offsets.sizes))
