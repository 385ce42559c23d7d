"""Table and plot of the three regression tasks, from the errors that `train.py --save` writes.

    python examples/o5_invariance/train.py --save docs/experiments.json
    python examples/inertia/train.py --save docs/experiments.json
    python examples/scattering/train.py --save docs/experiments.json
    python examples/experiments.py docs/experiments.json --plot docs/experiments.svg

The plot needs matplotlib (`pip install "eqspec[examples]"`), the table does not.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

COLOURS = {
    "G-RepsNet": "#0072b2",
    "MLP 3x100": "#d55e00",
    "MLP 3x384": "#e69f00",
}


def table(tasks: dict[str, Any]) -> str:
    """Markdown: the mean over the seeds, and the worst of them."""
    lines = []
    for task, networks in tasks.items():
        sizes = list(next(iter(networks.values()))["errors"])
        columns = " | ".join(f"{size} samples" for size in sizes)
        lines += [
            f"| {task} | weights | {columns} |",
            "|---|--:|" + "--:|" * len(sizes),
        ]
        for name, result in networks.items():
            cells = [
                f"{statistics.mean(errors):.3g} ({max(errors):.3g})"
                for errors in result["errors"].values()
            ]
            lines.append(f"| {name} | {result['weights']:,} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def plot(tasks: dict[str, Any], file: Path) -> None:
    """Test error against the number of training samples; the band spans the seeds."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "eqspec"  # the same bytes in every run
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(tasks), figsize=(3.4 * len(tasks), 3.2))
    for axis, (task, networks) in zip(axes, tasks.items(), strict=True):
        for name, result in networks.items():
            sizes = [int(size) for size in result["errors"]]
            runs = list(result["errors"].values())
            means = [statistics.mean(errors) for errors in runs]
            colour = COLOURS.get(name)
            axis.plot(sizes, means, marker="o", ms=4, label=name, color=colour)
            low, high = [min(r) for r in runs], [max(r) for r in runs]
            axis.fill_between(sizes, low, high, alpha=0.2, color=colour, lw=0)
        axis.set(xscale="log", yscale="log", title=task, xlabel="training samples")
        axis.set_xticks(sizes, [str(size) for size in sizes])
        axis.minorticks_off()
    axes[0].set_ylabel("test error (mean squared)")
    axes[0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def main() -> None:
    parser = argparse.ArgumentParser(description="Table and plot of the experiments.")
    parser.add_argument("results", type=Path, help="the JSON file of `train.py --save`")
    parser.add_argument("--plot", type=Path, help="write a plot (.svg, .png)")
    options = parser.parse_args()
    tasks = json.loads(options.results.read_text(encoding="utf-8"))
    print(table(tasks))
    if options.plot is not None:
        plot(tasks, options.plot)


if __name__ == "__main__":
    main()
