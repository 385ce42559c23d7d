"""Specs to measure with, and the way from a spec to a class in memory."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from eqspec.diagnostics.model import Source
from eqspec.graph.model import Spec
from eqspec.lowering.ways import Aim
from eqspec.pipeline import CompileResult, check_source, compile_spec
from eqspec.program.timing import BATCH

GROUPS = """\
eqspec 1

group Rot  = cyclic(4)                          # quarter turns
group Flip = cyclic(2)
group Dih  = dihedral(4)
group Perm = symmetric(6)
rep Flip.joint = signed_permutation([HAA, HFE, KFE]) { r -> (HAA -HAA) }
"""
MODULE = """
## Number {n}: a small network with a fusion point.
module Net{n} {{
  input view: [{c}, Rot.regular]                # turns
  input side: [{c}, Flip.joint]
  input set: [Perm.natural, {c}]
  a: [{d}, Rot.regular] = relu(linear(view))
  b: [{d}, Rot.regular] = a + relu(linear(a, side))
  c: [Perm.natural, {d}] = tanh(linear(set))
  d: [Perm.natural, {d}] = leaky_relu(linear(c, b), negative_slope=0.1)
  e: [{d}, Dih.regular] = gelu(linear(b, d))
  f: [{d}] = pool(e, over=Dih, by=mean)
  output score: [{c}] = linear(f, b)
  output turned: [{c}, Rot.regular] = linear(a, b)
  output joints: [{c}, Flip.joint] = linear(side)
  ensure score invariant under Rot * Perm
}}
"""


def many_modules(lines: int) -> str:
    """A spec of about so many lines: networks of ten layers between four groups."""
    each = MODULE.count("\n")
    count = max(1, round((lines - GROUPS.count("\n")) / each))
    modules = [MODULE.format(n=n, c=2 + n % 7, d=4 + n % 5) for n in range(count)]
    return GROUPS + "".join(modules)


def deep(layers: int) -> str:
    """One module, a chain of so many layers."""
    lines = ["eqspec 1", "", "group G = cyclic(4)", "", "module Net {"]
    lines.append("  input x0: [4, G.regular]")
    lines += [
        f"  x{k + 1}: [4, G.regular] = {'relu' if k % 2 else 'tanh'}(linear(x{k}))"
        for k in range(layers)
    ]
    return "\n".join([*lines, f"  output y: [4, G.regular] = linear(x{layers})", "}", ""])


def checked(text: str) -> Spec:
    result = check_source(Source("bench.eqs", text))
    assert result.ok and result.spec is not None, result.diagnostics
    return result.spec


def emitted_text(text: str, name: str = "eqspec_bench", batch: int = BATCH) -> str:
    """The Python of the emitted module, its lowering chosen for training at this batch."""
    return _files(text, name, batch).files[0].text


def _files(text: str, name: str, batch: int) -> CompileResult:
    checked = check_source(Source(f"{name}.eqs", text))
    result = compile_spec(checked, name, f"{name}.eqs", aim=Aim(batch=batch))
    assert result.files, result.diagnostics
    return result


def compiled(text: str, batch: int) -> tuple[Any, str]:
    """The module, and the name of the way of lowering that was chosen for its only class."""
    result = _files(text, "eqspec_bench", batch)
    (lowered,) = result.lowered.values()
    chosen = lowered.placement.chosen.name if lowered.placement is not None else "reference"
    return imported(result.files[0].text), chosen


def imported(text: str, name: str = "eqspec_bench") -> Any:
    """A module, from its text."""
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, f"{name}.py", "exec"), module.__dict__)
    return module


def emitted(text: str, name: str = "eqspec_bench", batch: int = BATCH) -> Any:
    """The emitted module, imported from memory."""
    return imported(emitted_text(text, name, batch), name)
