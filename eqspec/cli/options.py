"""Flags that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from eqspec.tools.flags import code_prefixes, device, size

Function = TypeVar("Function", bound=Callable[..., Any])
EXIT_CODES = "Exit codes: 0 nothing to report, 1 errors found, 2 wrong usage or unreadable file."
STALE_CODES = EXIT_CODES.replace("errors found", "errors found or files out of date")


def offers(name: str) -> Callable[..., list[Any]]:
    """A callback for ``shell_complete``: the function of this name in `eqspec.tools.completing`."""

    def complete(*arguments: Any) -> list[Any]:
        from eqspec.tools import completing

        found: list[Any] = getattr(completing, name)(*arguments)
        return found

    return complete


def reporting_flags(function: Function) -> Function:
    from eqspec.tools.config import FORMATS

    for option in (
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            show_default=True,
            help="Colour the messages; auto: on a terminal without NO_COLOR.",
        ),
        click.option(
            "--max-errors", type=click.IntRange(min=1), metavar="N", help="Show only N errors."
        ),
        click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are errors."),
        click.option("--deny-warnings", is_flag=True, help="Exit with 1 if there are warnings."),
        click.option(
            "--ignore",
            type=code_prefixes,
            multiple=True,
            metavar="CODE",
            shell_complete=offers("codes"),
            help="Leave out these codes; EQS9 stands for all that begin so. Repeatable.",
        ),
        click.option(
            "--select",
            type=code_prefixes,
            multiple=True,
            metavar="CODE",
            shell_complete=offers("codes"),
            help="Report these codes only. Repeatable.",
        ),
        click.option(
            "--output-format",
            type=click.Choice(FORMATS),
            help="How findings are printed.  [default: full]",
        ),
    ):
        function = option(function)
    return function


def aim_flags(function: Function) -> Function:
    """For what the way of lowering is chosen; none of them: as the settings say."""
    from eqspec.tools.config import LOWERINGS, PURPOSES

    for option in (
        click.option(
            "--for",
            "purpose",
            type=click.Choice(PURPOSES),
            help="What is to be fast: a training step, or forward alone.  [default: training]",
        ),
        click.option(
            "--batch",
            type=click.IntRange(1, 1 << 30),
            metavar="N",
            help="Samples for which lowerings are chosen.  [default: 256]",
        ),
        click.option(
            "--device",
            type=device,
            metavar="NAME|FILE",
            help="Device for which lowerings are chosen: cpu, gpu, or a file of"
            " `bench --calibrate`.  [default: cpu]",
        ),
        click.option(
            "--lowering",
            type=click.Choice(LOWERINGS),
            help="How linear maps are computed.  [default: auto, what takes the least time]",
        ),
    ):
        function = option(function)
    return function


set_flag = click.option(
    "--set",
    "sizes",
    type=size,
    multiple=True,
    metavar="NAME=N",
    shell_complete=offers("sizes"),
    help="Change the size of a `param`, as --set n=7. Repeatable.",
)

color_flag = click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True
)
format_flag = click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True
)
