"""Random specs through the whole compiler; the emitted modules are held against the algebra."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import runner
from checks import check_module
from generate import Spec, random_spec

from eqspec.pipeline import compile_spec

FAST = range(60)
ALL = range(320)


def check_spec(spec: Spec) -> tuple[int, str]:
    result = compile_spec(spec.checked, "random_net", "random_net.eqs", emit=["module"])
    assert result.files, [d.message for d in result.diagnostics]
    text = result.files[0].text
    emitted = runner.load("random_net", text)
    lowered = dict(result.lowered)
    for number, key in enumerate(lowered):
        check_module(lowered, key, emitted, 1000 * spec.seed + number)
    return len(lowered), text


def check_all(seeds: range, folder: Path) -> None:
    ops: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    modules, failed = 0, []
    for seed in seeds:
        spec = random_spec(seed)
        ops += spec.ops
        refused += spec.refused
        try:
            made, text = check_spec(spec)
        except Exception as error:
            failed.append(f"--- seed {seed}: {type(error).__name__}: {error}\n{spec.text}")
            continue
        modules += made
        if seed < 30:
            (folder / f"net_{seed}.py").write_text(text, encoding="utf-8")
    print(
        f"\n{len(seeds)} specs, {modules} modules, {len(ops)} ops"
        f" ({', '.join(f'{name} {count}' for name, count in ops.most_common())});"
        f" {sum(refused.values())} layers refused"
        f" ({', '.join(f'{code} {count}' for code, count in sorted(refused.items()))})"
    )
    assert not failed, f"{len(failed)} specs failed\n" + "\n".join(failed)
    for command in (["check"], ["format", "--check"]):
        line = [sys.executable, "-m", "ruff", *command, "--isolated", "--target-version", "py311"]
        done = subprocess.run([*line, str(folder)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_random_specs(tmp_path: Path) -> None:
    check_all(FAST, tmp_path)


@pytest.mark.slow
def test_many_random_specs(tmp_path: Path) -> None:
    check_all(ALL, tmp_path)
