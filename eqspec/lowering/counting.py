"""The dimension check: the weights of a program span the space that was counted, no less.

For every linear layer the free weights are as many as the characters count; every one of them reaches
the expanded weight; and the map from free weights to results has full rank, evaluated on random
arguments where the layer is small, and set by set where it is not. Of a convolution it is the map from
free weights to expanded kernels, which needs no arguments (where a grid is smaller than a kernel, entries
of the kernel meet nothing but padding). In: a module and a program. Out: a `Fault`, or None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eqspec.graph.model import Module, Node
from eqspec.ops.contract import Weighted
from eqspec.ops.kernels import Kernels
from eqspec.ops.linear import LinearMaps
from eqspec.program.grids import Conv
from eqspec.program.instructions import (
    Concat,
    Einsum,
    IndexSum,
    Input,
    Instruction,
    Parameter,
    Permute,
    Program,
    Reduce,
    Reshape,
    Stage,
    Take,
)
from eqspec.program.interpreter import run

RANK_WEIGHTS = 128  # free weights up to which the rank is computed
RANK_KERNELS = 256  # the same for the kernels of a convolution
RANK_BUDGET = 1_024  # evaluations of small layers in one module


@dataclass(frozen=True)
class Fault:
    """What went wrong: the node, the generator, the relative error; or a count that does not hold."""

    node: str
    message: str


def count_fault(module: Module, program: Program) -> Fault | None:
    """The free weights of every linear layer are as many as its space has dimensions, and every one
    of them is used by the expanded weight."""
    sizes: dict[str, int] = {}
    for number, instruction in enumerate(program.instructions):
        if isinstance(instruction, Parameter):
            layer = instruction.name.rpartition(".")[0]
            sizes[layer] = sizes.get(layer, 0) + math.prod(instruction.shape)
        if isinstance(instruction, Take) and _is_free(program, instruction.args[0]):
            fault = _cover_fault(program, number, instruction)
            if fault is not None:
                return fault
    ranks = RankCheck(module, program) if program.results else None
    for node in module.nodes:
        if isinstance(node.data, Weighted):
            expected = node.data.parameters
            if sizes.get(node.name, 0) != expected:
                return Fault(
                    node.name,
                    f"{sizes.get(node.name, 0)} free weights where the space has {expected} dimensions",
                )
        if isinstance(node.data, LinearMaps | Kernels):
            fault = ranks.fault(node) if ranks is not None else None
            if fault is not None:
                return fault
    return None


def _is_free(program: Program, register: int) -> bool:
    instruction = program.instructions[register]
    if isinstance(instruction, Concat):
        instruction = program.instructions[instruction.args[0]]
    return isinstance(instruction, Parameter)


def _cover_fault(program: Program, number: int, take: Take) -> Fault | None:
    source = program.instructions[take.args[0]]
    free = source.args[0] if isinstance(source, Concat) else take.args[0]
    columns = program.shape(free)[take.dim]
    signed = len(source.args) if isinstance(source, Concat) else 1
    zeros = signed > 1 and getattr(program.instructions[source.args[-1]], "factor", 1.0) == 0.0
    table = index_value(program, take.args[1])
    used = np.unique(table[table < columns * (signed - zeros)] % columns)
    if len(used) != columns:
        return Fault(
            program.owners[number],
            f"{columns - len(used)} free weights never reach the expanded weight",
        )
    return None


def index_value(program: Program, register: int) -> NDArray[np.int64]:
    """The value of an index that is computed from constants."""
    instruction = program.instructions[register]
    args = [index_value(program, arg) for arg in instruction.args]
    match instruction:
        case IndexSum(places=places, shape=shape):
            total = np.zeros(shape, dtype=np.int64)
            for place, part in zip(places, args, strict=True):
                total = total + part.reshape([n if k in place else 1 for k, n in enumerate(shape)])
            return total
        case Reshape(shape=shape):
            return args[0].reshape(shape)
        case _:
            return np.asarray(instruction.array, dtype=np.int64)  # type: ignore[union-attr]


class RankCheck:
    """The map from the free weights of a layer to its results, on random arguments: linear, so its
    columns are the results for one weight at a time. Of layers of one form the first is looked at so,
    the others set of weights by set of weights."""

    def __init__(self, module: Module, program: Program) -> None:
        self.module = module
        self.program = program
        self.owned: dict[str, list[int]] = {}
        for number, owner in enumerate(program.owners):
            self.owned.setdefault(owner, []).append(number)
        self.results = dict(program.results)
        self.seen: set[object] = set()
        self.budget = RANK_BUDGET

    def fault(self, node: Node) -> Fault | None:
        if isinstance(node.data, Kernels):
            return self._kernel_fault(node)
        form = (tuple(self.module.node(arg).type for arg in node.args), node.type, node.data)
        fresh = form not in self.seen
        self.seen.add(form)
        small, results, parameters = self._extract(node.name)
        if not results:
            return None
        count = sum(math.prod(parameter.shape) for parameter in parameters)
        zero = {p.name: np.zeros(p.shape) for p in parameters}
        width = sum(math.prod(small.shape(r)) for r in results)
        rng = np.random.default_rng(3)
        if fresh and count <= min(RANK_WEIGHTS, self.budget) and self._all_different(node):
            self.budget -= count
            batch = count + 8
            inputs = _arguments(small, rng, batch)
            sketch = _Sketch(rng, batch * width, 16 * batch)
            columns = []
            for parameter in parameters:
                for k in range(math.prod(parameter.shape)):
                    unit = np.zeros(math.prod(parameter.shape))
                    unit[k] = 1.0
                    theta = {**zero, parameter.name: unit.reshape(parameter.shape)}
                    columns.append(sketch(_result(small, results, inputs, theta)))
            found = int(np.linalg.matrix_rank(np.stack(columns))) if columns else 0
            if found < count:
                return Fault(node.name, f"{count} free weights span {found} dimensions only")
            return None
        inputs = _arguments(small, rng, 2)
        for parameter in parameters:
            theta = {**zero, parameter.name: rng.standard_normal(parameter.shape)}
            if not np.any(_result(small, results, inputs, theta)):
                return Fault(node.name, f"the weights `{parameter.name}` have no effect")
        return None

    def _kernel_fault(self, node: Node) -> Fault | None:
        """The expanded kernels and the bias for one free weight at a time; for random ones where there are
        many, parameter by parameter."""
        form = (tuple(self.module.node(arg).type for arg in node.args), node.type, node.data)
        fresh = form not in self.seen
        self.seen.add(form)
        small, results, parameters = self._extract_weights(node.name)
        count = sum(math.prod(parameter.shape) for parameter in parameters)
        zero = {p.name: np.zeros(p.shape) for p in parameters}
        if fresh and count <= RANK_KERNELS:
            columns = []
            for parameter in parameters:
                for k in range(math.prod(parameter.shape)):
                    unit = np.zeros(math.prod(parameter.shape))
                    unit[k] = 1.0
                    theta = {**zero, parameter.name: unit.reshape(parameter.shape)}
                    columns.append(_result(small, results, {}, theta))
            found = int(np.linalg.matrix_rank(np.stack(columns))) if columns else 0
            if found < count:
                return Fault(node.name, f"{count} free weights span {found} dimensions only")
            return None
        rng = np.random.default_rng(3)
        for parameter in parameters:
            theta = {**zero, parameter.name: rng.standard_normal(parameter.shape)}
            if not np.any(_result(small, results, {}, theta)):
                return Fault(node.name, f"the weights `{parameter.name}` have no effect")
        return None

    def _extract_weights(self, name: str) -> tuple[Program, list[int], list[Parameter]]:
        """What the convolutions of a layer are given besides x, as a program without inputs."""
        steps = [self.program.instructions[k] for k in self.owned.get(name, ())]
        wanted = [arg for step in steps if isinstance(step, Conv) for arg in step.args[1:]]
        needed: set[int] = set()
        todo = list(wanted)
        while todo:
            number = todo.pop()
            if number not in needed:
                needed.add(number)
                todo.extend(self.program.instructions[number].args)
        order = sorted(needed)
        place = {old: new for new, old in enumerate(order)}
        instructions = [
            replace(i, args=tuple(place[arg] for arg in i.args))
            for i in (self.program.instructions[old] for old in order)
        ]
        small = Program(tuple(instructions), tuple("" for _ in instructions), ())
        parameters = [i for i in instructions if isinstance(i, Parameter)]
        return small, [place[k] for k in wanted], parameters

    def _all_different(self, node: Node) -> bool:
        """One feature given twice, or with its mean, makes weights redundant, though the space between
        types is full."""
        maps = node.data
        assert isinstance(maps, LinearMaps)
        registers = [
            register
            for arg, rows in zip(node.args, maps.dimensions, strict=True)
            for register, row in zip(self.results[arg], rows, strict=True)
            if any(row)
        ]
        return len(set(registers)) == len(registers) and not self._derived(node)

    def _derived(self, node: Node) -> bool:
        """Is an argument made of another one without weights, as a mean of it? Then the layer may read
        it in place of what it would compute itself."""
        args = {r for arg in node.args for r in self.results.get(arg, ())}
        for start in args:
            todo = list(self.program.instructions[start].args)
            while todo:
                register = todo.pop()
                if register in args:
                    return True
                if isinstance(
                    self.program.instructions[register], Reduce | Permute | Reshape | Einsum
                ):
                    todo.extend(self.program.instructions[register].args)
        return False

    def _extract(self, name: str) -> tuple[Program, list[int], list[Parameter]]:
        """The instructions of one layer as a program of its own; what it reads becomes its inputs."""
        own = set(self.owned.get(name, ()))
        needed: set[int] = set()
        todo = sorted(own)
        while todo:
            number = todo.pop()
            if number in needed:
                continue
            needed.add(number)
            for arg in self.program.instructions[number].args:
                foreign = arg not in own and self.program.stages[arg] is Stage.BATCH
                if foreign:
                    needed.add(arg)
                else:
                    todo.append(arg)
        order = sorted(needed)
        place = {old: new for new, old in enumerate(order)}
        instructions: list[Instruction] = []
        for old in order:
            instruction = self.program.instructions[old]
            if old not in own and self.program.stages[old] is Stage.BATCH:
                instructions.append(Input((), f"x{old}", 0, self.program.shape(old)))
            else:
                args = tuple(place[arg] for arg in instruction.args)
                instructions.append(replace(instruction, args=args))
        leaving = [k for k in self.results[name] if k in own]
        small = Program(tuple(instructions), tuple("" for _ in instructions), ())
        parameters = [i for i in instructions if isinstance(i, Parameter)]
        return small, [place[k] for k in leaving], parameters


class _Sketch:
    """Random signed sums of the entries of a result. Entries picked at random would miss a basis map
    that lives on few of them, such as the diagonal of a large matrix. Charikar, Chen and
    Farach-Colton, Finding frequent items in data streams (2002)."""

    def __init__(self, rng: np.random.Generator, total: int, buckets: int) -> None:
        self.size = min(total, buckets)
        whole = total <= buckets
        self.places = np.arange(total) if whole else rng.integers(buckets, size=total)
        self.signs = np.ones(total) if whole else rng.choice([-1.0, 1.0], total)

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.bincount(self.places, self.signs * values, minlength=self.size)
        return sums.astype(np.float64)


def _arguments(
    program: Program, rng: np.random.Generator, batch: int
) -> dict[str, tuple[NDArray[np.float64], ...]]:
    return {
        i.name: (rng.standard_normal((batch, *i.shape)),)
        for i in program.instructions
        if isinstance(i, Input)
    }


def _result(
    program: Program,
    results: list[int],
    inputs: Mapping[str, tuple[NDArray[np.float64], ...]],
    parameters: Mapping[str, NDArray[np.float64]],
) -> NDArray[np.float64]:
    values = run(program, inputs, parameters, {}, {}, {})
    return np.concatenate([np.asarray(values[r]).reshape(-1) for r in results])
