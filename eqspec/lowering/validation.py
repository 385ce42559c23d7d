"""Translation validation: no program is emitted that has not been seen to be equivariant.

After lowering and the passes, a program runs in float64 on random inputs, with random weights and
random nonlinear bases, under every generator of every factor and under random words; every output and
every named node must follow its type. The free weights are counted against the dimensions that the
checker found by characters, and every one must reach the expanded weights. This is a test of the
compiler, not a proof of the spec: the proof is the typing rule of each op.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.averages import FWord, evaluate_any
from eqspec.graph.model import Base, Module, ModuleCall
from eqspec.graph.types import Block, Type, symbols_in
from eqspec.lowering.counting import Fault, count_fault
from eqspec.lowering.errors import LoweringRefused
from eqspec.lowering.letters import condition, moved_by
from eqspec.lowering.module import Lowered, has_batch_norm, has_dropout, with_called
from eqspec.lowering.padding import padded_symbols
from eqspec.ops.pointwise import numpy_functions
from eqspec.program.acting import act, rename
from eqspec.program.attending import Attend
from eqspec.program.framed import Axes, RowOrder
from eqspec.program.frames import lead_of_axes, lead_of_order
from eqspec.program.instructions import BatchNorm, CallModule, Parameter, Program, Stage
from eqspec.program.interpreter import mask_key, run
from eqspec.program.layers import Dropout
from eqspec.program.orbitruns import lead_of_best, lead_of_least
from eqspec.program.orbits import Canonical, OrbitChoice

Array = NDArray[np.float64]
Tensors = tuple[Array, ...]
TOLERANCE = 1e-9  # relative to the largest entry of the feature ...
FLOOR = 1e-3  # ... or to this, so that the rounding of a cancelled feature is no fault
BATCH = 3
LARGE = 1 << 24  # entries for one sample, beyond which fewer samples and no random words are tried
LEAD = 1e-4  # by which a best coset wins, relative to the largest energy ...
DRAWS = 8  # ... at enough samples of so many draws
STRETCH = 1e4  # condition number of a word on every feature (soundness, non-compact groups)

__all__ = ["Fault", "Machine", "count_fault", "validate"]


def validate(lowered: Mapping[str, Lowered], key: str, seed: int = 0) -> Fault | None:
    """Validate the instance ``key``; ``lowered`` holds it and every module that it calls.
    LoweringRefused where no test could see a fault."""
    item = lowered[key]
    fault = count_fault(item.module, item.plain)
    lowered = {name: one.tested for name, one in with_called(lowered, key).items()}
    _check_stretch(lowered[key].module)
    if fault is not None:
        return fault
    trains = has_batch_norm(lowered, key) or has_dropout(lowered, key)
    first = first_run(lowered, key, item.program, seed)
    plain = _plain_machine(lowered, key, seed, first)
    fault = _moved_fault(lowered, key, first) or _changed_fault(item, first, plain)
    if trains and fault is None:
        first = first.in_training()
        fault = _moved_fault(lowered, key, first) or _changed_fault(item, first, plain)
    if len(item.program.named) < len(item.plain.named):  # features that the passes did away with
        for training in (False, True)[: 1 + trains]:
            fault = fault or equivariance_fault(lowered, key, item.plain, seed, training)
    return fault


def _check_stretch(module: Module) -> None:
    """No test in floating point sees a fault behind a generator of large condition number.

    Raises:
        LoweringRefused: EQS421.
    """
    for factor, group in module.groups.items():
        for number, generator in enumerate(group.generators):
            if group.is_finite:
                continue
            found = stretch(module, ((factor, number, 1),))
            if found > STRETCH:
                raise LoweringRefused(
                    "EQS421",
                    f"`{factor}.{generator}` stretches a feature of `{module.key}` by {found:,.0f}",
                    module.span,
                    f"beyond {STRETCH:,.0f} rounding hides every fault",
                )


@dataclass(frozen=True)
class FirstRun:
    """A program run without a word: its inputs, and the ``values`` of its features by their registers."""

    machine: Machine
    inputs: Mapping[str, Tensors]
    values: Mapping[int, Array]
    words: Sequence[FWord]

    def again(self, word: FWord | None = None) -> Machine:
        self.machine.word = word
        return self.machine

    def in_training(self) -> FirstRun:
        """The same weights and inputs, with statistics of the batch and dropouts."""
        machine = self.again()
        machine.training = True
        values = machine(self.inputs, kept=self.values.keys())
        return replace(self, values={register: values[register] for register in self.values})


def first_run(lowered: Mapping[str, Lowered], key: str, program: Program, seed: int) -> FirstRun:
    rng = np.random.default_rng([seed, 11])
    large = is_large(lowered, key)
    inputs = decided_inputs(
        lowered, key, program, seed, rng, samples_of(lowered, key, BATCH, large)
    )
    kept = {r for _, registers in (*program.outputs, *program.named) for r in registers}
    machine, values = settled(lowered, key, program, seed, inputs, kept)
    words = words_of(lowered[key].module, rng, 0 if large else 2)
    return FirstRun(machine, inputs, {register: values[register] for register in kept}, words)


def _translation_fault(lowered: Mapping[str, Lowered], key: str, seed: int) -> Fault | None:
    """What the passes change: same weights, same bases, but other outputs or named features."""
    first = first_run(lowered, key, lowered[key].program, seed)
    return _changed_fault(lowered[key], first, _plain_machine(lowered, key, seed, first))


def _plain_machine(lowered: Mapping[str, Lowered], key: str, seed: int, first: FirstRun) -> Machine:
    """The program before the passes, with the weights, bases and children of the one after them."""
    best = first.machine
    plain = machine_for(lowered, key, lowered[key].plain, seed, best.gain)
    plain.parameters = {**plain.parameters, **best.parameters}
    plain.bases, plain.children = best.bases, {**plain.children, **best.children}
    return plain


def _changed_fault(item: Lowered, first: FirstRun, plain: Machine) -> Fault | None:
    """The passes must keep the meaning. So what is seen of the program after them, of which ``first`` is a
    run, holds of the one before."""
    found = {**dict(item.program.named), **dict(item.program.outputs)}
    twins: dict[int, list[tuple[str, int]]] = {}
    for name, old in (*item.plain.outputs, *item.plain.named):
        if (
            name in found
        ):  # else the passes need it no more: it is looked at in the program before them
            for p, q in zip(old, found[name], strict=True):
                twins.setdefault(p, []).append((name, q))
    faults: list[Fault] = []

    def meet(register: int, value: Any) -> Any:
        for name, twin in twins.get(register, ()):
            error = error_of(first.values[twin], value)
            if not error <= 1e-6:  # rounding may pile up along a deep program
                faults.append(Fault(name, f"the passes change it by {error:.2e}"))
        return value

    plain.training = first.again().training
    with np.errstate(all="ignore"):
        plain(first.inputs, meet, kept=())
    return faults[0] if faults else None


@dataclass
class Machine:
    """Runs a module with random weights and bases, the same at every call."""

    lowered: Mapping[str, Lowered]
    key: str
    program: Program
    rng: np.random.Generator
    bases: Mapping[str, Callable[..., Tensors]]
    gain: float = 2**0.5  # He's scale: features keep their size through many layers
    training: bool = False  # batch norms take the statistics of the batch, dropouts drop
    choices: list[tuple[str, Array]] | None = None
    """Where cosets or frames are chosen, the nodes and by how much the best one wins for every sample, if wanted."""
    word: FWord | None = None
    """By which the inputs are moved, compared with the last run without a word."""

    def __post_init__(self) -> None:
        self.answers: dict[str, tuple[Tensors, Tensors]] = {}  # of the children, without a word
        self.weights: tuple[Mapping[str, Array], dict[int, Any]] | None = None  # expanded once
        self.parameters: dict[str, Array] = {}
        for instruction in self.program.instructions:
            if isinstance(instruction, Parameter):
                weights = self.rng.standard_normal(instruction.shape)
                spread = instruction.bound * self.gain or 0.5
                self.parameters[instruction.name] = instruction.start + spread * weights
            if isinstance(instruction, BatchNorm):
                shape = instruction.channels(self.program.shape(instruction.args[0]))
                name = instruction.name
                self.parameters[f"{name}.running_mean"] = self.rng.standard_normal(shape)
                self.parameters[f"{name}.running_var"] = self.rng.uniform(0.5, 2.0, shape)
            if isinstance(instruction, Dropout):  # one draw, with which every law must hold
                shape = instruction.mask(self.program.shape(instruction.args[0]))
                self.parameters[f"{instruction.name}.mask"] = self.rng.uniform(0.5, 2.0, shape)
        self.children: dict[str, Callable[..., Tensors]] = {}
        calls = {
            node.name: node.data
            for node in self.lowered[self.key].module.nodes
            if isinstance(node.data, ModuleCall)
        }
        for instruction in self.program.instructions:
            if isinstance(instruction, CallModule):
                self.children[instruction.attribute] = self._child(
                    instruction.attribute, calls[instruction.attribute]
                )

    def _child(self, name: str, call: ModuleCall) -> Callable[..., Tensors]:
        """Another module. It was validated by itself: where its arguments are moved by the word, its answers
        are what they were, moved, and it need not run."""
        inner = self.lowered[call.module.key]
        bases = {}
        for base, mine in zip(call.module.bases, call.bases, strict=True):
            bases[base.name] = self.bases[mine] if mine else random_base(base, self.rng)
        machine = Machine(self.lowered, call.module.key, inner.program, self.rng, bases, self.gain)

        def call_child(*blocks: Array) -> Tensors:
            if self.word is not None and name in self.answers:
                args, answers = self.answers[name]
                inputs = [feature.type for feature in inner.module.inputs]
                if _agree(blocks, _moved(args, inputs, self.word)):
                    return _moved(answers, [f.type for f in inner.module.outputs], self.word)
            given, at = {}, 0
            for feature in call.module.inputs:
                count = len(feature.type.blocks)
                given[feature.name] = blocks[at : at + count]
                at += count
            machine.training, machine.choices = self.training, self.choices
            for symbol, mask in zip(padded_symbols(call.module), blocks[at:], strict=False):
                given[mask_key(symbol.name)] = (mask,)
            kept = {r for _, registers in inner.program.outputs for r in registers}
            values = machine(given, kept=kept)
            found = tuple(
                x for _, registers in inner.program.outputs for x in (values[r] for r in registers)
            )
            if self.word is None:
                self.answers[name] = (blocks, found)
            return found

        return call_child

    def __call__(
        self,
        inputs: Mapping[str, Sequence[Array]],
        meet: Callable[[int, Any], Any] | None = None,
        kept: Container[int] | None = None,
    ) -> list[Array]:
        """All values; those in ``kept`` alone, if it is not None. For ``meet`` see `interpreter.run`."""
        same = self.weights is not None and self.weights[0] is self.parameters
        values = run(
            self.program,
            inputs,
            self.parameters,
            self.bases,
            self.children,
            numpy_functions(),
            meet,
            self.training,
            self.weights[1] if same and self.weights else None,
            kept if self.choices is None else None,
        )
        if not same:
            stages = self.program.stages
            full = {n: values[n] for n, stage in enumerate(stages) if stage <= Stage.PARAMETER}
            self.weights = self.parameters, full
        if self.choices is not None:
            for instruction, owner in zip(
                self.program.instructions, self.program.owners, strict=True
            ):
                args = [values[arg] for arg in instruction.args]
                match instruction:
                    case OrbitChoice(orbit=orbit) if orbit.order > 1:
                        self.choices.append((owner, lead_of_least(instruction, args, self.bases)))
                    case Canonical():
                        self.choices.append((owner, lead_of_best(instruction, args, self.bases)))
                    case Axes():
                        self.choices.append((owner, lead_of_axes(instruction, args[0])))
                    case RowOrder():
                        self.choices.append((owner, lead_of_order(instruction, args[0])))
        return values


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
    kept: Container[int] | None = None,
) -> tuple[Machine, list[Array]]:
    """A machine whose outputs on these inputs are finite, and all its values (or those in ``kept``, outputs
    among them): with smaller weights where residual sums would grow out of bounds."""
    for gain in (2**0.5, 0.3, 0.03):
        machine = machine_for(lowered, key, program, seed, gain)
        with np.errstate(all="ignore"):
            values = machine(inputs, kept=kept)
        if all(np.all(np.isfinite(values[r])) for _, rs in program.outputs for r in rs):
            break
    return machine, values


def random_base(base: Base, rng: np.random.Generator) -> Callable[..., Tensors]:
    """A small random nonlinear network of the signature, without any symmetry."""
    given = [block for type_ in base.signature for block in type_.blocks]
    size_in = sum(block.size for block in given)
    codes = [
        rng.standard_normal(block.values.size) if block.values is not None else None
        for block in given
    ]
    shapes = base.target.shapes
    size_out = sum(math.prod(shape) for shape in shapes)
    hidden = 8
    first = rng.standard_normal((size_in, hidden)) / math.sqrt(size_in)
    shift = rng.standard_normal(hidden)
    second = rng.standard_normal((hidden, size_out))

    def network(*xs: Array) -> Tensors:
        read = [x if code is None else code[x] for x, code in zip(xs, codes, strict=True)]
        flat = np.concatenate([x.reshape(x.shape[0], -1) for x in read], axis=1)
        y = np.tanh(flat @ first + shift) @ second
        ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
        return tuple(
            piece.reshape(-1, *shape)
            for piece, shape in zip(np.split(y, ends, axis=1), shapes, strict=True)
        )

    return network


def random_inputs(module: Module, rng: np.random.Generator, batch: int) -> dict[str, Tensors]:
    return {
        feature.name: tuple(random_block(block, rng, batch) for block in feature.type.blocks)
        for feature in module.inputs
    }


def random_block(block: Block, rng: np.random.Generator, batch: int) -> Array:
    """A batch of one block; of an index tensor every word may come."""
    if block.values is None:
        return rng.standard_normal((batch, *block.shape))
    return rng.integers(block.values.size, size=(batch, *block.shape))  # type: ignore[return-value]


def has_choices(lowered: Mapping[str, Lowered], key: str) -> bool:
    """Is an element, a coset or a frame chosen for every sample, in the module or in those that it calls?"""
    kinds = {Canonical, Axes, RowOrder, OrbitChoice}
    return any(
        not isinstance(i, OrbitChoice) or i.orbit.order > 1
        for item in with_called(lowered, key).values()
        if not kinds.isdisjoint(item.kinds)
        for i in item.program.instructions
        if type(i) in kinds
    )


def decided_inputs(
    lowered: Mapping[str, Lowered],
    key: str,
    program: Program,
    seed: int,
    rng: np.random.Generator,
    batch: int,
) -> dict[str, Tensors]:
    """Random inputs at which every best element or coset is better than the second one by far, and every
    frame well defined: elsewhere rounding may choose another.

    Raises:
        LoweringRefused: EQS424, none was found.
    """
    module = lowered[key].module
    if not has_choices(lowered, key):
        return random_inputs(module, rng, batch)
    undecided = key
    for _ in range(DRAWS):
        inputs = random_inputs(module, rng, 8 * batch)
        machine, _ = settled(lowered, key, program, seed, inputs)
        machine.choices = []
        machine(inputs)
        leads = np.stack([lead for _, lead in machine.choices])
        undecided = machine.choices[int(leads.max(axis=1).argmin())][0]
        chosen = np.flatnonzero(leads.min(axis=0) > LEAD)[:batch]
        if len(chosen) == batch:
            return {name: tuple(x[chosen] for x in xs) for name, xs in inputs.items()}
    raise LoweringRefused(
        "EQS424",
        f"`{undecided}` cannot choose in `{module.key}`",
        module.span,
        "for no input that was tried one element, coset or frame was better than all others",
    )


def is_large(lowered: Mapping[str, Lowered], key: str) -> bool:
    """Has one sample so many entries that each run takes seconds? Generators prove as much as words do, and
    a sample of so many entries as much as three."""
    program, module = lowered[key].program, lowered[key].module
    if symbols_in(node.type for node in module.nodes):
        return False  # sizes of run time are tried small
    made = [k for k, stage in enumerate(program.stages) if stage is Stage.BATCH]
    tensors = [k for k in made if all(isinstance(n, int) for n in program.shapes[k])]
    entries = sum(math.prod(program.shape(k)) for k in tensors)
    for instruction in program.instructions:
        if isinstance(instruction, Attend):  # its scores are no result
            query, key_, *_ = instruction.args
            entries += math.prod(program.shape(query)[:-1]) * program.shape(key_)[-2]
    return entries > LARGE


def samples_of(lowered: Mapping[str, Lowered], key: str, wanted: int, large: bool) -> int:
    """So many as wanted, or as few as will do of a large module."""
    if not large:
        return wanted
    return 2 if has_batch_norm(lowered, key) else 1


def words_of(module: Module, rng: np.random.Generator, extra: int = 2) -> list[FWord]:
    """Every generator of every factor, and some random words."""
    letters = [
        (factor, k) for factor, group in module.groups.items() for k in range(len(group.generators))
    ]
    words: list[FWord] = [((factor, k, 1),) for factor, k in letters]
    infinite = not all(group.is_finite for group in module.groups.values())
    for _ in range(extra if letters else 0):
        length = int(rng.integers(3, 7))
        picks = [letters[int(rng.integers(len(letters)))] for _ in range(length)]
        word = tuple((factor, k, 1 if rng.random() < 0.7 else -1) for factor, k in picks)
        while infinite and len(word) > 1 and stretch(module, word) > STRETCH:
            word = word[:-1]
        words.append(word)
    return words


def stretch(module: Module, word: FWord) -> float:
    """The largest condition number of a word on a feature: rounding grows with it."""
    types = [*(f.type for f in module.inputs), *(node.type for node in module.nodes)]
    blocks = dict.fromkeys(block for type_ in types for block in type_.blocks)
    return max(
        (math.prod(condition(rep, word) for rep, _, _ in block.actions) for block in blocks),
        default=1.0,
    )


def act_on_block(x: Array, block: Block, word: FWord) -> Array:
    for rep, dim, width in block.actions:
        image = moved_by(rep, word)
        if isinstance(image, np.ndarray) or not image.is_identity:
            x = act(x, dim, width, image)
    if block.values is not None and block.values.rep is not None:
        x = rename(x, evaluate_any(block.values.rep, word))
    return x


def act_on(xs: Sequence[Array], type_: Type, word: FWord) -> Tensors:
    return tuple(act_on_block(x, block, word) for x, block in zip(xs, type_.blocks, strict=True))


def _moved(xs: Sequence[Array], types: Sequence[Type], word: FWord) -> Tensors:
    """The blocks of several features, one after the other; masks behind them stay."""
    blocks = [block for type_ in types for block in type_.blocks]
    moved = tuple(act_on_block(x, block, word) for x, block in zip(xs, blocks, strict=False))
    return (*moved, *xs[len(blocks) :])


def _agree(found: Sequence[Array], expected: Sequence[Array]) -> bool:
    return all(error_of(x, y) <= TOLERANCE for x, y in zip(found, expected, strict=True))


def error_of(found: Array, expected: Array) -> float:
    """Relative to the largest entry."""
    scale = max(FLOOR, float(np.max(np.abs(expected), initial=0.0)))
    return float(np.max(np.abs(found - expected), initial=0.0)) / scale


def equivariance_fault(
    lowered: Mapping[str, Lowered], key: str, program: Program, seed: int, training: bool = False
) -> Fault | None:
    """The first feature that does not follow its type under some word."""
    first = first_run(lowered, key, program, seed)
    return _moved_fault(lowered, key, first.in_training() if training else first)


def _moved_fault(lowered: Mapping[str, Lowered], key: str, first: FirstRun) -> Fault | None:
    """The first feature that does not follow its type under some word.

    Every feature is compared given that those before it have moved as they should, which is what
    equivariance of the whole needs (induction along the program); so rounding does not pile up. It is
    compared as soon as it is there, and not kept.
    """
    module, program = lowered[key].module, first.machine.program
    types = {node.name: node.type for node in module.nodes}
    nodes = {feature.name: feature.node for feature in module.outputs}
    features: dict[int, tuple[str, Block]] = {}
    for name, registers in dict((*program.outputs, *program.named)).items():
        blocks = types[nodes.get(name, name)].blocks
        features.update({r: (name, block) for r, block in zip(registers, blocks, strict=True)})
    for word in first.words:
        faults: list[Fault] = []

        def meet(register: int, value: Any, word: FWord = word, seen: Any = faults) -> Any:
            if register not in features:
                return value
            name, block = features[register]
            expected = act_on_block(first.values[register], block, word)
            error = error_of(value, expected)
            if not error <= TOLERANCE:
                text = " ".join(f"{f}.{module.groups[f].generators[k]}^{e}" for f, k, e in word)
                seen.append(Fault(name, f"error {error:.2e} under {text}"))
            return expected

        moved = {
            feature.name: act_on(first.inputs[feature.name], feature.type, word)
            for feature in module.inputs
        }
        first.again(word)(moved, meet, kept=())
        if faults:
            return faults[0]
    return None
