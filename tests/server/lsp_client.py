"""A real client for the tests: it starts `eqspec lsp` as an editor does, and remembers what it is told."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

WAIT = 30.0


class Client(LanguageClient):
    """An editor with one folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__("tests", "1")
        self.folder = folder
        self.told: dict[str, list[lsp.PublishDiagnosticsParams]] = {}
        self.news = asyncio.Event()
        self.registered: list[str] = []
        self.errors: list[str] = []

        @self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(params: lsp.PublishDiagnosticsParams) -> None:
            self.told.setdefault(params.uri, []).append(params)
            self.news.set()

        @self.feature(lsp.CLIENT_REGISTER_CAPABILITY)
        def registered(params: lsp.RegistrationParams) -> None:
            self.registered += [one.method for one in params.registrations]

        @self.feature(lsp.WINDOW_SHOW_MESSAGE)
        def shown(params: lsp.ShowMessageParams) -> None:
            self.errors.append(params.message)

    async def begin(self, encodings: list[str] | None = None) -> lsp.InitializeResult:
        await self.start_io(sys.executable, "-m", "eqspec", "lsp")
        general = lsp.GeneralClientCapabilities(position_encodings=encodings)  # type: ignore[arg-type]
        watching = lsp.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
        workspace = lsp.WorkspaceClientCapabilities(did_change_watched_files=watching)
        uri = self.folder.as_uri()
        result = await self.initialize_async(
            lsp.InitializeParams(
                capabilities=lsp.ClientCapabilities(general=general, workspace=workspace),
                root_uri=uri,
                workspace_folders=[lsp.WorkspaceFolder(uri, "tests")],
            )
        )
        self.initialized(lsp.InitializedParams())
        return result

    async def end(self) -> None:
        await self.shutdown_async(None)
        self.exit(None)
        await asyncio.wait_for(self.stop(), WAIT)

    # ---- texts ----------------------------------------------------------------------------------

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str) -> lsp.TextDocumentIdentifier:
        document = lsp.TextDocumentItem(self.uri(name), "eqs", 1, text)
        self.text_document_did_open(lsp.DidOpenTextDocumentParams(document))
        return lsp.TextDocumentIdentifier(document.uri)

    def change(self, name: str, text: str, version: int) -> None:
        self.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                lsp.VersionedTextDocumentIdentifier(version, self.uri(name)),
                [lsp.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    async def diagnostics(self, name: str, version: int | None) -> list[lsp.Diagnostic]:
        """What is said about a version of a file, as soon as it is."""
        uri = self.uri(name)

        async def wait() -> list[lsp.Diagnostic]:
            while True:
                for params in reversed(self.told.get(uri, [])):
                    if params.version == version:
                        return list(params.diagnostics)
                self.news.clear()
                await self.news.wait()

        return await asyncio.wait_for(wait(), WAIT)

    def position(self, text: str, needle: str, number: int = 0, after: int = 0) -> lsp.Position:
        """Where the occurrence of this number stands, ``after`` characters further."""
        at = -1
        for _ in range(number + 1):
            at = text.index(needle, at + 1)
        at += after
        line = text.count("\n", 0, at)
        return lsp.Position(line, _units(text[text.rfind("\n", 0, at) + 1 : at]))


def _units(text: str) -> int:
    """The length in UTF-16, counted otherwise than in the server."""
    return len(text.encode("utf-16-le")) // 2


def edited(text: str, edits: list[Any]) -> str:
    """A text with the edits of an answer applied."""
    lines = [line.encode("utf-16-le") for line in text.split("\n")]
    encoded = b"\n\0".join(lines)

    def offset(position: lsp.Position) -> int:
        return sum(len(line) + 2 for line in lines[: position.line]) + 2 * position.character

    def start(edit: Any) -> tuple[int, int]:
        return edit.range.start.line, edit.range.start.character

    for edit in sorted(edits, key=start, reverse=True):
        new = edit.new_text.encode("utf-16-le")
        encoded = encoded[: offset(edit.range.start)] + new + encoded[offset(edit.range.end) :]
    return encoded.decode("utf-16-le")
