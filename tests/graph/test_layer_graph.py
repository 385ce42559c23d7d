"""The layer graph: acting factors, classes of edges, fusion points, order, guarantees, promises."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest

from eqspec.diagnostics.model import Source
from eqspec.graph.model import EdgeClass, Level, Module, fusion_points
from eqspec.pipeline import CheckResult, check_file, check_source

TWO = """eqspec 1
group Rot = cyclic(4)
group Flip = cyclic(2)
group Both = Rot * Flip
"""


def check(body: str) -> CheckResult:
    return check_source(Source("x.eqs", TWO + body))


def module(body: str) -> Module:
    result = check(body)
    assert result.ok, [d.message for d in result.diagnostics]
    assert result.spec is not None
    return result.spec.modules[-1]


def codes(body: str) -> list[str]:
    return [d.code for d in check(body).diagnostics]


VIEWS = """module M {
  input front: [3, Rot.rot90(4, 4)]
  input side: [3, Flip.hflip(4, 4)]
  f: [8, Rot.regular] = linear(front)
  g: [8, Flip.regular] = linear(side)
  h: [8, Rot.regular] = linear(f, g)
  output logits: [10] = linear(h, g)
}
"""


def test_edges_are_classified_factor_by_factor() -> None:
    graph = module(VIEWS).graph()
    assert graph.edges["front", "f"]["classes"] == {"Rot": EdgeClass.EQUIVARIANT}
    assert graph.edges["g", "h"]["classes"] == {
        "Flip": EdgeClass.INVARIANT,
        "Rot": EdgeClass.SYMMETRIC,
    }
    assert graph.edges["h", "logits"]["classes"] == {"Rot": EdgeClass.INVARIANT}


def test_fusion_points_are_a_query() -> None:
    assert fusion_points(module(VIEWS)) == (("g", "h"),)


def test_the_graph_is_acyclic_and_its_nodes_are_in_order() -> None:
    made = module(VIEWS)
    graph = made.graph()
    assert nx.is_directed_acyclic_graph(graph)
    place = {node.name: k for k, node in enumerate(made.nodes)}
    assert all(place[a] < place[b] for a, b in graph.edges)


def test_members_may_stand_in_any_order() -> None:
    made = module(
        "module M {\n  output y: [1] = linear(h)\n  h: [4, Rot.regular] = relu(linear(x))\n"
        "  input x: [Rot.regular, Flip.sign, Flip.sign]\n}\n"
    )
    assert [node.name for node in made.nodes] == ["x", "h.linear", "h", "y"]


def test_a_circle_is_reported_once_and_what_hangs_on_it_stays_silent() -> None:
    found = codes(
        "module M {\n  input x: [4, Both.regular]\n  a: [4, Both.regular] = linear(x, b)\n"
        "  b: [4, Both.regular] = relu(a)\n  output y: [1] = linear(b)\n}\n"
    )
    assert found == ["EQS204"]


def test_parameters_of_a_nested_module_are_its_own() -> None:
    made = check(
        "module Block(c, G: group) {\n  input x: [c, G.regular]\n  output y: [c, G.regular] = relu(linear(x))\n}\n"
        "module M {\n  input x: [4, Rot.regular]\n  a = Block(x, c=4, G=Rot)\n  b = Block(a, c=4, G=Rot)\n"
        "  output y: [1] = linear(b)\n  input z: [2, Flip.regular]\n  c = Block(z, c=2, G=Flip)\n"
        "  output w: [1] = linear(c)\n}\n"
    )
    assert made.ok
    assert made.spec is not None
    names = [m.key for m in made.spec.modules]
    assert names == ["Block_c4_GRot", "Block_c2_GFlip", "M"]
    assert made.spec.modules[-1].children == {
        "a": "Block_c4_GRot",
        "b": "Block_c4_GRot",
        "c": "Block_c2_GFlip",
    }


def test_two_reps_of_one_factor_and_a_product() -> None:
    made = module(
        "rep Rot.plane = matrix([x, y]) { r -> [[0, -1], [1, 0]] }\n"
        "module M {\n  input v: [5, Rot.plane, Flip.sign]\n  h: [2, Both.regular] = relu(linear(v))\n"
        "  output o: [Rot.plane.pseudoscalar] = linear(h)\n}\n"
    )
    assert made.factors == ("Rot", "Flip")
    assert made.node("o").type.factors == frozenset()  # det of a quarter turn is 1


# ---- guarantees -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "level"),
    [
        ("relu(x)", Level.EXACT),
        ("round(x)", Level.ALMOST_EVERYWHERE),
        ("round(relu(x))", Level.APPROXIMATE),
        ("relu(round(x))", Level.ALMOST_EVERYWHERE),
        ("sign(identity(x))", Level.ALMOST_EVERYWHERE),
        ("round(leaky_relu(x))", Level.ALMOST_EVERYWHERE),
        ("round(leaky_relu(x, negative_slope=0))", Level.APPROXIMATE),
        ("round(tanh(x))", Level.APPROXIMATE),
        ("round(x + x)", Level.ALMOST_EVERYWHERE),
        ("round(x + relu(x))", Level.APPROXIMATE),
        ("round(concat(x, x))", Level.APPROXIMATE),
        ("round(round(x))", Level.APPROXIMATE),
    ],
)
def test_levels(layer: str, level: Level) -> None:
    """A jump is certified almost everywhere, on inputs only; nothing heals it."""
    made = module(
        f"module M {{\n  input x: [4, Both.regular]\n  h = {layer}\n  output y: [1] = linear(pool(h, over=Both))\n}}\n"
    )
    assert made.node("h").level() is level
    assert made.node("y").level() is level


@pytest.mark.parametrize(
    ("layer", "claim", "found"),
    [
        ("relu(x)", "exactly invariant", []),
        ("round(x)", "almost everywhere invariant", []),
        ("round(x)", "invariant", ["EQS406"]),
        ("round(relu(x))", "almost everywhere invariant", ["EQS406"]),
        ("round(relu(x))", "approximately invariant", []),
        ("relu(x)", "equivariant", ["EQS405"]),
    ],
)
def test_a_claim_demands_its_level(layer: str, claim: str, found: list[str]) -> None:
    text = (
        f"module M {{\n  input x: [4, Both.regular]\n  output y: [1] = linear(pool({layer}, over=Both))\n"
        f"  ensure y {claim} under Rot * Flip\n}}\n"
    )
    assert codes(text) == found


@pytest.mark.parametrize(
    ("layer", "factor", "level"),
    [
        ("round(x)", "Rot", Level.ALMOST_EVERYWHERE),
        ("round(x)", "Flip", Level.EXACT),  # it acts on z alone
        ("round(pool(x, over=Rot))", "Rot", Level.APPROXIMATE),  # rounding differs under Rot
        ("round(pool(x, over=Rot))", "Flip", Level.EXACT),
        ("round(linear(x, z))", "Flip", Level.APPROXIMATE),
        ("Jump(pool(x, over=Rot))", "Rot", Level.APPROXIMATE),
        ("Jump(pool(x, over=Rot))", "Flip", Level.APPROXIMATE),  # it acts inside of the module
        ("Away(pool(x, over=Rot))", "Rot", Level.APPROXIMATE),
        (
            "Away(pool(x, over=Rot))",
            "Flip",
            Level.EXACT,
        ),  # inside of the module too, behind the jump
    ],
)
def test_levels_are_kept_for_every_factor(layer: str, factor: str, level: Level) -> None:
    """A jump weakens the factors that act on something before it, no others (rule R1)."""
    step = "  t: [4] = " + layer if "linear" in layer or layer[0] in "JA" else "  t = " + layer
    made = module(
        "module Jump {\n  input u: [4]\n  k: [4, Flip.regular] = round(linear(u))\n"
        "  output v: [4] = linear(k)\n}\n"
        "module Away {\n  input u: [4]\n  k: [4, Flip.regular] = linear(round(u))\n"
        "  output v: [4] = linear(k)\n}\n"
        "module M {\n  input x: [4, Rot.regular]\n  input z: [4, Flip.regular]\n"
        f"{step}\n  output y: [2, Flip.regular] = linear(t, z)\n}}\n"
    )
    assert made.node("t").levels[factor] is level
    assert made.node("y").levels[factor] is level


def test_an_output_that_promises_invariance_and_still_carries_a_group() -> None:
    assert codes(
        "module M {\n  input x: [4, Rot.regular, Flip.regular]\n  output y: [4, Rot.regular] = relu(x)\n}\n"
    ) == ["EQS405"]


# ---- other files ------------------------------------------------------------------------------------


def test_groups_of_a_used_file_keep_their_own_identity(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "lib.eqs").write_text(
        "eqspec 1\nparam width = 3\ngroup Rot = cyclic(3)\ntype Feature = [width, Rot.regular]\n"
        "module Layer {\n  input x: Feature\n  output y: Feature = relu(linear(x))\n}\n"
    )
    main = tmp_path / "main.eqs"
    main.write_text(
        'eqspec 1\nuse "lib.eqs" as lib\ngroup Rot = cyclic(4)\nmodule M {\n  input x: lib.Feature\n'
        "  input t: [Rot.regular]\n  a = lib.Layer(x)\n"
        "  h: [lib.width, lib.Rot.regular, Rot.regular] = relu(linear(a, t))\n"
        "  output y: [1] = linear(h)\n}\n"
    )
    result = check_file(main, "main.eqs", tmp_path)
    assert result.ok, [d.message for d in result.diagnostics]
    assert result.spec is not None
    made = result.spec.modules[-1]
    assert {name: group.order for name, group in made.groups.items()} == {"lib.Rot": 3, "Rot": 4}


@pytest.mark.parametrize(
    ("written", "inside"),
    [("../out.eqs", False), ("main.eqs", True), ("missing.eqs", True), ("/etc/passwd", False)],
)
def test_files_that_cannot_be_used(tmp_path: Path, written: str, inside: bool) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "out.eqs").write_text("eqspec 1\n")
    main = root / "main.eqs"
    main.write_text(f'eqspec 1\nuse "{written}" as lib\n')
    found = check_file(main, "main.eqs", root).diagnostics
    assert "EQS209" in {d.code for d in found}, inside


def test_a_link_does_not_lead_out_of_the_project(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "out.eqs").write_text("eqspec 1\ngroup G = cyclic(2)\n")
    (root / "link.eqs").symlink_to(tmp_path / "out.eqs")
    main = root / "main.eqs"
    main.write_text('eqspec 1\nuse "link.eqs" as lib\n')
    assert "EQS209" in {d.code for d in check_file(main, "main.eqs", root).diagnostics}


def test_parameters_from_outside() -> None:
    text = (
        "eqspec 1\nparam n = 4\ngroup S = symmetric(n)\nmodule M {\n"
        "  input x: [S.natural, 3]\n  output y: [1] = linear(x)\n}\n"
    )
    result = check_source(Source("x.eqs", text), overrides={"n": 7})
    assert result.ok
    assert result.spec is not None
    assert result.spec.modules[0].inputs[0].type.shapes == ((7, 3),)
    wrong = check_source(Source("x.eqs", text), overrides={"m": 7})
    assert [d.code for d in wrong.diagnostics] == ["EQS215"]


def test_a_product_of_vectors_is_a_tensor_without_a_layer() -> None:
    text = """eqspec 1
