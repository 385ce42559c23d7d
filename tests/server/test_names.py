"""The index knows every name of every spec, and a rename changes nothing but the name."""

import random
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("pygls", reason="the extra `lsp` is not installed")

from eqspec.diagnostics.model import Source
from eqspec.graph.groups import ALL_FAMILIES
from eqspec.graph.reps import BUILT
from eqspec.ops import OPS
from eqspec.pipeline import CheckResult, check_source
from eqspec.syntax.parser import parse
from eqspec.tools.editors.tokens import classify
from eqspec.tools.editors.vocabulary import Kind as Class
from eqspec.tools.server.indexing import index
from eqspec.tools.server.renaming import CannotRename, apply, rename
from eqspec.tools.server.session import Session, analyse
from eqspec.tools.server.signatures import choices
from eqspec.tools.server.symbols import Index, Kind

ROOT = Path(__file__).parents[2]
SPECS = sorted([*ROOT.glob("examples/*/*.eqs"), *ROOT.glob("tests/corpus/**/*.eqs")])
NAMES = (Class.NAME, Class.DEFINITION, Class.FEATURE, Class.CALL, Class.ATTRIBUTE, Class.ARGUMENT)
WORDS = frozenset(
    [*OPS, *ALL_FAMILIES, *BUILT, "permutation", "signed_permutation", "matrix", "diag", "file"]
    + [*"axial pseudoscalar dual r s t c a b i j m q e n".split()]  # modifiers and generators
    + [key for op in OPS.values() for key in op.signature.keywords]
    + [w for op in OPS.values() for k in op.signature.keywords.values() for w in choices(k)]
)


def _read(path: Path) -> object:
    return parse(Source(path.name, path.read_text(encoding="utf-8")))[0]


def _index(path: Path, text: str) -> Index:
    file, _ = parse(Source(path.name, text))
    return index(path.resolve(), file, _read)  # type: ignore[arg-type]


def test_every_name_is_in_the_index() -> None:
    """But words of the language, options, and points that come from files of words."""
    assert len(SPECS) > 40
    for path in SPECS:
        text = path.read_text(encoding="utf-8")
        found = _index(path, text)
        known = {occurrence.span.start for occurrence in found.occurrences}
        for piece in classify(text):
            start = piece.start + (text[piece.start] == ".")
            word = text[start : piece.end]
            if piece.kind not in NAMES or start in known or word in WORDS:
                continue
            assert 'file="' in text, (path.name, word, text.count("\n", 0, start) + 1)


def test_definitions_and_uses_agree() -> None:
    for path in SPECS:
        found = _index(path, path.read_text(encoding="utf-8"))
        for occurrence in found.occurrences:
            written = found.source.text[occurrence.span.start : occurrence.span.end]
            for symbol in occurrence.symbols:
                assert written.strip('"') == symbol.name
                if occurrence.definition:
                    assert occurrence.span == symbol.span


def _shapes(result: CheckResult) -> object:
    """Sizes of run time as numbers: they are called by the names of parameters."""
    assert result.spec is not None
    nodes = [node for module in result.spec.modules for node in module.nodes]
    return [[tuple(map(int, shape)) for shape in node.type.shapes] for node in nodes]


