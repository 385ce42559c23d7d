"""`python -m eqspec.tools.editors`: write the generated files below `editors/` of a checkout anew."""

from __future__ import annotations

import sys
from pathlib import Path

from eqspec.tools.editors.files import generated


def main(folder: Path) -> int:
    for name, text in generated().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
            sys.stdout.write(f"Wrote {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[3] / "editors"))
