"""Every lowering of random modules in PyTorch: the same outputs and the same gradients, from one `state_dict`.

Random layers between random types of random groups, lowered by the reference, with every form of every linear
layer, and over every set of factors in irreducible coordinates. Float64; errors relative to the largest value.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
import torch

from eqspec.diagnostics.model import Source
from eqspec.emit.module import module_text
from eqspec.graph.model import Module
from eqspec.lowering.module import Frames, can_stand, lower_module
from eqspec.ops.contract import LoweringSite
from eqspec.ops.linear import forms
from eqspec.ops.plans import Plan
from eqspec.pipeline import check_source
from eqspec.program.builder import Builder

TOLERANCE = 1e-12

GROUPS = {
    "symmetric(3)": ("natural", "regular"),
    "symmetric(4)": ("natural",),
    "symmetric(9)": ("natural",),  # drawn as diagrams
    "alternating(4)": ("natural",),
    "cyclic(2)": ("regular", "sign"),
    "cyclic(4)": ("regular", "shift(4)"),
    "cyclic(6)": ("regular", "shift(3)"),
    "dihedral(3)": ("regular",),
    "dihedral(4)": ("regular", "grid(2, 2)"),
    "wreath(P, Q)": ("natural",),
}

SPEC = """eqspec 1
group P = cyclic(2)
group Q = symmetric(3)
group A = {a}
group B = {b}

module Net {{
  input x: [{c}, A.{r}]
  input z: [A.{s}, 2, B.{t}]
  f: [A.{s}, {d}] = linear(x, z)
  g: [{c}, A.{r}, B.{t}] = linear(z, f)
  h: [{c}, A.{r}, B.{t}] = tanh(g + linear(g, x))
  output y: [2, B.{t}, A.{s}] = linear(h, z)
  output i: [3] = linear(f, h)
}}
"""


def modules(seed: int, count: int) -> Iterator[tuple[str, Module]]:
    rng = np.random.default_rng(seed)
    names = list(GROUPS)
    while count:
        a, b = (names[int(rng.integers(len(names)))] for _ in range(2))
        pick = [GROUPS[g][int(rng.integers(len(GROUPS[g])))] for g in (a, a, b)]
        c, d = (int(n) for n in rng.integers(1, 8, 2))
        text = SPEC.format(a=a, b=b, r=pick[0], s=pick[1], t=pick[2], c=c, d=d)
        checked = check_source(Source("net.eqs", text))
        if checked.ok and checked.spec is not None:
            count -= 1
            yield text, checked.spec.modules[0]


def plans(module: Module) -> Iterator[Plan]:
    """Each form wherever it is offered, and each set of factors wherever features can stand over it."""
    types = {node.name: node.type for node in module.nodes}
    offered: dict[str, tuple[str, ...]] = {}
    for node in module.nodes:
        if node.op == "linear":
            args = tuple(() for _ in node.args)
            given = tuple(types[arg] for arg in node.args)
            offered[node.name] = forms(LoweringSite(node, module, Builder(), args, given))
    for form in sorted({form for own in offered.values() for form in own[1:]}):
        yield Plan(forms={node: form for node, own in offered.items() if form in own})
    factors = frozenset(module.groups)
    for chosen in (factors, *(frozenset({one}) for one in sorted(factors))):
        frame = Frames(module).over(chosen)
        stand = {n.name: chosen for n in module.nodes if can_stand(module, n, frame)}
        if stand:
            yield Plan(stand)


def torch_module(module: Module, plan: Plan) -> torch.nn.Module:
    text, names = module_text({module.key: lower_module(module, plan=plan)}, "net")
    loaded = ModuleType("net")
    exec(compile(text, "net.py", "exec"), loaded.__dict__)
    made: torch.nn.Module = getattr(loaded, names.classes[module.key])()
    return made.double()


def values(made: torch.nn.Module, module: Module) -> list[torch.Tensor]:
    """Outputs, in training and in evaluation, and the gradients of a random sum of them by everything."""
    generator = torch.Generator().manual_seed(4)
    inputs = [
        torch.randn(3, *block.shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for feature in module.inputs
        for block in feature.type.blocks
    ]
    outputs = list(made(*inputs))
    total = sum(
        (out * torch.randn(out.shape, generator=generator, dtype=out.dtype)).sum()
        for out in outputs
    )
    assert isinstance(total, torch.Tensor)
    parameters = [p for _, p in sorted(made.named_parameters())]
    gradients = torch.autograd.grad(total, [*inputs, *parameters])
    made.eval()
    with torch.no_grad():
        kept = list(made(*inputs))
    return [*outputs, *kept, *gradients]


def check(seed: int, count: int) -> set[str]:
    seen: set[str] = set()
    for text, module in modules(seed, count):
        torch.manual_seed(5)
        reference = torch_module(module, Plan())  # as it is drawn: large weights amplify rounding
        state = reference.state_dict()
        wanted = values(reference, module)
        for plan in plans(module):
            other = torch_module(module, plan)
            other.load_state_dict(state)
            for a, b in zip(wanted, values(other, module), strict=True):
                size = max(1.0, float(a.detach().abs().max()))
                assert float((a - b).detach().abs().max()) <= TOLERANCE * size, (text, plan)
            seen |= set(plan.forms.values()) or {"blocks"}
    return seen


def test_all_lowerings_have_the_same_outputs_and_gradients() -> None:
    assert check(18, 2) == {"sums", "dense", "blocks"}


@pytest.mark.slow
def test_all_lowerings_have_the_same_outputs_and_gradients_at_length() -> None:
    assert check(100, 60) == {"sums", "dense", "blocks"}
