"""`eqspec explain`: the page of a diagnostic, or the derivation of a feature."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from eqspec.cli.options import aim_flags, color_flag, format_flag, offers, set_flag
from eqspec.tools.flags import color_wanted


@click.command(epilog="Examples: `eqspec explain EQS401`, `eqspec explain two_view.eqs h`.")
@click.argument("what", metavar="CODE|SPEC", shell_complete=offers("code_or_spec"))
@click.argument("node", required=False, shell_complete=offers("nodes"))
@click.option(
    "--module",
    "-m",
    metavar="NAME",
    shell_complete=offers("modules"),
    help="The module that has the node.",
)
@format_flag
@click.option(
    "--ways",
    is_flag=True,
    help="In which ways it can be computed, the predicted time of each, and which is chosen.",
)
@aim_flags
@set_flag
@color_flag
def command(
    what: str,
    node: str | None,
    module: str | None,
    format_: str,
    sizes: tuple[tuple[str, int], ...],
    color: str,
    ways: bool,
    **flags: Any,
) -> None:
    """Explain a diagnostic, or derive a feature of a spec.

    With a CODE: what the message means, an example that triggers it and one that is fine.

    With a SPEC and a NODE (an output, a layer, or a step such as `h.linear`): its type, what every
    factor asks of every edge, the dimension of every space of maps and why the op is equivariant; with
    --ways, how it is computed.
    Without NODE: the nodes that there are.
    """
    from eqspec.tools.explaining import run_explain, run_explain_code

    painted = color_wanted(color)
    if node is None and not what.endswith(".eqs") and not os.path.exists(what):
        sys.exit(run_explain_code(what, format_, painted))
    asked = flags if ways or any(value is not None for value in flags.values()) else None
    sys.exit(run_explain(what, node, module, format_, dict(sizes), painted, asked))
