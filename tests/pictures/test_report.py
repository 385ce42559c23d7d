"""`eqspec report`: what stands on the page, where it goes, and that it hangs on nothing else."""

from __future__ import annotations

import base64
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from picture_specs import CORPUS, EXAMPLES, spec_at, spec_of

from eqspec.algebra.bases import DenseBasis
from eqspec.cli import main
from eqspec.tools.pictures.pixels import class_colours
from eqspec.tools.pictures.sharing import classes, map_spaces
from eqspec.tools.pictures.wording import laws_of

VOID = {"meta", "link", "img", "br", "rect", "path", "hr"}
GOOD = """eqspec 1

group Rot = cyclic(4)
group Flip = cyclic(2)

## A small one.
module Small {
  input x: [2, Rot.regular]
  input y: [Flip.sign]
  base net: [2, 4] -> [3]
  h: [3, Rot.regular] = relu(linear(x))
  z: [3] = equitune(net, x)
  output score: [1] = linear(h, z)
  output side: [2, Flip.sign] = linear(y)
}
"""


class Page(HTMLParser):
    """Checks that all elements are closed, and gathers what a test asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.references: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [
            value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")
        ]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "svg"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


def test_the_page_of_a_spec(here: Path) -> None:
    (here / "small.eqs").write_text(GOOD, encoding="utf-8")
    result = run("report", "small.eqs")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith("Wrote small_report.html\n")
    text = (here / "small_report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert "script" not in page.tags
    assert all(r.startswith(("data:", "#")) for r in page.references)
    assert "1 module proved." in page.text
    assert "When Rot acts on x , score stays as it is." in page.text
    assert "When Flip acts on y , side moves along, by Flip.sign ." in page.text
    assert "It does not depend on anything on which Flip acts." in page.text
    assert "4 × 6 pairs of channels = 24 free weights" in page.text  # x -> h
    assert page.tags.count("img") == 3  # x -> h, h -> score, y -> side; z has no group
    assert "equitune(net, x) in the spec 4" in page.text
    assert run("report", "small.eqs").stderr.endswith("small_report.html is up to date.\n")
    assert run("report", "small.eqs", "-o", "-").stdout == text.split("\n", 2)[2]


def test_a_spec_with_errors_gets_a_page_that_says_so(here: Path) -> None:
    wrong = "module Wrong {\n  input x: [Flip.sign]\n  output y: [Flip.sign] = relu(x)\n}\n"
    (here / "bad.eqs").write_text(GOOD + wrong, encoding="utf-8")
    result = run("report", "bad.eqs")
    assert result.exit_code == 1
    page = Page((here / "bad_report.html").read_text(encoding="utf-8"))
    assert "Refused: 1 error; 1 module shown here passed." in page.text
    assert "error[EQS401]" in page.text
    assert "proved." not in page.text.split("What is promised")[0]
    assert "Wrong" not in re.findall(r"<h2>(.*?)</h2>", (here / "bad_report.html").read_text())
    assert run("report", "none.eqs").exit_code == 2
    (here / "broken.eqs").write_text("eqspec 1\nmodule {", encoding="utf-8")
    assert run("report", "broken.eqs").exit_code == 1
    assert run("report", ".").exit_code == 2


def test_foreign_files_stay(here: Path) -> None:
    (here / "small.eqs").write_text(GOOD, encoding="utf-8")
    (here / "small_report.html").write_text("mine", encoding="utf-8")
    result = run("report", "small.eqs")
    assert result.exit_code == 1
    assert "EQS502" in result.stderr
    assert (here / "small_report.html").read_text(encoding="utf-8") == "mine"
    assert run("report", "small.eqs", "--force").exit_code == 0


HOSTILE = "</style></title><script>alert(1)</script><img src=x onerror=alert(1)> ${{7*7}} {% x %} & \"' --> ]]>"


def test_hostile_text_stays_text(here: Path) -> None:
    spec = GOOD.replace("## A small one.", f"## {HOSTILE} \u202e\u0007".replace("\u0007", ""))
    name = "a --><script>alert(1)<script> & b.eqs".replace("/", "")
    (here / name).write_text(spec, encoding="utf-8")
    result = run("report", name, "-o", "page.html")
    assert result.exit_code == 0, result.stderr
    text = (here / "page.html").read_text(encoding="utf-8")
    page = Page(text)
    assert "script" not in page.tags
    assert page.tags.count("img") == 3
    assert "\u202e" not in text
    assert "alert(1)" in page.text
    assert "{{7*7}}" in page.text
    again = run("report", name, "-o", "page.html")
    assert again.stderr.endswith("page.html is up to date.\n")


def test_laws_never_say_more_than_the_levels() -> None:
    """Of every output and factor of the corpus: exact only where the node is, and the right verb."""
    for path in (*EXAMPLES, *CORPUS):
        for module in spec_at(path).modules:
            for output in module.outputs:
                for law in laws_of(module, output):
                    if module.is_interface:
                        assert " must " in law.text
                        continue
                    node = module.node(output.node)
                    level = node.levels[law.factor] if law.factor in node.touched else None
                    assert level is None or law.level == level.words
                    assert law.exact == (law.level == "exactly")
                    assert law.exact or law.except_
                    moves = law.factor in output.type.factors and law.factor in node.live
                    if law.factor in node.touched:
                        assert ("moves along" in law.text) == moves
                        assert ("stays as it is" in law.text) != moves


def test_an_output_that_a_group_fixes_is_not_said_to_move() -> None:
    (module,) = spec_of(
        "eqspec 1\ngroup G = cyclic(3)\nmodule M {\n  input x: [G.regular]\n"
        "  output y: [G.regular] = linear(pool(x, over=G))\n}\n"
    ).modules
    (law,) = laws_of(module, module.outputs[0])
    assert law.text.startswith("When `G` acts on `x`, `y` stays as it is, and the action")


def test_tables_of_weights_have_the_dimensions_of_the_spaces() -> None:
    """The dimension counted by the checker is the product of those of the solved tables; values agree
    where labels do, and classes are orbits of the group."""
    seen = 0
    for path in (*EXAMPLES, *CORPUS):
        for module in spec_at(path).modules:
            for node in module.nodes:
                for space in map_spaces(module, node):
                    whole = space.channels
                    for table in space.clusters:
                        assert table.labels is not None, (path.name, node.name, table.problem)
                        assert table.dimension is not None
                        whole *= table.dimension
                        found = int(table.labels.max()) + 1
                        assert found >= (table.dimension > 0)
                        assert (table.signs == 0)[table.labels < 0].all()
                        seen += 1
                    assert whole == space.dimension, (path.name, node.name)
    assert seen > 100


def test_classes_of_a_dense_basis_are_exact() -> None:
    import numpy as np

    basis = DenseBasis(np.array([[[1, -1, 0], [2, 1, 0]], [[0, 0, 0], [3, 0, 5]]]))
    labels, signs = classes(basis)
    assert labels.tolist() == [[0, 0, -1], [1, 0, 2]]
    assert signs.tolist() == [[1, -1, 0], [1, 1, 1]]
    spec = spec_of(
        "eqspec 1\ngroup G = orthogonal(2)\nmodule M {\n  input x: [G.tensor(2, 0)]\n"
        "  output y: [G.tensor(2, 0)] = linear(x)\n}\n"
    )
    (space,) = map_spaces(spec.modules[0], spec.modules[0].nodes[-1])
    (table,) = space.clusters
    assert table.labels is not None
    assert table.labels.shape == (4, 4)
    assert space.dimension == 3


def test_images_are_indexed_pngs() -> None:
    import numpy as np

    from eqspec.tools.pictures.pixels import table_image

    labels = np.array([[0, 1, -1], [1, 0, 2]])
    image = table_image(labels, np.where(labels < 0, 0, 1).astype(np.int8), None, 90)
    data = base64.b64decode(image.address.removeprefix("data:image/png;base64,"))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, pixels = 8, b""
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        assert zlib.crc32(kind + body) == int.from_bytes(
            data[at + 8 + size : at + 12 + size], "big"
        )
        pixels = zlib.decompress(body) if kind == b"IDAT" else pixels
        at += 12 + size
    assert len(pixels) == image.height * (image.width + 1)
    assert len(set(class_colours(16))) == 16
