"""The law of every op is refused where it fails: certificates that lie about one thing, hashes made anew."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from certificates import record_of, remade

from eqspec.verify import Report, verify_certificate
from eqspec.verify.laws import LAWS

PRELUDE = """eqspec 1
group C = cyclic(2)
group Rot = cyclic(4)
group O = orthogonal(3)
group L = lorentz(1, 3)
group S = symmetric(4)
"""


def node(record: dict[str, Any], op: str) -> dict[str, Any]:
    (found,) = (n for module in record["modules"] for n in module["nodes"] if n["op"] == op)
    one: dict[str, Any] = found
    return one


def verified(record: dict[str, Any]) -> Report:
    return verify_certificate(remade(record).encode(), {})


def op_is(other: str) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda record, one: one.update(op=other)


def data_is(**values: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda record, one: one["data"].update(values)


def rep_of(record: dict[str, Any], label: str) -> dict[str, Any]:
    (found,) = (rep for rep in record["representations"] if rep["label"] == label)
    one: dict[str, Any] = found
    return one


def signed(label: str) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    """The last generator of a permutation representation gets a sign on all entries, also an action."""

    def change(record: dict[str, Any], one: dict[str, Any]) -> None:
        rep = rep_of(record, label)
        for factor, images in rep["matrices"].items():
            (image,) = images
            size = rep["degree"]
            shift = image["offsets"][0] if "offsets" in image else 0
            moved = [-((k + shift) % size + 1) for k in range(size)]
            rep["matrices"][factor] = [{"permutation": moved}]

    return change


CASES: list[tuple[str, str, Callable[[dict[str, Any], dict[str, Any]], None]]] = [
    ("input x: [C.sign]\n output y: [C.sign] = tanh(x)", "tanh", op_is("relu")),
    ("input x: [C.sign]\n output y: [C.sign] = tanh(x)", "tanh", op_is("gelu")),
    ("input x: [O.vector]\n output y: [O.vector] = norm_relu(x)", "norm_relu", op_is("relu")),
    (
        "input x: [3, Rot.regular]\n output y: [3] = pool(x, over=Rot, by=max)",
        "pool",
        signed("Rot.regular"),
    ),
    (
        "input x: [3, Rot.regular]\n output y: [3] = pool(x, over=Rot)",
        "pool",
        data_is(axes=[[0]]),
    ),
    (
        "input x: [O.vector]\n output y: [1] = norm(x)",
        "norm",
        data_is(forms=[[[[1, 0, 0], [0, 1, 0], [0, 0, 2]]]]),
    ),
    (
        "input x: [L.vector]\n output y: [1] = dot(x, x)",
        "dot",
        data_is(forms=[[None]]),
    ),
    (
        "input x: [L.vector]\n input g: [1]\n output y: [L.vector] = gated(x, g)",
        "gated",
        lambda record, one: one.update(
            op="norm_relu",
            args=["x"],
            edges=one["edges"][:1],
            data={"axes": [[0]], "forms": [[None]], "squared": False},
        ),
    ),
    (
        "input x: [3, Rot.regular]\n output y: [3, Rot.regular] = layer_norm(x)",
        "layer_norm",
        signed("Rot.regular"),
    ),
    (
        "input x: [3, O.vector]\n output y: [3, O.vector] = batch_norm(x)",
        "batch_norm",
        data_is(biases=[True]),
    ),
    (
        "input x: [3, O.vector]\n output y: [3, O.vector] = batch_norm(x)",
        "batch_norm",
        data_is(mean=[True]),
    ),
    (
        "input x: [Rot.rot90(8, 8)]\n output y: [Rot.rot90(4, 4)] = max_pool2d(x, kernel=2)",
        "max_pool2d",
        data_is(stride=[1, 2]),
    ),
    (
        "input x: [Rot.rot90(8, 8)]\n output y: [4, Rot.rot90(8, 8)] = conv2d(x, kernel=3, padding=1)",
        "conv2d",
        data_is(padding=[[2, 0], [1, 1]]),
    ),
    (
        "input x: [2, Rot.regular]\n output y: [3, Rot.regular] = linear(x)",
        "linear",
        data_is(each=[[[1]], [[1]]]),
    ),
    (
        "input x: [Rot.regular]\n base f: [4] -> [4]\n output y: [Rot.regular] = equitune(f, x)",
        "equitune",
        data_is(elements=2),
    ),
    (
        "input x: [Rot.regular]\n base f: [4] -> [4]\n output y: [Rot.regular] = equitune(f, x)",
        "equitune",
        data_is(branches=[[]]),
    ),
    (
        "input x: [S.natural, O.vector]\n output y: [S.natural, O.vector] = center(x, over=S)",
        "center",
        data_is(axes=[[1]]),
    ),
    (
        "input x: [2, Rot.regular] + [3, C.sign]\n output y: [3, C.sign] = identity(x[1])",
        "block",
        data_is(start=0, stop=1),
    ),
    (
        "input x: [C.sign]\n input z: [C.sign]\n output y: [C.sign] = x + z",
        "+",
        lambda record, one: record["modules"][0]["nodes"][0]["type"][0].update(axes=[1]),
    ),
]


@pytest.mark.parametrize(("body", "op", "change"), CASES)
def test_a_law_that_fails_is_found(
    body: str, op: str, change: Callable[[dict[str, Any], dict[str, Any]], None]
) -> None:
    used = [
        line
        for line in PRELUDE.splitlines()
        if not line.startswith("group") or f"{line.split()[1]}." in body
    ]
    record = record_of("\n".join(used) + f"\nmodule M {{\n {body}\n}}\n")
    good = verified(record)
    assert good.findings == []
    assert not any(op in reason for reason in good.trusted)
    change(record, node(record, op))
    assert {"op", "representation", "dimension"} & {f.part for f in verified(record).findings}


def test_ops_of_the_compiler_are_in_the_table_or_named() -> None:
    """What has no law yet is listed here, so that a new op is a decision."""
    from eqspec.ops import INTERNAL, OPS

    without = set(OPS) | set(INTERNAL) | {"input"}
    assert set(LAWS) <= without
    assert without - set(LAWS) == WITHOUT_LAW


WITHOUT_LAW = set(
    "attention patch_embedding invariants contract instance_norm group_norm coset greps frame"
    " resize upsample pad steerable_conv2d conv_transpose1d conv_transpose2d conv_transpose3d"
    " adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d"
    " adaptive_max_pool2d adaptive_max_pool3d".split()
)


def test_hostile_certificates_end_soon() -> None:
    """Values that fit the form and would take for ever."""
    start = record_of(
        "eqspec 1\ngroup C = cyclic(2)\nmodule M {\n input x: [C.sign]\n output y: [C.sign] = tanh(x)\n}\n"
    )

    def doubled(record: dict[str, Any]) -> None:
        for k in range(60):
            inner = {"rep": len(record["representations"]) - 1}
            record["representations"].append(
                {
                    "label": str(k),
                    "degree": 2 ** (k + 1),
                    "shape": [2 ** (k + 1)],
                    "groups": {"C": 0},
                    "sum": [[inner], [inner]],
                }
            )

    def large(record: dict[str, Any]) -> None:
        record["groups"][0]["matrices"] = [{"identity": 10**12}]

    def grid(record: dict[str, Any]) -> None:
        image = {"lattice": [4096, 4096], "axes": [1, 0], "signs": [1, 1], "offsets": [1, 0]}
        record["groups"][0].update(matrices=[image], order=2**40)

    def order(record: dict[str, Any]) -> None:
        n = 300
        moved = [k % n + 1 for k in range(1, n + 1)]
        swap = [2, 1, *range(4, n + 1), 3]
        record["groups"][0].update(
            generators=["a", "b"],
            order=10**200,
            matrices=[{"permutation": moved}, {"permutation": swap}],
        )

    def axes(record: dict[str, Any]) -> None:
        record["modules"][0]["nodes"][1]["type"][0]["axes"] = [{"rep": 0}] * 5000

    def word(record: dict[str, Any]) -> None:
        record["modules"][0]["ensures"] = [
            {
                "features": ["y"],
                "kind": "invariant",
                "level": "exact",
                "factors": ["C"],
                "subgroup": "K",
                "words": [[["C", 0, 10**9]]],
            }
        ]

    for change in (doubled, large, grid, order, axes, word):
        record = json.loads(json.dumps(start))
        change(record)
        before = time.process_time()
        verified(record)
        assert time.process_time() - before < 20, change.__name__
    for text in (b"[" * 100_000, b'{"a":' * 100_000, b"", b"\xff", b"{}", b"1e999", b"9" * 10_000):
        assert not verify_certificate(text, {}).ok
    deep = remade(start)[:-2] + ', "x": ' + "[" * 900 + "]" * 900 + "}\n"
    assert not verify_certificate(deep.encode(), {}).ok
