"""Rows of a table for a page: the text of each cell, and its number for sorting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archlab.result import Cell, Column, Table, Unit, cell_text, nested


@dataclass(frozen=True, slots=True)
class HtmlCell:
    """One cell."""

    text: str
    value: str | None  # what it is sorted by: None for text, empty for no number


@dataclass(frozen=True, slots=True)
class HtmlRow:
    """One row."""

    path: str
    depth: int
    name: str
    leaf: bool  # a module that holds no others
    cells: tuple[HtmlCell, ...]


def rows(table: Table) -> Iterator[HtmlRow]:
    """Yield the rows; the first column is the row's name.

    Example:
        >>> line = {"path": "layer1.0", "params": 9408}
        >>> columns = (Column("path", "module"), Column("params", "params", Unit.COUNT))
        >>> [row.cells[0].text for row in rows(Table("t", (), columns, (line,)))]
        ['9,408']
    """
    paths = [str(row.get("path", "")) for row in table.rows]
    holders = {path.rpartition(".")[0] for path in paths} if table.tree else set()
    first = table.columns[0]
    lines = nested(paths) if table.tree else [(0, "")] * len(paths)
    for row, path, (level, name) in zip(table.rows, paths, lines, strict=True):
        head = cell_text(row.get(first.name), first.unit)
        yield HtmlRow(
            path=path,
            depth=level,
            name=(name or head or "the model") if table.tree else head,
            leaf=path not in holders,
            cells=tuple(_cell(row.get(column.name), column) for column in table.columns[1:]),
        )


def _cell(value: Cell, column: Column) -> HtmlCell:
    text = cell_text(value, column.unit)
    if column.unit == Unit.TEXT:
        return HtmlCell(text, None)
    # The shown text is rounded: sorting by it would put equal texts in any order.
    return HtmlCell(text, repr(value) if isinstance(value, int | float) else "")
