"""Several models side by side, metric by metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlab.errors import OptionError
from archlab.result import (
    Cell,
    Column,
    Header,
    Missing,
    Status,
    Table,
    Unit,
    cell_text,
    plain,
    record,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of a comparison: its header, its numbers by metric, what was not counted."""

    header: Header
    values: dict[str, float | None]
    missing: tuple[Missing, ...]


METRICS = {
    "params": Unit.COUNT,
    "trainable": Unit.COUNT,
    "buffers": Unit.COUNT,
    "macs": Unit.SI,
    "flops": Unit.SI,
    "other_flops": Unit.SI,
    "parameters": Unit.BYTES,
    "inference_peak": Unit.BYTES,
    "saved_for_backward": Unit.BYTES,
    "training": Unit.BYTES,
    "layers": Unit.COUNT,
}
TITLES = {
    "params": "parameters",
    "macs": "MACs",
    "flops": "FLOPs",
    "other_flops": "other FLOPs",
    "parameters": "weights",
    "inference_peak": "inference peak",
    "saved_for_backward": "saved for backward",
    "training": "training (adam)",
    "layers": "weighted layers",
}


@dataclass(frozen=True)
class Comparison:
    """Entries in the order given; ratios are to the first."""

    entries: tuple[Entry, ...]

    @property
    def status(self) -> Status:
        """Partial where any model has something uncounted."""
        partial = any(entry.missing for entry in self.entries)
        return Status.PARTIAL if partial else Status.COMPLETE

    def table(self) -> Table:
        """Return one row a metric, one column a model, and the ratio to the first."""
        names = self._names()
        columns = [Column("metric", "metric")]
        columns += [Column(name, name) for name in names]
        columns += [Column(f"ratio {name}", "ratio") for name in names[1:]]
        notes = [
            f"{name}: {item}"
            for name, entry in zip(names, self.entries, strict=True)
            for item in entry.missing
        ]
        return Table(
            title="compare",
            header=tuple(
                f"{name} · input {entry.header.input} · {entry.header.mode} mode · "
                f"{entry.header.build}"
                for name, entry in zip(names, self.entries, strict=True)
            ),
            columns=tuple(columns),
            rows=tuple(self._row(metric, names) for metric in METRICS),
            footer=("≠ marks what differs from the first model", *notes),
        )

    def to_dict(self) -> dict[str, object]:
        """Return the JSON record: one row a model, path = its name; model, input … are lists."""
        heads = [entry.header for entry in self.entries]
        named = list(zip(self._names(), self.entries, strict=True))
        return {
            "schema": "archlab.compare/1",
            "model": [head.model for head in heads],
            "input": [head.input for head in heads],
            "mode": [head.mode for head in heads],
            "conventions": list(heads[0].conventions),
            "build": [head.build for head in heads],
            "status": str(self.status),
            "missing": [
                {"model": name, **record(item)} for name, entry in named for item in entry.missing
            ],
            "totals": {"models": len(self.entries)},
            "rows": [
                {"path": name, **{metric: entry.values[metric] for metric in METRICS}}
                for name, entry in named
            ],
        }

    def __str__(self) -> str:
        """Return the table as plain text."""
        return plain(self.table())

    def _names(self) -> list[str]:
        """The model names, made different: by mode where that differs, else by number."""
        heads = [entry.header for entry in self.entries]
        if len({head.mode for head in heads}) > 1:
            return _unique([f"{head.model} ({head.mode})" for head in heads])
        return _unique([head.model for head in heads])

    def _row(self, metric: str, names: Sequence[str]) -> dict[str, Cell]:
        base = self.entries[0].values[metric]
        row: dict[str, Cell] = {"metric": TITLES.get(metric, metric)}
        for name, entry in zip(names, self.entries, strict=True):
            value = entry.values[metric]
            mark = "" if value == base else " ≠"
            row[name] = cell_text(value, METRICS[metric]) + mark
            known = value is not None and base is not None and base != 0
            row[f"ratio {name}"] = f"×{(value or 0) / (base or 1):.3g}" if known else "-"
        return row


def compare(entries: Sequence[Entry]) -> Comparison:
    """Return the comparison of two or more models.

    Raises:
        OptionError: fewer than two.
    """
    if len(entries) < 2:
        raise OptionError("A comparison needs two models or more: archlab compare resnet18 plain18")
    return Comparison(tuple(entries))


def _unique(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return unique
