"""`eqspec bench`: emitted modules timed against what one would use instead."""

from __future__ import annotations

import sys

import click

from eqspec.cli.options import color_flag, format_flag, offers, set_flag
from eqspec.tools.config import LOWERINGS
from eqspec.tools.flags import color_wanted
from eqspec.tools.flags import device as table_name


@click.command(
    short_help="Time the emitted modules against dense ones and plain group averages.",
    epilog="Examples: `eqspec bench two_view.eqs --batch 1 --plot bench.svg`,"
    " `eqspec bench --calibrate -o device.json`.",
)
@click.argument("spec", required=False, shell_complete=offers("specs"))
@click.option(
    "--batch",
    type=click.IntRange(1, 1 << 20),
    metavar="N",
    help="Samples, also for the choice of lowerings.  [default: 256]",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64", "bfloat16", "float16"]),
    default="float32",
    show_default=True,
    help="Of weights and inputs.",
)
@click.option(
    "--device", default="cpu", show_default=True, metavar="NAME", help="As torch calls it: cuda:0."
)
@click.option(
    "--lowering",
    type=click.Choice([*LOWERINGS, "all"]),
    help="How linear maps are computed; all: what is chosen, and every other way beside it."
    "  [default: auto]",
)
@click.option(
    "--table",
    type=table_name,
    metavar="NAME|FILE",
    help="Device table by which lowerings are chosen.  [default: that of the device]",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 1000),
    default=11,
    show_default=True,
    help="Of a comparison; fewer where they would take long.",
)
@click.option(
    "--module", "-m", metavar="NAME", shell_complete=offers("modules"), help="This module alone."
)
@format_flag
@click.option("--plot", metavar="FILE", help="Draw the ratios as an SVG file.")
@click.option("--calibrate", is_flag=True, help="Measure the table by which lowerings are chosen.")
@click.option("-o", "--output", metavar="FILE", help="Write the table there.")
@click.option("--force", is_flag=True, help="Overwrite FILE even if eqspec did not write it.")
@set_flag
@color_flag
def command(
    spec: str | None,
    batch: int | None,
    dtype: str,
    device: str,
    lowering: str | None,
    table: str | None,
    rounds: int,
    module: str | None,
    format_: str,
    plot: str | None,
    calibrate: bool,
    output: str | None,
    force: bool,
    sizes: tuple[tuple[str, int], ...],
    color: str,
) -> None:
    """Time the modules of a spec as they are emitted.

    Each is timed against its dense twin, the same layers with nothing tied, and against a plain average
    of the twin over the whole group: forward, forward and backward, and the most bytes that their
    tensors hold at once. All run side by side, round by round; a ratio is the median over the rounds.
    Bases are small stand-in networks. Needs torch.

    With --calibrate no spec is timed but the device itself: the table that says how long a kernel takes,
    by which lowerings are chosen. It takes a minute; keep the machine quiet meanwhile.
    """
    if calibrate:
        if spec is not None:
            raise click.UsageError("`--calibrate` measures the device and takes no spec")
        from eqspec.tools.bench.calibrating import run_calibrate

        sys.exit(run_calibrate(device, output, force, color_wanted(color)))
    if spec is None:
        raise click.UsageError("name a spec, or `--calibrate`")
    if output is not None:
        raise click.UsageError("`-o` is where `--calibrate` writes; a plot goes to `--plot FILE`")
    from eqspec.tools.bench.running import Options, run_bench

    options = Options(batch, dtype, device, rounds, module, plot, force, lowering, table)
    sys.exit(run_bench(spec, dict(sizes), options, format_, color_wanted(color)))
