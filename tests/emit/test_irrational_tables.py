"""Modules in irreducible coordinates in every precision: tables of irrational numbers, large and small.

The same weights by the reference beside them: in double precision the same up to its rounding, in the
others, moved there or under autocast, within theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest
import torch

from eqspec.diagnostics.model import Source
from eqspec.emit.module import module_text
from eqspec.graph.model import Module
from eqspec.lowering.module import Frames, can_stand, lower_module
from eqspec.ops.plans import REFERENCE, Plan
from eqspec.pipeline import check_source

SPEC = """eqspec 1
group A = {group}

module Net {{
  input x: [A.regular, 3]
  h: [A.regular, 4] = linear(x)
  output y: [A.regular, 2] = linear(tanh(h))
  output i: [5] = linear(h)
}}
"""
# 1 in the trivial component of 60 points is the root of 60; D5 has cosines
GROUPS = ("cyclic(60)", "dihedral(5)")
ROUNDING = {torch.float64: 1e-13, torch.float32: 1e-5, torch.bfloat16: 0.1, torch.float16: 0.02}


def pairs() -> Iterator[tuple[torch.nn.Module, torch.nn.Module, torch.Tensor]]:
    for group in GROUPS:
        checked = check_source(Source("net.eqs", SPEC.format(group=group)))
        assert checked.spec is not None and checked.ok
        (module,) = checked.spec.modules
        factors = frozenset(module.groups)
        frame = Frames(module).over(factors)
        plan = Plan({n.name: factors for n in module.nodes if can_stand(module, n, frame)})
        torch.manual_seed(1)
        reference = made(module, REFERENCE)
        blocks = made(module, plan)
        blocks.load_state_dict(reference.state_dict())
        (feature,) = module.inputs
        yield reference, blocks, torch.randn(2, *feature.type.blocks[0].shape, dtype=torch.float64)


def made(module: Module, plan: Plan) -> torch.nn.Module:
    lowered = lower_module(module, plan=plan)
    assert lowered.plan == plan
    text, names = module_text({module.key: lowered}, "net")
    loaded = ModuleType("net")
    exec(compile(text, "net.py", "exec"), loaded.__dict__)
    found: torch.nn.Module = getattr(loaded, names.classes[module.key])()
    return found


@pytest.fixture(scope="module", name="modules")
def modules_() -> list[tuple[torch.nn.Module, torch.nn.Module, torch.Tensor]]:
    return list(pairs())


@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
def test_modules_moved_to_a_precision_are_right_in_it(modules, dtype: torch.dtype) -> None:
    from copy import deepcopy

    for reference, blocks, x in modules:
        wanted, found = (deepcopy(m).to(dtype)(x.to(dtype)) for m in (reference, blocks))
        for a, b in zip(wanted, found, strict=True):
            assert a.dtype == b.dtype == dtype
            assert float((a - b).detach().abs().max()) <= ROUNDING[dtype]


def test_modules_run_under_autocast(modules) -> None:
    for reference, blocks, x in modules:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = blocks(x.float())
        for a, b in zip(reference(x.float()), found, strict=True):
            assert float((a - b).detach().abs().max()) <= ROUNDING[torch.bfloat16]
        torch.autograd.backward(sum(b.float().sum() for b in found))
        assert all(p.grad is not None and p.grad.isfinite().all() for p in blocks.parameters())
