"""The fuzzer's command.

python -m tests.fuzzing checker --minutes 60      one target; findings lie in .fuzz/checker/found
python -m tests.fuzzing all --minutes 60          every target, an hour each
python -m tests.fuzzing checker --replay FILE     one input, in this process
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tests.fuzzing.campaign import best_engine, campaign
from tests.fuzzing.judge import judge
from tests.fuzzing.targets import TARGETS, missing


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzzing",
        description="Try hostile and random inputs: no exception, no hang, no promise broken.",
    )
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument("--minutes", type=float, default=60, help="for each target")
    parser.add_argument(
        "--engine",
        choices=["auto", "atheris", "plain"],
        default="auto",
        help="atheris is guided by coverage and must be installed; plain needs nothing",
    )
    parser.add_argument("--seed", type=int, help="[default: from the clock]")
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"), help="corpus and findings")
    parser.add_argument("--nice", type=int, default=10, help="give way to other processes")
    parser.add_argument(
        "--replay", type=Path, metavar="FILE", help="try this input and nothing else"
    )
    options = parser.parse_args()
    names = list(TARGETS) if options.target == "all" else [options.target]
    if options.replay is not None:
        return _replay(names, options.replay)
    os.nice(options.nice)
    engine = best_engine() if options.engine == "auto" else options.engine
    seed = options.seed if options.seed is not None else int(time.time())
    print(f"engine {engine}, seed {seed}", flush=True)
    found = 0
    for name in names:
        if reason := missing(name):
            print(f"{name}: left out, {reason}", flush=True)
            continue
        report = campaign(name, 60 * options.minutes, engine, seed, options.folder, _say)
        found += len(report.found)
    return int(found > 0)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def _replay(names: list[str], file: Path) -> int:
    found = 0
    for name in names:
        if missing(name):
            continue
        begin = time.process_time()
        finding = judge(TARGETS[name], file.read_bytes())
        seconds = time.process_time() - begin
        print(f"{name}: {finding.signature if finding else 'fine'}, {seconds:.2f} s")
        if finding is not None:
            print(finding.trace)
            found += 1
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
