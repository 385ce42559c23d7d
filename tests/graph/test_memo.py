"""A check with a memo of the last one says and proves what a check without says and proves."""

import random
import re
from pathlib import Path

import pytest

from eqspec.diagnostics.model import Diagnostic, Source
from eqspec.diagnostics.render import render_json
from eqspec.graph.memo import Memo
from eqspec.graph.model import Module
from eqspec.pipeline import CheckResult, check_source, load
from eqspec.syntax import tree
from eqspec.syntax.parser import parse

ROOT = Path(__file__).parent.parent.parent
LIBRARY = """eqspec 1
group T = cyclic(3)
rep T.turn = matrix(2) { r -> [[0, -1], [1, -1]] }
module Block(c, G: group) {
  input x: [c, G.regular]
  h: [c, G.regular] = relu(linear(x))
  output y: [c, G.regular] = x + h
}
"""
OWN = """eqspec 1
use "library.eqs" as lib
param n = 4
param m = dynamic
group A = cyclic(4)
type Image = [3, A.rot90(8, 8)]
module Alone {
  input image: Image
  unused: [2, A.regular] = linear(image)
  output y: [n, A.regular] = linear(image)
}
group B = cyclic(2)
group S = symmetric(m)
group P = A * B
module Caller(c = n) {
  input x: [c, A.regular]
  one: [c, A.regular] = lib.Block(x, c=c, G=A)
  two: [2, B.regular, lib.T.regular] = linear(one)
  output y: [2, P.regular, lib.T.turn] = linear(two)
  output z: [1] = linear(one)
  ensure z invariant under P
}
module Top {
  input x: [n, A.regular]
  b = Caller(x)
  output y: [5] = linear(b.y, b.z)
}
rep P.flips = signed_permutation([u, v]) {
  A.r -> (u -u)
  B.r -> (v -v)
}
module Sets {
  input x: [S.natural, P.flips]
  base net: [2] -> [3]
  s = pool(x, over=S)
  output y: [3] = equitune(net, s)
}
"""
WORDS = "A B S P n m Image Caller Alone relu linear pool natural regular r x y 3 4 c group".split()


def _edited(text: str, rng: random.Random) -> str:
    """One of the things that happen to a text in an editor."""
    at = rng.randrange(len(text))
    match rng.randrange(7):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return text[:at] + rng.choice("(){}[],=:#. \n4r") + text[at:]
        case 2:
            return text[:at] + rng.choice(WORDS) + text[at:]
        case 3:  # a line goes away
            lines = text.split("\n")
            del lines[rng.randrange(1, len(lines))]
            return "\n".join(lines)
        case 4:  # a line moves
            lines = text.split("\n")
            lines.insert(rng.randrange(1, len(lines)), lines.pop(rng.randrange(1, len(lines))))
            return "\n".join(lines)
        case 5:  # a word becomes another
            found = list(re.finditer(r"\w+", text))
            word = rng.choice(found[1:])
            return text[: word.start()] + rng.choice(WORDS) + text[word.end() :]
    return text.replace("\n", "\n\n" if rng.random() < 0.5 else "\n# a comment\n", 1)


def _facts(result: CheckResult) -> object:
    assert result.spec is not None
    return [_of_module(module) for module in result.spec.modules], render_json(result.diagnostics)


def _of_module(module: Module) -> object:
    nodes = [
        (n.name, n.op, str(n.type), n.args, dict(n.levels), n.null_set, sorted(n.touched), n.doc)
        for n in module.nodes
    ]
    features = [
        (f.name, str(f.type), f.doc) for f in (*module.inputs, *module.outputs, *module.bases)
        if hasattr(f, "type")
    ]  # fmt: skip
    promises = [(p.targets, p.kind, p.level, p.factors, p.subgroup) for p in module.promises]
    return (
        module.key, module.name, module.doc, nodes, features, promises,
        list(module.groups.items()), dict(module.children), module.is_interface,
    )  # fmt: skip


def _held_against_fresh_checks(folder: Path, start: str, edits: int, seed: int) -> int:
    """Checks with a memo and without, over random edits; how many modules came from the memo."""
    library = LIBRARY

    def loader(place: Path, shown: str) -> tuple[tree.File | None, list[Diagnostic]]:
        if place.name != "library.eqs":
            return load(place, shown)
        return parse(Source(shown, library))

    def check(text: str, memo: Memo | None) -> CheckResult:
        source = Source("own.eqs", text)
        return check_source(source, folder / "own.eqs", folder, loader=loader, memo=memo)

    rng = random.Random(seed)
    memo, texts, recalled = Memo(), [start], 0
    assert check(start, memo).ok, render_json(check(start, None).diagnostics)
    for _ in range(edits):
        if rng.random() < 0.4 and len(texts) > 1:
            texts.pop()  # undo
        else:
            texts.append(_edited(texts[-1], rng))
        if rng.random() < 0.05:
            library = LIBRARY if library != LIBRARY else LIBRARY.replace("relu", "tanh")
        old = {id(entry.module) for entry in memo.entries.values()}
        found = check(texts[-1], memo)
        assert _facts(found) == _facts(check(texts[-1], None)), texts[-1]
        assert found.spec is not None
        recalled += sum(id(module) in old for module in found.spec.modules)
    return recalled


def test_memo_changes_nothing(tmp_path: Path) -> None:
    assert _held_against_fresh_checks(tmp_path, OWN, 70, 0) > 40  # the memo is used
    convolutions = (ROOT / "tests/corpus/convolutions.eqs").read_text()
    assert _held_against_fresh_checks(tmp_path, convolutions, 4, 0) > 5


@pytest.mark.slow
def test_memo_changes_nothing_in_many_edits(tmp_path: Path) -> None:
    for seed in range(1, 25):
        _held_against_fresh_checks(tmp_path, OWN, 150, seed)
    for path in sorted(ROOT.glob("examples/*/*.eqs")):
        _held_against_fresh_checks(path.parent, path.read_text(), 30, 0)


def test_memo_gives_the_same_module() -> None:
    """An edit inside of one module leaves the others as they are, also those that stand below it."""
    memo = Memo()
    text = (ROOT / "examples/multi_view/multi_view.eqs").read_text()
    first = check_source(Source("a.eqs", text), memo=memo).spec
    at = text.index("module ")
    inside = text.index("\n", text.index("{", at)) + 1
    second = check_source(Source("a.eqs", f"{text[:inside]}\n{text[inside:]}"), memo=memo).spec
    assert first is not None
    assert second is not None
    same = [a is b for a, b in zip(first.modules, second.modules, strict=True)]
    assert same.count(False) == 1
    assert len(same) > 3
