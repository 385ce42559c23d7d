"""`python -m benchmarks [SECTION ...]`: run comparisons and print tables of ratios."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy is imported

from benchmarks.measure import FULL, QUICK, Effort  # noqa: E402
from benchmarks.tables import Table  # noqa: E402

Section = Callable[[Effort, argparse.Namespace], list[Table]]


def _check(effort: Effort, options: argparse.Namespace) -> list[Table]:
    from benchmarks import check

    return [*check.cold(effort), *check.large(effort)]


def _compile(effort: Effort, options: argparse.Namespace) -> list[Table]:
    from benchmarks import compiling

    return compiling.growth(effort)


def _basis(effort: Effort, options: argparse.Namespace) -> list[Table]:
    from benchmarks import basis

    return basis.bases(effort, options.emlp or _peer("emlp", effort, options))


def _linear(effort: Effort, options: argparse.Namespace) -> list[Table]:
    from benchmarks import linear

    return linear.linears(effort)


def _averages(effort: Effort, options: argparse.Namespace) -> list[Table]:
    from benchmarks import averages, strategies

    return [*averages.averages(effort), strategies.strategies(effort)]


def _convolution(effort: Effort, options: argparse.Namespace) -> list[Table]:
    from benchmarks import convolution

    return convolution.convolutions(effort, options.escnn or _peer("escnn", effort, options))


def _keystroke(effort: Effort, options: argparse.Namespace) -> list[Table]:
    from benchmarks import keystroke

    return keystroke.keystrokes(effort)


def _peers(effort: Effort, options: argparse.Namespace) -> list[Table]:
    from benchmarks.peers import comparison

    return comparison.peers(effort, options)


def _blocks(effort: Effort, options: argparse.Namespace) -> list[Table]:
    from benchmarks import blocks

    return blocks.blocks(effort)


def _scaling(effort: Effort, options: argparse.Namespace) -> list[Table]:
    from benchmarks import scaling

    return scaling.scaling(effort)


def _lowerings(effort: Effort, options: argparse.Namespace) -> list[Table]:
    from benchmarks import lowerings

    return lowerings.lowerings(effort)


def _goals(effort: Effort, options: argparse.Namespace) -> list[Table]:
    from benchmarks import goals

    return goals.goals(effort, options)


def _peer(name: str, effort: Effort, options: argparse.Namespace) -> str | None:
    """The interpreter of a peer; none in quick mode, which builds nothing."""
    from benchmarks.peers.environments import PEERS, cache_folder, environment

    if effort.quick:
        return None
    (peer,) = (peer for peer in PEERS if peer.name == name)
    return environment(peer, cache_folder(options.peers)).python


SECTIONS: dict[str, Section] = {
    "check": _check,
    "keystroke": _keystroke,
    "compile": _compile,
    "basis": _basis,
    "linear": _linear,
    "averages": _averages,
    "convolution": _convolution,
    "peers": _peers,
    "blocks": _blocks,
    "lowerings": _lowerings,
    "scaling": _scaling,
    "goals": _goals,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    # no `choices`: argparse holds an empty list against them
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="small and inexact, under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="also replace the tables of this Markdown page"
    )
    parser.add_argument("--emlp", metavar="PYTHON", help="an interpreter that has EMLP already")
    parser.add_argument("--escnn", metavar="PYTHON", help="an interpreter that has escnn")
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="of the peers' environments")
    parser.add_argument("--autoequiv", type=Path, metavar="FOLDER", help="the source of AutoEquiv")
    options = parser.parse_args()
    unknown = sorted(set(options.sections) - set(SECTIONS))
    if unknown:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    _one_thread()
    effort = QUICK if options.quick else FULL
    print(machine(), flush=True)
    tables: list[Table] = []
    for name in _wanted(options.sections or list(SECTIONS)):
        start = time.perf_counter()
        found = SECTIONS[name](effort, options)
        tables += found
        for table in found:
            print(f"\n{table.as_text()}", flush=True)
        print(f"({name}: {time.perf_counter() - start:.0f} s)", file=sys.stderr, flush=True)
    if options.json:
        content = {"machine": machine(), "tables": [table.as_json() for table in tables]}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if options.page:
        replace_tables(options.page, tables)
    return 0


def _wanted(names: list[str]) -> list[str]:
    """In order; the table of the goals needs the sections that measure them, and comes last."""
    from benchmarks.goals import NEEDED

    wanted = {*names, *NEEDED} if "goals" in names else set(names)
    return [name for name in SECTIONS if name in wanted]


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def machine() -> str:
    """What the numbers were taken on, without names."""
    import lark
    import numpy
    import torch

    return (
        f"{os.cpu_count()} CPU cores ({platform.machine()}), {platform.system()}; Python"
        f" {platform.python_version()}, torch {torch.__version__}, NumPy {numpy.__version__}, Lark"
        f" {lark.__version__}; one thread"
    )


def replace_tables(page: Path, tables: list[Table]) -> None:
    """Put each table between `<!-- table KEY -->` and `<!-- end -->`."""
    text = page.read_text(encoding="utf-8")
    pieces = {table.key: table.as_markdown() for table in tables} | {"machine": machine()}
    for key, piece in pieces.items():
        mark = re.escape(f"<!-- table {key} -->")
        body = f"<!-- table {key} -->\n\n{piece}\n\n<!-- end -->"
        text = re.sub(f"{mark}.*?<!-- end -->", body.replace("\\", r"\\"), text, flags=re.DOTALL)
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
