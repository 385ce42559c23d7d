"""A certificate, checked from beginning to end.

In: the bytes of a certificate, and of the files beside it by name. Out: a `Report`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from eqspec.verify.actions import check_actions, check_groups
from eqspec.verify.claims import check_modules
from eqspec.verify.exact import NoMatrix
from eqspec.verify.parsing import certificate_of
from eqspec.verify.reading import Malformed, read, unified
from eqspec.verify.record import Certificate
from eqspec.verify.report import Report


def verify_certificate(
    data: bytes, files: Mapping[str, bytes], sources: Mapping[str, bytes] | None = None
) -> Report:
    """Check a certificate and the files of which it speaks.

    ``files`` are the emitted files by name, ``sources`` the texts of the spec by path (None: they are not
    at hand). A file of which the certificate speaks and that is not given is reported as not looked at.
    """
    report = Report()
    try:
        certificate = certificate_of(read(data))
    except Malformed as error:
        report.wrong("file", "certificate", str(error))
        return report
    check_files(certificate, files, report)
    check_sources(certificate, sources, report)
    try:
        check_groups(certificate, report)
        check_actions(certificate, report)
        check_modules(certificate, report)
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, NoMatrix) as error:
        # values that fit the form and no mathematics: whatever they are, they prove nothing
        report.wrong("form", "certificate", f"its values make no sense together: {error}")
    return report


def check_files(certificate: Certificate, files: Mapping[str, bytes], report: Report) -> None:
    for name, (kind, wanted) in certificate.files.items():
        if name not in files:
            report.trust(f"{name} was not looked at: it is not there")
        elif hashlib.sha256(unified(files[name])).hexdigest() != wanted:
            report.wrong(
                "file", name, f"this is not the {_WORDS.get(kind, kind)} that was certified"
            )
        else:
            report.show("file")


_WORDS = {"module": "module", "tests": "file of tests", "actions": "file of symmetry functions"}


def check_sources(
    certificate: Certificate, sources: Mapping[str, bytes] | None, report: Report
) -> None:
    """The texts of the spec: each, and all together in the order in which they are listed."""
    if sources is None or certificate.sources.keys() - sources.keys():
        report.trust("the spec was not looked at: it is not there")
        return
    whole = hashlib.sha256()
    for path, wanted in certificate.sources.items():
        text = sources[path].removeprefix(b"\xef\xbb\xbf")
        whole.update(text)
        if hashlib.sha256(text).hexdigest() != wanted:
            report.wrong("file", path, "the spec has changed since the certificate was written")
            return
        report.show("file")
    if whole.hexdigest() != certificate.spec_hash:
        report.wrong("file", certificate.spec, "the first lines name another spec")
