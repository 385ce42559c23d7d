"""Discs: what takes them, what refuses them, and that nothing behind one is claimed to be exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from eqspec.algebra import images as im
from eqspec.algebra.disc import (
    disc,
    lattice_group,
    lattice_image,
    lattice_part,
    lattice_words,
    plane_motions,
)
from eqspec.algebra.families import classical_group, cyclic, dihedral, symmetric
from eqspec.algebra.groups import Group
from eqspec.algebra.homomorphism import homomorphism_fault
from eqspec.algebra.images import NotLinear, SampledMap
from eqspec.algebra.representations import RepresentationError, same_action
from eqspec.diagnostics.model import Severity, Source
from eqspec.graph.model import Level
from eqspec.ops import OPS
from eqspec.ops.pointwise import FUNCTIONS
from eqspec.pipeline import check_source, compile_spec

HEAD = """eqspec 1
group G = cyclic(8)
group R = special_orthogonal(2)
group S = symmetric(3)
group K = subgroup(G, r^2)
"""
INPUTS = """
  input x: [2, G.regular, G.disc(9, 9)]
  input z: [2, G.regular, G.disc(9, 9)]
  input v: [2, R.vector, R.disc(9, 9)]
  input p: [2, R.disc(9, 9)]
  input c: [4]
"""


def errors(body: str) -> list[str]:
    text = f"{HEAD}module M {{{INPUTS}{body}\n}}\n"
    found = check_source(Source("spec.eqs", text)).diagnostics
    return [d.code for d in found if d.severity is Severity.ERROR]


LEGAL = [
    "output y: [2, G.regular, G.disc(9, 9)] = relu(x + z)",
    "output y: [4, G.regular, G.disc(9, 9)] = concat(x, z)",
    "output y: [2, G.regular, G.disc(9, 9)] + [2, R.vector, R.disc(9, 9)] = concat(x, v)",
    "output y: [2, R.vector, R.disc(9, 9)] = norm_relu(v)",
    "output y: [2, R.disc(9, 9)] = norm(v)",
    "output y: [2, G.regular, G.disc(9, 9)] = batch_norm(x)",
    "output y: [2, R.vector, R.disc(9, 9)] = batch_norm(identity(v))",
    "output y: [2] = pool(x, over=G)",
    "output y: [2, G.regular] = pool(x, axis=G.disc(9, 9), by=sum)",
    "output y: [2, G.disc(9, 9)] = pool(x, axis=G.regular, by=max)",
    "output y: [2, G.regular, G.disc(5, 5)] = avg_pool2d(x, kernel=3, stride=2, padding=1)",
    "output y: [2, R.vector, R.disc(5, 5)] = avg_pool2d(v, kernel=1, stride=2, over=[R.disc(9, 9)])",
    "output y: [2, G.regular, G.disc(18, 18)] = upsample(x, factor=2, mode=bilinear)",
    "output y: [2, G.regular, G.disc(7, 7)] = pad(x, padding=-1)",
]
REFUSED = {
    "output y: [10] = linear(x)": "EQS477",
    "output y: [G.disc(9, 9)] = linear(c)": "EQS477",
    "output y: [2] = pool(x, over=G, by=max)": "EQS210",
    "output y: [2] = pool(v, over=R)": "EQS407",
    "output y: [2] = pool(x, over=K)": "EQS477",
    "output y: [2, G.regular, G.disc(4, 4)] = avg_pool2d(x, kernel=2)": "EQS461",
    "output y: [2, R.vector, R.disc(5, 5)] = max_pool2d(v, kernel=3, stride=2, padding=1)": "EQS407",
    "output y: [2, G.regular, G.disc(9, 9)] = avg_pool2d(x, kernel=3)": "EQS206",
    "output y: [2, R.vector, R.disc(9, 9)] = layer_norm(v)": "EQS477",
    "output y: [2, R.vector, R.disc(9, 9)] = relu(v)": "EQS401",
    "output y: [2, G.regular, G.disc(9, 9)] = batch_norm(x, each=[G.regular])": "EQS450",
    "output y: [2, G.regular, G.disc(9, 9)] = x + v": "EQS206",
    "output y: [2, G.regular, G.disc(7, 7)] = relu(x)": "EQS206",
    "output y: [2, G.regular, 9, 9] = relu(x)": "EQS206",
    "output y: [G.grid(9, 9)] = identity(x)": "EQS306",
    "output y: [G.disc(9, 8)] = identity(x)": "EQS306",
    "output y: [S.disc(9, 9)] = identity(x)": "EQS306",
    "output y: [G.disc(9, 9), R.disc(9, 9)] = identity(x)": "EQS317",
    "output y: [R.disc(9, 9).dual] = identity(x)": "EQS308",
    "output y: [R.disc(9, 9)[0]] = identity(x)": "EQS307",
    "output y: flat { a: [R.disc(9, 9)] } = identity(x)": "EQS317",
    "input w: index(R.disc(9, 9))[3]\n output y: [3] = pool(c, over=R)": "EQS222",
    "base f: [2, 81] -> [3]\n output y: [3] = equitune(f, p)": "EQS477",
    "output y: [2, R.disc(9, 9)] = norm(v)\n ensure y exactly equivariant under R": "EQS406",
    "output y: [2, R.disc(9, 9)] = p\n ensure y almost everywhere equivariant under R": "EQS406",
}


def test_what_takes_discs_and_what_refuses_them() -> None:
    for body in LEGAL:
        assert errors(body) == [], body
    for body, code in REFUSED.items():
        assert errors(body)[:1] == [code], body


def test_no_op_meets_a_disc_by_chance() -> None:
    """Whatever is called with a disc: it is accepted by an op with a rule, or refused by a diagnostic."""
    rules = {op.name: op.signature.sampled for op in OPS.values()}
    assert rules["linear"] == rules["equitune"] == rules["conv2d"] == ""
    assert rules["relu"] == rules["norm_relu"] == "pixel" and rules["+"] == "own"
    calls = [
        "x",
        "x, over=G",
        "x, z, over=K",
        "f, p",
        "x, kernel=3, padding=1",
        "x, axis=G.disc(9, 9)",
    ]
    accepted = set()
    for op in set(OPS) - {"+"}:
        if op in FUNCTIONS and op not in ("relu", "sign"):
            continue
        for call in calls:
            text = f"base f: [2, 81] -> [3]\n  y = {op}({call})\n  output w: [4] = c"
            if not errors(text):
                accepted.add(op)
    assert {"relu", "norm_relu", "pool", "concat"} <= accepted
    assert all(rules[op] for op in accepted)


def test_every_feature_on_or_behind_a_disc_is_approximate_for_its_factor_only() -> None:
    text = f"""{HEAD}
