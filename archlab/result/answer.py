"""What every question answers with: a Result of totals and rows, and its Table for the views.

A number is complete, partial (a lower bound; `missing` says what was not counted) or unavailable
(None). Totals and rows are frozen dataclasses whose field names are the JSON keys and CSV columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Generic, TypeVar

from archlab.result.table import Cell, Column, Table
from archlab.result.text import plain


class Status(StrEnum):
    """How far a number can be trusted."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that was not counted."""

    what: str  # an operator or a quantity
    count: int = 1  # how often
    path: str = ""  # where first
    why: str = ""

    def __str__(self) -> str:
        """Return the sentence that stands below a table."""
        where = f" (first in {self.path})" if self.path else ""
        why = f": {self.why}" if self.why else ""
        times = f" ×{self.count}" if self.count > 1 else ""
        return f"not counted: {self.what}{times}{where}{why}"


@dataclass(frozen=True, slots=True)
class Header:
    """What a result holds for: printed above every table, and the head of every JSON."""

    model: str
    input: str
    mode: str
    build: str
    conventions: tuple[str, ...]

    def lines(self) -> tuple[str, ...]:
        """Return the sentences that stand above a table."""
        facts = f"{self.model} · input {self.input} · {self.mode} mode · {self.build}"
        return facts, *self.conventions

    def to_dict(self) -> dict[str, Any]:
        """Return the entries of a JSON record."""
        return {
            "model": self.model,
            "input": self.input,
            "mode": self.mode,
            "conventions": list(self.conventions),
            "build": self.build,
        }


class Answer(ABC):
    """What a view shows: a table for people, a JSON record for machines, and a status."""

    missing: tuple[Missing, ...] = ()

    @abstractmethod
    def table(self) -> Table:
        """Return the table of all rows."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the JSON record."""

    @property
    def status(self) -> Status:
        """Complete, or partial where something was not counted."""
        return status_of(self.missing)

    def __str__(self) -> str:
        """Return the table as plain text, as wide as it needs to be."""
        return plain(self.table())


Totals = TypeVar("Totals", covariant=True)
Row = TypeVar("Row", covariant=True)


@dataclass(frozen=True)
class Result(Answer, Generic[Totals, Row]):
    """Totals and rows of one question; a total is also an attribute: `result.macs`.

    Attributes:
        name: the question: params, flops, memory …
        header: what the numbers hold for.
        totals: a dataclass of totals.
        rows: one dataclass a module (or node, or metric), in call order.
        columns: the columns that a table shows.
        missing: what was not counted; empty when the status is complete.
        footer: sentences below the table.
        extra: further JSON entries by name.
        tree: whether the rows are a module tree.

    Example:
        >>> from archlab import params
        >>> answer = params("resnet20")
        >>> answer.status, answer.params, answer.rows[0].type
        (<Status.COMPLETE: 'complete'>, 269722, 'CifarResNet')
    """

    name: str
    header: Header
    totals: Totals
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    missing: tuple[Missing, ...] = ()
    footer: tuple[str, ...] = ()
    extra: tuple[tuple[str, Any], ...] = ()
    tree: bool = False

    def __getattr__(self, name: str) -> Any:
        """Return a total by name."""
        # copy and pickle ask for special names before `totals` is set: that must not recurse.
        if name.startswith("_") or name == "totals":
            raise AttributeError(name)
        try:
            return getattr(self.totals, name)
        except AttributeError:
            known = ", ".join(record(self.totals))
            raise AttributeError(f"no total {name!r}; the totals are {known}") from None

    def table(self) -> Table:
        """Return the table of all rows."""
        return Table(
            title=self.name,
            header=self.header.lines(),
            columns=self.columns,
            rows=tuple(record(row) for row in self.rows),
            footer=(*self.footer, *map(str, self.missing)),
            tree=self.tree,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON record: schema, provenance, status, totals and rows."""
        rows = [record(row) for row in self.rows]
        entries = {"totals": record(self.totals), **dict(self.extra), "rows": rows}
        return document(self.name, self.header, self.missing, entries)


def status_of(missing: tuple[Missing, ...]) -> Status:
    """Return complete, or partial where something is missing."""
    return Status.PARTIAL if missing else Status.COMPLETE


def record(row: Any) -> dict[str, Cell]:
    """Return the fields of a dataclass as a dictionary, in their order."""
    return {part.name: getattr(row, part.name) for part in fields(row)}


def document(
    name: str, header: Header, missing: tuple[Missing, ...], entries: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the JSON record of an answer: schema, provenance, status, and its own entries."""
    return {
        "schema": f"archlab.{name}/1",
        **header.to_dict(),
        "status": str(status_of(missing)),
        "missing": [record(gap) for gap in missing],
        **entries,
    }
