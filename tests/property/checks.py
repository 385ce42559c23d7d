"""What every emitted module must do, held against the matrices of the algebra."""

from __future__ import annotations

import numpy as np
import runner

from eqspec.graph.model import Level, Module
from eqspec.lowering.module import Lowered
from eqspec.ops.linear import LinearMaps
from eqspec.program.instructions import Parameter


def check_module(lowered: dict[str, Lowered], key: str, emitted: object, seed: int) -> None:
    module = lowered[key].module
    network = runner.build(emitted, key_class(emitted, module), module, seed)  # type: ignore[arg-type]
    rng = np.random.default_rng([seed, 9])
    words = runner.words_of(module, rng)
    x = runner.draw(module, max(4, len(words)), seed)
    before = runner.call(network, module, x)
    exact = {o.name: module.node(o.node).level() is not Level.APPROXIMATE for o in module.outputs}

    # the interpreter agrees
    other = runner.interpret(lowered, key, network, x)
    for name, ys in before.items():
        assert runner.distance(ys, other[name]) <= 1e-10 * runner.scale(ys), (name, "interpreter")

    # every generator and random words
    for word in words:
        moved = {f.name: runner.act(x[f.name], f.type, word) for f in module.inputs}
        after = runner.call(network, module, moved)
        for o in module.outputs:
            expected = runner.act(before[o.name], o.type, word)
            bound = 1e-9 * runner.size_of_action(o.type, word) * runner.scale(before[o.name])
            if exact[o.name]:
                assert runner.distance(after[o.name], expected) <= bound, (o.name, word)

    # every sample by its own element
    pieces = [
        {f.name: runner.act([b[k : k + 1] for b in x[f.name]], f.type, w) for f in module.inputs}
        for k, w in enumerate(words)
    ]
    if pieces:
        mixed = {
            f.name: tuple(
                np.concatenate([p[f.name][j] for p in pieces]) for j in range(len(f.type.blocks))
            )
            for f in module.inputs
        }
        after = runner.call(network, module, mixed)
        for o in module.outputs:
            for k, word in enumerate(words):
                expected = runner.act([b[k : k + 1] for b in before[o.name]], o.type, word)
                bound = 1e-9 * runner.size_of_action(o.type, word) * runner.scale(before[o.name])
                if exact[o.name]:
                    found = [b[k : k + 1] for b in after[o.name]]
                    assert runner.distance(found, expected) <= bound, (o.name, k, word)

    # any number of batch dimensions
    four = {n: tuple(b[:4] for b in bs) for n, bs in x.items()}
    flat = runner.call(network, module, four)
    deep = runner.call(
        network,
        module,
        {n: tuple(b.reshape(2, 1, 2, *b.shape[1:]) for b in bs) for n, bs in four.items()},
    )
    none = runner.call(network, module, {n: tuple(b[0] for b in bs) for n, bs in four.items()})
    empty = runner.call(network, module, {n: tuple(b[:0] for b in bs) for n, bs in four.items()})
    for o in module.outputs:
        for a, b, c, d in zip(flat[o.name], deep[o.name], none[o.name], empty[o.name], strict=True):
            assert np.abs(a - b.reshape(a.shape)).max() <= 1e-9 * runner.scale([a])
            assert b.shape == (2, 1, 2, *a.shape[1:])
            assert d.shape == (0, *a.shape[1:])
            assert np.abs(a[0] - c).max() <= 1e-9 * runner.scale([a])

    # as many free weights as the space has dimensions
    for node in module.nodes:
        if isinstance(node.data, LinearMaps):
            count = sum(
                int(np.prod(p.shape))
                for p in lowered[key].plain.instructions  # before weights that reach nothing go
                if isinstance(p, Parameter) and p.name.rpartition(".")[0] == node.name
            )
            expected_count = runner.linear_dimension(module, node)
            if expected_count is not None:
                assert count == expected_count, node.name


def key_class(emitted: object, module: Module) -> str:
    """The class of an instance: named as the module, numbered if there are several."""
    name = module.key if hasattr(emitted, module.key) else module.name
    assert hasattr(emitted, name), (module.key, sorted(vars(emitted)))
    return name