module Inner {{
  input a: [2, R.disc(9, 9)]
  output b: [2, R.disc(9, 9)] = relu(a)
}}
module M {{
  input p: [2, R.disc(9, 9)]
  input q: [3, S.natural, R.disc(9, 9)]
  input c: [S.natural]
  h: [2, R.disc(9, 9)] = Inner(p)
  k: [2, R.disc(9, 9)] = h + p
  d: [S.natural] = relu(c)
  output y: [2, R.disc(9, 9)] = relu(k)
  output z: [3, S.natural, R.disc(9, 9)] = sign(q)
  output w: [S.natural] = d
  ensure z approximately equivariant under R
  ensure y approximately equivariant under R
  ensure w exactly equivariant under S
}}
"""
    made = check_source(Source("spec.eqs", text))
    assert made.ok and made.spec is not None
    nodes = {node.name: node for node in made.spec.module("M").nodes}
    for name in ("p", "q", "h", "k", "y", "z"):
        assert nodes[name].level(("R",)) is Level.APPROXIMATE, name
    assert nodes["z"].level(("S",)) is Level.ALMOST_EVERYWHERE
    assert nodes["d"].level() is Level.EXACT and nodes["y"].level(("S",)) is Level.EXACT


GROUPS = [cyclic(8), cyclic(6), cyclic(5), cyclic(12), dihedral(3), dihedral(6), dihedral(8)]
GROUPS += [classical_group(name, 2) for name in ("special_orthogonal", "orthogonal")]
EXACT = [4, 2, 1, 4, 2, 4, 8, 4, 8]


def rotation(turn: Fraction | tuple[Fraction, Fraction], mirrored: bool) -> np.ndarray:
    if isinstance(turn, tuple):
        c, s = float(turn[0]), float(turn[1])
    else:
        c, s = np.cos(2 * np.pi * float(turn)), np.sin(2 * np.pi * float(turn))
    return np.array([[c, -s], [s, c]]) @ np.diag([1.0, -1.0 if mirrored else 1.0])


@pytest.mark.parametrize(("group", "order"), list(zip(GROUPS, EXACT, strict=True)), ids=str)
def test_the_part_that_maps_pixels_to_pixels(group: Group, order: int) -> None:
    """Its generators are turns of the plane that are whole, it has as many elements as the theory says,
    and it acts by permutations that are a representation."""
    motions = plane_motions(group)
    assert motions is not None
    part = lattice_group(group)
    assert (part.order if part is not None else 1) == order
    for word in lattice_words(group):
        matrix = np.eye(2)
        for generator, exponent in word:
            matrix = matrix @ np.linalg.matrix_power(rotation(*motions[generator]), exponent)
        image = lattice_image(group, word, (5, 5)).monomial.images
        for a in range(5):
            for b in range(5):
                to = matrix @ np.array([a - 2, b - 2]) + 2
                assert np.allclose(to, divmod(image[5 * a + b], 5), atol=1e-12)
    restricted = lattice_part(disc("d", "G", group, 5, 5), "G", part)
    assert homomorphism_fault(restricted) is None
    assert restricted.is_permutation and restricted.factors == ({"G"} if part else frozenset())


def test_a_disc_is_no_matrix() -> None:
    rep = disc("d", "G", cyclic(8), 5, 5)
    image = rep.any_image("G", 0)
    assert isinstance(image, SampledMap) and not image.is_identity
    assert not (rep.is_permutation or rep.is_orthogonal) and same_action(rep, rep)
    assert not same_action(rep, disc("d", "G", cyclic(8), 7, 7))
    for ask in (im.explicit, im.inverse, im.trace, im.rows_of, lambda a: im.compose(a, a)):
        with pytest.raises(NotLinear):
            ask(image)
    for group in (
        cyclic(4),
        dihedral(2),
        cyclic(1),
        symmetric(3),
        classical_group("lorentz", 1, 1),
    ):
        with pytest.raises(RepresentationError):
            disc("d", "G", group, 5, 5)


def test_symmetry_functions_of_a_disc_are_not_built() -> None:
    text = f"{HEAD}interface I {{\n  input p: [R.disc(9, 9)]\n  output y: [3]\n}}\n"
    made = compile_spec(check_source(Source("spec.eqs", text)), "spec", "spec.eqs")
    assert made.diagnostics[-1].code == "EQS210" and not made.files
