"""`eqspec cost`: calls, parameters, FLOPs and bytes, node by node."""

from __future__ import annotations

import sys

import click

from eqspec.cli.options import color_flag, format_flag, offers, set_flag
from eqspec.tools.flags import color_wanted


@click.command()
@click.argument("spec", shell_complete=offers("specs"))
@format_flag
@click.option("--all", "all_", is_flag=True, help="List strategies that are refused, and why.")
@set_flag
@color_flag
def command(
    spec: str, format_: str, all_: bool, sizes: tuple[tuple[str, int], ...], color: str
) -> None:
    """What a spec costs, node by node.

    Calls of the user's networks beside what a plain average over the whole product of groups would
    need, free weights, FLOPs and bytes: for one sample, in evaluation. For every average the
    strategies that could stand in its place, with calls and guarantee.
    """
    from eqspec.tools.costing import run_cost

    sys.exit(run_cost(spec, format_, dict(sizes), color_wanted(color), all_))
