"""Averages of a network along orbits: exactness, limits, gradients, calls, the closest map.

The emitted modules run in this process on small random networks in double precision. What they should
compute is written out here once more, element by element, in NumPy.
"""

from __future__ import annotations

import itertools
import math
import random
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from eqspec.algebra.averages import FWord, inverse_word
from eqspec.algebra.normalequations import inverse_of_form
from eqspec.diagnostics.model import Source
from eqspec.graph.model import Module
from eqspec.graph.types import Type
from eqspec.lowering.validation import act_on
from eqspec.ops import closest as closest_op
from eqspec.pipeline import check_source, compile_spec

GROUPS = """\
eqspec 1
group C = cyclic(3)
group R = cyclic(4)
group F = cyclic(2)
group T = symmetric(3)
group D = dihedral(4)
group K = klein()
group N = cyclic(5)
group H = cyclic(4) named { r: h }
group A = semidirect(N, H) { h { r -> r^2 } }
rep C.plane = matrix([x, y]) { r -> [[0, -1], [1, -1]] }
rep F.skew = matrix([x, y]) { r -> [[1, 0], [1, -1]] }
rep F.stretched = matrix([x, y]) { r -> [[0, 3], [1/3, 0]] }
rep T.plane = matrix([x, y]) { t -> [[-1, 1], [0, 1]]  c -> [[0, -1], [1, -1]] }
rep D.plane = matrix([x, y]) { r -> [[0, -1], [1, 0]]  s -> diag(1, -1) }
"""
FREE = {  # axes on which a factor acts by permutations, and their sizes
    "C": [("C.regular", (3,))],
    "R": [("R.regular", (4,)), ("R.rot90(4, 4)", (4, 4))],
    "F": [("F.regular", (2,)), ("F.hflip(3, 4)", (3, 4))],
    "T": [("T.regular", (6,)), ("T.natural", (3,))],
    "D": [("D.regular", (8,)), ("D.grid(3, 3)", (3, 3))],
    "K": [("K.regular", (4,))],
    "A": [("A.regular", (20,))],
}
OTHER = {  # signs and matrices, orthogonal or not
    "C": [("C.plane", (2,))],
    "F": [("F.sign", (1,)), ("F.skew", (2,)), ("F.stretched", (2,))],
    "T": [("T.plane", (2,)), ("T.sign", (1,))],
    "D": [("D.plane", (2,))],
}
SKEW = ("C.plane", "F.skew", "F.stretched", "T.plane")


