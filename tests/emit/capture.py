"""What can be done with an emitted module besides calling it: each check as a function of module and inputs.

In: an emitted module by one way of lowering. Out: for every check None where it holds, or what went wrong.
`python -m tests.emit.capture` prints the table of docs/speed.md.
"""

from __future__ import annotations

import copy
import io
import pickle
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.emit.host_sync import host_syncs, on_meta, tensors
from tests.emit.lowerings import WAYS, Emitted, emitted_by, specs

Run = Callable[..., Any]


class Subject:
    """A class of an emitted module with weights and inputs in double precision."""

    def __init__(self, tests: Any, case: Any) -> None:
        self.tests = tests
        self.case = case
        self.module = tests.build(case)
        x = tests.draw(case, 3)
        self.args = tuple(tests.arguments(case, x))
        self.masks = tests.masks(case, x) if hasattr(tests, "masks") else {}

    def __call__(self, run: Run, args: Any = None) -> list[torch.Tensor]:
        return tensors(run(*(self.args if args is None else args), **self.masks))

    def gradients(self, run: Run) -> list[torch.Tensor]:
        """Of every parameter, for a sum of the outputs with fixed weights."""
        self.module.zero_grad()
        torch.manual_seed(0)
        ys = [y for y in self(run) if y.requires_grad]
        if ys:
            total = sum((y * torch.randn(y.shape, dtype=y.dtype)).sum() for y in ys)
            torch.autograd.backward(total)
        return [p.grad for p in self.module.parameters() if p.grad is not None]


def same(found: list[torch.Tensor], expected: list[torch.Tensor], bound: float = 1e-9) -> None:
    assert len(found) == len(expected), "another number of results"
    for a, b in zip(found, expected, strict=True):
        size = max(1.0, float(b.detach().abs().max()) if b.numel() else 0.0)
        worst = float((a.detach() - b.detach()).abs().max()) if b.numel() else 0.0
        assert a.shape == b.shape and worst <= bound * size, f"differs by {worst:.1e}"


def compiles(subject: Subject) -> None:
    """One graph, with its backward pass."""
    torch._dynamo.reset()
    run = torch.compile(subject.module, fullgraph=True, backend="aot_eager")
    same(subject(run), subject(subject.module))
    expected = [g.clone() for g in subject.gradients(subject.module)]
    same(subject.gradients(run), expected)


def exports(subject: Subject) -> None:
    program = torch.export.export(subject.module, subject.args, subject.masks)
    same(subject(program.module()), subject(subject.module))


def dynamic(subject: Subject) -> Any:
    """The program for any batch."""
    batch = torch.export.Dim("batch", min=2)
    names = [*subject.args, *subject.masks.values()]
    shapes = [
        tuple({0: batch} for _ in arg) if isinstance(arg, tuple) else {0: batch} for arg in names
    ]
    import inspect

    keys = inspect.signature(subject.module.forward).parameters
    return torch.export.export(
        subject.module,
        subject.args,
        subject.masks,
        dynamic_shapes=dict(zip(keys, shapes, strict=True)),
    )


def exports_any_batch(subject: Subject) -> None:
    program = dynamic(subject).module()
    same(subject(program), subject(subject.module))
    twice = [
        tuple(torch.cat([b, b]) for b in arg) if isinstance(arg, tuple) else torch.cat([arg, arg])
        for arg in subject.args
    ]
    masks = {name: torch.cat([mask, mask]) for name, mask in subject.masks.items()}
    found, expected = (tensors(run(*twice, **masks)) for run in (program, subject.module))
    same(found, expected)


def copies(subject: Subject) -> None:
    expected = subject(subject.module)
    same(subject(copy.deepcopy(subject.module)), expected, 0)
    same(subject(pickle.loads(pickle.dumps(subject.module))), expected, 0)
    buffer = io.BytesIO()
    torch.save(subject.module.state_dict(), buffer)
    buffer.seek(0)
    other = subject.tests.build(subject.case, seed=5)
    other.load_state_dict(torch.load(buffer))
    same(subject(other), expected, 0)


def launches(subject: Subject) -> None:
    """Nothing waits for numbers of the device; last, since it takes the numbers away."""
    module = copy.deepcopy(subject.module).to("meta")
    for backward in (False, True):
        found = host_syncs(module, on_meta(subject.args), on_meta(subject.masks), backward)
        assert not found, found


def onnx(subject: Subject) -> None:
    import onnxruntime

    single = copy.copy(subject)
    single.module = copy.deepcopy(subject.module).float()

    def cast(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(cast(v) for v in value)
        return value.float() if value.is_floating_point() else value

    single.args = tuple(cast(arg) for arg in single.args)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            single.module, single.args, kwargs=single.masks, dynamo=True, verbose=False
        )
        file = Path(folder) / "module.onnx"
        program.save(file)
        session = onnxruntime.InferenceSession(file)
    flat = [*tensors(single.args), *single.masks.values()]
    names = [i.name for i in session.get_inputs()]
    found = session.run(None, {k: v.numpy() for k, v in zip(names, flat, strict=True)})
    same([torch.from_numpy(y) for y in found], single(single.module), 1e-4)


CHECKS: dict[str, Callable[[Subject], None]] = {
    "compile, with backward": compiles,
    "export": exports,
    "export, any batch": exports_any_batch,
    "pickle, deepcopy, state": copies,
    "no host sync": launches,
    "ONNX": onnx,
}


def failures(made: Emitted, wanted: tuple[str, ...] = tuple(CHECKS)) -> dict[tuple[str, str], str]:
    """What fails, by class and check; the class that comes last calls the others of its file."""
    found = {}
    case = made.tests.CASES[-1]
    for name in wanted:
        try:
            CHECKS[name](Subject(made.tests, case))
        except Exception as error:  # whatever a capture raises is its answer
            text = str(error).strip().split("\n")[0] or type(error).__name__
            found[case.name, name] = f"{type(error).__name__}: {text[:200]}"
    return found


def main() -> None:
    """The table, one row for each way."""
    good: dict[str, Counter[str]] = {way: Counter() for way in WAYS}
    total: Counter[str] = Counter()
    known = sys.argv[1:]
    for name, text in specs():
        if known and name not in known:
            continue
        for way in WAYS:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    made = emitted_by(name, text, way, Path(folder))
                except Exception as error:  # said, and not counted as good
                    print(f"{name} {way}: not emitted: {error!r}", file=sys.stderr, flush=True)
                    total[way] += 1
                    continue
                if made is None:
                    continue
                total[way] += 1
                found = failures(made)
                bad = {check for _, check in found}
                good[way].update(check for check in CHECKS if check not in bad)
                for key, problem in found.items():
                    print(f"{name} {way} {key}: {problem}", file=sys.stderr, flush=True)
    print("| way | specs | " + " | ".join(CHECKS) + " |")
    print("|" + "---|" * (len(CHECKS) + 2))
    for way in WAYS:
        print(f"| {way} | {total[way]} | " + " | ".join(str(good[way][c]) for c in CHECKS) + " |")


if __name__ == "__main__":
    main()
