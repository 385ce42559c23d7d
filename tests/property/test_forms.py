"""The forms of a linear layer: the same function of the same free weights, whichever is chosen.

Every form of every layer is validated as the compiler does it (under every generator, with the reference beside
it), and alone against the reference with the same weights, to 1e-12.
"""

from __future__ import annotations

import numpy as np

from eqspec.diagnostics.model import Source
from eqspec.graph.model import Module
from eqspec.lowering.module import Lowered, lower_module
from eqspec.lowering.validation import machine_for, random_inputs, validate
from eqspec.ops.contract import LoweringSite
from eqspec.ops.linear import forms
from eqspec.ops.plans import Plan
from eqspec.pipeline import check_source
from eqspec.program.builder import Builder

HEAD = """eqspec 1
group S3 = symmetric(3)
group S4 = symmetric(4)
group T4 = alternating(4)
group S9 = symmetric(9)
group T9 = symmetric(9)
group C2 = cyclic(2)
group C3 = cyclic(3)
group D4 = dihedral(4)
group W = wreath(C2, S3)
group V = wreath(S3, C3)
group O = orthogonal(3)
param t = 3
"""

SPECS = {
    "points": "input x: [3, S4.natural]\n output y: [2, S4.natural] = linear(x)",
    "pairs": "input x: [S4.natural, S4.natural, 2]\n h: [3, S4.natural] = relu(linear(x))\n"
    " output y: [S4.natural, S4.natural] = linear(h, x)",
    "nested": "input x: [2, W.natural]\n input z: [2, V.natural]\n h: [3, W.natural, V.natural] = linear(x, z)\n"
    " output y: [2, W.natural] + [V.natural, 2] = linear(h)",
    "product": "input x: [2, S4.natural, D4.regular]\n output y: [D4.regular, S4.natural, 2] = linear(x)",
    "sums": "input x: [2, W.natural] + [C3.regular]\n output y: [2, W.natural] + [2] = linear(x)",
    "each": "input x: [t, S4.natural, 2]\n output y: [2, t, S4.natural] = linear(x, each=t)",
    "drawn": "input x: [20, S9.natural]\n input z: [S9.natural, 20]\n"
    " output y: [20, S9.natural] = linear(x, z)",
    "drawn pairs": "input x: [S9.natural, S9.natural, 6]\n output y: [6, S9.natural, S9.natural] = linear(x)",
    "drawn product": "input x: [9, S9.natural, T9.natural, 2]\n input z: [9, S9.natural]\n"
    " output y: [9, T9.natural, S9.natural] = linear(x, z)",
    "drawn beside": "input x: [9, S9.natural, T4.natural]\n output y: [9, T4.natural, S9.natural] = linear(x)",
    "tensors": "input x: [2, O.vector, O.vector]\n input z: [S4.natural, O.vector]\n"
    " output y: [O.vector, O.vector, 2] = linear(x, z)",
}


def module_of(body: str) -> Module:
    text = f"{HEAD}\nmodule Net {{\n {body}\n}}\n"
    checked = check_source(Source("net.eqs", text))
    assert checked.ok and checked.spec is not None, [d.message for d in checked.diagnostics]
    return checked.spec.modules[0]


def forms_of(module: Module) -> dict[str, tuple[str, ...]]:
    found = {}
    types = {node.name: node.type for node in module.nodes}
    for node in module.nodes:
        if node.op == "linear":
            args = tuple(() for _ in node.args)
            site = LoweringSite(node, module, Builder(), args, tuple(types[a] for a in node.args))
            found[node.name] = forms(site)
    return found


def difference(one: Lowered, other: Lowered) -> float:
    """The largest difference of results for the same weights and inputs, relative to the largest result."""
    key = one.module.key
    inputs = random_inputs(one.module, np.random.default_rng(3), 3)
    machines = [machine_for({key: item}, key, item.program, 7) for item in (one, other)]
    machines[1].parameters = machines[0].parameters
    values = [machine(inputs) for machine in machines]
    outputs = [item.program.outputs for item in (one, other)]
    worst, size = 0.0, 0.0
    for (_, a), (_, b) in zip(*outputs, strict=True):
        for p, q in zip(a, b, strict=True):
            worst = max(worst, float(np.abs(values[0][p] - values[1][q]).max()))
            size = max(size, float(np.abs(values[0][p]).max()))
    assert size > 0.1
    return worst / size


def check(name: str, module: Module) -> set[str]:
    """The forms that were seen to agree with the reference."""
    reference = lower_module(module)
    weights = sorted(reference.parameters, key=lambda p: p.name)
    offered = forms_of(module)
    seen: set[str] = set()
    for form in sorted({form for own in offered.values() for form in own[1:]}):
        plan = Plan(forms={node: form for node, own in offered.items() if form in own})
        lowered = lower_module(module, plan=plan)
        assert sorted(lowered.parameters, key=lambda p: p.name) == weights, (name, form)
        assert difference(reference, lowered) < 1e-12, (name, form)
        fault = validate({module.key: lowered}, module.key)
        assert fault is None, (name, form, fault)
        seen.add(form)
    return seen


def test_every_form_is_the_same_function_of_the_same_weights() -> None:
    seen = {name: check(name, module_of(body)) for name, body in SPECS.items()}
    for name in ("points", "pairs", "nested", "product", "sums", "each", "drawn beside"):
        assert "sums" in seen[name], name
    for name in ("drawn", "drawn pairs", "drawn product", "drawn beside"):
        assert "dense" in seen[name], name
    assert seen["tensors"] == set()  # no orbits
