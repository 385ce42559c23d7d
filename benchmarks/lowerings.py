"""The lowering that is chosen, against every single way of lowering: is it ever much slower than the best?

Every module of the specs of the corpus, the examples, the templates and the pages of the documentation is
lowered in all ways that the compiler compares. Where the emitted text is the same, so is the time, and nothing
is measured; elsewhere a step of training and a call in evaluation are timed side by side. In float64 all of
them must give the same outputs and gradients for the same weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.goals import record
from benchmarks.measure import Effort, Quartiles, Rounds, middle_half, ratio, side_by_side
from benchmarks.specs import imported
from benchmarks.tables import Table, goal
from eqspec.diagnostics.model import Source
from eqspec.emit.module import module_text
from eqspec.graph.model import Module, Spec
from eqspec.graph.types import symbols_in
from eqspec.limits import LimitReached
from eqspec.lowering.errors import LoweringRefused
from eqspec.lowering.module import Lowered, lower_module
from eqspec.lowering.placement import place
from eqspec.lowering.ways import Aim, Placement
from eqspec.pipeline import check_file, check_source
from eqspec.tools.bench.subjects import Subject, inputs_of, leaves, stand_ins

ROOT = Path(__file__).parents[1]
FOLDERS = ("tests/corpus", "examples", "templates/init")
PAGES = (
    "docs/gallery",
    "docs/tutorial.md",
    "docs/language.md",
    "docs/strategies.md",
    "docs/images.md",
)
BATCHES = (64,)
ROUNDS = 5
LARGEST = 1.0
"""Seconds of a predicted step: modules beyond are left out, and said to be."""


@dataclass(frozen=True)
class Chosen:
    """A module with all plans that were compared, and the lowered modules of its spec."""

    name: str
    module: Module
    placement: Placement
    spec: Mapping[str, Lowered]


def specs() -> Iterator[tuple[str, Spec]]:
    """Those that check; files first."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.eqs")):
            result = check_file(path, path.name, ROOT)
            if result.ok and result.spec is not None:
                yield f"{path.parent.name}/{path.stem}", result.spec
    for place_ in PAGES:
        path = ROOT / place_
        for page in sorted(path.glob("*.md")) if path.is_dir() else [path]:
            text = page.read_text(encoding="utf-8")
            found = re.findall(
                r"^```eqs[^\n]*\n(eqspec 1\n.*?)^```", text, re.DOTALL | re.MULTILINE
            )
            for number, block in enumerate(found):
                result = check_source(Source(page.name, block), page, ROOT)
                if result.ok and result.spec is not None:
                    yield f"{page.stem} {number + 1}", result.spec


def modules(name: str, spec: Spec, batch: int) -> Iterator[Chosen | str]:
    """The modules of a spec, or why one is left out."""
    lowered: dict[str, Lowered] = {}
    for module in spec.modules:
        if module.is_interface or symbols_in(node.type for node in module.nodes):
            continue
        if not set(module.children.values()) <= set(lowered):
            continue
        try:
            placement = place(module, Aim(batch=batch))
            lowered[module.key] = lower_module(module, placement=placement)
        except (LoweringRefused, LimitReached, MemoryError) as error:
            yield f"{name}, {module.name}: {type(error).__name__}"
            continue
        yield Chosen(f"{name}, {module.name}", module, placement, dict(lowered))


def lowerings(effort: Effort) -> list[Table]:
    table = Table(
        "lowerings",
        "The chosen lowering against every single one",
        (
            "module", "batch", "ways", "chosen", "best single", "chosen / best, a step", "rounds",
            "chosen / best, evaluation", "reference / chosen, a step", "outputs differ", "gradients differ",
        ),
    )  # fmt: skip
    summary = Table(
        "choice",
        "The chosen lowering over all specs",
        ("batch", "specs", "modules", "one text only", "timed", "worst ratio", "where", "goal"),
    )
    for batch in BATCHES[:1] if effort.quick else BATCHES:
        _sweep(table, summary, batch, effort)
    summary.notes.append(
        "Modules whose ways of lowering all emit the same text count as 1. Those whose predicted step takes more"
        f" than {LARGEST:g} s are left out."
    )
    return [summary, table]


def _sweep(table: Table, summary: Table, batch: int, effort: Effort) -> None:
    seen: set[str] = set()
    counted = alike = timed = 0
    worst = (1.0, "equal texts")
    for name, spec in specs():
        if effort.quick and not name.startswith("specs/0"):
            continue
        for one in modules(name, spec, batch):
            if isinstance(one, str):
                table.notes.append(one)
                continue
            if one.placement.chosen.time.training > LARGEST:
                table.notes.append(f"{one.name}: too large for this table")
                continue
            seen.add(name)
            counted += 1
            texts = _texts(one)
            if len(set(texts.values())) == 1:
                alike += 1
                continue
            found = _compare(table, one, texts, batch, effort)
            if found is not None:
                timed += 1
                worst = max(worst, found)
    summary.add(
        batch, len(seen), counted, alike, timed, worst[0], worst[1], goal(worst[0], most=1.1)
    )
    if alike:
        record("choice", f"{alike} modules with equal texts", 1.0)


def _texts(one: Chosen) -> dict[str, str]:
    """The emitted text of each candidate; the chosen one is among them."""
    found = {}
    for candidate in one.placement.candidates:
        item = lower_module(one.module, plan=candidate.plan)
        text, _ = module_text({**one.spec, one.module.key: item}, "bench")
        found[candidate.name] = text
    return found


