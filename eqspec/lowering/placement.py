"""Which way a module is lowered: the coordinates of every feature and the form of every op, by least time.

Every node is lowered alone in each way that its op offers, and timed by the table of the device
(`program.timing`); so is every change of coordinates. For a set of factors the cheapest coordinates of
all features are a minimum cut (`cuts`), one set after the other until nothing changes. That counts node
by node what the passes may still share, so the whole module is then timed by each plan that was found, by
the reference and by every single way of lowering, and the best of those is taken.

The least time is that of a step of training, or of a call in evaluation (`Aim.purpose`). Plans within
`MARGIN` of it, and the reference within `FOR_REFERENCE`, are as good as far as the model can tell: of these
the other purpose decides, then the order, in which the reference comes first. Nothing is measured here: the
same spec, table and batch make the same choice.

In: a checked module, an `Aim`. Out: a `Placement`: the plan, and what else there was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

from eqspec.graph.model import Module, Node
from eqspec.graph.types import RepAxis
from eqspec.lowering.cuts import Options, cheapest
from eqspec.lowering.errors import LoweringRefused
from eqspec.lowering.module import Frames, can_stand, lower_node, parameters_of, program_of
from eqspec.lowering.ways import FORMS, Aim, Candidate, Factors, Placement, Time, Way, words
from eqspec.ops import op_named
from eqspec.ops.contract import LoweringSite
from eqspec.ops.plans import NOWHERE, Plan
from eqspec.program.builder import Builder
from eqspec.program.constants import computed_entries
from eqspec.program.instructions import Parameter, Program
from eqspec.program.passes import optimise
from eqspec.program.timing import seconds

REFERENCE = "reference"
MARGIN = 0.05
"""Plans that are slower by so much than the fastest are as good, as far as the model can tell."""
FOR_REFERENCE = 0.1
"""The same for the reference: measured, plans of many small steps are slower by that beside it than
predicted."""
MOST_FAMILIES = 8  # sets of factors that are tried
MOST_ENTRIES = 1 << 14  # of tables in the emitted file that are written out
LONG = 100  # nodes of a module
HOPELESS = 1.3
ROUNDS = 3
PICO = 1e12  # costs in a cut are whole picoseconds


def place(module: Module, aim: Aim, distributed: bool = False) -> Placement:
    """The plan of least predicted time, and the plans that it was compared with.

    Raises:
        LoweringRefused: EQS550, a pin that cannot be obeyed; or a node that cannot be built in any way.
    """
    return _Placing(module, aim, distributed).placement()


class _Placing:
    """One module. What was timed once is remembered: equal layers are timed once."""

    def __init__(self, module: Module, aim: Aim, distributed: bool) -> None:
        self.module = module
        self.aim = aim
        self.distributed = distributed
        self.frames = Frames(module)
        self.types = {node.name: node.type for node in module.nodes}
        self.known: dict[object, Time] = {}
        self.first: dict[str, str] = {}  # the form that an op takes by itself

    def placement(self) -> Placement:
        found = self.candidates()
        if self.aim.lowering != "auto" and len(found) > 1:
            found = found[1:]  # the way that was asked for
        near = _within(found, lambda c: c.time.of(self.aim.purpose))
        other = "evaluation" if self.aim.purpose == "training" else "training"
        chosen = _within(near, lambda c: c.time.of(other))[0]
        return Placement(self.aim, chosen, tuple(found), self.ways)

    # ---- candidates ----

    def candidates(self) -> list[Candidate]:
        """The reference (of layers that are pinned: their own way) and all others, each plan once."""
        plans = {REFERENCE: self.plan({}, {})}
        for name, plan in self.singles():
            plans[name] = plan
        if self.ways and self.aim.lowering == "auto":
            for factors in self.families:
                plans[f"placed over {words(factors)}"] = self.placed([factors])
            plans["placed"] = self.placed(self.families)
        found: list[Candidate] = []
        weights: set[Parameter] | None = None
        for name, plan in plans.items():
            if any(plan == other.plan for other in found) or (found and self.is_hopeless(plan)):
                continue
            program = optimise(program_of(self.module, self.distributed, plan))
            if weights is None:
                weights = set(parameters_of(program))
                if self.pinned:
                    self.check_pins(weights)
            elif set(parameters_of(program)) != weights:
                continue  # `lower_module` keeps weights that move nothing, which shows in some coordinates
            elif computed_entries(program) > MOST_ENTRIES:
                continue  # nobody could read the emitted file
            found.append(Candidate(name, plan, self.time(program)))
        return found

    def check_pins(self, weights: set[Parameter]) -> None:
        """Every free weight of the reference must be left: `lower_module` keeps those that move nothing.

        Raises:
            LoweringRefused: EQS550, some are lost by the pins.
        """
        lost = set(parameters_of(optimise(program_of(self.module, self.distributed)))) - weights
        if lost:
            name = min(parameter.name for parameter in lost)
            layer = name.rpartition(".")[0]
            pinned = layer if layer in self.pinned else next(iter(self.pinned))
            raise LoweringRefused(
                "EQS550",
                f"`{pinned}` cannot be lowered by blocks",
                self.module.node(pinned).span,
                f"the free weights `{name}` move nothing that is read, and would be lost",
                help="pin its neighbour to another way, or leave the choice to the compiler",
            )

    def is_hopeless(self, plan: Plan) -> bool:
        """In a long module: are the nodes alone much slower than as they stand first? Lowering the whole
        of it would take long, and conversions only add to that."""
        if len(self.module.nodes) < LONG:
            return False
        chosen = first = 0
        for node, ways in self.ways.items():
            factors, form = plan.factors(node), plan.forms.get(node, ways[0].form)
            own = [w for w in ways if w.factors == factors and (factors or w.form == form)]
            chosen += self.units(own[0].time) if own else 0
            first += self.units(ways[0].time)
        return chosen > HOPELESS * first

    def singles(self) -> Iterator[tuple[str, Plan]]:
        """One way of lowering for all layers that have it, the others as in the reference."""
        for name in ("weight", "sums", "blocks") if self.ways else ():
            if self.aim.lowering not in ("auto", name):
                continue
            if name == "blocks":
                for factors in self.families:
                    yield f"blocks over {words(factors)}", self.everywhere(factors)
            elif forms := self.only(FORMS[name]):
                yield name, self.plan({}, forms)

    def plan(self, labels: Mapping[str, Factors], forms: Mapping[str, str]) -> Plan:
        """With the layers that are pinned; forms that an op takes by itself are left out."""
        labels = {**labels, **self.pinned}
        kept: dict[str, str] = {}
        for node, ways in self.ways.items():
            if labels.get(node):
                continue
            form = forms.get(node, ways[0].form)
            if form != self.first[node]:
                kept[node] = form
        return Plan({node: own for node, own in labels.items() if own}, kept)

    def only(self, wanted: Sequence[str]) -> dict[str, str]:
        """The nodes that have one of these forms."""
        return {
            node: way.form
            for node, ways in self.ways.items()
            for way in reversed(ways)
            if way.form in wanted and not way.factors
        }

    def everywhere(self, factors: Factors) -> Plan:
        """Irreducible coordinates wherever they are possible."""
        return self.plan(
            {
                node: factors
                for node, ways in self.ways.items()
                if any(way.factors == factors for way in ways)
            },
            {},
        )

    def placed(self, families: Sequence[Factors]) -> Plan:
        """The minimum cut for each set of factors in turn, until nothing changes."""
        labels: dict[str, Factors] = dict(self.pinned)
        for _ in range(ROUNDS):
            before = dict(labels)
            for factors in families:
                labels = self.improved(labels, factors)
            if labels == before or len(families) == 1:
                break
        return self.plan(labels, self.cheapest_forms(labels))

    def cheapest_forms(self, labels: Mapping[str, Factors]) -> dict[str, str]:
        found: dict[str, str] = {}
        for node, ways in self.ways.items():
            own = [way for way in ways if way.factors == labels.get(node, NOWHERE)]
            found[node] = min(own, key=lambda way: self.units(way.time)).form
        return found

    @cached_property
    def pinned(self) -> dict[str, Factors]:
        """The layers that are lowered by blocks because the spec says so."""
        return {node: ways[0].factors for node, ways in self.ways.items() if ways[0].factors}

    # ---- the cut ----

    def improved(self, labels: Mapping[str, Factors], factors: Factors) -> dict[str, Factors]:
        """The cheapest choice between given coordinates and those over ``factors``, for all nodes that do
        not have coordinates over others; these stay, and their conversions count for their neighbours."""
        frozen = {node: own for node, own in labels.items() if own and own != factors}
        nodes: dict[str, Options] = {}
        for node in self.module.nodes:
            if node.name in frozen:
                continue
            args: list[str] = []
            for arg in dict.fromkeys(node.args):
                if arg in frozen:
                    nodes.setdefault(f"{arg}\0", self.read(arg, frozen[arg], factors))
                    arg = f"{arg}\0"
                args.append(arg)
            there, back = (
                self.moved(node.name, NOWHERE, factors),
                self.moved(node.name, factors, NOWHERE),
            )
            nodes[node.name] = Options(
                self.least(node.name, NOWHERE),
                self.least(node.name, factors),
                there,
                back,
                tuple(args),
            )
        for node in self.module.nodes:
            for arg in dict.fromkeys(node.args):
                if node.name in frozen and arg not in frozen:
                    reader = f"{arg}\0{','.join(sorted(frozen[node.name]))}"
                    given = self.moved(arg, NOWHERE, frozen[node.name])
                    moved = self.moved(arg, factors, frozen[node.name])
                    nodes.setdefault(reader, Options(given, moved, 0, 0, (arg,)))
        for feature in self.module.outputs:
            if feature.node not in frozen:
                nodes[f"\0{feature.name}"] = Options(0, None, 0, 0, (feature.node,))
        chosen = cheapest(nodes)
        return frozen | {node.name: factors for node in self.module.nodes if node.name in chosen}

    def read(self, node: str, own: Factors, factors: Factors) -> Options:
        """A feature that stays in its ``own`` coordinates, as others read it: converted to given ones, or to
        irreducible ones, which goes by way of the given ones."""
        there, back = (
            self.moved(node, NOWHERE, factors),
            self.moved(node, factors, NOWHERE),
        )
        return Options(
            self.moved(node, own, NOWHERE),
            self.moved(node, own, factors),
            there,
            back,
        )

    def least(self, node: str, factors: Factors) -> int | None:
        """The cost of a node in these coordinates; None: impossible. Nodes without a choice cost the same in
        every plan."""
        if node not in self.ways:
            return None if factors else 0
        own = [self.units(way.time) for way in self.ways[node] if way.factors == factors]
        return min(own, default=None)

    # ---- the ways of a node ----

    @cached_property
    def families(self) -> tuple[Factors, ...]:
        """The sets of factors to try: what acts on the features around a node that can be lowered there."""
        found: dict[Factors, None] = {}
        for node in self.module.nodes:
            if node.op == "input":
                continue
            acting = frozenset(
                factor
                for type_ in (node.type, *(self.types[arg] for arg in node.args))
                for block in type_.blocks
                for axis in block.axes
                if isinstance(axis, RepAxis)
                for factor in axis.factors
            )
            for factors in (acting, *(frozenset((factor,)) for factor in sorted(acting))):
                if factors and self.frames.over(factors).spectra and self.possible(node, factors):
                    found.setdefault(factors)
        ordered = sorted(found, key=lambda factors: (-len(factors), sorted(factors)))
        return tuple(ordered[:MOST_FAMILIES])

    def possible(self, node: Node, factors: Factors) -> bool:
        return can_stand(self.module, node, self.frames.over(factors))

    @cached_property
    def ways(self) -> dict[str, tuple[Way, ...]]:
        """The ways of every node that has several, or one that the spec pins; the first is the reference, or
        the one that is pinned.

        Raises:
            LoweringRefused: EQS550, a layer cannot be lowered as it is pinned.
        """
        found: dict[str, tuple[Way, ...]] = {}
        for node in self.module.nodes:
            if node.op == "input":
                continue
            over = [factors for factors in self.families if self.possible(node, factors)]
            forms = self.offered(node)
            pin = pin_of(node)
            if not pin and not over and len(forms) < 2:
                continue
            if pin == "blocks":
                ways = [(factors, "") for factors in over[:1]]
            elif pin:
                ways = [(NOWHERE, form) for form in forms if form in FORMS[pin]]
            else:
                ways = [*((NOWHERE, form) for form in forms), *((factors, "") for factors in over)]
            if not ways:
                raise _refused(node, pin, forms, over)
            self.first[node.name] = forms[0]
            timed: list[Way] = []
            for factors, form in ways:
                try:
                    timed.append(Way(factors, form, self.alone(node, factors, form)))
                except LoweringRefused:  # too large to build in this way
                    if not timed and (factors, form) == ways[-1]:
                        raise
            found[node.name] = tuple(timed)
        return found

    def offered(self, node: Node) -> tuple[str, ...]:
        """The forms of an op in given coordinates, the reference first."""
        op = op_named(node.op)
        return op.forms(self.site(node, NOWHERE, "")) if op.forms is not None else ("",)

    def site(self, node: Node, factors: Factors, form: str) -> LoweringSite:
        """The node alone: its arguments are inputs."""
        b = Builder()
        frame = self.frames.over(factors)
        types = tuple(self.types[arg] for arg in node.args)
        args = []
        for k, type_ in enumerate(types):
            shapes = [shape for found in frame.of_type(type_) for shape in found.shapes]
            args.append(tuple(b.input(f"arg{k}", n, shape) for n, shape in enumerate(shapes)))
        return LoweringSite(
            node,
            self.module,
            b,
            tuple(args),
            types,
            self.distributed,
            form,
            frame if factors else None,
        )

    def alone(self, node: Node, factors: Factors, form: str) -> Time:
        types = tuple(self.types[arg] for arg in node.args)
        key = ("node", node.op, node.data, node.type, types, factors, form)
        if key not in self.known:
            site = self.site(node, factors, form)
            made = lower_node(node, site)
            self.known[key] = self.time(optimise(site.builder.program([(node.name, made)])))
        return self.known[key]

    def units(self, time: Time) -> int:
        return round(time.of(self.aim.purpose) * PICO)

    def moved(self, node: str, origin: Factors, factors: Factors) -> int:
        """What a change of coordinates costs in a cut."""
        return self.units(self.conversion(node, origin, factors))

    def conversion(self, node: str, origin: Factors, factors: Factors) -> Time:
        type_ = self.types[node]
        key = ("conversion", type_, origin, factors)
        if key not in self.known:
            b = Builder()
            shapes = [s for found in self.frames.over(origin).of_type(type_) for s in found.shapes]
            given = tuple(b.input("x", n, shape) for n, shape in enumerate(shapes))
            made = self.frames.converted(b, type_, given, origin, factors)
            self.known[key] = self.time(optimise(b.program([("x", made)])))
        return self.known[key]

    def time(self, program: Program) -> Time:
        batch, table = self.aim.batch, self.aim.table
        return Time(seconds(program, batch, True, table), seconds(program, batch, False, table))


def pin_of(node: Node) -> str:
    """The way of lowering that the spec asks for, "" if it does not."""
    pin = getattr(node.data, "lowering", "")
    assert isinstance(pin, str), node
    return pin


def _refused(
    node: Node, pin: str, forms: Sequence[str], over: Sequence[Factors]
) -> LoweringRefused:
    names = [name for name, known in FORMS.items() if any(form in known for form in forms)]
    names += ["blocks"] if over else []
    ways = ", ".join(f"`{name}`" for name in names) or "one way"
    return LoweringRefused(
        "EQS550",
        f"`{node.name}` cannot be lowered by {pin}",
        node.span,
        f"it can be lowered by {ways}",
        help=f"write `lowering={names[0]}`, or leave the choice to the compiler"
        if names
        else "leave the choice to the compiler",
    )


def _within(
    found: Sequence[Candidate], seconds_of: Callable[[Candidate], float]
) -> list[Candidate]:
    """Those that are as fast as the fastest, up to the margins, in order."""
    least = min(seconds_of(candidate) for candidate in found)
    return [
        c
        for c in found
        if seconds_of(c) <= least * (1 + (FOR_REFERENCE if c.name == REFERENCE else MARGIN))
    ]
