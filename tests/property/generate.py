"""Random specs as `.eqs` text, from a seed.

A spec grows line by line: every proposed layer is checked together with what stands before it, and a
layer that the checker refuses is counted and proposed anew. So a finished spec is legal, and the
refusals show how often the checker spoke. Tensors stay small.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from eqspec.diagnostics.model import Source
from eqspec.graph.model import Module, Node
from eqspec.graph.types import FlatAxis, PlainAxis, RepAxis, Type, block_entries
from eqspec.ops.averaging import Average
from eqspec.ops.pointwise import FUNCTIONS, allowed
from eqspec.pipeline import CheckResult, check_source

MAX_BLOCK = 36
MAX_MAP = 2_500
MAX_CALLS = 36


@dataclass(frozen=True)
class Rep:
    """A representation as one axis: its text and its shape."""

    text: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass
class Spec:
    """A finished spec: its text, what was checked, and how often a layer was refused."""

    seed: int
    text: str
    checked: CheckResult
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def ops(self) -> Counter[str]:
        assert self.checked.spec is not None
        return Counter(node.op for module in self.checked.spec.modules for node in module.nodes)


# ---- groups and representations ----------------------------------------------------------------------


def _cycles(images: Sequence[int], signs: Sequence[int] | None = None) -> str:
    """Images of points (and signs) in cycle notation."""
    n = len(images)
    signs = signs or [1] * n
    seen: set[int] = set()
    text = ""
    for start in range(n):
        if start in seen:
            continue
        points, at, sign = [], start, 1
        while True:
            points.append((at, sign))
            seen.add(at)
            sign *= signs[at]
            at = images[at]
            if at == start:
                break
        if sign < 0:  # the cycle runs through the negatives too
            points += [(p, -s) for p, s in points]
        if len(points) > 1:
            text += "(" + " ".join(("-" if s < 0 else "") + str(p) for p, s in points) + ")"
    return text or "()"


def _parts_of(n: int, rng: random.Random, allowed_lengths: Sequence[int]) -> list[list[int]]:
    points = list(range(n))
    rng.shuffle(points)
    cycles: list[list[int]] = []
    while points:
        length = rng.choice([k for k in allowed_lengths if k <= len(points)])
        cycles.append([points.pop() for _ in range(length)])
    return cycles


def _cyclic_images(
    n: int, order: int, rng: random.Random, signed: bool
) -> tuple[list[int], list[int]]:
    """A random (signed) permutation of n points whose order divides ``order``."""
    divisors = [k for k in range(1, order + 1) if order % k == 0]
    images, signs = list(range(n)), [1] * n
    for cycle in _parts_of(n, rng, divisors):
        for a, b in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
            images[a] = b
        if signed:
            for a in cycle:
                signs[a] = rng.choice([1, -1])
            if math.prod(signs[a] for a in cycle) < 0 and (order // len(cycle)) % 2:
                signs[cycle[0]] *= -1
    return images, signs


CYCLIC_MATRICES: dict[int, list[tuple[int, str]]] = {
    2: [
        (2, "[[1, 0], [1, -1]]"),
        (2, "[[0, 2], [1/2, 0]]"),
        (2, "[[0, -2], [-1/2, 0]]"),
        (2, "diag(1, -1)"),
        (3, "diag(1, -1, 1)"),
        (2, "[[3/5, 4/5], [4/5, -3/5]]"),
    ],
    3: [(2, "[[0, -1], [1, -1]]"), (2, "[[0, -1/2], [2, -1]]"), (3, "[[0,0,1],[1,0,0],[0,1,0]]")],
    4: [(2, "[[0, -1], [1, 0]]"), (2, "[[1, -2], [1, -1]]"), (3, "[[0,-1,0],[1,0,0],[0,0,-1]]")],
    5: [(4, "[[0,0,0,-1],[1,0,0,-1],[0,1,0,-1],[0,0,1,-1]]")],
    6: [(2, "[[1, -1], [1, 0]]"), (2, "[[0, -1], [1, -1]]")],
}
DIHEDRAL_MATRICES: dict[int, list[tuple[int, str, str]]] = {
    3: [(2, "[[0, -1], [1, -1]]", "[[0, 1], [1, 0]]")],
    4: [
        (2, "[[0, -1], [1, 0]]", "diag(1, -1)"),
        (2, "[[0, -2], [1/2, 0]]", "diag(1, -1)"),
        (3, "[[0, -1, 0], [1, 0, 0], [0, 0, 1]]", "diag(1, -1, -1)"),
    ],
}
MATRIX_GROUPS = [
    ("q = [[0, -1], [1, 0]]", 2, 4),
    ("q = [[0, -1], [1, 0]], p = diag(1, -1)", 2, 8),
    ("q = [[0, -1], [1, -1]], p = [[0, 1], [1, 0]]", 2, 6),
    ("q = [[0, -1/2], [2, -1]]", 2, 3),
    ("[[1, 0], [1, -1]]", 2, 2),
    ("a = diag(1, -1, 1), b = diag(-1, 1, 1)", 3, 4),
    ("a = [[0, 0, 1], [1, 0, 0], [0, 1, 0]], b = diag(-1, -1, 1)", 3, 12),
]


class Groups:
    """Random group declarations, user representations of them, and all axes they offer."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lines: list[str] = []
        self.reps: dict[str, list[Rep]] = {}
        self.products: dict[str, tuple[str, ...]] = {}
        self.generators: dict[str, list[str]] = {}
        self.permutes: dict[str, list[list[int]]] = {}
        for name in rng.sample(["A", "B", "Cam", "Mirror"], rng.choice([1, 1, 2, 2, 2, 3])):
            self._group(name)
        if len(self.reps) > 1 and rng.random() < 0.35:
            self._product(*rng.sample(sorted(self.reps), 2))

    @property
    def names(self) -> list[str]:
        return sorted(self.reps)

    def axis(self) -> Rep:
        return self.rng.choice(self.reps[self.rng.choice(self.names)])

    def _group(self, name: str) -> None:
        make = self.rng.choice(
            [
                self._cyclic,
                self._cyclic,
                self._cyclic,
                self._dihedral,
                self._dihedral,
                self._symmetric,
                self._alternating,
                self._klein,
                self._quaternion,
                self._permutations,
                self._matrices,
                self._matrices,
            ]
        )
        make(name)

    def _declare(self, name: str, value: str, generators: list[str], reps: list[Rep]) -> None:
        self.lines.append(f"group {name} = {value}")
        self.generators[name] = generators
        self.reps[name] = reps

    def _own(self, group: str, rep: str, kind: str, degree: int, images: Sequence[str]) -> Rep:
        body = "  ".join(
            f"{g} -> {image}" for g, image in zip(self.generators[group], images, strict=True)
        )
        self.lines.append(f"rep {group}.{rep} = {kind}({degree}) {{ {body} }}")
        made = Rep(f"{group}.{rep}", (degree,))
        self.reps[group].append(made)
        return made

    def _derived(self, rep: Rep, kind: str) -> None:
        """Dual, axial, determinant and selections of a representation."""
        group = rep.text.split(".")[0]
        extra = [Rep(f"{rep.text}.dual", rep.shape)] if kind == "matrix" else []
        if kind == "matrix":
            extra.append(Rep(f"{rep.text}.pseudoscalar", (1,)))
            extra.append(Rep(f"{rep.text}.axial", rep.shape))
        k = self.rng.randrange(rep.size)
        extra.append(Rep(f"{rep.text}[{k}]", (1,)))
        for one in self.rng.sample(extra, min(2, len(extra))):
            text = "\n".join(["eqspec 1", *self.lines, f"interface I {{ input x: [{one.text}] }}"])
            if check_source(Source("probe.eqs", text)).ok:
                self.reps[group].append(one)

    def _cyclic(self, name: str) -> None:
        rng, n = self.rng, self.rng.choice([2, 2, 2, 3, 3, 4, 4, 5, 6])
        reps = [Rep(f"{name}.regular", (n,)), Rep(f"{name}.shift({n})", (n,))]
        if n % 2 == 0:
            reps.append(Rep(f"{name}.sign", (1,)))
        if n == 2:
            reps += [
                Rep(f"{name}.reverse(3)", (3,)),
                Rep(f"{name}.hflip(2, 3)", (2, 3)),
                Rep(f"{name}.vflip(2, 2)", (2, 2)),
                Rep(f"{name}.rot180(2, 2)", (2, 2)),
                Rep(f"{name}.transpose(2)", (2, 2)),
            ]
        if n == 4:
            reps += [
                Rep(f"{name}.rot90(3, 3)", (3, 3)),
                Rep(f"{name}.grid(2, 2)", (2, 2)),
                Rep(f"{name}.shift(2)", (2,)),
            ]
        self._declare(name, f"cyclic({n})", ["r"], reps)
        if rng.random() < 0.5:
            size = rng.choice([2, 3, 4, 5])
            images, _ = _cyclic_images(size, n, rng, signed=False)
            self._own(name, "label", "permutation", size, [_cycles(images)])
        if rng.random() < 0.6:
            size = rng.choice([1, 2, 3, 4])
            images, signs = _cyclic_images(size, n, rng, signed=True)
            self._own(name, "joint", "signed_permutation", size, [_cycles(images, signs)])
        if rng.random() < 0.7 and n in CYCLIC_MATRICES:
            degree, image = rng.choice(CYCLIC_MATRICES[n])
            self._derived(self._own(name, "world", "matrix", degree, [image]), "matrix")
        self.permutes[name] = [[(k + 1) % n for k in range(n)]]

    def _dihedral(self, name: str) -> None:
        rng, n = self.rng, self.rng.choice([3, 3, 4, 4, 5])
        reps = [
            Rep(f"{name}.regular", (2 * n,)),
            Rep(f"{name}.sign", (1,)),
        ]
        if n == 4:
            reps += [Rep(f"{name}.grid(3, 3)", (3, 3)), Rep(f"{name}.grid(2, 2)", (2, 2))]
        self._declare(name, f"dihedral({n})", ["r", "s"], reps)
        turn, flip = [(k + 1) % n for k in range(n)], [-k % n for k in range(n)]
        self.permutes[name] = [turn, flip]
        self._own(name, "corner", "permutation", n, [_cycles(turn), _cycles(flip)])
        if rng.random() < 0.5:
            signs = [[1] * n, [-1] * n]
            self._own(
                name,
                "odd",
                "signed_permutation",
                n,
                [_cycles(p, s) for p, s in zip(self.permutes[name], signs, strict=True)],
            )
        if n in DIHEDRAL_MATRICES and rng.random() < 0.8:
            degree, r, s = rng.choice(DIHEDRAL_MATRICES[n])
            self._derived(self._own(name, "world", "matrix", degree, [r, s]), "matrix")

    def _symmetric(self, name: str) -> None:
        n = self.rng.choice([3, 3, 4, 5])
        reps = [Rep(f"{name}.natural", (n,)), Rep(f"{name}.sign", (1,))]
        if n == 3:
            reps.append(Rep(f"{name}.regular", (6,)))
        self._declare(name, f"symmetric({n})", ["t", "c"], reps)
        swap = [1, 0, *range(2, n)]
        self.permutes[name] = [swap, [(k + 1) % n for k in range(n)]]
        if n == 3 and self.rng.random() < 0.6:
            self._derived(
                self._own(name, "plane", "matrix", 2, ["[[0, 1], [1, 0]]", "[[0, -1], [1, -1]]"]),
                "matrix",
            )

    def _alternating(self, name: str) -> None:
        self._declare(
            name,
            "alternating(4)",
            ["t", "c"],
            [Rep(f"{name}.natural", (4,)), Rep(f"{name}.regular", (12,))],
        )

    def _klein(self, name: str) -> None:
        reps = [Rep(f"{name}.regular", (4,)), Rep(f"{name}.grid(2, 3)", (2, 3))]
        self._declare(name, "klein()", ["a", "b"], reps)
        self.permutes[name] = [[1, 0, 3, 2], [2, 3, 0, 1]]
        self._own(name, "label", "permutation", 3, ["(0 1)", "()"])
        self._own(name, "joint", "signed_permutation", 3, ["(0 -0)", "(1 -1)(0 -0)"])
        if self.rng.random() < 0.6:
            self._derived(
                self._own(name, "world", "matrix", 2, ["diag(1, -1)", "diag(-1, 1)"]), "matrix"
            )

    def _quaternion(self, name: str) -> None:
        self._declare(name, "quaternion()", ["i", "j"], [Rep(f"{name}.regular", (8,))])
        # left multiplication on 1, i, j, k
        self._own(
            name,
            "left",
            "signed_permutation",
            4,
            ["(0 1 -0 -1)(2 3 -2 -3)", "(0 2 -0 -2)(1 -3 -1 3)"],
        )

    def _permutations(self, name: str) -> None:
        n = self.rng.choice([3, 4, 4])
        images = []
        for _ in range(self.rng.choice([1, 2])):
            points = list(range(n))
            self.rng.shuffle(points)
            images.append(points)
        named = [f"{letter} = {_cycles(p)}" for letter, p in zip("ab", images, strict=False)]
        self._declare(
            name,
            f"permutations({n}) generated by {', '.join(named)}",
            list("ab")[: len(images)],
            [Rep(f"{name}.natural", (n,)), Rep(f"{name}.sign", (1,))],
        )
        self.permutes[name] = images
        if n == 3:
            self._own(name, "more", "permutation", n + 1, [_cycles([*p, n]) for p in images])

    def _matrices(self, name: str) -> None:
        text, n, order = self.rng.choice(MATRIX_GROUPS)
        generators = [part.split("=")[0].strip() for part in text.split("], ") if "=" in part]
        reps = [
            Rep(f"{name}.vector", (n,)),
            Rep(f"{name}.vector", (n,)),
            Rep(f"{name}.covector", (n,)),
            Rep(f"{name}.regular", (order,)),
        ]
        self._declare(name, f"matrices({n}) generated by {text}", generators, reps)
        self._derived(reps[0], "matrix")

    def _product(self, a: str, b: str) -> None:
        rng = self.rng
        self.lines.append(f"group Both = {a} * {b}")
        self.products["Both"] = (a, b)
        self.reps["Both"] = []
        orders = [
            next((r.size for r in self.reps[g] if r.text == f"{g}.regular"), 99) for g in (a, b)
        ]
        if math.prod(orders) <= 24:
            self.reps["Both"].append(Rep("Both.regular", (math.prod(orders),)))
        if a in self.permutes and b in self.permutes:
            na, nb = len(self.permutes[a][0]), len(self.permutes[b][0])
            if na * nb <= 16:  # pairs of points, some of them negated by the first factor
                signed = rng.random() < 0.4
                names = [f"{a}.{g}" for g in self.generators[a]]
                names += [f"{b}.{g}" for g in self.generators[b]]
                images = [
                    [p[i] * nb + j for i in range(na) for j in range(nb)] for p in self.permutes[a]
                ]
                images += [
                    [i * nb + p[j] for i in range(na) for j in range(nb)] for p in self.permutes[b]
                ]
                kind = "permutation"
                signs = [[1] * (na * nb)] * len(images)
                if signed and self.generators[a] == ["r"] and na % 2 == 0:
                    kind, signs = "signed_permutation", [[-1] * (na * nb), *signs[1:]]
                self.generators["Both"] = names
                self._own(
                    "Both",
                    "pair",
                    kind,
                    na * nb,
                    [_cycles(p, s) for p, s in zip(images, signs, strict=True)],
                )
        if not self.reps["Both"]:
            del self.reps["Both"]


