"""What each process of `test_distributed.py` runs: a module whose calls are shared, beside one that
makes them all."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Net(nn.Module):
    """A base that counts the rows it sees; it answers in the shapes ``returns``."""

    def __init__(self, size: int, *returns: tuple[int, ...]) -> None:
        super().__init__()
        self.returns = returns
        self.layers = nn.ModuleList(nn.Linear(size, torch.Size(s).numel()) for s in returns)
        self.rows = 0

    def forward(self, *xs: Tensor) -> Any:
        self.rows += len(xs[0])
        x = torch.cat([x.flatten(1) for x in xs], 1)
        ys = [
            torch.tanh(f(x) + 0.3).unflatten(1, s)
            for f, s in zip(self.layers, self.returns, strict=True)
        ]
        return ys[0] if len(ys) == 1 else tuple(ys)


def run(rank: int, ranks: int, folder: str, cases: list[Any]) -> None:
    """``cases``: class name; for each base how many numbers it takes and the shapes of its answers;
    shapes of the inputs; calls of the first base; all-reduces; does the last base only choose?"""
    sys.path.insert(0, folder)
    import shared

    dist.init_process_group(
        "gloo", init_method=f"file://{Path(folder, 'meeting')}", rank=rank, world_size=ranks
    )
    torch.set_num_threads(1)
    try:
        for case in cases:
            _compare(shared, rank, ranks, *case)
        gc.collect()  # what was trained in parallel holds on to the group
        dist.barrier()  # nobody leaves while others still wait for an answer
    finally:
        dist.destroy_process_group()


def _compare(
    shared: Any,
    rank: int,
    ranks: int,
    name: str,
    bases: tuple[tuple[int, tuple[tuple[int, ...], ...]], ...],
    shapes: tuple[tuple[int, ...], ...],
    calls: int,
    reduces: int,
    energy: bool = False,
) -> None:
    class_ = getattr(shared, name)
    torch.manual_seed(0)
    xs = [torch.randn(3, *s, dtype=torch.float64, requires_grad=True) for s in shapes]
    for checkpoint in (False, True):
        torch.manual_seed(1)
        alone_net, *others = (Net(size, *returns) for size, returns in bases)
        alone = class_(alone_net, *others).double()
        net, *others = (Net(size, *returns) for size, returns in bases)
        together = class_(
            net, *others, checkpoint=checkpoint, process_group=dist.group.WORLD
        ).double()
        together.load_state_dict(alone.state_dict())
        with CountedReduces() as count, torch.no_grad():
            assert _error(_flat(together(*xs)), _flat(alone(*xs))) < 1e-12, name
        assert count[0] == reduces, (name, count)
        shares = torch.tensor(net.rows / 3, dtype=torch.float64)
        total = shares.clone()
        dist.all_reduce(total)
        assert float(total) == calls == alone_net.rows / 3, (name, float(total), calls)
        assert abs(float(shares) - calls / ranks) < 1, "every rank has its part"
        if not energy:  # a network that only chooses gets no gradient
            _gradients(alone, together, xs, rank)


def _gradients(alone: nn.Module, together: nn.Module, xs: list[Tensor], rank: int) -> None:
    """Under `DistributedDataParallel` all ranks have the gradients of one process; those of the inputs
    are right in the mean over the ranks."""
    expected = _backward(alone, alone, xs)
    found = _backward(nn.parallel.DistributedDataParallel(together), together, xs)
    count = len(xs)
    for x in found[:count]:
        dist.all_reduce(x)
        x /= dist.get_world_size()
    for a, b in zip(found, expected, strict=True):
        assert _error(a, b) < 1e-12, type(alone).__name__


def _backward(run: nn.Module, module: nn.Module, xs: list[Tensor]) -> list[Tensor]:
    for x in xs:
        x.grad = None
    (_flat(run(*xs)) ** 2).sum().backward()
    leaves = [*xs, *module.parameters()]
    assert all(leaf.grad is not None for leaf in leaves)
    return [leaf.grad.clone() for leaf in leaves if leaf.grad is not None]


def _flat(value: Any) -> Tensor:
    values = [value] if isinstance(value, Tensor) else list(value)
    return torch.cat([v.reshape(-1) for v in values])


def _error(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max().clamp(min=1e-3))


class CountedReduces:
    """How often `dist.all_reduce` is called."""

    def __enter__(self) -> list[int]:
        self.kept, count = dist.all_reduce, [0]

        def counting(*args: Any, **kwargs: Any) -> Any:
            count[0] += 1
            return self.kept(*args, **kwargs)

        dist.all_reduce = counting
        return count

    def __exit__(self, *_: object) -> None:
        dist.all_reduce = self.kept
