"""`eqspec init`: a spec to start from."""

from __future__ import annotations

import sys

import click

from eqspec.cli.options import color_flag, offers
from eqspec.tools.flags import color_wanted


@click.command(epilog="Exit codes: 0 written, 1 a file is in the way, 2 it cannot be written.")
@click.argument("folder", default=".", metavar="[FOLDER]", shell_complete=offers("folders"))
@click.option(
    "--template",
    "-t",
    metavar="NAME",
    default="images",
    show_default=True,
    shell_complete=offers("templates"),
    help="What to start from; see --list.",
)
@click.option("--list", "list_", is_flag=True, help="List the templates and stop.")
@color_flag
def command(folder: str, template: str, list_: bool, color: str) -> None:
    """Begin a project: a spec, settings, and hooks for pre-commit.

    Writes TEMPLATE.eqs, `pyproject.toml` and `.pre-commit-config.yaml` into FOLDER (here, if there is
    none). No file is changed: settings and hooks that are there already are left alone, and what to
    add to them is printed.
    """
    from eqspec.diagnostics.suggest import did_you_mean
    from eqspec.tools.starting import run_init, run_list, templates

    if list_:
        sys.exit(run_list())
    known = {entry.name: entry for entry in templates()}
    if template not in known:
        near = did_you_mean(template, tuple(known))
        hint = f"did you mean {near!r}?" if near else f"the templates are {', '.join(known)}"
        raise click.BadParameter(
            f"there is no template {template!r}; {hint}", param_hint="--template"
        )
    sys.exit(run_init(folder, known[template], color_wanted(color)))
