"""One session of an editor, recorded: a real client and a real server, every feature, two mistakes.

The answers are written into `session.txt` and compared with it, so the file shows what a person sees.
`EQSPEC_UPDATE=1 pytest tests/server/test_session.py` records it anew; read the difference.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls", reason="the extra `lsp` is not installed")

from lsp_client import Client, edited
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source
from eqspec.tools.server.coloring import MODIFIERS, TYPES

RECORD = Path(__file__).parent / "session.txt"

LIBRARY = """eqspec 1

group T = cyclic(3)

## Two layers and a way around them.
module Block(c, G: group) {
  input x: [c, G.regular]
  h: [c, G.regular] = relu(linear(x))
  output y: [c, G.regular] = x + h
}
"""
SPEC = """eqspec 1

use "shapes.eqs" as shapes

group Rot = cyclic(4)                      # quarter turns; é and 𝔽 stand before nothing
group Flip = cyclic(2) named { r: m }
group Both = Rot * Flip
rep Rot.plane = matrix([x, y]) { r -> [[0, -1], [1, 0]] }
rep Flip.sides = permutation(["𝔽", left, right]) { m -> (left right) }
param width = 8
type View = [3, Rot.rot90(8, 8)]

## Two views of a thing, turned and mirrored.
module TwoView {
  input front: View
  input side: [3, Flip.hflip(8, 8)]
  input side2: [Flip.sides]
  input state: flat { place: [Rot.plane], speed: [Rot.plane] }
  base encoder: [3, 8, 8] -> [12]
  f: [width, Rot.regular] = linear(front, state.place)
  g: [width, Flip.regular] = linear(side, side2)
  h = relu(f)
  k: [width, Rot.regular] = relu(linear(h, g))
  b = shapes.Block(k, c=width, G=Rot)
  z: [12] = equitune(encoder, front)
  output logits: [10] = linear(b.y, z)
  ensure logits invariant under Both
}
"""
MISTAKES = (
    SPEC.replace("h = relu(f)", "h = rellu(f)")
    + """
