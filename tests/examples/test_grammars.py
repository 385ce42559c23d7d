"""The grammars of the experiments on SCAN."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def load(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
