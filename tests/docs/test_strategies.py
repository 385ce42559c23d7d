"""The page on strategies: its table is what `eqspec cost` prints, its numbers are those of the checker."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from eqspec.cli import main
from eqspec.diagnostics.model import Source
from eqspec.ops import OPS
from eqspec.pipeline import check_source, lower_spec
from eqspec.tools.costing import module_costs
from eqspec.tools.strategies import NAMES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "strategies.md").read_text(encoding="utf-8")


def fences(word: str) -> list[str]:
    return re.findall(rf"^```{word}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_table_is_what_cost_prints(tmp_path: Path) -> None:
    (tmp_path / "pair.eqs").write_text(fences("eqs")[0], encoding="utf-8")
    printed = CliRunner().invoke(main, ["cost", str(tmp_path / "pair.eqs")]).stdout
    (table,) = fences("text")
    shown = printed[printed.index("  strategies for") :].partition("\n  predicted time")[0]
    assert shown == table


def test_every_strategy_has_a_row() -> None:
    rows = set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE))
    assert rows == set(NAMES) & set(OPS)


def test_averaging_one_input_first_adds_the_orders() -> None:
    """8 calls where the product of the groups has 16 elements."""
    (text,) = [text for text in fences("eqs") if "summary" in text]
    result = check_source(Source("views.eqs", text))
    assert result.spec is not None
    lowered, refused = lower_spec(result.spec)
    assert not refused
    total = module_costs(lowered)[-1]["total"]
    assert (total["base_calls"], total["product_calls"]) == (8, 16)
