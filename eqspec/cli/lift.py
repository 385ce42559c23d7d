"""`eqspec lift`: a torch model becomes a spec."""

from __future__ import annotations

import sys

import click

from eqspec.tools.flags import shape


@click.command(epilog="Exit codes: 0 the spec passes `check`, 1 it does not, 2 there is no spec.")
@click.argument("model", metavar="PACKAGE.MODULE:FACTORY")
@click.option(
    "--input",
    "input_",
    type=shape,
    required=True,
    metavar="C,N,...",
    help="The shape of one sample: channels, then sizes, as 3,33,33.",
)
@click.option("--group", required=True, help="A group as in a spec, as 'dihedral(4)'.")
@click.option(
    "--action",
    metavar="NAME",
    help="How it moves positions: grid, hflip, ...  [default: grid, of sequences reverse]",
)
@click.option("-o", "--output", metavar="FILE", help="Write there and not to standard output.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
def command(
    model: str,
    input_: tuple[int, ...],
    group: str,
    action: str | None,
    output: str | None,
    force: bool,
) -> None:
    """Turn a torch model of plain layers into a spec with a group.

    FACTORY is a function or a class without arguments that gives a torch.nn.Module: a Sequential, a
    ResNet, or anything else that torch.fx can trace and whose layers have a counterpart. It is
    imported and run: lift only code that you trust. Channels become fields of the group. What
    could not be kept stands in the comments of the spec.
    """
    from eqspec.tools.lift.lifting import run_lift

    sys.exit(run_lift(model, input_, group, action, output, force))
