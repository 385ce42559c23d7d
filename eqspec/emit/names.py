"""Names, strings and comments of a spec on their way into Python.

A name reaches the emitted code through `Names` (or `identifier`), text through `quoted`, `docstring`
or `comment`, and a file name through `stem_problem`. There is no other way.
"""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Sequence

RESERVED = (
    frozenset(keyword.kwlist)
    | frozenset(keyword.softkwlist)
    | frozenset(dir(builtins))
    | frozenset({"self", "torch", "F", "nn", "Tensor", "math", "weights", "batch", "annotations"})
    | frozenset({"Self", "SELF"})  # torch.fx calls a placeholder of these names self
)
MODULE_ATTRIBUTES = frozenset(
    "forward fold train eval to cpu cuda half float double bfloat16 type apply children modules buffers"
    " parameters state_dict load_state_dict register_buffer register_parameter register_module"
    " add_module training dump_patches extra_repr requires_grad_ zero_grad share_memory compile"
    " named_parameters named_buffers named_children named_modules get_parameter get_buffer"
    " get_submodule reset_parameters xpu ipu mtia to_empty call_super_init T_destination".split()
)


def identifier(text: str) -> str:
    """A spec's name as a Python identifier: dots become underscores, reserved words get one more."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text)
    if not name or name[0].isdigit():
        name = f"x{name}"
    if name.startswith("_"):  # the leading underscore is kept for what the compiler names itself
        name = "x" + name
    return f"{name}_" if name in RESERVED or name in MODULE_ATTRIBUTES else name


class Names:
    """Distinct identifiers in one namespace."""

    def __init__(self, taken: frozenset[str] | set[str] = frozenset()) -> None:
        self._taken = set(taken)

    def take(self, text: str) -> str:
        """The identifier for ``text``, or the first of ``text_2``, ``text_3``, ... that is free."""
        stem = name = identifier(text)
        count = 1
        while name in self._taken:
            count += 1
            name = f"{stem.rstrip('_')}_{count}"
        self._taken.add(name)
        return name

    def __contains__(self, name: str) -> bool:
        return name in self._taken


def output_fields(outputs: Sequence[str]) -> list[str]:
    """The fields of the named tuple that a class with several outputs returns."""
    names = Names(set(dir(tuple)))
    return [names.take(output) for output in outputs]


def quoted(text: str) -> str:
    """A string literal with double quotes, ASCII only."""
    escaped = text.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{escaped}"'


def docstring(text: str) -> str:
    """Text that can stand between triple quotes: no quote and no backslash of it is left."""
    lines = text.replace("\\", "/").replace('"', "'").splitlines()
    return "\n".join(_printable(line).rstrip() for line in lines).strip()


def comment(text: str) -> str:
    """Text that can stand after a `#`, on one line."""
    return _printable(" ".join(text.split()))


def _printable(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)


def stem_problem(stem: str) -> tuple[str, str] | None:
    """Why a spec of this file name cannot become a Python module: message and help; None if it can."""
    if not stem.isidentifier() or not stem.isascii() or keyword.iskeyword(stem):
        return (
            f"a spec called `{_printable(stem)}.eqs` has no name as a Python module",
            "use letters, digits and underscores, and no Python keyword",
        )
    if stem.startswith("test_") or stem == "conftest":
        return (
            f"a spec called `{stem}.eqs` would be taken for a test",
            "give it another name",
        )
    if stem in sys.stdlib_module_names or stem in {
        "torch",
        "numpy",
        "pytest",
        "eqspec",
        "scipy",
        "networkx",
        "lark",
        "jinja2",
        "pydantic",
        "sympy",  # these three are imported by torch
        "mpmath",
        "z3",
    }:
        return (
            f"a module called `{stem}` would hide the one that Python programs import by that name",
            "give the spec another name",
        )
    return None
