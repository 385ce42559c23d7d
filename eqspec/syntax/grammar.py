"""The LALR tables of the language: built from the grammar once per machine, then read from a cache.

In: `grammars/eqs.lark` and the functions that turn a rule into a tree node. Out: a `Lark` object.

Building costs about 100 ms, reading the cache about 10. The cache file is a pickle, so it lies in a
folder that only its owner may enter (the system's shared temporary folder would let others plant
code), it carries its own digest, and it is replaced in one step. No cache is never an error.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import stat
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import lark

from eqspec import __version__
from eqspec.resources import resource_text
from eqspec.syntax.build import ACTIONS

GRAMMAR_FILE = "eqs.lark"
_DIGEST_LENGTH = 32


@lru_cache(maxsize=1)
def lark_parser() -> lark.Lark:
    """The parser of the language; its actions build `eqspec.syntax.tree` values as it runs."""
    return _parser(actions=True)


@lru_cache(maxsize=1)
def concrete_parser() -> lark.Lark:
    """The parser without actions: it gives every token of a correct file, as the formatter needs it."""
    return _parser(actions=False)


def _parser(*, actions: bool) -> lark.Lark:
    grammar = resource_text("grammars", GRAMMAR_FILE)
    path = cache_file(grammar)
    if path is None:
        return build(grammar, actions=actions)
    cached = _read(path, actions)
    if cached is not None:
        return cached
    parser = build(grammar, actions=actions)
    _write(path, parser)
    return parser


def build(grammar: str, *, strict: bool = False, actions: bool = True) -> lark.Lark:
    """The parser from the text of its grammar. ``strict`` (tests) refuses every conflict."""
    return lark.Lark(
        grammar,
        parser="lalr",
        lexer="contextual",
        keep_all_tokens=True,  # the builder takes spans from the first and last token
        maybe_placeholders=False,
        transformer=_transformer() if actions else None,
        strict=strict,
    )


def cache_folder() -> Path | None:
    """`$XDG_CACHE_HOME/eqspec` or `~/.cache/eqspec`, private to the user, or None."""
    try:
        root = os.environ.get("XDG_CACHE_HOME")
        folder = (
            Path(root) if root and Path(root).is_absolute() else Path.home() / ".cache"
        ) / "eqspec"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.stat()
        if hasattr(os, "getuid"):
            if state.st_uid != os.getuid():
                return None
            if stat.S_IMODE(state.st_mode) & 0o077:
                folder.chmod(0o700)
    except (OSError, RuntimeError):  # RuntimeError: no home folder
        return None
    return folder


def cache_file(grammar: str) -> Path | None:
    """The cache file of this grammar under this eqspec, lark and Python."""
    folder = cache_folder()
    if folder is None:
        return None
    python = "{}.{}".format(*sys.version_info[:2])
    key = "\n".join((__version__, lark.__version__, sys.implementation.name, python, grammar))
    return folder / f"grammar-{hashlib.sha256(key.encode()).hexdigest()[:24]}.bin"


def _transformer() -> SimpleNamespace:
    return SimpleNamespace(**ACTIONS)


def _read(path: Path, actions: bool) -> lark.Lark | None:
    try:
        content = path.read_bytes()
        body = content[_DIGEST_LENGTH:]
        if hashlib.sha256(body).digest() != content[:_DIGEST_LENGTH]:
            return None
        stored = pickle.loads(body)
        # `Lark.load` takes no options and the actions cannot be pickled: the step below it does
        parser = lark.Lark.__new__(lark.Lark)
        return parser._load(stored, transformer=_transformer() if actions else None)
    except Exception:  # whatever a damaged or foreign file holds, the grammar can still be built
        return None


def _write(path: Path, parser: lark.Lark) -> None:
    buffer = io.BytesIO()
    temporary: str | None = None
    try:
        parser.save(buffer, exclude_options={"transformer"})
        body = buffer.getvalue()
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(body).digest() + body)
        os.replace(temporary, path)
    except (OSError, pickle.PicklingError):
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
