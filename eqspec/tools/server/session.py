"""What the editor has open, and what is known of it.

In: texts as the editor sends them. Out: for every text an `Analysis`: its tree, what the checker says,
its index. An analysis is made from a `Job`, which holds all that it reads of the editor, so that it may
run beside the typing; whoever started it throws it away if the text has changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path

from pygls.uris import to_fs_path

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.graph.memo import Memo
from eqspec.graph.model import Module, Node
from eqspec.limits import limited
from eqspec.pipeline import CheckResult, check_source, load
from eqspec.syntax import tree
from eqspec.syntax.parser import parse
from eqspec.syntax.reader import read_source, source_of_bytes
from eqspec.tools.checking import declared_names
from eqspec.tools.config import config_for, excluded
from eqspec.tools.findings import chosen
from eqspec.tools.places import shown, spec_file, walk
from eqspec.tools.server.declaring import Reader
from eqspec.tools.server.indexing import index
from eqspec.tools.server.lookup import Lookup
from eqspec.tools.server.positions import UTF16, Positions
from eqspec.tools.server.symbols import FileNames, Index, Occurrence, Symbol

MAX_FILES = 2_000  # of a workspace, for symbols and references


@dataclass(eq=False)
class Document:
    """A text that is open in the editor; ``path`` is None for one that was never saved."""

    uri: str
    path: Path | None
    text: str
    version: int
    memo: Memo = field(default_factory=Memo)
    analysis: Analysis | None = None


@dataclass(frozen=True, eq=False)
class Job:
    """A text to analyse, with the texts that are open beside it."""

    uri: str
    path: Path | None
    text: str
    version: int
    memo: Memo
    buffers: Mapping[Path, str]
    encoding: str = UTF16


@dataclass(frozen=True, eq=False)
class Analysis:
    """All that is known of one version of a text. ``elsewhere`` are messages about files that it uses;
    ``read`` gives their trees as they were."""

    uri: str
    version: int
    path: Path
    source: Source
    file: tree.File
    positions: Positions
    result: CheckResult
    diagnostics: tuple[Diagnostic, ...]
    elsewhere: Mapping[Path, tuple[Diagnostic, ...]]
    read: Reader

    @cached_property
    def index(self) -> Index:
        """Made when it is first asked for: the messages go out before."""
        return index(self.path, self.file, self.read)

    @property
    def uses_files(self) -> bool:
        return any(isinstance(item, tree.Use) for item in self.file.items)

    @property
    def elaborated(self) -> Mapping[str, tuple[Node, ...]]:
        """Of declarations that were refused, the nodes that came through: types, and no promise."""
        spec = self.result.spec
        return spec.refused if spec is not None else {}

    @cached_property
    def modules(self) -> dict[str, tuple[Module, ...]]:
        """The modules that are proved, by the name of their declaration: of a template every instance."""
        found: dict[str, tuple[Module, ...]] = {}
        for module in self.result.spec.modules if self.result.spec is not None else ():
            if module.source.path == self.source.path:
                found[module.name] = (*found.get(module.name, ()), module)
        return found

    def member_at(
        self, offset: int
    ) -> tuple[tree.Module | tree.Interface, tree.Member | None] | None:
        """The module or interface around an offset, and the member."""
        for item in self.file.items:
            if isinstance(item, tree.Module | tree.Interface) and (
                item.span.start <= offset <= item.span.end
            ):
                for member in item.members:
                    if member.span.start <= offset <= member.span.end:
                        return item, member
                return item, None
        return None


class Session:
    """The open documents of one editor."""

    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}
        self.folders: list[Path] = []
        self.encoding = UTF16

    # ---- texts ----------------------------------------------------------------------------------

    def put(self, uri: str, text: str, version: int) -> Document:
        """A text was opened, or has changed."""
        document = self.documents.get(uri)
        if document is None:
            document = self.documents[uri] = Document(uri, path_of(uri), text, version)
        document.text, document.version = clean(text), version
        return document

    def drop(self, uri: str) -> None:
        self.documents.pop(uri, None)

    def text_at(self, path: Path) -> str | None:
        """The text of a file, as the editor has it or else from the disk."""
        for document in self.documents.values():
            if document.path == path:
                return document.text
        source, _ = read_source(path, path.name)
        return source.text if source is not None else None

    def uri_of(self, path: Path) -> str:
        for document in self.documents.values():
            if document.path == path:
                return document.uri
        return path.as_uri()

    def users_of(self, path: Path | None) -> list[str]:
        """The open documents that use a file, directly or not."""
        return [
            document.uri
            for document in self.documents.values()
            if document.analysis is not None
            and path is not None
            and path != document.path
            and document.analysis.uses_files
            and any(file.path == path for file in files_of(document.analysis.index))
        ]

    # ---- analysis -------------------------------------------------------------------------------

    def job(self, uri: str) -> Job | None:
        document = self.documents.get(uri)
        if document is None:
            return None
        buffers = {d.path: d.text for d in self.documents.values() if d.path is not None}
        return Job(
            *(uri, document.path, document.text, document.version),
            *(document.memo, buffers, self.encoding),
        )

    def keep(self, analysis: Analysis) -> bool:
        """Take an analysis in; False if it is out of date."""
        document = self.documents.get(analysis.uri)
        if document is None or document.version != analysis.version:
            return False
        if document.text != analysis.source.text:
            return False
        document.analysis = analysis
        return True

    # ---- the whole workspace ----------------------------------------------------------------------

    def paths(self) -> Iterator[Path]:
        """Open specs, then those that lie in the folders of the workspace."""
        found: dict[Path, None] = {}
        for document in self.documents.values():
            if document.path is not None and document.path not in found:
                found[document.path] = None
                yield document.path
        for folder in self.folders:
            for path in walk(folder, ".eqs", excluded):
                if len(found) >= MAX_FILES:
                    return
                path = path.resolve()
                if path not in found:
                    found[path] = None
                    yield path

    def index_of(self, path: Path, word: str = "") -> Index | None:
        """The index of a file; None if it cannot be read, or if ``word`` does not occur in its text."""
        text = self.text_at(path)
        if text is None or word not in text:
            return None
        for document in self.documents.values():
            known = document.analysis
            if document.path == path and known is not None and known.source.text == text:
                return known.index
        return index(path, parsed(text, shown(path))[0], self.read)

    def index_now(self, document: Document) -> Index:
        """The index of a text as it is this moment; where it cannot be read, of the last that could."""
        path = document.path or Path("/", "untitled", document.uri.rpartition(":")[2])
        file, _ = parse(Source(shown(path), document.text))
        return index(path, file, self.read)

    def used_file_at(self, analysis: Analysis, offset: int) -> Path | None:
        """The file that a `use` at the offset names in its string."""
        for item in analysis.file.items:
            if isinstance(item, tree.Use) and item.file.span.start <= offset <= item.file.span.end:
                found = analysis.index.names.files.get(item.name.text)
                return found.path if found is not None else None
        return None

    def uses(self, analysis: Analysis) -> Iterator[tuple[Path, Span]]:
        """Every file that is used, directly or not, with the place of the `use` that leads to it."""
        for item in analysis.file.items:
            used = isinstance(item, tree.Use) and analysis.index.names.files.get(item.name.text)
            if isinstance(item, tree.Use) and used:
                for file in Lookup(used).every_file():
                    yield file.path, item.file.span

    def read(self, path: Path) -> tree.File | None:
        text = self.text_at(path)
        return parsed(text, shown(path))[0] if text is not None else None

    def occurrences(self, symbol: Symbol) -> Iterator[tuple[Index, Occurrence]]:
        """Every place of the workspace that names a symbol."""
        for path in dict.fromkeys((symbol.path, *self.paths())):
            found = self.index_of(path, symbol.name)
            if found is not None:
                yield from ((found, occurrence) for occurrence in found.of(symbol))


def analyse(job: Job) -> Analysis:
    """Check a text. Reads nothing of the session: it may run in another thread."""
    places: dict[str, Path] = {}

    def read(path: Path) -> tree.File | None:
        return loader(path, shown(path))[0]

    def loader(path: Path, name: str) -> tuple[tree.File | None, list[Diagnostic]]:
        places[name] = path
        text = job.buffers.get(path)
        return load(path, name) if text is None else parsed(text, name)

    path = job.path or Path("/", "untitled", job.uri.rpartition(":")[2])
    name = shown(path) if job.path is not None else path.name
    source, before = source_of_bytes(job.text.encode("utf-8", "replace"), name)
    if source is None or source.text != job.text:  # no text, or a mark in front of it
        source = Source(name, job.text)
    if before:
        before = [_here(found, source) for found in before]
        file, _ = parse(Source(name, "eqspec 1\n"))
        result = CheckResult(None, tuple(before), file)
    elif job.path is None:
        result = check_source(source, loader=loader, memo=job.memo)
    else:
        spec = spec_file(job.path)
        sizes = _sizes(job.path, source.text)
        with limited(config_for(path.parent).limits):
            result = check_source(source, path, spec.root, sizes, loader=loader, memo=job.memo)
    settings = config_for(path.parent)
    told = chosen(result.diagnostics, settings.select, settings.ignore)
    elsewhere: dict[Path, tuple[Diagnostic, ...]] = {}
    own: list[Diagnostic] = []
    for found in told:
        place = places.get(found.source.path)
        if found.source is source or place is None:
            own.append(found)
        else:
            elsewhere[place] = (*elsewhere.get(place, ()), found)
    file = result.file or parse(Source(name, "eqspec 1\n"))[0]
    return Analysis(
        *(job.uri, job.version, path, source, file, Positions(source.text, job.encoding)),
        *(result, tuple(own), elsewhere, read),
    )


def failed(job: Job, error: BaseException) -> Analysis:
    """What to say when eqspec itself fails at a text: a message, and nothing is claimed."""
    path = job.path or Path("/", "untitled")
    source = Source(shown(path), job.text)
    words = " ".join(str(error).split())[:200]
    fault = Diagnostic(
        "EQS599",
        f"internal error, please report: {type(error).__name__}: {words}",
        source,
        Span(0, min(len(job.text), 1)),
        "this is a fault of eqspec, not of your spec",
    )
    file, _ = parse(Source(shown(path), "eqspec 1\n"))
    result = CheckResult(None, (fault,), file)
    positions = Positions(job.text, job.encoding)
    return Analysis(
        *(job.uri, job.version, path, source, file, positions),
        *(result, (fault,), {}, lambda _: None),
    )


def files_of(found: Index) -> list[FileNames]:
    """The file of an index and all that it uses."""
    return Lookup(found.names).every_file()


@lru_cache(maxsize=256)
def parsed(text: str, name: str) -> tuple[tree.File, list[Diagnostic]]:
    return parse(Source(name, text))


def clean(text: str) -> str:
    """A text that can be encoded, with the same offsets: half of a surrogate pair and a byte order mark
    are replaced."""
    if text.startswith("\ufeff"):
        text = " " + text[1:]
    if text.isascii():
        return text
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def path_of(uri: str) -> Path | None:
    """The path of a `file:` address, links followed."""
    if not uri.startswith("file:"):
        return None
    try:
        path = to_fs_path(uri)
        return Path(path).resolve() if path and "\0" not in path else None
    except (OSError, ValueError, RuntimeError):
        return None


def _here(found: Diagnostic, source: Source) -> Diagnostic:
    end = len(source.text)
    return replace(
        found, source=source, span=Span(min(found.span.start, end), min(found.span.end, end))
    )


def _sizes(path: Path, text: str) -> dict[str, int]:
    """The sizes that the settings of the project set, as far as this file declares them."""
    settings = config_for(path.parent)
    known = declared_names(text) if settings.overrides else set()
    return {name: value for name, value in settings.overrides.items() if name in known}
