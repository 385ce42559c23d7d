"""The data that experiments draw: they are what their files say, and have the symmetry of the specs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def load(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- boards --------------------------------------------------------------------------------------


def chain(board: Any, start: tuple[int, int]) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """The stones connected with one and their liberties, by walking from stone to stone."""
    found, free, waiting = {start}, set(), [start]
    while waiting:
        row, column = waiting.pop()
        for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
            if min(near) < 0 or max(near) >= len(board) or near in found:
                continue
            if board[near] == 0:
                free.add(near)
            elif board[near] == board[start]:
                found.add(near)
                waiting.append(near)
    return found, free


def played(board: Any, move: tuple[int, int]) -> int:
    """Put a stone of ours and count the opponent's stones without a liberty."""
    after = board.copy()
    after[move] = 1
    theirs = [tuple(point) for point in np.argwhere(after == -1).tolist()]
    return sum(not chain(after, point)[1] for point in theirs)


def test_positions_of_go() -> None:
    """Captures are those of a slow player who tries every move, for positions and in all eight ways
    to look at them."""
    go = load("go_positions", EXAMPLES / "go" / "positions.py")
    draw = np.random.default_rng(1)
    most = 0
    for _ in range(4):
        board = go.position(draw)
        stones = [tuple(point) for point in np.argwhere(board != 0).tolist()]
        assert all(chain(board, point)[1] for point in stones)
        taken = go.captures(board)
        empty = [tuple(point) for point in np.argwhere(board == 0).tolist()]
        assert [taken[point] for point in empty] == [played(board, point) for point in empty]
        assert not taken[board != 0].any()
        for flipped in (False, True):
            for turns in range(4):
                moved = [
                    np.rot90(x[:, ::-1] if flipped else x, turns).copy() for x in (board, taken)
                ]
                assert (go.captures(moved[0]) == moved[1]).all()
        most = max(most, int(taken.max()))
    assert most > 1
    planes, policy, value = go.positions(40, 0)
    assert (planes.sum(1) == 1).all()
    assert torch.allclose(policy.sum(1), torch.ones(40))
    passes = policy[:, -1] > 0
    assert 0 < passes.sum() < 40
    assert ((policy[:, :-1].reshape(40, 19, 19) > 0) <= (planes[:, 2] > 0)).all()
    balance = (planes[:, 0] - planes[:, 1]).sum((1, 2))
    assert (value[passes] == balance[passes].sign()).all()
    assert (value[~passes] >= (balance[~passes] + 1).sign()).all()


# ---- sequences -----------------------------------------------------------------------------------


def words(letters: Any, sites: Any) -> Iterator[list[int]]:
    """The letters as they are read from every site, on its strand."""
    codes = letters.argmax(-1)
    for row, place, strand in sites.nonzero().tolist():
        line = codes[row] if strand == 0 else torch.tensor([3, 2, 1, 0])[codes[row]].flip(0)
        start = place if strand == 0 else len(line) - 1 - place
        yield line[start : start + 10].tolist()


def test_synthetic_genomes() -> None:
    """Sites are where a motif is read on its strand; the other strand has them from its other end."""
    dna = load("dna_genomes", EXAMPLES / "dna" / "genomes.py")
    letters, bound, sites = dna.genomes(300, torch.Generator().manual_seed(0))
    assert (sites.sum((1, 2)) == bound).all()
    assert 100 < bound.sum() < 200
    assert (sites.sum((0, 1)) > 50).all()
    read = torch.tensor(list(words(letters, sites)))
    kept = (read == dna.MOTIF).double().mean(0)
    assert kept.shape == (10,)
    assert (kept > 0.88).all()
    other = dna.other_strand(letters, bound, sites)
    assert sorted(words(*other[::2])) == sorted(read.tolist())
    assert all(map(torch.equal, dna.other_strand(*other), (letters, bound, sites)))


# ---- slices --------------------------------------------------------------------------------------


def test_synthetic_slices() -> None:
    """Every organ is there, on its side of the spine; a mirror exchanges the names in pairs."""
    organs = load("organs_anatomy", EXAMPLES / "organs" / "anatomy.py")
    picture, labels = organs.slices(50, -1, torch.Generator().manual_seed(0))
    assert picture.shape == (50, 1, 32, 32)
    other = organs.mirrored(picture, labels)
    for names in (labels, other[1]):
        across = torch.arange(32.0).expand_as(names)
        middle = []
        for label in range(1, 6):
            here = (names == label).double()
            assert (here.sum((1, 2)) > 0).all()
            middle.append((here * across).sum((1, 2)) / here.sum((1, 2)))
        spine, *paired = middle
        for left, right in (paired[:2], paired[2:]):
            assert (left < spine).all()
            assert (spine < right).all()
    back = organs.mirrored(*other)
    assert torch.equal(back[0], picture)
    assert torch.equal(back[1], labels)
