"""Several models side by side, metric by metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from archlab.errors import OptionError
from archlab.result import (
    Answer,
    Cell,
    Column,
    Header,
    Missing,
    Table,
    Unit,
    cell_text,
    record,
    unique_names,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of a comparison: its header, its numbers by metric, what was not counted.

    `output` holds the shapes of its outputs, such as `1x1000`.
    """

    header: Header
    values: dict[str, float | None]
    missing: tuple[Missing, ...]
    output: str = ""


# What the rows are called, and how their numbers are shown.
METRICS = {
    "params": ("parameters", Unit.COUNT),
    "trainable": ("trainable", Unit.COUNT),
    "buffers": ("buffers", Unit.COUNT),
    "macs": ("MACs", Unit.SI),
    "flops": ("FLOPs", Unit.SI),
    "other_flops": ("other FLOPs", Unit.SI),
    "parameters": ("weights", Unit.BYTES),
    "inference_peak": ("inference peak", Unit.BYTES),
    "saved_for_backward": ("saved for backward", Unit.BYTES),
    "training": ("training (adam)", Unit.BYTES),
    "layers": ("weighted layers", Unit.COUNT),
}


@dataclass(frozen=True)
class Comparison(Answer):
    """Models side by side, in the order given; ratios are to the first of them."""

    # Different names, also for two modes of one model: a table's columns are found by them.
    names: tuple[str, ...]
    entries: tuple[Entry, ...]
    missing: tuple[Missing, ...] = ()

    @property
    def differences(self) -> tuple[str, ...]:
        """Return a sentence about the inputs, and one about the outputs, where they differ."""
        texts = {
            "inputs": [entry.header.input for entry in self.entries],
            "outputs": [entry.output for entry in self.entries],
        }
        return tuple(
            f"{what} differ: {', '.join(map(' '.join, zip(self.names, each, strict=True)))}: the "
            "ratios compare different work"
            for what, each in texts.items()
            if len(set(each)) > 1
        )

    def table(self) -> Table:
        """Return one row a metric, one column a model, and the ratio to the first."""
        named = self._named_entries()
        notes = [f"{name}: {gap}" for name, gap in self._gaps()]
        return Table(
            title="compare",
            header=tuple(replace(entry.header, model=name).lines()[0] for name, entry in named),
            columns=(
                Column("metric", "metric"),
                *(Column(name, name) for name in self.names),
                *(Column(f"ratio {name}", "ratio") for name in self.names[1:]),
            ),
            rows=tuple(self._row(metric) for metric in METRICS),
            footer=("≠ marks what differs from the first model", *self.differences, *notes),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON record: one row a model, path = its name; model, input … are lists."""
        heads = [entry.header.to_dict() for entry in self.entries]
        provenance = {key: [head[key] for head in heads] for key in heads[0]}
        return {
            "schema": "archlab.compare/1",
            **provenance,
            "conventions": heads[0]["conventions"],
            "status": str(self.status),
            "missing": [{"model": name, **record(gap)} for name, gap in self._gaps()],
            "totals": {"models": len(self.entries)},
            "output": [entry.output for entry in self.entries],
            "differences": list(self.differences),
            "rows": [
                {"path": name, **{metric: entry.values[metric] for metric in METRICS}}
                for name, entry in self._named_entries()
            ],
        }

    def _named_entries(self) -> list[tuple[str, Entry]]:
        return list(zip(self.names, self.entries, strict=True))

    def _gaps(self) -> list[tuple[str, Missing]]:
        """Return what was not counted, each with the name of its model."""
        return [(name, gap) for name, entry in self._named_entries() for gap in entry.missing]

    def _row(self, metric: str) -> dict[str, Cell]:
        base = self.entries[0].values[metric]
        title, unit = METRICS[metric]
        row: dict[str, Cell] = {"metric": title}
        for name, entry in self._named_entries():
            value = entry.values[metric]
            row[name] = cell_text(value, unit) + ("" if value == base else " ≠")
            row[f"ratio {name}"] = f"×{value / base:.3g}" if base and value is not None else "-"
        return row


def compare(entries: Sequence[Entry]) -> Comparison:
    """Return the comparison of two or more models.

    Raises:
        OptionError: fewer than two.
    """
    if len(entries) < 2:
        raise OptionError("A comparison needs two models or more: archlab compare resnet18 plain18")
    missing = tuple(gap for entry in entries for gap in entry.missing)
    heads = [entry.header for entry in entries]
    # The same model in two modes would have the same name twice.
    several_modes = len({head.mode for head in heads}) > 1
    names = [f"{head.model} ({head.mode})" if several_modes else head.model for head in heads]
    return Comparison(tuple(unique_names(names)), tuple(entries), missing)
