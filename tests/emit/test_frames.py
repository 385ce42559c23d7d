"""`frame`, `center` and `difference` as emitted: rotations, motions and permutations of our own."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from frame_support import (
    HEAD,
    SIZES,
    Base,
    axes_of,
    modules,
    motion,
    moved,
    orthogonal,
    shape_of,
    shapes_of,
)

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source, compile_spec

torch = pytest.importorskip("torch")

# name, inputs, shapes that the base takes and returns, type of the output, methods, calls
CASES: list[tuple[str, str, str, str, str, str, int]] = [
    ("A", "[S.natural, O3.vector]", "[6, 3]", "[5]", "[5]", "[principal_axes, sort]", 8),
    (
        "B",
        "[S.natural, O3.vector], [S.natural, 2, O3.vector.axial], [O3.tensor(2, 0)]",
        "[6, 3], [6, 2, 3], [3, 3]",
        "[6, 3] + [3, 3] + [3] + [1] + [2]",
        "[S.natural, O3.vector] + [O3.tensor(1, 1)] + [O3.vector.axial] + [O3.vector.pseudoscalar]"
        " + [2]",
        "[principal_axes, sort]",
        8,
    ),
    ("C", "[2, R3.vector]", "[6]", "[12]", "[R3.vector] + [R3.tensor(0, 2)]", "gram_schmidt", 1),
    (
        "D",
        "[3, O3.vector], [S.natural, O3.vector]",
        "[3, 3], [6, 3]",
        "[6, 3] + [1]",
        "[S.natural, O3.covector] + [O3.vector.pseudoscalar]",
        "[gram_schmidt, sort]",
        1,
    ),
    ("G", "[4, E.point]", "[4, 3]", "[3] + [3]", "[E.point] + [E.vector.axial]", "gram_schmidt", 1),
    (
        "H",
        "[S.natural, E.point], [S.natural, E.vector]",
        "[6, 3], [6, 3]",
        "[6, 3] + [6] + [2, 3]",
        "[S.natural, E.point] + [S.natural] + [2, E.vector]",
        "[principal_axes, sort]",
        8,
    ),
    ("I", "[2, F.point], [F.point]", "[2, 2], [2]", "[2]", "[F.point]", "principal_axes", 2),
    (
        "J",
        "[S.natural, 2], [S.natural, S.natural]",
        "[48]",
        "[36]",
        "[S.natural, S.natural]",
        "sort",
        1,
    ),
    ("K", "[1, R2.vector]", "[2]", "[2]", "[R2.vector]", "gram_schmidt", 1),
    (
        "L",
        "[S.natural, R2.vector]",
        "[6, 2]",
        "[6, 2]",
        "[S.natural, R2.vector]",
        "[principal_axes, sort]",
        2,
    ),
    (
        "M",
        "[S.natural, O3.vector], [T.natural, O2.vector]",
        "[6, 3], [3, 2]",
        "[6, 3, 3, 2]",
        "[S.natural, O3.vector, T.natural, O2.vector]",
        "[principal_axes(O3), principal_axes(O2), sort(S), sort(T)]",
        32,
    ),
    (
        "N",
        "[O2.vector, O3.vector]",
        "[2, 3]",
        "[2, 3]",
        "[O2.vector, O3.vector]",
        "[principal_axes(O3), gram_schmidt(O2)]",
        8,
    ),
    (
        "P",
        "[S.natural, 2], [S.natural, O3.vector]",
        "[6, 2], [6, 3]",
        "[6, 3]",
        "[S.natural, O3.vector]",
        "[sort, gram_schmidt]",
        1,
    ),
    (  # three points lie in a plane: the last coordinate is 0 up to rounding, and must not sort
        "V",
        "[T.natural, E.point]",
        "[3, 3]",
        "[3, 3]",
        "[T.natural, E.point]",
        "[principal_axes, sort]",
        8,
    ),
    ("X", "[4, R3.vector]", "[4, 3]", "[3]", "[R3.vector]", "principal_axes", 4),
    ("Y", "[S.natural, R4.vector]", "[24]", "[4]", "[R4.vector]", "[principal_axes, sort]", 8),
    ("Q", "[3, O4.vector]", "[12]", "[4]", "[O4.vector]", "principal_axes", 16),
    ("U", "[3, R4.vector]", "[12]", "[4]", "[R4.vector]", "gram_schmidt", 1),
]


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    texts = []
    for name, inputs, takes, returns, target, by, _ in CASES:
        args = [f"x{k}" for k in range(len(axes_of(inputs)))]
        lines = [
            f"input {arg}: [{', '.join(axes)}]"
            for arg, axes in zip(args, axes_of(inputs), strict=True)
        ]
        call = f"frame(net, {', '.join(args)}, by={by})"
        lines += [f"base net: {takes} -> {returns}", f"output y: {target} = {call}"]
        texts.append(f"module {name} {{\n  " + "\n  ".join(lines) + "\n}\n")
    return modules("".join(texts), tmp_path_factory.mktemp("frames"), "framed")


def test_frames_are_equivariant_under_elements_of_our_own(emitted: ModuleType) -> None:
    for name, inputs, _, returns, target, _, calls in CASES:
        base = Base(shapes_of(returns))
        module = getattr(emitted, name)(base).double()
        rng = torch.Generator().manual_seed(1)
        blocks = axes_of(inputs)
        xs = [torch.randn(7, *shape_of(a), generator=rng, dtype=torch.float64) for a in blocks]
        kept = [x.clone() for x in xs]
        before = module(*xs)
        assert base.rows == 7 * calls, name
        before = [before] if len(axes_of(target)) == 1 else list(before)
        spread = max(float(y.std(0).max()) for y in before)
        assert spread > 1e-2, name
        for _ in range(5):
            g = motion(rng)
            after = module(*(moved(x, axes, g) for x, axes in zip(xs, blocks, strict=True)))
            after = [after] if len(axes_of(target)) == 1 else list(after)
            for found, y, axes in zip(after, before, axes_of(target), strict=True):
                expected = moved(y, axes, g)
                error = float((found - expected).abs().max())
                assert error <= 1e-10 * max(1.0, float(expected.abs().max())), (name, axes, error)
            if any("." in axis for axes in axes_of(target) for axis in axes):  # the control
                still = max(float((a - b).abs().max()) for a, b in zip(after, before, strict=True))
                assert still > 1e-2, name
        assert all(torch.equal(x, old) for x, old in zip(xs, kept, strict=True))


def test_gradients_are_finite_also_where_eigenvalues_are_equal(emitted: ModuleType) -> None:
    """Frames are detached: the derivative of eigenvectors is infinite at equal eigenvalues."""
    cube = torch.cat((torch.eye(3), -torch.eye(3))).double()[None].requires_grad_()
    module = emitted.A(Base([(5,)])).double()
    module(cube).square().sum().backward()
    assert torch.isfinite(cube.grad).all() and float(cube.grad.abs().max()) > 0
    zero = torch.zeros(1, 2, 3, dtype=torch.float64, requires_grad=True)
    y, t = emitted.C(Base([(12,)])).double()(zero)
    (y.sum() + t.square().sum()).backward()
    assert torch.isfinite(y).all() and torch.isfinite(zero.grad).all()


def test_a_sort_is_invariant_to_the_last_bit_also_with_equal_rows(tmp_path: Path) -> None:
    text = """module M {
  input x: [S.natural, 3]
  base net: [6, 3] -> [4]
  output y: [4] = frame(net, x, by=sort)
}
"""
    module = modules(text, tmp_path, "sorted_rows").M(Base([(4,)]))
    rng = torch.Generator().manual_seed(0)
    for _ in range(50):
        x = torch.randint(0, 2, (1, 6, 3), generator=rng).float()  # rows repeat
        order = torch.randperm(6, generator=rng)
        assert torch.equal(module(x), module(x[:, order]))


def test_what_happens_next_to_the_excepted_set(emitted: ModuleType) -> None:
    """Off the set the law holds however near it is, as far as the eigenvectors can be told apart; on it the
    answer depends on rounding, and is finite."""
    module: Callable[..., Any] = emitted.A(Base([(5,)])).double()
    rng = torch.Generator().manual_seed(2)
    cube = torch.cat((torch.eye(3), -torch.eye(3))).double()[None]
    g = orthogonal(rng, 3, False)
    assert torch.isfinite(module(cube)).all()
    assert float((module(cube @ g.T) - module(cube)).abs().max()) > 1e-3
    near = cube * torch.tensor([1.0, 1.01, 1.02], dtype=torch.float64)
    near = near + 1e-3 * torch.randn(1, 6, 3, generator=rng, dtype=torch.float64)
    assert float((module(near @ g.T) - module(near)).abs().max()) < 1e-9


@pytest.mark.slow
def test_whole_graphs_compile(emitted: ModuleType) -> None:
    rng = torch.Generator().manual_seed(3)
    for name, inputs, _, returns, _, _, _ in CASES:
        if name not in "BCHJM":
            continue
        module = getattr(emitted, name)(Base(shapes_of(returns))).double()
        xs = tuple(
            torch.randn(2, *shape_of(a), generator=rng, dtype=torch.float64)
            for a in axes_of(inputs)
        )
        expected = module(*xs)
        expected = expected if isinstance(expected, tuple) else (expected,)
        torch.compiler.reset()
        found = torch.compile(module, fullgraph=True, backend="eager")(*xs)
        found = found if isinstance(found, tuple) else (found,)
        for a, b in zip(found, expected, strict=True):
            assert float((a - b).abs().max()) <= 1e-9


def test_with_detach_false_the_gradient_is_that_of_the_function(tmp_path: Path) -> None:
    """Against central differences; with the frame held fixed it is another one."""
    text = "".join(
        f"""module {name} {{
  input x: [{count}, {group}.vector]
  base net: [{count}, 3] -> [1]
  output y: [1] = frame(net, x, by={by}{option})
}}
"""
        for name, group, count, by, option in (
            ("A", "O3", 4, "principal_axes", ", detach=false"),
            ("B", "R3", 2, "gram_schmidt", ", detach=false"),
            ("C", "O3", 4, "principal_axes", ""),
        )
    )
    made = modules(text, tmp_path, "attached")
    rng = torch.Generator().manual_seed(4)
    for name, count, same in (("A", 4, True), ("B", 2, True), ("C", 4, False)):
        module = getattr(made, name)(Base([(1,)])).double()
        x = torch.randn(1, count, 3, generator=rng, dtype=torch.float64, requires_grad=True)
        (found,) = torch.autograd.grad(module(x).sum(), x)
        with torch.no_grad():
            steps = 1e-6 * torch.eye(count * 3, dtype=torch.float64).reshape(-1, count, 3)
            expected = ((module(x + steps) - module(x - steps)) / 2e-6).reshape(x.shape)
        error = float((found - expected).abs().max() / expected.abs().max())
        assert (error < 1e-6) == same, (name, error)


def test_a_frame_that_no_input_defines_is_not_compiled() -> None:
    """What stands behind layers is not proved; here its vectors are always parallel."""
    text = """module M {
  input x: [1, O3.vector]
  h: [4, O3.vector] = linear(x)
  base net: [4, 3] -> [2]
  output y: [2] = frame(net, h, by=principal_axes)
}
"""
    result = compile_spec(check_source(Source("m.eqs", HEAD + text)), "m", "m.eqs", ["module"])
    assert "EQS424" in {d.code for d in result.diagnostics} and not result.files


@pytest.mark.slow
def test_emitted_tests_of_frames_and_points_pass(tmp_path: Path) -> None:
    """Of frames, of points and called modules, of sizes that are read at run time, and padded ones."""
    specs = Path(__file__).resolve().parents[1] / "corpus" / "specs"
    texts = {
        "points": HEAD + POINTS,
        "padded": PADDED,
        "pointcloud": (specs / "06_pointcloud.eqs").read_text("utf-8"),
        "nbody": (specs / "07_nbody.eqs").read_text("utf-8"),
    }
    for stem, text in texts.items():
        result = compile_spec(check_source(Source(f"{stem}.eqs", text)), stem, f"{stem}.eqs")
        assert result.files, [d.message for d in result.diagnostics]
        for file in result.files:
            (tmp_path / file.name).write_text(file.text, encoding="utf-8")
    for tool in (
        ("ruff", "check", "--isolated", "--no-cache", "."),
        ("ruff", "format", "--check", "--isolated", "--no-cache", "."),
        ("mypy", "--strict", "--config-file", "", "--cache-dir", str(tmp_path / "cache"), "."),
        ("pytest", "-q", "-p", "no:cacheprovider", "."),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *tool], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:]


POINTS = """
module Inner {
  input x: [S.natural, E.point]
  base net: [6, 3] -> [3, 3] + [1]
  output y: [E.tensor(1, 1)] + [E.vector.pseudoscalar]
    = frame(net, x, by=[principal_axes, sort])
}
module Outer {
  input x: [S.natural, E.point]
  input a: [E.point] + [2, E.vector]
  base net: [6, 3] -> [3, 3] + [1]
  base one: [4, 3] -> [3]
  c = center(x, over=S)
  i = Inner(x, net=net)
  w: [S.natural, E.vector] = linear(c, difference(x))
  output y: [S.natural, E.point] = x + w
  output z: [E.point] + [2, E.vector] = concat(a[0] + linear(w), linear(w))
  output t: [E.tensor(1, 1)] + [E.vector.pseudoscalar] = i
  output all: [E.point] + [S.natural, E.point] = concat(a[0], y)
  input p: [4, F.point]
  input q: [4, R3.vector]
  base two: [4, 2] -> [2]
  output f: [F.point] = frame(two, p, by=principal_axes)
  output g: [R3.vector.axial] = frame(one, q, by=gram_schmidt)
}
interface Moved {
  input x: [S.natural, E.point]
  output y: [E.point] + [F.vector]
}
"""
PADDED = """eqspec 1
param n = padded
group S = symmetric(n)
group O3 = orthogonal(3)
module Padded {
  input x: [S.natural, O3.vector]
  input z: [S.natural, O3.vector]
  c = center(x, over=S)
  w: [S.natural, O3.vector] = linear(difference(c))
  output s: [O3.vector] = linear(w, difference(x, z))
  output v: [S.natural, O3.vector] = linear(c, z)
  output r: [S.natural, S.natural, O3.vector] = difference(x)
}
"""


def random_case(rng: random.Random, number: int) -> tuple[str, str, str, str, str, str] | None:
    """A frame of random groups on random types: name, inputs, shapes of the base, target, methods."""
    names = {2: ("O2", "R2", "F"), 3: ("O3", "R3", "E"), 4: ("O4", "R4")}
    group = rng.choice(names[rng.choice((2, 3, 3, 4))])
    n, motions = SIZES[group], group in ("E", "F")
    special = group.startswith(("R", "F"))
    symmetric = rng.choice(("S", "T", ""))
    method = "principal_axes" if symmetric else rng.choice(("principal_axes", "gram_schmidt"))
    rows = n - 1 + (method == "gram_schmidt" and not special) + motions + rng.randrange(3)
    rows_axis = f"{symmetric}.natural" if symmetric else str(rows)
    if symmetric and SIZES[symmetric] < n - 1 + motions:
        return None
    vector = f"{group}.point" if motions and rng.random() < 0.8 else f"{group}.vector"
    if motions and vector.endswith("vector"):
        motions = False
    forms = ["vector", "covector", "tensor(1, 1)", "tensor(2, 0)"]
    if not special:
        forms += ["vector.axial", "vector.pseudoscalar"]

    def block(points: bool) -> str:
        axes = []
        if symmetric and rng.random() < 0.6:
            axes.append(f"{symmetric}.natural")
        if rng.random() < 0.4:
            axes.append(str(rng.randint(1, 3)))
        if points and rng.random() < 0.4:
            axes.append(f"{group}.point")
        elif rng.random() < 0.8:
            axes.append(f"{group}.{rng.choice(forms)}")
        rng.shuffle(axes)
        return f"[{', '.join(axes or ['2'])}]"

    inputs = [f"[{rows_axis}, {vector}]", *(block(motions) for _ in range(rng.randrange(3)))]
    target = [block(motions) for _ in range(rng.randint(1, 3))]
    shapes = [str(list(shape_of(axes))) for axes in axes_of(", ".join(inputs))]
    answers = [str(list(shape_of(axes))) for axes in axes_of(" + ".join(target))]
    by = f"[{method}({group})" + (f", sort({symmetric})]" if symmetric else "]")
    base = f"{', '.join(shapes)} -> {' + '.join(answers)}"
    return f"Z{number}", ", ".join(inputs), base, " + ".join(answers), " + ".join(target), by


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_frames_of_random_groups_and_types(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    cases = [case for k in range(40) if (case := random_case(chance, k)) is not None]
    texts = []
    for name, inputs, base, _, target, by in cases:
        blocks = axes_of(inputs)
        lines = [f"input x{k}: [{', '.join(axes)}]" for k, axes in enumerate(blocks)]
        args = ", ".join(f"x{k}" for k in range(len(blocks)))
        lines += [f"base net: {base}", f"output y: {target} = frame(net, {args}, by={by})"]
        texts.append(f"module {name} {{\n  " + "\n  ".join(lines) + "\n}\n")
    emitted = modules("".join(texts), tmp_path, f"random_{seed}")
    rng = torch.Generator().manual_seed(seed)
    for name, inputs, _, answers, target, by in cases:
        module = getattr(emitted, name)(Base(shapes_of(answers))).double()
        blocks, results = axes_of(inputs), axes_of(target)
        xs = [torch.randn(3, *shape_of(a), generator=rng, dtype=torch.float64) for a in blocks]
        before = module(*xs)
        before = [before] if len(results) == 1 else list(before)
        for _ in range(3):
            g = motion(rng)
            after = module(*(moved(x, axes, g) for x, axes in zip(xs, blocks, strict=True)))
            after = [after] if len(results) == 1 else list(after)
            for found, y, axes in zip(after, before, results, strict=True):
                expected = moved(y, axes, g)
                error = float((found - expected).abs().max())
                assert error <= 1e-9 * max(1.0, float(expected.abs().max())), (inputs, target, by)


def test_half_precision(emitted: ModuleType) -> None:
    """Frames are computed in single precision at least, and given back as the input is."""
    rng = torch.Generator().manual_seed(5)
    for name, inputs, _, returns, _, _, _ in CASES:
        module = getattr(emitted, name)(Base(shapes_of(returns)))
        blocks = axes_of(inputs)
        xs = [torch.randn(2, *shape_of(a), generator=rng) for a in blocks]
        full = module(*xs)
        rough = module.bfloat16()(*(x.bfloat16() for x in xs))
        pairs = [(full, rough)] if torch.is_tensor(full) else list(zip(full, rough, strict=True))
        for a, b in pairs:
            assert b.dtype == torch.bfloat16 and torch.isfinite(b).all() and a.shape == b.shape
