"""Emitted modules by each way of lowering: everything that can in one form, or in irreducible coordinates.

In: the text of a spec and the name of a way. Out: the emitted module and its emitted tests, imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from eqspec.diagnostics.model import Source
from eqspec.emit.files import emit_spec
from eqspec.graph.model import Module
from eqspec.lowering.module import Frames, can_stand, lower_module
from eqspec.lowering.validation import validate
from eqspec.ops import op_named
from eqspec.ops.contract import LoweringSite
from eqspec.ops.plans import REFERENCE, Plan
from eqspec.pipeline import check_source
from eqspec.program.builder import Builder
from tests.docs.sessions import blocks

ROOT = Path(__file__).resolve().parents[2]
WAYS = ("reference", "sums", "dense", "blocks")


@dataclass(frozen=True)
class Emitted:
    """A spec by one way: ``code`` is the emitted module, ``tests`` the emitted tests of it."""

    name: str
    way: str
    code: Any
    tests: Any


def specs() -> Iterator[tuple[str, str]]:
    """The examples and the gallery, by name; without interfaces and what reads other files."""
    for file in sorted((ROOT / "examples").glob("*/*.eqs")):
        text = file.read_text(encoding="utf-8")
        if not any(word in text for word in ("interface", "use ", "file=")):
            yield file.stem, text
    for page in sorted((ROOT / "docs" / "gallery").glob("*.md")):
        for block in blocks(page.read_text(encoding="utf-8")):
            if block.word == "eqs" and "interface" not in block.text and "use " not in block.text:
                yield page.stem, block.text


def plan_of(module: Module, way: str) -> Plan:
    """Every node this way that can be lowered so."""
    if way == "blocks":
        factors = frozenset(module.groups)
        frame = Frames(module).over(factors)
        return Plan({n.name: factors for n in module.nodes if can_stand(module, n, frame)})
    chosen: dict[str, str] = {}
    for node in module.nodes:
        op = op_named(node.op) if node.op != "input" else None
        if op is not None and op.forms is not None:
            types = tuple(module.node(arg).type for arg in node.args)
            site = LoweringSite(node, module, Builder(), tuple(() for _ in node.args), types)
            if way in op.forms(site):
                chosen[node.name] = way
    return Plan(forms=chosen)


def emitted_by(name: str, text: str, way: str, folder: Path) -> Emitted | None:
    """None where nothing of the spec can be lowered this way."""
    checked = check_source(Source(f"{name}.eqs", text))
    assert checked.spec is not None and checked.ok, name
    modules = [module for module in checked.spec.modules if not module.is_interface]
    plans = {m.key: REFERENCE if way == "reference" else plan_of(m, way) for m in modules}
    if way != "reference" and all(plan.is_reference for plan in plans.values()):
        return None
    lowered = {}
    for module in modules:
        lowered[module.key] = lower_module(module, plan=plans[module.key])
        assert validate(lowered, module.key) is None, (name, way)
    stem = f"{name}_{way}"
    files = emit_spec(checked.spec, lowered, stem, f"{name}.eqs", ["module", "tests"])
    made: list[ModuleType] = []
    for file in files:
        path = folder / file.name
        path.write_text(file.text, encoding="utf-8")
        module = ModuleType(path.stem)
        module.__file__ = str(path)
        sys.modules[path.stem] = module
        sys.path.insert(0, str(folder))
        try:
            exec(compile(file.text, str(path), "exec"), module.__dict__)
        finally:
            sys.path.remove(str(folder))
        made.append(module)
    return Emitted(name, way, made[0], made[1])
