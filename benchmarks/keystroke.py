"""The language server at every key: from a change of the text to the diagnostics in the editor."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median as middle

from benchmarks.measure import Effort, median, ratio, side_by_side
from benchmarks.specs import many_modules
from benchmarks.tables import Table, goal
from eqspec.diagnostics.model import Source
from eqspec.graph.memo import Memo
from eqspec.pipeline import check_source
from eqspec.syntax.parser import parse
from eqspec.tools.server.session import Job, analyse

ROOT = Path(__file__).parents[1]
EXAMPLES = "multi_view quadruped resnet18 go organs dna".split()
LINES = 300


def examples() -> str:
    """Examples in one file, about `LINES` lines, with all kinds of layers; their names numbered."""
    texts = ["eqspec 1\n"]
    for number, name in enumerate(EXAMPLES):
        text = (ROOT / "examples" / name / f"{name}.eqs").read_text(encoding="utf-8")
        text = re.sub(r"(?m)^eqspec 1.*\n", "", text, count=1)
        declared = r"(?m)^\s*(?:group|module|param|type|interface)\s+(\w+)"
        for word in sorted(set(re.findall(declared, text))):
            text = re.sub(rf'(?<![.\w"]){word}\b', f"{word}{number}", text)
        texts.append(text)
    return "\n".join(texts)


def typed(text: str, marker: str, word: str) -> list[str]:
    """The texts that arise while a word is typed behind the last place of a marker."""
    at = text.rindex(marker) + len(marker)
    return [f"{text[:at]}{word[:k]}{text[at:]}" for k in range(1, len(word) + 1)]


def _keys(text: str) -> dict[str, list[str]]:
    inside = typed(text, "  input ", "extra: [3]\n  input ")
    return {
        "a new input in a module": inside,
        "the size of a group": typed(text, "= cyclic(", "1248"),
        "a comment in the first line": [f"{text[:8]} #{'x' * k}{text[8:]}" for k in range(12)],
    }


def keystrokes(effort: Effort) -> list[Table]:
    table = Table(
        "keystroke",
        "One key in a file: CPU seconds of a check",
        ("file", "what is typed", "parse s", "check s", "with a memo s", "check / with a memo"),
    )
    wire = Table(
        "wire",
        "One key in a file: until the editor has the diagnostics, with a real client and server",
        ("file", "what is typed", "lines", "keys", "wall s", "longest s", "CPU s", "goal, CPU"),
    )
    modules = many_modules(LINES)
    for name, text in (("examples", examples()), ("many modules", modules)):
        assert check_source(Source("a.eqs", text)).ok
        for what, texts in _keys(text).items():
            found = side_by_side(_contestants(text, texts), effort, rounds=min(effort.rounds, 5))
            table.add(
                *(name, what, median(found, "parse"), median(found, "check")),
                *(median(found, "memo"), ratio(found, "check", "memo")),
            )
            if effort.quick:
                texts = texts[:3]
            times, used = asyncio.run(_through_the_wire(text, texts))
            wire.add(
                *(name, what, text.count("\n"), len(times), middle(times), max(times)),
                *(used, goal(used, most=0.1) if used is not None else None),
            )
    wire.notes.append(
        "CPU time is that of the server, the mean over the keys; the editor's is not in it."
    )
    wire.notes.append("The pause of 5 ms before a check is in the wall times.")
    return [table, wire]


def _contestants(text: str, texts: list[str]) -> dict[str, Callable[[], object]]:
    """Each call checks the next text of a turn."""
    memo = Memo()
    check_source(Source("a.eqs", text), memo=memo)

    def turn() -> Iterator[Source]:
        while True:
            yield from (Source("a.eqs", text) for text in texts)

    first, second, third = turn(), turn(), turn()
    return {
        "parse": lambda: parse(next(first)),
        "check": lambda: check_source(next(second)),
        "memo": lambda: check_source(next(third), memo=memo),
    }


async def _through_the_wire(text: str, keys: list[str]) -> tuple[list[float], float | None]:
    """Wall seconds from every change to the answer about it, and the server's CPU seconds for one."""
    from lsprotocol import types as lsp
    from pygls.lsp.client import LanguageClient

    client = LanguageClient("benchmarks", "1")
    told: asyncio.Queue[int | None] = asyncio.Queue()

    @client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def published(params: lsp.PublishDiagnosticsParams) -> None:
        told.put_nowait(params.version)

    with tempfile.TemporaryDirectory() as folder:
        uri = (Path(folder) / "keys.eqs").as_uri()
        await client.start_io(sys.executable, "-m", "eqspec", "lsp")
        await client.initialize_async(lsp.InitializeParams(lsp.ClientCapabilities()))
        client.initialized(lsp.InitializedParams())
        client.text_document_did_open(
            lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, "eqs", 0, text))
        )
        await told.get()
        times = []
        process = client._server
        before = _cpu_of(process.pid) if process is not None else None
        for version, key in enumerate(keys, 1):
            start = time.perf_counter()
            client.text_document_did_change(
                lsp.DidChangeTextDocumentParams(
                    lsp.VersionedTextDocumentIdentifier(version, uri),
                    [lsp.TextDocumentContentChangeWholeDocument(key)],
                )
            )
            while await told.get() != version:
                pass
            times.append(time.perf_counter() - start)
        after = _cpu_of(process.pid) if process is not None else None
        await client.shutdown_async(None)
        client.exit(None)
        await client.stop()
    used = (after - before) / len(keys) if after is not None and before is not None else None
    return times, used


def _cpu_of(process: int) -> float | None:
    """The CPU seconds of a process so far, where the system tells."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def analysed(text: str) -> None:
    """All that the server makes of a text, for a profiler."""
    analyse(Job("file:///keys.eqs", Path("/keys.eqs"), text, 1, Memo(), {}))
