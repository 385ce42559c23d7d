"""`eqspec check`: parse, type and prove specs; nothing is written.

In: specs and sizes set from outside. Out: one `Checked` for each spec. Imports neither NumPy nor
torch nor anything that only emission needs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from eqspec.diagnostics.model import Diagnostic
from eqspec.limits import limited, limits
from eqspec.pipeline import CheckResult, check_file, check_source
from eqspec.syntax.reader import source_of_bytes
from eqspec.tools.bounding import within
from eqspec.tools.config import Config, config_for
from eqspec.tools.places import SpecFile, spec_file


@dataclass(frozen=True)
class Checked:
    """A spec, the settings of its project, and what checking it gave."""

    spec: SpecFile
    config: Config
    result: CheckResult

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.result.diagnostics


def check_all(
    specs: Sequence[SpecFile],
    overrides: Mapping[str, int],
    known: Mapping[Path, Checked] | None = None,
) -> Iterator[Checked]:
    """Check the specs one after the other, but for those that are ``known``, by path.

    With several specs ``overrides`` reach those that declare the parameter; the checker complains
    of a name only where no spec of the run declares it.
    """
    declared = {spec: overrides.keys() & _declared(spec, overrides) for spec in specs}
    somewhere = set().union(*declared.values()) if declared else set()
    for spec in specs:
        if known is not None and spec.path in known:
            yield known[spec.path]
            continue
        config = config_for(spec.path.parent)
        sizes = {
            name: value
            for name, value in config.overrides.items()
            if name in _declared(spec, config.overrides)
        }
        sizes |= {
            name: value
            for name, value in overrides.items()
            if name in declared[spec] or name not in somewhere
        }
        try:
            with limited(config.limits):
                result = _within(
                    spec.shown, partial(check_file, spec.path, spec.shown, spec.root, sizes)
                )
        except Exception as error:
            error.add_note(f"while checking {spec.shown}")
            raise
        yield Checked(spec, config, result)


def _within(name: str, action: Callable[[], CheckResult]) -> CheckResult:
    """Check inside the bounds of time and memory; beyond them nothing is proved."""
    result = within(name, action)
    return CheckResult(None, (result,)) if isinstance(result, Diagnostic) else result


def check_stdin(name: str | None, overrides: Mapping[str, int]) -> Checked:
    """Check standard input; with a ``name`` it is checked as if it were that file."""
    if name is None:
        shown, path, root, config, spec = "<stdin>", None, None, Config(), spec_file(Path("stdin"))
    else:
        spec = spec_file(Path(name))
        shown, path, root = spec.shown, spec.path, spec.root
        config = config_for(spec.path.parent)
    with limited(config.limits):
        data = sys.stdin.buffer.read(limits().source_bytes + 1)
        source, diagnostics = source_of_bytes(data, shown)
        if source is None:
            return Checked(spec, config, CheckResult(None, tuple(diagnostics)))
        known = declared_names(source.text)
        sizes = {key: value for key, value in config.overrides.items() if key in known}
        sizes |= dict(overrides)
        result = _within(shown, partial(check_source, source, path, root, sizes))
    return Checked(spec, config, result)


def config_diagnostics(configs: Sequence[Config]) -> list[Diagnostic]:
    """What is wrong in the settings, each file once."""
    unique: dict[int, Diagnostic] = {
        id(found): found for config in configs for found in config.diagnostics
    }
    return list(unique.values())


def _declared(spec: SpecFile, wanted: Mapping[str, int]) -> set[str]:
    """Parameters that a spec declares, by its text: only asked when sizes are set from outside."""
    if not wanted:
        return set()
    try:
        return declared_names(spec.path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        return set()


def declared_names(text: str) -> set[str]:
    """The parameters that a text declares, by its words alone."""
    return set(re.findall(r"(?m)^\s*param\s+([A-Za-z_][A-Za-z0-9_]*)", text))
