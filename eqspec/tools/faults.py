"""What is printed when eqspec itself fails: a short message, never a traceback."""

from __future__ import annotations

from eqspec import __version__
from eqspec.diagnostics.snippet import visible


def internal_error(error: Exception) -> str:
    """The message for a fault of eqspec; notes on the error say what was being worked on."""
    words = visible(" ".join(str(error).split()))[:300]
    lines = [f"error[EQS599]: internal error, please report: {type(error).__name__}: {words}"]
    lines += [f"  = {visible(note)}" for note in getattr(error, "__notes__", ())]
    lines.append(f"  = this is a fault of eqspec {__version__}, not of your spec")
    lines.append("  = help: EQSPEC_DEBUG=1 shows the traceback that a report needs")
    lines.append("  = explain: eqspec explain EQS599")
    return "".join(f"{line}\n" for line in lines)
