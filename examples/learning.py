"""What the experiments on pictures, sequences and boards share: training, sizes, rows.

Every experiment compares one emitted module with plain networks of the same depth: one with as
many parameters, one with as many channels as the module has copies times group elements, each
with and without augmentation by the group. All of them learn in the same number of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from report import Row, parallel, progress
from torch import Tensor, nn

Samples = tuple[
    Tensor, ...
]  # the input, then the targets; samples along the first axis


def weights(network: nn.Module) -> int:
    """How many numbers are learned."""
    return sum(p.numel() for p in network.parameters())


def as_they_are(*samples: Tensor) -> Samples:
    """No augmentation."""
    return samples


def train(
    network: nn.Module,
    samples: Samples,
    loss: Callable[..., Tensor],
    augment: Callable[..., Samples],
    *,
    steps: int,
    batch: int,
    rate: float,
    text: str,
) -> None:
    """AdamW with one cycle of the learning rate. `loss` takes what the network answers and the
    targets; `augment` changes a batch, the input and its targets together."""
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    network.train()
    waiting: list[Tensor] = []
    for step in range(steps):
        if not waiting:
            waiting = list(torch.randperm(len(samples[0])).split(batch))
        chosen = waiting.pop()
        x, *targets = augment(*(tensor[chosen] for tensor in samples))
        error = loss(network(x), *targets)
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        schedule.step()
        progress(text, step + 1, steps)
    network.eval()


def gather(
    job: Callable[[Row, int, bool], Row], rows: Sequence[Row], seeds: int, quick: bool
) -> list[Row]:
    """Every row once for every seed; each number that a job returns becomes a list."""
    jobs = [(row, seed, quick) for row in rows for seed in range(seeds)]
    results = parallel(job, jobs)
    full = []
    for place, row in enumerate(rows):
        found = results[place * seeds : (place + 1) * seeds]
        numbers: dict[str, Any] = {key: [one[key] for one in found] for key in found[0]}
        numbers["weights"] = numbers["weights"][0]
        full.append({**row, **numbers})
    return full


def equal_sizes(rows: Sequence[Row], ours: str, plain: str) -> None:
    """The plain network has as many parameters as the module, within 5 percent."""
    sizes = {row["network"]: row["weights"] for row in rows}
    assert abs(sizes[plain] / sizes[ours] - 1) < 0.05, sizes
