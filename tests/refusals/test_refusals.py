"""What must be refused is refused with its code at its place; its legal twin is not, and compiles."""

from __future__ import annotations

import pytest

from eqspec.diagnostics.model import Diagnostic, Severity, Source
from eqspec.pipeline import check_source, compile_spec
from tests.refusals.pool_table import POOL_ROWS
from tests.refusals.refusal_table import ROWS, SETUP, Row

EVERY = [*ROWS, *POOL_ROWS]


def diagnostics(text: str) -> list[Diagnostic]:
    """Everything but unused declarations: the setup is shared."""
    found = check_source(Source("spec.eqs", SETUP + text)).diagnostics
    return [d for d in found if d.code != "EQS902"]


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.name)
def test_the_bad_one_is_told_with_its_code_and_place(row: Row) -> None:
    found = diagnostics(row.bad)
    assert [d.code for d in found] == [row.code]
    (told,) = found
    assert told.source.text[told.span.start : told.span.end] == row.marked
    warning = row.code in ("EQS403", "EQS408", "EQS903")
    assert told.severity is (Severity.WARNING if warning else Severity.ERROR)


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.name)
def test_the_legal_twin_compiles_in_silence(row: Row) -> None:
    assert [d.message for d in diagnostics(row.good)] == []
    checked = check_source(Source("spec.eqs", SETUP + row.good))
    result = compile_spec(checked, "spec", "spec.eqs")
    assert [file.kind for file in result.files] == ["module", "tests"]
