"""Answers by depth, of several nets and seeds: rows for machines, one line a place for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from archlab.result import Cell, Column, Header, Missing, Status, Table, plain, record

Totals = TypeVar("Totals", covariant=True)
Row = TypeVar("Row", covariant=True)


@dataclass(frozen=True)
class ByDepth(Generic[Totals, Row]):
    """One question asked of several nets at every depth.

    Attributes:
        name: the question: gradients, responses, identity, shattered.
        header: what the numbers hold for.
        totals: one dataclass a net, by its name.
        rows: one dataclass a net, seed and place, in the order of execution.
        shown: the lines of the table: the seeds joined.
        columns: the columns of the table.
        missing: what was not measured.
        footer: sentences below the table.
    """

    name: str
    header: Header
    totals: Mapping[str, Totals]
    rows: tuple[Row, ...]
    shown: tuple[Mapping[str, Cell], ...]
    columns: tuple[Column, ...]
    missing: tuple[Missing, ...] = ()
    footer: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """Complete, or partial where something was not measured."""
        return Status.PARTIAL if self.missing else Status.COMPLETE

    def table(self) -> Table:
        """Return one line a net and place, the seeds joined."""
        head = self.header
        return Table(
            title=self.name,
            header=(
                f"{head.model} · input {head.input} · {head.mode} mode · {head.build}",
                *head.conventions,
            ),
            columns=self.columns,
            rows=self.shown,
            footer=(*self.footer, *map(str, self.missing)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON record: totals by net, one row a net, seed and place."""
        head = self.header
        return {
            "schema": f"archlab.{self.name}/1",
            "model": head.model,
            "input": head.input,
            "mode": head.mode,
            "conventions": list(head.conventions),
            "build": head.build,
            "status": str(self.status),
            "missing": [record(item) for item in self.missing],
            "totals": {net: _numbers(record(item)) for net, item in self.totals.items()},
            "rows": [_numbers(record(row)) for row in self.rows],
        }

    def __str__(self) -> str:
        """Return the table as plain text."""
        return plain(self.table())


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
        if self.low is None or self.high is None or self.low == self.high:
            return f"{self.middle:.3g}"
        return f"{self.middle:.3g} ({self.low:.3g} … {self.high:.3g})"


def spread(values: Sequence[float | None]) -> Spread:
    """Return the geometric mean and the band of positive values.

    Zeros count for the band, not for the mean, unless all are zero; one value that is not finite
    makes the mean so, too.

    Example:
        >>> spread([1.0, 100.0]).text()
        '10 (1 … 100)'
    """
    known = [value for value in values if value is not None]
    if not known:
        return Spread()
    wild = [value for value in known if not math.isfinite(value)]
    if wild:
        return Spread(next((item for item in wild if math.isnan(item)), wild[0]))
    positive = [value for value in known if value > 0]
    middle = 0.0
    if positive:
        middle = math.exp(math.fsum(map(math.log, positive)) / len(positive))
    return Spread(middle, min(known), max(known))


def band(found: Spread) -> str:
    """Return `1.1e+04 … 1.8e+04`, a dash where there is one value."""
    if found.low is None or found.high is None or found.low == found.high:
        return "-"
    return f"{found.low:.3g} … {found.high:.3g}"


def stages(shapes: Sequence[tuple[int, ...]], *, stem: bool) -> list[int]:
    """Return a stage number for each place: a new one where the size of the map changes.

    With `stem`, the first place is stage 0 whatever its size.

    Example:
        >>> stages([(16, 32, 32), (16, 32, 32), (32, 16, 16)], stem=True)
        [0, 1, 2]
    """
    numbers: list[int] = []
    stage, last = 0, None
    for i, shape in enumerate(shapes):
        if stem and i == 0:
            numbers.append(0)
            continue
        # (C, H, W): channels may grow inside a stage; tokens (T, C) have no map.
        size = shape[1:] if len(shape) > 2 else shape
        stage += size != last
        last = size
        numbers.append(stage)
    return numbers


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names with a number where one comes again.

    Example:
        >>> unique_names(["net", "net"])
        ['net', 'net #2']
    """
    counts: dict[str, int] = {}
    found = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        found.append(name if counts[name] == 1 else f"{name} #{counts[name]}")
    return found


def _numbers(row: Mapping[str, Cell]) -> dict[str, Cell]:
    """JSON has no nan and no inf: those become null (`state` says what they were)."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
