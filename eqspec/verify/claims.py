"""Modules: every feature, space, level, promise and assumption of a certificate.

In: the record, whose groups and representations were checked before. Out: findings in the report.
"""

from __future__ import annotations

from collections.abc import Iterator

from eqspec.verify.arithmetic import inverse, product
from eqspec.verify.counting import Spaces
from eqspec.verify.exact import Map, NoMatrix, is_identity, matrix
from eqspec.verify.groups import TooLarge
from eqspec.verify.laws import DATA, LAWS, Broken, Site, Unproved
from eqspec.verify.levels import ALMOST, Levels
from eqspec.verify.record import LEVELS, Base, Certificate, Ensure, Module, Node
from eqspec.verify.report import Report
from eqspec.verify.types import factors_of, image_of_axes, parts_of, primitive, same_type

EVERY_BASE = ("deterministic", "by sample", "read only", "one shape", "one state")
"""What the law of a module assumes of each user's network."""

MOST_EXPONENT = 10_000


def check_modules(certificate: Certificate, report: Report) -> None:
    if not certificate.modules:
        report.wrong("form", "certificate", "it speaks of no module")
    spaces = Spaces(certificate.actions, certificate.groups)
    levels = Levels(certificate)
    sound: set[str] = set()
    for module in certificate.modules.values():
        if not _check_graph(module, report):
            continue
        for node in module.nodes.values():
            _check_edges(module, node, report)
            _check_spaces(module, node, spaces, report)
            _check_law(certificate, module, node, report)
        called = {str(n.data.get("module")) for n in module.nodes.values() if n.op == "call"}
        if called - sound:
            report.wrong("op", module.key, f"it calls {min(called - sound)!r}, which is not shown")
            continue
        if not module.interface and all(f in module.nodes for f, _ in module.outputs.values()):
            sound.add(module.key)
        for name, message in levels.faults(module):
            report.wrong("level", f"{module.key}.{name}", message)
        report.show("level", sum(len(node.levels) for node in module.nodes.values()))
        _check_outputs(module, report)
        for ensure in module.ensures:
            _check_ensure(module, ensure, report)
        _check_parameters(certificate, module, report)
        _check_assumptions(module, levels, report)
        for size in module.run_time_sizes:
            report.trust(f"sizes {size} other than the one that the certificate shows")


def _check_graph(module: Module, report: Report) -> bool:
    """Features in order of dependence, and one group for each factor."""
    if module.interface and (module.nodes or module.bases or module.ensures):
        report.wrong("op", module.key, "it is an interface, and has features, networks or promises")
        return False
    before: set[str] = set()
    for node in module.nodes.values():
        if not before.issuperset(node.args):
            report.wrong("op", f"{module.key}.{node.name}", "it reads a feature that is not there")
            return False
        before.add(node.name)
        for block in node.type:
            for leaf in (leaf for part in parts_of(block) for leaf in primitive(part)):
                for factor, number in leaf.groups.items():
                    if module.groups.get(factor, number) != number:
                        report.wrong(
                            "op", f"{module.key}.{node.name}", f"{factor} is another group"
                        )
                        return False
        missing = factors_of(node.type) - module.groups.keys()
        if missing:
            report.wrong("op", f"{module.key}.{node.name}", f"{min(missing)} is no factor")
            return False
    inputs = [node.name for node in module.nodes.values() if node.op == "input"]
    if inputs != list(module.inputs) and not module.interface:
        report.wrong("op", module.key, "its inputs are not those of its features")
        return False
    return True


# ---- features ------------------------------------------------------------------------------------


def _check_edges(module: Module, node: Node, report: Report) -> None:
    place = f"{module.key}.{node.name}"
    if [edge.source for edge in node.edges] != list(node.args):
        report.wrong("op", place, "its edges are not those of its arguments")
        return
    after = factors_of(node.type)
    for edge in node.edges:
        before = factors_of(module.nodes[edge.source].type)
        wanted = {
            f: "equivariant" if f in before & after else "invariant" if f in before else "symmetric"
            for f in before | after
        }
        fusion = {"invariant", "symmetric"} <= set(wanted.values())
        if edge.factors != wanted or edge.fusion is not fusion:
            report.wrong("op", place, f"the edge from {edge.source} is of another class")
        else:
            report.show("edge")


def _check_spaces(module: Module, node: Node, spaces: Spaces, report: Report) -> None:
    place = f"{module.key}.{node.name}"
    for space in node.spaces:
        try:
            found = spaces.dimension(space.source, space.target)
        except (TooLarge, NoMatrix) as error:
            report.trust(f"the dimension of a space of maps of {place}: {error}")
            continue
        if found != space.dimension:
            where = "the bias" if space.arg is None else f"argument {space.arg[0]}"
            report.wrong(
                "dimension",
                place,
                f"the space of maps of {where} has dimension {found:,}, not {space.dimension:,}",
            )
        else:
            report.show("dimension")


