"""`eqspec check`: specs are proved, and nothing is written."""

from __future__ import annotations

import sys
from typing import Any

import click

from eqspec.cli.options import EXIT_CODES, offers, reporting_flags, set_flag


@click.command(epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=offers("specs"))
@reporting_flags
@set_flag
@click.option(
    "--stdin-filename",
    metavar="PATH",
    help="Read standard input and check it as if it were this file.",
)
@click.option(
    "--fix",
    is_flag=True,
    help="Make the repairs that are sure, as of mistyped names, in the files.",
)
@click.option("--diff", is_flag=True, help="With --fix: write nothing, print a patch.")
def command(
    paths: tuple[str, ...],
    stdin_filename: str | None,
    sizes: tuple[tuple[str, int], ...],
    **flags: Any,
) -> None:
    """Check specs: prove every promise, or say what is wrong.

    PATH is a spec, a folder (all its .eqs files) or - for standard input; without one, everything
    below the current folder is checked. Nothing is written, but for --fix.
    """
    from eqspec.tools.run import run_check

    stdin = stdin_filename is not None or "-" in paths
    if stdin and any(path != "-" for path in paths):
        raise click.UsageError("standard input is checked alone: leave the other paths out")
    if flags["diff"] and not flags["fix"]:
        raise click.UsageError("--diff shows what --fix would do: add --fix")
    sys.exit(run_check(paths, stdin, stdin_filename, dict(sizes), flags))
