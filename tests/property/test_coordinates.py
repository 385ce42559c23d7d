"""Features in irreducible coordinates: the same function of the same weights as the reference.

Random modules over several groups and representations are lowered with every feature that can in irreducible
coordinates, over every set of factors; the program is validated as the compiler does it (every generator,
and the reference with the same weights beside it), its count of instructions' FLOPs falls where it must.
"""

from __future__ import annotations

import numpy as np
import pytest

from eqspec.diagnostics.model import Source
from eqspec.lowering.counting import Fault
from eqspec.lowering.module import Frames, Lowered, can_stand, lower_module
from eqspec.lowering.validation import _translation_fault, validate
from eqspec.ops.plans import Plan
from eqspec.pipeline import check_source
from eqspec.program.cost import costs
from eqspec.program.instructions import Parameter

GROUPS = {
    "cyclic(2)": ("regular", "sign"),
    "cyclic(3)": ("regular",),
    "cyclic(5)": ("regular", "irrep(1)"),
    "cyclic(6)": ("regular", "sign", "irrep(2)"),
    "dihedral(3)": ("regular", "sign", "irrep(1)"),
    "dihedral(4)": ("regular", "sign", "grid(2, 2)", "irrep(1)"),
    "symmetric(3)": ("regular", "natural", "sign"),
}

SPEC = """eqspec 1

group A = {a}
group B = {b}

module Net {{
  input x: [3, A.{r}]
  input z: [2, A.{s}, B.{t}]
  input w: [n=4, 2, B.{u}]
  f: [4, A.regular] = relu(linear(x, z))
  g: [5, A.regular, B.regular] = relu(linear(z, f))
  h: [5, A.regular, B.regular] = rms_norm(g + linear(g, x))
  l: [3, A.regular, B.regular] = linear(z)
  c: [7, A.regular, B.regular] = relu(linear(concat(layer_norm(g), stop_gradient(l), l)))
  k: [4, 3, B.regular] = relu(linear(w))
  m: [3, B.regular, 2, A.regular] = relu(linear(h, z))
  output y: [2, A.{s}, B.{t}] = linear(h, m, c)
  output i: [3] = linear(f, h)
  output q: [3, B.{u}] = linear(k, h)
}}
"""


def modules(seed: int, count: int):
    rng = np.random.default_rng(seed)
    names = list(GROUPS)
    while count:
        a, b = (names[int(rng.integers(len(names)))] for _ in range(2))
        pick = [GROUPS[g][int(rng.integers(len(GROUPS[g])))] for g in (a, a, b, b)]
        text = SPEC.format(a=a, b=b, r=pick[0], s=pick[1], t=pick[2], u=pick[3])
        checked = check_source(Source("net.eqs", text.replace("n=4", "4")))
        if checked.ok:
            assert checked.spec is not None
            count -= 1
            yield text, checked.spec.modules[0]


def plans(module):
    factors = frozenset(module.groups)
    for chosen in (factors, *(frozenset({one}) for one in sorted(factors))):
        frame = Frames(module).over(chosen)
        coordinates = {n.name: chosen for n in module.nodes if can_stand(module, n, frame)}
        yield Plan(coordinates)


def check(count: int, seed: int) -> None:
    seen = 0
    for text, module in modules(seed, count):
        reference = lower_module(module)
        for plan in plans(module):
            lowered = lower_module(module, plan=plan)
            seen += not lowered.plan.is_reference
            fault: Fault | None = validate({module.key: lowered}, module.key)
            assert fault is None, (text, plan, fault)
            assert _weights(lowered) == _weights(reference), text
    assert seen >= count


def _weights(lowered: Lowered) -> list[Parameter]:
    return sorted(lowered.parameters, key=lambda parameter: parameter.name)


def test_the_same_function_in_irreducible_coordinates() -> None:
    check(2, 0)


@pytest.mark.slow
def test_the_same_function_in_irreducible_coordinates_at_length() -> None:
    check(60, 1)


def test_a_wrong_block_is_seen() -> None:
    """A program with one coefficient of a block changed is no translation of the reference."""
    from dataclasses import replace

    from eqspec.program.instructions import Constant, Halves

    changed = 0
    for _, module in modules(2, 20):
        plan = next(iter(plans(module)))
        lowered = lower_module(module, plan=plan)
        instructions = list(lowered.program.instructions)
        fine = {i.args[1] for i in instructions if isinstance(i, Halves)}  # too small to be seen
        tables = [
            k
            for k, i in enumerate(instructions)
            if isinstance(i, Constant)
            and i.hint.startswith("entries of the blocks")
            and k not in fine
        ]
        if not tables:
            continue
        changed += 1
        k = tables[len(tables) // 2]
        table = instructions[k]
        assert isinstance(table, Constant)
        values = np.array(table.array, dtype=float)
        values.reshape(-1)[np.flatnonzero(values)[0]] *= 2
        instructions[k] = replace(table, data=values.tobytes())
        wrong = replace(lowered, program=replace(lowered.program, instructions=tuple(instructions)))
        assert _translation_fault({module.key: wrong}, module.key, 0) is not None
        if changed == 2:
            break
    assert changed == 2


def test_blocks_cost_what_schur_says() -> None:
    """D4 regular to regular: 12 products for 64, and one matrix of 8 x 8 for a change of coordinates."""
    text = "eqspec 1\n\ngroup D = dihedral(4)\n\nmodule Net {\n  input x: [32, D.regular]\n" + (
        "  h: [32, D.regular] = linear(x)\n  output y: [32, D.regular] = linear(h)\n}\n"
    )
    checked = check_source(Source("net.eqs", text))
    assert checked.spec is not None
    module = checked.spec.modules[0]
    dense = costs(lower_module(module).program)
    assert dense["h"].flops == 2 * 256 * 256
    blocks = costs(lower_module(module, plan=next(plans(module))).program)
    assert 2 * 12 * 32 * 32 <= blocks["h"].flops <= 2 * 12 * 32 * 32 + 10 * 256