# ---- types ---------------------------------------------------------------------------------------------


class Types:
    """Random types as text."""

    def __init__(self, rng: random.Random, groups: Groups, named: bool) -> None:
        self.rng, self.groups, self.named = rng, groups, named

    def plain(self) -> tuple[str, int]:
        if self.named and self.rng.random() < 0.5:
            return "c", 2
        size = self.rng.choice([1, 2, 2, 3])
        return str(size), size

    def block(self, axes: Sequence[Rep] | None = None) -> str:
        rng = self.rng
        reps = (
            list(axes)
            if axes is not None
            else [self.groups.axis() for _ in range(rng.choice([0, 1, 1, 1, 1, 1, 2, 2, 2]))]
        )
        parts: list[tuple[str, int]] = [(rep.text, rep.size) for rep in reps]
        for _ in range(rng.choice([0, 0, 1, 1, 2]) if parts else rng.choice([1, 2])):
            parts.append(self.plain())
        while math.prod(size for _, size in parts) > MAX_BLOCK and len(parts) > 1:
            parts.remove(max(parts, key=lambda part: part[1]))
        if rng.random() < 0.05 and parts and len(parts) < 3:
            parts[0] = (self.flat(), 1)
        rng.shuffle(parts)
        text = "[" + ", ".join(part for part, _ in parts) + "]"
        return f"2x{text}" if rng.random() < 0.06 and len(parts) < 3 else text

    def flat(self) -> str:
        fields = []
        for name in self.rng.sample(["pos", "vel", "rest"], self.rng.choice([2, 3])):
            axis = self.groups.axis()
            inner = f"[{axis.text}]" if axis.size <= 9 else "[2]"
            if self.rng.random() < 0.2:
                inner = "fixed [1]"
            elif self.rng.random() < 0.15:
                inner += f" + [{self.groups.axis().text}]"
            fields.append(f"{name}: {inner}")
        return "flat { " + ", ".join(fields) + " }"

    def type(self) -> str:
        choice = self.rng.random()
        if choice < 0.12:
            return self.flat()
        if choice < 0.27:
            return f"{self.block()} + {self.block()}"
        return self.block()


