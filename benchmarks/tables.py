"""Tables of results: as text, as Markdown, as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Cell = str | float | int | None


@dataclass
class Table:
    """``key`` names the table in a page; a column whose name ends in " s" holds seconds."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *cells: Cell) -> None:
        assert len(cells) == len(self.columns), (cells, self.columns)
        self.rows.append(cells)

    def as_json(self) -> dict[str, Any]:
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"key": self.key, "title": self.title, "rows": rows, "notes": self.notes}

    def _texts(self) -> list[list[str]]:
        return [
            [_text(cell, column) for cell, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]

    def as_text(self) -> str:
        rows = [list(self.columns), *self._texts()]
        widths = [max(len(row[k]) for row in rows) for k in range(len(self.columns))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([self.title, "", *lines, *(f"* {note}" for note in self.notes), ""])

    def as_markdown(self) -> str:
        lines = [f"**{self.title}**", "", f"| {' | '.join(self.columns)} |"]
        lines.append("|" + "---|" * len(self.columns))
        lines += [f"| {' | '.join(row)} |" for row in self._texts()]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines)


def _text(cell: Cell, column: str) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        if column.endswith(" s"):
            return seconds(cell)
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def seconds(value: float) -> str:
    """With the unit that reads best."""
    if value >= 1:
        return f"{value:.3g} s"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} us"


def goal(value: float, most: float | None = None, least: float | None = None) -> str:
    """The goal, and whether it is met."""
    if most is not None:
        return f"<= {most:g}: {'met' if value <= most else 'missed'}"
    assert least is not None
    return f">= {least:g}: {'met' if value >= least else 'missed'}"
