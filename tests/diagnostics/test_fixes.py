"""Repairs: each does what it says, and only what can hardly be meant otherwise is called sure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eqspec.diagnostics.codes import CODES, page
from eqspec.diagnostics.model import Diagnostic, Severity, Source, Span
from eqspec.diagnostics.suggest import is_sure, suggestion
from eqspec.pipeline import check_source
from eqspec.tools.formatting.repairs import repaired, with_fixes

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```eqs\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEAD = "eqspec 1\ngroup Rot = cyclic(4)\ngroup Flip = cyclic(2)\n"
MODULE = HEAD + "module Main {{\n  input front: [3, Rot.regular]\n  {}\n}}\n"


def check(source: Source) -> tuple[Diagnostic, ...]:
    return check_source(source).diagnostics


def errors(found: tuple[Diagnostic, ...], below: str = "EQS9") -> list[str]:
    return [one.code for one in found if one.severity is Severity.ERROR and one.code < below]


def mistakes() -> list[str]:
    texts = [text for code in sorted(CODES) for text in FENCE.findall(page(code) or "")]
    return texts + [
        file.read_text(encoding="utf-8")
        for file in sorted((ROOT / "tests" / "syntax" / "bad").glob("*.eqs"))
    ]


def test_repairs_of_some_pages() -> None:
    assert repairs_hold(mistakes()[::5]) > 5


@pytest.mark.slow
def test_repairs_of_every_page() -> None:
    assert repairs_hold(mistakes()) > 40


def repairs_hold(texts: list[str]) -> int:
    """Each repair takes its message away, and leaves no more syntax errors than there were."""
    made = 0
    for text in texts:
        source = Source("x.eqs", text)
        before = check(source)
        for found in before:
            for fix in found.fixes:
                after = check(Source("x.eqs", with_fixes(text, [fix])[0]))
                same = [one for one in before if one.code == found.code]
                assert len([one for one in after if one.code == found.code]) < len(same), (
                    fix,
                    text,
                )
                assert len(errors(after, "EQS2")) <= len(errors(before, "EQS2")), (fix, text)
                made += 1
    return made


# what is mistyped, and what it becomes; None: nobody can be sure
REPAIRS = {
    "output y: [1] = liner(front)": "output y: [1] = linear(front)",
    "output y: [1] = linear(frnot)": "output y: [1] = linear(front)",
    "output y: [1] = linear(Front)": "output y: [1] = linear(front)",
    "ouput y: [1] = linear(front)": "output y: [1] = linear(front)",
    "output y: [1] = linear(front,, )": None,
    "h: [3, Rot.regular] = linear(front)\n  output y: [1] = linear(hh)": None,
    "output y: [3, rot.regular] = linear(front)": "output y: [3, Rot.regular] = linear(front)",
    "output y: [3, Rot.reglar] = linear(front)": "output y: [3, Rot.regular] = linear(front)",
    "output y: [1] = linear(pool(front, ovr=Rot))": None,
    "output y: [1] = linear(pool(front, over=Rot, by=maen))": "output y: [1] ="
    " linear(pool(front, over=Rot, by=mean))",
    "output y: [1] = linear(front, baias=false)": "output y: [1] = linear(front, bias=false)",
    "output y: [1] = linear(front);": "output y: [1] = linear(front)",
    "output y: [1 = linear(front)": "output y: [1] = linear(front)",
    "output y: [1] = linear(front": "output y: [1] = linear(front)",
    "output y: [1] == linear(front)": "output y: [1] = linear(front)",
    "output y: [2×3] = linear(front)": "output y: [2*3] = linear(front)",
    "output y: [1] = linear(front))": None,
    "output y: [1] = linear(fr)": None,
    "output y: [1] = linear(front)\n  ensure y invariant under Rott": "output y: [1] ="
    " linear(front)\n  ensure y invariant under Rot",
}


@pytest.mark.parametrize("line", REPAIRS)
def test_sure_repairs(line: str) -> None:
    fixed, made = repaired(Source("x.eqs", MODULE.format(line)), check)
    wanted = REPAIRS[line]
    if wanted is None:
        assert (fixed.text, made) == (MODULE.format(line), 0)
    else:
        assert fixed.text == MODULE.format(wanted)
        assert errors(check(fixed)) == []


def test_one_repair_brings_the_next_to_light() -> None:
    text = HEAD + "modle Main {\n  inptu x: [3, Rot.reglar]\n  output y: [1] = liner(x)\n}\n"
    fixed, made = repaired(Source("x.eqs", text), check)
    assert made == 4
    assert errors(check(fixed)) == []


def test_a_file_in_its_layout_stays_in_it() -> None:
    """The longer name moves the column of its neighbours."""
    good = (
        "eqspec 1\n\ngroup Turn = cyclic(4)\nrep Turn.legs = permutation([left, right]) {\n"
        "  r -> (left right)\n}\n\nmodule M {\n  input x: flat {\n    a: [Turn.legs]\n"
        "    b: [TUrn.legs]  # two\n  }\n  output y: [1] = linear(x)\n}\n"
    )
    assert repaired(Source("x", good), check)[0].text == good.replace("TUrn", "Turn")
    wide = good.replace("a: [Turn.legs]", "a: [Turnn.legs]  # one").replace(
        "[TUrn.legs]", "[Turn.legs] "
    )
    narrow = wide.replace("[Turnn.legs]", "[Turn.legs]").replace(
        "[Turn.legs]   #", "[Turn.legs]  #"
    )
    assert repaired(Source("x", wide), check)[0].text == narrow


@pytest.mark.parametrize(
    ("word", "near", "known", "sure"),
    [
        ("liner", "linear", ("linear", "pool"), True),
        ("lniear", "linear", ("linear",), True),
        ("Linear", "linear", ("linear",), True),
        ("lineaar", "linear", ("linear",), True),
        ("lin", "linear", ("linear",), False),  # two letters more
        ("view5", "view4", ("view4",), False),  # digits are no slip
        ("view", "view4", ("view4",), False),
        ("ab", "abc", ("abc",), False),  # short words share letters by accident
        ("rot", "Rot", ("Rot", "ROT"), False),  # which of the two
        ("fronts", "front", ("front", "frontz"), False),
        ("cosh", "cos", ("cos",), False),  # these are other functions
        ("acos", "cos", ("cos",), False),
        ("prelu", "relu", ("relu",), False),
        ("erfc", "erf", ("erf",), False),
        ("ViewB", "ViewA", ("ViewA",), False),  # and this another group
        ("view_b", "view_a", ("view_a",), False),
        ("gelu", "celu", ("celu",), False),
        ("llinear", "linear", ("linear",), True),
        ("linearr", "linear", ("linear",), True),
        ("x", "X", ("X",), False),
    ],
)
def test_what_is_sure(word: str, near: str, known: tuple[str, ...], sure: bool) -> None:
    assert is_sure(word, near, known) is sure


def test_a_suggestion_is_one_thing() -> None:
    near = suggestion("liner", ["linear"], Span(3, 8))
    assert near.help == "did you mean `linear`?"
    assert [(fix.edits, fix.sure) for fix in near.fixes] == [(((Span(3, 8), "linear"),), True)]
    assert suggestion("qqqq", ["linear"], Span(0, 4)) == (None, None, ())
