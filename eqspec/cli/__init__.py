"""The command `eqspec`: one file for each command, imported when it is asked for.

In: the command line. Out: an exit code, 0 nothing to report, 1 errors found or files out of date, 2
wrong usage, an unreadable file or a fault of eqspec. The work is done in `eqspec.tools`, which each
command imports by itself, so that `eqspec check` starts without the weight of `eqspec compile`.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import Any

import click

from eqspec import __version__
from eqspec.limits import LimitReached, limited
from eqspec.tools.flags import limit

gc.set_threshold(100_000, 20, 50)  # a short command allocates much and frees little

COMMANDS = (
    "check",
    "compile",
    "fmt",
    "explain",
    "cost",
    "bench",
    "graph",
    "report",
    "verify",
    "diff",
    "audit",
    "lift",
    "init",
    "completions",
    "lsp",
)
"""In the order of `eqspec --help`; ``eqspec.cli.NAME`` defines ``command``."""
SYNONYMS = {"format": "fmt", "build": "compile", "lint": "check", "show": "graph", "new": "init"}
"""What other tools call the same."""


def _hint(word: str) -> str:
    """What somebody may have meant who wrote a word that is no command."""
    from eqspec.diagnostics.suggest import did_you_mean

    if word.endswith(".eqs") or os.path.isdir(word):
        return f" To check specs: `eqspec check {word}`."
    known = [*COMMANDS, *SYNONYMS]
    near = word if word in known else did_you_mean(word, known)
    return f" Did you mean {SYNONYMS.get(near, near)!r}?" if near else ""


class Commands(click.Group):
    """The group of commands; a fault of eqspec ends in a message, never in a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"eqspec.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}.{_hint(args[0])}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="backslashreplace")  # a terminal that lacks a character
        try:
            os.getcwd()
        except OSError:
            raise click.UsageError("the current folder does not exist any more") from None
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except (LimitReached, MemoryError) as error:  # of a command that has no diagnostics
            from eqspec.tools.bounding import words_of

            click.echo(words_of(error), err=True)
            ctx.exit(2)
        except Exception as error:
            if os.environ.get("EQSPEC_DEBUG") == "1":
                raise
            from eqspec.tools.faults import internal_error

            click.echo(internal_error(error), err=True, nl=False)
            ctx.exit(2)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `eqspec check`: it proves or refuses every spec below this folder.",
)
@click.version_option(__version__, prog_name="eqspec", message="%(prog)s %(version)s")
@click.option(
    "--limit",
    "moved",
    type=limit,
    multiple=True,
    metavar="NAME=N",
    help="Move a bound of what a spec may cost, as --limit seconds=60. Repeatable.",
)
@click.pass_context
def main(context: click.Context, moved: tuple[tuple[str, int], ...]) -> None:
    """Compile declared symmetries into PyTorch modules that provably have them.

    A spec (a file that ends in .eqs) says which groups act on which tensors and which layers
    connect them. eqspec proves every layer equivariant, or says where and why it is not.
    """
    context.with_resource(limited(dict(moved), fixed=True))