# ---- modules -------------------------------------------------------------------------------------------

TEMPLATE = """\
module Sub(k, G: group) {
  input x: [k, G.regular]
  h: [k, G.regular] = gelu(linear(x))
  output main: [k, G.regular] = h + x
  output flat_part: [k] = pool(h, over=G, by=mean)
}
"""
TEMPLATE_BASE = """\
module Sub(k, G: group) {
  input x: [k, G.regular]
  base net: [k] -> [k]
  m: [k] = pool(x, over=G, by=max)
  output main: [k, G.regular] = linear(x, m)
  output flat_part: [k] = equitune(net, m)
}
"""


class Grower:
    """Grows one module, line by line."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.groups = Groups(rng)
        self.named = rng.random() < 0.3
        self.types = Types(rng, self.groups, self.named)
        self.template = rng.choice(["", "", "", TEMPLATE, TEMPLATE_BASE])
        self.lines: list[str] = []
        self.layers: list[str] = []
        self.count = 0
        self.refused: Counter[str] = Counter()
        self.module: Module | None = None
        self.checked: CheckResult | None = None

    def text(self, extra: Sequence[str] = ()) -> str:
        head = ["eqspec 1", "", *(["param c = 2"] if self.named else []), *self.groups.lines, ""]
        body = [f"  {line}" for line in (*self.lines, *extra)]
        return "\n".join([*head, self.template, "module Net {", *body, "}", ""])

    def _try(self, lines: Sequence[str], probe: Sequence[str]) -> bool:
        """Keep the lines if the checker accepts them; ``probe`` are lines for this check only."""
        checked = check_source(Source("random.eqs", self.text([*lines, *probe])))
        if not checked.ok:
            for diagnostic in checked.diagnostics:
                if diagnostic.severity.name == "ERROR":
                    self.refused[diagnostic.code] += 1
            return False
        assert checked.spec is not None
        module = next(m for m in checked.spec.modules if m.name == "Net")
        for node in module.nodes:
            if isinstance(node.data, Average) and node.data.calls > MAX_CALLS:
                return False
        self.lines += lines
        self.module, self.checked = module, checked
        return True

    def _node(self, name: str) -> Node:
        assert self.module is not None
        return self.module.node(name)

    def _some(self, many: int = 1) -> list[str]:
        """Names of features, recent ones first."""
        pool = self.features
        weights = [1 + k for k in range(len(pool))]
        found = dict.fromkeys(self.rng.choices(pool, weights, k=many))
        return list(found)

    @property
    def features(self) -> list[str]:
        assert self.module is not None
        return [
            node.name
            for node in self.module.nodes
            if "." not in node.name and node.op != "call" and node.name != "probe"
        ]

    def _fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def inputs(self) -> bool:
        """One to three inputs; False if none was accepted."""
        for _ in range(self.rng.choice([1, 2, 2, 3])):
            for _ in range(6):
                name = self._fresh("x")
                line = f"input {name}: {self.types.type()}"
                if self.rng.random() < 0.06:
                    line = f"input {name}: fixed [3]"
                if self._try([line], [f"output probe = identity({name})"]):
                    break
        return self.module is not None

    def one(self, op: str) -> str | None:
        """A module of inputs and one layer made by ``op``, as text; None if the checker refused all."""
        makers = {
            "linear": self._linear,
            "pointwise": self._pointwise,
            "pool": self._pool,
            "+": self._sum,
            "concat": self._concat,
            "fuse": self._fuse,
            "coset": self._coset,
            "call": self._call,
            "layer_norm": partial(self._norm, "layer_norm"),
            "rms_norm": partial(self._norm, "rms_norm"),
            "batch_norm": partial(self._norm, "batch_norm"),
        }
        if not self.inputs():
            return None
        for _ in range(12):
            if op in makers:
                lines = makers[op]()
            else:
                names = self._some(self.rng.choice([1, 1, 2]))
                lines = self._with_base(op, names, self._target(names))
            if not lines:
                continue
            last = lines[-1].split(":")[0].split("=")[0].strip()
            if self._try([*lines, f"output out = identity({last})"], []):
                text = self.text()
                return text if "= Sub(" in text else text.replace(self.template + "\n", "", 1)
        return None

    def grow(self) -> bool:
        if not self.inputs():
            return False
        wanted = self.rng.choice([2, 3, 4, 5])
        makers: list[Callable[[], list[str]]] = [
            self._linear,
            self._linear,
            self._linear,
            self._activated,
            self._pointwise,
            self._pool,
            self._pool,
            self._sum,
            self._concat,
            self._piece,
            self._average,
            self._average,
            self._fuse,
            self._call,
            self._named_each,
        ]
        makers += [self._call] * (4 if self.template else 0)
        made, tries = 0, 0
        while made < wanted and tries < 12 * wanted:
            tries += 1
            lines = self.rng.choice(makers)()
            if not lines:
                continue
            last = lines[-1].split(":")[0].split("=")[0].strip()
            self.layers = lines
            if self._try(lines, [f"output probe = identity({last})"]):
                made += 1
        return made > 0 and self._finish()

    def _finish(self) -> bool:
        rng = self.rng
        names = [n for n in self.features if self._node(n).op != "input"] or self.features
        chosen = list(
            dict.fromkeys([names[-1], *rng.sample(names, min(len(names), rng.choice([0, 1])))])
        )
        lines = [f"output out_{name} = identity({name})" for name in chosen]
        last = self._linear() if rng.random() < 0.4 else []
        if last:
            lines.append(f"output {last[0]}")
        type_ = self._node(chosen[0]).type
        acting = sorted(type_.factors)
        alone = [g for g in self.groups.names if g not in self.groups.products]
        if acting and rng.random() < 0.5:
            lines.append(f"ensure out_{chosen[0]} equivariant under {rng.choice(acting)}")
        free = [g for g in alone if g not in acting and g in self.module.groups]  # type: ignore[union-attr]
        if free and rng.random() < 0.5:
            lines.append(f"ensure out_{chosen[0]} invariant under {rng.choice(free)}")
        if self._try(lines, []):
            return True
        return self._try(lines[: len(chosen)], [])

    # ---- layers

    def _target(self, names: Sequence[str]) -> str:
        """A type that is often reachable: axes of the sources, regular ones, plain ones."""
        rng = self.rng
        if rng.random() < 0.35:
            return self.types.type()
        axes: list[Rep] = []
        for name in names:
            for block in self._node(name).type.blocks:
                axes += [
                    Rep(str(axis), axis.shape)
                    for axis in block.axes
                    if isinstance(axis, RepAxis) and rng.random() < 0.6
                ]
        factors = sorted({f for name in names for f in self._node(name).type.factors})
        for factor in factors:
            regular = [r for r in self.groups.reps.get(factor, []) if r.text.endswith(".regular")]
            if regular and rng.random() < 0.4:
                axes.append(regular[0])
        rng.shuffle(axes)
        return self.types.block(axes[:2])

    def _fits(self, names: Sequence[str], target: str) -> bool:
        del target
        return sum(self._node(n).type.size for n in names) * MAX_BLOCK <= 4 * MAX_MAP

    def _linear(self) -> list[str]:
        names = self._some(self.rng.choice([1, 1, 2, 3]))
        target = self._target(names)
        if not self._fits(names, target):
            return []
        option = self.rng.choice(["", "", "", ", bias=false", ", bias=true"])
        return [f"{self._fresh('h')}: {target} = linear({', '.join(names)}{option})"]

    def _named_each(self) -> list[str]:
        if not self.named:
            return []
        names = [
            n
            for n in self.features
            if all(
                sum(1 for a in b.axes if isinstance(a, PlainAxis) and a.name == "c") == 1
                for b in self._node(n).type.blocks
            )
        ]
        if not names:
            return []
        name = self.rng.choice(names)
        axes = [self.groups.axis().text] if self.rng.random() < 0.8 else ["2"]
        axes.append("c")
        self.rng.shuffle(axes)
        return [f"{self._fresh('h')}: [{', '.join(axes)}] = linear({name}, each=c)"]

    def _function(self, type_: Type) -> str | None:
        """A pointwise function that is legal on a type, or now and then any."""
        if self.rng.random() < 0.07:
            return self.rng.choice(sorted(FUNCTIONS))
        values = set()
        for block in type_.blocks:
            for factor, group in type_.groups.items():
                for number in range(len(group.generators)):
                    entries = block_entries(block, factor, number)
                    if entries is None:
                        return None
                    values |= entries
        fine = [n for n, f in FUNCTIONS.items() if all(allowed(f.scalings, s) for s in values)]
        fine = [n for n in fine if n not in ("exp", "square")]  # values stay small
        return self.rng.choice(fine) if fine else None

    def _pointwise(self) -> list[str]:
        (name,) = self._some()
        function = self._function(self._node(name).type)
        if function is None:
            return []
        option = ""
        if function == "leaky_relu" and self.rng.random() < 0.5:
            option = ", negative_slope=0.2"
        if function in ("elu", "celu") and self.rng.random() < 0.5:
            option = ", alpha=1.5"
        return [f"{self._fresh('p')} = {function}({name}{option})"]

    def _norm(self, op: str) -> list[str]:
        """A norm of a random feature, with random options, legal or not."""
        rng = self.rng
        (name,) = self._some()
        blocks = self._node(name).type.blocks
        options: list[str] = []
        axes = [
            str(axis) if isinstance(axis, RepAxis) else axis.name
            for axis in blocks[0].axes
            if isinstance(axis, RepAxis) or (isinstance(axis, PlainAxis) and axis.name)
        ]
        if axes and rng.random() < 0.5:
            each = rng.sample(axes, rng.choice([1, 1, min(2, len(axes))]))
            options.append(f"each=[{', '.join(str(axis) for axis in each)}]")
        elif op == "rms_norm" and len(blocks) > 1 and rng.random() < 0.7:
            options.append("joint=true")
        if rng.random() < 0.2:
            options.append("affine=false")
        elif op != "rms_norm" and rng.random() < 0.3:
            options.append(f"bias={rng.choice(['true', 'false'])}")
        if rng.random() < 0.3:
            options.append("eps=1e-3")
        return [f"{self._fresh('n')} = {op}({', '.join([name, *options])})"]

    def _activated(self) -> list[str]:
        lines = self._linear()
        if not lines:
            return []
        head, _, value = lines[0].partition(" = ")
        function = self.rng.choice(["relu", "tanh", "gelu", "elu", "sin", "abs", "softplus"])
        return [f"{head} = {function}({value})"]

    def _pool(self) -> list[str]:
        (name,) = self._some()
        type_ = self._node(name).type
        how = self.rng.choice(["mean", "sum", "max"])
        axes = [a for b in type_.blocks for a in b.axes if isinstance(a, RepAxis)]
        if axes and self.rng.random() < 0.3:
            axis = self.rng.choice(axes)
            return [f"{self._fresh('p')} = pool({name}, axis={axis}, by={how})"]
        if not type_.factors:
            return []
        over = self.rng.choice(sorted(type_.factors))
        if "Both" in self.groups.products and self.rng.random() < 0.3:
            over = "Both"
        return [f"{self._fresh('p')} = pool({name}, over={over}, by={how})"]

    def _sum(self) -> list[str]:
        (name,) = self._some()
        same = [n for n in self.features if self._node(n).type == self._node(name).type]
        if len(same) > 1 and self.rng.random() < 0.6:
            return [f"{self._fresh('s')} = {' + '.join(self.rng.sample(same, 2))}"]
        other = self._some()[0]
        if "flat" in str(self._node(name).type) or "fixed" in str(self._node(name).type):
            return []
        return [f"{self._fresh('s')}: {self._node(name).type} = linear({other}) + {name}"]

    def _concat(self) -> list[str]:
        a, b = self._some()[0], self._some()[0]
        types = [self._node(n).type for n in (a, b)]
        choice = self.rng.random()
        if choice < 0.4:
            declared = f"{types[0]} + {types[1]}"
        elif choice < 0.7:
            declared = f"flat {{ left: {types[0]}, right: {types[1]} }}"
        else:
            return [f"{self._fresh('j')} = concat({a}, {b})"]
        if len(declared) > 300 or sum(t.size for t in types) > 2 * MAX_BLOCK:
            return []
        return [f"{self._fresh('j')}: {declared} = concat({a}, {b})"]

    def _piece(self) -> list[str]:
        many = [n for n in self.features if len(self._node(n).type.blocks) > 1]
        flats = [
            (n, axis.fields)
            for n in self.features
            if len(self._node(n).type.blocks) == 1
            for axis in self._node(n).type.blocks[0].axes
            if isinstance(axis, FlatAxis)
        ]
        if flats and (not many or self.rng.random() < 0.5):
            name, fields = self.rng.choice(flats)
            return [f"{self._fresh('f')} = {name}.{self.rng.choice(fields)[0]}"]
        if many:
            name = self.rng.choice(many)
            blocks = len(self._node(name).type.blocks)
            return [f"{self._fresh('f')} = {name}[{self.rng.randrange(blocks)}]"]
        return []

    def _signature(self, types: Sequence[Type], flattened: bool) -> str:
        shapes = [shape for type_ in types for shape in type_.shapes]
        if flattened:
            return f"[{sum(math.prod(shape) for shape in shapes)}]"
        return ", ".join("[" + ", ".join(map(str, shape)) + "]" for shape in shapes)

    def _with_base(self, op: str, names: list[str], target: str) -> list[str]:
        """A layer with a base whose signature is that of the target, found by a probe."""
        name, base = self._fresh("e"), self._fresh("net")
        probe = check_source(
            Source(
                "probe.eqs",
                self.text([f"input {name}: {target}", f"output probe = identity({name})"]),
            )
        )
        if not probe.ok or probe.spec is None:
            return []
        made = next(m for m in probe.spec.modules if m.name == "Net").node(name).type
        if made.size > 2 * MAX_BLOCK:
            return []
        takes = self._signature([self._node(n).type for n in names], self.rng.random() < 0.35)
        gives = self._signature([made], self.rng.random() < 0.35).replace("], [", "] + [")
        return [
            f"base {base}: {takes} -> {gives}",
            f"{name}: {target} = {op}({base}, {', '.join(names)})",
        ]

    def _average(self) -> list[str]:
        names = self._some(self.rng.choice([1, 1, 2]))
        op = self.rng.choice(["equitune", "multi_equitune"])
        return self._with_base(op, names, self._target(names))

    def _coset(self) -> list[str]:
        """Canonicalised over a random subgroup, by a functional or a network."""
        names = self._some(self.rng.choice([1, 1, 2]))
        acting = sorted({f for n in names for f in self._node(n).type.factors})
        lines = self._with_base("coset", names, self._target(names))
        if not lines or not acting:
            return []
        options = []
        kind = self.rng.random()
        if kind < 0.3 and len(acting) > 1:
            options.append(f"average={self.rng.choice(acting)}")
        group = self.rng.choice(acting)
        letters = self.groups.generators[group]
        if 0.3 <= kind < 0.8 and letters:
            words = [
                " * ".join(
                    f"{self.rng.choice(letters)}^{self.rng.choice([1, 1, 2, 3])}" for _ in range(k)
                )
                for k in self.rng.choice([[1], [2], [1, 1]])
            ]
            own = self._fresh("Sub")
            self.groups.lines.append(f"group {own} = subgroup({group}, {', '.join(words)})")
            options.append(f"average={own}")
        if self.rng.random() < 0.3:
            options.append("ties=average")
        if self.rng.random() < 0.2:
            energy = self._fresh("energy")
            takes = lines[0].partition(":")[2].partition("->")[0]
            lines.insert(0, f"base {energy}:{takes}-> [1]")
            options.append(f"by={energy}")
        lines[-1] = f"{lines[-1][:-1]}{''.join(f', {option}' for option in options)})"
        return lines

    def _fuse(self) -> list[str]:
        names = self._some()
        acting = self._node(names[0]).type.factors
        others = [
            g for g in self.groups.names if not {g, *self.groups.products.get(g, ())} & acting
        ]
        if not others or (set(self.groups.products) & acting):
            return []
        axis = self.rng.choice(self.groups.reps[self.rng.choice(others)])
        return self._with_base("fuse", names, self.types.block([axis]))

    def _call(self) -> list[str]:
        if not self.template:
            return []
        found = []
        for name in self.features:
            blocks = self._node(name).type.blocks
            if len(blocks) != 1 or len(blocks[0].axes) != 2:
                continue
            channels, axis = blocks[0].axes
            if (
                isinstance(channels, PlainAxis)
                and isinstance(axis, RepAxis)
                and axis.rep.label.endswith(".regular")
            ):
                found.append((name, channels.size, axis.rep.label.removesuffix(".regular")))
        if not found:
            groups = [g for g in self.groups.names if g not in self.groups.products]
            group = self.rng.choice(groups)
            if not any(r.text == f"{group}.regular" for r in self.groups.reps[group]):
                return []
            name, size = self._fresh("h"), 2
            base = [f"{name}: [2, {group}.regular] = linear({self._some()[0]})"]
        else:
            name, size, group = self.rng.choice(found)
            base = []
        call, out, extra = self._fresh("sub"), self._fresh("y"), ""
        if self.template == TEMPLATE_BASE:
            inner = self._fresh("net")
            base, extra = [*base, f"base {inner}: [{size}] -> [{size}]"], f", net={inner}"
        return [
            *base,
            f"{call} = Sub({name}, k={size}, G={group}{extra})",
            f"{out} = {call}.{self.rng.choice(['main', 'flat_part'])}",
        ]


def random_spec(seed: int) -> Spec:
    """A legal random spec."""
    refused: Counter[str] = Counter()
    for attempt in range(50):
        grower = Grower(random.Random(f"{seed}/{attempt}"))
        done = grower.grow()
        refused += grower.refused
        if done:
            assert grower.checked is not None
            text = grower.text()
            if grower.template and "= Sub(" not in text:
                text = text.replace(grower.template + "\n", "")
                grower.checked = check_source(Source("random.eqs", text))
            return Spec(seed, text, grower.checked, refused)
    raise AssertionError(f"no legal spec for seed {seed}")
