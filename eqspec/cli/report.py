"""`eqspec report`: one page on a spec, for people."""

from __future__ import annotations

import sys

import click

from eqspec.cli.options import EXIT_CODES, offers, set_flag


@click.command(epilog=EXIT_CODES)
@click.argument("spec", shell_complete=offers("specs"))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write there; - for standard output.  [default: NAME_report.html beside the spec]",
)
@set_flag
@click.option("--force", is_flag=True, help="Overwrite FILE even if eqspec did not write it.")
def command(spec: str, output: str | None, sizes: tuple[tuple[str, int], ...], force: bool) -> None:
    """Write one HTML page on a spec.

    What every output promises in words, the layer graph, which weights every linear map shares, what
    everything costs, and the diagnostics. The page needs no network and no script, reads well in light
    and dark, on paper and on a telephone. A spec with errors gets a page too, which says so.
    """
    from eqspec.tools.pictures.reporting import run_report

    sys.exit(run_report(spec, output, force, dict(sizes)))
