"""The fuzzer's own tests: what it found stays fixed, and it would see a fault if there were one."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fuzzing.campaign import best_engine, campaign
from tests.fuzzing.judge import judge
from tests.fuzzing.mutate import crossed, generate, mutate_bytes
from tests.fuzzing.seeds import CASES, ROOT, cases
from tests.fuzzing.shrink import shrink
from tests.fuzzing.targets import TARGETS, Broken, Codes, Target, missing

STRETCH = 4.0  # bounds are of processor time, but a busy machine has cold caches


def target_of(case: Path) -> Target:
    return TARGETS[case.name.split("-")[0]]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.stem)
def test_what_failed_once_stays_fixed(case: Path) -> None:
    target = target_of(case)
    if reason := missing(target.name):
        pytest.skip(reason)
    finding = judge(target, case.read_bytes(), STRETCH)
    assert finding is None, finding.trace


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.stem)
def test_within_bounds_of_memory_as_well(case: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzzing.shrink", target_of(case).name, str(case)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, ""), done.stdout + done.stderr


def test_a_short_run() -> None:
    rng = random.Random(20)
    for name, times in (("parser", 120), ("checker", 60)):
        target = TARGETS[name]
        for _ in range(times):
            data = mutate_bytes(crossed(rng), target.size, rng.getrandbits(64))
            finding = judge(target, data, STRETCH)
            assert finding is None, f"{finding.trace}\n{data!r}"


# ---- a fault is seen -----------------------------------------------------------------------------


def faulty(data: bytes) -> Codes:
    if b"promise" in data:
        raise Broken("a promise")
    if b"crash" in data:
        raise KeyError("x")
    while b"hang" in data:
        pass
    if b"memory" in data:
        raise MemoryError
    return frozenset()


FAULTY = replace(TARGETS["parser"], run=faulty, seconds=0.2)


@pytest.mark.parametrize(
    ("data", "signature"),
    [
        (b"promise", "broken a promise"),
        (b"crash", "crash KeyError outside"),
        (b"hang", "slow outside"),
        (b"memory", "memory outside"),
    ],
)
def test_every_kind_of_fault_is_seen(data: bytes, signature: str) -> None:
    finding = judge(FAULTY, data)
    assert finding is not None
    assert finding.signature == signature
    assert judge(FAULTY, b"fine") is None


def test_a_finding_is_made_small() -> None:
    data = b"eqspec 1\n# a comment\ngroup crash = cyclic(2)\n" * 5
    finding = judge(FAULTY, data)
    assert finding is not None
    assert shrink(FAULTY, data, finding, 5) == b"crash"


def test_changes_are_repeatable_and_small_enough() -> None:
    data = (ROOT / "examples" / "two_view" / "two_view.eqs").read_bytes()
    made = [mutate_bytes(data, 500, seed) for seed in range(200)]
    assert made == [mutate_bytes(data, 500, seed) for seed in range(200)]
    assert len(set(made)) > 100
    assert max(map(len, made)) <= 500


def test_sentences_of_the_grammar() -> None:
    rng = random.Random(1)
    made = [generate("start", ["a", "b"], rng, 9) for _ in range(50)]
    assert all(text.startswith("eqspec") for text in made)
    assert max(map(len, made)) > 100


# ---- whole runs ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("engine", sorted({"plain", best_engine()}))
@pytest.mark.parametrize("name", list(TARGETS))
def test_a_run_finds_nothing(name: str, engine: str, tmp_path: Path) -> None:
    if reason := missing(name):
        pytest.skip(reason)
    heard: list[str] = []
    report = campaign(name, 30, engine, 1, tmp_path, heard.append)
    assert report.tried > 0
    assert report.found == {}, heard


def test_cases_are_named_after_their_targets() -> None:
    for file in CASES.iterdir():
        assert file.suffix == ".case"
        assert file.name.split("-")[0] in TARGETS
