"""Helpers: certificates of texts, and edited ones whose hashes are right."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from eqspec.diagnostics.model import Source
from eqspec.emit.certificate.document import canonical, certificate_text, claims
from eqspec.pipeline import check_source
from eqspec.verify.reading import HEADER


def record_of(text: str) -> dict[str, Any]:
    """The record of the certificate of a spec, without files."""
    checked = check_source(Source("x.eqs", text))
    assert checked.spec is not None and checked.ok, [d.message for d in checked.diagnostics]
    found: dict[str, Any] = json.loads(
        certificate_text(claims(checked.spec, "x.eqs"), [], "0" * 64, False)
    )
    return found


def remade(record: dict[str, Any]) -> str:
    """The record as a certificate whose hashes are right."""
    body = {key: value for key, value in record.items() if key not in HEADER}
    rest = canonical(body).removeprefix("{\n") + "\n"
    head = {key: record[key] for key in HEADER}
    head["content_sha256"] = hashlib.sha256(rest.encode()).hexdigest()
    return "{\n" + "".join(f" {json.dumps(k)}: {json.dumps(v)},\n" for k, v in head.items()) + rest
