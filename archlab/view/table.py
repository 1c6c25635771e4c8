"""A Result as text, tree, CSV, JSON or Markdown.

`table` and `tree` are for people: as deep as fits a screen. `csv` and `json` are for machines: every
row, raw numbers. `md` is a table for a README.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from archlab.errors import OptionError, did_you_mean
from archlab.result import Cell, Table
from archlab.text import cells, plain

_SCREEN = 45  # rows that people still read


class Showable(Protocol):
    """What a view needs of a result."""

    def table(self) -> Table:
        """Return the table of all rows."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON record."""
        ...


def as_table(result: Showable, table: Table, width: int | None) -> str:
    """Return aligned text with whole paths in the first column."""
    return plain(replace(table, tree=False, rows=tuple(_named(row, table) for row in table.rows)), width)


def as_tree(result: Showable, table: Table, width: int | None) -> str:
    """Return aligned text with the first column indented by depth."""
    return plain(table, width)


def as_markdown(result: Showable, table: Table, width: int | None) -> str:
    """Return a Markdown table, with header and footer as paragraphs."""
    flat = replace(table, tree=False, rows=tuple(_named(row, table) for row in table.rows))
    right = [":---" if column.unit == "text" else "---:" for column in table.columns]
    lines = [[column.title for column in table.columns], right, *cells(flat)]
    body = "\n".join("| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines)
    return "\n\n".join(["\n".join(table.header), body, *table.footer])


def as_csv(result: Showable, table: Table, width: int | None) -> str:
    """Return CSV of the raw rows: every field of the JSON rows, one line a row."""
    rows = table.rows
    text = io.StringIO()
    names = list(rows[0]) if rows else [column.name for column in table.columns]
    writer = csv.DictWriter(text, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")


def as_json(result: Showable, table: Table, width: int | None) -> str:
    """Return the JSON record with the rows that the table shows."""
    document = result.to_dict()
    if "rows" in document and len(table.rows) != len(document["rows"]):
        document = {**document, "rows": [dict(row) for row in table.rows]}
    return json.dumps(document, indent=2)


FORMATS: dict[str, Callable[[Showable, Table, int | None], str]] = {
    "table": as_table,
    "tree": as_tree,
    "csv": as_csv,
    "json": as_json,
    "md": as_markdown,
}


def render(
    result: Showable,
    style: str = "tree",
    *,
    depth: int | None = None,
    sort: str | None = None,
    width: int | None = None,
) -> str:
    """Return a result in one of the FORMATS.

    Args:
        result: what to show.
        style: a key of FORMATS.
        depth: rows of a module tree down to this depth (1 = the model's children); None chooses
            what fits a screen for people, and everything for machines.
        sort: a column to sort by, numbers from the largest; the tree becomes a flat table.
        width: cut text columns to fit this many characters.

    Raises:
        OptionError: an unknown format or column.
    """
    if style not in FORMATS:
        raise OptionError(
            f"format {style!r} is unknown.{did_you_mean(style, FORMATS)} "
            f"Allowed: {', '.join(FORMATS)}."
        )
    table = result.table()
    if table.tree:
        table = _cut(table, depth, people=style in ("table", "tree", "md"))
    if sort is not None:
        table = _sorted(table, sort)
        style = "table" if style == "tree" else style
    return FORMATS[style](result, table, width)


def _cut(table: Table, depth: int | None, *, people: bool) -> Table:
    deepest = max((_depth(row) for row in table.rows), default=0)
    if depth is None:
        depth = deepest
        if people:
            fits = [
                level
                for level in range(1, deepest + 1)
                if sum(_depth(row) <= level for row in table.rows) <= _SCREEN
            ]
            depth = max(fits, default=1)
    rows = tuple(row for row in table.rows if _depth(row) <= depth)
    footer = table.footer
    if len(rows) < len(table.rows) and people:
        hint = f"{len(rows)} of {len(table.rows)} rows: --depth {deepest} shows all"
        footer = (*footer, hint)
    return replace(table, rows=rows, footer=footer)


def _depth(row: Mapping[str, Cell]) -> int:
    path = str(row["path"])
    return path.count(".") + 1 if path else 0


def _sorted(table: Table, sort: str) -> Table:
    names = list(table.rows[0]) if table.rows else [column.name for column in table.columns]
    if sort not in names:
        raise OptionError(
            f"no column {sort!r} to sort by.{did_you_mean(sort, names)} "
            f"The columns are: {', '.join(names)}."
        )
    numeric = all(isinstance(row[sort], int | float | None) for row in table.rows)

    def key(row: Mapping[str, Cell]) -> Any:
        value = row[sort]
        if numeric:
            return float("inf") if value is None else -float(value)
        return str(value)

    # The model itself stays on top: it is the total.
    head = [row for row in table.rows if row.get("path") == ""]
    rest = [row for row in table.rows if row.get("path") != ""]
    return replace(table, rows=(*head, *sorted(rest, key=key)), tree=False)


def _named(row: Mapping[str, Cell], table: Table) -> Mapping[str, Cell]:
    return {**row, "path": "(model)"} if row.get("path") == "" else row


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
