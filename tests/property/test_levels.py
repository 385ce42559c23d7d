"""Random chains of strategies, jumps and calls: what is proved exactly or almost everywhere holds."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from eqspec.diagnostics.model import Severity, Source
from eqspec.graph.model import Level
from eqspec.pipeline import check_source, compile_spec

from .runner import act, build, call, distance, draw, load, scale, words_of

HEAD = """eqspec 1
group A = cyclic(3)
group B = cyclic(2)
group N = cyclic(3) named { r: r }
group H = cyclic(2) named { r: s }
group D = semidirect(N, H) { s { r -> r^-1 } }
group T = subgroup(D, r)
group U = subgroup(D, s)
module Inner {
  input a: [2, A.regular, B.regular]
  base net: [2, 3, 2] -> [2, 3, 2]
  k: [2, A.regular, B.regular] = coset(net, a, average=A)
  output y = relu(k)
  output s = sign(a)
}
module M {
  input x: [2, A.regular, B.regular]
  input w: [2, A.regular, B.regular]
  input d: [2, D.regular]
  base net: [2, 3, 2] -> [2, 3, 2]
  base number: [2, 3, 2] -> [1]
  base two: [2, 3, 2] + [2, 3, 2] -> [2, 3, 2]
  base turned: [2, 6] -> [2, 6]
  base summary: [2, 3, 2] -> [4]
  base mix: [2, 3, 2] + [4] -> [2, 3, 2]
"""
PRODUCT = "[2, A.regular, B.regular]"
CALLS = {  # X and Y stand for features of PRODUCT, I for invariants, Z for features of D
    PRODUCT: [
        "relu(X)",
        "leaky_relu(X)",
        "sign(X)",
        "round(X)",
        "X + Y",
        "linear(X)",
        "linear(pool(X, over=A))",
        "equitune(net, X)",
        "multi_equitune(net, X)",
        "lambda_equitune(net, number, X)",
        "coset(net, X)",
        "coset(net, X, average=A)",
        "coset(net, X, average=B)",
        "coset(net, X, ties=average)",
        "coset(net, X, by=number, ties=average)",
        "equizero(net, X, by=entropy)",
        "equizero(net, X, by=number)",
        "multi_equizero(net, X, by=margin)",
        "equitune(two, X, Y)",
        "coset(two, X, Y)",
        "equizero(two, X, Y, by=entropy)",
        "Inner(X, net=net).y",
        "Inner(X, net=net).s",
        "equitune(mix, X, I)",
        "coset(mix, X, I)",
    ],
    "[4]": ["equitune(summary, X)", "coset(summary, X)"],
    "[2, D.regular]": [
        "equitune(turned, Z)",
        "coset(turned, Z)",
        "coset(turned, Z, average=T)",
        "coset(turned, Z, average=U)",
        "equizero(turned, Z, by=entropy)",
    ],
}


def random_spec(rng: random.Random) -> str:
    text = HEAD
    known = {PRODUCT: ["x", "w"], "[4]": [], "[2, D.regular]": ["d"]}
    for k in range(rng.randint(2, 6)):
        type_ = rng.choices(list(CALLS), weights=[8, 1, 2])[0]
        value = rng.choice(CALLS[type_])
        if "I)" in value and not known["[4]"]:
            continue
        letters = {"X": PRODUCT, "Y": PRODUCT, "I": "[4]", "Z": "[2, D.regular]"}
        picks = {letter: rng.choice(known[of] or [""]) for letter, of in letters.items()}
        for letter, pick in picks.items():
            for before, after in (("(", ","), ("(", ")"), (" ", ","), (" ", ")")):
                value = value.replace(f"{before}{letter}{after}", f"{before}{pick}{after}")
        value = f"{picks['X']} + {picks['Y']}" if value == "X + Y" else value
        text += f"  h{k}: {type_} = {value}\n  output y{k} = h{k}\n"
        known[type_].append(f"h{k}")
    return text + "}\n"


def held(seeds: range) -> Counter[str]:
    """Compile and move: how many outputs of each level were held against their law."""
    found: Counter[str] = Counter()
    for seed in seeds:
        text = random_spec(random.Random(seed))
        result = check_source(Source("m.eqs", text))
        wrong = [d.code for d in result.diagnostics if d.severity is Severity.ERROR]
        assert set(wrong) <= {"EQS204", "EQS216", "EQS416", "EQS422"}, (wrong, text)
        done = compile_spec(result, "levels", "m.eqs", emit=["module"])
        if not done.files:
            wrong = [d.code for d in done.diagnostics if d.severity is Severity.ERROR]
            assert set(wrong) <= {"EQS216", "EQS416", "EQS422", "EQS424"}, (wrong, text)
            found["refused"] += 1
            continue
        assert result.spec is not None
        module = result.spec.modules[-1]
        made = build(load("levels", done.files[0].text), "M", module, seed)
        inputs = draw(module, 6, seed)
        before = call(made, module, inputs)
        for word in words_of(module, np.random.default_rng(seed)):
            moved = {f.name: act(inputs[f.name], f.type, word) for f in module.inputs}
            after = call(made, module, moved)
            for output in module.outputs:
                if module.node(output.node).level() is Level.APPROXIMATE:
                    continue
                expected = act(before[output.name], output.type, word)
                error = distance(after[output.name], expected) / scale(before[output.name])
                assert error <= 1e-8, (output.name, word, error, text)
        found.update(module.node(output.node).level().key for output in module.outputs)
    return found


def test_levels_hold() -> None:
    found = held(range(8))
    assert found["exact"] > 3
    assert found["almost_everywhere"] > 3


@pytest.mark.slow
def test_levels_hold_for_many() -> None:
    found = held(range(8, 160))
    assert found["exact"] > 100
    assert found["almost_everywhere"] > 100
    assert found["approximate"] > 50
    assert found["refused"] < 20