def _renamed(path: Path, seed: int, number: int) -> int:
    text = path.read_text(encoding="utf-8")
    before = check_source(Source("a.eqs", text), path.resolve(), ROOT)
    session = Session()
    uri = path.resolve().as_uri()
    session.put(uri, text, 1)
    job = session.job(uri)
    assert job is not None
    analysis = analyse(job)
    assert session.keep(analysis)
    occurrences = random.Random(seed).sample(
        analysis.index.occurrences, min(number, len(analysis.index.occurrences))
    )
    for occurrence in occurrences:
        symbol = occurrence.symbol
        edits = rename(session, analysis, occurrence.span.start, "brand_new_name")
        assert set(edits) == {path.resolve()}
        assert len(edits[path.resolve()]) == len(list(analysis.index.of(symbol)))
        after = apply(text, edits[path.resolve()])
        assert symbol.name not in [
            o.symbol.name for o in _index(path, after).occurrences if o.symbol.kind is symbol.kind
            and o.symbol.container == symbol.container
        ]  # fmt: skip
        result = check_source(Source("a.eqs", after), path.resolve(), ROOT)
        assert Counter(d.code for d in result.diagnostics) == Counter(
            d.code for d in before.diagnostics
        ), (path.name, symbol)
        assert result.ok == before.ok
        assert _shapes(result) == _shapes(before)
        again = apply(
            after,
            [
                (o.span, f'"{symbol.name}"' if after[o.span.start] == '"' else symbol.name)
                for o in _index(path, after).occurrences
                if o.symbol.name == "brand_new_name"
            ],
        )
        assert again == text.replace(f'"{symbol.name}"', symbol.name) or again == text
    return len(occurrences)


def test_a_rename_changes_nothing_else() -> None:
    assert sum(_renamed(path, seed, 1) for seed, path in enumerate(SPECS[::4])) > 10


@pytest.mark.slow
def test_many_renames_change_nothing_else() -> None:
    for path in SPECS:
        _renamed(path, 0, 1_000)


CLASHES = """eqspec 1
param n = 4
group A = cyclic(4) named { r: u }
group B = permutations(3) generated by v = (0 1 2), w = (0 1)
rep A.turn = matrix([x, y]) { u -> [[0, -1], [1, 0]] }
rep A.side = permutation([p, q]) { u -> (p q) }
type T = [n, A.regular]
module M(c = n) {
  input a: T
  input b: flat { one: [A.turn], two: [A.turn[x, y]] }
  h: [c, A.regular] = linear(a, b.one)
  output y: [c] = linear(h)
}
module L {
  input a: T
  k = M(a, linear(a))
}
"""


def test_a_rename_that_would_clash_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clashes.eqs"
    session = Session()
    session.put(path.as_uri(), CLASHES, 1)
    job = session.job(path.as_uri())
    assert job is not None
    analysis = analyse(job)
    session.keep(analysis)
    clashes = (
        ("n = 4", "A"), ("A = cyclic", "B"), ("A = cyclic", "n"), ("T = [", "n"), ("M(", "L"), ("M(", "relu"),
        ("a: T", "h"), ("h: [", "y"), ("h: [", "b"), ("one:", "two"), ("u }", ""), ("v = (", "w"), ("turn =", "side"),
        ("turn =", "regular"), ("x, y", "y"), ("p, q", "q"), ("c = n", "n"), ("c = n", "group"), ("k = M", "a"),
        ("h: [", "9"), ("h: [", "é"), ("h: [", "a b"), ("n = 4", "input"), ("a: T", "a\nb"),
    )  # fmt: skip
    for needle, new in clashes:
        with pytest.raises(CannotRename):
            rename(session, analysis, CLASHES.index(needle), new)
    fine = (
        ("n = 4", "m"),
        ("p, q", "no-name"),
        ("a: T", "index"),
        ("h: [", "linear"),
        ("u }", "r"),
    )
    for needle, new in fine:
        assert rename(session, analysis, CLASHES.index(needle), new), (needle, new)


def test_kinds_of_a_file_are_found(tmp_path: Path) -> None:
    found = _index(tmp_path / "a.eqs", CLASHES)
    kinds = Counter(symbol.kind for symbol in found.definitions)
    assert kinds == {
        Kind.PARAM: 1, Kind.GROUP: 2, Kind.REP: 2, Kind.TYPE: 1, Kind.MODULE: 2, Kind.FORMAL: 1, Kind.INPUT: 3,
        Kind.LAYER: 2, Kind.OUTPUT: 1, Kind.FIELD: 2, Kind.GENERATOR: 3, Kind.POINT: 4,
    }  # fmt: skip
