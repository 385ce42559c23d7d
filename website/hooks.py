"""What mkdocs calls while it builds the site.

The pages of the repository link to each other and to the code as they lie in the tree, so that they can be
read there. The site is made of the folder `docs`, of pages that lie elsewhere (examples, diagnostics, the
changelog), and of a page for every source file that one of them links to. `mount.py` says which page of the
site a file of the repository becomes; here its links are turned accordingly.
"""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pygments.lexers import LEXERS

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # mkdocs runs a hook by its path: its neighbours are found from here

from website import mount, pictures  # noqa: E402

# The lexer of the specs, also where the package is not installed and has no entry points.
LEXERS["EqsLexer"] = ("eqspec.tools.editors.pygments_lexer", "eqspec", ("eqs",), ("*.eqs",), ())

ORIGIN: dict[str, str] = {}  # page of the site -> file of the repository


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Write the patterns of the navigation out."""
    if config.nav is not None:
        config.nav = mount.expanded(config.nav, [mount.page_of(path) for path in mount.pages(ROOT)])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that do not lie in `docs`."""
    ORIGIN.clear()
    for path in mount.pages(ROOT):
        page = mount.page_of(path)
        ORIGIN[page] = path
        if files.get_file_from_path(page) is None:
            text = (ROOT / path).read_text(encoding="utf-8")
            files.append(File.generated(config, page, content=text))
    for path in mount.sources(ROOT):
        page = mount.page_of(path)
        content = mount.source_page(ROOT, path)
        files.append(File.generated(config, page, content=content))
    files.append(File.generated(config, "assets/pictures.css", content=pictures.colours()))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Turn the links of a page, which lead through the repository, into links of the site, and draw
    its pictures."""
    here = page.file.src_uri
    origin = ORIGIN.get(here)
    text = markdown if origin is None else mount.relink(markdown, PurePosixPath(origin))
    return pictures.with_pictures(text)


def on_post_build(config: MkDocsConfig) -> None:
    """Give the index of the search as a script, too: a page that is read from a folder may load that and
    nothing else."""
    folder = Path(config.site_dir) / "search"
    index = (folder / "search_index.json").read_text(encoding="utf-8")
    (folder / "search_index.js").write_text(f"var __index = {index}", encoding="utf-8")
