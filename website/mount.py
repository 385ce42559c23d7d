"""Which page of the site a file of the repository becomes, and its links.

Pure text and paths: nothing here knows mkdocs.
"""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

# Where the pages lie that are no part of `docs`: a pattern in the repository.
ELSEWHERE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "examples/*/README.md",
    "eqspec/diagnostics/pages/EQS*.md",
)
FENCE = re.compile(r"^(```|~~~).*?^\1[ ]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^)\s]+)\)")
LANGUAGES = {".py": "python", ".eqs": "eqs", ".toml": "toml", ".yml": "yaml", ".json": "json"}


def page_of(path: str) -> str:
    """The page of the site, by its source path, that a file of the repository becomes.

    >>> page_of("docs/language.md"), page_of("CHANGELOG.md"), page_of("examples/go/README.md")
    ('language.md', 'changelog.md', 'examples/go.md')
    >>> page_of("eqspec/diagnostics/pages/EQS401.md"), page_of("examples/go/go.eqs")
    ('diagnostics/EQS401.md', 'source/examples/go/go.eqs.md')
    """
    parts = PurePosixPath(path).parts
    match parts:
        case ("docs", *rest):
            return "/".join(rest)
        case (name,) if name.endswith(".md"):
            return name.lower()
        case ("examples", name, "README.md"):
            return f"examples/{name}.md"
        case ("eqspec", "diagnostics", "pages", name):
            return f"diagnostics/{name}"
        case _:
            return f"source/{path}.md"


def pages(root: Path) -> Iterator[str]:
    """Every file of the repository that is written as a page."""
    for pattern in ("docs/**/*.md", *ELSEWHERE):
        for file in sorted(root.glob(pattern)):
            yield file.relative_to(root).as_posix()


def expanded(nav: list[Any], known: list[str]) -> list[Any]:
    """The navigation with every pattern replaced by the pages that it fits and that nothing else names."""
    named = {entry for entry in _leaves(nav) if "*" not in entry}

    def fit(pattern: str) -> list[Any]:
        return [page for page in known if fnmatch(page, pattern) and page not in named]

    def expand(entry: Any) -> list[Any]:
        match entry:
            case str():
                return fit(entry) if "*" in entry else [entry]
            case dict():
                ((title, value),) = entry.items()
                if isinstance(value, str):
                    return [{title: fit(value) if "*" in value else value}]
                return [{title: [leaf for part in value for leaf in expand(part)]}]
            case _:
                raise TypeError(f"the navigation holds {entry!r}")

    return [leaf for entry in nav for leaf in expand(entry)]


def _leaves(nav: Any) -> Iterator[str]:
    match nav:
        case str():
            yield nav
        case dict():
            for value in nav.values():
                yield from _leaves(value)
        case _:
            for value in nav:
                yield from _leaves(value)


def links(text: str) -> Iterator[re.Match[str]]:
    """The links of a page outside of its code."""
    code = [match.span() for match in FENCE.finditer(text)]
    for match in LINK.finditer(text):
        if not any(start <= match.start() < end for start, end in code):
            yield match


def target_of(target: str, origin: PurePosixPath) -> tuple[str, str] | None:
    """The file of the repository that a link names, and the anchor; None if it leads elsewhere."""
    path, _, anchor = target.partition("#")
    if not path or re.match(r"[a-z][a-z0-9+.-]*:|/", path):
        return None
    return posixpath.normpath((origin.parent / path).as_posix()), anchor


def sources(root: Path) -> list[str]:
    """The files that pages link to and that are no pages: they get one, with their text."""
    written = set(pages(root))
    found: set[str] = set()
    for page in written:
        for match in links((root / page).read_text(encoding="utf-8")):
            target = target_of(match["target"], PurePosixPath(page))
            if target is None or target[0] in written or target[0].startswith("docs/"):
                continue
            file = root / target[0]
            if file.is_file() and file.resolve().is_relative_to(root):
                found.add(target[0])
    return sorted(found)


def source_page(root: Path, path: str) -> str:
    """A page with the text of one file."""
    text = (root / path).read_text(encoding="utf-8").rstrip("\n")
    language = LANGUAGES.get(PurePosixPath(path).suffix, "text")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"# {html.escape(path)}\n\n{fence}{language}\n{text}\n{fence}\n"


def relink(text: str, origin: PurePosixPath) -> str:
    """The text of a page with links from its page of the site to others, instead of through the
    repository."""
    folder = posixpath.dirname(page_of(origin.as_posix()))

    def turn(match: re.Match[str]) -> str:
        target = target_of(match["target"], origin)
        if target is None:
            return match[0]
        path, anchor = target
        if path.startswith("docs/") and not path.endswith(".md"):
            page = path.removeprefix("docs/")
        else:
            page = page_of(path)
        to = posixpath.relpath(page, folder or ".")
        return f"[{match['text']}]({to}{'#' if anchor else ''}{anchor})"

    chosen = {match.start(): match for match in links(text)}
    return LINK.sub(lambda m: turn(m) if m.start() in chosen else m[0], text)
