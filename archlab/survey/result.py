"""The rows of a scan as a Result: totals, the table, and what could not be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from archlab.errors import OptionError, did_you_mean, keyword
from archlab.result import Column, Header, Missing, Result, columns
from archlab.survey.row import ScanRow

CONVENTIONS = (
    "1 MAC = 1 multiply-add; activations: what convolutions and matrix products put out; rf, jump: "
    "height of the largest local field; depth: weighted layers on the longest path",
    "inference peak: activations alive at once, without the weights; training: everything, Adam "
    "unless another optimizer is asked for",
)


@dataclass(frozen=True, slots=True)
class ScanTotals:
    """How many rows are complete, partial (a lower bound, or a number missing) and failed."""

    models: int
    complete: int
    partial: int
    failed: int
    seconds: float


def scan_result(
    rows: Sequence[ScanRow], *, of: Sequence[ScanRow] | None = None
) -> Result[ScanTotals, ScanRow]:
    """Return rows as a result; `of` are those among which a condition chose.

    What failed has no numbers for a condition; it is told all the same.
    """
    failed = [row for row in rows if row.error]
    partial = sum(bool(row.missing) for row in rows if not row.error)
    totals = ScanTotals(
        models=len(rows),
        complete=len(rows) - partial - len(failed),
        partial=partial,
        failed=len(failed),
        seconds=round(sum(row.seconds for row in rows), 3),
    )
    asked = ", ".join(dict.fromkeys(row.asked for row in rows if row.asked))
    parts = (part for row in rows if not row.error for part in row.versions.split(", "))
    versions = ", ".join(dict.fromkeys(parts))
    retry = f" (a table keeps them; {keyword('retry')} measures them again)" if failed else ""
    chosen = f"{len(rows):,} of {len(of):,} rows" if of is not None else f"{len(rows):,} models"
    shown = set(map(id, rows))
    hidden = [row for row in of or () if row.error and id(row) not in shown]
    unseen = f"; {len(hidden):,} more failed and are not among these rows" if hidden else ""
    return Result(
        name="scan",
        header=Header(chosen, asked or "each model's own", "eval", versions, CONVENTIONS),
        totals=totals,
        rows=tuple(rows),
        columns=_columns(rows),
        missing=tuple(_failures([*failed, *hidden])),
        footer=(
            f"{totals.complete:,} complete, {partial:,} with something missing (column missing), "
            f"{len(failed):,} failed{retry}{unseen}; {totals.seconds:,.1f} s of work",
        ),
    )


def ordered(result: Result[ScanTotals, ScanRow], sort: str) -> Result[ScanTotals, ScanRow]:
    """Return the rows sorted by a column, numbers from the largest, `-COLUMN` the other way.

    Rows that lack the number come last.

    Raises:
        OptionError: no such column.
    """
    name, turned = check_column(sort), sort.startswith("-")
    having = [row for row in result.rows if getattr(row, name) not in (None, "")]
    lacking = [row for row in result.rows if getattr(row, name) in (None, "")]
    # People look for the largest number and for the first name.
    texts = any(isinstance(getattr(row, name), str) for row in having)
    having.sort(key=lambda row: getattr(row, name), reverse=texts == turned)
    return replace(result, rows=(*having, *lacking))


def check_column(sort: str) -> str:
    """Return the column to sort by, without the sign; OptionError where there is none."""
    name, known = sort.removeprefix("-"), [part.name for part in fields(ScanRow)]
    if name not in known:
        raise OptionError(
            f"no column {name!r} to sort by.{did_you_mean(name, known)} "
            f"The columns are: {', '.join(known)}."
        )
    return name


def _columns(rows: Sequence[ScanRow]) -> tuple[Column, ...]:
    """Leave out what no row has."""
    absent = [name for name in ("accuracy", "error") if not any(getattr(row, name) for row in rows)]
    # How a row was measured is what tells equal names apart.
    absent += ["asked"] if len({row.asked for row in rows}) < 2 else []
    return tuple(column for column in columns(ScanRow) if column.name not in absent)


def _failures(failed: Sequence[ScanRow]) -> list[Missing]:
    """Return the rows without numbers, by the sort of their error."""
    by_sort: dict[str, list[ScanRow]] = {}
    for row in failed:
        by_sort.setdefault(row.error.partition(":")[0], []).append(row)
    return [
        Missing(f"models ended by {sort}", len(rows), first.model, first.error.partition(": ")[2])
        for sort, rows in by_sort.items()
        for first in rows[:1]
    ]
