"""Genericity (rule R2) held against the functions that are computed.

A feature that is claimed generic must pull null sets back to null sets. A smooth function does so only if
it is a submersion almost everywhere: at a random input its Jacobian has as many independent rows as the
feature has entries. So has the tuple of features that are claimed jointly generic.
"""

from __future__ import annotations

import random

import torch

from eqspec.diagnostics.model import Source
from eqspec.graph.guarantees import jointly_generic
from eqspec.graph.model import Module
from eqspec.pipeline import check_source, compile_spec

from .runner import build, load

HEAD = """eqspec 1
group A = cyclic(2)
module Inner {
  input a: [2, A.regular]
  input b: [2, A.regular]
  s = a + leaky_relu(b)
  output sum = s
  output both = concat(a, b)
  output second = b
  output mixed = concat(s, b)
}
module M {
  input x: [flat { a: [2, A.regular], b: [2, A.regular] }]
  input z: [2, A.regular]
  input w: [2, A.regular] + [2, A.regular]
  h0 = x.a
  h1 = x.b
  h2 = z
  h3 = w[0]
  h4 = w[1]
"""


def random_module(rng: random.Random) -> tuple[str, list[str]]:
    """Layers of the type [2, A.regular], then joins of them."""
    text, names = HEAD, [f"h{k}" for k in range(5)]
    for k in range(5, 5 + rng.randint(2, 6)):
        one, two = rng.choice(names), rng.choice(names)
        value = rng.choice(
            [
                one,
                f"leaky_relu({one})",
                f"asinh({one})",
                f"relu({one})",
                f"{one} + {two}",
                f"identity({one})",
                f"linear({one})",
                f"call{k}.sum",
                f"call{k}.second",
            ]
        )
        if value.startswith("call"):
            text += f"  call{k} = Inner({one}, {two})\n"
        text += f"  h{k}: [2, A.regular] = {value}\n"
        names.append(f"h{k}")
    outputs = []
    for k in range(4):
        picks = rng.sample(names, rng.randint(1, 3))
        call = f"Inner({picks[0]}, {picks[-1]}).{rng.choice(['both', 'mixed'])}"
        joined = f"concat({', '.join(picks)})"
        text += f"  output y{k} = {rng.choice([joined, call])}\n"
        outputs.append(f"y{k}")
    return text + "}\n", outputs


def rank_of(made: torch.nn.Module, module: Module, names: list[str], seed: int) -> tuple[int, int]:
    """Independent rows of the Jacobian of the outputs ``names``, and their entries."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [block.shape for feature in module.inputs for block in feature.type.blocks]
    flat = torch.randn(sum(torch.Size(s).numel() for s in sizes), generator=generator).double()
    wanted = [k for k, feature in enumerate(module.outputs) if feature.name in names]

    def function(v: torch.Tensor) -> torch.Tensor:
        parts = v.split([torch.Size(s).numel() for s in sizes])
        x, z, *w = (p.reshape(s) for p, s in zip(parts, sizes, strict=True))
        answers = made(x, z, tuple(w))
        return torch.cat([answers[k].flatten() for k in wanted])

    jacobian = torch.autograd.functional.jacobian(function, flat)
    return int(torch.linalg.matrix_rank(jacobian)), len(jacobian)


def test_what_is_claimed_generic_is_a_submersion() -> None:
    generic = tied = joint = 0
    for seed in range(40):
        text, outputs = random_module(random.Random(seed))
        result = check_source(Source("g.eqs", text))
        assert result.spec is not None, text
        assert result.ok, (text, [d.message for d in result.diagnostics])
        module = result.spec.modules[-1]
        claimed = [name for name in outputs if module.node(name).generic]
        pairs = [
            (a, b)
            for k, a in enumerate(claimed)
            for b in claimed[k + 1 :]
            if jointly_generic([module.node(a), module.node(b)])
        ]
        done = compile_spec(result, "generic", "g.eqs", emit=["module"])
        made = build(load("generic", done.files[0].text), "M", module, seed)
        for names in [*([name] for name in claimed), *map(list, pairs)]:
            rank, size = rank_of(made, module, names, seed)
            assert rank == size, (names, text)
        for name in set(outputs) - set(claimed):
            rank, size = rank_of(made, module, [name], seed)
            tied += rank < size
        generic += len(claimed)
        joint += len(pairs)
    assert generic > 20
    assert joint > 1
    assert tied > 20, "of what is not claimed, much has ties indeed"
