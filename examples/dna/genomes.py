"""Synthetic DNA with planted motifs: which sequences are bound, and where, on which strand.

A protein binds where its motif stands, read on either strand: the strand written down, or the
other one, which is read backwards with A and T, C and G exchanged. Each written letter of the motif
is kept with probability 0.92, so that no two sites need be alike. Sequences that are not bound hold
decoys instead: the motif backwards without the exchange, or exchanged without being
backwards, or a motif with three wrong letters.
"""

from __future__ import annotations

import torch
from torch import Tensor

LENGTH = 120
MOTIF = torch.tensor([2, 0, 3, 3, 1, 0, 2, 1, 2, 2])  # GATTCAGCGG
COMPLEMENT = torch.tensor([3, 2, 1, 0])  # of A, C, G, T
KEPT = 0.92
DECOYS = 2


def genomes(count: int, draw: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """One-hot letters (count, L, 4), bound or not (count), and the first letters of the sites as
    they are read, by strand (count, L, 2)."""
    letters = torch.randint(4, (count, LENGTH), generator=draw)
    bound = torch.randint(2, (count,), generator=draw)
    sites = torch.zeros(count, LENGTH, 2)
    width = len(MOTIF)
    forms = (MOTIF, COMPLEMENT[MOTIF.flip(0)])
    decoys = (MOTIF.flip(0), COMPLEMENT[MOTIF])
    slots = LENGTH // width - 1  # places for words that do not overlap
    for row in range(count):
        places = torch.randperm(slots, generator=draw)[: DECOYS + 1].tolist()
        shift = int(torch.randint(width, (1,), generator=draw))
        for number, place in enumerate(places):
            start = place * width + shift
            strand = int(torch.randint(2, (1,), generator=draw))
            if number == 0 and bound[row]:
                word = _blurred(forms[strand], draw)
                sites[row, start + (width - 1) * strand, strand] = 1
            elif torch.rand((), generator=draw) < 0.5:
                word = _blurred(decoys[strand], draw)
            else:
                word = _damaged(forms[strand], draw)
            letters[row, start : start + width] = word
    return torch.nn.functional.one_hot(letters, 4).float(), bound.float(), sites


def _blurred(word: Tensor, draw: torch.Generator) -> Tensor:
    other = torch.randint(4, word.shape, generator=draw)
    keep = torch.rand(word.shape, generator=draw) < KEPT
    return torch.where(keep, word, other)


def _damaged(word: Tensor, draw: torch.Generator) -> Tensor:
    """Three letters replaced by others."""
    wrong = torch.randperm(len(word), generator=draw)[:3]
    step = torch.randint(1, 4, (3,), generator=draw)
    changed = word.clone()
    changed[wrong] = (word[wrong] + step) % 4
    return changed


def other_strand(letters: Tensor, bound: Tensor, sites: Tensor) -> tuple[Tensor, ...]:
    """The same molecules, written down from the other strand."""
    return letters.flip(-1, -2), bound, sites.flip(-1, -2)
