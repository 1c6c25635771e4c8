"""A result as text, tree, CSV, JSON or Markdown.

`table` and `tree` are for people: as deep as fits a screen. `csv` and `json` are for machines:
every row, raw numbers. `md` is a table for a README.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from archlab.errors import OptionError, check_one_of, did_you_mean, keyword
from archlab.quoting import csv_cell, markdown
from archlab.result import Answer, Cell, Table, Unit, cells, depth as depth_of, plain

_SCREEN = 45  # rows that fit a screen and are still read


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to show."""

    table: Table  # the chosen rows
    document: Mapping[str, Any]  # the JSON record of the answer
    width: int | None = None  # characters a line


def as_table(page: Page) -> str:
    """Return aligned text with whole paths in the first column."""
    return plain(_flat(page.table), page.width)


def as_tree(page: Page) -> str:
    """Return aligned text with the first column indented by depth."""
    return plain(page.table, page.width)


def as_markdown(page: Page) -> str:
    """Return a Markdown table, with header and footer as paragraphs."""
    table = _flat(page.table)
    rule = [":---" if column.unit == Unit.TEXT else "---:" for column in table.columns]
    lines = [[column.title for column in table.columns], rule, *cells(table)]
    body = "\n".join(f"| {' | '.join(map(markdown, line))} |" for line in lines)
    return "\n\n".join(["\n".join(map(markdown, table.header)), body, *map(markdown, table.footer)])


def as_csv(page: Page) -> str:
    """Return CSV of the raw rows: every field of the JSON rows, one line a row."""
    rows = page.document["rows"]
    text = io.StringIO()
    names = list(rows[0]) if rows else [column.name for column in page.table.columns]
    writer = csv.DictWriter(text, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: csv_cell(value) for name, value in row.items()})
    return text.getvalue().rstrip("\n")


def as_json(page: Page) -> str:
    """Return the JSON record."""
    return json.dumps(page.document, indent=2)


FORMATS: dict[str, Callable[[Page], str]] = {
    "tree": as_tree,
    "table": as_table,
    "csv": as_csv,
    "json": as_json,
    "md": as_markdown,
}


def render(
    result: Answer,
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
    check_one_of("format", style, FORMATS)
    table, document = result.table(), result.to_dict()
    if table.tree:
        people = style in ("table", "tree", "md")
        table = _cut(table, depth, people=people)
        document = {**document, "rows": list(table.rows)}
    if sort is not None:
        table = _flat(replace(table, rows=tuple(_sorted(table.rows, sort))))
        document = {**document, "rows": _sorted(document["rows"], sort)}
        style = "table" if style == "tree" else style
    return FORMATS[style](Page(table, document, width))


def _cut(table: Table, most: int | None, *, people: bool) -> Table:
    depths = [depth_of(str(row["path"])) for row in table.rows]
    deepest = max(depths, default=0)
    if most is None and people:
        levels = range(deepest, 0, -1)
        most = next((n for n in levels if sum(depth <= n for depth in depths) <= _SCREEN), 1)
    if most is None or most >= deepest:
        return table
    pairs = zip(table.rows, depths, strict=True)
    rows = tuple(row for row, level in pairs if level <= most)
    hint = f"{len(rows)} of {len(table.rows)} rows: {keyword('depth', deepest)} shows all"
    return replace(table, rows=rows, footer=(*table.footer, hint) if people else table.footer)


def _sorted(rows: Any, sort: str) -> list[Mapping[str, Cell]]:
    names = list(rows[0]) if rows else []
    if rows and sort not in names:
        raise OptionError(
            f"no column {sort!r} to sort by.{did_you_mean(sort, names)} "
            f"The columns are: {', '.join(names)}."
        )
    # Names sort from a to z, numbers from the largest: the first rows are what is looked for.
    numeric = all(isinstance(row[sort], int | float | None) for row in rows)

    def key(row: Mapping[str, Cell]) -> Any:
        value = row[sort]
        if not numeric:
            return str(value)
        return float("inf") if value is None else -float(value)

    # The model itself stays on top: it is the total.
    return sorted(rows, key=lambda row: (row.get("path") != "", key(row)))


def _flat(table: Table) -> Table:
    rows = (
        {**row, "path": "(model)"} if table.tree and row.get("path") == "" else row
        for row in table.rows
    )
    return replace(table, tree=False, rows=tuple(rows))
