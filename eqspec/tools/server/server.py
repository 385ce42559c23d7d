"""The language server on the wire: texts come in, and what the checker says goes out.

Checks run in one thread beside the loop that reads the editor's messages. The newest text is checked:
while a check runs, changes are gathered, and what it found about an older text is thrown away. Requests
that need what the checker knows wait for the text as it was when they came; completion does not wait.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

from eqspec import __version__
from eqspec.diagnostics.model import Severity
from eqspec.limits import LimitReached
from eqspec.tools import config, places
from eqspec.tools.server.costs import costs_of
from eqspec.tools.server.diagnosing import diagnostic, failing_use
from eqspec.tools.server.positions import Positions
from eqspec.tools.server.session import (
    Analysis,
    Session,
    analyse,
    failed,
    parsed,
    path_of,
)
from eqspec.tools.server.symbols import Symbol

DEBOUNCE = 0.005
"""Seconds between a change and the check, so that changes that come together are checked together."""

PATIENCE = 10.0
"""Seconds for which a request waits for a check; then it has no answer."""

log = logging.getLogger(__name__)


class Server(LanguageServer):
    """One editor's server, with its documents."""

    def __init__(self) -> None:
        super().__init__(
            "eqspec", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full
        )
        self.session = Session()
        self.checking = ThreadPoolExecutor(1, "eqspec-check")
        self.costing = ThreadPoolExecutor(1, "eqspec-cost")
        self.dirty: dict[str, None] = {}  # in order of the last change
        self.settled: dict[str, asyncio.Event] = {}
        self.task: asyncio.Task[None] | None = None
        self.costs: dict[str, tuple[int, Mapping[tuple[str, str], Mapping[str, int]]]] = {}
        self.warm = False
        self.told: dict[str, set[Path]] = {}  # used files about which a document has messages

    # ---- checking -------------------------------------------------------------------------------

    def touch(self, uri: str) -> None:
        """The text changed, or a file that it uses: check it."""
        self.dirty.pop(uri, None)
        self.dirty[uri] = None
        self.settled.setdefault(uri, asyncio.Event()).clear()
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._check_all())

    async def _check_all(self) -> None:
        """Check until nothing is left; the text that changed last comes first."""
        loop = asyncio.get_running_loop()
        while self.dirty:
            await asyncio.sleep(DEBOUNCE)
            if not self.dirty:
                return
            uri, _ = self.dirty.popitem()
            job = self.session.job(uri)
            if job is None:
                continue
            try:
                analysis = await loop.run_in_executor(self.checking, analyse, job)
            except (
                Exception,
                LimitReached,
            ) as error:  # a fault of eqspec: say so, and go on with the next text
                log.error("%s", traceback.format_exc())
                analysis = failed(job, error)
            if uri in self.dirty or not self.session.keep(analysis):
                continue  # the text is another one by now
            self._publish(analysis)
            self.settled.setdefault(uri, asyncio.Event()).set()
            if not self.warm:  # what the first check has loaded stays: the collector may skip it
                self.warm = True
                gc.collect()
                gc.freeze()

    async def analysis(self, uri: str) -> Analysis | None:
        """What is known of the text as it is now; None for a text that is not open."""
        while uri in self.session.documents:
            document = self.session.documents[uri]
            known = document.analysis
            if known is not None and known.source.text == document.text and uri not in self.dirty:
                return known
            try:
                waiting = self.settled.setdefault(uri, asyncio.Event()).wait()
                await asyncio.wait_for(waiting, PATIENCE)
            except TimeoutError:
                return None
        return None

    def _publish(self, analysis: Analysis) -> None:
        """Tell the editor about a text, and about the files that it uses."""
        path = self.session.documents[analysis.uri].path
        own = [diagnostic(d, analysis.positions, analysis.uri) for d in analysis.diagnostics]
        own += self._failing_uses(analysis)
        own += self._from_users(path, analysis.uri, analysis.source.text)
        self._send(analysis.uri, own, analysis.version)
        before = self.told.pop(analysis.uri, set())
        if analysis.elsewhere:
            self.told[analysis.uri] = set(analysis.elsewhere)
        for used in before | set(analysis.elsewhere):
            self._publish_used(used)

    def _publish_used(self, path: Path) -> None:
        """The messages about a file, after those who use it have found others."""
        uri = self.session.uri_of(path)
        document = self.session.documents.get(uri)
        if document is None:
            self._send(uri, self._from_users(path, uri, None), None)
        elif document.analysis is not None and uri not in self.dirty:
            analysis = document.analysis
            own = [diagnostic(d, analysis.positions, uri) for d in analysis.diagnostics]
            own += self._failing_uses(analysis)
            own += self._from_users(path, uri, document.text)
            self._send(uri, own, document.version)

    def _from_users(self, path: Path | None, uri: str, text: str | None) -> list[lsp.Diagnostic]:
        """What the checks of other texts found in a file: a template is checked where it is called.
        A message about another ``text`` of it is out of date."""
        found: dict[tuple[str, int, str], lsp.Diagnostic] = {}
        for document in self.session.documents.values():
            if document.analysis is None or path is None or document.uri == uri:
                continue
            known = self.session.documents.get(uri)
            said = known.analysis.diagnostics if known and known.analysis else ()
            own = {(d.code, d.span.start, d.message) for d in said}
            for one in document.analysis.elsewhere.get(path, ()):
                key = (one.code, one.span.start, one.message)
                if key in own or (text is not None and one.source.text != text):
                    continue
                where = Positions(one.source.text, self.session.encoding)
                found.setdefault(key, diagnostic(one, where, uri))
        return list(found.values())

    def _failing_uses(self, analysis: Analysis) -> list[lsp.Diagnostic]:
        """At every `use` of a file with errors, where they are."""
        if not analysis.elsewhere:
            return []
        return [
            failing_use(analysis, span, self.session.uri_of(path), analysis.elsewhere[path])
            for path, span in self.session.uses(analysis)
            if any(d.severity is Severity.ERROR for d in analysis.elsewhere.get(path, ()))
        ]

    def _send(self, uri: str, found: list[lsp.Diagnostic], version: int | None) -> None:
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, found, version))

    # ---- help for the features ------------------------------------------------------------------

    async def cost(self, analysis: Analysis) -> Mapping[tuple[str, str], Mapping[str, int]]:
        """What the nodes cost, if it is known soon; else it is there for the next question."""
        known = self.costs.get(analysis.uri)
        if known is not None and known[0] == analysis.version:
            return known[1]
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self.costing, costs_of, analysis)

        def keep(done: asyncio.Future[Any]) -> None:
            if not done.cancelled() and done.exception() is None:
                self.costs[analysis.uri] = (analysis.version, done.result())

        future.add_done_callback(keep)
        self.costs[analysis.uri] = (analysis.version, {})
        try:
            return await asyncio.wait_for(asyncio.shield(future), 0.5)
        except Exception:
            return {}

    def location(self, symbol: Symbol) -> lsp.Location:
        text = self.session.text_at(symbol.path) or ""
        positions = Positions(text, self.session.encoding)
        return lsp.Location(self.session.uri_of(symbol.path), positions.range(symbol.span))

    def forget_files(self) -> None:
        """Files on the disk have changed: settings and used files are read again."""
        config.forget()
        places.project_of.cache_clear()
        for uri in list(self.session.documents):
            self.touch(uri)