class Net(nn.Module):
    """A random network without symmetry, which counts the samples that it sees."""

    def __init__(self, size_in: int, shape: Sequence[int], seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Linear(size_in, 12)
        self.second = nn.Linear(12, math.prod(shape))
        self.shape, self.seen = tuple(shape), 0

    def forward(self, *xs: Tensor) -> Tensor:
        self.seen += len(xs[0])
        flat = torch.cat([x.flatten(1) for x in xs], dim=1)
        return self.second(torch.tanh(2 * self.first(flat))).reshape(-1, *self.shape)


def emitted(text: str) -> tuple[ModuleType, dict[str, Module]]:
    """The emitted classes, and the checked modules."""
    checked = check_source(Source("spec.eqs", GROUPS + text))
    assert checked.ok, [d.message for d in checked.diagnostics]
    result = compile_spec(checked, "spec", "spec.eqs", ["module"])
    assert len(result.files) == 1, [d.message for d in result.diagnostics]
    namespace = ModuleType("spec")
    exec(compile(result.files[0].text, "spec.py", "exec"), namespace.__dict__)
    assert checked.spec is not None
    return namespace, {module.name: module for module in checked.spec.modules}


def elements(module: Module) -> list[FWord]:
    """A word for every element of the product of the factors."""
    lists = []
    for factor, group in module.groups.items():
        words = []
        for element in group.elements():
            words.append(tuple((factor, letter, e) for letter, e in element))
        lists.append(words)
    return [tuple(itertools.chain(*choice)) for choice in itertools.product(*lists)]


def acted(x: Tensor, type_: Type, word: FWord) -> Tensor:
    (moved,) = act_on([x.detach().numpy()], type_, word)
    return torch.from_numpy(np.ascontiguousarray(moved))


def shape_text(shape: Sequence[int]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"


def axes(
    chance: random.Random, factors: Sequence[str], source: bool
) -> tuple[str, tuple[int, ...]]:
    """A random block that the factors move, with its shape."""
    names, shape = [], []
    for factor in factors:
        pool = FREE[factor]
        if factor in OTHER and chance.random() < (0.3 if source else 0.6):
            pool = OTHER[factor]
        name, sizes = chance.choice(pool)
        names.append(name)
        shape.extend(sizes)
    if chance.random() < 0.5:
        names.append("2")
        shape.append(2)
    return "[" + ", ".join(names) + "]", tuple(shape)


OPS = {
    "equitune": "equitune(net, x)",
    "mean": "equitune(net, x, projection=mean)",
    "multi_equitune": "multi_equitune(net, x)",
    "lambda_equitune": "lambda_equitune(net, other, x)",
    "entropy": "equizero(net, x, by=entropy)",
    "margin": "equizero(net, x, by=margin)",
    "energy": "equizero(net, x, by=other)",
    "multi": "multi_equizero(net, x, by=other)",
    "multi entropy": "multi_equizero(net, x, by=entropy)",
}


def random_modules(seed: int, count: int) -> tuple[str, list[tuple[str, str]]]:
    """Legal modules, each with one average of random kind, and their names and kinds."""
    chance = random.Random(seed)
    text, found = "", []
    while len(found) < count:
        factors = chance.sample(sorted(FREE), chance.choice([1, 1, 2, 2, 3]))
        if (
            math.prod({"C": 3, "R": 4, "F": 2, "T": 6, "D": 8, "K": 4, "A": 20}[f] for f in factors)
            > 60
        ):
            continue
        mine = factors[: max(1, len(factors) - (chance.random() < 0.2))]  # the rest: on the target
        there = [f for f in factors if f not in mine or chance.random() < 0.7]
        source, takes = axes(chance, mine, source=True)
        target, returns = axes(chance, there, source=False) if there else ("[4]", (4,))
        kind = chance.choice(sorted(OPS))
        name = f"M{len(found)}"
        other = "" if "other" not in OPS[kind] else f"  base other: {shape_text(takes)} -> [1]\n"
        body = (
            f"module {name} {{\n  input x: {source}\n"
            f"  base net: {shape_text(takes)} -> {shape_text(returns)}\n{other}"
            f"  output y: {target} = {OPS[kind]}\n}}\n"
        )
        result = check_source(Source("spec.eqs", GROUPS + body))
        if not result.ok:
            codes = {d.code for d in result.diagnostics if d.severity.name == "ERROR"}
            assert codes <= {"EQS402", "EQS415", "EQS416", "EQS435"}, (body, result.diagnostics)
            continue
        text += body
        found.append((name, kind))
    return text, found


def built(namespace: ModuleType, module: Module, seed: int) -> tuple[nn.Module, list[Net]]:
    """The emitted class on random networks, in double precision and evaluation mode."""
    nets = [
        Net(sum(t.size for t in base.signature), base.target.shapes[0], seed + k)
        for k, base in enumerate(module.bases)
    ]
    made: nn.Module = getattr(namespace, module.name)(*nets)
    return made.double().eval(), nets


def expected(module: Module, kind: str, nets: Sequence[Net], x: Tensor) -> Tensor:
    """What an average is, by one call of the networks for every element of the whole product."""
    source, target = module.inputs[0].type, module.outputs[0].type
    words = elements(module)
    answers = [nets[0](acted(x, source, word)) for word in words]
    backs = torch.stack(
        [acted(y, target, inverse_word(w)) for w, y in zip(words, answers, strict=True)]
    )
    if kind in ("mean", "multi_equitune"):
        return backs.mean(0)
    if kind == "equitune":
        return closest(module, words, answers)
    if kind == "lambda_equitune":
        numbers = [nn.functional.softplus(nets[1](acted(x, source, w))) + 1e-6 for w in words]
        shares = torch.stack(numbers)
        shares = shares / shares.sum(0)
        return (backs * shares.reshape(*shares.shape[:2], *[1] * (backs.dim() - 2))).sum(0)
    if kind in ("entropy", "margin"):
        energies = torch.stack([energy_of(y, kind) for y in answers])
    else:
        energies = torch.stack([nets[1](acted(x, source, w)).flatten() for w in words])
    least = (energies <= energies.min(0).values + 1e-11).double()
    shares = (least / least.sum(0)).reshape(*least.shape, *[1] * (backs.dim() - 2))
    return (backs * shares).sum(0)


def energy_of(answer: Tensor, kind: str) -> Tensor:
    flat = answer.flatten(1)
    if kind == "margin":
        ordered = flat.sort(dim=1, descending=True).values
        return ordered[:, 1] - ordered[:, 0]
    return torch.distributions.Categorical(logits=flat).entropy()


def matrix_of(type_: Type, word: FWord) -> Tensor:
    size = type_.size
    columns = acted(torch.eye(size).double().reshape(size, *type_.shapes[0]), type_, word)
    return columns.reshape(size, size).T


def closest(module: Module, words: Sequence[FWord], answers: Sequence[Tensor]) -> Tensor:
    """The y that minimises the sum of |M(g x) - rho(g) y|^2, by a general least-squares solver."""
    target = module.outputs[0].type
    stacked = torch.cat([matrix_of(target, word) for word in words])
    wanted = torch.cat([y.flatten(1) for y in answers], dim=1)
    found = torch.linalg.lstsq(stacked, wanted.T).solution.T
    return found.reshape(-1, *target.shapes[0])


def check_random(seed: int, count: int) -> set[str]:
    text, found = random_modules(seed, count)
    namespace, modules = emitted(text)
    chance = random.Random(seed)
    for name, kind in found:
        module = modules[name]
        made, nets = built(namespace, module, seed)
        source, target = module.inputs[0].type, module.outputs[0].type
        x = torch.randn(3, *source.shapes[0], dtype=torch.float64)
        with torch.no_grad():
            y = made(x)
            assert float(y.abs().max()) > 1e-6, (name, "an average that vanishes tests nothing")
            if kind not in ("multi_equitune", "multi", "multi entropy"):
                wanted = expected(module, kind, nets, x)
                assert float((y - wanted).abs().max()) <= 1e-11, (name, kind, text)
            for word in chance.sample(elements(module), min(6, len(elements(module)))):
                error = (made(acted(x, source, word)) - acted(y, target, word)).abs().max()
                assert float(error) <= 1e-10, (name, kind, word, text)
    return {kind for _, kind in found}


def test_averages_are_exact_and_what_they_claim_to_be() -> None:
    assert len(check_random(7, 26)) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 26))
