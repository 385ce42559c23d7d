"""Values that flags take: functions from text to value, with errors that say what is wanted."""

from __future__ import annotations

import os
import re
import sys

import click

from eqspec.diagnostics.suggest import did_you_mean
from eqspec.limits import NAMES
from eqspec.tools.config import CODE_PREFIX, EMIT


def code_prefixes(text: str) -> tuple[str, ...]:
    """Codes or their beginnings, one or a comma list."""
    codes = tuple(part.strip().upper() for part in text.split(","))
    for code in codes:
        if not CODE_PREFIX.match(code):
            raise click.BadParameter(f"{code!r} is no code or its beginning, as EQS401 or EQS9")
    return codes


def emit_kinds(text: str) -> tuple[str, ...]:
    """Kinds of files, one or a comma list."""
    kinds = tuple(part.strip() for part in text.split(","))
    for kind in kinds:
        if kind not in EMIT:
            near = did_you_mean(kind, EMIT)
            hint = f"did you mean {near!r}?" if near else f"the kinds are {', '.join(EMIT)}"
            raise click.BadParameter(f"{kind!r} cannot be emitted; {hint}")
    return kinds


def size(text: str) -> tuple[str, int]:
    """``name=7``."""
    match = re.fullmatch(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*([0-9]{1,12})\s*", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is no name with a whole number, as n=7")
    return match[1], int(match[2])


def limit(text: str) -> tuple[str, int]:
    """``seconds=60``."""
    name, sign, number = (part.strip() for part in text.partition("="))
    if name not in NAMES:
        near = did_you_mean(name, NAMES)
        hint = f"did you mean {near!r}?" if near else f"the limits are {', '.join(NAMES)}"
        raise click.BadParameter(f"there is no limit {name!r}; {hint}")
    if not sign or not re.fullmatch(r"0*[1-9][0-9]{0,17}", number):
        raise click.BadParameter(f"{text!r} is no limit with a whole number above 0, as seconds=60")
    return name, int(number)


def device(text: str) -> str:
    """``gpu`` or a file with a device table."""
    from eqspec.program.devices import TableError, table_named

    try:
        table_named(text)
    except TableError as error:
        raise click.BadParameter(f"{text!r} is no device table: {error}") from None
    return text


def shape(text: str) -> tuple[int, ...]:
    """``3,33,33``."""
    if not re.fullmatch(r"\s*[0-9]{1,9}(\s*,\s*[0-9]{1,9})*\s*", text):
        raise click.BadParameter(f"{text!r} is no shape, as 3,33,33")
    return tuple(int(part) for part in text.split(","))


def color_wanted(choice: str) -> bool:
    """`auto` colours a terminal, unless NO_COLOR is set or the terminal is dumb."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()
