"""The table of ops names what its files bring, and a file is imported only when it is needed."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import eqspec.ops
from eqspec.ops import _FILES, INTERNAL, OPS


def test_every_file_brings_the_names_in_its_line() -> None:
    for file, names in _FILES.items():
        module = importlib.import_module(f"eqspec.ops.{file}")
        assert sorted(op.name for op in module.OPS) == sorted(names.split()), file
    assert all(OPS[name].name == name for name in OPS)
    assert all(INTERNAL[name].name == name for name in INTERNAL)


def test_no_file_with_ops_is_forgotten() -> None:
    for found in pkgutil.iter_modules(eqspec.ops.__path__):
        module = importlib.import_module(f"eqspec.ops.{found.name}")
        assert hasattr(module, "OPS") == (found.name in _FILES), found.name


def test_what_a_spec_does_not_call_is_not_imported() -> None:
    code = (
        "import sys, eqspec.pipeline as p\n"
        "from eqspec.diagnostics.model import Source\n"
        "text = 'eqspec 1\\ngroup G = cyclic(4)\\nmodule M {\\n  input x: [3, G.regular]\\n'\n"
        "text += '  output y: [2, G.regular] = linear(x)\\n}\\n'\n"
        "result = p.check_source(Source('m.eqs', text))\n"
        "assert not result.diagnostics, result.diagnostics\n"
        "print(*sorted(m for m in sys.modules if m.startswith('eqspec.ops.')))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "eqspec.ops.linear" in found
    for name in ("attention", "conv", "pools", "frames", "coset", "averaging", "steerable"):
        assert f"eqspec.ops.{name}" not in found
