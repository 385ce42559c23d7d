"""What the experiments with pages of their own share: options, progress, tables, plots, files.

An experiment returns rows. A row names a network and its setting in words, and holds numbers by
column; a list is one number for every seed. `--save docs` writes `experiments-NAME.json`, a
plot `experiments-NAME.svg` (it needs matplotlib: `pip install "eqspec[examples]"`), and both
into the page `experiments-NAME.md`, between two comments. `--show FILE` prints the table
of a saved run again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

Row = dict[str, Any]
COLOURS = ("#999999", "#d55e00", "#e69f00", "#56b4e9", "#0072b2", "#009e73", "#cc79a7")


@dataclass(frozen=True)
class Column:
    """`kind`: words, count, percent, variation (three digits), error (the worst of the seeds),
    number, milliseconds."""

    key: str
    title: str
    kind: str = "words"


@dataclass(frozen=True)
class Experiment:
    """`run(quick, seeds)` returns the rows, `plot(rows, figure)` draws them; `caption` says
    what the plot shows."""

    name: str
    caption: str
    columns: Sequence[Column]
    run: Callable[[bool, int], list[Row]]
    plot: Callable[[list[Row], Any], None]


# ---- tables --------------------------------------------------------------------------


def cell(value: Any, kind: str) -> str:
    """One number, or the mean over the seeds with the smallest and the largest in brackets."""
    if value is None:
        return "–"
    if kind == "words":
        return str(value)
    values = value if isinstance(value, list) else [value]
    if kind == "error":
        return "0" if max(values) == 0 else f"{max(values):.0e}"
    form = {
        "count": "{:,.0f}",
        "variation": "{:.3f}",
        "number": "{:.3g}",
        "milliseconds": "{:.1f} ms",
    }
    shape = form.get(kind, "{:.1f}")
    numbers = [100 * v if kind == "percent" else v for v in values]
    if kind == "milliseconds":
        return shape.format(statistics.median(numbers))
    words = [shape.format(number) for number in numbers]
    mean = shape.format(statistics.mean(numbers))
    if len(set(words)) == 1:
        return mean
    return f"{mean} ({shape.format(min(numbers))}–{shape.format(max(numbers))})"


def table(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = [
        "| " + " | ".join(column.title for column in columns) + " |",
        "|" + "|".join("---" if c.kind == "words" else "--:" for c in columns) + "|",
    ]
    for row in rows:
        cells = (cell(row.get(column.key), column.kind) for column in columns)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def pairs(
    rows: Sequence[Row], key: str, **where: str
) -> list[tuple[float, float, float]]:
    """Mean, smallest and largest of a column, for every row in a setting."""
    found = []
    for row in rows:
        if all(row[name] == word for name, word in where.items()):
            values = row[key] if isinstance(row[key], list) else [row[key]]
            found.append((statistics.mean(values), min(values), max(values)))
    return found


def bars(
    axis: Any,
    groups: Sequence[str],
    series: dict[str, list[tuple[float, float, float]]],
    colours: Sequence[str] = COLOURS,
) -> None:
    """Groups of bars; the whiskers span the seeds."""
    width = 0.8 / len(series)
    for k, (name, points) in enumerate(series.items()):
        places = [
            group + (k - (len(series) - 1) / 2) * width for group in range(len(points))
        ]
        means = [mean for mean, _, _ in points]
        whiskers = [
            [max(0.0, mean - low) for mean, low, _ in points],
            [max(0.0, high - mean) for mean, _, high in points],
        ]
        colour = colours[k % len(colours)]
        axis.bar(places, means, width, label=name, color=colour, yerr=whiskers)
    axis.set_xticks(range(len(groups)), groups)
    axis.spines[["top", "right"]].set_visible(False)


# ---- files ---------------------------------------------------------------------------


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return value


def save(experiment: Experiment, rows: list[Row], seeds: int, folder: Path) -> None:
    """The rows as JSON, the plot, and the table in the page where the page exists."""
    stem = folder / f"experiments-{experiment.name}"
    kept = [{key: rounded(value) for key, value in row.items()} for row in rows]
    text = json.dumps({"seeds": list(range(seeds)), "rows": kept}, indent=2)
    short = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", _on_one_line, text)
    stem.with_suffix(".json").write_text(short + "\n", encoding="utf-8")
    page = stem.with_suffix(".md")
    if page.exists():
        before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        _, end, after = rest.partition(END)
        assert begin, page
        assert end, page
        numbers = ", ".join(map(str, range(seeds)))
        told = f"Seeds {numbers}" if seeds > 1 else "One seed"
        image = f"![{experiment.caption}]({stem.name}.svg)"
        shown = f"{image}\n\n{table(experiment.columns, kept)}\n\n{told}{MEANING}"
        lines = f"{before}{begin}\n{shown}\n{end}{after}"
        page.write_text(lines, encoding="utf-8")
    try:
        import matplotlib
    except ImportError:
        sys.stderr.write("no plot: matplotlib is not installed\n")
        return
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "eqspec"  # the same bytes in every run
    import matplotlib.pyplot as plt

    figure = plt.figure()
    experiment.plot(kept, figure)
    figure.tight_layout()
    figure.savefig(stem.with_suffix(".svg"), metadata={"Date": None})


BEGIN = "<!-- table -->"
MEANING = (
    ": the mean, in brackets the smallest and the largest; of the changes the largest, "
    "of the times the median."
)
END = "<!-- end of the table -->"


def _on_one_line(found: re.Match[str]) -> str:
    return "[" + re.sub(r"\s+", " ", found[1]) + "]"


def main(experiment: Experiment, description: str | None) -> None:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--quick", action="store_true", help="less of everything, for a test"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--save", type=Path, metavar="FOLDER", help="write JSON, plot, table"
    )
    parser.add_argument(
        "--show", type=Path, metavar="FILE", help="the table of saved results"
    )
    options = parser.parse_args()
    if options.show is not None:
        rows = json.loads(options.show.read_text(encoding="utf-8"))["rows"]
        print(table(experiment.columns, rows))
        return
    if options.quick:
        options.seeds = 1
    torch.set_num_threads(1)  # networks as small as these only wait for a second thread
    rows = experiment.run(options.quick, options.seeds)
    print(table(experiment.columns, rows))
    if options.save is not None:
        save(experiment, rows, options.seeds, options.save)


def parallel(
    function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]
) -> list[Any]:
    """The results of all jobs, in order; two run at a time. Each must draw its own seed."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1), mp_context=context) as pool:
        return list(pool.map(function, *zip(*jobs, strict=True)))


# ---- progress and measurements -------------------------------------------------------


def progress(text: str, done: int, total: int) -> None:
    """A bar on standard error: written over on a terminal, elsewhere one line at the end."""
    if sys.stderr.isatty():
        bar = "#" * (30 * done // total)
        sys.stderr.write(f"\r\x1b[K{text:40} [{bar:30}] {done}/{total}")
        if done == total:
            sys.stderr.write("\r\x1b[K")
    elif done == total:
        sys.stderr.write(f"{text}: done\n")
    sys.stderr.flush()


class Counted(nn.Module):
    """Passes everything on, and counts the rows."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.rows = 0

    def forward(self, *xs: Tensor) -> Any:
        self.rows += len(xs[0])
        return self.network(*xs)


def milliseconds(run: Callable[[], Any], times: int = 5) -> float:
    """The fastest of several runs."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return 1000 * min(taken)
