"""`eqspec cost`: calls, parameters, FLOPs and bytes, node by node."""

from __future__ import annotations

import sys
from typing import Any

import click

from eqspec.cli.options import aim_flags, color_flag, format_flag, offers, set_flag
from eqspec.tools.flags import color_wanted


@click.command()
@click.argument("spec", shell_complete=offers("specs"))
@format_flag
@click.option("--all", "all_", is_flag=True, help="List strategies that are refused, and why.")
@aim_flags
@set_flag
@color_flag
def command(
    spec: str,
    format_: str,
    all_: bool,
    sizes: tuple[tuple[str, int], ...],
    color: str,
    **flags: Any,
) -> None:
    """What a spec costs, node by node.

    Calls of the user's networks beside what a plain average over the whole product of groups would
    need, free weights, FLOPs and bytes: for one sample, in evaluation. For every average the
    strategies that could stand in its place, with calls and guarantee. For every module the predicted
    time, and that of the other ways to lower it.
    """
    from eqspec.tools.costing import run_cost

    sys.exit(run_cost(spec, format_, dict(sizes), color_wanted(color), all_, flags))
