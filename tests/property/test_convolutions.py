"""Convolutions: what is accepted commutes with an action that is not the compiler's, and its kernels are
all that the law of kernels allows."""

from __future__ import annotations

import random

import pytest
import runner
import torch
from convolutions import Case, random_case, stands_symmetrically
from torch import nn

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source, compile_spec


def network(text: str, name: str = "M") -> nn.Module:
    checked = check_source(Source("x.eqs", text))
    assert checked.ok, (text, [d.message for d in checked.diagnostics])
    result = compile_spec(checked, "net", "net.eqs", emit=["module"])
    assert result.files, (text, [d.message for d in result.diagnostics])
    made: nn.Module = getattr(runner.load("net", result.files[0].text), name)().double()
    return made


def codes(text: str) -> list[str]:
    found = check_source(Source("x.eqs", text)).diagnostics
    return [d.code for d in found if d.severity.name == "ERROR"]


def holds(case: Case, model: nn.Module) -> bool:
    """Does the module commute with every generator, for random weights and inputs?"""
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        nn.init.normal_(parameter, generator=generator)
    shape = [case.source.channels, *(len(f.matrices[0]) for f in case.source.fibres)]
    shape[case.source.at : case.source.at] = case.sizes
    x = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        y = model(x)
        scale = float(y.abs().max())
        assert scale > 1e-6, "a convolution that says nothing"
        return all(
            torch.allclose(
                model(case.source.act(x, g, case.grid)),
                case.target.act(y, g, case.grid),
                rtol=0,
                atol=1e-9 * scale,
            )
            for g in range(case.symmetry.generators)
        )


def check_cases(seed: int, wanted: int, largest: int) -> None:
    rng = random.Random(seed)
    accepted = refused = 0
    while accepted < wanted or refused < wanted // 4:
        case = random_case(rng)
        if case is None or case.source.width * case.target.width > largest:
            continue
        found = codes(case.text)
        symmetric = stands_symmetrically(case)
        if found:
            refused += 1
            kernels = case.kernels() if symmetric else 0
            # refused because nothing commutes, because nothing is left, or because tied numbers differ
            assert not symmetric or not kernels or found in (["EQS461"], ["EQS462"]), (
                case.text,
                found,
            )
            continue
        assert symmetric, case.text
        model = network(case.text)
        weights = sum(p.numel() for name, p in model.named_parameters() if "bias" not in name)
        assert weights == case.kernels(), case.text
        assert holds(case, model), case.text
        accepted += 1


def test_random_convolutions_commute_and_have_all_kernels() -> None:
    check_cases(seed=2, wanted=8, largest=64)


@pytest.mark.slow
def test_many_random_convolutions_commute_and_have_all_kernels() -> None:
    check_cases(seed=11, wanted=250, largest=100)
