"""Words: embeddings and averages over them follow permutations that were drawn outside of eqspec.

The vocabularies, groups, lengths and networks are random. Groups act by lists of images made here; the
emitted modules run in float64; spaces of tables are held against null spaces by NumPy.
"""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import eqspec.ops.averaging as averaging
from eqspec.diagnostics.model import Source
from eqspec.emit.progressions import progressions
from eqspec.pipeline import check_source, compile_spec

Permutation = list[int]

GROUPS: dict[str, dict[str, list[tuple[int, ...]]]] = {
    # for every generator its cycles on the points that the group moves; relations hold by hand
    "cyclic(4)": {"r": [(0, 1, 2, 3)]},
    "cyclic(2)": {"r": [(0, 1)]},
    "cyclic(6)": {"r": [(0, 1, 2), (3, 4)]},
    "symmetric(3)": {"t": [(0, 1)], "c": [(0, 1, 2)]},
    "dihedral(4)": {"r": [(0, 1, 2, 3)], "s": [(1, 3)]},
}


class Words:
    """A vocabulary on which each factor moves words of its own (or all of them: ``square``)."""

    def __init__(self, name: str, groups: list[str], rng: np.random.Generator, rest: int) -> None:
        supports = [
            1 + max(max(c) for cycles in GROUPS[g].values() for c in cycles) for g in groups
        ]
        self.size = sum(supports) + rest
        places = rng.permutation(self.size).tolist()
        self.name = name
        self.moves: dict[tuple[int, str], Permutation] = {}
        lines = []
        for k, (group, support) in enumerate(zip(groups, supports, strict=True)):
            own, places = places[:support], places[support:]
            for generator, cycles in GROUPS[group].items():
                images = list(range(self.size))
                for cycle in cycles:
                    for a, b in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
                        images[own[a]] = own[b]
                self.moves[k, generator] = images
                text = "".join(f"({' '.join(str(own[p]) for p in cycle)})" for cycle in cycles)
                lines.append(
                    f"G{k}.{generator} -> {text}" if len(groups) > 1 else f"{generator} -> {text}"
                )
        self.rep = f"{'All' if len(groups) > 1 else 'G0'}.{name}"
        self.text = f"rep {self.rep} = permutation({self.size}) {{ {'  '.join(lines)} }}\n"


def head(groups: list[str]) -> str:
    text = "eqspec 1\n" + "".join(f"group G{k} = {g}\n" for k, g in enumerate(groups))
    return text + (
        f"group All = {' * '.join(f'G{k}' for k in range(len(groups)))}\n"
        if len(groups) > 1
        else ""
    )


def loaded(text: str) -> Any:
    result = compile_spec(check_source(Source("spec.eqs", text)), "spec", "spec.eqs", ["module"])
    assert result.files, [d.message for d in result.diagnostics]
    module = types.ModuleType("spec")
    sys.modules["spec"] = module
    exec(compile(result.files[0].text, "spec.py", "exec"), module.__dict__)
    return module


class Recurrent(nn.Module):
    """A recurrent network on words, without any symmetry; counts the samples that it sees."""

    def __init__(self, sizes: list[int], length: int, words: int) -> None:
        super().__init__()
        self.codes = nn.ModuleList(nn.Embedding(n, 5) for n in sizes)
        self.cell = nn.GRU(5, 7, batch_first=True)
        self.last = nn.Linear(7 * len(sizes), length * words)
        self.shape = (length, words)
        self.seen = 0

    def forward(self, *xs: Tensor) -> Tensor:
        assert all(x.dtype == torch.int64 and x.dim() == 2 for x in xs)
        self.seen += len(xs[0])
        states = [self.cell(code(x))[0][:, -1] for code, x in zip(self.codes, xs, strict=True)]
        y: Tensor = self.last(torch.tanh(torch.cat(states, dim=-1)))
        return y.unflatten(-1, self.shape)


def renamed(ids: Tensor, images: Permutation) -> Tensor:
    return torch.tensor(images)[ids]


