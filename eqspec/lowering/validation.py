"""Translation validation: no program is emitted that has not been seen to be equivariant.

After lowering and the passes, a program runs in float64 on random inputs, with random weights and
random nonlinear bases, under every generator of every factor and under random words; every output and
every named node must follow its type. The free weights are counted against the dimensions that the
checker found by characters, and every one must reach the expanded weights. This is a test of the
compiler, not a proof of the spec: the proof is the typing rule of each op.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.averages import FWord, evaluate_any
from eqspec.graph.model import Base, Module, ModuleCall
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.lowering.module import Lowered
from eqspec.ops.linear import LinearMaps
from eqspec.ops.pointwise import numpy_functions
from eqspec.program.instructions import (
    CallModule,
    Concat,
    IndexSum,
    Parameter,
    Program,
    Reshape,
    Take,
)
from eqspec.program.interpreter import act, run

Array = NDArray[np.float64]
Tensors = tuple[Array, ...]
TOLERANCE = 1e-9  # relative to the largest entry of the feature ...
FLOOR = 1e-3  # ... or to this, so that the rounding of a cancelled feature is no fault
BATCH = 3


@dataclass(frozen=True)
class Fault:
    """What went wrong: the node, the generator, the relative error; or a count that does not hold."""

    node: str
    message: str


def validate(lowered: Mapping[str, Lowered], key: str, seed: int = 0) -> Fault | None:
    """Validate the instance ``key``; ``lowered`` holds it and every module that it calls."""
    module, program = lowered[key].module, lowered[key].program
    fault = count_fault(module, program)
    if fault is not None:
        return fault
    for which in dict.fromkeys((lowered[key].plain, program)):
        fault = _equivariance_fault(lowered, key, which, seed)
        if fault is not None:
            return fault
    return None


def count_fault(module: Module, program: Program) -> Fault | None:
    """The free weights of every linear layer are as many as its space has dimensions, and every one
    of them is used by the expanded weight."""
    sizes: dict[str, int] = {}
    for number, instruction in enumerate(program.instructions):
        if isinstance(instruction, Parameter):
            node = instruction.name.rpartition(".")[0]
            sizes[node] = sizes.get(node, 0) + math.prod(instruction.shape)
        if isinstance(instruction, Take) and _is_free(program, instruction.args[0]):
            fault = _cover_fault(program, number, instruction)
            if fault is not None:
                return fault
    for node_ in module.nodes:
        if isinstance(node_.data, LinearMaps):
            expected = node_.data.parameters
            if sizes.get(node_.name, 0) not in (expected, 0):
                return Fault(
                    node_.name,
                    f"{sizes.get(node_.name, 0)} free weights where the space has {expected} dimensions",
                )
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


@dataclass
class Machine:
    """Runs a module with random weights and bases, the same at every call."""

    lowered: Mapping[str, Lowered]
    key: str
    program: Program
    rng: np.random.Generator
    bases: Mapping[str, Callable[..., Tensors]]
    gain: float = 2**0.5  # He's scale: features keep their size through many layers

    def __post_init__(self) -> None:
        self.parameters: dict[str, Array] = {}
        for instruction in self.program.instructions:
            if isinstance(instruction, Parameter):
                weights = self.rng.standard_normal(instruction.shape)
                self.parameters[instruction.name] = self.gain * instruction.bound * weights
        self.children: dict[str, Callable[..., Tensors]] = {}
        calls = {
            node.name: node.data
            for node in self.lowered[self.key].module.nodes
            if isinstance(node.data, ModuleCall)
        }
        for instruction in self.program.instructions:
            if isinstance(instruction, CallModule):
                self.children[instruction.attribute] = self._child(calls[instruction.attribute])

    def _child(self, call: ModuleCall) -> Callable[..., Tensors]:
        inner = self.lowered[call.module.key]
        bases = {}
        for base, mine in zip(call.module.bases, call.bases, strict=True):
            bases[base.name] = self.bases[mine] if mine else random_base(base, self.rng)
        machine = Machine(self.lowered, call.module.key, inner.program, self.rng, bases, self.gain)

        def call_child(*blocks: Array) -> Tensors:
            given, at = {}, 0
            for feature in call.module.inputs:
                count = len(feature.type.blocks)
                given[feature.name] = blocks[at : at + count]
                at += count
            values = machine(given)
            return tuple(
                x for _, registers in inner.program.outputs for x in (values[r] for r in registers)
            )

        return call_child

    def __call__(
        self, inputs: Mapping[str, Sequence[Array]], given: Mapping[int, Array] | None = None
    ) -> list[Array]:
        return run(
            self.program,
            inputs,
            self.parameters,
            self.bases,
            self.children,
            numpy_functions(),
            given,
        )


def machine_for(
    lowered: Mapping[str, Lowered], key: str, program: Program, seed: int, gain: float = 2**0.5
) -> Machine:
    rng = np.random.default_rng([seed, 7])
    bases = {base.name: random_base(base, rng) for base in lowered[key].module.bases}
    return Machine(lowered, key, program, rng, bases, gain)


def settled(
    lowered: Mapping[str, Lowered],
    key: str,
    program: Program,
    seed: int,
    inputs: Mapping[str, Sequence[Array]],
) -> tuple[Machine, list[Array]]:
    """A machine whose outputs on these inputs are finite, and all its values: with smaller weights
    where residual sums would grow out of bounds."""
    for gain in (2**0.5, 0.3, 0.03):
        machine = machine_for(lowered, key, program, seed, gain)
        with np.errstate(all="ignore"):
            values = machine(inputs)
        if all(np.all(np.isfinite(values[r])) for _, rs in program.outputs for r in rs):
            break
    return machine, values


def random_base(base: Base, rng: np.random.Generator) -> Callable[..., Tensors]:
    """A small random nonlinear network of the signature, without any symmetry."""
    size_in = sum(type_.size for type_ in base.signature)
    shapes = base.target.shapes
    size_out = sum(math.prod(shape) for shape in shapes)
    hidden = 8
    first = rng.standard_normal((size_in, hidden)) / math.sqrt(size_in)
    shift = rng.standard_normal(hidden)
    second = rng.standard_normal((hidden, size_out))

    def network(*xs: Array) -> Tensors:
        flat = np.concatenate([x.reshape(x.shape[0], -1) for x in xs], axis=1)
        y = np.tanh(flat @ first + shift) @ second
        ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
        return tuple(
            piece.reshape(-1, *shape)
            for piece, shape in zip(np.split(y, ends, axis=1), shapes, strict=True)
        )

    return network


def random_inputs(module: Module, rng: np.random.Generator, batch: int) -> dict[str, Tensors]:
    return {
        feature.name: tuple(
            rng.standard_normal((batch, *block.shape)) for block in feature.type.blocks
        )
        for feature in module.inputs
    }


def words_of(module: Module, rng: np.random.Generator, extra: int = 2) -> list[FWord]:
    """Every generator of every factor, and some random words."""
    letters = [
        (factor, k) for factor, group in module.groups.items() for k in range(len(group.generators))
    ]
    words: list[FWord] = [((factor, k, 1),) for factor, k in letters]
    for _ in range(extra if letters else 0):
        length = int(rng.integers(3, 7))
        picks = [letters[int(rng.integers(len(letters)))] for _ in range(length)]
        words.append(tuple((factor, k, 1 if rng.random() < 0.7 else -1) for factor, k in picks))
    return words


def act_on_block(x: Array, block: Block, word: FWord) -> Array:
    for axis, (dim, width) in zip(block.axes, block.dims, strict=True):
        if not isinstance(axis, PlainAxis):
            image = evaluate_any(axis.rep, word)
            if not image.is_identity:
                x = act(x, dim, width, image)
    return x


def act_on(xs: Sequence[Array], type_: Type, word: FWord) -> Tensors:
    return tuple(act_on_block(x, block, word) for x, block in zip(xs, type_.blocks, strict=True))


def _equivariance_fault(
    lowered: Mapping[str, Lowered], key: str, program: Program, seed: int
) -> Fault | None:
    """The first feature that does not follow its type under some word.

    Every feature is compared given that those before it have moved as they should, which is what
    equivariance of the whole needs (induction along the program); so rounding does not pile up.
    """
    module = lowered[key].module
    rng = np.random.default_rng([seed, 11])
    inputs = random_inputs(module, rng, BATCH)
    machine, before = settled(lowered, key, program, seed, inputs)
    types = {node.name: node.type for node in module.nodes}
    nodes = {feature.name: feature.node for feature in module.outputs}
    features = [
        (name, registers, types[nodes.get(name, name)])
        for name, registers in dict((*program.outputs, *program.named)).items()
    ]
    for word in words_of(module, rng):
        moved = {
            feature.name: act_on(inputs[feature.name], feature.type, word)
            for feature in module.inputs
        }
        expected: dict[int, Array] = {}
        for _, registers, type_ in features:
            wanted = act_on([before[r] for r in registers], type_, word)
            expected.update(zip(registers, wanted, strict=True))
        after = machine(moved, expected)
        for name, registers, _ in features:
            for register in registers:
                want = expected[register]
                scale = max(FLOOR, float(np.max(np.abs(want), initial=0.0)))
                error = float(np.max(np.abs(after[register] - want), initial=0.0)) / scale
                if not error <= TOLERANCE:
                    text = " ".join(f"{f}.{module.groups[f].generators[k]}^{e}" for f, k, e in word)
                    return Fault(name, f"error {error:.2e} under {text}")
    return None
