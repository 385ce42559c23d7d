"""`eqspec verify`: modules against their certificates, and certificates against their specs."""

from __future__ import annotations

import sys
from typing import Any

import click

from eqspec.cli.options import EXIT_CODES, aim_flags, format_flag, offers, reporting_flags


@click.command(epilog=EXIT_CODES)
@click.argument(
    "paths", nargs=-1, required=True, metavar="MODULE.py...", shell_complete=offers("emitted")
)
@click.option(
    "--spec",
    metavar="PATH",
    shell_complete=offers("specs"),
    help="The spec, if it is not where the certificate says.",
)
@click.option("--no-spec", is_flag=True, help="Look at the certificate and the files alone.")
@click.option("--no-rebuild", is_flag=True, help="Check the spec, but do not compile it again.")
@aim_flags
@format_flag
@reporting_flags
def command(
    paths: tuple[str, ...],
    spec: str | None,
    no_spec: bool,
    no_rebuild: bool,
    format_: str,
    **flags: Any,
) -> None:
    """Prove the claims of emitted modules anew, without torch.

    MODULE.py has its certificate beside it, MODULE.certificate.json; `eqspec compile --emit
    module,tests,certificate` writes it. A checker that shares no code with the compiler proves the
    claims anew from the matrices in the certificate. Then the spec is checked and compiled again,
    and must make the same claims and the same files; flags that chose a way of lowering are given
    again.
    """
    from eqspec.tools.verifying import run_verify

    if spec is not None and no_spec:
        raise click.UsageError("--spec and --no-spec do not go together")
    if spec is not None and len(paths) > 1:
        raise click.UsageError(
            "--spec says where the spec of one module is: verify them one by one"
        )
    looks = "certificate" if no_spec else "spec" if no_rebuild else "rebuild"
    sys.exit(run_verify(paths, spec, looks, flags, format_ == "json"))
