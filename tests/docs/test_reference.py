"""A page for every group and every representation; their examples run, their tables are true."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from eqspec.algebra.images import explicit, is_orthogonal, rows_of
from eqspec.algebra.representations import Representation
from eqspec.diagnostics.model import Severity, Source
from eqspec.graph.groups import ALL_FAMILIES, GENERATED, GROUPS_NOT_BUILT
from eqspec.graph.reps import BUILT, NOT_BUILT
from eqspec.graph.types import RepAxis
from eqspec.pipeline import CheckResult, check_source, compile_spec

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"
GROUPS = sorted(FOLDER.glob("groups/*.md"))
REPRESENTATIONS = sorted(FOLDER.glob("representations/*.md"))
PAGES = [*GROUPS, *REPRESENTATIONS]
MORE_GROUPS = {"product"}  # forms that are no families
MORE_REPRESENTATIONS = {"declared", "dual", "axial", "pseudoscalar", "selection"}
LATER = "Not built yet: refused with [EQS210]"
NAMES = {
    "dual": r"\.dual\b",
    "axial": r"\.axial\b",
    "pseudoscalar": r"\.pseudoscalar\b",
    "selection": r"\[.*\]$",
    "declared": r".",
}
SOLVED_IN_CHECK = {"lie"}  # no characters: the exact null space needs NumPy
CLASSES = ("signed permutation", "permutation", "orthogonal", "form", "any")


def name_of(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


def says_later(file: Path) -> bool:
    return LATER in file.read_text(encoding="utf-8")


def is_built(file: Path) -> bool:
    return file.stem not in GROUPS_NOT_BUILT | NOT_BUILT


WRITTEN = [file for file in PAGES if not says_later(file)]


def example(file: Path) -> str:
    (text,) = re.findall(
        r"^```eqs\n(.*?)^```$", file.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert isinstance(text, str)
    return text


@lru_cache(maxsize=128)
def checked(file: Path) -> CheckResult:
    return check_source(Source("example.eqs", example(file)))


def row(file: Path, title: str) -> str:
    """The cell beside a title in the table at the top of a page."""
    (cell,) = re.findall(rf"^\| {title} \| (.*) \|$", file.read_text("utf-8"), re.MULTILINE)
    assert isinstance(cell, str)
    return cell


def test_every_group_has_a_page() -> None:
    assert {file.stem for file in GROUPS} == set(ALL_FAMILIES) | MORE_GROUPS


def test_every_representation_has_a_page() -> None:
    names = set(BUILT) | NOT_BUILT | MORE_REPRESENTATIONS
    assert {file.stem for file in REPRESENTATIONS} == names


def test_the_index_leads_to_every_page() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(((?:groups|representations)/\w+\.md)\)", index)
    assert sorted(links) == sorted(f"{name_of(file)}.md" for file in PAGES)


@pytest.mark.parametrize("file", PAGES, ids=name_of)
def test_a_page_is_about_its_name(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    title = text.partition("\n")[0]
    if file.stem not in MORE_GROUPS | MORE_REPRESENTATIONS:
        assert re.match(rf"# `(G\.)?{file.stem}\b", title)
        assert re.search(rf"\b{file.stem}\b", example(file))
    assert says_later(file) == (not is_built(file))


@pytest.mark.parametrize("file", [f for f in PAGES if says_later(f)], ids=name_of)
def test_what_is_not_built_is_refused(file: Path) -> None:
    codes = {d.code for d in checked(file).diagnostics if d.severity is Severity.ERROR}
    assert codes == {"EQS210"}


@pytest.mark.parametrize("file", WRITTEN, ids=name_of)
def test_the_example_is_proved_and_lowered(file: Path) -> None:
    result = checked(file)
    assert [d.message for d in result.diagnostics if d.severity is not Severity.NOTE] == []
    done = compile_spec(result, "example", "example.eqs", emit=["module"])
    assert len(done.files) == 1, [d.message for d in done.diagnostics]


def test_examples_are_checked_without_numpy(tmp_path: Path) -> None:
    for file in WRITTEN:
        if file.stem in SOLVED_IN_CHECK:
            continue
        (tmp_path / f"{file.parent.name}_{file.stem}.eqs").write_text(example(file), "utf-8")
    code = (
        "import sys\n"
        "for name in ('numpy', 'torch', 'scipy', 'networkx'): sys.modules[name] = None\n"
        "from eqspec.cli import main\nmain(['check', '.'])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_the_emitted_tests_of_every_example_pass(tmp_path: Path) -> None:
    for file in WRITTEN:
        done = compile_spec(checked(file), f"{file.parent.name}_{file.stem}", "example.eqs")
        for emitted in done.files:
            (tmp_path / emitted.name).write_text(emitted.text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout[-4000:]


@pytest.mark.parametrize("file", [f for f in GROUPS if f in WRITTEN], ids=name_of)
def test_generators_of_a_group_are_as_its_page_says(file: Path) -> None:
    spec = checked(file).spec
    assert spec is not None
    cell = row(file, "generators")
    groups = [g for module in spec.modules for g in module.groups.values() if g.family == file.stem]
    if file.stem in MORE_GROUPS | {"subgroup"}:  # no factors
        return
    assert groups
    if file.stem in GENERATED or cell.startswith(("those of", "as written")):
        assert cell.startswith(("as written", "those of"))
        return
    renamed = dict(re.findall(r"(\w+): (\w+)", example(file).partition("named {")[2].split("}")[0]))
    names = {renamed.get(name, name) for name in re.findall(r"`(\w+)`", cell)}
    for group in groups:
        assert set(group.generators) <= names
        if "≥" not in cell and "enough" not in cell:
            assert set(group.generators) == names


def axes_of(file: Path) -> list[Representation]:
    """The axes of the example that are the page's subject."""
    spec = checked(file).spec
    assert spec is not None
    pattern = NAMES.get(file.stem, rf"\.{file.stem}\b")
    found = [
        axis.rep
        for module in spec.modules
        for node in module.nodes
        for block in node.type.blocks
        for axis in block.axes
        if isinstance(axis, RepAxis) and re.search(pattern, axis.rep.label)
    ]
    assert found
    return found


