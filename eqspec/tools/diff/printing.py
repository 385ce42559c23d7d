"""`SpecDiff` for people: text for a terminal, a table for a pull request, diagnostics for everything that
prints diagnostics (GitHub annotations)."""

from __future__ import annotations

from collections.abc import Iterator

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.diagnostics.snippet import visible
from eqspec.tools.diff.changes import (
    FactorChange,
    ModuleChange,
    Numbers,
    SpecDiff,
    State,
    Verdict,
)
from eqspec.tools.paint import paint

_SIGNS = {
    Verdict.SAME: "=",
    Verdict.STRONGER: "+",
    Verdict.UNDECIDED: "?",
    Verdict.WEAKER: "-",
    Verdict.BROKEN: "!",
}
_COLOURS = {
    Verdict.SAME: "2",
    Verdict.STRONGER: "32",
    Verdict.UNDECIDED: "33",
    Verdict.WEAKER: "31",
    Verdict.BROKEN: "1;31",
}
_CODES = {Verdict.WEAKER: "EQS531", Verdict.BROKEN: "EQS532", Verdict.UNDECIDED: "EQS533"}
_TITLES = {
    "base_calls": "base calls",
    "parameters": "parameters",
    "flops": "FLOPs",
    "bytes": "bytes",
}
_STATES = {
    "same": "fits, and means the same",
    "differs": "loads, but the code that reads it, or what it is about, has changed: train again",
    "incompatible": "does not fit",
}
_MOST = 4


# ---- words ---------------------------------------------------------------------------------------


def factor_words(change: FactorChange) -> str:
    """`invariant, exactly`: what is promised, and what became of it."""
    words = change.law
    match change.kind:
        case "weaker" | "stronger":
            words += f", {_level(change.old)} -> {_level(change.new)}"
        case "gained" | "perhaps":
            words += f", {_level(change.new)}"
        case _:
            words += f", {_level(change.old)}"
    if change.by:
        words += f"; {change.by}" if " " in change.by else f"; now `{change.by}`"
    if change.kind == "perhaps":
        words += "; whether it was promised before is not decided"
    if change.why:
        words += f"; {change.why}"
    return words


def _level(key: str | None) -> str:
    words = {"exact": "exactly", "almost_everywhere": "almost everywhere"}
    return words.get(key or "", "approximately")


def _sign(change: FactorChange) -> str:
    return _SIGNS[Verdict.UNDECIDED if change.kind == "perhaps" else change.verdict]


def number_words(number: Numbers) -> str:
    """`1,024 -> 2,048 (+100 %)`."""
    old, new = number.old, number.new
    if old == new:
        return _written(new)
    words = f"{_written(old)} -> {_written(new)}"
    if isinstance(old, int) and isinstance(new, int) and old:
        percent = 100 * (new - old) / old
        words += f" ({percent:+.1f} %)" if abs(percent) < 10 else f" ({percent:+,.0f} %)"
    return words


def _written(value: int | str | None) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def state_words(state: State) -> str:
    parts = [_STATES[state.kind]]
    for names, title in (
        (state.missing, "new"),
        (state.unexpected, "gone"),
        (state.reshaped, "other shapes"),
    ):
        if names:
            more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
            parts.append(f"{title}: {', '.join(names[:_MOST])}{more}")
    return "; ".join(parts)


def shown_numbers(module: ModuleChange) -> list[Numbers]:
    """Parameters always; the others where there are any."""
    return [
        number
        for number in module.numbers
        if number.name == "parameters" or number.old or number.new
    ]


# ---- text ----------------------------------------------------------------------------------------


def text(diff: SpecDiff, color: bool) -> str:
    lines: list[str] = []
    for module in diff.modules:
        lines += [*_module_lines(module, color), ""]
    return "\n".join(lines)


