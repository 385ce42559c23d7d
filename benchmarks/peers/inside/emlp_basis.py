"""Solve one problem with EMLP: the first time, and again with its cache cleared."""

import json
import sys
import time

import emlp.reps.representation
import numpy as np
from emlp.groups import Group
from emlp.reps.representation import Rep


class Silent:  # EMLP hands float32 to its progress bar, which current versions of tqdm refuse
    def __init__(self, *args, **kwargs):
        pass

    def update(self, progress):
        pass

    def close(self):
        pass


emlp.reps.representation.tqdm = Silent
data = np.load(sys.argv[1])
layout = json.loads(sys.argv[2])  # for source and target the first and last row of every factor


class Given(Group):
    def __init__(self, generators):
        self.d = generators.shape[-1]
        self.discrete_generators = generators
        super().__init__()


class Slice(Rep):
    def __init__(self, start, end, G=None):
        self.start, self.end, self.G = start, end, G

    def __call__(self, G):
        return Slice(self.start, self.end, G)

    def __str__(self):
        return f"R{self.start}:{self.end}"

    def size(self):
        return self.end - self.start

    def rho(self, M):
        return M[self.start : self.end, self.start : self.end]

    def __eq__(self, other):
        return type(self) is type(other) and (self.start, self.end) == (other.start, other.end)

    def __hash__(self):
        return hash((self.start, self.end))


def product(factors):
    rep = Slice(*factors[0])
    for factor in factors[1:]:
        rep = rep * Slice(*factor)
    return rep


group = Given(np.asarray(data["generators"], dtype=np.float32))
times = []
for _ in range(2):
    Rep.solcache.clear()
    source, target = (product(factors)(group) for factors in layout)
    start = time.process_time()
    basis = np.asarray((source >> target).equivariant_basis())
    times.append(time.process_time() - start)
    if times[0] > 10:
        break
print(json.dumps({"times": times, "dimension": int(basis.shape[-1])}))
