"""`python -m eqspec.verify NAME.certificate.json ...`: the verifier without the rest of eqspec.

Looks at the certificates and at the emitted files beside them; exit code 1 if anything is wrong.
"""

from __future__ import annotations

import sys
from pathlib import Path

from eqspec.verify.check import verify_certificate


def main(paths: list[str]) -> int:
    if not paths or paths[0].startswith("-"):
        sys.stderr.write((__doc__ or "").split("\n", 1)[0] + "\n")
        return 2
    code = 0
    for path in map(Path, paths):
        try:
            data = path.read_bytes()
            beside = {f.name: f.read_bytes() for f in path.parent.glob("*.py") if f.is_file()}
        except (OSError, ValueError) as error:
            sys.stderr.write(f"{path}: {error}\n")
            return 2
        report = verify_certificate(data, beside)
        for finding in report.findings:
            sys.stdout.write(f"{path}: {finding.part}: {finding.place}: {finding.message}\n")
        for reason, number in report.trusted.items():
            sys.stdout.write(f"{path}: not shown here: {reason} ({number})\n")
        shown = ", ".join(f"{number} {part}" for part, number in report.proved.items() if number)
        sys.stdout.write(f"{path}: {'verified' if report.ok else 'NOT VERIFIED'} ({shown})\n")
        code = code or int(not report.ok)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
