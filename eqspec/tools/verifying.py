"""`eqspec verify`: a module against its certificate, the certificate against mathematics and its spec.

Three looks, each independent of the one before:

1. `eqspec.verify`, which shares no code with the compiler, reads the certificate: hashes of all files,
   groups, representations, dimensions, laws, levels, promises, assumptions.
2. The front end checks the spec again, and its claims must be those of the certificate.
3. The spec is compiled again, and the files must be the same byte for byte.

In: paths and flags. Out: findings, a summary of what was shown and what was not, an exit code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from eqspec import __version__
from eqspec.diagnostics.model import Diagnostic, Severity, Source, Span
from eqspec.diagnostics.render import diagnostic_record
from eqspec.emit.certificate.document import SUFFIX
from eqspec.pipeline import CheckResult, check_file
from eqspec.tools.aiming import aim_of
from eqspec.tools.config import config_for
from eqspec.tools.findings import Reporting, exit_code, out, report, say
from eqspec.tools.places import SpecFile, project_of, shown, spec_file
from eqspec.tools.run import reporting_of, run_config
from eqspec.verify import Report, verify_certificate

CODES = {
    "file": "EQS522",
    "form": "EQS523",
    "group": "EQS523",
    "representation": "EQS523",
    "dimension": "EQS523",
    "op": "EQS523",
    "level": "EQS524",
    "promise": "EQS524",
    "assumption": "EQS525",
}
"""The code of a finding of `eqspec.verify`, by the part that it is about."""


AGAIN = (
    "compile the spec again; if it was compiled with `--lowering`, `--batch`, `--device` or `--for`, give"
    " the same flags here"
)


@dataclass
class Verified:
    """A module with what was found; ``compared`` and ``rebuilt`` say which looks were taken, ``spec``
    with which spec."""

    path: Path
    report: Report
    diagnostics: list[Diagnostic] = field(default_factory=list)
    compared: bool = False
    rebuilt: bool = False
    spec: str = ""
    sizes: dict[str, int] = field(default_factory=dict)


def run_verify(
    paths: Sequence[str], spec: str | None, looks: str, flags: Mapping[str, Any], as_json: bool
) -> int:
    """``looks`` is "certificate", "spec" or "rebuild": how far to go."""
    reporting = reporting_of(flags, run_config(paths))
    found = [verify_module(Path(path), spec, looks, flags) for path in paths]
    diagnostics = [one for each in found for one in each.diagnostics]
    if as_json:
        out(_as_json(found))
        return exit_code(diagnostics, reporting)
    left = report(diagnostics, reporting)
    for each in found:
        _summary(each, reporting)
    return exit_code(left, reporting)


def verify_module(
    path: Path,
    spec: str | None = None,
    looks: str = "rebuild",
    flags: Mapping[str, Any] = MappingProxyType({}),
) -> Verified:
    """Verify a module, or the certificate itself; ``flags`` say for what it was compiled (`aiming`)."""
    stem = path.name.removesuffix(SUFFIX).removesuffix(".py")
    certificate = path.with_name(f"{stem}{SUFFIX}")
    found = Verified(path, Report())
    try:
        data = certificate.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        help_ = "`eqspec compile --emit module,tests,certificate` writes one"
        found.diagnostics.append(
            _about("EQS520", certificate, f"there is no certificate to read: {reason}", help_)
        )
        return found
    record = _record(data)
    names = _names(record)
    texts = {name: _bytes(path.parent / name) for name in names}
    files = {name: text for name, text in texts.items() if text is not None}
    place = None if looks == "certificate" else _spec_of(path, spec, record)
    found.report = verify_certificate(data, files, _sources(place, record))
    for finding in found.report.findings:
        found.diagnostics.append(_diagnostic(finding.part, finding.place, finding.message, path))
    if path.suffix == ".py" and path.name in names and path.name not in files:
        found.diagnostics.append(_about("EQS522", path, "the module cannot be read"))
    if path.suffix == ".py" and record and path.name not in names:
        message = "the certificate does not speak of this module"
        found.diagnostics.append(_about("EQS522", path, message))
    if place is not None:
        found.spec = shown(place.path)
        found.sizes = dict(record.get("sizes") or {}) if found.report.ok else {}
        own = path.with_name(f"{stem}.eqs")
        if spec is None and own.exists() and not _is_same_file(own, place.path):
            message = (
                f"it is of the spec `{found.spec}`, and `{shown(own)}` stands beside the module"
            )
            help_ = f"`--spec {found.spec}` if that is the one that is meant"
            found.diagnostics.append(_about("EQS528", certificate, message, help_))
    if looks != "certificate" and found.report.ok:
        _compare(found, path, place, record, looks, flags)
    return found


def _diagnostic(part: str, place: str, message: str, path: Path) -> Diagnostic:
    stem = path.name.removesuffix(SUFFIX).removesuffix(".py")
    certificate = path.with_name(f"{stem}{SUFFIX}")
    if part == "file":
        code, file = ("EQS521", certificate) if place == "certificate" else ("EQS522", path)
        if place not in ("certificate", path.name):
            file = path.with_name(place)
        return _about(code, file, message)
    return _about(CODES[part], certificate, f"{place}: {message}")


# ---- the spec ------------------------------------------------------------------------------------


def _compare(
    found: Verified,
    path: Path,
    place: SpecFile | None,
    record: dict[str, Any],
    looks: str,
    flags: Mapping[str, Any],
) -> None:
    """The second look and the third."""
    from eqspec.emit.certificate.document import claims

    stem = path.name.removesuffix(SUFFIX).removesuffix(".py")
    certificate = path.with_name(f"{stem}{SUFFIX}")
    help_ = "`--no-spec` checks the certificate and the files alone"
    if place is None:
        message = f"its spec `{record.get('spec')}` is not at hand"
        more = "`--spec PATH` says where it is; " + help_
        found.diagnostics.append(_about("EQS528", certificate, message, more))
        return
    if record.get("eqspec") != __version__:
        message = f"eqspec {record.get('eqspec')} wrote this certificate; this is {__version__}"
        more = f"compile the spec again, or install eqspec {record.get('eqspec')}; " + help_
        found.diagnostics.append(_about("EQS528", certificate, message, more))
        return
    checked = check_file(place.path, place.shown, place.root, record["sizes"])
    errors = [d for d in checked.diagnostics if d.severity is Severity.ERROR]
    if checked.spec is None or errors:
        message = "its spec has errors"
        found.diagnostics.append(_about("EQS528", certificate, message, "see `eqspec check`"))
        found.diagnostics += errors
        return
    derived = claims(checked.spec, record["spec"])
    claimed = {key: record.get(key) for key in derived}
    difference = first_difference(claimed, json.loads(json.dumps(derived)))
    if difference:
        message = f"the spec does not say what the certificate claims: {difference}"
        found.diagnostics.append(_about("EQS526", certificate, message))
        return
    found.compared = True
    if looks == "rebuild":
        _rebuild(found, path, checked, record, stem, flags)


def _rebuild(
    found: Verified,
    path: Path,
    checked: CheckResult,
    record: dict[str, Any],
    stem: str,
    flags: Mapping[str, Any],
) -> None:
    """Compile again; the files of the record must be those that come out, all of them and no other."""
    from eqspec.pipeline import compile_spec

    listed = {one["name"]: (one["kind"], one["sha256"]) for one in record["files"]}
    kinds = list(dict.fromkeys(one["kind"] for one in record["files"]))
    wrong: list[tuple[str, str]] | None = None
    refused: list[Diagnostic] = []
    aim = aim_of(flags, config_for(path.absolute().parent))
    # symmetry functions are of interfaces alone, or of modules too where they were asked for
    for emit in (None, kinds) if "actions" in kinds else (None,):
        result = compile_spec(checked, stem, record["spec"], emit, None, record["distributed"], aim)
        errors = [d for d in result.diagnostics if d.severity is Severity.ERROR]
        if errors:
            refused = refused or errors
            continue
        made = {file.name: (file.kind, _sha256(file.text)) for file in result.files}
        faults = _other_files(listed, made)
        if not faults:
            found.rebuilt = True
            return
        if wrong is None or len(faults) < len(wrong):
            wrong = faults
    if wrong is None:
        message = "its spec does not compile to files of these names and kinds"
        file = path.with_name(f"{stem}{SUFFIX}")
        found.diagnostics.append(_about("EQS528", file, message, "see `eqspec compile`"))
        found.diagnostics += refused
        return
    for name, message in wrong:
        file = path.with_name(name)
        found.diagnostics.append(_about("EQS527", file, message, AGAIN))


def _other_files(
    listed: Mapping[str, tuple[str, str]], made: Mapping[str, tuple[str, str]]
) -> list[tuple[str, str]]:
    """(name, message) for every file that stands in one of the two alone, or differs."""
    found = []
    for name, one in listed.items():
        if name not in made:
            found.append((name, "the spec does not compile to a file of this name"))
        elif made[name] != one:
            found.append((name, "this is not the file to which the spec compiles"))
    for name in made:
        if name not in listed:
            found.append((name, "the spec compiles to this file; the certificate does not name it"))
    return found


def first_difference(claimed: Any, derived: Any, place: str = "") -> str:
    """The first place at which two records differ, with both values; empty if there is none."""
    if type(claimed) is not type(derived):
        return f"{place.lstrip('.')} is {_short(claimed)}, by the spec {_short(derived)}"
    if isinstance(claimed, dict):
        for key in [*derived, *claimed]:
            if key not in claimed or key not in derived:
                whose = "the certificate" if key in claimed else "the spec"
                return f"{place.lstrip('.')}.{key} stands in {whose} alone".lstrip(".")
            found = first_difference(claimed[key], derived[key], f"{place}.{key}")
            if found:
                return found
        return ""
    if isinstance(claimed, list):
        for k, (a, b) in enumerate(zip(claimed, derived, strict=False)):
            name = a.get("name") if isinstance(a, dict) else None
            found = first_difference(a, b, f"{place}[{name if isinstance(name, str) else k}]")
            if found:
                return found
        if len(claimed) != len(derived):
            return f"{place.lstrip('.')} has {len(claimed)} entries, by the spec {len(derived)}"
        return ""
    if claimed != derived:
        return f"{place.lstrip('.')} is {_short(claimed)}, by the spec {_short(derived)}"
    return ""


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


# ---- files ---------------------------------------------------------------------------------------


def _record(data: bytes) -> dict[str, Any]:
    """The values of a certificate as far as they can be read, to find the files of which it speaks."""
    from eqspec.verify.reading import Malformed, read

    try:
        return read(data)
    except Malformed:
        return {}


def _names(record: dict[str, Any]) -> list[str]:
    listed = record.get("files")
    if not isinstance(listed, list):
        return []
    found = [one.get("name") for one in listed if isinstance(one, dict)]
    return [name for name in found if isinstance(name, str) and Path(name).name == name]


def _spec_of(path: Path, given: str | None, record: dict[str, Any]) -> SpecFile | None:
    """The spec: where the flag says, else where the certificate says, from the project or from here."""
    if given is not None:
        return spec_file(Path(given)) if Path(given).is_file() else None
    name = record.get("spec")
    if not isinstance(name, str) or Path(name).is_absolute() or ".." in Path(name).parts:
        return None
    folder = path.absolute().parent
    for root in dict.fromkeys((project_of(folder), folder)):
        if root is not None and (root / name).is_file():
            return spec_file(root / name)
    return None


def _sources(place: SpecFile | None, record: dict[str, Any]) -> dict[str, bytes] | None:
    """The texts of the spec by the paths by which the certificate names them."""
    listed = record.get("sources")
    if place is None or not isinstance(listed, list):
        return None
    found: dict[str, bytes] = {}
    for number, one in enumerate(listed):
        name = one.get("path") if isinstance(one, dict) else None
        if not isinstance(name, str) or ".." in Path(name).parts or Path(name).is_absolute():
            return None
        data = _bytes(place.path if number == 0 else place.root / name)
        if data is None:
            return None
        found[name] = data
    return found


def _is_same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except (OSError, ValueError):
        return False


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def _sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _about(code: str, path: Path, message: str, help: str | None = None) -> Diagnostic:
    return Diagnostic(code, message, Source(shown(path), ""), Span(0, 0), help=help)


# ---- what is said --------------------------------------------------------------------------------

WORDS = {
    "file": ("file", "unchanged since certification"),
    "group": ("group", "generated anew, and counted"),
    "representation": ("representation", "shown to be homomorphisms, with commuting factors"),
    "edge": ("edge", "classified anew"),
    "dimension": ("dimension", "counted anew"),
    "law": ("layer", "shown to commute with the group"),
    "level": ("guarantee", "composed anew"),
    "promise": ("output or promise", "kept"),
    "assumption": ("assumption", "stated"),
}


def _summary(found: Verified, reporting: Reporting) -> None:
    if reporting.format != "full":
        return
    name = shown(found.path)
    if found.diagnostics:
        say(f"{name}: not verified.")
        return
    lines = [f"{name}: verified."]
    for part, (noun, what) in WORDS.items():
        number = found.report.proved[part]
        if number:
            lines.append(f"  {number:>6,}  {_plural(number, noun)} {what}")
    if found.sizes:
        sizes = ", ".join(f"{key} = {value}" for key, value in sorted(found.sizes.items()))
        lines.append(f"          Sizes were set from outside of the spec: {sizes}.")
    if found.compared:
        lines.append(f"          The spec `{found.spec}`, checked again, makes the same claims.")
    if found.rebuilt:
        lines.append(f"          The spec `{found.spec}`, compiled again, gives the same files.")
    if found.report.trusted:
        lines.append("  Not shown here:")
        for reason, number in found.report.trusted.items():
            times = f" ({number} times)" if number > 1 else ""
            lines.append(f"    - {reason}{times}")
    out("\n".join(lines) + "\n")


def _plural(number: int, noun: str) -> str:
    if number == 1:
        return noun
    return "outputs and promises" if noun == "output or promise" else f"{noun}s"


def _as_json(found: Sequence[Verified]) -> str:
    records = [
        {
            "module": shown(each.path),
            "verified": not each.diagnostics,
            "spec": each.spec or None,
            "shown": {part: each.report.proved[part] for part in WORDS},
            "compared_with_spec": each.compared,
            "rebuilt": each.rebuilt,
            "trusted": [{"what": k, "times": n} for k, n in each.report.trusted.items()],
            "diagnostics": [diagnostic_record(one) for one in each.diagnostics],
        }
        for each in found
    ]
    return json.dumps({"schema": 1, "modules": records}, indent=2, ensure_ascii=False) + "\n"