def test_many_averages_are_exact(seed: int) -> None:
    check_random(seed, 60)


# ---- limits and gradients ------------------------------------------------------------------------


LIMITS = """\
module Plain {
  input x: [D.grid(3, 3), C.regular]
  base net: [3, 3, 3] -> [2, 2]
  output y: [D.plane, F.skew] = equitune(net, x, projection=mean)
}
module Weighted {
  input x: [D.grid(3, 3), C.regular]
  base net: [3, 3, 3] -> [2, 2]
  base other: [3, 3, 3] -> [1]
  output y: [D.plane, F.skew] = lambda_equitune(net, other, x)
}
module Chosen {
  input x: [D.grid(3, 3), C.regular]
  base net: [3, 3, 3] -> [2, 2]
  base other: [3, 3, 3] -> [1]
  output y: [D.plane, F.skew] = equizero(net, x, by=other)
}
module MultiPlain {
  input x: [D.grid(3, 3), C.regular]
  base net: [3, 3, 3] -> [8]
  output y: [D.regular] = multi_equitune(net, x)
}
module MultiChosen {
  input x: [D.grid(3, 3), C.regular]
  base net: [3, 3, 3] -> [8]
  output y: [D.regular] = multi_equizero(net, x, by=margin)
}
"""


class Enormous(nn.Module):
    """As a weight: enormous at the element of every orbit at which ``score`` is largest; as an energy:
    least there. An orbit is recognised by its sum, and `known` maps it to the largest score."""

    def __init__(self, score: nn.Module, known: dict[float, float], sign: float) -> None:
        super().__init__()
        self.score, self.known, self.sign = score, known, sign

    def forward(self, x: Tensor) -> Tensor:
        scores = self.score(x)
        tops = [self.known[round(float(total), 9)] for total in x.flatten(1).sum(1)]
        first = scores >= torch.tensor(tops)[:, None] - 1e-9
        return torch.where(first, 1e20, -1e20) * self.sign


class Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.new_full((len(x), 1), 0.7)


def test_limits_and_gradients() -> None:
    """lambda_equitune with equal weights is equitune, with all the weight on one element of every orbit
    equizero; the straight-through gradient is that of the mean, and the value that of the choice."""
    namespace, modules = emitted(LIMITS)
    torch.manual_seed(0)
    net = Net(27, (2, 2), 1).double()
    plain, weighted, chosen = (modules[name] for name in ("Plain", "Weighted", "Chosen"))
    x = torch.randn(5, 3, 3, 3, dtype=torch.float64)
    mean = namespace.Plain(net).double().eval()(x).detach()
    equal = namespace.Weighted(net, Constant()).double().eval()(x).detach()
    assert float((equal - mean).abs().max()) <= 1e-12

    score = Net(27, (1,), 2).double()
    source = plain.inputs[0].type
    with torch.no_grad():
        orbit = torch.stack([score(acted(x, source, w)) for w in elements(plain)])
    tops = orbit.max(0).values.flatten()
    known = {round(float(k), 9): float(v) for k, v in zip(x.flatten(1).sum(1), tops, strict=True)}
    assert len(known) == 5
    one_hot = namespace.Weighted(net, Enormous(score, known, 1)).double().eval()(x).detach()
    zero = namespace.Chosen(net, Enormous(score, known, -1)).double().eval()(x).detach()
    assert float((one_hot - zero).abs().max()) <= 1e-12
    assert float((zero - mean).abs().max()) >= 1e-3
    # every element is least: the mean
    tied = namespace.Chosen(net, Constant()).double().eval()(x).detach()
    assert float((tied - mean).abs().max()) <= 1e-12

    wide = Net(27, (8,), 3).double()
    pairs = [
        (namespace.Chosen(net, score).double(), namespace.Plain(net).double()),
        (namespace.MultiChosen(wide).double(), namespace.MultiPlain(wide).double()),
    ]
    for choice, average in pairs:
        direction = torch.randn_like(choice(x))
        gradients = []
        for module in (choice.train(), average.train()):
            leaf = x.clone().requires_grad_()
            parameters = [leaf, *average.parameters()]
            gradients.append(torch.autograd.grad((module(leaf) * direction).sum(), parameters))
        for a, b in zip(*gradients, strict=True):
            assert float((a - b).abs().max()) <= 1e-12
        trained, evaluated = choice.train()(x).detach(), choice.eval()(x).detach()
        assert float((trained - evaluated).abs().max()) <= 1e-12
        leaf = x.clone().requires_grad_()
        (own,) = torch.autograd.grad((choice(leaf) * direction).sum(), leaf)
        assert float((own - gradients[0][0]).abs().max()) >= 1e-3  # in evaluation: of the choice
    assert weighted.bases[1].name == chosen.bases[1].name == "other"


# ---- the closest map --------------------------------------------------------------------------------


