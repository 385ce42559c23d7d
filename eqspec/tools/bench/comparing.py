"""One module against what one would use instead.

In: the lowered modules of a spec, the module, and settings. Out: a `Comparison`. Construction is not
counted: contestants are built, and called twice, before the first round.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import torch
from torch import nn

from eqspec.emit.module import module_text
from eqspec.graph.model import Module
from eqspec.lowering.module import Lowered
from eqspec.lowering.twin import NoTwin, twin_of
from eqspec.program.cost import costs
from eqspec.tools.api.loading import imported
from eqspec.tools.bench.average import GroupAverage, NoAverage, order_of
from eqspec.tools.bench.clock import (
    Clock,
    CpuClock,
    CudaClock,
    Effort,
    Run,
    ratios,
    side_by_side,
    spread,
)
from eqspec.tools.bench.memory import keep_memory, peak_bytes
from eqspec.tools.bench.results import (
    AVERAGE,
    NAMES,
    OURS,
    TWIN,
    Comparison,
    Contestant,
    Timed,
    seconds_text,
)
from eqspec.tools.bench.subjects import StandIn, Subject, inputs_of, stand_ins

MOST_BYTES = 4 << 30
"""That an average may hold in training, by what its twin holds."""


class CannotRun(Exception):  # noqa: N818 - says what happened
    """The emitted module does not run as asked; the message says why."""


@dataclass(frozen=True)
class Settings:
    batch: int
    dtype: torch.dtype
    device: torch.device
    effort: Effort
    clock: Clock

    @staticmethod
    def of(batch: int, dtype: str, device: torch.device, rounds: int) -> Settings:
        clock: Clock = CudaClock() if device.type == "cuda" else CpuClock()
        return Settings(batch, getattr(torch, dtype), device, Effort(rounds), clock)


@dataclass(frozen=True)
class Made:
    """The classes of a spec: of its modules and of their dense twins. ``untwinned``: why a module has none.
    ``singles``: those of other ways of lowering, by name and module, where the program is another."""

    lowered: Mapping[str, Lowered]
    ours: Mapping[str, type[nn.Module]]
    twins: Mapping[str, type[nn.Module]]
    untwinned: Mapping[str, str]
    singles: Mapping[str, Mapping[str, type[nn.Module]]] = field(default_factory=dict)


def made_of(
    lowered: Mapping[str, Lowered],
    stem: str,
    others: Mapping[str, Mapping[str, Lowered]] = MappingProxyType({}),
) -> Made:
    """Compile a spec and its twins, in memory, and the same spec by ``others``, ways of lowering."""
    twins: dict[str, Lowered] = {}
    untwinned: dict[str, str] = {}
    for key, item in lowered.items():
        missing = [
            untwinned[child] for child in item.module.children.values() if child in untwinned
        ]
        if missing:
            untwinned[key] = missing[0]
            continue
        try:
            twins[key] = twin_of(item.module)
        except NoTwin as error:
            untwinned[key] = str(error)
    singles: dict[str, dict[str, type[nn.Module]]] = {}
    for number, (name, items) in enumerate(others.items()):
        known = [lowered, *list(others.values())[:number]]
        classes = _classes(items, f"{stem}_{name.replace(' ', '_')}")
        singles[name] = {
            key: class_
            for key, class_ in classes.items()
            if not any(_equal(items, before, key) for before in known)
        }
    ours = _classes(lowered, f"{stem}_bench")
    return Made(lowered, ours, _classes(twins, f"{stem}_twin"), untwinned, singles)


def _equal(one: Mapping[str, Lowered], other: Mapping[str, Lowered], key: str) -> bool:
    """Are the programs of a module and of all that it calls the same?"""
    return one[key].program == other[key].program and all(
        _equal(one, other, child) for child in one[key].module.children.values()
    )


def _classes(lowered: Mapping[str, Lowered], stem: str) -> dict[str, type[nn.Module]]:
    if not lowered:
        return {}
    text, names = module_text(lowered, stem)
    made = imported(stem, text)
    return {key: getattr(made, names.classes[key]) for key in lowered}


@contextlib.contextmanager
def one_torch_thread(device: torch.device) -> Iterator[None]:
    """CPU times are comparable where one thread does the work, and none pays for fresh pages; events are of
    the device that is current."""
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
        keep_memory()
    try:
        with torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext():
            yield
    finally:
        torch.set_num_threads(before)


def compared(made: Made, key: str, settings: Settings) -> Comparison:
    """Raises `CannotRun` where the emitted module does not run."""
    module = made.lowered[key].module
    torch.manual_seed(0)
    bases = stand_ins(module)
    inputs = inputs_of(module, settings.batch, settings.dtype, settings.device)

    def ready(network: nn.Module) -> nn.Module:
        return network.to(settings.device, settings.dtype)

    ours = Subject(OURS, ready(made.ours[key](*bases)), inputs)
    subjects, missing = [ours], {}
    if key in made.untwinned:
        missing[TWIN] = made.untwinned[key]
        missing[AVERAGE] = "there is no twin to average"
    else:
        twin = ready(made.twins[key](*bases))
        subjects.append(Subject(TWIN, twin, inputs))
        try:
            average = GroupAverage(module, twin, settings.dtype)
            if order_of(module) > 1:
                subjects.append(Subject(AVERAGE, ready(average), inputs))
            else:
                missing[AVERAGE] = "no group acts"
        except NoAverage as error:
            missing[AVERAGE] = str(error)
    for name, classes in made.singles.items():
        if key in classes:
            single = ready(classes[key](*bases))
            single.load_state_dict(ours.network.state_dict())
            subjects.append(Subject(name, single, inputs))
    found = {one.name: Contestant(one.name, one.parameters) for one in subjects}
    _time(subjects, found, missing, module, settings)
    for name in (TWIN, AVERAGE):
        if name in missing:
            known = found.get(name) or Contestant(name, 0)
            found[name] = replace(known, missing=missing[name])
    order = [name for name in NAMES if name in found]
    notes = tuple(_notes(made.lowered, key, bases))
    placement = made.lowered[key].placement
    predicted: dict[str, float] = {}
    if placement is not None and not module.bases and not module.children:
        time = placement.chosen.time
        predicted = {"forward": time.evaluation, "training": time.training}
    chosen = placement.chosen.name if placement is not None else "reference"
    return Comparison(key, tuple(found[name] for name in order), notes, chosen, predicted)


def _time(
    subjects: list[Subject],
    found: dict[str, Contestant],
    missing: dict[str, str],
    module: Module,
    settings: Settings,
) -> None:
    """Add to ``found`` what was measured, and to ``missing`` why something was not."""
    for name in ("forward", "training"):
        runs: dict[str, Run] = {}
        peaks: dict[str, int] = {}
        once: dict[str, float] = {}
        for one in subjects:
            if one.name in missing:
                continue
            if one.name == AVERAGE:
                why = _too_much(once, peaks, name, order_of(module), settings)
                if why:
                    missing[AVERAGE] = why
                    continue
            try:
                run = one.forward() if name == "forward" else one.training()
                if run is None:
                    continue
                run()
                once[one.name] = settings.clock.seconds(run, 1)
                peaks[one.name] = peak_bytes(run, settings.device)
            except Exception as error:
                if one.name == OURS:
                    raise CannotRun(_words(error)) from error
                missing[one.name] = f"it does not run: {_words(error)}"
                continue
            runs[one.name] = run
        if OURS not in runs:
            continue
        times = side_by_side(runs, settings.clock, settings.effort)
        for key in runs:
            timed = Timed(
                spread(times[key]),
                spread(ratios(times, key, OURS)),
                len(times[key]),
                peaks[key],
            )
            found[key] = replace(found[key], passes={**found[key].passes, name: timed})


def _too_much(
    once: Mapping[str, float],
    peaks: Mapping[str, int],
    name: str,
    order: int,
    settings: Settings,
) -> str:
    """Why an average is not timed, by what its twin took; empty if it is."""
    if TWIN not in once:
        return "there is no twin to average"
    estimate = order * once[TWIN]
    if 4 * estimate > settings.effort.budget:
        return f"{order:,} calls of the twin, about {seconds_text(estimate)} each time"
    if name == "training" and order * peaks[TWIN] > MOST_BYTES:
        return f"{order:,} calls of the twin would keep too many activations for the backward pass"
    return ""


def _words(error: Exception) -> str:
    text = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _notes(lowered: Mapping[str, Lowered], key: str, bases: list[StandIn]) -> Iterator[str]:
    module = lowered[key].module
    for base, network in zip(module.bases, bases, strict=True):
        yield f"`{base.name}` is a stand-in, a network {network}"
    calls = _calls(lowered, key)
    if calls > 1:
        yield f"{calls:,} calls of bases for a sample; the twin calls each base once where it stands"


def _calls(lowered: Mapping[str, Lowered], key: str) -> int:
    """Evaluations of users' networks for one sample, those of called modules among them."""
    item = lowered[key]
    own = sum(cost.base_calls for cost in costs(item.program).values())
    return own + sum(_calls(lowered, child) for child in item.module.children.values())


__all__ = ["AVERAGE", "OURS", "TWIN", "CannotRun", "Made", "Settings", "compared", "made_of"]
