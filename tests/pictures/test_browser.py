"""Every report in a real browser without a network: light and dark, wide and narrow."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from picture_specs import EXAMPLES

from eqspec.cli import main

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip("no chromium on the path")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield found
        found.close()


OVERFLOWING = """() => [...document.querySelectorAll('.eqg-f')].flatMap(group => {
  const card = group.querySelector('.eqg-card').getBoundingClientRect();
  return [...group.querySelectorAll('text')]
    .filter(text => text.getBoundingClientRect().right > card.right + 1)
    .map(text => text.textContent);
})"""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_reports_in_a_browser(path: Path, tmp_path: Path, browser: Any) -> None:
    page_file, svg_file = tmp_path / "page.html", tmp_path / "graph.svg"
    made = CliRunner().invoke(main, ["report", str(path), "-o", str(page_file)])
    assert made.exit_code == 0, made.output
    assert CliRunner().invoke(main, ["graph", str(path), "-o", str(svg_file)]).exit_code == 0
    grounds: dict[str, str] = {}
    for scheme in ("light", "dark"):
        for width in (1280, 390):
            context = browser.new_context(
                color_scheme=scheme, viewport={"width": width, "height": 800}
            )
            page = context.new_page()
            said: list[str] = []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.on("pageerror", lambda error, said=said: said.append(str(error)))
            page.on(
                "request",
                lambda request, said=said: (
                    None if request.url.startswith(("file:", "data:")) else said.append(request.url)
                ),
            )
            for file in (svg_file, page_file):
                page.goto(file.as_uri())
            assert said == []
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, "the page itself must not scroll to its side"
            assert page.evaluate(OVERFLOWING) == []
            broken = page.evaluate(
                "[...document.images].filter(i => !i.complete || !i.naturalWidth).length"
            )
            assert broken == 0
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            grounds[scheme] = ground
            assert len(page.screenshot(full_page=True)) > 10_000
            context.close()
    assert grounds["light"] != grounds["dark"]