def moved_scores(scores: Tensor, images: Permutation) -> Tensor:
    """The score of word w becomes that of its image."""
    result = torch.empty_like(scores)
    result[..., torch.tensor(images)] = scores
    return result


@pytest.mark.parametrize("seed", range(4))
def test_averages_over_words_are_equivariant_for_any_network(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = [
        ["cyclic(4)", "cyclic(2)"],
        ["symmetric(3)", "cyclic(6)"],
        ["dihedral(4)"],
        ["cyclic(2)", "symmetric(3)", "cyclic(2)"],
    ][seed]
    source = Words("command", groups, rng, rest=int(rng.integers(1, 4)))
    target = Words("action", groups, rng, rest=int(rng.integers(0, 3)))
    n, steps = (int(k) for k in rng.integers(2, 6, size=2))
    signature = (
        f"index({source.size})[{n}], index({target.size})[{steps}] -> [{steps}, {target.size}]"
    )
    module = loaded(
        head(groups)
        + source.text
        + target.text
        + f"module M {{\n  input x: index({source.rep})[{n}]\n  input t: index({target.rep})[{steps}]\n"
        f"  base net: {signature}\n"
        f"  output full: [{steps}, {target.rep}] = equitune(net, x, t)\n"
        f"  output fast: [{steps}, {target.rep}] = multi_equitune(net, x, t)\n}}\n"
    )
    torch.manual_seed(seed)
    base = Recurrent([source.size, target.size], steps, target.size)
    made = module.M(base).double().eval()
    x, t = torch.randint(source.size, (6, n)), torch.randint(target.size, (6, steps))
    with torch.no_grad():
        before = made(x, t)
        scale = float(before.full.abs().max())
        for key, images in source.moves.items():
            after = made(renamed(x, images), renamed(t, target.moves[key]))
            for name in ("full", "fast"):
                wanted = moved_scores(getattr(before, name), target.moves[key])
                assert float((getattr(after, name) - wanted).abs().max()) <= 1e-10 * scale
            plain = base(renamed(x, images), renamed(t, target.moves[key]))
            wrong = plain - moved_scores(base(x, t), target.moves[key])
            assert float(wrong.abs().max()) > 1e-3 * scale, "the network itself has no symmetry"


def test_eight_calls_against_six() -> None:
    """Four verbs in a circle and two directions; and no more calls for words that the group leaves."""
    rng = np.random.default_rng(0)
    groups = ["cyclic(4)", "cyclic(2)"]
    words = Words("words", groups, rng, rest=3)
    seen = []
    for op in ("equitune", "multi_equitune"):
        module = loaded(
            head(groups)
            + words.text
            + f"module M {{\n  input x: index(All.words)[3]\n  input p: fixed index(7)[2]\n"
            f"  base net: index(9)[3], index(7)[2] -> [2, 9]\n"
            f"  output y: [2, All.words] = {op}(net, x, p)\n}}\n"
        )
        base = Recurrent([9, 7], 2, 9)
        module.M(base).eval()(torch.randint(9, (5, 3)), torch.randint(7, (5, 2)))
        seen.append(base.seen // 5)
    assert seen == [8, 6]


def test_places_may_be_permuted_too() -> None:
    """The same group swaps words and turns a ring of places; another one reorders a set of places."""
    module = loaded(
        "eqspec 1\ngroup R = cyclic(4)\ngroup S = symmetric(3)\n"
        "rep R.words = permutation(6) { r -> (0 1 2 3)(4 5) }\n"
        "module M {\n  input ids: index(R.words)[R.shift(4), S.natural]\n"
        "  base net: index(6)[4, 3] -> [4, 6]\n"
        "  output y: [R.shift(4), R.words] = equitune(net, ids)\n"
        "  output e: [R.shift(4), S.natural, R.regular, 2] = embedding(ids)\n}\n"
    )

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.code, self.last = nn.Embedding(6, 3), nn.Linear(36, 24)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.last(torch.tanh(self.code(x).flatten(1)))
            return y.unflatten(-1, (4, 6))

    torch.manual_seed(0)
    made = module.M(Net()).double().eval()
    ids = torch.randint(6, (5, 4, 3))
    images = [1, 2, 3, 0, 5, 4]
    with torch.no_grad():
        before, after = made(ids), made(renamed(ids, images).roll(1, -2))
        wanted = moved_scores(before.y, images).roll(1, -2)
        assert float((after.y - wanted).abs().max()) <= 1e-10
        assert float((after.y - before.y).abs().max()) > 1e-3
        wanted = before.e.roll(1, -4).roll(1, -2)
        assert float((after.e - wanted).abs().max()) == 0
        order = torch.tensor([2, 0, 1])
        after = made(ids[..., order])
        assert float((after.y - before.y).abs().max()) <= 1e-10
        assert float((after.e - before.e[:, :, order]).abs().max()) == 0


def test_words_follow_what_is_weighed_and_chosen() -> None:
    """Cosets by an energy of words, and by numbers beside which the words are moved; weights of words;
    elements by entropy: at inputs that no element fixes the law holds to rounding."""
    rng = np.random.default_rng(0)
    groups = ["cyclic(4)", "cyclic(2)"]
    words = Words("words", groups, rng, rest=2)
    module = loaded(
        head(groups)
        + words.text
        + "module M {\n  input x: index(All.words)[6]\n  input v: [G0.regular, G1.regular]\n"
        "  base net: index(8)[6] -> [2, 8]\n  base more: index(8)[6], [4, 2] -> [2, 8]\n"
        "  base energy: index(8)[6] -> [1]\n"
        "  output a: [2, All.words] = coset(net, x, by=energy)\n"
        "  output b: [2, All.words] = coset(net, x, by=energy, average=G1, ties=average)\n"
        "  output c: [2, All.words] = coset(more, x, v, average=G0)\n"
        "  output d: [2, All.words] = lambda_equitune(net, energy, x)\n"
        "  output e: [2, All.words] = equizero(more, x, v, by=entropy)\n}\n"
    )

    class More(Recurrent):
        def forward(self, *xs: Tensor) -> Tensor:
            return super().forward(xs[0]) * torch.sin(
                xs[1].flatten(1).sum(-1) + xs[1][:, 0, 1]
            ).view(-1, 1, 1)

    class Energy(Recurrent):
        def forward(self, *xs: Tensor) -> Tensor:
            return super().forward(*xs).flatten(1)

    torch.manual_seed(0)
    nets = Recurrent([8], 2, 8), More([8], 2, 8), Energy([8], 1, 1)
    made = module.M(*nets).double().eval()
    x, v = torch.randint(8, (40, 6)), torch.randn(40, 4, 2, dtype=torch.float64)
    moving = [w for w in range(8) if any(images[w] != w for images in words.moves.values())]
    x[:, :2] = torch.tensor(
        [moving[0], next(w for w in moving if w not in orbit_of(words, moving[0]))]
    )
    with torch.no_grad():
        before = made(x, v)
        for (k, _), images in words.moves.items():
            after = made(renamed(x, images), v.roll(1, -2 + k))
            for name in "abcde":
                wanted = moved_scores(getattr(before, name), images)
                assert float((getattr(after, name) - wanted).abs().max()) <= 1e-10, name
                assert float((getattr(after, name) - getattr(before, name)).abs().max()) > 1e-3


# ---- embeddings ----------------------------------------------------------------------------------------


def permutation_matrix(images: Permutation) -> NDArray[np.float64]:
    matrix = np.zeros((len(images), len(images)))
    matrix[images, range(len(images))] = 1
    return matrix


@pytest.mark.parametrize("seed", range(3))
def test_tables_are_all_that_commute(seed: int) -> None:
    """As many as a null space by NumPy, each equivariant, and every row looked up at its place."""
    rng = np.random.default_rng([seed, 1])
    groups = [["cyclic(4)", "cyclic(2)"], ["symmetric(3)"], ["cyclic(6)", "cyclic(2)"]][seed]
    words = Words("words", groups, rng, rest=2)
    others = Words("others", groups, rng, rest=1)
    channels, n = 3, int(rng.integers(2, 5))
    module = loaded(
        head(groups)
        + words.text
        + others.text
        + f"module M {{\n  input ids: index({words.rep})[{n}]\n"
        f"  output a: [{n}, {others.rep}, {channels}] = embedding(ids)\n"
        f"  output b: [{n}, {channels}] = embedding(ids)\n"
        f"  output c: [{n}, G0.regular] = embedding(ids)\n}}\n"
    )
    torch.manual_seed(seed)
    made = module.M().double().eval()
    # T[g w] = g T[w] for all w: (g x g) T = T, the words first
    stacked = np.concatenate(
        [
            np.kron(permutation_matrix(words.moves[key]), permutation_matrix(others.moves[key]))
            - np.eye(words.size * others.size)
            for key in words.moves
        ]
    )
    free = words.size * others.size - int(np.linalg.matrix_rank(stacked))
    sizes = {name: parameter.numel() for name, parameter in made.named_parameters()}
    assert sizes["a_table"] == channels * free
    orbits = len(set(collapse_by_hand(words)))
    assert sizes["b_table"] == channels * orbits
    ids = torch.randint(words.size, (7, n))
    with torch.no_grad():
        before = made(ids)
        every = made(torch.arange(words.size).unsqueeze(-1).expand(-1, n)).a[:, 0]
        assert torch.equal(before.a, every[ids]), "one table at all places"
        for key, images in words.moves.items():
            after = made(renamed(ids, images))
            wanted = before.a.clone()
            wanted[:, :, torch.tensor(others.moves[key])] = before.a
            assert torch.equal(after.a, wanted)
            assert torch.equal(after.b, before.b)


def collapse_by_hand(words: Words) -> list[int]:
    return [min(orbit_of(words, word)) for word in range(words.size)]


def orbit_of(words: Words, word: int) -> set[int]:
    orbit, todo = {word}, [word]
    while todo:
        at = todo.pop()
        for images in words.moves.values():
            if images[at] not in orbit:
                orbit.add(images[at])
                todo.append(images[at])
    return orbit


# ---- what must fail ------------------------------------------------------------------------------------


OVERLAP = (
    "eqspec 1\ngroup A = cyclic(2)\ngroup B = cyclic(2)\ngroup G = A * B\n"
    "rep G.words = permutation({words}) {{ A.r -> (a b)(c d)  B.r -> (a c)(b d) }}\n"
    "module M {{\n  input x: index(G.words)[2]\n  base net: index(4)[2] -> [4]\n"
    "  output y: [G.words] = multi_equitune(net, x)\n}}\n"
)


def test_the_order_of_words_decides_where_factors_move_the_same_words() -> None:
    """All 24 orders of four words: accepted exactly where the first words commute with both factors,
    and what is refused is caught by the validation too if it is let through."""
    from itertools import permutations

    accepted = 0
    for order in permutations("abcd"):
        text = OVERLAP.format(words=f"[{', '.join(order)}]")
        found = check_source(Source("spec.eqs", text))
        errors = [d.code for d in found.diagnostics if d.code not in ("EQS408", "EQS902")]
        at = {word: k for k, word in enumerate(order)}
        a = {"a": "b", "b": "a", "c": "d", "d": "c"}
        b = {"a": "c", "c": "a", "b": "d", "d": "b"}
        legal = all(
            min(keep[w], drop[keep[w]], key=at.__getitem__)
            == keep[min(w, drop[w], key=at.__getitem__)]
            for keep, drop in ((a, b), (b, a))
            for w in "abcd"
        )
        assert errors == ([] if legal else ["EQS458"]), order
        accepted += legal
        if legal:
            assert compile_spec(found, "spec", "spec.eqs").files
    assert 0 < accepted < 24


def test_the_validation_sees_a_collapse_that_does_not_commute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(averaging, "check_collapse", lambda *_: None)
    checked = check_source(Source("spec.eqs", OVERLAP.format(words="[a, b, d, c]")))
    assert checked.ok
    codes = [d.code for d in compile_spec(checked, "spec", "spec.eqs").diagnostics]
    assert "EQS506" in codes


def test_the_validation_sees_a_table_that_does_not_commute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows free of each other: as many weights as entries, and no symmetry."""
    import eqspec.ops.blockmaps as blockmaps

    text = (
        "eqspec 1\ngroup A = cyclic(2)\nrep A.w = permutation(4) { r -> (0 1)(2 3) }\n"
        "module M {\n  input x: index(A.w)[2]\n  output y: [2, A.w] = embedding(x)\n}\n"
    )
    checked = check_source(Source("spec.eqs", text))
    assert compile_spec(checked, "spec", "spec.eqs").files

    def free(b: Any, block: Any, each: Any, name: str, bound: float) -> int:
        weights = b.parameter(name, (8,), bound)  # the right number of weights, in the wrong places
        return int(
            b.reshape(b.take(weights, 0, b.index([0, 1, 2, 3, 4, 5, 6, 7] * 2, "")), block.shape)
        )

    monkeypatch.setattr(blockmaps, "lower_bias", free)
    codes = [d.code for d in compile_spec(checked, "spec", "spec.eqs").diagnostics]
    assert codes == ["EQS506"]


# ---- long vocabularies -----------------------------------------------------------------------------------


def test_tables_of_long_vocabularies_are_short_and_right() -> None:
    """Two thousand words of which eleven move: neither file lists them, and the law holds."""
    text = (
        "eqspec 1\ngroup A = cyclic(2)\ngroup B = cyclic(3)\ngroup G = A * B\n"
        "rep G.w = permutation(2000) { A.r -> (7 900)(1 1999)(0 1000)(400 401)  B.r -> (30 1200 44) }\n"
        "module M {\n  input x: index(G.w)[3]\n  base net: index(2000)[3] -> [2000]\n"
        "  output full: [G.w] = equitune(net, x)\n  output fast: [G.w] = multi_equitune(net, x)\n"
        "  output rows: [3, G.regular] = embedding(x)\n}\n"
    )
    files = compile_spec(check_source(Source("spec.eqs", text)), "spec", "spec.eqs").files
    assert [len(file.text) < 30_000 for file in files] == [True, True]
    module = loaded(text)
    net = nn.Sequential(
        nn.Embedding(2000, 2), nn.Flatten(), nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2000)
    )
    made = module.M(net).double().eval()
    x = torch.tensor([[7, 1999, 44], [0, 5, 30], [1200, 401, 1], [900, 400, 1998]])
    for cycles in ([(7, 900), (1, 1999), (0, 1000), (400, 401)], [(30, 1200, 44)]):
        images = list(range(2000))
        for cycle in cycles:
            for a, b in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
                images[a] = b
        with torch.no_grad():
            before, after = made(x), made(renamed(x, images))
            for name in ("full", "fast"):
                wanted = moved_scores(getattr(before, name), images)
                assert float((getattr(after, name) - wanted).abs().max()) <= 1e-10


def test_progressions_are_the_numbers_they_were_made_of() -> None:
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(200):
        columns, rows = int(rng.integers(1, 6)), int(rng.integers(1, 200))
        table = rng.integers(-3, 4, columns) * np.arange(rows)[:, None] + rng.integers(
            0, 9, columns
        )
        for _ in range(int(rng.integers(0, 4))):
            table[rng.integers(rows), rng.integers(columns)] = rng.integers(0, 50)
        made = progressions(table.reshape(-1))
        if made is None:
            continue
        found += 1
        triples = zip(made.triples[::3], made.triples[1::3], made.triples[2::3], strict=True)
        flat = np.concatenate([first + step * np.arange(n) for first, step, n in triples])
        assert np.array_equal(flat.reshape(made.columns, -1).T.reshape(-1), table.reshape(-1))
        assert made.words == [str(made.columns), *map(str, made.triples)]
    assert found > 100
    assert progressions(rng.permutation(1000)) is None
