"""Three ways to train a plain policy network for a robot with two mirrors, on made-up data.

The network knows nothing of the mirrors. The demonstrations come from a policy that does, and
show one quarter of the world only: commands that point ahead and to the left, legs near one
stance. Trained as it is, with the mirror loss, and on augmented data, the network then meets
the same tests turned about (left and right, front and hind change places).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quadruped_symmetry import Element, anymal

Answer = Sequence[Tensor]


class Policy(nn.Module):
    """An ordinary network: 48 observations to 12 actions and a value."""

    def __init__(self, width: int, gain: float = 1.0) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(48, width), nn.ELU(), nn.Linear(width, width), nn.ELU()
        )
        self.action, self.value = nn.Linear(width, 12), nn.Linear(width, 1)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.mul_(gain)

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(obs)
        return self.action(h), self.value(h)


def observations(number: int) -> Tensor:
    """Gravity points down, all commands point ahead and to the left, the legs are near one stance."""
    stance = torch.randn(36, generator=torch.Generator().manual_seed(0))
    obs = torch.randn(number, 48)
    obs[:, 12:] = 0.3 * obs[:, 12:] + stance
    obs[:, 6:9] = F.normalize(
        0.2 * obs[:, 6:9] + torch.tensor([0.0, 0.0, -1.0]), dim=-1
    )
    obs[:, 9:11] = obs[:, 9:11].abs()
    return obs


def error(found: Answer, expected: Answer) -> Tensor:
    return F.mse_loss(found[0], expected[0]) + F.mse_loss(found[1], expected[1])


@torch.no_grad()
def mirror_error(policy: nn.Module, obs: Tensor) -> float:
    """The mean of the mirror loss over m, f and m f."""
    _, *elements = anymal.group()
    losses = [float(anymal.mirror_loss(policy, obs, element=g)) for g in elements]
    return sum(losses) / len(losses)


def train(
    policy: nn.Module, obs: Tensor, target: Answer, how: str, rounds: int
) -> None:
    optimiser = torch.optim.Adam(policy.parameters(), lr=1e-3)
    elements: list[Element] = list(anymal.group())
    data = {"obs": obs, "action": target[0], "value": target[1]}
    for number in range(rounds):
        batch = torch.randint(len(obs), (256,))
        sample = {name: x[batch] for name, x in data.items()}
        if how == "augmented":
            # inputs and targets move together, by one element at a time
            moved = anymal.transform(sample, elements[number % len(elements)])
            sample = {name: x for name, x in moved.items() if isinstance(x, Tensor)}
        loss = error(policy(sample["obs"]), (sample["action"], sample["value"]))
        if how == "mirror loss":
            element = elements[1 + number % (len(elements) - 1)]
            loss = loss + anymal.mirror_loss(policy, sample["obs"], element=element)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, for a test")
    rounds = 100 if parser.parse_args().quick else 1000
    torch.manual_seed(0)
    torch.set_num_threads(1)

    # The teacher: a random network, averaged over the group. All that it does is mirrored exactly.
    raw = Policy(width=16, gain=1.5).requires_grad_(False)
    obs, test = observations(4000), observations(1000)
    target, expected = (anymal.average(raw, x) for x in (obs, test))
    behind_right = (("Sagittal.m", 1), ("Front.f", 1))
    far = anymal.transform(
        {"obs": test, "action": expected[0], "value": expected[1]}, behind_right
    )

    titles = ("mirror error", "as shown", "turned about")
    print(f"{'':12} {'':7}" + "".join(f"{title:>14}" for title in titles))
    for how in ("plain", "mirror loss", "augmented"):
        torch.manual_seed(1)
        policy = Policy(width=64)
        for when in ("before", "after"):
            if when == "after":
                train(policy, obs, target, how, rounds)
            with torch.no_grad():
                near_error = error(policy(test), expected)
                far_error = error(policy(far["obs"]), (far["action"], far["value"]))
            numbers = (mirror_error(policy, test), float(near_error), float(far_error))
            print(
                f"{how:12} {when:7}" + "".join(f"{number:14.5f}" for number in numbers)
            )


if __name__ == "__main__":
    main()
