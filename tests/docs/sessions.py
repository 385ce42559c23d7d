"""Pages that are run from top to bottom, as a reader does it: files are written, commands and code are run
in an empty folder, and what a page shows of their output is what they print.

- a block with a title, as `title="board.eqs"`, is a file;
- a `python` block without a title is run, in one namespace for the page;
- a `sh` block is run line by line;
- a `text` block whose title begins with "output" is what the block before it prints. If its title says
  "measured", its numbers may differ; if it says "in part", it shows some of the lines, from their beginning.

`python -m tests.docs.sessions PAGE...` writes the outputs of pages anew; look at the difference.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from eqspec.cli import main

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"^```(?P<word>[a-z]+)(?P<info>[^\n]*)\n(?P<text>.*?)^```[ ]*$", re.MULTILINE | re.DOTALL
)
NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]\d+)?")
ENVIRONMENT = ("python -m venv ", "pip install ", ". .venv/bin/activate")  # tests/packaging


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its title, and where its text stands in the page."""

    word: str
    title: str
    text: str
    start: int
    end: int

    @property
    def is_output(self) -> bool:
        return self.word == "text" and self.title.startswith("output")


def blocks(page: str) -> Iterator[Block]:
    for found in BLOCK.finditer(page):
        title = re.search(r'title="([^"]*)"', found["info"])
        yield Block(found["word"], title[1] if title else "", found["text"], *found.span("text"))


class Session:
    """What a page has done so far, in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, object] = {"__name__": "__page__"}

    def run(self, block: Block) -> str:
        """Do what a block says; the output."""
        if block.is_output:
            raise ValueError("an output is not run")
        if block.title:
            (self.folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / block.title).write_text(block.text, encoding="utf-8")
            return ""
        match block.word:
            case "python":
                out = io.StringIO()
                with contextlib.redirect_stdout(out):
                    exec(compile(block.text, "<page>", "exec"), self.names)
                return out.getvalue()
            case "sh":
                lines = block.text.replace("\\\n", " ").splitlines()
                return "".join(self.command(line) for line in lines)
            case _:
                return ""

    def command(self, line: str) -> str:
        line = line.partition(" #")[0].strip()
        if not line or line.startswith(ENVIRONMENT):
            return ""
        program, *arguments = shlex.split(line)
        if program == "eqspec":
            done = CliRunner().invoke(main, arguments)
            if done.exception is not None and not isinstance(done.exception, SystemExit):
                raise done.exception
            return done.output
        if program == "python":
            ran = subprocess.run(
                [sys.executable, *arguments],
                env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                check=False,
            )
            assert ran.returncode == 0, ran.stderr
            return ran.stdout
        raise AssertionError(f"the page runs `{line}`, which no test knows")


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder, and forget the modules that were imported from there."""
    before = Path.cwd()
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        os.chdir(before)
        sys.path.remove(str(folder))
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(f"{folder}{os.sep}"):
                del sys.modules[name]


def play(page: str, folder: Path) -> Iterator[tuple[Block, str]]:
    """Run a page; every block that shows an output, with the output."""
    session, printed = Session(folder), ""
    with inside(folder):
        for block in blocks(page):
            if block.is_output:
                yield block, printed
                continue
            try:
                printed = session.run(block)
            except Exception as error:
                line = page.count("\n", 0, block.start)
                trace = "".join(traceback.format_exception(error)[-3:])
                raise AssertionError(f"line {line}: {block.text}\n{trace}") from error


def clean(text: str) -> str:
    """An output as a page shows it."""
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


def without_numbers(text: str) -> str:
    return re.sub(r"\s+", " ", NUMBER.sub("#", text))


def agrees(block: Block, printed: str) -> bool:
    """Is what a page shows what was printed?"""
    if "measured" in block.title:
        return without_numbers(block.text) == without_numbers(printed)
    if "in part" in block.title:
        lines = iter(printed.splitlines())
        shown = [line for line in block.text.splitlines() if line]
        return all(any(full.startswith(line) for full in lines) for line in shown)
    return block.text == printed


def differences(page: str, folder: Path) -> Iterator[tuple[str, str]]:
    """What is shown and what is printed, where they differ."""
    for block, printed in play(page, folder):
        if not agrees(block, clean(printed)):
            yield block.text, clean(printed)


def refreshed(page: str, folder: Path) -> str:
    """The page with its outputs as they are now."""
    parts, at = [], 0
    for block, printed in play(page, folder):
        if agrees(block, clean(printed)):
            continue
        if "in part" in block.title:
            print(f"{block.text}is no part of\n{printed}", file=sys.stderr)
            continue
        parts += [page[at : block.start], clean(printed)]
        at = block.end
    return "".join([*parts, page[at:]])


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        file = Path(argument).resolve()
        with tempfile.TemporaryDirectory() as name:
            text = refreshed(file.read_text(encoding="utf-8"), Path(name).resolve())
        file.write_text(text, encoding="utf-8")
