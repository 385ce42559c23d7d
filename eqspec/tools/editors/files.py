"""The files that editors read, printed from the vocabulary: paths below `editors/` and their text."""

from __future__ import annotations

import json
from collections.abc import Mapping

from eqspec.tools.editors.textmate import grammar


def generated() -> Mapping[str, str]:
    """Every generated file by its path below `editors/`."""
    textmate = json.dumps(grammar(), indent=2, ensure_ascii=False) + "\n"
    return {"vscode/syntaxes/eqs.tmLanguage.json": textmate}
