"""The command `eqspec`: its commands and flags.

In: the command line. Out: an exit code, 0 nothing to report, 1 errors found or files out of date, 2
wrong usage, an unreadable file or a fault of eqspec. The work is done in `eqspec.tools`, which each
command imports by itself, so that `eqspec check` starts without the weight of `eqspec compile`.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from eqspec import __version__
from eqspec.tools.flags import code_prefixes, color_wanted, emit_kinds, shape, size

gc.set_threshold(100_000, 20, 50)  # a short command allocates much and frees little

Function = TypeVar("Function", bound=Callable[..., Any])
EXIT_CODES = "Exit codes: 0 nothing to report, 1 errors found, 2 wrong usage or unreadable file."
STALE_CODES = EXIT_CODES.replace("errors found", "errors found or files out of date")


class Commands(click.Group):
    """The group of commands; a fault of eqspec ends in a message, never in a traceback."""

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
def main() -> None:
    """Compile declared symmetries into PyTorch modules that provably have them.

    A spec (a file that ends in .eqs) says which groups act on which tensors and which layers
    connect them. eqspec proves every layer equivariant, or says where and why it is not.
    """


def _reporting_flags(function: Function) -> Function:
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
            help="Leave out these codes; EQS9 stands for all that begin so. Repeatable.",
        ),
        click.option(
            "--select",
            type=code_prefixes,
            multiple=True,
            metavar="CODE",
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


set_flag = click.option(
    "--set",
    "sizes",
    type=size,
    multiple=True,
    metavar="NAME=N",
    help="Change the size of a `param`, as --set n=7. Repeatable.",
)


@main.command(epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@_reporting_flags
@set_flag
@click.option(
    "--stdin-filename",
    metavar="PATH",
    help="Read standard input and check it as if it were this file.",
)
def check(
    paths: tuple[str, ...],
    stdin_filename: str | None,
    sizes: tuple[tuple[str, int], ...],
    **flags: Any,
) -> None:
    """Check specs: prove every promise, or say what is wrong.

    PATH is a spec, a folder (all its .eqs files) or - for standard input; without one, everything
    below the current folder is checked. Nothing is written.
    """
    from eqspec.tools.run import run_check

    stdin = stdin_filename is not None or "-" in paths
    if stdin and any(path != "-" for path in paths):
        raise click.UsageError("standard input is checked alone: leave the other paths out")
    sys.exit(run_check(paths, stdin, stdin_filename, dict(sizes), flags))


@main.command(epilog=STALE_CODES)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("-o", "--output-dir", metavar="DIR", help="Write there.  [default: beside the spec]")
@click.option(
    "--emit",
    type=emit_kinds,
    multiple=True,
    metavar="KIND,...",
    help="What to write: module, tests, actions (the symmetry functions)."
    "  [default: module,tests; of an interface actions,tests]",
)
@set_flag
@click.option(
    "--distributed",
    is_flag=True,
    help="Let averages share their calls among processes (torch.distributed).",
)
@click.option("--check", "check_only", is_flag=True, help="Write nothing; list files out of date.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@click.option("--dry-run", is_flag=True, help="Write nothing; list what would be written.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Write nothing; print the files.")
@click.option("--test", is_flag=True, help="Run the emitted tests afterwards (needs torch).")
@click.option("--force", is_flag=True, help="Overwrite files that eqspec did not write.")
@click.option("--clean", is_flag=True, help="Delete emitted files whose spec is gone.")
@_reporting_flags
def compile(
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
    if "-" in paths:
        raise click.UsageError("standard input has no name for the emitted files: give a path")
    kinds = tuple(dict.fromkeys(kind for group in emit for kind in group)) or None
    if flags["test"] and kinds is not None and "tests" not in kinds:
        raise click.UsageError("--test runs the emitted tests: add `tests` to --emit")
    sys.exit(run_compile(paths, kinds, dict(sizes), flags))


@main.command(epilog="Examples: `eqspec explain EQS401`, `eqspec explain two_view.eqs h`.")
@click.argument("what", metavar="CODE|SPEC")
@click.argument("node", required=False)
@click.option("--module", "-m", metavar="NAME", help="The module that has the node.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@set_flag
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True
)
def explain(
    what: str,
    node: str | None,
    module: str | None,
    format_: str,
    sizes: tuple[tuple[str, int], ...],
    color: str,
) -> None:
    """Explain a diagnostic, or derive a feature of a spec.

    With a CODE: what the message means, an example that triggers it and one that is fine.

    With a SPEC and a NODE (an output, a layer, or a step such as `h.linear`): its type, what every
    factor asks of every edge, the dimension of every space of maps and why the op is equivariant.
    Without NODE: the nodes that there are.
    """
    from eqspec.tools.explaining import run_explain, run_explain_code

    painted = color_wanted(color)
    if node is None and not what.endswith(".eqs") and not os.path.exists(what):
        sys.exit(run_explain_code(what, format_, painted))
    sys.exit(run_explain(what, node, module, format_, dict(sizes), painted))


@main.command()
@click.argument("spec")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("--all", "all_", is_flag=True, help="List strategies that are refused, and why.")
@set_flag
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True
)
def cost(
    spec: str, format_: str, all_: bool, sizes: tuple[tuple[str, int], ...], color: str
) -> None:
    """What a spec costs, node by node.

    Calls of the user's networks beside what a plain average over the whole product of groups would
    need, free weights, FLOPs and bytes: for one sample, in evaluation. For every average the
    strategies that could stand in its place, with calls and guarantee.
    """
    from eqspec.tools.costing import run_cost

    sys.exit(run_cost(spec, format_, dict(sizes), color_wanted(color), all_))


@main.command(
    epilog="Exit codes: 0 pass, 1 a check fails or shows nothing, 2 nothing could be audited."
)
@click.argument("model", metavar="PACKAGE.MODULE:FACTORY")
@click.argument("spec", metavar="SPEC[:NAME]")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option(
    "--set",
    "sizes",
    type=size,
    multiple=True,
    metavar="NAME=N",
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
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True
)
def audit(
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
    from eqspec.tools.auditing import Options, run_audit

    sys.exit(
        run_audit(
            model, spec, sizes, Options(seed, batch, not as_given), format_, color_wanted(color)
        )
    )


@main.command(epilog="Exit codes: 0 the spec passes `check`, 1 it does not, 2 there is no spec.")
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
def lift(
    model: str,
    input_: tuple[int, ...],
    group: str,
    action: str | None,
    output: str | None,
    force: bool,
) -> None:
    """Turn a torch model of plain layers into a spec in which a group acts.

    FACTORY is a function or a class without arguments that gives a torch.nn.Module: a Sequential, a
    ResNet, or anything else that torch.fx can trace and whose layers have a counterpart. It is
    imported and run: lift only code that you trust. Channels become fields of the group. What
    could not be kept stands in the comments of the spec.
    """
    from eqspec.tools.lifting import run_lift

    sys.exit(run_lift(model, input_, group, action, output, force))
