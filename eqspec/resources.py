"""The one place that finds files shipped beside the code: the grammar and the templates.

In a wheel they lie inside the package (hatchling's ``force-include``); in a checkout or an editable
install they lie at the root of the project, beside the package.
"""

from __future__ import annotations

from pathlib import Path


def resource_folder(name: str) -> Path:
    """The folder ``name`` ("grammars", "templates") in the package or, failing that, beside it.

    Raises:
        FileNotFoundError: the installation is broken; it lacks the folder in both places.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"the installation of eqspec lacks its folder '{name}'")


def resource_text(folder: str, name: str) -> str:
    """The text of a shipped file, for example ``resource_text("grammars", "eqs.lark")``."""
    return (resource_folder(folder) / name).read_text(encoding="utf-8")
