"""What goes over the wire: never a message about an older text, and none that stays behind."""

import asyncio
import random
from pathlib import Path

import pytest

pytest.importorskip("pygls", reason="the extra `lsp` is not installed")

from lsp_client import Client
from lsprotocol import types as lsp

RIGHT = "eqspec 1\ngroup A = cyclic(4)\nmodule M {\n  input x: [3, A.regular]\n  output y: [2] = linear(x)\n}\n"
USED = "eqspec 1\ngroup A = cyclic(4)\n"


def test_messages_are_never_out_of_date(tmp_path: Path) -> None:
    asyncio.run(asyncio.wait_for(_typing(tmp_path), 60))


async def _typing(folder: Path) -> None:
    client = Client(folder)
    await client.begin()
    rng = random.Random(0)
    client.open("a.eqs", RIGHT)
    mistakes = {1: 0}
    for version in range(2, 30):
        number = rng.randrange(4)
        text = RIGHT + "".join(f"group B{k} = cyclik({k})\n" for k in range(number))
        mistakes[version] = number
        client.change("a.eqs", text, version)
        if rng.random() < 0.4:
            await asyncio.sleep(rng.random() * 0.02)
    await client.diagnostics("a.eqs", 29)
    told = client.told[client.uri("a.eqs")]
    versions = [params.version for params in told]
    assert versions == sorted(versions)  # type: ignore[type-var]
    assert versions[-1] == 29
    for params in told:
        assert params.version is not None
        errors = [d for d in params.diagnostics if d.code == "EQS201"]
        assert len(errors) == mistakes[params.version]

    # files that are used: unsaved texts count, and nothing is left behind
    uri = client.uri("lib.eqs")
    main = 'eqspec 1\nuse "lib.eqs" as lib\nmodule M {\n  input x: [3, lib.A.regular]\n  output y: [2] = linear(x)\n}\n'
    (folder / "lib.eqs").write_text(USED.replace("cyclic", "cyclik"))
    client.change("a.eqs", main, 30)
    found = await client.diagnostics("a.eqs", 30)
    assert [d.code for d in found] == ["EQS201"]  # at the `use`
    assert found[0].range.start.line == 1
    while not client.told.get(uri):
        client.news.clear()
        await client.news.wait()
    assert [d.code for d in client.told[uri][-1].diagnostics] == ["EQS201"]
    client.open("lib.eqs", USED)  # repaired in the editor, not on the disk
    while client.told[client.uri("a.eqs")][-1].diagnostics or [
        d for d in client.told[uri][-1].diagnostics if d.severity is lsp.DiagnosticSeverity.Error
    ]:
        client.news.clear()
        await client.news.wait()
    for name in ("a.eqs", "lib.eqs"):
        identifier = lsp.TextDocumentIdentifier(client.uri(name))
        client.text_document_did_close(lsp.DidCloseTextDocumentParams(identifier))
    while client.told[client.uri("a.eqs")][-1].diagnostics or client.told[uri][-1].diagnostics:
        client.news.clear()
        await client.news.wait()
    gone = lsp.HoverParams(lsp.TextDocumentIdentifier(uri), lsp.Position(0, 0))
    assert await client.text_document_hover_async(gone) is None
    assert client.errors == []
    await client.end()
