"""What a shell may offer while a command is typed, and the scripts that make a shell ask.

In: what is typed so far, as click has read it. Out: `CompletionItem` values. An offer is a courtesy:
whatever goes wrong, there is none, and nothing is printed into a half-typed line. The file names
offered are specs and folders; names with control characters are left out, as no shell could show them.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, FishComplete, ShellComplete, ZshComplete

VARIABLE = "_EQSPEC_COMPLETE"
MAX_OFFERS = 2_000

Offers = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
_Finder = Callable[[Mapping[str, Any], str], Iterable["str | CompletionItem"]]

# click's own script for bash puts a space behind every offer, and names with spaces fall apart
_BASH = r"""_eqspec_completion() {
    local IFS=$'\n' response completion value
    response=$(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" \
        _EQSPEC_COMPLETE=bash_complete "$1" 2>/dev/null)
    COMPREPLY=()
    for completion in $response; do
        value=${completion#*,}
        case ${completion%%,*} in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                [[ $value == */ || $value == *= ]] && compopt -o nospace
                [[ $value == *[!A-Za-z0-9_./~=,:@%+-]* ]] && printf -v value %q "$value"
                COMPREPLY+=("$value")
                ;;
        esac
    done
}
complete -o nosort -F _eqspec_completion eqspec
"""
# click's own script for zsh, but without a space behind a folder or `n=`
_ZSH_ADD = "compadd -U -V unsorted -a completions"
_ZSH_ADD_OPEN = """compadd -U -V unsorted -- "${(@)completions:#*[/=]}"
        compadd -U -S '' -V unsorted -- "${(@M)completions:#*[/=]}\""""


def script(shell: str, program: click.Command) -> str:
    """What to evaluate in a shell so that it completes `eqspec`."""
    match shell:
        case "bash":
            return _BASH
        case "zsh":
            text = _source(ZshComplete, program)
            return text.replace(_ZSH_ADD, _ZSH_ADD_OPEN)
        case _:
            return _source(FishComplete, program)


def _source(kind: type[ShellComplete], program: click.Command) -> str:
    return ShellComplete.source(kind(program, {}, "eqspec", VARIABLE)).strip("\n") + "\n"


def _offers(find: _Finder) -> Offers:
    """A callback of click that offers what begins with the typed text, and never fails."""

    @functools.wraps(find)
    def complete(
        context: click.Context, _: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        try:
            found = [
                item if isinstance(item, CompletionItem) else CompletionItem(item)
                for item in find({**context.params, "args": context.args}, incomplete)
            ]
        except Exception:
            return []
        return [item for item in found if item.value.startswith(incomplete)][:MAX_OFFERS]

    return complete


# ---- files ------------------------------------------------------------------------------------------


def _files(incomplete: str, wanted: Callable[[os.DirEntry[str]], bool]) -> Iterator[str]:
    """Such files, and folders, in the folder that is being typed."""
    folder, _, begun = incomplete.rpartition("/")
    prefix = f"{folder}/" if "/" in incomplete else ""
    with os.scandir(os.path.expanduser(prefix) or ".") as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.name.startswith(".") and not begun.startswith("."):
            continue
        if not entry.name.isprintable():
            continue
        if entry.is_dir():
            yield f"{prefix}{entry.name}/"
        elif wanted(entry):
            yield f"{prefix}{entry.name}"


def _specs(incomplete: str) -> Iterator[str]:
    return _files(incomplete, lambda entry: entry.name.endswith(".eqs"))


@_offers
def specs(_: Mapping[str, Any], incomplete: str) -> Iterable[str]:
    return _specs(incomplete)


@_offers
def folders(_: Mapping[str, Any], incomplete: str) -> Iterable[str]:
    return (name for name in _specs(incomplete) if name.endswith("/"))


@_offers
def emitted(_: Mapping[str, Any], incomplete: str) -> Iterable[str]:
    """Modules that eqspec wrote, without their tests."""
    from eqspec.emit.write import read_header

    return _files(
        incomplete,
        lambda entry: (
            entry.name.endswith(".py")
            and not entry.name.startswith("test_")
            and read_header(Path(entry.path)) is not None
        ),
    )


@_offers
def revisions(_: Mapping[str, Any], incomplete: str) -> Iterable[str]:
    """A spec, or behind `REVISION:` a spec below this folder."""
    revision, colon, path = incomplete.partition(":")
    return (f"{revision}:{name}" for name in _specs(path)) if colon else _specs(incomplete)


@_offers
def spec_and_name(_: Mapping[str, Any], incomplete: str) -> Iterable[str]:
    """`two_view.eqs:TwoView`: behind the colon the modules and interfaces of the spec."""
    path, colon, _name = incomplete.partition(":")
    if not colon:
        return _specs(incomplete)
    return [f"{path}:{name}" for name in _MODULES.findall(_text(path))]


# ---- what stands in a spec ----------------------------------------------------------------------------


_MODULES = re.compile(r"(?m)^\s*(?:module|interface)\s+([A-Za-z_]\w*)")


def _written(given: Mapping[str, Any]) -> list[str]:
    """The specs on the line; of one that ends in a flag without its value click has read nothing."""
    named = [given.get("what"), given.get("spec"), *(given.get("paths") or ()), *given["args"]]
    return [path for path in named if path and path.endswith(".eqs")]


def _spec(given: Mapping[str, Any]) -> str:
    return _written(given)[0]


def _text(path: str) -> str:
    with Path(path).expanduser().open("rb") as file:
        return file.read(1 << 20).decode("utf-8", errors="replace")


@_offers
def nodes(given: Mapping[str, Any], incomplete: str) -> Iterable[CompletionItem]:
    """The layers, steps and outputs of the spec that was named, each with its type."""
    from eqspec.pipeline import check_file
    from eqspec.tools.places import spec_file

    spec = spec_file(Path(_spec(given)).expanduser())
    result = check_file(spec.path, spec.shown, spec.root)
    wanted = given.get("module")
    for module in result.spec.modules if result.spec is not None else ():
        if wanted in (None, module.key, module.name):
            for node in module.nodes:
                yield CompletionItem(node.name, help=str(node.type))
            for output in module.outputs:
                yield CompletionItem(output.name, help=f"output of {module.key}")


@_offers
def modules(given: Mapping[str, Any], incomplete: str) -> Iterable[str]:
    return _MODULES.findall(_text(_spec(given)))


@_offers
def sizes(given: Mapping[str, Any], incomplete: str) -> Iterable[str]:
    """`n=` for every `param` of the specs that were named, or of those in this folder."""
    files = _written(given) or [path for path in _specs("") if path.endswith(".eqs")]
    found = {
        f"{name}=": None
        for path in files[:50]
        for name in re.findall(r"(?m)^\s*param\s+([A-Za-z_]\w*)", _text(path))
    }
    return list(found)


# ---- words of eqspec ---------------------------------------------------------------------------------


def _codes() -> Iterator[CompletionItem]:
    from eqspec.diagnostics.codes import CODES

    return (CompletionItem(entry.code, help=entry.title) for entry in CODES.values())


@_offers
def codes(_: Mapping[str, Any], incomplete: str) -> Iterable[CompletionItem]:
    return _codes()


@_offers
def code_or_spec(_: Mapping[str, Any], incomplete: str) -> Iterable[str | CompletionItem]:
    """Codes once one is begun: before that they would hide the specs."""
    found: list[str | CompletionItem] = list(_specs(incomplete))
    return [*found, *_codes()] if incomplete.startswith("E") else found or _codes()


@_offers
def templates(_: Mapping[str, Any], incomplete: str) -> Iterable[CompletionItem]:
    from eqspec.tools.starting import templates as known

    return (CompletionItem(entry.name, help=entry.title) for entry in known())


@_offers
def kinds(_: Mapping[str, Any], incomplete: str) -> Iterable[str]:
    """`module,te` becomes `module,tests`."""
    from eqspec.tools.config import EMIT

    before = incomplete.rpartition(",")[0]
    given = before.split(",") if before else []
    return [",".join([*given, kind]) for kind in EMIT if kind not in given]
