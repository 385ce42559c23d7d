"""Run the emitted tests of a spec in this process: on the emitted module, or on a twin of it by hand."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from eqspec.algebra.averages import FWord
from eqspec.diagnostics.model import Source
from eqspec.graph.model import Module
from eqspec.graph.types import Type
from eqspec.pipeline import check_source, compile_spec

from .runner import float_matrix, load

LEFT_OUT = ("test_export_and_compile", "test_gradients", "test_state")  # not about the law; slow
_names = itertools.count()


class Emitted:
    """A spec that was compiled; ``stem`` is a name of its own, for `sys.modules`."""

    def __init__(self, text: str) -> None:
        self.stem = f"twin{next(_names)}"
        result = check_source(Source(f"{self.stem}.eqs", text))
        done = compile_spec(result, self.stem, f"{self.stem}.eqs")
        assert done.files, [d.message for d in done.diagnostics]
        self.codes = {d.code for d in done.diagnostics}
        texts = {file.name: file.text for file in done.files}
        self.module_text = texts[f"{self.stem}.py"]
        self.test_text = texts[f"test_{self.stem}.py"]
        assert result.spec is not None
        self.spec: Module = result.spec.modules[-1]

    def emitted_class(self) -> type[nn.Module]:
        found: type[nn.Module] = getattr(load(self.stem, self.module_text), self.spec.name)
        return found

    def failures(self, twin: type[nn.Module] | str | None = None) -> dict[str, str]:
        """The emitted tests that fail, with what they say: on the emitted module, on a changed text of
        it, or with the class by hand in place of the emitted one."""
        module = load(self.stem, twin if isinstance(twin, str) else self.module_text)
        if isinstance(twin, type):
            setattr(module, self.spec.name, twin)
        tests = load(f"test_{self.stem}", self.test_text)
        found: dict[str, str] = {}
        for name, test in list(vars(tests).items()):
            if name.startswith("test_") and not name.startswith(LEFT_OUT):
                for case in tests.CASES:
                    try:
                        test(case)
                    except AssertionError as error:
                        found[name] = str(error)
        del sys.modules[self.stem], sys.modules[f"test_{self.stem}"]
        return found


def moved(xs: Sequence[Tensor], type_: Type, word: FWord) -> list[Tensor]:
    """A word of the group acts on tensors with any batch dimensions, by the matrices of the algebra."""
    done = []
    for x, block in zip(xs, type_.blocks, strict=True):
        matrix = torch.from_numpy(np.array(float_matrix(block, word))).to(x)
        lead = x.shape[: x.dim() - len(block.shape)]
        done.append((x.reshape(*lead, math.prod(block.shape)) @ matrix.T).reshape(x.shape))
    return done


def relative_error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-12))