def _single(name: str) -> bool:
    """The reference, and one way wherever it is possible; not what was placed."""
    return not name.startswith("placed")


def _compare(
    table: Table, one: Chosen, texts: Mapping[str, str], batch: int, effort: Effort
) -> tuple[float, str] | None:
    chosen = one.placement.chosen.name
    distinct: dict[str, str] = {}  # text to name: the chosen first, then those that are single
    for name in sorted(texts, key=lambda name: (name != chosen, not _single(name))):
        distinct.setdefault(texts[name], name)
    made = {name: _class(text, one) for text, name in distinct.items()}
    try:
        networks = _networks(made, one.module)
        outputs, gradients = _differences(networks, one, chosen)
        forward, both = _times(networks, one, batch, effort)
    except (RuntimeError, ValueError, TypeError) as error:
        table.notes.append(f"{one.name}: {type(error).__name__}: {str(error)[:80]}")
        return None
    names = {name: distinct[text] for name, text in texts.items()}
    singles = list(dict.fromkeys(names[name] for name in texts if _single(name)))
    best = min(singles, key=lambda name: ratio(both, name, chosen))
    against = _against(both, chosen, singles)
    table.add(
        one.name, batch, len(distinct), chosen, best, against.middle, against.spread,
        _against(forward, chosen, singles).middle, ratio(both, names["reference"], chosen)
        if "reference" in names else None, f"{outputs:.1e}", f"{gradients:.1e}",
    )  # fmt: skip
    where = f"{one.name}, batch {batch}: {chosen}, best single {best}"
    record("choice", where, against)
    record("same outputs", one.name, outputs)
    record("same gradients", one.name, gradients)
    return against.middle, where


def _against(found: Rounds, chosen: str, singles: list[str]) -> Quartiles:
    """The chosen against the single way that is best in the median; below 1 it beats them all."""
    best = min(singles, key=lambda name: ratio(found, name, chosen))
    return middle_half([a / b for a, b in zip(found[chosen], found[best], strict=True)])


def _class(text: str, one: Chosen) -> Callable[..., nn.Module]:
    _, names = module_text(one.spec, "bench")
    made: Callable[..., nn.Module] = getattr(imported(text, "bench"), names.classes[one.module.key])
    return made


def _networks(made: Mapping[str, Callable[..., nn.Module]], module: Module) -> dict[str, nn.Module]:
    """One of each class, all with the same weights and the same bases."""
    torch.manual_seed(0)
    bases = stand_ins(module)
    found = {name: make(*bases) for name, make in made.items()}
    weights = next(iter(found.values())).state_dict()
    for network in found.values():
        network.load_state_dict(weights)
    return found


def _differences(
    networks: Mapping[str, nn.Module], one: Chosen, chosen: str
) -> tuple[float, float]:
    """Largest differences of outputs and of gradients from the chosen one, relative to the largest entry."""
    inputs = _inputs(one.module, 3, torch.float64)
    found: dict[str, tuple[list[Tensor], list[Tensor]]] = {}
    for name, network in networks.items():
        network.double().eval()
        outputs = [y for y in leaves(network(*inputs)) if y.is_floating_point()]
        wanted = [x for x in leaves(inputs) if x.requires_grad]
        wanted += [p for _, p in sorted(network.named_parameters()) if p.requires_grad]
        total = sum((y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).reshape(y.shape)).sum()
                    for y in outputs)  # fmt: skip
        gradients: list[Tensor] = []
        if wanted and isinstance(total, Tensor) and total.requires_grad:
            given = torch.autograd.grad(total, wanted, allow_unused=True)
            gradients = [
                torch.zeros_like(w) if g is None else g for g, w in zip(given, wanted, strict=True)
            ]
        found[name] = ([y.detach() for y in outputs], gradients)
    mine = found[chosen]
    return tuple(  # type: ignore[return-value]
        max((_apart(mine[k], theirs[k]) for theirs in found.values()), default=0.0) for k in (0, 1)
    )


def _apart(mine: list[Tensor], theirs: list[Tensor]) -> float:
    size = max((float(y.abs().max()) for y in mine if y.numel()), default=0.0)
    worst = max(
        (float((a - b).abs().max()) for a, b in zip(mine, theirs, strict=True) if a.numel()),
        default=0.0,
    )
    return worst / max(size, 1e-300) if worst else 0.0


def _inputs(module: Module, batch: int, dtype: torch.dtype) -> tuple[Any, ...]:
    torch.manual_seed(1)
    inputs = inputs_of(module, batch, dtype, torch.device("cpu"))
    for x in leaves(inputs):
        if x.is_floating_point():
            x.requires_grad_()
    return inputs


def _times(
    networks: Mapping[str, nn.Module], one: Chosen, batch: int, effort: Effort
) -> tuple[Rounds, Rounds]:
    torch.manual_seed(0)
    inputs = inputs_of(one.module, batch, torch.float32, torch.device("cpu"))
    subjects = [Subject(name, network.float(), inputs) for name, network in networks.items()]
    forward = side_by_side({s.name: s.forward() for s in subjects}, effort, rounds=ROUNDS)
    steps = {s.name: run for s in subjects if (run := s.training()) is not None}
    both = side_by_side(steps, effort, rounds=ROUNDS) if len(steps) == len(subjects) else forward
    return forward, both