# ---- documents -------------------------------------------------------------------------------------


def documents(server: Server) -> None:
    """Register what tells the server of texts."""
    session = server.session

    @server.feature(lsp.INITIALIZED)
    def initialized(_: lsp.InitializedParams) -> None:
        encoding = (
            server.workspace.position_encoding
        )  # pygls gives a member of the enum, or its value
        session.encoding = str(getattr(encoding, "value", encoding))
        folders = [folder.uri for folder in server.workspace.folders.values()]
        if not folders and server.workspace.root_uri:
            folders = [server.workspace.root_uri]
        session.folders = [path for uri in folders if (path := path_of(uri)) is not None]
        server.checking.submit(parsed, "eqspec 1\n", "")  # loads the grammar
        watching = server.client_capabilities.workspace
        files = watching.did_change_watched_files if watching is not None else None
        if files is not None and files.dynamic_registration:
            watchers = [lsp.FileSystemWatcher(glob) for glob in ("**/*.eqs", "**/pyproject.toml")]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
            server.client_register_capability(
                lsp.RegistrationParams(
                    [lsp.Registration("files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)]
                )
            )

    @server.feature(lsp.SHUTDOWN)
    def shut_down(*_: object) -> None:
        for pool in (server.checking, server.costing):
            pool.shutdown(wait=False, cancel_futures=True)

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        session.put(document.uri, document.text, document.version)
        server.touch(document.uri)
        _touch_users(document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        text = server.workspace.get_text_document(uri).source
        session.put(uri, text, params.text_document.version)
        _touch_users(uri)
        server.touch(uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        path = path_of(uri)
        session.drop(uri)
        server.dirty.pop(uri, None)
        server.costs.pop(uri, None)
        for waiting in (server.settled.pop(uri, None),):
            if waiting is not None:
                waiting.set()
        server._send(uri, [], None)
        for used in server.told.pop(uri, set()):
            server._publish_used(used)
        for user in session.users_of(path):
            server.touch(user)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    async def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        _touch_users(params.text_document.uri)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def watched(_: lsp.DidChangeWatchedFilesParams) -> None:
        server.forget_files()

    @server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configured(_: lsp.DidChangeConfigurationParams) -> None:
        """There is nothing to configure: settings are those of the project."""

    def _touch_users(uri: str) -> None:
        for user in session.users_of(path_of(uri)):
            server.touch(user)
