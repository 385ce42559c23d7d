"""`eqspec.lift` and `eqspec lift`: a network of plain layers becomes a spec with a group.

In: a `torch.nn.Module`, the shape of one sample, a group. Out: the text of a spec, which is checked here;
what could not be kept stands in its comments. torch is imported here and below only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from eqspec.algebra.lattice import motions
from eqspec.algebra.representations import Representation
from eqspec.diagnostics.model import Diagnostic, Severity, Source, Span
from eqspec.diagnostics.render import render_text
from eqspec.diagnostics.snippet import visible
from eqspec.graph.types import RepAxis
from eqspec.ops import OPS
from eqspec.pipeline import check_source
from eqspec.syntax.format import format_text
from eqspec.tools.findings import out, say, to_stderr
from eqspec.tools.lift.model import LiftError
from eqspec.tools.lift.sizes import Broken, plain_sizes, sizes_along, working
from eqspec.tools.lift.text import Action, Writer, spec_text

if TYPE_CHECKING:
    from torch import nn

WORDS = {
    1: ("reverse", "shift"),
    2: ("grid", "rot90", "rot180", "hflip", "vflip", "transpose"),
    3: ("grid",),
}
_SHORT = {"dihedral": "D", "cyclic": "C", "klein": "K", "octahedral": "O", "full_octahedral": "Oh"}


@dataclass(frozen=True)
class Lifted:
    """``text`` is the spec, ``diagnostics`` what `check` says of it."""

    text: str
    diagnostics: tuple[Diagnostic, ...]


def lift(
    model: nn.Module, input_shape: Sequence[int], group: str, *, action: str | None = None
) -> str:
    """The spec of a network in which a group acts on positions and channels.

    ``input_shape`` is that of one sample: channels, then one, two or three sizes. ``group`` is written as
    in a spec, such as `dihedral(4)`. ``action`` is the representation by which it moves positions, by
    default `grid` (`reverse` for sequences).

    Raises:
        LiftError: the model cannot be read (EQS615), a layer has no counterpart (EQS616), or the group
            does not act on such an input (EQS617).
    """
    return lifted(model, tuple(input_shape), group, action).text


def lifted(model: nn.Module, shape: tuple[int, ...], group: str, word: str | None = None) -> Lifted:
    from torch import nn

    if not isinstance(model, nn.Module):
        kind = type(model).__name__
        raise LiftError("EQS615", f"a `torch.nn.Module` is lifted, not {kind}")
    if not 2 <= len(shape) <= 4 or min(shape) < 1:
        raise LiftError(
            "EQS615",
            f"({', '.join(map(str, shape))}) is no shape of one sample",
            "channels, then one, two or three sizes: 3, 33, 33",
        )
    action, rep = acting(group, shape[1:], word)
    from eqspec.tools.lift.trace import traced

    network = traced(model, shape)
    moves = motions(rep)
    found = working(network, moves)
    notes: list[str] = []
    if found and found[0] == shape[1:]:
        sizes = sizes_along(network, found[0], moves)
    else:
        broken = sizes_along(network, shape[1:], moves)
        assert isinstance(broken, Broken), "else these sizes work"
        notes.append(_sizes_note(broken, shape[1:], found))
        sizes = sizes_along(network, found[0], moves) if found else plain_sizes(network, shape[1:])
    assert not isinstance(sizes, Broken), "found because it works"
    drops = "dropout" in OPS and "p" in OPS["dropout"].signature.keywords
    writer = Writer(network, action, sizes, frozenset(OPS), drops, notes)
    members = writer.lines()
    text = spec_text(network, action, members, writer.notes)
    faults = _errors(text)
    if faults:
        more = [
            f"`eqspec check` refuses this: {fault.code}, {fault.message}" for fault in faults[:3]
        ]
        text = spec_text(network, action, members, [*writer.notes, *more])
    laid = format_text(Source("lifted.eqs", text))
    text = laid if isinstance(laid, str) else text
    return Lifted(text, tuple(_errors(text)))


def _sizes_note(broken: Broken, asked: Sequence[int], found: Sequence[Sequence[int]]) -> str:
    size = " x ".join(map(str, asked))
    others = [" x ".join(map(str, sizes)) for sizes in found]
    if not others:
        return f"With {size}, {broken.reason}. No size near it works for all layers."
    rest = f" {', '.join(others[1:])} work too." if len(others) > 1 else ""
    return f"With {size}, {broken.reason}. This is written for {others[0]}.{rest}"


def _errors(text: str) -> list[Diagnostic]:
    found = check_source(Source("lifted.eqs", text)).diagnostics
    return [one for one in found if one.severity is Severity.ERROR]


def acting(
    group: str, sizes: tuple[int, ...], word: str | None = None
) -> tuple[Action, Representation]:
    """The group and its action on positions of these sizes. LiftError EQS617 where there is none."""
    family = re.match(r"\s*(\w+)\s*\(\s*(\d*)", group)
    name = _SHORT.get(family[1], "G") + family[2] if family and family[1] in _SHORT else "G"
    if "\n" in group or "{" in group or "#" in group:
        raise LiftError("EQS617", "a group is written in one line, such as `dihedral(4)`")
    known = WORDS[len(sizes)]
    if word is not None and word not in known:
        raise LiftError(
            "EQS617",
            f"`{visible(word)}` is no motion of {len(sizes)} dimensions",
            f"one of {', '.join(known)}",
        )
    chosen = Action(name, group.strip(), 1, word or known[0])
    type_ = f"[1, {chosen.axis(sizes)}]"
    text = (
        f"eqspec 1\ngroup {name} = {chosen.group}\n"
        f"module M {{\n  input x: {type_}\n  output y: {type_} = identity(x)\n}}\n"
    )
    result = check_source(Source("group.eqs", text))
    errors = [one for one in result.diagnostics if one.severity is Severity.ERROR]
    if errors or result.spec is None:
        fault = errors[0]
        help_ = fault.help
        if word is None and len(known) > 1 and name.startswith("C"):
            help_ = f"`--action` (`action=`) says how: one of {', '.join(known)}"
        raise LiftError("EQS617", fault.message, help_)
    (module,) = result.spec.modules
    axis = module.inputs[0].type.blocks[0].axes[1]
    assert isinstance(axis, RepAxis)
    order = axis.rep.group(name).order if name in dict(axis.rep.groups) else None
    if order is None:
        raise LiftError("EQS617", f"`{visible(group)}` is not one finite group")
    return Action(name, chosen.group, order, chosen.word), axis.rep


# ---- the command -----------------------------------------------------------------------------------


def run_lift(
    model: str, shape: tuple[int, ...], group: str, word: str | None, file: str | None, force: bool
) -> int:
    """Write the spec, and say what `check` would. 0 if it passes, 1 if not, 2 if there is none."""
    if find_spec("torch") is None:
        return _stop(
            LiftError("EQS511", "`eqspec lift` reads a model and needs torch", None), model
        )
    if file is not None and Path(file).exists() and not force:
        say(f"Error: {file} exists: --force overwrites it")
        return 2
    from eqspec.tools.audit.auditing import users_code
    from eqspec.tools.audit.model import CannotLoad, load

    try:
        with users_code():
            made = lifted(load(model).call, shape, group, word)  # type: ignore[arg-type]
    except (LiftError, CannotLoad) as error:
        return _stop(error, model)
    if file is None:
        out(made.text)
    else:
        try:
            Path(file).write_text(made.text, encoding="utf-8")
        except OSError as error:
            say(f"Error: {file} cannot be written: {error.strerror}")
            return 2
        say(f"Wrote {file}")
    if made.diagnostics:
        to_stderr(render_text(made.diagnostics, color=False) + "\n")
    return 1 if made.diagnostics else 0


def _stop(error: LiftError | Exception, where: str) -> int:
    code, help_ = getattr(error, "code", "EQS615"), getattr(error, "help", None)
    found = Diagnostic(code, str(error), Source(visible(where), ""), Span(0, 0), help=help_)
    to_stderr(render_text([found], color=False) + "\n")
    return 2


__all__ = ["LiftError", "Lifted", "acting", "lift", "lifted", "run_lift"]
