"""eqspec: a compiler from declared symmetries to PyTorch modules that provably have them.

    eqspec.check(spec)     proves every promise, or raises `SpecError`
    eqspec.compile(spec)   the files of a spec, in memory
    eqspec.load(spec)      its classes, ready to be called
    eqspec.diff(old, new)  what became of the promises
    eqspec.diagnose(spec)  everything there is to say of a spec, as values
    eqspec.lift(model, ...)   a spec from a torch model of plain layers

A spec is a path (`pathlib.Path`, or a string of one line) or a text (a string of several lines). The
names are imported when they are first used, so that `import eqspec` costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eqspec.diagnostics.model import Diagnostic as Diagnostic
    from eqspec.tools.api.calls import check as check
    from eqspec.tools.api.calls import compile as compile
    from eqspec.tools.api.calls import diagnose as diagnose
    from eqspec.tools.api.errors import SpecError as SpecError
    from eqspec.tools.api.loading import LoadedSpec as LoadedSpec
    from eqspec.tools.api.loading import load as load
    from eqspec.tools.api.values import CheckedSpec as CheckedSpec
    from eqspec.tools.api.values import CompiledSpec as CompiledSpec
    from eqspec.tools.diff.changes import SpecDiff as SpecDiff
    from eqspec.tools.diff.running import diff as diff

__version__ = "0.1.0"

__all__ = [
    "CheckedSpec",
    "CompiledSpec",
    "Diagnostic",
    "LoadedSpec",
    "SpecDiff",
    "SpecError",
    "check",
    "compile",
    "diagnose",
    "diff",
    "lift",
    "load",
]

_PLACES = {
    "CheckedSpec": "eqspec.tools.api.values",
    "CompiledSpec": "eqspec.tools.api.values",
    "Diagnostic": "eqspec.diagnostics.model",
    "LoadedSpec": "eqspec.tools.api.loading",
    "SpecDiff": "eqspec.tools.diff.changes",
    "SpecError": "eqspec.tools.api.errors",
    "check": "eqspec.tools.api.calls",
    "compile": "eqspec.tools.api.calls",
    "diagnose": "eqspec.tools.api.calls",
    "diff": "eqspec.tools.diff.running",
    "load": "eqspec.tools.api.loading",
}


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'eqspec' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(place), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def lift(model: Any, input_shape: Sequence[int], group: str, *, action: str | None = None) -> str:
    """The spec of a `torch.nn.Module` of plain layers in which a group acts, as a starting point.

    ``input_shape`` is that of one sample: channels, then one, two or three sizes. ``group`` is written as
    in a spec, such as `dihedral(4)`. ``action`` is the representation by which it moves positions: by
    default `grid`, for sequences `reverse`.

    Raises:
        ValueError: with ``code``, ``message`` and ``help``, if the model cannot be read (EQS615), a layer
            has no counterpart (EQS616), or the group does not act on such an input (EQS617).
    """
    text: str = import_module("eqspec.tools.lift.lifting").lift(
        model, input_shape, group, action=action
    )
    return text
