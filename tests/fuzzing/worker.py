"""A process that tries inputs until its time is over; it may die, the campaign starts another.

    python -m tests.fuzzing.worker TARGET --engine atheris|plain --folder DIR --seconds N --seed S

Every input is on the disk before it is tried. What goes wrong becomes a candidate, `candidates/*`,
which the campaign confirms in a process of its own. The engine `atheris` is guided by coverage of the
package's bytecode; `plain` keeps inputs that make the compiler say something new.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzzing.targets import Codes, Target

INSTRUMENTED = 4.0  # instrumented code is slower by less than this
STEP = 64  # inputs between two looks at the clock and at the memory


class Worker:
    """The state of a run: what was tried, and which faults are known."""

    def __init__(self, target: Target, folder: Path, seconds: float, patience: float) -> None:
        from tests.fuzzing.judge import bounded, judge, mortal

        self.judge, self.target, self.folder, self.patience = judge, target, folder, patience
        self.end = time.monotonic() + seconds
        self.tried = 0
        self.known: set[str] = set()
        self.current = os.open(folder / "current", os.O_CREAT | os.O_RDWR, 0o644)
        for name in ("candidates", "corpus"):
            (folder / name).mkdir(exist_ok=True)
        for file in (folder / "candidates").glob("*.json"):
            self.known.add(json.loads(file.read_text())["signature"])
        mortal(folder / "stack")
        bounded(target)
        self.most = (
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + target.megabytes * 2**19
        )

    def attempt(self, data: bytes) -> None:
        os.ftruncate(self.current, 0)
        os.pwrite(self.current, data, 0)
        finding = self.judge(self.target, data, self.patience)
        self.tried += 1
        if finding is not None and finding.signature not in self.known:
            self.known.add(finding.signature)
            name = hashlib.sha256(data).hexdigest()[:16]
            record = {"signature": finding.signature, "trace": finding.trace}
            (self.folder / "candidates" / f"{name}.case").write_bytes(data)
            (self.folder / "candidates" / f"{name}.json").write_text(json.dumps(record))
        if self.tried % STEP == 0:
            self.look()

    def look(self) -> None:
        """Note how far this went; leave when time is over, or when memo tables have grown large."""
        (self.folder / "tried").write_text(str(self.tried))
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if time.monotonic() > self.end or used > self.most:
            os.ftruncate(self.current, 0)
            os._exit(0)


def plain(worker: Worker, rng: random.Random) -> None:
    """Mutate without looking into the program."""
    from tests.fuzzing.mutate import crossed, mutate_bytes
    from tests.fuzzing.seeds import seeds

    kept = list(seeds()) + [file.read_bytes() for file in (worker.folder / "corpus").iterdir()]
    heard: set[Codes] = set()
    run = worker.target.run

    def listening(data: bytes) -> Codes:
        codes = run(data)
        if codes not in heard:
            heard.add(codes)
            kept.append(data)
        return codes

    worker.target = type(worker.target)(**{**vars(worker.target), "run": listening})
    while True:
        data = crossed(rng) if rng.random() < 0.2 else rng.choice(kept)
        worker.attempt(mutate_bytes(data, worker.target.size, rng.getrandbits(64)))


def atheris(worker: Worker, seed: int) -> None:
    """Let libFuzzer choose: its own changes of bytes, and ours of the text."""
    import atheris as engine

    from tests.fuzzing.mutate import mutate_bytes
    from tests.fuzzing.seeds import seeds

    for data in seeds():
        file = worker.folder / "corpus" / hashlib.sha1(data).hexdigest()
        if len(data) <= worker.target.size and not file.exists():
            file.write_bytes(data)

    def change(data: bytes, size: int, number: int) -> bytes:
        if number % 5 == 0:
            return bytes(engine.Mutate(data, size))
        return mutate_bytes(data, size, number)

    flags = [
        f"-seed={seed % 2**31 or 1}",
        f"-max_len={worker.target.size}",
        "-rss_limit_mb=0",
        "-malloc_limit_mb=0",
        "-timeout=1000000",  # the judge has the clock; 0 would be no time at all
        "-handle_alrm=0",
        "-len_control=0",
        f"-artifact_prefix={worker.folder}/",
        str(worker.folder / "corpus"),
    ]
    engine.Setup([sys.argv[0], *flags], worker.attempt, custom_mutator=change)
    engine.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("--engine", choices=["atheris", "plain"], required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    if options.engine == "atheris":
        import atheris as engine

        with engine.instrument_imports(include=["eqspec"], enable_loader_override=False):
            from tests.fuzzing.targets import TARGETS, load_all

            load_all()
    else:
        from tests.fuzzing.targets import TARGETS
    patience = INSTRUMENTED if options.engine == "atheris" else 1.0
    worker = Worker(TARGETS[options.target], options.folder, options.seconds, patience)
    if options.engine == "atheris":
        atheris(worker, options.seed)
    plain(worker, random.Random(options.seed))


if __name__ == "__main__":
    main()
