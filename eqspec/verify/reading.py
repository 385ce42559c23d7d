"""From the bytes of a certificate to its record: strict JSON, one way to write it, its own hash.

In: bytes. Out: the record as plain values. `Malformed` says why the bytes are no certificate, or not the
one that was written: a certificate has one text only, so that a change of a single byte is found
even where it changes no value.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

MOST_BYTES = 256 * 1024 * 1024
WIDTH = 110
HEADER = ("generated_by", "spec_sha256", "content_sha256")


class Malformed(ValueError):  # noqa: N818 - says what the bytes are
    """The bytes are no certificate; the message says why."""


def read(data: bytes) -> dict[str, Any]:
    """The record behind the three lines of the header, which are checked against it."""
    if len(data) > MOST_BYTES:
        raise Malformed(f"it is larger than {MOST_BYTES // 1024 // 1024} MiB")
    data = unified(data)
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise Malformed(f"byte {error.start} is no ASCII character") from None
    value = _parsed(text)
    if not isinstance(value, dict) or tuple(value)[:3] != HEADER:
        raise Malformed("it does not begin as a certificate does")
    try:
        written = canonical(value) + "\n"
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    if written != text:
        raise Malformed("it is not written as eqspec writes certificates")
    lines = text.split("\n", 4)
    found = hashlib.sha256(lines[4].encode("ascii")).hexdigest()
    if found != value["content_sha256"]:
        raise Malformed("it was edited: its content does not have the hash that it states")
    body = {key: item for key, item in value.items() if key not in HEADER}
    wanted = f"eqspec {body.get('eqspec')} from {body.get('spec')}. DO NOT EDIT."
    if value["generated_by"] != wanted:
        raise Malformed("its first line disagrees with its content")
    if not is_hash(value["spec_sha256"]):
        raise Malformed("its hash of the spec is none")
    return value


def unified(data: bytes) -> bytes:
    """The bytes with line ends of one character, if a version control system turned all of them."""
    if data.count(b"\r\n") == data.count(b"\n") and data.count(b"\r") == data.count(b"\n"):
        return data.replace(b"\r\n", b"\n")
    return data


def is_hash(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def _parsed(text: str) -> Any:
    try:
        return json.loads(
            text, object_pairs_hook=_distinct, parse_float=_no_number, parse_constant=_no_number
        )
    except Malformed:
        raise
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    except ValueError as error:
        raise Malformed(f"it is no JSON: {error}") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Malformed("a member stands twice in one object")
    return found


def _no_number(text: str) -> Any:
    raise Malformed(f"{text} is no exact number")


def canonical(value: Any, depth: int = 0) -> str:
    """The one text of a record, as docs/certificate.md describes it."""
    line = json.dumps(value)
    if isinstance(value, dict):
        if depth and depth + len(line) <= WIDTH:
            return line
        parts = [f"{json.dumps(key)}: {canonical(item, depth + 1)}" for key, item in value.items()]
        return _spread("{", parts, "}", depth)
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        if depth and depth + len(line) <= WIDTH:
            return line
        return _spread("[", [canonical(item, depth + 1) for item in value], "]", depth)
    return line


def _spread(left: str, parts: list[str], right: str, depth: int) -> str:
    inner = "\n" + " " * (depth + 1)
    return left + inner + f",{inner}".join(parts) + "\n" + " " * depth + right
