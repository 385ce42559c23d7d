"""What an average calls and what it loses: the cases with known answers, through the checker."""

from __future__ import annotations

from pathlib import Path

from eqspec.diagnostics.model import Source
from eqspec.graph.model import Module
from eqspec.ops.averaging import Average
from eqspec.pipeline import CheckResult, check_file, check_source, lower_spec
from eqspec.tools.costing import module_costs

ROOT = Path(__file__).resolve().parents[2]
FACTORS = {"C4 x C2": (4, 2), "C4 x C2 x C3": (4, 2, 3), "C2 x C2": (2, 2)}


def check(text: str) -> CheckResult:
    return check_source(Source("calls.eqs", "eqspec 1\n" + text))


def module(result: CheckResult) -> Module:
    assert result.spec is not None, result.diagnostics
    assert result.ok, [d.message for d in result.diagnostics]
    return result.spec.modules[-1]


def average(result: CheckResult) -> Average:
    data = module(result).node("y").data
    assert isinstance(data, Average)
    return data


def product(orders: tuple[int, ...], op: str, target: str | None = None) -> CheckResult:
    """An average over a product of cyclic groups that acts on regular x regular x ..."""
    names = "ABC"[: len(orders)]
    groups = "".join(f"group {n} = cyclic({k})\n" for n, k in zip(names, orders, strict=True))
    type_ = "[" + ", ".join(f"{n}.regular" for n in names) + "]"
    sizes = "[" + ", ".join(map(str, orders)) + "]"
    answer = sizes if target is None else target
    return check(
        f"{groups}module M {{\n  input x: {type_}\n  base net: {sizes} -> {answer}\n"
        f"  output y: {target or type_} = {op}(net, x)\n}}\n"
    )


def base_calls(result: CheckResult) -> int:
    """Of the whole module, as its lowered program makes them."""
    assert result.spec is not None
    lowered, refused = lower_spec(result.spec)
    assert not refused
    calls = module_costs(lowered)[-1]["total"]["base_calls"]
    assert isinstance(calls, int)
    return calls


def test_the_product_against_the_sum_of_the_orders() -> None:
    for name, full, multi in (("C4 x C2", 8, 6), ("C4 x C2 x C3", 24, 9)):
        for op, calls in (("equitune", full), ("multi_equitune", multi)):
            result = product(FACTORS[name], op)
            assert average(result).calls == calls
            assert base_calls(result) == calls


def test_the_span_of_multi_equitune() -> None:
    """1 + sum of (n - 1) of the product, on regular x regular; it is said as a warning."""
    for name, span, whole in (("C4 x C2", 5, 8), ("C4 x C2 x C3", 7, 24)):
        result = product(FACTORS[name], "multi_equitune")
        report = average(result).multi
        assert report is not None
        assert (report.output_span, report.output_dimension) == (span, whole)
        (warning,) = [d for d in result.diagnostics if d.code == "EQS408"]
        assert f"output span {span} of {whole}" in warning.message


def test_invariants_of_a_product_lose_their_input() -> None:
    """The output is kept whole, and three of four dimensions of the input: a warning all the same."""
    result = product(FACTORS["C2 x C2"], "multi_equitune", "[1]")
    report = average(result).multi
    assert report is not None
    assert (report.output_span, report.output_dimension) == (1, 1)
    assert (report.input_kept, report.input_dimension) == (3, 4)
    assert [d.code for d in result.diagnostics] == ["EQS408"]


def test_swapped_pairs_of_words_keep_every_linear_map() -> None:
    """Three pairs that three groups swap, and four words that stay: 52 of 52, and no warning."""
    words = " + ".join(["[A.regular]", "[B.regular]", "[C.regular]", "fixed [4]"])
    result = check(
        "group A = cyclic(2)\ngroup B = cyclic(2)\ngroup C = cyclic(2)\n"
        f"module M {{\n  input x: {words}\n  base net: [2] + [2] + [2] + [4] -> [2] + [2] + [2] + [4]\n"
        f"  output y: {words.replace('fixed ', '')} = multi_equitune(net, x)\n}}\n"
    )
    report = average(result).multi
    assert report is not None
    assert (report.reached, report.hom) == (52, 52)
    assert report.linear_complete
    assert [d.code for d in result.diagnostics] == []
    assert average(result).calls == 6


VIEWS = ROOT / "examples" / "four_views" / "four_views.eqs"


def test_four_views_with_shared_and_with_separate_fusions() -> None:
    """One network for what a view tells all others: 16 + 16. One for each ordered pair: 16 + 48. An
    average over the product of the four groups: 256."""
    shared = check_file(VIEWS, "four_views.eqs", ROOT)
    assert base_calls(shared) == 32
    text = VIEWS.read_text(encoding="utf-8")
    pairs = [(i, j) for i in range(1, 5) for j in range(1, 5) if i != j]
    for i, j in pairs:
        start = text.index(f"  f{i}: ")
        line = text[start : text.index("\n", start)]
        text = text.replace(line, line.replace(f"context, view{j}", f"context{i}{j}, view{j}"))
    networks = "".join(f"  base context{i}{j}: [3, 16, 16] -> [32, 4]\n" for i, j in pairs)
    text = text.replace("  base context: [3, 16, 16] -> [32, 4]\n", networks)
    separate = check_source(Source("separate.eqs", text))
    assert base_calls(separate) == 64
    naive = check(
        "group R1 = cyclic(4)\ngroup R2 = cyclic(4)\ngroup R3 = cyclic(4)\ngroup R4 = cyclic(4)\n"
        "module M {\n"
        + "".join(f"  input v{k}: [3, R{k}.rot90(16, 16)]\n" for k in range(1, 5))
        + "  base net: [3, 16, 16] + [3, 16, 16] + [3, 16, 16] + [3, 16, 16] -> [10]\n"
        "  output y: [10] = equitune(net, v1, v2, v3, v4)\n}\n"
    )
    assert average(naive).calls == 256


DIHEDRAL = (
    "group N = cyclic(4) named { r: r }\ngroup H = cyclic(2) named { r: s }\n"
    "group D = semidirect(N, H) { s { r -> r^-1 } }\ngroup Turns = subgroup(D, r)\n"
    "group Mirror = subgroup(D, s)\nmodule M {\n  input x: [2, D.regular]\n  base net: [2, 8] -> [8]\n"
    "  output y: [D.regular] = "
)


def test_cosets_in_a_group_that_is_no_direct_product() -> None:
    """Of the turns (normal) and of one mirror image (not normal): as many calls as the subgroup has
    elements. The design by branches is refused."""
    for call, calls in (
        ("equitune(net, x)", 8),
        ("coset(net, x, average=Turns)", 4),
        ("coset(net, x, average=Mirror)", 2),
        ("coset(net, x)", 1),
    ):
        assert base_calls(check(DIHEDRAL + call + "\n}\n")) == calls, call
    refused = check(DIHEDRAL + "multi_equitune(net, x)\n}\n")
    assert [d.code for d in refused.diagnostics] == ["EQS435"]