CLOSEST = """\
module Best {
  input x: [F.regular, T.natural, C.regular]
  base net: [2, 3, 3] -> [2, 2, 3]
  output y: [F.stretched, T.plane, C.regular] = equitune(net, x)
}
module Mean {
  input x: [F.regular, T.natural, C.regular]
  base net: [2, 3, 3] -> [2, 2, 3]
  output y: [F.stretched, T.plane, C.regular] = equitune(net, x, projection=mean)
}
module Fused {
  input x: [C.regular]
  base net: [3] -> [2, 2, 2]
  output y: [F.skew, F.stretched, 2] = fuse(net, x)
}
"""


def test_the_closest_map_is_closer_than_the_mean() -> None:
    """The objective over a whole orbit, of the emitted maps themselves; of `fuse` that the target's factors
    are projected out orthogonally."""
    namespace, modules = emitted(CLOSEST)
    net = Net(18, (2, 2, 3), 1).double()
    best, mean = modules["Best"], modules["Mean"]
    source = best.inputs[0].type
    x = torch.randn(4, 2, 3, 3, dtype=torch.float64)
    with torch.no_grad():
        moved = [acted(x, source, word) for word in elements(best)]
        wanted = torch.stack([net(z) for z in moved])
        losses = [
            float((torch.stack([made(z) for z in moved]) - wanted).square().sum())
            for made in (namespace.Best(net).double().eval(), namespace.Mean(net).double().eval())
        ]
        assert losses[0] < 0.95 * losses[1], losses
        found, words = namespace.Best(net).double().eval()(x), elements(best)
        answers = [net(z) for z in moved]
        assert float((found - closest(best, words, answers)).abs().max()) <= 1e-11
        assert mean.outputs[0].type == best.outputs[0].type

        fused, wide = modules["Fused"], Net(3, (2, 2, 2), 2).double()
        z = torch.randn(4, 3, dtype=torch.float64)
        answers = [wide(acted(z, fused.inputs[0].type, word)) for word in elements(fused)]
        y = namespace.Fused(wide).double().eval()(z)
        assert float((y - closest(fused, elements(fused), answers)).abs().max()) <= 1e-11


