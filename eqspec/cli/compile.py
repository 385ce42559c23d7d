"""`eqspec compile`: specs become PyTorch modules and their tests."""

from __future__ import annotations

import sys
from typing import Any

import click

from eqspec.cli.options import STALE_CODES, aim_flags, offers, reporting_flags, set_flag
from eqspec.tools.config import DOCUMENTS
from eqspec.tools.flags import emit_kinds


@click.command(epilog=STALE_CODES)
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=offers("specs"))
@click.option(
    "-o",
    "--output-dir",
    metavar="DIR",
    shell_complete=offers("folders"),
    help="Write there.  [default: beside the spec]",
)
@click.option(
    "--emit",
    type=emit_kinds,
    multiple=True,
    metavar="KIND,...",
    shell_complete=offers("kinds"),
    help="What to write: module, tests, actions (the symmetry functions), certificate."
    "  [default: module,tests; of an interface actions,tests]",
)
@set_flag
@click.option(
    "--distributed",
    is_flag=True,
    help="Let averages share their calls among processes (torch.distributed).",
)
@aim_flags
@click.option("--check", "check_only", is_flag=True, help="Write nothing; list files out of date.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@click.option("--dry-run", is_flag=True, help="Write nothing; list what would be written.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Write nothing; print the files.")
@click.option("--test", is_flag=True, help="Run the emitted tests afterwards (needs torch).")
@click.option("--force", is_flag=True, help="Overwrite files that eqspec did not write.")
@click.option("--clean", is_flag=True, help="Delete emitted files whose spec is gone.")
@click.option("--watch", is_flag=True, help="Compile again whenever a spec changes; Ctrl-C ends.")
@reporting_flags
def command(
    paths: tuple[str, ...],
    emit: tuple[tuple[str, ...], ...],
    sizes: tuple[tuple[str, int], ...],
    **flags: Any,
) -> None:
    """Compile specs to PyTorch modules and their tests.

    `two_view.eqs` becomes `two_view.py` and `test_two_view.py`. A spec with errors writes nothing,
    and a file that did not change is not touched. A file that eqspec did not write is left alone
    (--force overwrites it).
    """
    from eqspec.tools.compiling import run_compile

    alone = [
        name
        for name, key in (
            ("--check", "check_only"),
            ("--diff", "diff"),
            ("--dry-run", "dry_run"),
            ("--stdout", "to_stdout"),
        )
        if flags[key]
    ]
    if len(alone) > 1 and alone != ["--check", "--diff"]:
        raise click.UsageError(f"{' and '.join(alone)} do not go together")
    if alone and flags["test"]:
        raise click.UsageError(f"{alone[0]} writes nothing, so --test has nothing to run")
    if alone and flags["clean"]:
        raise click.UsageError(f"{alone[0]} writes nothing, so --clean may delete nothing")
    if alone and flags["watch"]:
        raise click.UsageError(f"{alone[0]} writes nothing, so there is nothing to --watch")
    if flags["watch"] and flags["output_format"] in DOCUMENTS:
        raise click.UsageError(f"--watch prints no single document: not {flags['output_format']}")
    if "-" in paths:
        raise click.UsageError("standard input has no name for the emitted files: give a path")
    kinds = tuple(dict.fromkeys(kind for group in emit for kind in group)) or None
    if flags["test"] and kinds is not None and "tests" not in kinds:
        raise click.UsageError("--test runs the emitted tests: add `tests` to --emit")
    if flags["watch"]:
        from eqspec.tools.watching import run_watch

        sys.exit(run_watch(paths, kinds, dict(sizes), flags))
    sys.exit(run_compile(paths, kinds, dict(sizes), flags))
