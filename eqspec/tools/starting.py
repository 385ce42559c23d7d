"""`eqspec init`: a spec to start from, the settings of a project, the hooks of pre-commit.

In: a folder and the name of a template (`templates/init/NAME.eqs`). Out: files, or what stands in their
way. Nothing is asked and nothing that exists is changed: a spec in the way stops everything; settings
and hooks that are there already are left alone, and what could be added to them is printed.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eqspec.diagnostics.model import Diagnostic
from eqspec.diagnostics.snippet import visible
from eqspec.emit.write import CannotWrite, State, Target, inspect, write_all
from eqspec.resources import resource_folder, resource_text
from eqspec.tools.building import about
from eqspec.tools.findings import Reporting, exit_code, out, report, say
from eqspec.tools.places import project_of, shown

SETTINGS = """\
[tool.eqspec]
# deny-warnings = true    # a warning fails `eqspec check`
# output-dir = "models"   # emitted modules and tests; else beside their specs
"""
HOOKS = r"""repos:
  - repo: local
    hooks:
      - id: eqspec-check
        name: eqspec check
        entry: eqspec check
        language: system
        types: [text]
        files: \.eqs$
      - id: eqspec-fmt
        name: eqspec fmt
        entry: eqspec fmt
        language: system
        types: [text]
        files: \.eqs$
      - id: eqspec-compile-check
        name: eqspec compile --check
        entry: eqspec compile --check
        language: system
        pass_filenames: false
        files: \.(eqs|py)$
"""


@dataclass(frozen=True)
class Template:
    """``title`` is its first comment: one line of what it is for."""

    name: str
    title: str
    text: str


@dataclass(frozen=True)
class _Addition:
    """A file of the project that may be there already; ``mark`` says that it knows eqspec."""

    file: str
    text: str
    mark: str


_ADDITIONS = (
    _Addition("pyproject.toml", SETTINGS, "[tool.eqspec"),
    _Addition(".pre-commit-config.yaml", HOOKS, "eqspec"),
)


def templates() -> tuple[Template, ...]:
    """All templates, by name."""
    found = []
    for path in sorted((resource_folder("templates") / "init").glob("*.eqs")):
        text = resource_text("templates/init", path.name)
        title = next(line[2:] for line in text.splitlines() if line.startswith("# "))
        found.append(Template(path.stem, title, text))
    return tuple(found)


def run_list() -> int:
    known = templates()
    wide = max(len(template.name) for template in known)
    for template in known:
        out(f"{template.name:<{wide}}  {template.title}\n")
    return 0


def run_init(folder: str, template: Template, color: bool) -> int:
    place = Path(folder).absolute()
    spec = inspect(place / f"{template.name}.eqs", template.text)
    root = project_of(place) or place  # in a project, its settings and hooks hold below as well
    others = [inspect(root / entry.file, entry.text) for entry in _ADDITIONS]
    stopped = _obstacles([spec, *others])
    if stopped:
        return _stop(stopped, color)
    try:
        written = write_all([one for one in (spec, *others) if one.state is State.MISSING])
    except CannotWrite as error:
        return _stop(
            [about("EQS503", error.path, f"cannot write this file: {error.reason}")], color
        )
    for path in written:
        say(f"Wrote {visible(shown(path))}")
    for entry, target in zip(_ADDITIONS, others, strict=True):
        if target.state is State.FOREIGN and entry.mark not in (target.old or ""):
            say(f"\n{visible(shown(target.path))} is left as it is. Add to it:\n")
            say(entry.text.removeprefix("repos:\n").rstrip("\n"))
    quoted = shlex.quote(visible(shown(spec.path)))
    say(f"\nNext:\n  eqspec check {quoted}\n  eqspec compile --test {quoted}")
    return 0


def _stop(found: Sequence[Diagnostic], color: bool) -> int:
    code = exit_code(report(found, Reporting(color=color)), Reporting())
    say("Nothing was written.")
    return code


def _obstacles(targets: Sequence[Target]) -> list[Diagnostic]:
    """What stands in the way of the spec, and places where nothing can be written."""
    found = []
    for number, target in enumerate(targets):
        if target.state is State.BLOCKED:
            found.append(about("EQS503", target.path, f"cannot write this file: {target.reason}"))
        elif number == 0 and target.state is not State.MISSING:
            message = "this file is there already, and `eqspec init` changes no file"
            help_ = "choose another folder, as `eqspec init NEW`, or move the file away"
            found.append(about("EQS502", target.path, message, help_))
    return found
