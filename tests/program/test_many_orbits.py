"""A layer with very many orbits: finding its ways of lowering takes no table of their square."""

from __future__ import annotations

import tracemalloc

from eqspec.diagnostics.model import Source
from eqspec.lowering.placement import place
from eqspec.lowering.ways import Aim
from eqspec.pipeline import check_source

SPEC = """eqspec 1
group A = cyclic(31)

module Net {
  input x: [A.regular, A.regular]
  output y: [A.regular, A.regular] = linear(x)
}
"""


def test_memory_is_linear_in_the_orbits() -> None:
    checked = check_source(Source("net.eqs", SPEC))
    assert checked.spec is not None and checked.ok
    tracemalloc.start()
    try:
        place(checked.spec.modules[0], Aim())
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 31**6  # bytes; the 31^3 orbits squared, 8 bytes each, were eight times as many
