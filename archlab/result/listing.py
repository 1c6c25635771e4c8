"""A list with no model behind it (nets of the zoo, what a machine has), for the same views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from archlab.result.answer import Answer, record
from archlab.result.table import Column, Table

Row = TypeVar("Row", covariant=True)


@dataclass(frozen=True)
class Listing(Answer, Generic[Row]):
    """Rows, one dataclass an entry, and the columns and sentences that a table shows."""

    name: str  # what is listed: models, doctor
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    header: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    extra: tuple[tuple[str, Any], ...] = ()  # further JSON entries by name

    def table(self) -> Table:
        """Return the table of all rows."""
        rows = tuple(record(row) for row in self.rows)
        return Table(self.name, self.header, self.columns, rows, self.footer)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON record: schema, further entries and rows."""
        rows = [record(row) for row in self.rows]
        return {"schema": f"archlab.{self.name}/1", **dict(self.extra), "rows": rows}