group O3 = orthogonal(3)
module M {
  input x: [4, O3.vector]
  t: [4, O3.tensor(2, 0)] = tensor_product(x, x, pairs=same)
  u: [4, O3.vector, 4, O3.vector] = tensor_product(x, x)
  w: [2, O3.tensor(2, 0)] = tensor_product(x, x)
  output y: [1] = linear(t, u, w)
}
"""
    spec = check_source(Source("products.eqs", text)).spec
    assert spec is not None
    module = spec.modules[0]
    assert module.node("t").op == module.node("u").op == "tensor_product"
    assert module.node("w").op == "linear"
    assert module.node(module.node("w").args[0]).op == "tensor_product"


def test_pooling_an_axis_takes_positions_where_positions_are_named() -> None:
    """Of two entries a flip is `regular` as well: equal matrices, another meaning."""
    found = module(
        """module M {
  input x: [3, Flip.regular, Flip.reverse(2)]
  a = pool(x, axis=Flip.reverse(2))
  b = pool(x, axis=Flip.regular)
  output y: [1] = linear(a, b)
}"""
    )
    labels = [str(node.type) for node in found.nodes if node.op == "pool"]
    assert labels == ["[3, Flip.regular]", "[3, Flip.reverse(2)]"]
    text = """module M {
  input x: [3, Flip.regular, Flip.regular]
  output y = pool(x, axis=Flip.regular)
}"""
    assert codes(text) == ["EQS407"]


def test_what_nothing_uses_is_told() -> None:
    """Also a representation, which is elaborated whether it is used or not; not in a library."""
    library = "eqspec 1\ngroup A = cyclic(2)\nrep A.turn = matrix(1) { r -> [[-1]] }\n"
    module = "module M {\n  input x: [A.regular]\n  output y: [1] = linear(x)\n}\n"
    used = module.replace("[A.regular]", "[A.turn] + [A.regular]")
    found = {
        name: [d.message for d in check_source(Source("m.eqs", text)).diagnostics]
        for name, text in (
            ("library", library),
            ("module", library + module),
            ("used", library + used),
        )
    }
    assert found == {
        "library": [],
        "module": ["the representation `A.turn` is not used"],
        "used": [],
    }
