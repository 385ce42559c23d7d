"""Teach the module of `cartpole.eqs` to balance a pole, by imitation of a linear controller.

An ordinary network of the same width learns from the same demonstrations, so that the effect
of the symmetry can be seen. Takes a few seconds; needs torch and nothing else.
"""

from __future__ import annotations

import argparse

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cartpole import CartPole, CartPoleOutput

LIMITS = torch.tensor(
    [2.4, 2.0, 0.21, 2.0]
)  # of x, v, angle and spin in demonstrations
STARTS = torch.tensor([1.0, 0.5, 0.1, 0.5])
GAINS = torch.tensor([0.1, 0.3, 2.0, 0.6])  # the controller pushes to where this points
HORIZON = 500


def step(state: Tensor, push_right: Tensor) -> Tensor:
    """One fiftieth of a second of cart and pole (Barto, Sutton and Anderson, 1983)."""
    gravity, mass_pole, mass, half_length, seconds = 9.8, 0.1, 1.1, 0.5, 0.02
    _, v, angle, spin = state.unbind(-1)
    force = torch.where(push_right, 10.0, -10.0).to(state)
    sine, cosine = angle.sin(), angle.cos()
    thrust = (force + mass_pole * half_length * spin.square() * sine) / mass
    lever = half_length * (4 / 3 - mass_pole * cosine.square() / mass)
    turn = (gravity * sine - cosine * thrust) / lever
    push = thrust - mass_pole * half_length * turn * cosine / mass
    change = torch.stack((v, push, spin, turn), dim=-1)
    return state + seconds * change


def upright(state: Tensor) -> Tensor:
    return (state[..., 0].abs() < 2.4) & (state[..., 2].abs() < 0.21)


@torch.no_grad()
def balance(policy: nn.Module, state: Tensor) -> tuple[float, list[Tensor]]:
    """The mean number of steps until the pole falls, and the states on the way."""
    standing = torch.ones(len(state), dtype=torch.bool)
    steps = 0.0
    path = [state]
    for _ in range(HORIZON):
        logits = policy(state).logits
        state = step(state, logits[:, 1] > logits[:, 0])
        path.append(state)
        standing &= upright(state)
        steps += float(standing.double().mean())
        if not standing.any():
            break
    return steps, path


@torch.no_grad()
def mirror_error(policy: nn.Module, state: Tensor) -> float:
    """The largest change of what should be mirrored, relative to its size."""
    here, there = policy(state), policy(-state)
    pairs = ((there.logits, here.logits.flip(-1)), (there.value, here.value))
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


class Ordinary(nn.Module):
    """The same layers without the symmetry."""

    def __init__(self) -> None:
        super().__init__()
        self.h = nn.Linear(4, 64)
        self.logits = nn.Linear(64, 2)
        self.value = nn.Linear(64, 1)

    def forward(self, state: Tensor) -> CartPoleOutput:
        h = torch.tanh(self.h(state))
        return CartPoleOutput(self.logits(h), self.value(h))


def imitate(policy: nn.Module, states: Tensor, rounds: int) -> None:
    """The logits learn what the controller does, the value how far the pole is from balance."""
    direction = (states * GAINS).sum(-1)
    pushes = (direction > 0).long()
    distance = (states / LIMITS).square().mean(-1, keepdim=True)
    optimiser = torch.optim.Adam(policy.parameters(), lr=0.01)
    for _ in range(rounds):
        batch = torch.randint(len(states), (256,))
        answer = policy(states[batch])
        loss = F.cross_entropy(answer.logits, pushes[batch])
        loss = loss + F.mse_loss(answer.value, distance[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, for a test")
    parser.add_argument("--seed", type=int, default=0)
    rounds = 100 if parser.parse_args().quick else 1000
    torch.manual_seed(parser.parse_args().seed)
    torch.set_num_threads(1)  # networks as small as these only wait for a second thread

    # The demonstrations are lopsided: nine in ten come from a pole that leans to the right.
    states = (2 * torch.rand(1000, 4) - 1) * LIMITS
    lean = torch.where(torch.rand(1000) < 0.9, 1.0, -1.0)
    states[:, 2] = states[:, 2].abs() * lean
    starts = (2 * torch.rand(200, 4, dtype=torch.float64) - 1) * STARTS

    print(
        f"{'network':9} {'weights':>7}  {'':8} {'steps of 500':>12} {'mirrored':>9} {'error':>8}"
    )
    for name, policy in (("CartPole", CartPole()), ("ordinary", Ordinary())):
        weights = sum(parameter.numel() for parameter in policy.parameters())
        for when in ("before", "after"):
            if when == "after":
                imitate(policy.float().train(), states, rounds)
            policy.double().eval()
            steps, path = balance(policy, starts)
            mirrored, mirror_path = balance(policy, -starts)
            error = mirror_error(policy, starts)
            print(
                f"{name:9} {weights:7}  {when:8} {steps:12.1f} {mirrored:9.1f} {error:8.1e}"
            )
        apart = max(float((a + b).abs().max()) for a, b in zip(path, mirror_path))
        print(
            f"{'':9} {'':7}  after    the two mirrored runs drift apart by {apart:.1e}"
        )


if __name__ == "__main__":
    main()
