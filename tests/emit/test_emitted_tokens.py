"""Emitted modules and symmetry functions of words: clean, green, and red where a word is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source, compile_spec

SPEC = """\
eqspec 1
group Verb = cyclic(4)
group Side = cyclic(2)
group Words = Verb * Side
rep Words.command = permutation(9) { Verb.r -> (1 2 3 4)  Side.r -> (6 7) }
rep Words.action = permutation([STOP, UP, A, B, C, D]) { Verb.r -> (A B C D)  Side.r -> (STOP UP) }
interface Lang {
  input command: index(Words.command)[5] + [Side.regular]
  output next: index(Words.action)[1]
}
interface Scores {
  input command: index(Words.command)[5]
  output score: [Words.action]
}
module Seq {
  input command: index(Words.command)[4]
  input written: index(Words.action)[3] + [Side.regular, 2]
  base seq2seq: index(9)[4], index(6)[3], [4] -> [3, 6]
  output full: [3, Words.action] = equitune(seq2seq, command, written)
  output fast: [3, Words.action] = multi_equitune(seq2seq, command, written[0], written[1])
}
module Encoder {
  input command: index(Words.command)[4]
  input place: index(Words.action)[Side.regular]
  h: [4, Words.regular, 4] = embedding(command)
  p: [Side.regular, Words.regular] + [Side.regular, 3] = embedding(place)
  output y: [Words.action] = linear(tanh(h), p)
}
module Judge {
  input command: index(Words.command)[4]
  base net: index(9)[4] -> [2]
  output y: [2] = equitune(net, command)
}
"""


SIZES = """\
eqspec 1
param n = dynamic
param m = dynamic
group Verb = cyclic(4)
group S = symmetric(m)
rep Verb.words = permutation(6) { r -> (1 2 3 4) }
module Inner(k, G: group) {
  input ids: index(Verb.words)[k]
  base net: index(6)[k] -> [6, 2]
  output p: [Verb.words, 2] = equitune(net, ids)
  output q: [k, G.regular] = embedding(ids)
}
module Sentence {
  input ids: index(Verb.words)[n]
  input bag: index(Verb.words)[S.natural]
  input pair: index(Verb.words)[2]
  base b: index(6)[2] -> [6, 2]
  h: [n, Verb.regular, 5] = embedding(ids)
  k: [n, Verb.regular, 3] = relu(linear(h, each=n))
  e: [S.natural, Verb.regular, 3] = embedding(bag)
  a = Inner(pair, k=2, G=Verb, net=b)
  output y: [n, Verb.words] = linear(k, each=n)
  output z: [Verb.words] = linear(pool(e, over=S), a.p, a.q)
  output w: [S.natural, Verb.regular] = relu(linear(e))
}
"""


def written(folder: Path, spec: str = SPEC) -> dict[str, str]:
    result = compile_spec(check_source(Source("words.eqs", spec)), "words", "words.eqs")
    assert result.files, [d.message for d in result.diagnostics]
    for file in result.files:
        (folder / file.name).write_text(file.text, encoding="utf-8")
    return {file.name: file.text for file in result.files}


def tool(folder: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""


def test_files_are_clean_by_other_tools(tmp_path: Path) -> None:
    found = written(tmp_path)
    assert set(found) == {
        "words.py",
        "test_words.py",
        "words_symmetry.py",
        "test_words_symmetry.py",
    }
    assert tool(tmp_path, "ruff", "check", "--isolated", ".") == ""
    assert tool(tmp_path, "ruff", "format", "--check", "--isolated", ".") == ""
    controls = re.findall(r"control=\((.*)\)", found["test_words.py"])
    assert '"command", "", "one word"' in controls, "an invariant output has no other control"


def test_a_number_that_is_no_word_is_an_error(tmp_path: Path) -> None:
    module: Any = types.ModuleType("words")
    sys.modules["words"] = module
    exec(compile(written(tmp_path)["words.py"], "words.py", "exec"), module.__dict__)
    encoder = module.Encoder().eval()
    base = torch.nn.Sequential(torch.nn.Embedding(9, 2), torch.nn.Flatten(), torch.nn.Linear(8, 2))
    judge = module.Judge(base).eval()
    good, place = torch.tensor([[0, 1, 8, 3]]), torch.tensor([[0, 5]])
    encoder(good, place)
    judge(good)
    for wrong in (-1, 9):
        bad = torch.tensor([[0, 1, wrong, 3]])
        with pytest.raises((IndexError, RuntimeError)):
            encoder(bad, place)
        with pytest.raises((IndexError, RuntimeError)):
            judge(bad)


@pytest.mark.slow
def test_emitted_tests_are_green_and_see_a_wrong_word(tmp_path: Path) -> None:
    found = written(tmp_path)
    assert tool(tmp_path, "mypy", "--strict", ".") == ""
    assert tool(tmp_path, "pytest", "-q", "-p", "no:cacheprovider") == ""
    text = found["words.py"]
    faults = {
        # the command is not moved with what was written; no word stands for its orbit
        "= _renamed(x0, self.seq2seq_move_words[g])": "= x0",
        "= _renamed(command, self.fast_first)": "= command",
    }
    for right, wrong in faults.items():
        assert text.count(right) == 1, right
        (tmp_path / "words.py").write_text(text.replace(right, wrong), encoding="utf-8")
        command = ("pytest", "-q", "-p", "no:cacheprovider", "-k", "float64", "test_words.py")
        assert "test_equivariance_in_float64[Seq]" in tool(tmp_path, *command)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dynamic", "padded"])
def test_emitted_tests_at_many_lengths_are_green(tmp_path: Path, kind: str) -> None:
    """Sentences of one length for a batch, or of their own; also in a module beside them."""
    written(tmp_path, SIZES.replace("dynamic", kind))
    assert tool(tmp_path, "mypy", "--strict", ".") == ""
    assert tool(tmp_path, "ruff", "format", "--check", "--isolated", ".") == ""
    assert tool(tmp_path, "pytest", "-q", "-p", "no:cacheprovider") == ""