def test_a_wrong_form_is_caught() -> None:
    """With the inverse of another form than S, or none, the program is not equivariant, and is not written."""
    checked = check_source(Source("spec.eqs", GROUPS + CLOSEST))

    def doubled(form: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
        rows = inverse_of_form(form)
        rows[0][0] *= 2
        return rows

    def none(form: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
        return [[Fraction(int(i == j)) for j in range(len(form))] for i in range(len(form))]

    for wrong in (doubled, none):
        with mock.patch.object(closest_op, "inverse_of_form", wrong):
            result = compile_spec(checked, "spec", "spec.eqs", ["module"])
        assert {d.code for d in result.diagnostics if d.code != "EQS902"} == {"EQS414", "EQS506"}
        assert not result.files


def test_on_orthogonal_targets_both_projections_are_one_program() -> None:
    body = "module M {{\n  input x: [T.natural, D.grid(3, 3)]\n  base net: [3, 3, 3] -> [2, 6]\n"
    body += "  output y: [D.plane, T.regular] = {}(net, x{})\n}}\n"
    for op in ("equitune", "multi_equitune"):
        texts = []
        for option in ("", ", projection=mean"):
            checked = check_source(Source("spec.eqs", GROUPS + body.format(op, option)))
            assert not any(d.code == "EQS414" for d in checked.diagnostics)
            text = compile_spec(checked, "spec", "spec.eqs", ["module"]).files[0].text
            texts.append([line for line in text.splitlines() if "#" not in line])
        assert texts[0] == texts[1]


# ---- calls, precision, fusion -----------------------------------------------------------------------


CALLS = [  # the expression, and what every base sees for one sample
    ("[D.regular]", "[4]", "equitune(net, x)", (8,)),
    ("[D.regular]", "[C.regular]", "lambda_equitune(net, other, x)", (8, 8)),  # C: the target alone
    ("[D.sign]", "[4]", "lambda_equitune(net, other, x)", (2, 2)),  # by the image
    ("[D.regular, C.regular]", "[4]", "equizero(net, x, by=entropy)", (24,)),
    ("[D.regular, C.regular]", "[4]", "equizero(net, x, by=other)", (24, 24)),
    ("[D.regular, C.regular]", "[4]", "multi_equizero(net, x, by=other)", (11, 11)),
    ("[A.regular]", "[4]", "equizero(net, x, by=margin)", (20,)),
    ("[T.natural, C.regular]", "[F.skew, 2]", "fuse(net, x)", (18,)),
]


def test_calls_are_those_that_are_counted() -> None:
    sizes = {"D.regular": 8, "D.sign": 1, "C.regular": 3, "A.regular": 20, "T.natural": 3}
    text = ""
    for k, (source, target, value, _) in enumerate(CALLS):
        takes = shape_text([sizes[name] for name in source[1:-1].split(", ")])
        returns = {"[4]": "[4]", "[C.regular]": "[3]", "[F.skew, 2]": "[2, 2]"}[target]
        other = f"  base other: {takes} -> [1]\n" if "other" in value else ""
        text += f"module M{k} {{\n  input x: {source}\n  base net: {takes} -> {returns}\n{other}"
        text += f"  output y: {target} = {value}\n}}\n"
    namespace, modules = emitted(text)
    for k, (_, _, value, calls) in enumerate(CALLS):
        module = modules[f"M{k}"]
        made, nets = built(namespace, module, 0)
        made(torch.randn(1, *module.inputs[0].type.shapes[0], dtype=torch.float64))
        assert tuple(net.seen for net in nets) == calls, value
        data: Any = module.node("y").data
        assert data.calls == sum(calls)


def test_explain_says_how_the_answers_become_one() -> None:
    from eqspec.tools.derivation import derivation

    checked = check_source(Source("spec.eqs", GROUPS + LIMITS + CLOSEST))
    assert checked.spec is not None
    found = {
        module.name: derivation(module, module.node("y"))["averages"][0]
        for module in checked.spec.modules
        if module.outputs[0].name == "y"
    }
    rules = {name: (record["rule"], record.get("by")) for name, record in found.items()}
    assert rules["Plain"] == ("mean", None)
    assert rules["Best"] == rules["Fused"] == ("closest", None)
    assert rules["Weighted"] == ("weighted", "other")
    assert rules["Chosen"] == ("choice", "other")
    assert rules["MultiChosen"] == ("choice", "margin")


def test_weights_of_any_size_are_normalised() -> None:
    """In half precision up to its largest number, in single precision up to 1e38, and all at -1e4."""
    namespace, _ = emitted(
        "module M {\n  input x: [R.regular]\n  base net: [4] -> [4]\n  base other: [4] -> [1]\n"
        "  output y: [R.regular] = lambda_equitune(net, other, x)\n}\n"
    )

    class Scaled(nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = factor

        def forward(self, x: Tensor) -> Tensor:
            return x[:, :1] * self.factor

    class Shifted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 100 * x[:, [1, 2, 3, 0]]

    cases = [
        (torch.float16, 6e4),
        (torch.float16, -6e4),
        (torch.bfloat16, 3e38),
        (torch.float32, 3e38),
        (torch.float32, -1e4),
        (torch.float64, 1e300),
    ]
    x = torch.tensor([[0.1, 0.9, 0.5, 0.3], [1.0, 1.0, 1.0, 1.0]])
    for dtype, factor in cases:
        y = namespace.M(Shifted(), Scaled(factor)).to(dtype).eval()(x.to(dtype))
        assert y.dtype == dtype
        shift = Shifted()(
            x.to(dtype)
        ).double()  # what each element answers, moved back, is the same
        error = float((y.double() - shift).abs().max())
        assert error <= 200 * torch.finfo(dtype).eps, (dtype, factor)
        assert bool(y.isfinite().all())


FUSION = """\
module Composed {
  input x: [R.regular, 2]
  input y: [D.regular]
  base net: [8] -> [6]
  base joint: [4, 2] + [6] -> [4, 3]
  i: [6] = equitune(net, y)
  output z: [R.regular, 3] = equitune(joint, x, i)
}
module Shared {
  input x: [R.regular, 2]
  input y: [R.regular, D.regular]
  base net: [4, 8] -> [4, 6]
  base joint: [4, 2] + [4, 6] -> [4, 3]
  i: [R.regular, 6] = equitune(net, y)
  output z: [R.regular, 3] = equitune(joint, x, i)
}
"""


def test_fusion_by_composition() -> None:
    """The orbit runs over the factors of x alone, at the price of the sum; a factor that the summary
    shares with x makes it joint (soundness H3). Interactions are reached: no sum of two functions is."""
    namespace, modules = emitted(FUSION)
    for name, calls in (("Composed", [8, 4]), ("Shared", [32, 4])):
        module = modules[name]
        types = [feature.type for feature in module.inputs]
        nets = [
            Net(math.prod(types[1].shapes[0]), module.bases[0].target.shapes[0], 1),
            Net(sum(t.size for t in module.bases[1].signature), (4, 3), 2),
        ]
        made = getattr(namespace, name)(*nets).double().eval()
        xs = [torch.randn(3, *t.shapes[0], dtype=torch.float64) for t in types]
        with torch.no_grad():
            z = made(*xs)
            assert [net.seen // 3 for net in nets] == calls
            for word in random.Random(0).sample(elements(module), 8):
                moved = [acted(x, t, word) for x, t in zip(xs, types, strict=True)]
                wanted = acted(z, module.outputs[0].type, word)
                assert float((made(*moved) - wanted).abs().max()) <= 1e-10
            others = [torch.randn_like(x) for x in xs]
            mixed = z - made(xs[0], others[1]) - made(others[0], xs[1]) + made(*others)
            assert float(mixed.abs().max()) >= 1e-3


# ---- the emitted tests ------------------------------------------------------------------------------


EMITTED = """\
module Weighted {
  input x: [3, R.rot90(6, 6)]
  base net: [3, 6, 6] -> [5, 4]
  base score: [3, 6, 6] -> [1]
  output y: [5, R.regular] = lambda_equitune(net, score, x)
}
module Entropy {
  input x: [3, R.rot90(6, 6)]
  base net: [3, 6, 6] -> [5]
  output y: [5] = equizero(net, x, by=entropy)
}
module Margin {
  input x: [R.regular, F.regular]
  base net: [4, 2] -> [4, 2]
  output y: [R.regular, F.regular] = multi_equizero(net, x, by=margin)
}
module Named {
  input x: [A.regular, 2]
  base net: [20, 2] -> [20] + [5]
  base energy: [20, 2] -> [1]
  output y: [A.regular] + [5] = equizero(net, x, by=energy)
}
module Outer {
  input x: [A.regular, 2]
  base net: [20, 2] -> [20] + [5]
  base energy: [20, 2] -> [1]
  inner = Named(x, net=net, energy=energy)
  output z: [3, A.regular] = linear(inner.y[0])
}
module Closest {
  input x: [F.regular, T.natural]
  base net: [2, 3] -> [2, 5, 2]
  output y: [F.skew, 5, T.plane] = equitune(net, x)
  output z: [T.plane, 5, F.stretched] = multi_equitune(net, x)
}
"""


@pytest.mark.slow
def test_emitted_files_pass_their_tests_and_every_tool(tmp_path: Path) -> None:
    checked = check_source(Source("spec.eqs", GROUPS + EMITTED))
    files = compile_spec(checked, "averages", "averages.eqs").files
    for file in files:
        (tmp_path / file.name).write_text(file.text, encoding="utf-8")
    for command in (
        ["pytest", "-q", "-p", "no:cacheprovider", "."],
        ["ruff", "check", "--isolated", "."],
        ["ruff", "format", "--isolated", "--check", "."],
        ["mypy", "--strict", "averages.py"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
