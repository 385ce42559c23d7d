"""Random calls of the strategies for a user's network, under the true action of their groups.

The elements and their matrices come from the oracle; the networks are random and have no symmetry. What a
module promises exactly must hold at every input, what it promises almost everywhere at inputs that
were drawn from a density.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import runner
import torch
from attack import BATCH, Unknown, draw_element, moved
from checks import key_class
from oracle import Group

from eqspec.diagnostics.model import Severity, Source
from eqspec.graph.model import Level
from eqspec.pipeline import CheckResult, check_source, compile_spec


@dataclass(frozen=True)
class Strategy:
    """``call`` is written with {base}, {extra} (a second network that returns one number) and {x}."""

    name: str
    call: str


STRATEGIES = (
    Strategy("equitune", "equitune({base}, {x})"),
    Strategy("multi_equitune", "multi_equitune({base}, {x})"),
    Strategy("lambda_equitune", "lambda_equitune({base}, {extra}, {x})"),
    Strategy("equizero, entropy", "equizero({base}, {x}, by=entropy)"),
    Strategy("equizero, margin", "equizero({base}, {x}, by=margin)"),
    Strategy("equizero, energy", "equizero({base}, {x}, by={extra})"),
    Strategy("multi_equizero", "multi_equizero({base}, {x}, by={extra})"),
    Strategy("coset of a factor", "coset({base}, {x}, average={factor})"),
    Strategy("coset of a subgroup", "coset({base}, {x}, average={subgroup})"),
)


@dataclass
class Tally:
    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0


def random_type(rng: random.Random, groups: dict[str, Group], plain: str) -> tuple[str, int]:
    """A block and its size."""
    names = rng.sample(list(groups), rng.randint(1, len(groups)))
    axes, size = [], 1
    for name in names:
        rep = rng.choice(groups[name].reps)
        axes.append(f"{name}.{rep.text}")
        size *= rep.degree
    axes.insert(rng.choice([0, len(axes)]), plain)
    return "[" + ", ".join(axes) + "]", size * int(plain)


def random_spec(
    rng: random.Random, pool: tuple[Group, ...], only: str = ""
) -> tuple[str, dict[str, Group], str]:
    """The text, its groups and the name of the strategy."""
    chosen = rng.sample(pool, rng.choice([1, 1, 2, 2, 3]))
    if sum(bool(group.before) for group in chosen) > 1:
        chosen = chosen[:1]
    groups = dict(zip("PQR", chosen, strict=False))
    lines = ["eqspec 1"]
    for name, group in groups.items():
        lines += [group.before] if group.before else []
        lines.append(f"group {name} = {group.text}")
    factor = rng.choice(list(groups))
    letters = {"cyclic": "r^2", "dihedral": rng.choice(["s", "r^2", "r"]), "klein": "a"}
    word = letters.get(groups[factor].text.partition("(")[0], "1")
    lines.append(f"group K = subgroup({factor}, {word})")
    sources = [random_type(rng, groups, rng.choice("123")) for _ in range(rng.choice([1, 1, 2]))]
    target, size = random_type(rng, groups, rng.choice("23"))
    if rng.random() < 0.3:
        target, size = "[3]", 3
    strategy = rng.choice([s for s in STRATEGIES if only in s.name])
    names = [f"x{k}" for k in range(len(sources))]
    flat = ", ".join(f"[{n}]" for _, n in sources)
    lines.append("module M {")
    lines += [f"  input {name}: {type_}" for name, (type_, _) in zip(names, sources, strict=True)]
    lines += [f"  base net: {flat} -> [{size}]", f"  base extra: {flat} -> [1]"]
    call = strategy.call.format(
        base="net", extra="extra", x=", ".join(names), factor=factor, subgroup="K"
    )
    lines += [f"  output y: {target} = {call}", "}"]
    return "\n".join(lines) + "\n", groups, strategy.name


def error_of(checked: CheckResult, groups: dict[str, Group], seed: int) -> float:
    """The largest relative error of the output, with an element of its own for every sample."""
    result = compile_spec(checked, "tried", "tried.eqs", emit=["module"])
    assert result.files, [d.message for d in result.diagnostics if d.severity is Severity.ERROR]
    emitted = runner.load("tried", result.files[0].text)
    (lowered,) = result.lowered.values()
    module = lowered.module
    network = runner.build(emitted, key_class(emitted, module), module, seed)
    rng = np.random.default_rng([seed, 23])
    x = runner.draw(module, BATCH, seed)
    before = runner.call(network, module, x)["y"]
    worst = 0.0
    for _ in range(3):
        elements = [{n: draw_element(g, rng) for n, g in groups.items()} for _ in range(BATCH)]
        turned = {f.name: moved(x[f.name], f.type, groups, elements) for f in module.inputs}
        after = runner.call(network, module, turned)["y"]
        for a, b in zip(
            after, moved(before, module.outputs[0].type, groups, elements), strict=True
        ):
            size = max(1e-3, float(np.abs(a).max()), float(np.abs(b).max()))
            worst = max(worst, float(np.abs(a - b).max()) / size)
    return worst


def tried(seeds: range, pool: tuple[Group, ...], limit: int = 300, only: str = "") -> Tally:
    """AssertionError with the specs that break their promise."""
    tally, failed = Tally(), []
    torch.set_num_threads(1)
    for seed in seeds:
        rng = random.Random(seed)
        text, groups, name = random_spec(rng, pool, only)
        if np.prod([len(g.elements or ()) for g in groups.values()]) > limit:
            continue
        checked = check_source(Source("tried.eqs", text))
        if not checked.ok or checked.spec is None:
            codes = {d.code for d in checked.diagnostics if d.severity is Severity.ERROR}
            tally.refused.update(f"{name} {code}" for code in codes)
            continue
        tally.accepted.update([name])
        level = checked.spec.modules[0].node("y").level()
        tally.levels.update([f"{name} {level.key}"])
        try:
            error = error_of(checked, groups, seed)
        except Unknown:
            continue
        except Exception as problem:
            failed.append(f"--- {seed}: {type(problem).__name__}: {problem}\n{text}")
            continue
        if level is not Level.APPROXIMATE and not error <= 1e-8:
            failed.append(f"--- {seed}: {level.key} {error}\n{text}")
        tally.worst = max(tally.worst, error if level is not Level.APPROXIMATE else 0.0)
    assert not failed, f"{len(failed)} of {len(seeds)}\n" + "\n".join(failed)
    return tally
