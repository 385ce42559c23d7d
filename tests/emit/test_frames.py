"""`frame`, `center` and `difference` as emitted: rotations, motions and permutations of our own."""

from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source, compile_spec

torch = pytest.importorskip("torch")

HEAD = """eqspec 1
group S = symmetric(6)
group T = symmetric(3)
group O2 = orthogonal(2)
group O3 = orthogonal(3)
group R2 = special_orthogonal(2)
group R3 = special_orthogonal(3)
group O4 = orthogonal(4)
group R4 = special_orthogonal(4)
group E = euclidean(3)
group F = special_euclidean(2)
"""
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
    ("Q", "[3, O4.vector]", "[12]", "[4]", "[O4.vector]", "principal_axes", 16),
    ("U", "[3, R4.vector]", "[12]", "[4]", "[R4.vector]", "gram_schmidt", 1),
]


class Base(torch.nn.Module):
    """A random nonlinear network, which counts what goes through it."""

    def __init__(self, returns: list[tuple[int, ...]]) -> None:
        super().__init__()
        self.returns, self.rows, self.calls = returns, 0, 0

    def forward(self, *xs: Any) -> Any:
        flat = torch.cat([x.flatten(1) for x in xs], dim=1)
        self.rows += len(flat)
        self.calls += 1
        ys = []
        for k, shape in enumerate(self.returns):
            first = mixed(flat.shape[1], 16, k).to(flat)
            last = mixed(16, math.prod(shape), k + 7).to(flat)
            ys.append((torch.tanh(flat @ first + 0.3) @ last).reshape(-1, *shape))
        return ys[0] if len(ys) == 1 else tuple(ys)


def mixed(rows: int, columns: int, k: int) -> Any:
    """A matrix without any structure."""
    numbers = torch.arange(rows * columns, dtype=torch.float64)
    return torch.sin(numbers.square() * 1.7 + k + 1.0).reshape(rows, columns)


def modules(texts: str, folder: Path, stem: str) -> ModuleType:
    result = compile_spec(
        check_source(Source(f"{stem}.eqs", HEAD + texts)), stem, f"{stem}.eqs", ["module"]
    )
    assert result.files, [d.message for d in result.diagnostics]
    path = folder / f"{stem}.py"
    path.write_text(result.files[0].text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shapes_of(text: str) -> list[tuple[int, ...]]:
    return [tuple(int(n) for n in part.strip("[] ").split(",")) for part in text.split("+")]


def orthogonal(rng: Any, n: int, special: bool) -> Any:
    q, r = torch.linalg.qr(torch.randn(n, n, generator=rng, dtype=torch.float64))
    q = q * r.diagonal().sign()
    if special and torch.linalg.det(q) < 0:
        q = torch.cat((-q[:, :1], q[:, 1:]), dim=1)
    return q


Motion = dict[str, Any]


def motion(rng: Any) -> Motion:
    """An element of every group: matrices, orders of rows, and steps of any length."""
    found: Motion = {"S": torch.randperm(6, generator=rng), "T": torch.randperm(3, generator=rng)}
    for name, n, special in (
        ("O2", 2, False),
        ("O3", 3, False),
        ("R2", 2, True),
        ("R3", 3, True),
        ("O4", 4, False),
        ("R4", 4, True),
        ("E", 3, False),
        ("F", 2, True),
    ):
        found[name] = orthogonal(rng, n, special)
        found[f"{name} step"] = 5 * torch.randn(n, generator=rng, dtype=torch.float64)
    return found


def moved(x: Any, axes: list[str], g: Motion) -> Any:
    """The element acts on a batch of blocks, whose axes are written as in the spec."""
    dim = 1
    for axis in axes:
        group, _, rep = axis.partition(".")
        if not rep:
            dim += 1
            continue
        if rep == "natural":
            x = x.index_select(dim, g[group])
            dim += 1
            continue
        q = g[group]
        times = sum(map(int, rep[7:-1].split(","))) if rep.startswith("tensor") else 1
        if rep == "vector.pseudoscalar":
            x = x * torch.linalg.det(q)
            dim += 1
            continue
        for _ in range(times):
            x = torch.movedim(torch.movedim(x, dim, -1) @ q.T, -1, dim)
            if rep == "point":
                x = torch.movedim(torch.movedim(x, dim, -1) + g[f"{group} step"], -1, dim)
            dim += 1
        if rep == "vector.axial":
            x = x * torch.linalg.det(q)
    return x


def axes_of(text: str) -> list[list[str]]:
    """`[S.natural, O3.tensor(2, 0)], [2]` as lists of axes, one for each block."""
    blocks = []
    for part in text.replace("] + [", "]|[").replace("], [", "]|[").split("|"):
        inner = (
            part.strip()[1:-1].replace(", 0)", ",0)").replace(", 1)", ",1)").replace(", 2)", ",2)")
        )
        blocks.append([axis.strip() for axis in inner.split(", ")])
    return blocks


SIZES = {"S": 6, "T": 3, "O2": 2, "O3": 3, "R2": 2, "R3": 3, "O4": 4, "R4": 4, "E": 3, "F": 2}


def shape_of(axes: list[str]) -> tuple[int, ...]:
    shape: list[int] = []
    for axis in axes:
        group, _, rep = axis.partition(".")
        if not rep:
            shape.append(int(group))
        elif rep == "vector.pseudoscalar":
            shape.append(1)
        else:
            times = sum(map(int, rep[7:-1].split(","))) if rep.startswith("tensor") else 1
            shape += [SIZES[group]] * times
    return tuple(shape)


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
