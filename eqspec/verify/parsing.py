"""From plain values of JSON to the record of a certificate.

Whatever is missing, unknown or of another form raises `Malformed` with the path to it: nothing in a
certificate is passed over in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eqspec.verify.reading import HEADER, Malformed, is_hash
from eqspec.verify.record import (
    LEVELS,
    Action,
    Base,
    Block,
    Certificate,
    Edge,
    Ensure,
    Group,
    Module,
    Node,
    Part,
    Space,
    Type,
)
from eqspec.verify.values import Fields, map_of, rational

MOST_DEGREE = 1 << 40
MOST_LEAVES = 10_000
"""Primitive parts of one representation: sums that name sums could grow without bound."""


def certificate_of(value: dict[str, Any]) -> Certificate:
    top = Fields(value, "certificate")
    for key in HEADER:
        top.text(key)
    if top.whole("schema") != 1 or top.text("kind") != "eqspec certificate":
        raise Malformed("it is no eqspec certificate of schema 1")
    version, distributed = top.text("eqspec"), top.truth("distributed")
    files = {}
    for one in top.objects("files"):
        name = one.text("name")
        if name in files or "/" in name or "\\" in name or name in ("", ".", ".."):
            raise Malformed(f"{one.place}: {name!r} is no name of one file")
        files[name] = one.text("kind"), _hash(one)
        if files[name][0] != _kind(name):
            raise Malformed(f"{one.place}: {name} is no file of this kind")
        one.end()
    spec = top.text("spec")
    sizes = {key: _whole(size, f"sizes.{key}") for key, size in top.mapping("sizes").items()}
    sources = {}
    for one in top.objects("sources"):
        path = one.text("path")
        sources[path] = _hash(one)
        one.end()
    groups = tuple(_group(one) for one in top.objects("groups"))
    actions: list[Action] = []
    for one in top.objects("representations"):
        actions.append(_action(one, len(groups), actions))
    modules: dict[str, Module] = {}
    for one in top.objects("modules"):
        module = _Reader(actions, len(groups)).module(one)
        if module.key in modules:
            raise Malformed(f"{one.place}: two modules have the key {module.key!r}")
        modules[module.key] = module
    top.end()
    return Certificate(
        version,
        spec,
        value["spec_sha256"],
        distributed,
        sizes,
        sources,
        files,
        groups,
        tuple(actions),
        modules,
    )


def _kind(name: str) -> str:
    """What an emitted file is, by its name."""
    if name.startswith("test_"):
        return "tests"
    return "actions" if name.endswith("_symmetry.py") else "module"


def _hash(one: Fields) -> str:
    found = one.text("sha256")
    if not is_hash(found):
        raise Malformed(f"{one.place}.sha256 is no hash")
    return found


def _whole(value: Any, place: str) -> int:
    if type(value) is not int:
        raise Malformed(f"{place} is no whole number")
    return value


def _group(one: Fields) -> Group:
    description, generators = one.text("description"), tuple(one.texts("generators"))
    written = one.take("order")
    order = None if written is None else rational(written, f"{one.place}.order")
    matrices = tuple(map_of(value, one.place) for value in one.objects("matrices"))
    one.end()
    if len(matrices) != len(generators) or not generators or len({m.degree for m in matrices}) > 1:
        raise Malformed(f"{one.place} does not have one matrix for each generator")
    if order is not None and (order.denominator != 1 or order < 1):
        raise Malformed(f"{one.place}.order is no order")
    return Group(description, generators, None if order is None else int(order), matrices)


def _action(one: Fields, groups: int, known: list[Action]) -> Action:
    label, degree, shape = one.text("label"), one.whole("degree"), tuple(one.wholes("shape"))
    factors = {key: _whole(v, one.place) for key, v in one.mapping("groups").items()}
    if any(not 0 <= number < groups for number in factors.values()):
        raise Malformed(f"{one.place} names a group that is not there")
    if degree > MOST_DEGREE:
        raise Malformed(f"{one.place} has degree {degree}")
    if one.peek("sum") is not None:
        terms = tuple(
            tuple(_part(part, known, one.place) for part in term) for term in one.lists("sum")
        )
        leaves = sum(part.leaves for term in terms for part in term if isinstance(part, Action))
        if leaves > MOST_LEAVES:
            raise Malformed(f"{one.place} is made of {leaves} representations")
        found = Action(len(known), label, degree, shape, factors, {}, terms, leaves)
    else:
        matrices = {
            key: tuple(map_of(Fields(m, f"{one.place}.{key}"), one.place) for m in _list(row, one))
            for key, row in one.mapping("matrices").items()
        }
        if matrices.keys() != factors.keys() or any(
            m.degree != degree for row in matrices.values() for m in row
        ):
            raise Malformed(f"{one.place} has matrices of other factors or degrees")
        found = Action(len(known), label, degree, shape, factors, matrices)
    one.end()
    return found


def _list(value: Any, one: Fields) -> list[Any]:
    if not isinstance(value, list):
        raise Malformed(f"{one.place} has something else in place of a list")
    return value


def _part(value: Any, actions: list[Action], place: str) -> Part:
    if type(value) is int:
        if value < 1:
            raise Malformed(f"{place}: {value} is no size")
        return value
    one = Fields(value, place)
    number = one.whole("rep")
    one.end()
    if not 0 <= number < len(actions):
        raise Malformed(f"{place} names a representation that is not there")
    return actions[number]


@dataclass(frozen=True)
class _Reader:
    """Reads modules, which name representations and groups by their numbers."""

    actions: list[Action]
    groups: int

    def module(self, one: Fields) -> Module:
        key = one.text("key")
        one.text("name")
        interface = one.truth("interface")
        groups = {name: _whole(v, one.place) for name, v in one.mapping("groups").items()}
        if any(not 0 <= number < self.groups for number in groups.values()):
            raise Malformed(f"{one.place} names a group that is not there")
        sizes = tuple(one.texts("run_time_sizes"))
        inputs = {each.text("name"): self.typed(each) for each in one.objects("inputs")}
        bases = {base.name: base for base in map(self.base, one.objects("bases"))}
        listed = [self.node(each) for each in one.objects("nodes")]
        nodes = {node.name: node for node in listed}
        outputs = {}
        for each in one.objects("outputs"):
            name = each.text("name")
            outputs[name] = each.text("node"), self.typed(each)
        ensures = tuple(self.ensure(each) for each in one.objects("ensures"))
        parameters = one.whole("parameters")
        assumptions = []
        for each in one.objects("assumptions"):
            assumptions.append((each.text("about"), each.text("kind")))
            each.text("text")
            each.end()
        one.end()
        if len(nodes) < len(listed):
            raise Malformed(f"{one.place} has two features of one name")
        return Module(
            key,
            interface,
            groups,
            sizes,
            inputs,
            bases,
            nodes,
            outputs,
            ensures,
            parameters,
            tuple(assumptions),
        )

    def typed(self, one: Fields) -> Type:
        found = self.type(one.objects("type"))
        one.end()
        return found

    def type(self, blocks: list[Fields]) -> Type:
        return tuple(self.block(one) for one in blocks)

    def block(self, one: Fields) -> Block:
        text = one.text("text")
        axes: list[Part] = []
        fields: dict[int, dict[str, Type]] = {}
        for k, axis in enumerate(one.items("axes")):
            if isinstance(axis, dict) and "fields" in axis:
                inner = Fields(axis, f"{one.place}.axes[{k}]")
                fields[k] = {
                    name: self.type([Fields(b, inner.place) for b in _list(blocks, inner)])
                    for name, blocks in inner.mapping("fields").items()
                }
                axis = {"rep": inner.whole("rep")}
                inner.end()
            axes.append(_part(axis, self.actions, one.place))
        values = None
        if one.peek("values") is not None:
            inner = Fields(one.take("values"), f"{one.place}.values")
            number = inner.take("rep")
            rep = None if number is None else _part({"rep": number}, self.actions, inner.place)
            values = inner.whole("size"), rep if isinstance(rep, Action) else None
            inner.end()
        one.take("sizes", None)
        one.end()
        return Block(text, tuple(axes), values, fields)

    def base(self, one: Fields) -> Base:
        name = one.text("name")
        arguments = tuple(
            self.type([Fields(b, one.place) for b in type_]) for type_ in one.lists("arguments")
        )
        result = self.type(one.objects("result"))
        claims = tuple(one.texts("claims"))
        factory = one.take("factory")
        if factory is not None and not isinstance(factory, str):
            raise Malformed(f"{one.place}.factory is no text")
        one.end()
        return Base(name, arguments, result, claims)

    def node(self, one: Fields) -> Node:
        name, op, args = one.text("name"), one.text("op"), tuple(one.texts("args"))
        one.place = f"node {name!r}"
        one.truth("declared")
        one.whole("line")
        type_ = self.type(one.objects("type"))
        levels, own = _levels(one, "levels"), _levels(one, "own")
        for key in ("rule", "null_set"):
            if one.peek(key) is not None:
                one.text(key)
        edges = []
        for each in one.objects("edges") if one.peek("edges") is not None else []:
            factors = {key: str(value) for key, value in each.mapping("factors").items()}
            edges.append(Edge(each.text("source"), factors, each.truth("fusion")))
            each.end()
        spaces = [self.space(each) for each in one.objects("spaces")] if one.peek("spaces") else []
        parameters = one.whole("parameters") if one.peek("parameters") is not None else None
        data = one.mapping("data") if one.peek("data") is not None else {}
        one.end()
        return Node(
            name, op, args, type_, levels, own, tuple(edges), tuple(spaces), parameters, data
        )

    def space(self, one: Fields) -> Space:
        given = one.take("from")
        arg = None
        if given is not None:
            if not isinstance(given, list) or [type(k) for k in given] != [int, int]:
                raise Malformed(f"{one.place}.from is no argument and block")
            arg = given[0], given[1]
        source, target = (
            tuple(_part(part, self.actions, one.place) for part in one.items(key))
            for key in ("source", "target")
        )
        found = Space(arg, one.whole("to"), source, target, one.whole("dimension"))
        one.end()
        return found

    def ensure(self, one: Fields) -> Ensure:
        features, kind = tuple(one.texts("features")), one.text("kind")
        level, factors = one.text("level"), tuple(one.texts("factors"))
        words = None
        if one.peek("subgroup") is not None:
            one.text("subgroup")
            words = tuple(tuple(_letter(x, one) for x in word) for word in one.lists("words"))
        one.end()
        if kind not in ("invariant", "equivariant") or level not in LEVELS:
            raise Malformed(f"{one.place} is no promise")
        return Ensure(features, kind, level, factors, words)


def _letter(value: Any, one: Fields) -> tuple[str, int, int]:
    match value:
        case [str() as factor, int() as generator, int() as exponent]:
            return factor, generator, exponent
    raise Malformed(f"{one.place} has a word that is none")


def _levels(one: Fields, key: str) -> dict[str, str]:
    found = one.mapping(key)
    if any(level not in LEVELS for level in found.values()):
        raise Malformed(f"{one.place}.{key} has a level that is none")
    return found
