"""Answers by depth, of several nets and seeds: rows for machines, one line a place for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Generic, TypeVar

from archlab.analyze.by_depth.theory import Theory
from archlab.result import Answer, Cell, Column, Header, Missing, Table, Unit, document, record

Totals = TypeVar("Totals", covariant=True)
Row = TypeVar("Row", covariant=True)
Member = TypeVar("Member")


@dataclass(frozen=True)
class ByDepth(Answer, Generic[Totals, Row]):
    """One question (gradients, responses, identity, shattered) asked of several nets."""

    name: str
    header: Header
    # By the name of the net; a net without a theory is absent from `theories`.
    totals: Mapping[str, Totals]
    # A row is one net, seed and place, in the order of execution. A line of the table, in `shown`,
    # joins the seeds: people compare places, machines want every measurement.
    rows: tuple[Row, ...]
    shown: tuple[Mapping[str, Cell], ...]
    columns: tuple[Column, ...]
    missing: tuple[Missing, ...] = ()
    footer: tuple[str, ...] = ()
    theories: Mapping[str, Theory] = field(default_factory=dict)

    def table(self) -> Table:
        """Return one line a net and place, the seeds joined."""
        footer = (*self.footer, *map(str, self.missing))
        return Table(self.name, self.header.lines(), self.columns, self.shown, footer)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON record: totals by net, one row a net, seed and place."""
        totals = {net: _finite(record(amounts)) for net, amounts in self.totals.items()}
        rows = [_finite(record(row)) for row in self.rows]
        return document(self.name, self.header, self.missing, {"totals": totals, "rows": rows})


@dataclass(frozen=True, slots=True)
class Spread:
    """One quantity over the seeds: geometric mean, smallest and largest; None where unknown."""

    middle: float | None = None
    low: float | None = None
    high: float | None = None

    def text(self) -> str:
        """Return `1.3e+04 (1.1e+04 … 1.8e+04)`, without the band for one seed."""
        if self.middle is None:
            return "-"
        band = self.band()
        return f"{self.middle:.3g}" + (f" ({band})" if band != "-" else "")

    def band(self) -> str:
        """Return `1.1e+04 … 1.8e+04`, a dash where there is one value."""
        if self.low is None or self.high is None or self.low == self.high:
            return "-"
        return f"{self.low:.3g} … {self.high:.3g}"

    def cells(self, name: str) -> dict[str, Cell]:
        """Return the cells of a table's line: the mean as column `name`, and the band."""
        return {name: self.middle, "band": self.band(), "low": self.low, "high": self.high}


def spread(values: Sequence[float | None]) -> Spread:
    """Return the geometric mean and the band of positive values.

    Example:
        >>> spread([1.0, 100.0]).text()
        '10 (1 … 100)'
    """
    known = [value for value in values if value is not None]
    if not known:
        return Spread()
    # One value that is not finite makes the mean so, too: a mean of the others would hide it.
    infinite = [value for value in known if not math.isfinite(value)]
    if infinite:
        return Spread(next(filter(math.isnan, infinite), infinite[0]))
    # Norms span decades: an arithmetic mean would be that of the largest seed. Zeros have no
    # logarithm, so that they count for the band alone, unless all are zero.
    positive = [value for value in known if value > 0]
    middle = 0.0
    if positive:
        middle = math.exp(math.fsum(map(math.log, positive)) / len(positive))
    return Spread(middle, min(known), max(known))


def seed_line(rows: Sequence[Any], place: str, quantity: str) -> dict[str, Cell]:
    """Return a line's cells for `seed_columns`, from the rows of one net and place, one a seed."""
    first = record(rows[0])
    cells = {name: first[name] for name in ("net", place, "path", "stage")}
    return cells | spread([getattr(row, quantity) for row in rows]).cells(quantity)


def seed_columns(place: str, quantity: str, title: str) -> tuple[Column, ...]:
    """Return the columns that every table by depth has.

    `place` is the field that numbers the places, block or layer; `quantity` is the field whose mean
    and band over the seeds are shown.
    """
    return (
        Column("net", "net"),
        Column(place, place, Unit.COUNT),
        Column("path", "path"),
        Column("stage", "stage", Unit.COUNT),
        Column(quantity, title, Unit.NUMBER),
        Column("band", "min … max"),
    )


def grouped(rows: Sequence[Member], key: Callable[[Member], Hashable]) -> list[list[Member]]:
    """Return the rows that have the same key together, in the order of their first."""
    groups: dict[Hashable, list[Member]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.values())


def stages(shapes: Sequence[tuple[int, ...]], *, stem: bool) -> list[int]:
    """Return a stage number for each place: a new one where the size of the map changes.

    With `stem`, the first place is stage 0 whatever its size.

    Example:
        >>> stages([(16, 32, 32), (16, 32, 32), (32, 16, 16)], stem=True)
        [0, 1, 2]
    """
    # (C, H, W): channels may grow inside a stage; tokens (T, C) have no map.
    sizes = [shape[1:] if len(shape) > 2 else shape for shape in shapes[stem:]]
    changes = (i == 0 or size != sizes[i - 1] for i, size in enumerate(sizes))
    return [0] * (len(shapes) - len(sizes)) + list(accumulate(changes, initial=0))[1:]


def _finite(row: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return the row with null for nan and inf, which JSON lacks; `state` says what they were."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
