"""A pytest plugin that collects `.eqs` files: each is an item that fails where `eqspec check` would.

An entry point of the package, and silent until it is asked for: `pytest --eqspec`, or `eqspec = true`
in pytest's settings. So installing eqspec changes nobody's run, and costs it the import of this file.
`--eqspec-compile` also asks whether the emitted files are up to date, as `eqspec compile --check` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from eqspec.diagnostics.model import Diagnostic

MARK = "eqspec"


class SpecRefused(Exception):  # noqa: N818  (says what happened)
    """Findings of one spec, rendered as the command renders them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("eqspec", "specs of symmetries")
    group.addoption("--eqspec", action="store_true", help="Collect .eqs files and check them.")
    group.addoption(
        "--eqspec-compile",
        action="store_true",
        help="As --eqspec, and fail where emitted files are missing, stale, edited or orphaned.",
    )
    parser.addini("eqspec", "Collect .eqs files and check them.", type="bool", default=False)
    parser.addini("eqspec_compile", "As --eqspec-compile.", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}: a spec of symmetries, collected by eqspec")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix != ".eqs":
        return None
    config = parent.config
    compiled = config.getoption("eqspec_compile") or config.getini("eqspec_compile")
    if not (compiled or config.getoption("eqspec") or config.getini("eqspec")):
        return None
    from eqspec.tools.config import excluded

    named = any(Path(argument.split("::")[0]).absolute() == file_path for argument in config.args)
    above = [folder for folder in file_path.parents if folder.is_relative_to(config.rootpath)]
    if not named and any(excluded(path) for path in (file_path, *above)):
        return None
    collector = SpecCollector.from_parent(parent, path=file_path)
    assert isinstance(collector, SpecCollector)
    collector.compiled = bool(compiled)
    return collector


class SpecCollector(pytest.File):
    """A spec with its items: the check and, if wanted, the comparison with the emitted files."""

    compiled = False

    def collect(self) -> Iterator[pytest.Item]:
        items: list[type[SpecItem]] = [CheckItem, *([CompileItem] if self.compiled else [])]
        for kind in items:
            item = kind.from_parent(self, name=kind.title)
            item.add_marker(MARK)
            assert isinstance(item, pytest.Item)
            yield item


class SpecItem(pytest.Item):
    title = ""

    def findings(self) -> list[Diagnostic]:
        """What would be reported, in the settings of the project of the spec."""
        raise NotImplementedError

    def runtest(self) -> None:
        import warnings

        from eqspec.diagnostics.model import Severity
        from eqspec.diagnostics.render import render_text, summary

        found = self.findings()
        text = render_text(found, color=False).rstrip("\n")
        if any(one.severity is Severity.ERROR for one in found) or (found and self._denies()):
            raise SpecRefused(f"{text}\n\n{summary(found)}")
        if any(one.severity is Severity.WARNING for one in found):
            warnings.warn(pytest.PytestWarning(text), stacklevel=1)

    def _denies(self) -> bool:
        from eqspec.tools.config import config_for

        return config_for(self.path.parent).deny_warnings

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> str:
        if isinstance(excinfo.value, SpecRefused):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))  # a fault of eqspec: with its traceback

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.title} {self.nodeid.partition('::')[0]}"


class CheckItem(SpecItem):
    title = "check"

    def findings(self) -> list[Diagnostic]:
        from eqspec.tools.checking import check_all, config_diagnostics
        from eqspec.tools.findings import chosen
        from eqspec.tools.places import spec_file

        (checked,) = check_all([spec_file(self.path)], {})
        config = checked.config
        kept = chosen(checked.diagnostics, config.select, config.ignore)
        return [*config_diagnostics([config]), *kept]


class CompileItem(SpecItem):
    title = "compile"

    def findings(self) -> list[Diagnostic]:
        from eqspec.diagnostics.model import Severity
        from eqspec.tools.building import build, differences, obstacles, orphaned, orphans
        from eqspec.tools.checking import check_all
        from eqspec.tools.places import spec_file

        (checked,) = check_all([spec_file(self.path)], {})
        made = build(checked, None, None, None)
        if not made.targets:
            # also errors that settings hide: nothing would be compiled
            return [one for one in made.diagnostics if one.severity is Severity.ERROR]
        mine = [one for one in orphans([made], ()) if one.reason.endswith("any more")]
        return [*obstacles([made], False), *differences([made]), *orphaned(mine)]
