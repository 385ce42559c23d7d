"""Runs of instructions that are written as one expression: repetitions that broadcasting does, means that
keep their axes, sums of squares in single precision.

In: a program. Out: which registers take part, and which of them must or must not get a name.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from eqspec.program.instructions import (
    Add,
    Concat,
    Einsum,
    Expand,
    Narrow,
    Pointwise,
    Program,
    Reduce,
    Scale,
    Shift,
    Stage,
)


@dataclass(frozen=True)
class Idioms:
    """What a printer finds in one program."""

    program: Program

    @cached_property
    def broadcast(self) -> frozenset[int]:
        """Repetitions that a sum does by itself: each is read by sums with a term of full size, or by
        such repetitions, alone."""
        program = self.program
        kept = self._kept
        found: set[int] = set()
        for number in reversed(range(len(program.instructions))):
            if isinstance(program.instructions[number], Expand) and number not in kept:
                readers = self._users[number]
                if all(user in found or self._is_full_sum(user) for user in readers):
                    found.add(number)
        return frozenset(found)

    @cached_property
    def wide(self) -> frozenset[int]:
        """Sums of squares on their way to a square root: taken in single precision at least, where no
        square overflows and what is added to them counts."""
        program = self.program
        kept = self._kept
        steps = [
            number
            for number, instruction in enumerate(program.instructions)
            if isinstance(instruction, Pointwise | Reduce | Shift | Scale | Add)
            and program.stages[number] is Stage.BATCH
            and number not in kept
        ]
        ends: set[int] = set()  # read by nothing but such steps and square roots
        for number in reversed(steps):
            match program.instructions[number]:
                case (
                    Pointwise(function="square")
                    | Reduce(how="sum" | "mean")
                    | Shift()
                    | Scale()
                    | Add()
                ):
                    users = self._users[number]
                    if all(user in ends or self._is_root(user) for user in users):
                        ends.add(number)
        found: set[int] = set()
        for number in sorted(ends):
            instruction = program.instructions[number]
            if isinstance(instruction, Pointwise) or found.issuperset(instruction.args):
                found.add(number)
        return frozenset(found)

    @cached_property
    def restored(self) -> dict[int, int]:
        """Repetitions that bring all axes back along which a feature was reduced just before, and
        the reductions: `x.mean(1, keepdim=True).expand_as(x)`."""
        program = self.program
        kept = self._kept
        found: dict[int, int] = {}
        for number, instruction in enumerate(program.instructions):
            if not isinstance(instruction, Reduce) or program.stages[number] is not Stage.BATCH:
                continue
            if len(instruction.dims) < 2:
                continue
            last = number
            for _ in instruction.dims:
                if last in kept or len(self._users[last]) != 1:
                    break
                (user,) = self._users[last]
                if not isinstance(program.instructions[user], Expand) or user in self.broadcast:
                    break
                last = user
            same = program.shape(last) == program.shape(instruction.args[0])
            if same and self._axes_of(last, number) == set(instruction.dims):
                found[last] = number
        return found

    @cached_property
    def parts(self) -> dict[int, int]:
        """Parts of a result that lie side by side and make it up, and their places: they are cut at
        once, so that their gradients are put together once."""
        program = self.program
        found: dict[int, int] = {}
        for source, users in self._users.items():
            steps = [(k, program.instructions[k]) for k in users]
            cuts = [(step, k) for k, step in steps if isinstance(step, Narrow)]
            dims = {step.dim for step, _ in cuts}
            if (
                len(cuts) < max(2, len(users))
                or len(dims) != 1
                or program.stages[source] is Stage.CONSTANT
            ):
                continue
            cuts.sort(key=lambda cut: cut[0].start)
            ends = [0, *(step.start + step.length for step, _ in cuts)]
            starts = [*(step.start for step, _ in cuts), program.shape(source)[dims.pop()]]
            if starts == ends:
                found.update((k, place) for place, (_, k) in enumerate(cuts))
        return found

    @cached_property
    def outermost(self) -> frozenset[int]:
        """What is joined along an axis on which all readers multiply by a table."""
        found: set[int] = set()
        for number, instruction in enumerate(self.program.instructions):
            if isinstance(instruction, Concat) and number not in self._kept:
                places = {self._table_at(user, number) for user in self._users[number]}
                if places == {instruction.dim - len(self.program.shape(number))}:
                    found.add(number)
        return frozenset(found)

    def _table_at(self, number: int, arg: int) -> int | None:
        """The axis of an argument, counted from the end, along which it is multiplied by a table."""
        step = self.program.instructions[number]
        if not isinstance(step, Einsum) or len(step.args) != 2 or step.args[1] != arg:
            return None
        if self.program.stages[step.args[0]] is Stage.BATCH:
            return None
        inputs, output = step.spec.split("->")
        first, second = inputs.split(",")
        along = table_along(first, second, output)
        return along[1] if along is not None else None

    @cached_property
    def named(self) -> frozenset[int]:
        """What is written twice, and so gets a name: what sums of squares are taken of, whose
        precision is asked for, and what is expanded to its old shape."""
        sources = {*self.wide, *self.restored.values()}
        args = {self.program.instructions[number].args[0] for number in sources}
        return frozenset(args - self.wide)

    @cached_property
    def inner(self) -> frozenset[int]:
        """What stands in the middle of such an expression, and gets none."""
        found: set[int] = set()
        for number, reduced in self.restored.items():
            while number != reduced:
                (number,) = self.program.instructions[number].args
                found.add(number)
        return frozenset(found)

    def _axes_of(self, number: int, reduced: int) -> set[int]:
        """The axes that repetitions put in between two registers."""
        places = list(range(len(self.program.shape(number))))
        found = set()
        while number != reduced:
            step = self.program.instructions[number]
            assert isinstance(step, Expand)
            found.add(places.pop(step.dim))
            (number,) = step.args
        return found

    @cached_property
    def _kept(self) -> frozenset[int]:
        """Registers that have names: outputs and named features."""
        named = (*self.program.outputs, *self.program.named)
        return frozenset(register for _, registers in named for register in registers)

    @cached_property
    def _users(self) -> dict[int, list[int]]:
        users: dict[int, list[int]] = defaultdict(list)
        for number, instruction in enumerate(self.program.instructions):
            for arg in instruction.args:
                users[arg].append(number)
        return users

    def _is_root(self, number: int) -> bool:
        instruction = self.program.instructions[number]
        return isinstance(instruction, Pointwise) and instruction.function in ("sqrt", "rsqrt")

    def _is_full_sum(self, number: int) -> bool:
        instruction = self.program.instructions[number]
        return isinstance(instruction, Add) and any(
            not isinstance(self.program.instructions[arg], Expand) for arg in instruction.args
        )


def table_along(table: str, x: str, output: str) -> tuple[int, int, int] | None:
    """Letters of a product with a table along one axis of x: which axis of the table is summed over, which
    one of x, and where the other one of the table stands in the output, both counted from the end."""
    if len(table) != 2 or len(set(table)) != 2 or len(set(x)) != len(x):
        return None
    shared = [letter for letter in table if letter in x]
    if len(shared) != 1:
        return None
    (summed,) = shared
    (new,) = set(table) - {summed}
    if output.replace(new, "") != x.replace(summed, "") or new not in output:
        return None
    return table.index(summed), x.index(summed) - len(x), output.index(new) - len(output)


def blocks_along(x: str, weights: str, output: str) -> int | None:
    """Letters of a product with one matrix for every index of an axis of x, along its last axis: the place
    of that axis, counted from the end."""
    if len(x) < 2 or len(weights) != 3 or len({*x, *weights}) != len(x) + 1:
        return None
    block, made, summed = tuple(weights)
    if x[0] != block or x[-1] != summed or output != x[:-1] + made:
        return None
    return -len(x)
