"""The whole certificate: the claims of a spec, the hashes of the files that they are about, and its text.

In: a checked spec and the texts of the emitted files. Out: the text of `NAME.certificate.json`. It begins
with three lines by which eqspec knows its own files again (`emit.write`), then follows the record. The
text of a record is canonical: there is one way to write it, so that any change of a byte shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from eqspec import __version__
from eqspec.emit.certificate.nodes import node_record
from eqspec.emit.certificate.tables import Record, Tables
from eqspec.emit.names import comment
from eqspec.graph.model import Base, Level, Module, ModuleCall, Promise, Spec
from eqspec.graph.types import symbols_in
from eqspec.ops.contract import Weighted

SCHEMA = 1
KIND = "eqspec certificate"
SUFFIX = ".certificate.json"
WIDTH = 110

ASSUMPTIONS = (
    (
        "deterministic",
        "in evaluation mode `{}` is a function of its arguments: no randomness, no state",
    ),
    ("by sample", "`{}` treats every sample of a batch by itself"),
    ("read only", "`{}` does not write to its arguments"),
    ("one shape", "`{}` returns finite numbers of one shape and dtype"),
    ("one state", "`{}` has the same parameters in all calls of one forward pass"),
)
"""What the law of a module assumes of every base: a word for it and a sentence."""


def claims(spec: Spec, header_path: str) -> Record:
    """Every claim of a spec; nothing about files, so that `check` is enough to make it."""
    tables = Tables()
    modules = [module_record(module, tables) for module in spec.modules]
    return {
        "spec": comment(header_path),
        "sizes": {name: int(size) for name, size in spec.overrides},
        "sources": [
            {
                "path": comment(header_path) if number == 0 else source.path,
                "sha256": _sha256(source.text),
            }
            for number, source in enumerate(spec.sources)
        ],
        "groups": tables.groups,
        "representations": tables.representations,
        "modules": modules,
    }


def module_record(module: Module, tables: Tables) -> Record:
    nodes = [node_record(module, node, tables) for node in module.nodes]
    bases = list(module.bases)
    symbols = symbols_in(
        [*(type_ for _, type_ in module.features), *(n.type for n in module.nodes)]
    )
    return {
        "key": module.key,
        "name": module.name,
        "interface": module.is_interface,
        "groups": {name: tables.group(group) for name, group in module.groups.items()},
        "run_time_sizes": sorted(symbol.name for symbol in symbols),
        "inputs": [
            {"name": feature.name, "type": tables.type(feature.type)} for feature in module.inputs
        ],
        "bases": [
            {
                "name": base.name,
                "arguments": [tables.type(type_) for type_ in base.signature],
                "result": tables.type(base.target),
                "claims": sorted(base.claims),
                "factory": base.factory,
            }
            for base in bases
        ],
        "nodes": nodes,
        "outputs": [
            {"name": feature.name, "node": feature.node, "type": tables.type(feature.type)}
            for feature in module.outputs
        ],
        "ensures": [_ensure(promise) for promise in module.promises],
        "parameters": sum(_parameters(module)),
        "assumptions": list(assumptions(module)),
    }


def _parameters(module: Module) -> Iterator[int]:
    for node in module.nodes:
        if isinstance(node.data, Weighted):
            yield int(node.data.parameters)
        elif isinstance(node.data, ModuleCall):
            yield sum(_parameters(node.data.module))


def _ensure(promise: Promise) -> Record:
    record: Record = {
        "features": list(promise.targets),
        "kind": promise.kind,
        "level": promise.level.key,
        "factors": list(promise.factors),
    }
    if promise.subgroup:
        record["subgroup"] = promise.subgroup
        record["words"] = [[list(letter) for letter in word] for word in promise.words]
    return record


def assumptions(module: Module) -> Iterator[Record]:
    """What the claims of a module rest on and nobody has proved."""
    for base in module.bases:
        for kind, sentence in ASSUMPTIONS:
            yield {"about": base.name, "kind": kind, "text": sentence.format(base.name)}
        yield from _respected(base)
    rough = {
        level
        for output in module.outputs
        if output.node
        for level in module.node(output.node).levels.values()
    }
    if Level.ALMOST_EVERYWHERE in rough:
        for feature in module.inputs:
            if not feature.type.has_indices:
                text = f"the values of `{feature.name}` have a density: null sets do not happen"
                yield {"about": feature.name, "kind": "density", "text": text}


def _respected(base: Base) -> Iterator[Record]:
    for factor in sorted(base.claims):
        text = f"`{base.name}` respects `{factor}` as its signature says"
        yield {"about": base.name, "kind": f"respects {factor}", "text": text}


# ---- text ----------------------------------------------------------------------------------------


def certificate_text(
    found: Record, files: Iterable[tuple[str, str, str]], spec_hash: str, distributed: bool
) -> str:
    """The certificate of these claims and files (name, kind, text)."""
    listed = [{"name": name, "kind": kind, "sha256": _sha256(text)} for name, kind, text in files]
    body = {
        "schema": SCHEMA,
        "kind": KIND,
        "eqspec": __version__,
        "distributed": distributed,
        "files": listed,
        **found,
    }
    rest = canonical(body).removeprefix("{\n") + "\n"
    generated = f"eqspec {__version__} from {found['spec']}. DO NOT EDIT."
    return (
        "{\n"
        f' "generated_by": {json.dumps(generated)},\n'
        f' "spec_sha256": "{spec_hash}",\n'
        f' "content_sha256": "{_sha256(rest)}",\n'
        f"{rest}"
    )


def canonical(value: Any, depth: int = 0) -> str:
    """The one text of a record: what fits into a line, and lists of numbers, on one line; the rest with
    one space for every level. Keys keep their order, and all characters are ASCII."""
    flat = json.dumps(value)
    simple = not isinstance(value, dict | list) or (
        isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)
    )
    if simple or (len(flat) + depth <= WIDTH and depth):
        return flat
    inner = " " * (depth + 1)
    if isinstance(value, dict):
        items: Sequence[str] = [
            f"{inner}{json.dumps(key)}: {canonical(item, depth + 1)}" for key, item in value.items()
        ]
        return "{\n" + ",\n".join(items) + "\n" + " " * depth + "}"
    items = [f"{inner}{canonical(item, depth + 1)}" for item in value]
    return "[\n" + ",\n".join(items) + "\n" + " " * depth + "]"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
