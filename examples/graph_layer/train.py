"""Learn on graphs of 4 to 16 nodes, answer on graphs of any size.

An edge from i to j has a mark a (0 or 1) and a weight w. The network learns for every node the
mean of a_ij |w_ij| over j, and for every pair the product a_ij w_ji. One set of weights serves
all sizes: layers of order 2 take means along rows, columns and the diagonal. Takes half a
minute; needs torch and nothing else.
"""

from __future__ import annotations

import argparse

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_layer import GraphLayer

TRAINED = (4, 16)


def draw(
    count: int, nodes: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Marks and weights of all pairs, and the two targets."""
    marks = (torch.rand(count, nodes, nodes, generator=generator) < 0.5).float()
    weights = torch.randn(count, nodes, nodes, generator=generator)
    at_nodes = (marks * weights.abs()).mean(-1, keepdim=True)
    at_pairs = (marks * weights.transpose(-2, -1)).unsqueeze(-1)
    return torch.stack((marks, weights), dim=-1), at_nodes, at_pairs


def fit(network: GraphLayer, steps: int, generator: torch.Generator) -> None:
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        nodes = int(
            torch.randint(TRAINED[0], TRAINED[1] + 1, (1,), generator=generator)
        )
        edges, at_nodes, at_pairs = draw(50, nodes, generator)
        found = network(edges)
        loss = F.mse_loss(found.nodes, at_nodes) + F.mse_loss(found.links, at_pairs)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps, for a test")
    steps = 200 if parser.parse_args().quick else 2000
    torch.manual_seed(0)
    torch.set_num_threads(1)  # networks as small as these only wait for a second thread
    generator = torch.Generator().manual_seed(1)
    network = GraphLayer()
    with torch.enable_grad():
        fit(network, steps, generator)

    weights = sum(p.numel() for p in network.parameters())
    print(f"{weights} weights, trained on graphs of {TRAINED[0]} to {TRAINED[1]} nodes")
    columns = ("of nodes", "variance", "of pairs", "variance", "relabelled")
    print(f"{'errors':10}" + "".join(f"{column:>11}" for column in columns))
    for nodes in (4, 8, 16, 40, 100):
        edges, at_nodes, at_pairs = draw(20, nodes, generator)
        found = network(edges)
        order = torch.randperm(nodes, generator=generator)
        moved = network(edges[:, order][:, :, order])
        change = float((moved.links - found.links[:, order][:, :, order]).abs().max())
        row = [
            float(F.mse_loss(found.nodes, at_nodes)),
            float(at_nodes.var()),
            float(F.mse_loss(found.links, at_pairs)),
            float(at_pairs.var()),
        ]
        print(
            f"{nodes:4} nodes" + "".join(f"{v:11.5f}" for v in row) + f"{change:11.1e}"
        )


if __name__ == "__main__":
    main()
