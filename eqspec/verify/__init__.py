"""An independent check of certificates: small, exact, pure Python, and nothing of the compiler.

    reading.py      bytes to a record: strict JSON, canonical text, hashes
    record.py       the record as values; whatever has another form is no certificate (`parsing.py`)
    exact.py        signed permutations, motions of grids, rational matrices; `arithmetic.py` multiplies them
    groups.py       orders: elements one by one, or Schreier and Sims
    actions.py      are the matrices representations, and of commuting factors?
    counting.py     dimensions of spaces of equivariant maps, counted anew
    types.py        blocks and axes: equality of actions, entries of generators, forms
    laws/           the law of every op, on the types that the certificate states
    levels.py       guarantees, composed anew
    claims.py       modules, outputs, promises, assumptions
    check.py        everything in order, and a report

This room imports the standard library and itself. `lint-imports` holds it: an error of the compiler
cannot hide in code that the compiler and its checker share. It runs alone as well:
`python -m eqspec.verify NAME.certificate.json`.
"""

from __future__ import annotations

from eqspec.verify.check import verify_certificate
from eqspec.verify.report import Finding, Report

__all__ = ["Finding", "Report", "verify_certificate"]
