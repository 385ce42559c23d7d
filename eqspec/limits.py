"""What a spec may cost: every bound that a project may move, in one place.

In: `[tool.eqspec.limits]` and `--limit NAME=N`, by way of `limited`. Out: `limits()`, which any room asks.
Whatever the numbers, a spec that is beyond one is refused with a diagnostic; no bound changes what is proved.
Bounds that belong to a method (the degree up to which it is exact, say) stand beside the method.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from typing import Any


def _limit(default: int, what: str) -> Any:
    return field(default=default, metadata={"what": what})


@dataclass(frozen=True)
class Limits:
    """Names are those of the settings, with ``_`` for ``-``."""

    seconds: int = _limit(600, "processor time of one spec, in seconds")
    megabytes: int = _limit(8_192, "memory beyond what eqspec itself takes, in MiB")
    source_bytes: int = _limit(2**22, "bytes of a spec")
    instances: int = _limit(1_000, "modules made from templates")
    group_elements: int = _limit(20_160, "elements of a group that is listed")
    listed_entries: int = _limit(2**23, "elements times points of a group that is listed")
    axis_entries: int = _limit(2**22, "entries of an axis")
    block_entries: int = _limit(2**26, "numbers of a block, for one sample")
    weight_entries: int = _limit(2**27, "numbers of an expanded weight")
    table_entries: int = _limit(2**24, "numbers of an index table in a module")
    map_entries: int = _limit(2**25, "entries of a linear map whose orbits are labelled")
    basis_entries: int = _limit(2**26, "numbers of a dense basis")
    unknowns: int = _limit(2_500, "unknowns of an exact null space")


NAMES = tuple(one.name.replace("_", "-") for one in fields(Limits))
_current: ContextVar[Limits] = ContextVar("limits", default=Limits())  # noqa: B039  (frozen)
_fixed: ContextVar[Mapping[str, int]] = ContextVar("fixed", default={})  # noqa: B039  (never changed)


class LimitReached(BaseException):
    """Time or memory is over. Not an `Exception`: nobody on the way may take it for an error that
    has another way around. ``place`` is a source and a span, as soon as somebody knows them."""

    def __init__(self, name: str, place: tuple[Any, Any] | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.place = place


def limits() -> Limits:
    """The bounds that hold now."""
    return _current.get()


@contextmanager
def limited(values: Mapping[str, int], *, fixed: bool = False) -> Iterator[None]:
    """Move some bounds, by their names as settings; ``fixed`` ones win over those that come later."""
    given = {name.replace("-", "_"): value for name, value in values.items()}
    held = _fixed.set({**_fixed.get(), **given}) if fixed else None
    moved = _current.set(replace(_current.get(), **{**given, **_fixed.get()}))
    try:
        yield
    finally:
        _current.reset(moved)
        if held is not None:
            _fixed.reset(held)


def reached(error: BaseException, source: object, span: object) -> LimitReached:
    """The same end of time or memory, with a place where it happened; the innermost one stays."""
    if isinstance(error, LimitReached):
        error.place = error.place or (source, span)
        return error
    return LimitReached("megabytes", (source, span))
