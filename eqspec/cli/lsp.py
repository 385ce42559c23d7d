"""`eqspec lsp`: the language server."""

from __future__ import annotations

import sys

import click


@click.command(short_help="The language server, for editors.")
def command() -> None:
    """Serve an editor: the language server, on standard input and output.

    Editors start it by themselves; docs/editors.md says how each of them is told. It shows what `check`
    says while you type, and knows types, symmetries and names. It needs the extra `lsp`:
    pip install "eqspec[lsp]".
    """
    try:
        import pygls  # noqa: F401
    except ImportError:
        raise click.UsageError(
            'the language server needs pygls: pip install "eqspec[lsp]"'
        ) from None
    from eqspec.tools.server.run import run_server

    sys.exit(run_server())
