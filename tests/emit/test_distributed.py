"""Averages whose calls are shared by processes: the same values and gradients as in one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source, compile_spec

SPEC = """eqspec 1
group A = cyclic(4)
group B = cyclic(2)
group D = dihedral(4)
group Turns = subgroup(D, r)
module Full {
  input x: [2, A.regular, B.regular]
  base net: [2, 4, 2] -> [3, 4, 2]
  output y: [3, A.regular, B.regular] = equitune(net, x)
}
module Multi {
  input x: [2, A.regular, B.regular]
  base net: [2, 4, 2] -> [3, 4, 2]
  output y: [3, A.regular, B.regular] = multi_equitune(net, x)
}
module Deep {
  input x: [2, A.regular]
  input z: [B.sign]
  base net: [4, 4] + [1] -> [3, 4] + [2]
  h: [4, A.regular] = tanh(linear(x))
  y: [3, A.regular] + [2] = equitune(net, h, z)
  output out: [5] = linear(y, h)
}
module Weighted {
  input x: [2, A.regular, B.regular]
  base net: [2, 4, 2] -> [3, 4, 2]
  base w: [2, 4, 2] -> [1]
  output y: [3, A.regular, B.regular] = lambda_equitune(net, w, x)
}
module Chosen {
  input x: [2, A.regular, B.regular]
  base net: [2, 4, 2] -> [3, 4, 2]
  output y: [3, A.regular, B.regular] = equizero(net, x, by=entropy)
}
module FewWeighted {
  input x: [2]
  base net: [2] -> [3]
  base w: [2] -> [1]
  output y: [3] = lambda_equitune(net, w, x)
}
module FewChosen {
  input x: [2]
  base net: [2] -> [3]
  output y: [3] = equizero(net, x, by=margin)
}
module Coset {
  input x: [2, D.regular]
  base net: [2, 8] -> [8]
  output y: [D.regular] = coset(net, x, average=Turns)
}
module Energy {
  input x: [2, D.regular]
  base net: [2, 8] -> [8]
  base energy: [2, 8] -> [1]
  output y: [D.regular] = coset(net, x, average=Turns, by=energy)
}
module Trivial {
  input x: [2]
  base net: [2] -> [3]
  output y: [3] = equitune(net, x)
}
"""
ONE = ((16, ((3, 4, 2),)),)
CASES = [
    ("Full", ONE, ((2, 4, 2),), 8, 1),
    ("Multi", ONE, ((2, 4, 2),), 6, 1),
    ("Deep", ((17, ((3, 4), (2,))),), ((2, 4), (1,)), 8, 1),
    ("Trivial", ((2, ((3,),)),), ((2,),), 1, 1),
    ("Weighted", (*ONE, (16, ((1,),))), ((2, 4, 2),), 8, 2),  # the largest weight, the sums
    ("Chosen", ONE, ((2, 4, 2),), 8, 2),  # the least energy, the sums
    ("FewWeighted", ((2, ((3,),)), (2, ((1,),))), ((2,),), 1, 2),
    ("FewChosen", ((2, ((3,),)),), ((2,),), 1, 2),
    ("Coset", ((16, ((8,),)),), ((2, 8),), 4, 1),
    ("Energy", ((16, ((8,),)), (16, ((1,),))), ((2, 8),), 4, 1, True),
]


def emitted(distributed: bool) -> str:
    result = compile_spec(
        check_source(Source("shared.eqs", SPEC)),
        "shared",
        "shared.eqs",
        ["module"],
        distributed=distributed,
    )
    assert result.files, [d.message for d in result.diagnostics]
    return result.files[0].text


def test_nothing_of_it_without_the_option() -> None:
    text = emitted(False)
    assert "dist" not in text.replace("distribution", "") and "group=" not in text
    assert "process_group" in emitted(True)


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 3])
def test_the_same_as_in_one_process(ranks: int, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if not torch.distributed.is_available():
        pytest.skip("this torch has no processes")
    from tests.emit.distributed_ranks import run

    (tmp_path / "shared.py").write_text(emitted(True))
    torch.multiprocessing.spawn(run, (ranks, str(tmp_path), CASES), nprocs=ranks)
