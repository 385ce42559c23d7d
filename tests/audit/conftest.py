"""Audits run in a folder that holds the specs of the zoo, and find its models."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project with the specs of the zoo; `audit_zoo` is the module of its models."""
    (tmp_path / "audit_zoo.py").write_text((FOLDER / "zoo.py").read_text("utf-8"), "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    sys.modules.pop("audit_zoo", None)
    yield tmp_path
    sys.modules.pop("audit_zoo", None)
