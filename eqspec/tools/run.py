"""The commands without their flags: each gathers, reports and returns an exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eqspec.diagnostics.model import Diagnostic
from eqspec.diagnostics.render import summary
from eqspec.tools.checking import Checked, check_all, check_stdin, config_diagnostics
from eqspec.tools.config import Config, config_for, excluded
from eqspec.tools.findings import Reporting, chosen, count, exit_code, report, say
from eqspec.tools.flags import color_wanted
from eqspec.tools.places import find_specs, is_folder


def run_check(
    paths: Sequence[str],
    stdin: bool,
    stdin_filename: str | None,
    sizes: Mapping[str, int],
    flags: Mapping[str, Any],
) -> int:
    failed: list[Diagnostic] = []
    if stdin and flags["fix"]:
        from eqspec.tools.formatting.fixing import fix_stdin

        return fix_stdin(stdin_filename, sizes, reporting_of(flags, Config()), flags["diff"])
    if stdin:
        checked = [check_stdin(stdin_filename, sizes)]
        config = checked[0].config
    else:
        config = run_config(paths)
        specs = find_specs(paths, excluded)
        if flags["fix"]:
            from eqspec.tools.formatting.fixing import fix_files

            failed, made = fix_files(specs, sizes, reporting_of(flags, config), flags["diff"])
            if flags["diff"]:
                return int(made > 0)
        checked = list(check_all(specs, sizes))
    reporting = reporting_of(flags, config)
    diagnostics = gathered(checked, [config], reporting) + failed
    left = report(diagnostics, reporting)
    if not checked and not left:
        say("No .eqs files found.")
        return 0
    if left:
        say(summary(left) + _repairs(left))
    else:
        say(f"No problems found in {count(len(checked), 'file')}.")
    return exit_code(left, reporting)


def _repairs(left: Sequence[Diagnostic]) -> str:
    """How many of the findings repair themselves."""
    number = sum(any(fix.sure for fix in one.fixes[:1]) for one in left)
    return f" `--fix` repairs {number} of them." if number else ""


def run_config(paths: Sequence[str]) -> Config:
    """The settings of a run as a whole: those of the project of its first path."""
    first = Path(paths[0] if paths else ".").absolute()
    return config_for(first if is_folder(first) else first.parent)


def reporting_of(flags: Mapping[str, Any], config: Config) -> Reporting:
    """Flags win over settings."""
    return Reporting(
        flags["output_format"] or config.output_format or "full",
        color_wanted(flags["color"]),
        tuple(code for codes in flags["select"] for code in codes),
        tuple(code for codes in flags["ignore"] for code in codes),
        flags["deny_warnings"] or config.deny_warnings,
        flags["exit_zero"],
        flags["max_errors"] or config.max_errors,
    )


def gathered(
    checked: Sequence[Checked], configs: Sequence[Config], reporting: Reporting
) -> list[Diagnostic]:
    """All findings; the settings of each project choose among its own, unless a flag chooses."""
    found = config_diagnostics([*configs, *(one.config for one in checked)])
    for one in checked:
        select = () if reporting.select else one.config.select
        ignore = () if reporting.ignore else one.config.ignore
        found.extend(chosen(one.diagnostics, select, ignore, reporting.keep_errors))
    return found
