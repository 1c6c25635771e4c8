"""Rows on disk: Parquet or CSV by suffix, and beside it the rows of a scan that is under way.

A finished row is appended to `FILE.partial/rows.jsonl` and flushed. The file itself is written
under another name and renamed, so that whatever is interrupted, no finished row is lost.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from archlab.errors import (
    DependencyError,
    OptionError,
    OutputError,
    WriteError,
    did_you_mean,
    keyword,
)
from archlab.files import check_is_file, write
from archlab.quoting import csv_cell, csv_text
from archlab.survey.row import SCHEMA, ScanRow, kinds

JOURNAL = "rows.jsonl"


def check_format(path: Path) -> None:
    """Raise before the work where a table cannot be written to a file.

    Raises:
        OptionError: the suffix is neither .parquet nor .csv.
        OutputError: a folder, or no folder to write in.
        DependencyError: Parquet without pyarrow.
    """
    if path.suffix not in FORMATS:
        raise OptionError(
            f"{keyword('out', path)}: the suffix {path.suffix!r} names no format of a scan."
            f"{did_you_mean(path.suffix, FORMATS)} Allowed: {', '.join(FORMATS)}."
        )
    if path.is_dir():
        raise OutputError(f"{path} is a folder; a file is wanted.")
    if not path.parent.is_dir():
        raise OutputError(f"There is no folder {path.parent} to write {path.name} in.")
    if path.suffix == ".parquet":
        _pyarrow()


def read(path: Path) -> list[ScanRow]:
    """Return the rows of a file, none where it is absent; OutputError where it is no scan."""
    if not path.exists():
        return []
    names, records = FORMATS[path.suffix][0](path)
    lacking = [name for name in kinds() if name not in names]
    foreign = [name for name in names if name not in kinds()]
    if lacking or foreign:
        faults = [f"lacks {', '.join(lacking[:5])}"] if lacking else []
        faults += [f"has {', '.join(map(str, foreign[:5]))}"] if foreign else []
        raise _another(path, f"its columns are not those of {SCHEMA}: it {' and '.join(faults)}")
    return [_row(record, path) for record in records]


def save(path: Path, rows: Iterable[ScanRow]) -> None:
    """Write all rows, whole or not at all."""
    write(path, FORMATS[path.suffix][1]([asdict(row) for row in rows]))


class Journal:
    """The rows of a scan under way, in a folder beside its file; a context that closes it."""

    def __init__(self, out: Path) -> None:
        self.folder = partial_folder(out)
        self._file: IO[bytes] | None = None

    def rows(self) -> list[ScanRow]:
        """Return the finished rows of a scan that was interrupted, without a torn last line."""
        path = self.folder / JOURNAL
        if not path.is_file():
            return []
        # What stands behind the last newline was being written when the scan was ended.
        *lines, _torn = path.read_bytes().split(b"\n")
        try:
            return [_row(json.loads(line), path) for line in lines]
        except ValueError as error:
            raise _another(path, f"a line is no row ({error})") from error

    def append(self, row: ScanRow) -> None:
        """Add a row; once this returns, an interrupt does not lose it."""
        assert self._file is not None
        try:
            self._file.write(json.dumps(asdict(row)).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise WriteError(
                f"{self.folder / JOURNAL} cannot be written: {error.strerror}. The rows before are "
                "kept; the same command goes on."
            ) from error

    def clear(self) -> None:
        """Remove the folder: its rows are in the file now."""
        # Closed before: an open file cannot be removed on Windows.
        self.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Journal:
        """Open it behind the last whole line."""
        path = self.folder / JOURNAL
        try:
            self.folder.mkdir(exist_ok=True)
            content = path.read_bytes() if path.is_file() else b""
            self._file = path.open("r+b" if content else "wb")
            self._file.seek(content.rfind(b"\n") + 1)
            self._file.truncate()
        except OSError as error:
            raise WriteError(f"{path} cannot be written: {error.strerror}.") from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            # A row that a full disk did not take: `append` has said so, and closing tries again.
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None


def partial_folder(out: Path) -> Path:
    """Return where the rows of a scan under way are."""
    return out.with_name(f"{out.name}.partial")


def _row(record: Mapping[str, Any], path: Path) -> ScanRow:
    try:
        return ScanRow(**{name: _value(record[name], kind) for name, kind in kinds().items()})
    except (KeyError, TypeError, ValueError) as error:
        # A line of the journal may be any JSON.
        name = record.get("model") if isinstance(record, Mapping) else record
        raise _another(path, f"row {name!r}: {type(error).__name__} {error}") from error


def _value(value: Any, kind: type) -> Any:
    if kind is str:
        return value or ""
    # A number that is not there is empty in CSV, null in Parquet, and NaN where pandas wrote it.
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    return kind(value)


def _another(path: Path, why: str) -> OutputError:
    return OutputError(
        f"{path} holds no table of `archlab scan`: {why}. Nothing was changed: move it away, or "
        f"give another {keyword('out')}."
    )


def _read_csv(path: Path) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
    try:
        check_is_file(path)
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            records = list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise _another(path, f"it cannot be read as CSV ({error})") from error
    # The reader keeps cells beyond the last column under None, and gives None where one lacks.
    for i, record in enumerate(records):
        if None in record or None in record.values():
            raise _another(path, f"row {i + 1} has more or fewer cells than there are columns")
    texts = [{name: csv_text(cell) for name, cell in record.items()} for record in records]
    return list(reader.fieldnames or ()), texts


def _csv(records: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(kinds()), lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({name: csv_cell(value) for name, value in record.items()})
    return text.getvalue().encode()


def _read_parquet(path: Path) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
    _, parquet = _pyarrow()
    # pyarrow's own errors are ValueErrors.
    try:
        table = parquet.ParquetFile(path).read()
    except (OSError, ValueError) as error:
        raise _another(path, f"it cannot be read as Parquet ({error})") from error
    return table.column_names, table.to_pylist()


def _parquet(records: Sequence[Mapping[str, Any]]) -> bytes:
    arrow, parquet = _pyarrow()
    # Told, not inferred: a column in which every number is missing would have no type.
    types = {str: arrow.string(), int: arrow.int64(), float: arrow.float64()}
    schema = arrow.schema(
        [(name, types[kind]) for name, kind in kinds().items()], metadata={"schema": SCHEMA}
    )
    target = arrow.BufferOutputStream()
    parquet.write_table(arrow.Table.from_pylist(list(records), schema=schema), target)
    content: bytes = target.getvalue().to_pybytes()
    return content


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow  # here: an extra, and 0.2 s
        import pyarrow.parquet
    except ImportError as error:
        raise DependencyError(
            f"Parquet needs pyarrow: pip install pyarrow, or give {keyword('out')} a name that "
            f"ends in .csv ({error})."
        ) from error
    return pyarrow, pyarrow.parquet


Reader = Callable[[Path], tuple[Sequence[str], Sequence[Mapping[str, Any]]]]
Writer = Callable[[Sequence[Mapping[str, Any]]], bytes]
FORMATS: dict[str, tuple[Reader, Writer]] = {
    ".parquet": (_read_parquet, _parquet),
    ".csv": (_read_csv, _csv),
}
"""Suffix -> how a table is read, and how it is written."""
