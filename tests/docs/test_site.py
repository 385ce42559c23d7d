"""The site: every page has its place, links are turned, and the build is strict and asks no network."""

from __future__ import annotations

import doctest
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import pytest

from website import mount, pictures

ROOT = Path(__file__).resolve().parents[2]


def test_examples_in_the_docstrings() -> None:
    done = doctest.testmod(mount)
    assert done.attempted
    assert not done.failed


def test_links_are_turned() -> None:
    text = (
        "[a](language.md#types) [`b`](../eqspec/diagnostics/pages/EQS401.md) [c](#here)\n"
        "![d](e.svg) [f](https://g.h/i.md) [j](../examples/go/go.eqs) [k](k.json)\n"
        "```text\n[no](../examples/go/README.md)\n```\n[l](../examples/go/README.md)\n"
    )
    turned = mount.relink(text, PurePosixPath("docs/soundness.md"))
    assert turned == (
        "[a](language.md#types) [`b`](diagnostics/EQS401.md) [c](#here)\n"
        "![d](e.svg) [f](https://g.h/i.md) [j](source/examples/go/go.eqs.md) [k](k.json)\n"
        "```text\n[no](../examples/go/README.md)\n```\n[l](examples/go.md)\n"
    )
    page = PurePosixPath("eqspec/diagnostics/pages/EQS401.md")
    assert mount.relink("[x](EQS402.md)", page) == "[x](EQS402.md)"
    assert mount.relink("[x](../../../docs/language.md)", page) == "[x](../language.md)"


def test_no_two_files_become_one_page() -> None:
    written = [*mount.pages(ROOT), *mount.sources(ROOT)]
    assert len({mount.page_of(path) for path in written}) == len(written)
    assert all((ROOT / path).is_file() for path in written)


def test_a_source_is_shown_whole(tmp_path: Path) -> None:
    (tmp_path / "<b>.py").write_text('"""\n```\n<script>\n```\n"""\n')
    assert mount.source_page(tmp_path, "<b>.py") == (
        '# &lt;b&gt;.py\n\n````python\n"""\n```\n<script>\n```\n"""\n````\n'
    )


def test_patterns_of_the_navigation() -> None:
    known = ["a.md", "b/1.md", "b/2.md", "c.md"]
    nav = [{"A": "a.md"}, {"B": ["b/2.md", "b/*.md"]}, {"C": "c*.md"}]
    assert mount.expanded(nav, known) == [
        {"A": "a.md"},
        {"B": ["b/2.md", "b/1.md"]},
        {"C": ["c.md"]},
    ]


SPEC = """```eqs title="a.eqs"
eqspec 1
group <G> = cyclic(2)
module M {
  input x: [G.sign]
  output y: [G.sign] = linear(x)
}
```
"""


def test_pictures_are_drawn_from_the_spec_above() -> None:
    page = SPEC.replace("<G>", "G") + "\n<!-- picture: a.eqs -->\n\nand on"
    drawn = pictures.with_pictures(page)
    assert "<!-- picture" not in drawn
    assert '<figure class="eq-graph"><svg' in drawn
    assert drawn.endswith("</svg></figure>\n\nand on")
    with pytest.raises(ValueError, match=r"no spec `b\.eqs` above"):
        pictures.with_pictures(page.replace("picture: a", "picture: b"))
    with pytest.raises(ValueError, match=r"`a\.eqs` has errors"):
        pictures.with_pictures(SPEC + "\n<!-- picture: a.eqs -->\n")


def test_pictures_have_the_colours_of_the_page() -> None:
    light, dark = pictures.colours().splitlines()
    assert light.startswith('[data-md-color-scheme="default"] .eqg{--eq-paper:')
    assert dark.startswith('[data-md-color-scheme="slate"] .eqg{--eq-paper:')
    assert light.count("--eq-f") == dark.count("--eq-f") == 8


# ---- the site itself -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("mkdocs") is None:
        pytest.skip("mkdocs is not installed: the extra `docs`")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Loads(HTMLParser):
    """What a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and values.get("rel") in {"canonical", "next", "prev", "edit"}:
            return
        for name in ("src", "srcset", "poster", "data") + (("href",) if tag == "link" else ()):
            self.found.append(values.get(name) or "")


@pytest.mark.slow
def test_no_page_loads_anything_from_a_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 200
    for page in pages:
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert not [url for url in loads.found if re.match(r"(https?:)?//", url)], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", sheet.read_text("utf-8")), sheet


@pytest.mark.slow
def test_search_finds_a_diagnostic(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    assert any(entry["location"].startswith("diagnostics/EQS401") for entry in index["docs"])


CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)


@pytest.mark.slow
def test_pages_open_in_a_browser_without_errors(site: Path) -> None:
    """From the folder itself, light and dark, wide and narrow: nothing is asked of a network."""
    browsers = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    names = (
        "index",
        "tutorial",
        "gallery/weights",
        "gallery/index",
        "diagnostics/EQS401",
        "grammar",
    )
    wrong: list[str] = []
    with browsers.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for scheme, width in (("light", 1280), ("dark", 390)):
            size = {"width": width, "height": 900}
            page = browser.new_context(color_scheme=scheme, viewport=size, offline=True).new_page()
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("request", lambda r: wrong.append(r.url) if r.url.startswith("http") else None)
            for name in names:
                page.goto((site / f"{name}.html").as_uri(), timeout=60_000)
                assert page.locator("h1").first.inner_text()
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{name} is {wide} wide on a screen of {width}"
                ink = page.evaluate("getComputedStyle(document.body).backgroundColor")
                assert (sum(map(int, re.findall(r"\d+", ink)[:3])) < 384) == (scheme == "dark")
            assert page.goto((site / "gallery" / "weights.html").as_uri())
            assert page.locator("figure.eq-graph svg").count() == 1
        browser.close()
    assert wrong == []
