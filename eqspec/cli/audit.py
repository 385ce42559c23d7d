"""`eqspec audit`: a torch model against the inputs and outputs of a spec."""

from __future__ import annotations

import sys

import click

from eqspec.cli.options import color_flag, format_flag, offers
from eqspec.tools.flags import color_wanted, size


@click.command(
    epilog="Exit codes: 0 pass, 1 a check fails or shows nothing, 2 nothing could be audited."
)
@click.argument("model", metavar="PACKAGE.MODULE:FACTORY")
@click.argument("spec", metavar="SPEC[:NAME]", shell_complete=offers("spec_and_name"))
@format_flag
@click.option(
    "--set",
    "sizes",
    type=size,
    multiple=True,
    metavar="NAME=N",
    shell_complete=offers("sizes"),
    help="Audit at this size of a `param`. Repeatable, also with several sizes of one `param`.",
)
@click.option(
    "--batch",
    type=click.IntRange(2, 1024),
    default=4,
    show_default=True,
    help="Samples of a batch.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="Of all that is drawn.",
)
@click.option(
    "--as-given", is_flag=True, help="Leave out the audit with parameters drawn at random."
)
@color_flag
def command(
    model: str,
    spec: str,
    format_: str,
    sizes: tuple[tuple[str, int], ...],
    batch: int,
    seed: int,
    as_given: bool,
    color: str,
) -> None:
    """Does a torch model have the symmetry that a spec declares?

    FACTORY is a function or a class without arguments that gives the model (a torch.nn.Module or
    any callable); it is imported, with the current folder on the path, and run: audit only code
    that you trust. SPEC is a spec, NAME the interface or module in it whose inputs and outputs
    are those of the model.
    """
    from eqspec.tools.audit.auditing import Options, run_audit

    sys.exit(
        run_audit(
            model, spec, sizes, Options(seed, batch, not as_given), format_, color_wanted(color)
        )
    )
