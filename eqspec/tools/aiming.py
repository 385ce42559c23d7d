"""For what a spec is lowered: flags of the command line, then the settings of its project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eqspec.tools.config import Config

if TYPE_CHECKING:
    from eqspec.lowering.ways import Aim


def aim_of(flags: Mapping[str, Any], config: Config) -> Aim:
    """``flags`` may hold "lowering", "batch", "device" and "purpose"; what is missing or None is as the
    settings say. Tables were read once before, so that a wrong one is told where it was written."""
    from eqspec.lowering.ways import Aim
    from eqspec.program.devices import table_named
    from eqspec.program.timing import BATCH

    def chosen(key: str, other: Any) -> Any:
        value = flags.get(key)
        if value is None:
            value = getattr(config, key)
        return other if value is None else value

    return Aim(
        chosen("lowering", "auto"),
        chosen("batch", BATCH),
        chosen("purpose", "training"),
        table_named(chosen("device", "cpu")),
    )
