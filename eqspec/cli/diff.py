"""`eqspec diff`: what became of the promises of a spec."""

from __future__ import annotations

import sys

import click

from eqspec.cli.options import color_flag, offers, set_flag
from eqspec.tools.flags import color_wanted


@click.command(
    short_help="Which promises changed, from one spec to another.",
    epilog="Exit codes: 0 every promise is kept, 1 one is not, 2 wrong usage, unreadable file.",
)
@click.argument("old", metavar="OLD", shell_complete=offers("revisions"))
@click.argument("new", metavar="[NEW]", required=False, shell_complete=offers("revisions"))
@click.option(
    "--output-format",
    "format_",
    type=click.Choice(["text", "json", "github", "markdown"]),
    default="text",
    show_default=True,
)
@click.option("--promises-only", is_flag=True, help="Compile nothing: no costs, no saved weights.")
@click.option(
    "--allow-weaker",
    is_flag=True,
    help="Exit with 1 for what is broken or undecided alone.",
)
@set_flag
@color_flag
def command(
    old: str,
    new: str | None,
    format_: str,
    promises_only: bool,
    allow_weaker: bool,
    sizes: tuple[tuple[str, int], ...],
    color: str,
) -> None:
    """Which promises changed from one spec to another: same, stronger, weaker, broken.

    OLD and NEW are specs, as files or in git revisions: main:specs/two_view.eqs. With one file alone
    it is compared with its last commit. Promises are compared by what the groups do to inputs and
    outputs, never by names. Costs, parameters and saved weights are compared too.
    """
    from eqspec.tools.diff.running import run_diff

    sys.exit(
        run_diff(
            old, new, dict(sizes), format_, color_wanted(color), not promises_only, allow_weaker
        )
    )
