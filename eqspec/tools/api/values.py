"""What the Python interface returns: frozen values, and the tables that are made of them.

In: a checked `Spec`. Out: `CheckedSpec` and its parts. Numbers and claims come from the layer graph
(`tools.derivation` for a node, `tools.costing` for costs); nothing is derived a second time here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from types import MappingProxyType
from typing import Any

from eqspec.diagnostics.model import Diagnostic
from eqspec.diagnostics.suggest import did_you_mean
from eqspec.graph import model
from eqspec.graph.model import Level, Spec
from eqspec.graph.sizes import for_json
from eqspec.graph.types import Type

Shape = tuple[int | str, ...]
"""Sizes; one that is read at run time is the name of its parameter."""


@dataclass(frozen=True)
class GroupInfo:
    """A factor of the symmetry of a module; ``order`` is None for infinite groups and for groups whose
    size is known at run time only."""

    name: str
    description: str
    order: int | None


@dataclass(frozen=True)
class Feature:
    """An input or an output: its type as it is written, the shapes of its tensors without batch
    dimensions, the factors that act on it, and what is guaranteed under every factor of the module:
    "exact", "almost_everywhere" or "approximate" (of inputs and interfaces: exact, they are given)."""

    name: str
    type: str
    shapes: tuple[Shape, ...]
    factors: tuple[str, ...]
    guarantees: Mapping[str, str]
    doc: str | None = None

    @property
    def shape(self) -> Shape:
        """The shape of the one tensor that it is.

        Raises:
            ValueError: it is several tensors.
        """
        if len(self.shapes) != 1:
            raise ValueError(f"`{self.name}` is {len(self.shapes)} tensors: see `shapes`")
        return self.shapes[0]

    @property
    def guarantee(self) -> str:
        """The weakest of the guarantees."""
        return min(self.guarantees.values(), key=_KEYS.index, default=Level.EXACT.key)

    @property
    def law(self) -> str:
        """In words: `equivariant under Rot, invariant under Flip, exactly`."""
        words = {level.key: level.words for level in Level}
        parts = []
        for kind in ("equivariant", "invariant"):
            acts = kind == "equivariant"
            for level in words:
                names = [
                    name
                    for name, key in self.guarantees.items()
                    if key == level and (name in self.factors) == acts
                ]
                if names:
                    parts.append(f"{kind} under {', '.join(names)}, {words[level]}")
        return "; ".join(parts)


_KEYS = [level.key for level in Level]  # weakest first


@dataclass(frozen=True)
class BaseInfo:
    """A network of the user: an argument of the constructor. ``claims`` are the factors that it is said
    to respect by itself, ``factory`` the import path by which it is built if none is given."""

    name: str
    arguments: tuple[str, ...]
    result: str
    factory: str | None
    claims: tuple[str, ...]


@dataclass(frozen=True)
class Promise:
    """An `ensure` that was proved."""

    outputs: tuple[str, ...]
    kind: str
    guarantee: str
    factors: tuple[str, ...]
    subgroup: str = ""


@dataclass(frozen=True)
class ModuleInfo:
    """A module or an interface that is proved; ``parameters`` counts its free weights."""

    name: str
    doc: str | None
    is_interface: bool
    groups: tuple[GroupInfo, ...]
    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    bases: tuple[BaseInfo, ...]
    promises: tuple[Promise, ...]
    nodes: tuple[str, ...]
    parameters: int
    _module: model.Module = field(repr=False, compare=False)

    def explain(self, node: str) -> dict[str, Any]:
        """The derivation of a node as data: what `eqspec explain SPEC NODE --format json` prints.

        Raises:
            KeyError: there is no such node.
        """
        from eqspec.tools.derivation import derivation

        name = next((f.node for f in self._module.outputs if f.name == node and f.node), node)
        if name not in self.nodes:
            raise KeyError(unknown("node", node, self.nodes))
        record: dict[str, Any] = for_json(
            derivation(self._module, self._module.node(name), counted=True)
        )
        return record

    def __str__(self) -> str:
        rows = [(f.name, f.type, "") for f in self.inputs]
        rows += [(f.name, f.type, f.law) for f in self.outputs]
        names, types = (max((len(row[k]) for row in rows), default=0) for k in (0, 1))
        lines = [f"{self.name}: {self.parameters:,} free weight{'s' * (self.parameters != 1)}"]
        lines += [f"  {a:<{names}}  {b:<{types}}  {c}".rstrip() for a, b, c in rows]
        return "\n".join(lines) + "\n"

    def _repr_svg_(self) -> str | None:
        return _picture(self._module)


@dataclass(frozen=True)
class CheckedSpec:
    """A spec whose promises are all proved. ``diagnostics`` are its warnings and notes.

    ``checked["Name"]`` is a module by its name, ``for module in checked`` goes through them.
    """

    path: str
    modules: tuple[ModuleInfo, ...]
    diagnostics: tuple[Diagnostic, ...]
    _spec: Spec = field(repr=False, compare=False)

    def __getitem__(self, name: str) -> ModuleInfo:
        for module in self.modules:
            if module.name == name:
                return module
        raise KeyError(unknown("module", name, [module.name for module in self.modules]))

    def __iter__(self) -> Iterator[ModuleInfo]:
        return iter(self.modules)

    def __len__(self) -> int:
        return len(self.modules)

    def __str__(self) -> str:
        return "\n".join(map(str, self.modules))

    def _repr_svg_(self) -> str | None:
        return _picture(self._spec)

    def cost(self) -> dict[str, Any]:
        """What the modules cost, node by node: what `eqspec cost SPEC --format json` prints.

        Raises:
            SpecError: a layer is too large to build.
        """
        from eqspec.lowering.ways import Aim
        from eqspec.pipeline import lower_spec
        from eqspec.tools.api.errors import SpecError
        from eqspec.tools.costing import SCHEMA, module_costs

        lowered, refused = lower_spec(self._spec, aim=Aim())
        if refused:
            raise SpecError(refused)
        record: dict[str, Any] = for_json({"schema": SCHEMA, "modules": module_costs(lowered)})
        return record


@dataclass(frozen=True)
class CompiledSpec:
    """The files that a spec compiles to, by name. Nothing is written until `write` is called."""

    path: str
    files: Mapping[str, str]
    diagnostics: tuple[Diagnostic, ...]
    _kinds: Mapping[str, str] = field(repr=False, compare=False)
    _folder: Path | None = field(repr=False, compare=False)
    _header_path: str = field(repr=False, compare=False, default="")

    def write(
        self, folder: str | PathLike[str] | None = None, *, force: bool = False
    ) -> tuple[Path, ...]:
        """Write the files that are new or changed, all of them or none; out: their paths.

        ``folder``: by default that of the spec, or the one that the settings of its project name. A file
        that eqspec did not write is left alone, unless ``force``.

        Raises:
            SpecError: something is in the way, or the disk refuses; nothing is changed then.
            TypeError: the spec was a text, and no folder is given.
        """
        from eqspec.tools.api.writing import write

        place = Path(fspath(folder)) if folder is not None else self._folder
        if place is None:
            raise TypeError("the spec was a text, which lies nowhere: `write` needs a folder")
        return write(self.path, self._header_path, self.files, self._kinds, place, force)


# ---- from the layer graph ------------------------------------------------------------------------


def module_info(module: model.Module) -> ModuleInfo:
    from eqspec.graph.sizes import is_dynamic
    from eqspec.tools.derivation import parameters

    return ModuleInfo(
        module.key,
        module.doc,
        module.is_interface,
        tuple(
            GroupInfo(
                name, group.description, None if is_dynamic(group.parameters) else group.order
            )
            for name, group in module.groups.items()
        ),
        tuple(_feature(module, f.name, f.type, f.doc, {}) for f in module.inputs),
        tuple(
            _feature(module, f.name, f.type, f.doc, module.node(f.node).levels if f.node else {})
            for f in module.outputs
        ),
        tuple(
            BaseInfo(
                base.name,
                tuple(str(type_) for type_ in base.signature),
                str(base.target),
                base.factory,
                tuple(sorted(base.claims)),
            )
            for base in module.bases
        ),
        tuple(
            Promise(p.targets, p.kind, p.level.key, p.factors, p.subgroup) for p in module.promises
        ),
        tuple(node.name for node in module.nodes),
        sum(parameters(node) for node in module.nodes),
        module,
    )


def _feature(
    module: model.Module, name: str, type_: Type, doc: str | None, levels: Mapping[str, Level]
) -> Feature:
    shapes: tuple[Shape, ...] = tuple(tuple(for_json(list(shape))) for shape in type_.shapes)
    known = {factor: levels.get(factor, Level.EXACT).key for factor in module.factors}
    factors = tuple(factor for factor in module.factors if factor in type_.factors)
    return Feature(name, str(type_), shapes, factors, MappingProxyType(known), doc)


def _picture(spec: Spec | model.Module) -> str | None:
    """What a notebook shows: the layer graph; None, which means the text, where it is too large."""
    from eqspec.tools.pictures.notebook import svg_of

    try:
        return svg_of(spec)
    except ValueError:
        return None


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    near = did_you_mean(name, known)
    hint = f"did you mean `{near}`?" if near else f"there are {', '.join(known) or 'none'}"
    return f"no {what} `{name}`; {hint}"
