"""Rows on disk: both formats, other schemas, journals that were torn in the middle of a line."""

import csv
import io
from dataclasses import asdict, replace

import pytest

from archlab.errors import DependencyError, OptionError, OutputError, WriteError
from archlab.survey import store
from archlab.survey.row import ScanRow

FULL = ScanRow(
    model="timm:a, \"b\"", asked="--batch 2", source="timm", input="1x3x8x8 float32", params=3,
    macs=4 * 10**12, other_flops=0, activations=7, inference_peak=8, training=9, rf=81.0, rf_w=80.5,
    jump=4.0, jump_w=4.0, global_from="se", depth=20, coverage=1.0, missing="x; y", accuracy=76.13,
    build="built on meta", seconds=0.123, error="", versions="archlab 1, torch 2",
)  # fmt: skip
EMPTY = ScanRow(model="b", error="BuildError: line one\nline two")


@pytest.mark.parametrize("suffix", store.FORMATS)
def test_rows_come_back_as_they_were(tmp_path, suffix) -> None:
    path = tmp_path / f"zoo{suffix}"
    assert store.read(path) == []
    store.save(path, [FULL, EMPTY])
    assert store.read(path) == [FULL, EMPTY]
    store.save(path, [])
    assert store.read(path) == []


def test_the_journal_keeps_whole_lines_and_drops_a_torn_one(tmp_path) -> None:
    out = tmp_path / "zoo.csv"
    with store.Journal(out) as journal:
        journal.append(FULL)
        journal.append(EMPTY)
    path = store.partial_folder(out) / store.JOURNAL
    whole = path.read_bytes()
    for cut in (1, 5, len(whole.splitlines()[1])):
        path.write_bytes(whole[:-cut])
        with store.Journal(out) as journal:
            assert journal.rows() == [FULL]
            journal.append(EMPTY)
        assert store.Journal(out).rows() == [FULL, EMPTY]
    with store.Journal(out) as journal:
        journal.clear()
    assert not store.partial_folder(out).exists()
    assert store.Journal(out).rows() == []


def test_a_journal_of_something_else(tmp_path) -> None:
    out = tmp_path / "zoo.csv"
    store.partial_folder(out).mkdir()
    path = store.partial_folder(out) / store.JOURNAL
    for content in (b"no json\n", b'{"model": "x"}\n', b"[1]\n"):
        path.write_bytes(content)
        with pytest.raises(OutputError, match="holds no table of `archlab scan`"):
            store.Journal(out).rows()


def another_schema(record: dict) -> dict:
    return {name: value for name, value in record.items() if name != "macs"} | {"mult_adds": 1}


def test_files_that_hold_something_else(tmp_path) -> None:
    import pyarrow
    import pyarrow.parquet

    table, foreign = tmp_path / "zoo.parquet", another_schema(asdict(FULL))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([foreign]), table)
    with pytest.raises(OutputError, match=r"it lacks macs and has mult_adds.*move it away"):
        store.read(table)
    for content in (b"", b"PAR1 no parquet", b"\x00" * 99):
        table.write_bytes(content)
        with pytest.raises(OutputError, match="cannot be read as Parquet"):
            store.read(table)
    text = tmp_path / "zoo.csv"
    with text.open("w", newline="") as file:
        writer = csv.DictWriter(file, foreign)
        writer.writeheader()
        writer.writerow(foreign)
    with pytest.raises(OutputError, match="it lacks macs and has mult_adds"):
        store.read(text)
    store.save(text, [replace(FULL, macs=None)])
    text.write_text(text.read_text().replace("1x3x8x8 float32,3,", "1x3x8x8 float32,many,"))
    with pytest.raises(OutputError, match=r"row 'timm:a.*invalid literal"):
        store.read(text)
    text.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OutputError, match="holds no table"):
        store.read(text)


def test_targets(tmp_path, monkeypatch) -> None:
    with pytest.raises(OptionError, match=r"the suffix '.parqet' names no format.*Did you mean"):
        store.check_format(tmp_path / "zoo.parqet")
    with pytest.raises(OutputError, match="There is no folder"):
        store.check_format(tmp_path / "no" / "zoo.csv")
    (tmp_path / "zoo.csv").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        store.check_format(tmp_path / "zoo.csv")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(DependencyError, match=r"pip install pyarrow, or give out"):
        store.check_format(tmp_path / "zoo.parquet")


class Full(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, _: bytes) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_told_as_such_and_once(tmp_path) -> None:
    with store.Journal(tmp_path / "zoo.csv") as journal:
        journal._file.close()
        journal._file = io.BufferedWriter(Full())
        with pytest.raises(WriteError, match=r"No space left on device\. The rows before"):
            journal.append(ScanRow(model="a"))
    # The row is in the buffer still, and closing has tried to write it again.
    assert journal.rows() == []


@pytest.mark.parametrize("change", [lambda line: f"{line},1", lambda line: line.rpartition(",")[0]])
def test_a_row_of_another_length_is_no_row(tmp_path, change) -> None:
    path = tmp_path / "zoo.csv"
    store.save(path, [ScanRow(model="a"), ScanRow(model="b")])
    head, first, second = path.read_text().splitlines()
    path.write_text("\n".join([head, first, change(second)]) + "\n")
    with pytest.raises(OutputError, match="row 2 has more or fewer cells"):
        store.read(path)
