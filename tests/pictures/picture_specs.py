"""Specs of which pictures are made in tests."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from eqspec.diagnostics.model import Source
from eqspec.graph.model import Spec
from eqspec.pipeline import check_file, check_source

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(ROOT.glob("examples/*/*.eqs"))
REFUSED = ("04_scan", "05_fairness", "08_jets", "12_sets")  # by `check`; other tests hold that
CORPUS = [
    path
    for path in sorted((ROOT / "tests" / "corpus" / "specs").glob("*.eqs"))
    if path.stem not in REFUSED
]


@lru_cache(maxsize=64)
def spec_at(path: Path) -> Spec:
    found = check_file(path, path.name, path.parent)
    assert found.ok, path
    assert found.spec is not None
    return found.spec


def spec_of(text: str) -> Spec:
    found = check_source(Source("x.eqs", text))
    assert found.ok, found.diagnostics
    assert found.spec is not None
    return found.spec
