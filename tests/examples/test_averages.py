"""The experiments on averages: their grammars, their scripts in a small setting, their tables."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PAGES = {"digits": "digits", "multi_view": "multi-view", "scan": "scan", "word_swap": "word-swap"}


def load(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name: str, *flags: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name / "run.py"), *map(str, flags)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{name}\n{done.stdout}\n{done.stderr}"
    return done.stdout


# ---- SCAN ----------------------------------------------------------------------------------------

KNOWN = {
    "jump": "JUMP",
    "jump left": "LTURN JUMP",
    "jump around right": "RTURN JUMP RTURN JUMP RTURN JUMP RTURN JUMP",
    "turn left twice": "LTURN LTURN",
    "turn opposite up": "UTURN UTURN",
    "turn around down": "DTURN DTURN DTURN DTURN",
    "jump thrice": "JUMP JUMP JUMP",
    "jump opposite left and walk thrice": "LTURN LTURN JUMP WALK WALK WALK",
    "jump opposite left after walk around left": (
        "LTURN WALK LTURN WALK LTURN WALK LTURN WALK LTURN LTURN JUMP"
    ),
    "look right thrice after run left twice": (
        "LTURN RUN LTURN RUN RTURN LOOK RTURN LOOK RTURN LOOK"
    ),
}


def test_scan_grammars() -> None:
    """Counts as published, splits too; meanings as in the paper; longest 9 words, 48 actions."""
    grammar = load("scan_grammar", EXAMPLES / "scan" / "grammar.py")
    jump, left, up = ("jump",), ("turn", "left"), ("turn", "up")
    sizes = {
        (grammar.SCAN, (jump,)): (20_910, 13_204, [7_706]),
        (grammar.SCAN, (left,)): (20_910, 19_702, [1_208]),
        (grammar.SCAN_II, (jump, left, up)): (73_920, 43_368, [26_948, 2_288, 2_288]),
    }
    for (directions, parts), (total, training, tests) in sizes.items():
        every = grammar.commands(directions)
        assert len(every) == len(set(every)) == total
        assert max(map(len, every)) == 9
        assert max(len(grammar.actions(command)) for command in every) == 48
        known, others = grammar.split(directions, parts)
        assert len(known) == training
        assert [len(test) for test in others.values()] == tests
        assert set(known).union(*others.values()) == set(every)
        assert not set(known).intersection(*others.values())
    for command, meaning in KNOWN.items():
        assert " ".join(grammar.actions(tuple(command.split()))) == meaning
        assert tuple(command.split()) in grammar.commands(grammar.SCAN_II)


def test_scan_meanings_move_with_the_words() -> None:
    """Exchanging words in a command exchanges actions in its meaning, for every command."""
    grammar = load("scan_grammar", EXAMPLES / "scan" / "grammar.py")
    every = set(grammar.commands(grammar.SCAN))
    verbs = dict(zip(("jump", "run", "walk", "look"), ("run", "walk", "look", "jump"), strict=True))
    turns = {"left": "right", "right": "left"}
    for words in (verbs, turns):
        names = {**grammar.VERBS, **grammar.DIRECTIONS}
        acts = {names[word]: names[moved] for word, moved in words.items()}
        for command in every:
            moved = tuple(words.get(word, word) for word in command)
            assert moved in every
            expected = tuple(acts.get(act, act) for act in grammar.actions(command))
            assert grammar.actions(moved) == expected


# ---- pages ---------------------------------------------------------------------------------------

SHOW = """
import importlib.util, json, sys
for name, page in json.loads(sys.argv[1]).items():
    sys.path.insert(0, f"examples/{name}")
    spec = importlib.util.spec_from_file_location(f"run_{name}", f"examples/{name}/run.py")
    script = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    with open(f"docs/experiments-{page}.json", encoding="utf-8") as file:
        print(sys.modules["report"].table(script.COLUMNS, json.load(file)["rows"]))
"""
# what the group leaves as it is: two columns, and the column that names the network
SAME = {
    "digits": ("upright", "moved", "network"),
    "multi-view": ("upright", "turned", "network"),
    "scan": ("still", "moved", "network"),
    "word-swap": (None, None, "model"),
}


def test_written_tables() -> None:
    """The tables of the pages are those of the results beside them, and no module of a spec loses
    anything under its group."""
    saved = {name: ROOT / "docs" / f"experiments-{page}.json" for name, page in PAGES.items()}
    written = {name: PAGES[name] for name, file in saved.items() if file.exists()}
    assert written
    for example, page in written.items():
        before, after, name = SAME[page]
        rows = json.loads(saved[example].read_text(encoding="utf-8"))["rows"]
        moduled = [row for row in rows if "change" in row and not row[name].startswith("plain")]
        assert len(moduled) > len(rows) / 2 - 1
        for row in moduled:
            assert max(row["change"]) < 1e-5, row
            assert max(row.get("differ", [0])) == 0, row
            assert max(row.get("largest", [0])) < 1e-5, row
            assert before is None or row[before] == row[after], row
    done = subprocess.run(
        [sys.executable, "-c", SHOW, json.dumps(written)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = [
        (ROOT / "docs" / f"experiments-{page}.md").read_text(encoding="utf-8")
        for page in written.values()
    ]
    for line in done.stdout.splitlines():
        assert any(f"{line}\n" in page for page in pages), line


# ---- scripts -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_quick_runs(name: str, tmp_path: Path) -> None:
    """The script asserts by itself that equivariant networks lose nothing; it repeats itself but
    for the times."""
    (tmp_path / "docs").mkdir()
    first = run(name, "--quick", "--save", tmp_path / "docs", cwd=tmp_path)
    saved = tmp_path / "docs" / f"experiments-{PAGES[name]}.json"
    assert run(name, "--show", saved, cwd=tmp_path) == first
    again = run(name, "--quick", cwd=tmp_path)
    assert re.sub(r"[\d.]+ ms", "", again) == re.sub(r"[\d.]+ ms", "", first)
