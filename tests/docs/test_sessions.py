"""Code on the pages of the site does what the page says it does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.sessions import ROOT, Block, blocks, clean, differences, refreshed

DOCS = ROOT / "docs"
FAST = ("index.md", "lift.md", "peers.md", "proofs.md")
SLOW = [
    "deployment.md",
    "tutorial.md",
    *sorted(file.relative_to(DOCS).as_posix() for file in (DOCS / "gallery").glob("*.md")),
]


@pytest.mark.parametrize("name", FAST)
def test_page_runs(name: str, tmp_path: Path) -> None:
    assert list(differences((DOCS / name).read_text(encoding="utf-8"), tmp_path)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_long_page_runs(name: str, tmp_path: Path) -> None:
    assert list(differences((DOCS / name).read_text(encoding="utf-8"), tmp_path)) == []


def test_the_gallery_shows_every_page() -> None:
    index = (DOCS / "gallery" / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| \[.*?\]\((\w+\.md)\)", index, re.MULTILINE)
    pages = {file.name for file in (DOCS / "gallery").glob("*.md")} - {"README.md"}
    assert sorted(shown) == sorted(pages)
    assert len(pages) >= 12
    for page in pages:
        text = (DOCS / "gallery" / page).read_text(encoding="utf-8")
        (spec,) = [block for block in blocks(text) if block.word == "eqs"]
        assert spec.title == page.replace(".md", ".eqs")
        assert f"<!-- picture: {spec.title} -->" in text
        assert any(block.word == "python" and "assert" in block.text for block in blocks(text))


PAGE = """
```eqs title="a.eqs"
eqspec 1
```

```sh
eqspec check a.eqs     # fine
```

```text title="output"
something old
```

```python
print("three", 3)
```

```text title="output, measured"
four  4
```

```text title="output, in part"
three 3
```
"""


def test_a_page_that_is_old_is_found_and_refreshed(tmp_path: Path) -> None:
    found = list(differences(PAGE, tmp_path))
    assert [shown for shown, _ in found] == ["something old\n", "four  4\n"]
    page = refreshed(PAGE, tmp_path)
    assert "something old" not in page
    assert page.count("three 3\n") == 2
    assert list(differences(page, tmp_path)) == []
    other = page.replace("three 3", "three  4", 1)
    assert list(differences(other, tmp_path)) == []  # measured
    assert refreshed(other, tmp_path) == other
    assert len(list(differences(page.replace("three 3", "three 4"), tmp_path))) == 1


@pytest.mark.parametrize(
    "code", ["raise ValueError", "assert 1 == 2", "import nothing_of_the_sort"]
)
def test_code_that_fails_is_reported_with_its_line(code: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"line 1: "):
        list(differences(f"```python\n{code}\n```\n", tmp_path))


def test_commands_that_no_test_knows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="which no test knows"):
        list(differences("```sh\ncurl x\n```\n", tmp_path))


def test_blocks_know_where_their_text_stands() -> None:
    found = list(blocks(PAGE))
    assert [(b.word, b.title) for b in found][:2] == [("eqs", "a.eqs"), ("sh", "")]
    assert all(PAGE[b.start : b.end] == b.text for b in found)
    assert [b.is_output for b in found] == [False, False, True, False, True, True]
    assert Block("text", "", "", 0, 0).is_output is False
    assert clean("\n a  \n\n") == " a\n"