def class_of(rep: Representation) -> str:
    """The class of the whole representation, from its matrices under the generators."""
    images = [image for _, _, image in rep.generator_images()]
    matrices = [explicit(image) for image in images]
    if all(image.is_permutation for image in matrices):
        return "permutation"
    dense = [np.array([[float(v) for v in r] for r in rows_of(image)]) for image in matrices]
    if all(((np.abs(m) == 1).sum(axis=0) == 1).all() and np.abs(m).sum() == len(m) for m in dense):
        return "signed permutation"
    if all(is_orthogonal(image) for image in images):
        return "orthogonal"
    return "any"


@pytest.mark.parametrize("file", [f for f in REPRESENTATIONS if f in WRITTEN], ids=name_of)
def test_the_class_of_a_representation_is_as_its_page_says(file: Path) -> None:
    cell = row(file, "class")
    if cell == "that of the representation" or "or a smaller one" in cell:
        return
    if cell == "none: it is affine":  # there are no matrices to have a class
        assert all(rep.is_affine and not rep.is_orthogonal for rep in axes_of(file))
        return
    if cell == "none: no matrices":
        assert all(rep.is_sampled and not rep.is_orthogonal for rep in axes_of(file))
        return
    told, rest = set(), cell.rpartition("in the example:")[2]
    for name in CLASSES:
        if name in rest:
            told.add(name)
            rest = rest.replace(name, "")
    assert told
    if file.stem == "declared":
        return
    assert {class_of(rep) for rep in axes_of(file)} <= told


@pytest.mark.parametrize("file", [f for f in REPRESENTATIONS if f in WRITTEN], ids=name_of)
def test_a_representation_page_has_its_rows(file: Path) -> None:
    assert row(file, "groups")
    assert row(file, "shape")
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 70
