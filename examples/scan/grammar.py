"""The commands of SCAN (Lake and Baroni, 2018) and of SCAN-II, and the actions they stand for.

SCAN-II (Baltaji, Basu and Varshney, 2024) has the directions up and down beside left and right.
A phrase is a verb, perhaps with a direction, perhaps twice or thrice; a command is a phrase or
two, joined by `and` or `after`. With p phrases that makes 2 p^2 + p commands: 20,910 from 102
phrases, and 73,920 from 192.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Words = tuple[str, ...]

VERBS = {"walk": "WALK", "look": "LOOK", "run": "RUN", "jump": "JUMP"}
DIRECTIONS = {"left": "LTURN", "right": "RTURN", "up": "UTURN", "down": "DTURN"}
TIMES = {"twice": 2, "thrice": 3}
SCAN = ("left", "right")
SCAN_II = ("left", "right", "up", "down")


def movements(directions: Sequence[str]) -> Iterator[Words]:
    """A verb alone, or a verb or `turn` with a direction."""
    for verb in VERBS:
        yield (verb,)
    for verb in (*VERBS, "turn"):
        for direction in directions:
            yield (verb, direction)
            yield (verb, "opposite", direction)
            yield (verb, "around", direction)


def phrases(directions: Sequence[str]) -> Iterator[Words]:
    for words in movements(directions):
        yield words
        yield from ((*words, times) for times in TIMES)


def commands(directions: Sequence[str]) -> list[Words]:
    """All commands, each once."""
    single = list(phrases(directions))
    joined = [
        (*first, word, *second)
        for word in ("and", "after")
        for first in single
        for second in single
    ]
    return single + joined


def actions(command: Words) -> Words:
    """What a command means.

    >>> actions(("jump", "opposite", "left", "after", "walk", "twice"))
    ('WALK', 'WALK', 'LTURN', 'LTURN', 'JUMP')
    """
    if "and" in command:
        place = command.index("and")
        return actions(command[:place]) + actions(command[place + 1 :])
    if "after" in command:
        place = command.index("after")
        return actions(command[place + 1 :]) + actions(command[:place])
    if command[-1] in TIMES:
        return actions(command[:-1]) * TIMES[command[-1]]
    verb, *how = command
    act: Words = () if verb == "turn" else (VERBS[verb],)
    if not how:
        return act
    turn = (DIRECTIONS[how[-1]],)
    if how[0] == "around":
        return (turn + act) * 4
    if how[0] == "opposite":
        return turn + turn + act
    return turn + act


def has(command: Words, part: Words) -> bool:
    """Whether `part` stands in the command, word after word."""
    size = len(part)
    return any(command[k : k + size] == part for k in range(len(command) - size + 1))


def split(
    directions: Sequence[str], parts: Sequence[Words]
) -> tuple[list[Words], dict[Words, list[Words]]]:
    """Training: no command that holds one of `parts`, but the parts by themselves. Tests: for
    each part, every command that holds it with more (in several tests, if it holds several)."""
    every = commands(directions)
    known = [c for c in every if not any(has(c, part) for part in parts)]
    tests = {p: [c for c in every if has(c, p) and c not in parts] for p in parts}
    return known + list(parts), tests
