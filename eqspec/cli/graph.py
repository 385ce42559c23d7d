"""`eqspec graph`: the layer graph as a picture or as data."""

from __future__ import annotations

import sys

import click

from eqspec.cli.options import offers, set_flag


@click.command(
    short_help="Draw the layers of a spec and how the groups act on them.",
    epilog="Examples: `eqspec graph two_view.eqs -o two_view.svg`, `eqspec graph two_view.eqs --format mermaid`.",
)
@click.argument("spec", shell_complete=offers("specs"))
@click.option(
    "--format",
    "format_",
    type=click.Choice(["svg", "html", "mermaid", "dot", "json"]),
    help="What to make.  [default: by the ending of FILE, else svg]",
)
@click.option("-o", "--output", metavar="FILE", help="Write there and not to standard output.")
@click.option(
    "--module", "-m", metavar="NAME", shell_complete=offers("modules"), help="This module alone."
)
@click.option("--steps", is_flag=True, help="Show every step of an expression as a feature.")
@set_flag
@click.option("--force", is_flag=True, help="Overwrite FILE even if eqspec did not write it.")
def command(
    spec: str,
    format_: str | None,
    output: str | None,
    module: str | None,
    steps: bool,
    sizes: tuple[tuple[str, int], ...],
    force: bool,
) -> None:
    """Draw the layers of a spec and how the groups act on them.

    Every factor of the symmetry is a coloured line. It goes through where a map is equivariant, ends
    where the factor is forgotten, and begins where a result is fixed by it; a fusion point is where one
    ends and another begins. Numbers are the dimensions of the spaces of maps. The picture needs no
    other file and no network, and has colours for light and dark.
    """
    from eqspec.tools.pictures.running import run_graph

    sys.exit(run_graph(spec, format_, module, steps, output, force, dict(sizes)))
