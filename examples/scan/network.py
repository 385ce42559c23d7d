"""A small recurrent network from a command and the actions so far to the next actions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PAD = 0


class Translator(nn.Module):
    """Encoder: a GRU in both directions over the words. Decoder: a GRU over the actions so far,
    with attention (dot products) over the words; after every action, scores of the next.

    `forward` takes words (batch, n) and actions (batch, m), padded by 0, and returns scores
    (batch, m, number of actions), 0 after the end.
    """

    def __init__(self, words: int, actions: int, hidden: int = 64) -> None:
        super().__init__()
        self.actions = actions
        self.embed_word = nn.Embedding(words, hidden)
        self.embed_action = nn.Embedding(actions, hidden)
        self.encoder = nn.GRU(hidden, hidden // 2, batch_first=True, bidirectional=True)
        self.start = nn.Linear(hidden, hidden)
        self.decoder = nn.GRU(hidden, hidden, batch_first=True)
        self.mix = nn.Linear(2 * hidden, hidden)
        self.score = nn.Linear(hidden, actions)

    def forward(self, words: Tensor, actions: Tensor) -> Tensor:
        there, length = words != PAD, actions.shape[1]
        used = int((actions != PAD).any(0).sum())  # columns of padding cost nothing
        actions = actions[:, :used]
        memory, _ = self.encoder(self.embed_word(words) * there[..., None])
        memory = memory * there[..., None]
        start = torch.tanh(self.start(memory.sum(1) / there.sum(1, keepdim=True)))
        state, _ = self.decoder(self.embed_action(actions), start[None])
        weights = state @ memory.transpose(1, 2)
        weights = weights.masked_fill(~there[:, None, :], -1e9).softmax(-1)
        both = torch.cat((state, weights @ memory), dim=-1)
        scores = self.score(torch.tanh(self.mix(both)))
        scores = scores * (actions != PAD)[..., None]
        return nn.functional.pad(scores, (0, 0, 0, length - used))
