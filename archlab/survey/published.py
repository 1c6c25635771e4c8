"""A published table (timm's columns) held against our rows, to the digits that were printed."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from archlab.errors import DataError
from archlab.files import read_text
from archlab.result import Header, Missing, Result, Unit, columns
from archlab.spec import is_of_library
from archlab.survey.row import ScanRow

# Ours -> the names that timm's tables have for it, and how many of ours make one of theirs.
_NUMBERS = {
    "params": (("param_count",), 1e6),
    "macs": (("infer_gmacs", "gmacs", "train_gmacs"), 1e9),
    "activations": (("infer_macts", "macts", "train_macts"), 1e6),
}
_SIZE = ("infer_img_size", "img_size", "train_img_size")
ENOUGH = 0.99  # share of the MACs that must agree; parameters must agree in every row


@dataclass(frozen=True, slots=True)
class Published:
    """One line: a model, the side of its images, and what was printed in our units."""

    model: str
    size: int | None
    numbers: Mapping[str, float]
    slack: Mapping[str, float]  # half of the last digit


@dataclass(frozen=True, slots=True)
class AgreementTotals:
    """Rows that agree, of all that were published; None where the table lacks the number."""

    rows: int
    params: int
    macs: int | None
    activations: int | None
    passed: bool


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """One published line beside ours; `differs` names what does not agree to the last digit."""

    model: Annotated[str, "model"]
    size: Annotated[int | None, "size", Unit.COUNT]
    params: Annotated[int | None, "params", Unit.SI]
    published_params: Annotated[float | None, "published", Unit.SI]
    macs: Annotated[int | None, "MACs", Unit.SI]
    published_macs: Annotated[float | None, "published", Unit.SI]
    activations: Annotated[int | None, "activations", Unit.SI]
    published_activations: Annotated[float | None, "published", Unit.SI]
    differs: Annotated[str, "differs in"]


def read_published(path: Path) -> list[Published]:
    """Return the lines of a published table.

    It is CSV with `model`, `param_count` (M) and any of `gmacs`, `macts`, `img_size`, also with
    timm's prefixes `infer_` and `train_`. A model without a source is timm's.

    Raises:
        DataError: no such file, a column is lacking, or a cell is no number.
    """
    try:
        lines = list(csv.DictReader(io.StringIO(read_text(path))))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    names = list(lines[0]) if lines else []
    columns = {
        ours: next(name for name in theirs if name in names)
        for ours, (theirs, _) in _NUMBERS.items()
        if not set(theirs).isdisjoint(names)
    }
    if "model" not in names or "params" not in columns:
        raise DataError(
            f"{path} is no published table: it needs the columns model and param_count, "
            f"and takes gmacs, macts and img_size. It has: {', '.join(names) or 'nothing'}."
        )
    size = next((name for name in _SIZE if name in names), "")
    # A CSV that a spreadsheet wrote has lost final zeros: a column has the digits of its longest.
    digits = {
        name: max(len((line[name] or "").partition(".")[2]) for line in lines)
        for name in columns.values()
    }
    try:
        return [_line(line, size, columns, digits) for line in lines]
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: a cell is no number: {error}.") from error


def agreement(
    name: str, published: Sequence[Published], rows: Sequence[ScanRow], conventions: str
) -> Result[AgreementTotals, AgreementRow]:
    """Return the published lines of a table beside our row of each, those that differ first."""
    beside = [_beside(line, row) for line, row in zip(published, rows, strict=True)]
    of = len(published)
    counts = {
        ours: sum(ours not in row.differs.split(", ") for row in beside)
        for ours in _NUMBERS
        if all(ours in line.numbers for line in published)
    }
    shares = (f"{ours} {count} ({100 * count / of:.1f} %)" for ours, count in counts.items())
    params, macs = counts.get("params", 0), counts.get("macs")
    passed = params == of and (macs is None or macs >= ENOUGH * of)
    convention = "agreement to the last published digit"
    return Result(
        name="agreement",
        header=Header(name, "as published", "eval", conventions, (convention,)),
        totals=AgreementTotals(of, params, macs, counts.get("activations"), passed),
        rows=tuple(sorted(beside, key=lambda row: not row.differs)),
        columns=columns(AgreementRow),
        missing=tuple(Missing(row.model, why=row.error) for row in rows if row.error),
        footer=(f"of {of:,} published rows agree: {', '.join(shares)}",),
    )


def _line(
    line: Mapping[str, str], size: str, columns: Mapping[str, str], digits: Mapping[str, int]
) -> Published:
    model = line["model"]
    # Somebody else may have written the table: it names no code.
    if not is_of_library(model):
        raise DataError(
            f"The table names {model!r}, which is no net of a library. Allowed: names of the zoo, "
            "torchvision:NAME, timm:NAME."
        )
    units = {ours: _NUMBERS[ours][1] for ours in columns}
    return Published(
        model=model if ":" in model else f"timm:{model}",
        size=int(line[size]) if size else None,
        numbers={ours: float(line[name]) * units[ours] for ours, name in columns.items()},
        # Not 0.5: a number that lies in the middle may have been rounded either way.
        slack={ours: 0.5001 * 10 ** -digits[name] * units[ours] for ours, name in columns.items()},
    )


def _beside(line: Published, row: ScanRow) -> AgreementRow:
    differs = [
        ours
        for ours, number in line.numbers.items()
        if (value := getattr(row, ours)) is None or abs(value - number) > line.slack[ours]
    ]
    return AgreementRow(
        model=line.model,
        size=line.size,
        params=row.params,
        published_params=line.numbers.get("params"),
        macs=row.macs,
        published_macs=line.numbers.get("macs"),
        activations=row.activations,
        published_activations=line.numbers.get("activations"),
        differs=", ".join(differs),
    )