module Turned {
  input place: [Rot.plane]
  output place2: [Rot.plane] = relu(place)
}
"""
)


class Recorder:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, title: str, *answers: object) -> None:
        self.lines.append(f"== {title}")
        for answer in answers or ("(nothing)",):
            self.lines.extend(f"   {line}".rstrip() for line in str(answer).split("\n"))
        self.lines.append("")


def _place(range_: lsp.Range) -> str:
    start, end = range_.start, range_.end
    stop = f"{end.line + 1}:" if end.line != start.line else ""
    return f"{start.line + 1}:{start.character + 1}-{stop}{end.character + 1}"


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]


def _message(found: lsp.Diagnostic) -> str:
    text = "\n    ".join(found.message.split("\n"))
    return f"{_place(found.range)} {found.severity.name.lower()} {found.code}: {text}"  # type: ignore[union-attr]


def test_a_session_is_as_recorded(tmp_path: Path) -> None:
    recorder = Recorder()
    asyncio.run(asyncio.wait_for(_session(tmp_path, recorder), 90))
    found = "\n".join(recorder.lines)
    if os.environ.get("EQSPEC_UPDATE"):
        RECORD.write_text(found, encoding="utf-8")
    assert found == RECORD.read_text(encoding="utf-8")


async def _session(folder: Path, note: Recorder) -> None:
    (folder / "shapes.eqs").write_text(LIBRARY)
    (folder / "pyproject.toml").write_text("[tool.eqspec]\n")
    client = Client(folder)
    name, text = "views.eqs", MISTAKES
    begun = await client.begin()
    note.say("initialize", begun.server_info.name, begun.capabilities.position_encoding)  # type: ignore[union-attr]
    document = client.open(name, text)

    def at(needle: str, number: int = 0, after: int = 0) -> dict[str, Any]:
        position = client.position(text, needle, number, after)
        return {"text_document": document, "position": position}

    async def hover(needle: str, after: int = 0, until: str = "") -> None:
        params = lsp.HoverParams(**at(needle, 0, after))
        while True:  # what a layer costs is said as soon as it is known
            found = await client.text_document_hover_async(params)
            content: Any = found.contents if found is not None else None
            if content is None or until in content.value:
                break
        note.say(f"hover `{needle}`", *([content.value] if content is not None else []))

    # ---- two mistakes, and their repair
    found = await client.diagnostics(name, 1)
    note.say("diagnostics of two mistakes", *map(_message, found))
    await hover("k: [width")
    await hover("f: [width")
    context = lsp.CodeActionContext(found)
    for one in found:
        actions = await client.text_document_code_action_async(
            lsp.CodeActionParams(document, one.range, context)
        )
        note.say(f"code actions at {_place(one.range)}", *[a.title for a in actions or []])  # type: ignore[union-attr]
    actions = await client.text_document_code_action_async(
        lsp.CodeActionParams(document, found[0].range, context)
    )
    action: Any = (actions or [])[0]
    repaired = edited(text, action.edit.document_changes[0].edits)
    assert repaired == SPEC + MISTAKES[len(MISTAKES) - (len(repaired) - len(SPEC)) :]
    text = repaired.replace("relu(place)", "tanh(place)")
    client.change(name, text, 2)
    note.say("diagnostics of the repaired text", *map(_message, await client.diagnostics(name, 2)))
    text = SPEC
    client.change(name, text, 3)
    note.say(
        "diagnostics without the second module", *map(_message, await client.diagnostics(name, 3))
    )

    # ---- what is known of a name
    await hover("k: [width", until="FLOPs")
    await hover("z: [12]", until="FLOPs")
    await hover("Flip =")
    await hover("Rot.plane", 5)
    await hover("state.place", 7)
    await hover("(left", 2)
    await hover("TwoView")
    await hover("Block(")
    await hover("rot90")
    await hover("equitune")
    await hover("ensure")

    # ---- names
    definitions = []
    for needle, number, after in DEFINITIONS:
        places: Any = await client.text_document_definition_async(
            lsp.DefinitionParams(**at(needle, number, after))
        )
        definitions += [f"{needle}: {_name(p.uri)} {_place(p.range)}" for p in places or []]
    note.say("definitions", *definitions)
    references = await client.text_document_references_async(
        lsp.ReferenceParams(lsp.ReferenceContext(True), **at("Rot ="))
    )
    note.say("references of Rot", *[f"{_name(p.uri)} {_place(p.range)}" for p in references or []])
    block = await client.text_document_references_async(
        lsp.ReferenceParams(lsp.ReferenceContext(True), **at("Block("))
    )
    note.say(
        "references of Block", *sorted(f"{_name(p.uri)} {_place(p.range)}" for p in block or [])
    )
    highlights = await client.text_document_document_highlight_async(
        lsp.DocumentHighlightParams(**at("front:"))
    )
    note.say("highlights of front", *[_place(h.range) for h in highlights or []])
    symbols: Any = await client.text_document_document_symbol_async(
        lsp.DocumentSymbolParams(document)
    )
    note.say("outline", *_tree(symbols, 0))
    everywhere: Any = await client.workspace_symbol_async(lsp.WorkspaceSymbolParams("bl"))
    note.say("search for bl", *[f"{s.name} in {_name(s.location.uri)}" for s in everywhere])

    # ---- renaming
    prepared: Any = await client.text_document_prepare_rename_async(
        lsp.PrepareRenameParams(**at("Rot ="))
    )
    note.say("may Rot be renamed", f"{_place(prepared.range)} {prepared.placeholder}")
    renamed = await client.text_document_rename_async(
        lsp.RenameParams(new_name="Turn", **at("Rot ="))
    )
    changes: Any = renamed.document_changes if renamed is not None else []
    turned = edited(text, changes[0].edits)
    assert turned == text.replace("Rot", "Turn")
    note.say("rename Rot to Turn", f"{len(changes[0].edits)} places, the text is the expected one")
    across = await client.text_document_rename_async(
        lsp.RenameParams(new_name="Residual", **at("Block("))
    )
    touched: Any = across.document_changes if across is not None else []
    note.say(
        "rename Block to Residual",
        *sorted(f"{_name(c.text_document.uri)}: {len(c.edits)} place" for c in touched),
    )
    for needle, new in REFUSED:
        with pytest.raises(JsonRpcException) as refused:
            await client.text_document_rename_async(lsp.RenameParams(new_name=new, **at(needle)))
        note.say(f"rename `{needle}` to {new}: refused", refused.value)

    # ---- the look of the text
    hints: Any = await client.text_document_inlay_hint_async(
        lsp.InlayHintParams(document, lsp.Range(lsp.Position(0, 0), lsp.Position(99, 0)))
    )
    note.say(
        "inlay hints",
        *[f"{h.position.line + 1}:{h.position.character + 1}{h.label}" for h in hints],
    )
    tokens: Any = await client.text_document_semantic_tokens_full_async(
        lsp.SemanticTokensParams(document)
    )
    note.say("semantic tokens of some lines", *_tokens(text, tokens.data, (5, 6, 8, 9, 20)))
    folds: Any = await client.text_document_folding_range_async(lsp.FoldingRangeParams(document))
    note.say("folds", *[f"{f.start_line + 1}-{f.end_line + 1}" for f in folds])
    ragged = text.replace("  h = relu(f)", "  h   =  relu( f )")
    client.change(name, ragged, 4)
    layout: Any = await client.text_document_formatting_async(
        lsp.DocumentFormattingParams(document, lsp.FormattingOptions(2, True))
    )
    note.say("formatting", *edited(ragged, layout).split("\n")[19:24])

    # ---- completion, in half-typed text
    version = 5
    for typed in COMPLETIONS:
        line, _, place = typed.partition(" @ ")
        marker = "  ensure logits" if place != "top" else "param width"
        text = SPEC.replace(marker, f"{line}\n{marker}")
        client.change(name, text, version)
        version += 1
        offered: Any = await client.text_document_completion_async(
            lsp.CompletionParams(**at(f"{line}\n{marker}", 0, len(line)))
        )
        labels = [item.label for item in offered.items]
        shown = ", ".join(labels[:9]) + (f", ... ({len(labels)})" if len(labels) > 9 else "")
        note.say(f"completion behind `{line.strip()}`", shown or "(nothing)")

    # ---- a used file changes in the editor, unsaved
    text = SPEC
    client.change(name, text, version)
    assert await client.diagnostics(name, version) == []
    client.open("shapes.eqs", LIBRARY.replace("output y: [c, G.regular]", "output y: [c, G.sign]"))
    while not (last := client.told[client.uri(name)][-1].diagnostics):
        client.news.clear()
        await client.news.wait()
    note.say("after an unsaved change of shapes.eqs", *map(_message, last))
    inside = await client.diagnostics("shapes.eqs", 1)
    note.say("in shapes.eqs", *map(_message, inside))
    assert client.errors == []
    await client.end()


DEFINITIONS = (
    ("(left right)", 0, 8),
    ("linear(side", 0, 8),
    ("state.place", 0, 8),
    ("shapes.Block", 0, 8),
    ("b.y", 0, 2),
    ("G=Rot", 0, 0),
    ('"shapes.eqs"', 0, 3),
)
REFUSED = (
    ("Rot =", "group"),
    ("Rot =", "Flip"),
    ("Rot =", "1x"),
    ("h = relu", "k"),
    ("relu", "x"),
)
COMPLETIONS = (
    "  m = lin",
    "  m: [Rot.",
    "  m: [",
    "  m = pool(k, ",
    "  m = pool(k, by=",
    "  m = pool(k, over=",
    "  m = equitune(",
    "  m = shapes.",
    "  m = shapes.Block(k, ",
    "  m: [Rot.plane.",
    "  m = linear(state.",
    "  m = linear(b.",
    "  ",
    "  ensure ",
    "  ensure logits invariant under ",
    "  # a comment ",
    "group G =  @ top",
    "rep Both.q = permutation([a, b]) { Rot. @ top",
    "rep Both.q =  @ top",
    " @ top",
)


def _tree(symbols: Any, depth: int) -> list[str]:
    lines = []
    for symbol in symbols:
        lines.append(f"{'  ' * depth}{symbol.name}  {symbol.detail}".rstrip())
        lines += _tree(symbol.children, depth + 1)
    return lines


def _tokens(text: str, data: list[int], wanted: tuple[int, ...]) -> list[str]:
    """The words of some lines (from 1) with what they are; the columns are counted in UTF-16."""
    lines: dict[int, list[str]] = {}
    line = column = 0
    source = text.split("\n")
    for k in range(0, len(data), 5):
        step, start, length, kind, modifiers = data[k : k + 5]
        line, column = line + step, start + (column if step == 0 else 0)
        if line + 1 in wanted:
            encoded = source[line].encode("utf-16-le")
            word = encoded[2 * column : 2 * (column + length)].decode("utf-16-le")
            also = "".join(f" {m}" for i, m in enumerate(MODIFIERS) if modifiers >> i & 1)
            lines.setdefault(line, []).append(f"{word} ({TYPES[kind]}{also})")
    return [f"{number + 1}: {', '.join(words)}" for number, words in lines.items()]


def test_the_spec_of_the_session_is_right(tmp_path: Path) -> None:
    (tmp_path / "shapes.eqs").write_text(LIBRARY)
    path = tmp_path / "views.eqs"
    assert check_source(Source("views.eqs", SPEC), path, tmp_path).diagnostics == ()
