"""`eqspec completions`: a script by which a shell completes commands, specs, nodes and codes."""

from __future__ import annotations

import sys

import click

SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog='In ~/.bashrc: `eval "$(eqspec completions bash)"`; in ~/.zshrc the same with zsh;'
    " `eqspec completions fish > ~/.config/fish/completions/eqspec.fish`."
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print a script that teaches a shell to complete `eqspec`.

    It offers commands and flags, specs and folders, the nodes of a spec, the sizes that --set can
    change, and the codes of diagnostics.
    """
    from eqspec.tools.completing import script
    from eqspec.tools.findings import out

    out(script(shell, context.find_root().command))
    sys.exit(0)