def _module_lines(module: ModuleChange, color: bool) -> Iterator[str]:
    yield paint(module.name, "1", color) + f"  {_verdict(module.verdict, color)}"
    for remark in module.remarks:
        sign = paint(_SIGNS[remark.verdict], _COLOURS[remark.verdict], color)
        yield f"  {sign} {visible(remark.text)}"
    for output in module.outputs:
        types = output.new_type
        if output.old_type != output.new_type:
            types = f"{output.old_type} -> {output.new_type}"
        yield f"  {output.name}: {types}  {_verdict(output.verdict, color)}"
        rows = [(f.kind, f"{f.factor} = {f.group}") for f in output.factors]
        wide = [max((len(row[k]) for row in rows), default=0) for k in (0, 1)]
        for (kind, who), change in zip(rows, output.factors, strict=True):
            line = f"{_sign(change)} {kind:<{wide[0]}}  {who:<{wide[1]}}"
            yield f"    {paint(line, _COLOURS[change.verdict], color)}  {factor_words(change)}"
        if not rows:
            yield "    no group acts"
    numbers = [(_TITLES[n.name], number_words(n)) for n in shown_numbers(module)]
    if module.state is not None:
        numbers.append(("state_dict", state_words(module.state)))
    room = max((len(title) for title, _ in numbers), default=0)
    yield from (f"  {title:<{room}}  {words}" for title, words in numbers)


def _verdict(verdict: Verdict, color: bool) -> str:
    return paint(verdict.key, _COLOURS[verdict], color)


def verdict_line(diff: SpecDiff) -> str:
    """`Broken: 1 of 3 promises is kept.`"""
    promises = [f for m in diff.modules for o in m.outputs for f in o.factors if f.old is not None]
    kept = sum(f.verdict <= Verdict.STRONGER for f in promises)
    said = {
        Verdict.SAME: "Same: every promise is kept.",
        Verdict.STRONGER: "Stronger: every promise is kept, and there are more.",
        Verdict.UNDECIDED: "Undecided: not every promise is shown to be kept.",
        Verdict.WEAKER: "Weaker: not every promise is kept.",
        Verdict.BROKEN: "Broken: users of the old modules have to change something.",
    }
    return f"{said[diff.verdict]} ({kept:,} of {len(promises):,} kept)"


# ---- Markdown ------------------------------------------------------------------------------------


def code(value: str) -> str:
    """A text as code in a cell of a Markdown table: nothing in it is markup, and it stays one cell."""
    value = visible(value).replace("|", "\\|").strip() or " "
    fence = "`"
    while fence in value:
        fence += "`"
    pad = " " if "`" in value else ""
    return f"{fence}{pad}{value}{pad}{fence}"


def prose(value: str) -> str:
    """Words that may hold names of the spec, in a cell: no character of it is markup."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-.!|~&:@" else c for c in visible(value))


def markdown(diff: SpecDiff) -> str:
    lines = [f"### Symmetry: {diff.verdict.key}", "", f"{code(diff.old)} to {code(diff.new)}", ""]
    for module in diff.modules:
        lines += [f"#### {code(module.name)}: {module.verdict.key}", ""]
        if module.outputs:
            lines += ["| | output | group | promise |", "|---|---|---|---|"]
            for output in module.outputs:
                for change in output.factors:
                    cells = (
                        change.kind,
                        code(output.name),
                        code(f"{change.factor} = {change.group}"),
                        prose(factor_words(change)),
                    )
                    lines.append(f"| {' | '.join(cells)} |")
            lines.append("")
        lines += [f"- {remark.verdict.key}: {prose(remark.text)}" for remark in module.remarks]
        lines += [f"- {_TITLES[n.name]}: {prose(number_words(n))}" for n in shown_numbers(module)]
        if module.state is not None:
            lines.append(f"- state dict: {prose(state_words(module.state))}")
        lines.append("")
    return "\n".join(lines)


# ---- diagnostics ---------------------------------------------------------------------------------


def diagnostics(diff: SpecDiff) -> list[Diagnostic]:
    """What is not kept, at its place in the new spec."""
    nowhere = (Source(diff.new, ""), Span(0, 0))
    found: list[Diagnostic] = []
    for module in diff.modules:
        for remark in module.remarks:
            if remark.verdict in _CODES:
                source, span = module.place or nowhere
                message = f"`{module.name}`: {remark.text}"
                found.append(Diagnostic(_CODES[remark.verdict], message, source, span))
        for output in module.outputs:
            for change in output.factors:
                if change.verdict in _CODES:
                    source, span = output.place or nowhere
                    message = (
                        f"`{output.name}` of `{module.name}`, {change.kind}:"
                        f" {change.factor} = {change.group}, {factor_words(change)}"
                    )
                    found.append(Diagnostic(_CODES[change.verdict], message, source, span))
    return found
