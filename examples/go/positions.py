"""Positions of Go on 19 x 19 points, and the move that captures most stones.

Stones are thrown onto the board in patches of one colour; chains without a liberty are taken off,
first those of the side that is to move. A move captures the opponent's chains whose last
liberty it takes. The best moves capture most stones, all of them alike good; where nothing can be
captured the best move is to pass. The value is the sign of the balance of stones after it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import label, uniform_filter
from torch import Tensor

SIZE = 19
POINTS = SIZE * SIZE
Board = NDArray[Any]  # of shape (19, 19): 1 ours, who move, -1 theirs, 0 empty


def chains(board: Board, side: int) -> list[tuple[Board, set[int]]]:
    """The points of every chain of a side, and its liberties, as numbers of points."""
    names, count = label(board == side)
    found = []
    for name in range(1, count + 1):
        points = np.argwhere(names == name)
        liberties = set()
        for row, column in points.tolist():
            for r, c in _neighbours(row, column):
                if board[r, c] == 0:
                    liberties.add(r * SIZE + c)
        found.append((points, liberties))
    return found


def _neighbours(row: int, column: int) -> list[tuple[int, int]]:
    near = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
    return [(r, c) for r, c in near if 0 <= r < SIZE and 0 <= c < SIZE]


def position(draw: np.random.Generator) -> Board:
    """A board on which every chain has a liberty."""
    filled = draw.random((SIZE, SIZE)) < draw.uniform(0.15, 0.6)
    patches = uniform_filter(draw.standard_normal((SIZE, SIZE)), 3, mode="wrap")
    colour = np.where(4 * patches + draw.standard_normal((SIZE, SIZE)) > 0, 1, -1)
    board = np.where(filled, colour, 0)
    for side in (1, -1):
        for points, liberties in chains(board, side):
            if not liberties:
                board[points[:, 0], points[:, 1]] = 0
    return board


def captures(board: Board) -> Board:
    """How many stones a move of ours at each point captures."""
    taken = np.zeros(POINTS, dtype=int)
    for points, liberties in chains(board, -1):
        if len(liberties) == 1:
            taken[liberties.pop()] += len(points)
    return taken.reshape(SIZE, SIZE)


def positions(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Planes (count, 3, 19, 19): ours, theirs, empty. The best moves (count, 362), a distribution,
    the last entry is to pass. The value (count): -1, 0 or 1."""
    draw = np.random.default_rng(seed)
    boards = np.stack([position(draw) for _ in range(count)])
    taken = np.stack([captures(board) for board in boards])
    most = taken.max((1, 2))
    best = (taken == most[:, None, None]) & (most > 0)[:, None, None]
    moves = np.concatenate([best.reshape(count, -1), (most == 0)[:, None]], 1)
    value = np.sign(boards.sum((1, 2)) + most + (most > 0))  # the stone that was put
    planes = np.stack([boards == 1, boards == -1, boards == 0], 1)
    policy = moves / moves.sum(1, keepdims=True)
    return (
        torch.tensor(planes, dtype=torch.float32),
        torch.tensor(policy, dtype=torch.float32),
        torch.tensor(value, dtype=torch.float32),
    )
