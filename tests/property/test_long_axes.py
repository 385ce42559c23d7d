"""Long cyclic axes in irreducible coordinates: transforms in place of matrices, the same function of the same
weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from eqspec.algebra.bases import OrbitBasis
from eqspec.algebra.constructors import regular
from eqspec.algebra.families import cyclic, dihedral
from eqspec.algebra.isotypic import Isotypic, isotypic
from eqspec.algebra.solver import hom_basis
from eqspec.diagnostics.model import Source
from eqspec.lowering.module import Frames, Lowered, can_stand, lower_module
from eqspec.lowering.validation import _translation_fault, validate
from eqspec.ops import coordinates
from eqspec.ops.circulant import is_circulant
from eqspec.ops.coordinates import FOURIER_FROM, Slot, Spectrum
from eqspec.ops.plans import Plan
from eqspec.pipeline import check_source
from eqspec.program.cost import costs
from eqspec.program.fourier import Fourier, FourierBack
from eqspec.program.instructions import Constant, Parameter

SPEC = """eqspec 1

group C = cyclic({n})
group B = dihedral(3)

module Net {{
  input x: [3, C.regular]
  input z: [2, C.regular, B.regular]
  input w: [4, 2, B.regular]
  f: [4, C.regular] = relu(linear(x, z))
  g: [2, C.regular, B.regular] = linear(z, f)
  h: [2, C.regular, B.regular] = rms_norm(g + linear(g, w))
  output y: [2, C.regular, B.regular] = linear(h)
  output i: [3] = linear(f, h)
}}
"""


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Axes of five entries count as long."""
    monkeypatch.setattr(coordinates, "FOURIER_FROM", 5)
    coordinates._spectra.cache_clear()
    yield
    coordinates._spectra.cache_clear()


def lowered(text: str, factors: set[str]) -> tuple[Lowered, Lowered]:
    """The reference, and every feature that can in irreducible coordinates."""
    checked = check_source(Source("net.eqs", text))
    assert checked.spec is not None
    module = checked.spec.modules[0]
    chosen = frozenset(factors)
    frame = Frames(module).over(chosen)
    plan = Plan({n.name: chosen for n in module.nodes if can_stand(module, n, frame)})
    return lower_module(module), lower_module(module, plan=plan)


@pytest.mark.usefixtures("short")
def test_transforms_give_the_same_function() -> None:
    for n, factors in ((6, {"B", "C"}), (5, {"C"})):
        reference, chosen = lowered(SPEC.format(n=n), factors)
        key = chosen.module.key
        assert validate({key: chosen}, key) is None
        kinds = {type(i) for i in chosen.program.instructions}
        assert Fourier in kinds and FourierBack in kinds
        assert weights(reference) == weights(chosen)


def weights(found: Lowered) -> list[Parameter]:
    return sorted(found.parameters, key=lambda parameter: parameter.name)


@pytest.mark.usefixtures("short")
def test_a_wrong_transform_is_seen() -> None:
    _, chosen = lowered(SPEC.format(n=6), {"B", "C"})
    key = chosen.module.key
    program = chosen.program
    (k, *_) = [
        k
        for k, i in enumerate(program.instructions)
        if isinstance(i, Constant) and i.shape == (2, 2, 2)
    ]
    table = program.instructions[k]
    assert isinstance(table, Constant)
    conjugate = np.array(table.array) * np.array([1.0, -1.0])[:, None, None]
    wrong = replace(table, data=conjugate.tobytes())
    instructions = (*program.instructions[:k], wrong, *program.instructions[k + 1 :])
    changed = replace(chosen, program=replace(program, instructions=instructions))
    assert _translation_fault({key: changed}, key, 0) is not None


def test_long_layers_cost_n_log_n() -> None:
    text = "eqspec 1\n\ngroup C = cyclic({n})\n\nmodule Net {{\n  input x: [2, C.regular]\n" + (
        "  output y: [2, C.regular] = linear(x)\n}}\n"
    )
    spent = []
    for n in (128, 256):
        _, chosen = lowered(text.format(n=n), {"C"})
        tables = [i for i in chosen.program.instructions if isinstance(i, Constant)]
        assert all(np.prod(table.shape) <= 8 for table in tables)  # no matrix is written
        spent.append(sum(cost.flops for cost in costs(chosen.program).values()))
    assert spent[1] < 2.5 * spent[0] < 2.5 * 30_000


def test_only_shifts_of_equal_long_axes_are_circulant() -> None:
    def spectrum(found: Isotypic | None) -> Spectrum:
        assert found is not None
        whole = Slot(0, ("all",), 1, 1, len(found.matrix), 0)
        return Spectrum(regular("r", "C", cyclic(len(found.matrix))), (whole,), found.matrix)

    n = FOURIER_FROM
    v = regular("r", "C", cyclic(n))
    long = spectrum(isotypic(v))
    basis = hom_basis((v,), (v,))
    assert isinstance(basis, OrbitBasis) and is_circulant(basis, long, long)
    other = replace(basis, labels=basis.labels.T.copy())
    assert not is_circulant(other, long, long)
    short = spectrum(isotypic(regular("r", "C", cyclic(n // 2))))
    assert not short.is_fourier and not is_circulant(basis, long, short)
    mirrored = spectrum(isotypic(regular("r", "C", dihedral(n // 2))))
    assert len(mirrored.matrix) == n and not mirrored.is_fourier


def test_no_large_matrix_is_written() -> None:
    text = "eqspec 1\n\ngroup D = dihedral(4)\n\nmodule Net {{\n  input x: [D.grid({n}, {n})]\n" + (
        "  output y: [D.grid({n}, {n})] = rms_norm(x)\n}}\n"
    )
    for n, replaced in ((4, True), (17, False)):
        checked = check_source(Source("net.eqs", text.format(n=n)))
        assert checked.spec is not None
        module = checked.spec.modules[0]
        frame = Frames(module).over(frozenset({"D"}))
        assert bool(frame.replaces(module.node("y").type)) == replaced
