"""`eqspec fmt`: specs in their canonical layout."""

from __future__ import annotations

import sys

import click

from eqspec.cli.options import offers
from eqspec.tools.config import FORMATS

EXIT_CODES = (
    "Exit codes: 0 done, or nothing to do; 1 a file has syntax errors, or would change (--check,"
    " --diff); 2 wrong usage or unreadable file."
)


@click.command(epilog=EXIT_CODES, short_help="Put specs into the one layout, comments kept.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=offers("specs"))
@click.option("--check", is_flag=True, help="Write nothing; report the files that would change.")
@click.option("--diff", is_flag=True, help="Write nothing; print a patch of what would change.")
@click.option(
    "--stdin-filename",
    metavar="PATH",
    help="Read standard input; messages call it so.",
)
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    help="How findings are printed.  [default: full]",
)
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True
)
def command(
    paths: tuple[str, ...],
    check: bool,
    diff: bool,
    stdin_filename: str | None,
    output_format: str | None,
    color: str,
) -> None:
    """Format specs: one layout for all, every comment kept in its place.

    PATH is a spec, a folder (all its .eqs files) or - for standard input, which is printed in its
    layout; without one, everything below the current folder is formatted. Of a Markdown file (.md)
    that is named, the blocks marked `eqs` are formatted. A file with syntax errors is left as it
    is. There is nothing to configure.
    """
    from eqspec.tools.flags import color_wanted
    from eqspec.tools.formatting.run import run_fmt, run_fmt_stdin

    painted = color_wanted(color)
    if stdin_filename is None and "-" not in paths:
        sys.exit(run_fmt(paths, check, diff, output_format, painted))
    if any(path != "-" for path in paths):
        raise click.UsageError("standard input is formatted alone: leave the other paths out")
    sys.exit(run_fmt_stdin(stdin_filename, check, diff, output_format, painted))
