"""The spec of a lifted network as text.

In: a `Network`, the group with its action on the input, the sizes. Out: the spec. Channels of the input
and of a last layer stay as they are; all others become fields of the regular representation, as many
channels as before up to the order of the group. A layer and what follows it entry by entry is one
statement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eqspec.algebra.windows import Adaptive
from eqspec.syntax.layout import ITEM_WORDS, MEMBER_WORDS
from eqspec.tools.lift.model import ADD, INPUT, SAME, Network, Step
from eqspec.tools.lift.sizes import Sizes


@dataclass(frozen=True)
class Action:
    """A group and how it moves the positions: `D4`, `dihedral(4)`, order 8, `grid`."""

    name: str
    group: str
    order: int
    word: str

    @property
    def lifts(self) -> bool:
        """Do channels become fields? A convolution along a cycle commutes with its shifts as it is."""
        return self.word != "shift"

    def axis(self, sizes: Sizes) -> str:
        written = sizes[-1:] if self.word == "transpose" else sizes
        return f"{self.name}.{self.word}({', '.join(map(str, written))})"


@dataclass
class Writer:
    """Writes the members of the module, and collects what a reader should know."""

    network: Network
    action: Action
    sizes: Mapping[str, Sizes]
    ops: frozenset[str]
    drops: bool  # is there an op `dropout(x, p=0.1)`
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.steps = {step.name: step for step in self.network.steps}
        self.users: dict[str, list[Step]] = {name: [] for name in self.steps}
        for step in self.network.steps:
            for arg in step.args:
                self.users[arg].append(step)
        self.classes = self._classes()
        self.fields = self._fields()
        self.removed = self._removed()
        self.names = self._names()

    # ---- channels ------------------------------------------------------------------------------------

    def _classes(self) -> dict[str, str]:
        """Which steps have the channels of one another, by a common step."""
        parent = {name: name for name in self.steps}

        def root(name: str) -> str:
            while parent[name] != name:
                name = parent[name]
            return name

        for step in self.network.steps:
            if not step.chooses:
                for arg in step.args:
                    parent[root(arg)] = root(step.name)
        return {name: root(name) for name in self.steps}

    def _fields(self) -> dict[str, tuple[int, bool]]:
        """For every class the first size of its blocks, and whether the group permutes the channels."""
        input_ = self.classes[self.network.steps[0].name]
        output = self.classes[self.network.output]
        found: dict[str, tuple[int, bool]] = {input_: (self.network.shape[0], False)}
        for step in self.network.steps:
            if not step.chooses:
                continue
            one = self.classes[step.name]
            if one == input_:
                continue
            if not self.action.lifts or (one == output and self._is_last(one)):
                found[one] = (step.channels, False)
                continue
            count = max(1, round(step.channels / self.action.order))
            if one not in found and count * self.action.order != step.channels:
                self.notes.append(
                    f"{step.layer}: {step.channels} channels are no multiple of {self.action.order},"
                    f" the order of {self.action.group}; here they are {count * self.action.order}."
                )
            found[one] = (count, True)
        if found.get(output, (0, False))[1]:
            self.notes.append(
                "The output has fields, as what comes before it; `linear` or `pool` makes invariants."
            )
        return found

    def _is_last(self, one: str) -> bool:
        """Are these the channels of the result alone, made by one layer?"""
        members = [step for step in self.network.steps if self.classes[step.name] == one]
        read = [user for step in members for user in self.users[step.name] if user.chooses]
        return not read and sum(step.chooses for step in members) == 1

    # ---- positions -----------------------------------------------------------------------------------

    def _removed(self) -> frozenset[str]:
        """Pools to one position that is flattened away behind them, and what follows up to there: the
        positions are gone."""
        found: set[str] = set()
        for step in self.network.steps:
            whole = step.op.startswith("adaptive_") and all(law == Adaptive(1) for law in step.laws)
            if whole and self._is_flattened(step):
                found.add(step.name)
            elif step.args and step.op not in (INPUT, ADD) and not step.laws:
                if step.args[0] in found and not step.chooses:
                    found.add(step.name)
            elif step.op == ADD and all(arg in found for arg in step.args):
                found.add(step.name)
        return frozenset(found)

    def _is_flattened(self, step: Step) -> bool:
        """Is every way on flattened before anything but a function of entries?"""
        if step.flat:
            return True
        users = self.users[step.name]
        return bool(users) and all(
            not user.laws and not user.chooses and user.op != ADD and self._is_flattened(user)
            for user in users
        )

    def type_of(self, step: Step) -> str:
        count, lifted = self.fields[self.classes[step.name]]
        axes = [str(count)]
        if lifted:
            axes.append(f"{self.action.name}.regular")
        if step.op != "linear" and step.name not in self.removed and not self._is_behind(step):
            axes.append(self.action.axis(self.sizes[step.name]))
        return f"[{', '.join(axes)}]"

    def _is_behind(self, step: Step) -> bool:
        """Does a `linear` or a pool of all positions come before, without positions in between?"""
        if step.op == INPUT or step.chooses or step.laws:
            return step.op == "linear" or step.name in self.removed
        return self._is_behind(self.steps[step.args[0]])

    # ---- statements ----------------------------------------------------------------------------------

    def _names(self) -> dict[str, str]:
        taken = {*ITEM_WORDS, *MEMBER_WORDS, "true", "false", self.action.name, *self.ops}
        found: dict[str, str] = {}
        for step in self.network.steps:
            base = (step.written or step.name).lstrip("_") or "x"
            name, number = base, 2
            while name in taken:
                name, number = f"{base}_{number}", number + 1
            taken.add(name)
            found[step.name] = name
        return found

    def lines(self) -> list[str]:
        """The members of the module."""
        head, *rest = self.network.steps
        made = [f"input {self.names[head.name]}: {self.type_of(head)}"]
        text: dict[str, str] = {head.name: self.names[head.name]}  # how a result is written
        owner: dict[str, int] = {}  # the statement that ends with a result
        statements: list[tuple[str, str, str]] = []
        for step in rest:
            self.notes.extend(step.notes)
            left_out = step.op == "dropout" and not self.drops
            if step.op == SAME or left_out:
                if left_out:
                    self.notes.append(f"{step.layer} is left out.")
                arg = step.args[0]
                text[step.name] = text[arg]
                if arg in owner:
                    owner[step.name] = owner[arg]
                continue
            place = owner.get(step.args[0])
            entrywise = not step.chooses and not step.laws and step.op != ADD
            if entrywise and place is not None and self._only_user(step):
                name, _, value = statements[place]
                statements[place] = (name, self.type_of(step), self._call(step, [value]))
                text[step.name], owner[step.name] = name, place
                continue
            name = self.names[step.name]
            value = self._call(step, [text[arg] for arg in step.args])
            owner[step.name] = len(statements)
            text[step.name] = name
            statements.append((name, self.type_of(step), value))
        last = owner.get(self.network.output)
        for place, (name, type_, value) in enumerate(statements):
            word = "output " if place == last else ""
            made.append(f"{word}{name}: {type_} = {value}")
        if last is None:
            made.append(f"output y: {self.type_of(head)} = identity({text[self.network.output]})")
        return made

    def _only_user(self, step: Step) -> bool:
        """Is the argument, through what does nothing, read by this step alone?"""
        arg = self.steps[step.args[0]]
        while len(self.users[arg.name]) == 1 and arg.op == SAME and arg.args:
            arg = self.steps[arg.args[0]]
        return len(self.users[arg.name]) == 1

    def _call(self, step: Step, args: Sequence[str]) -> str:
        if step.op == ADD:
            return " + ".join(args)
        if step.name in self.removed and step.laws:
            axis = self.action.axis(self.sizes[step.args[0]])
            by = ", by=max" if "max" in step.op else ""
            return f"pool({args[0]}, axis={axis}{by})"
        options = list(step.options)
        if step.groups > 1:
            options.append(self._groups(step))
        return f"{step.op}({', '.join([*args, *filter(None, options)])})"

    def _groups(self, step: Step) -> str:
        source, target = (self.fields[self.classes[name]][0] for name in (step.args[0], step.name))
        groups = math.gcd(step.groups, source, target)
        if groups != step.groups:
            self.notes.append(
                f"{step.layer}: {step.groups} groups of channels are {groups} groups of fields here."
            )
        return f"groups={groups}" if groups > 1 else ""


_LIFTED = (
    "# Channels are fields with one entry for each element of the group: as many channels, fewer weights.",
    "# Those of the input and of the last layer stay as they are.",
)


def spec_text(
    network: Network, action: Action, members: Sequence[str], notes: Sequence[str]
) -> str:
    """The whole file."""
    shape = " x ".join(map(str, network.shape))
    head = [
        "eqspec 1",
        "",
        f"# {network.name}, for an input of {shape}, lifted to {action.group}: a starting point.",
        *(_LIFTED if action.lifts else ()),
        *(f"# - {note}" for note in dict.fromkeys(notes)),
        f"group {action.name} = {action.group}",
        "",
        f"module {identifier(network.name, action.name)} {{",
    ]
    return "\n".join([*head, *(f"  {line}" for line in members), "}", ""])


def identifier(name: str, taken: str) -> str:
    """A name for a module, other than that of the group."""
    text = "".join(c if c.isalnum() and c.isascii() else "_" for c in name).strip("_")
    if not text or text[0].isdigit() or text == "Sequential":
        text = "Net"
    text = text[:1].upper() + text[1:]
    return f"{text}Net" if text == taken else text