def _check_law(certificate: Certificate, module: Module, node: Node, report: Report) -> None:
    place = f"{module.key}.{node.name}"
    law = LAWS.get(node.op)
    if law is None:
        report.trust(f"the law of `{node.op}`")
        return
    strange = node.data.keys() - DATA.get(node.op, frozenset())
    if strange:
        report.wrong("op", place, f"`{node.op}` has no data called {min(strange)!r}")
        return
    args = tuple(module.nodes[arg].type for arg in node.args)
    try:
        law(Site(node, args, module, certificate))
    except Broken as broken:
        report.wrong("op", place, f"`{node.op}`: {broken}")
    except Unproved as unproved:
        report.trust(f"the law of `{node.op}`: {unproved}")
    except (TooLarge, NoMatrix) as error:
        report.trust(f"the law of `{node.op}`: {error}")
    else:
        report.show("law")


# ---- modules -------------------------------------------------------------------------------------


def _check_outputs(module: Module, report: Report) -> None:
    for name, (feature, type_) in module.outputs.items():
        if module.interface:
            continue
        node = module.nodes.get(feature)
        if node is None or not same_type(node.type, type_):
            report.wrong(
                "promise", f"{module.key}.{name}", "no feature has the type of this output"
            )
        else:
            report.show("promise")


def _check_ensure(module: Module, ensure: Ensure, report: Report) -> None:
    for name in ensure.features:
        place = f"ensure {module.key}.{name}"
        node = module.nodes.get(name)
        if node is None:
            report.wrong("promise", place, "there is no such feature")
            continue
        factors = set(ensure.factors)
        if ensure.words is not None and not any(ensure.words):
            report.wrong("promise", place, "it names a subgroup of which it has no element")
            continue
        if ensure.words is not None:
            factors = {factor for word in ensure.words for factor, _, _ in word}
        reached = min(
            (LEVELS.index(node.levels.get(f, "exact")) for f in factors), default=len(LEVELS)
        )
        if reached < LEVELS.index(ensure.level):
            report.wrong("promise", place, "it has a weaker level than is promised")
            continue
        try:
            fault = _moved_wrongly(node, ensure)
        except (TooLarge, NoMatrix) as error:
            report.trust(f"{place}: {error}")
            continue
        if fault:
            report.wrong("promise", place, fault)
        else:
            report.show("promise")


def _moved_wrongly(node: Node, ensure: Ensure) -> str:
    if ensure.words is None:
        acting = factors_of(node.type)
        if ensure.kind == "invariant" and acting & set(ensure.factors):
            return f"{min(acting & set(ensure.factors))} acts on it"
        if ensure.kind == "equivariant" and set(ensure.factors) - acting:
            return f"{min(set(ensure.factors) - acting)} does not act on it"
        return ""
    fixed = all(_fixes(node, word) for word in ensure.words)
    if ensure.kind == "invariant":
        return "" if fixed else "the subgroup acts on it"
    return "the subgroup does not act on it" if fixed else ""


def _fixes(node: Node, word: tuple[tuple[str, int, int], ...]) -> bool:
    """Is the word the identity on every block? Letters left to right are a product."""
    for block in node.type:
        total: Map | None = None
        for factor, generator, exponent in word:
            step = matrix(image_of_axes(parts_of(block), factor, generator))
            if exponent == 0:
                continue
            moved = _power(matrix(inverse(step)) if exponent < 0 else step, abs(exponent))
            total = moved if total is None else product(total, moved)
        if total is not None and not is_identity(total):
            return False
    return True


def _power(value: Map, exponent: int) -> Map:
    """By squaring: exponents are numbers of a file. TooLarge where exact entries would grow too much."""
    if exponent > MOST_EXPONENT:
        raise TooLarge(f"a power of {exponent:,}")
    result: Map | None = None
    while exponent:
        if exponent & 1:
            result = value if result is None else product(result, value)
        value, exponent = product(value, value), exponent >> 1
    assert result is not None
    return result


def _check_parameters(certificate: Certificate, module: Module, report: Report) -> None:
    total = 0
    for node in module.nodes.values():
        total += node.parameters or 0
        if node.op == "call" and node.data.get("module") in certificate.modules:
            total += certificate.modules[node.data["module"]].parameters
    if total != module.parameters:
        report.wrong(
            "dimension", module.key, f"its layers have {total:,} weights, not {module.parameters:,}"
        )


def _check_assumptions(module: Module, levels: Levels, report: Report) -> None:
    wanted = list(_needed(module, levels))
    missing = [one for one in wanted if one not in module.assumptions]
    for about, kind in missing:
        report.wrong(
            "assumption", module.key, f"it rests on `{about}` ({kind}) and does not say so"
        )
    strange = [one for one in module.assumptions if one not in wanted]
    for about, kind in strange:
        report.wrong(
            "assumption", module.key, f"it assumes `{about}` ({kind}), which is not needed"
        )
    if not missing and not strange:
        report.show("assumption", len(wanted))


def _needed(module: Module, levels: Levels) -> Iterator[tuple[str, str]]:
    for base in module.bases.values():
        for kind in EVERY_BASE:
            yield base.name, kind
        for factor in sorted(_respected(base)):
            yield base.name, f"respects {factor}"
    known = levels.alone(module)
    reached = {
        level
        for feature, _ in module.outputs.values()
        if feature in known
        for level in known[feature].levels.values()
    }
    if ALMOST in reached:
        for name, type_ in module.inputs.items():
            if all(block.values is None for block in type_):
                yield name, "density"


def _respected(base: Base) -> set[str]:
    """The factors in the signature of a network: nobody shows that it respects them."""
    found = set(factors_of(base.result))
    for type_ in base.arguments:
        found |= factors_of(type_)
    return found | set(base.claims)
