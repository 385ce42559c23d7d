"""Emitted modules under the true action of their groups, with elements that the compiler has never seen.

The elements and their matrices come from the oracle: a random rotation instead of the generators, a boost,
a matrix of negative determinant. What the checker accepts as exact must follow them.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping

import numpy as np
import runner
import torch
from checks import key_class
from oracle import Array, Element, Group, Rep, modified

from eqspec.diagnostics.model import Severity, Source
from eqspec.graph.model import Level, Module
from eqspec.graph.types import Block, PlainAxis, RepAxis, Type
from eqspec.ops import OPS
from eqspec.ops.pointwise import FUNCTIONS
from eqspec.pipeline import CheckResult, check_source, compile_spec

BATCH = 6
ON_GRIDS = re.compile(r"conv|pool\dd|patch|resize|upsample|pad")  # attacked by tests of their own


class Unknown(Exception):  # noqa: N818 - says what happened
    """The oracle has no such representation."""


def rep_named(group: Group, text: str) -> Rep:
    for rep in group.reps:
        if rep.text == text:
            return rep
    stem, _, last = text.rpartition(".")
    if stem and last in ("dual", "axial", "pseudoscalar"):
        for rep in modified(rep_named(group, stem), orthogonal=True):
            if rep.text == text:
                return rep
    raise Unknown(text)


def action(block: Block, groups: Mapping[str, Group], element: Mapping[str, Element]) -> Array:
    total = np.eye(1)
    for axis in block.axes:
        if isinstance(axis, PlainAxis):
            own = np.eye(axis.size)
        elif isinstance(axis, RepAxis):
            name, _, text = axis.rep.label.partition(".")
            own = rep_named(groups[name], text).matrix(element[name])
        else:
            raise Unknown(str(axis))
        total = np.kron(total, own)
    return total


def moved(
    xs: tuple[Array, ...],
    type_: Type,
    groups: Mapping[str, Group],
    elements: list[dict[str, Element]],
) -> tuple[Array, ...]:
    """Every sample of a batch by its own element."""
    made = []
    for x, block in zip(xs, type_.blocks, strict=True):
        rows = [
            (action(block, groups, g) @ row.reshape(-1)).reshape(row.shape)
            for row, g in zip(x, elements, strict=True)
        ]
        made.append(np.stack(rows))
    return tuple(made)


def draw_element(group: Group, rng: np.random.Generator) -> Element:
    if group.elements is not None:
        return group.elements[int(rng.integers(len(group.elements)))]
    assert group.draw is not None
    return group.draw(rng)


def violation(
    checked: CheckResult, groups: Mapping[str, Group], seed: int, train: bool = False
) -> dict[str, float]:
    """For every exact output of every module the largest relative error under the true action."""
    result = compile_spec(checked, "attacked", "attacked.eqs", emit=["module"])
    assert result.files, [d.message for d in result.diagnostics if d.severity is Severity.ERROR]
    emitted = runner.load("attacked", result.files[0].text)
    found: dict[str, float] = {}
    for key, lowered in result.lowered.items():
        module = lowered.module
        network = runner.build(emitted, key_class(emitted, module), module, seed)
        with torch.no_grad():
            state = network.state_dict()
            for name, buffer in network.named_buffers():
                if name in state and buffer.is_floating_point():  # tables are not persistent
                    buffer.copy_(torch.rand_like(buffer) + 0.5)
        network.train(train)
        rng = np.random.default_rng([seed, 17])
        x = runner.draw(module, BATCH, seed)
        before = runner.call(network, module, x)
        for _ in range(2):
            elements = [
                {name: draw_element(group, rng) for name, group in groups.items()}
                for _ in range(BATCH)
            ]
            turned = {f.name: moved(x[f.name], f.type, groups, elements) for f in module.inputs}
            after = runner.call(network, module, turned)
            for output in module.outputs:
                if module.node(output.node).level() is not Level.EXACT:
                    continue
                expected = moved(before[output.name], output.type, groups, elements)
                for a, b in zip(after[output.name], expected, strict=True):
                    size = max(1e-3, float(np.abs(a).max()), float(np.abs(b).max()))
                    error = float(np.abs(a - b).max()) / size
                    name = f"{key}.{output.name}"
                    found[name] = max(found.get(name, 0.0), error)
    return found


# ---- random attempts -----------------------------------------------------------------------------------

POINTWISE = ["relu", "tanh", "gelu", "abs", "silu", "leaky_relu"]
BILINEAR = ["contract", "tensor_product", "greps", "concat"]
SEVERAL = ["greps", "concat", "linear", "+"]
TWO = ["dot", "tensor_product", "gated"]
OPTIONS = ["", "", "", ", bias=false", ", eps=0.1", ", affine=false", ", over=P", ", by=max"]

PAIRS = [", pairs=all", ", pairs=same", ", pairs=channels", ", over=P, pairs=all"]
OWN = {
    "dot": PAIRS * 3,
    "tensor_product": PAIRS * 3,
    "contract": [", dims=[0, 1]", ", dims=[1, 2]", ", dims=[0, 2]", ", dims=[-1, -2]"] * 4,
    "norm": [", squared=true", ", over=Q"],
    "greps": [", trace=true", ", contract=true", ", antisymmetric=true", ", normalise=false"],
    "pool": [", over=P", ", over=Q", ", over=P, by=max", ", over=P, by=sum"] * 3,
}


class Attempt:
    """Random lines; what the checker refuses is left out."""

    def __init__(self, rng: random.Random, pool: tuple[Group, ...], ops: list[str]) -> None:
        self.rng, self.ops = rng, ops
        chosen = rng.sample(pool, rng.choice([1, 1, 2]))
        if sum(bool(group.before) for group in chosen) > 1:
            chosen = chosen[:1]  # both declare N and H
        self.groups = dict(zip("PQ", chosen, strict=False))
        self.head = ["eqspec 1"]
        for name, group in self.groups.items():
            self.head += [group.before] if group.before else []
            self.head.append(f"group {name} = {group.text}")
        self.lines: list[str] = []
        self.names: list[str] = []
        self.checked: CheckResult | None = None
        self.accepted, self.refused = Counter[str](), Counter[str]()
        for k in range(rng.choice([1, 2, 2, 3])):
            self.try_line(f"x{k}", f"  input x{k}: {self.type()}")

    def type(self) -> str:
        axes = []
        for _ in range(self.rng.choice([1, 1, 1, 2])):
            name = self.rng.choice(list(self.groups))
            axes.append(f"{name}.{self.rng.choice(self.groups[name].reps).text}")
        if self.rng.random() < 0.5:
            axes.insert(self.rng.choice([0, 0, len(axes)]), self.rng.choice(["1", "2", "3"]))
        block = "[" + ", ".join(axes) + "]"
        return block if self.rng.random() < 0.9 else f"{block} + {self.type()}"

    def text(self, more: list[str]) -> str:
        return "\n".join([*self.head, "module M {", *self.lines, *more, "}\n"])

    def try_line(self, name: str, line: str) -> list[str]:
        """The codes of the errors; kept if there are none."""
        probe = [] if " output " in line else [f"  output last = identity({name})"]
        checked = check_source(Source("attempt.eqs", self.text([line, *probe])))
        codes = [d.code for d in checked.diagnostics if d.severity is Severity.ERROR]
        if not codes:
            if checked.spec is None or self.size(checked.spec.modules[0]) > 30_000:
                return ["large"]
            self.lines.append(line)
            self.names.append(name)
            self.checked = checked
        return codes

    def size(self, module: Module) -> int:
        return max(node.type.size for node in module.nodes) ** 2

    def known(self) -> list[str]:
        """Types of features so far, as text."""
        assert self.checked is not None and self.checked.spec is not None
        return [str(node.type) for node in self.checked.spec.modules[0].nodes]

    def layer(self, number: int) -> None:
        rng, name = self.rng, f"h{number}"
        op = rng.choice(self.ops)
        many = rng.choice([1, 2, 2, 3]) if op in SEVERAL else 2 if op in TWO else 1
        args = [rng.choice(self.names) for _ in range(many)]
        target = rng.choice([self.type(), rng.choice(self.known()), "[1]", "[3]"])
        chance = 1.0 if op == "linear" else 0.6 if op in BILINEAR else 0.1
        declared = f": {target}" if rng.random() < chance else ""
        if op == "+":
            value = " + ".join(args)
        else:
            value = f"{op}({', '.join(args)}{rng.choice([*OPTIONS, *OWN.get(op, [])])})"
        line = f"  {name}{declared} = {value}"
        codes = self.try_line(name, line)
        if codes:
            self.refused.update([op])
        else:
            self.accepted.update([op])


def attempts(
    seeds: range, pool: tuple[Group, ...], ops: list[str] | None = None, layers: int = 12
) -> tuple[Counter[str], Counter[str]]:
    """Ops accepted and refused. AssertionError with the specs that do not follow the true action."""
    others = set(OPS) - set(FUNCTIONS) - {"equitune", "multi_equitune", "fuse", "linear"}
    others = {name for name in others if not ON_GRIDS.search(name)}
    names = ops or [*["linear"] * 6, *POINTWISE, *sorted(others) * 2]
    accepted, refused, failed = Counter[str](), Counter[str](), []
    for seed in seeds:
        rng = random.Random(seed)
        attempt = Attempt(rng, pool, names)
        if not attempt.names:
            continue
        for number in range(layers):
            attempt.layer(number)
        accepted += attempt.accepted
        refused += attempt.refused
        outputs = [f"  output o_{n} = identity({n})" for n in attempt.names if n[0] == "h"]
        checked = check_source(Source("attempt.eqs", attempt.text(outputs)))
        if not outputs or not checked.ok:
            continue
        try:
            errors = violation(checked, attempt.groups, seed)
        except Unknown:
            continue
        except Exception as error:
            failed.append(f"--- {seed}: {type(error).__name__}: {error}\n{attempt.text(outputs)}")
            continue
        wrong = {name: error for name, error in errors.items() if not error <= 1e-6}
        if wrong:
            failed.append(f"--- {seed}: {wrong}\n{attempt.text(outputs)}")
    assert not failed, f"{len(failed)} of {len(seeds)}\n" + "\n".join(failed)
    return accepted, refused
