"""A failing input made small: the same fault, fewer lines, fewer tokens, fewer characters.

In: the input and the signature of its fault. Out: the smallest input found in the time given. Run as

    python -m tests.fuzzing.shrink TARGET FILE --seconds N

it confirms an input in a fresh process and prints the finding as JSON; exit code 1 if there is none.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.fuzzing.judge import Finding, bounded, judge, mortal
from tests.fuzzing.mutate import TOKEN
from tests.fuzzing.targets import TARGETS, Target


def shrink(target: Target, data: bytes, finding: Finding, seconds: float) -> bytes:
    """The smallest input with this fault that was found."""
    end = time.monotonic() + seconds

    def fails(smaller: bytes) -> bool:
        if time.monotonic() > end:
            return False
        other = judge(target, smaller)
        return other is not None and other.signature == finding.signature

    before = None
    while before != data and time.monotonic() < end:
        before = data
        for split in (_lines, _tokens, _bytes):
            data = _fewer(split(data), fails)
    return data


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def _tokens(data: bytes) -> list[bytes]:
    text = data.decode("utf-8", errors="surrogateescape")
    return [token.encode("utf-8", errors="surrogateescape") for token in TOKEN.findall(text)]


def _bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))] if len(data) < 400 else [data]


def _fewer(parts: Sequence[bytes], fails: Callable[[bytes], bool]) -> bytes:
    """Leave out ever smaller runs of parts."""
    kept = list(parts)
    size = max(len(kept) // 2, 1)
    while True:
        at = 0
        while at < len(kept):
            fewer = kept[:at] + kept[at + size :]
            if fewer and fails(b"".join(fewer)):
                kept = fewer
            else:
                at += size
        if size == 1:
            return b"".join(kept)
        size //= 2


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--stack", type=Path)
    options = parser.parse_args()
    target, data = TARGETS[options.target], options.file.read_bytes()
    if options.stack is not None:
        mortal(options.stack)
    bounded(target)
    finding = judge(target, data)
    if finding is None:
        sys.exit(1)
    small = shrink(target, data, finding, options.seconds)
    record = {
        "signature": finding.signature,
        "trace": finding.trace,
        "data": base64.b64encode(small).decode(),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
