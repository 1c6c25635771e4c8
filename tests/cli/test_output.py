"""Where answers go: the format by suffix, and files that are refused before the work."""

from pathlib import Path

import pytest

from archlab.cli.output import Format, Output, Plot, check_file, check_suffix, file_of
from archlab.errors import OptionError, OutputError
from archlab.picture.picture import Picture
from archlab.result import Column, Header, Result


@pytest.fixture
def answer():
    from dataclasses import make_dataclass

    row = make_dataclass("Row", [("path", str), ("params", int)])("fc", 1_000)
    header = Header("a net", "1x3", "eval", "by hand", ())
    columns = (Column("path", "module"), Column("params", "params"))
    return Result("params", header, row, (row,), columns)


def test_standard_output_is_no_file_or_a_dash() -> None:
    assert file_of(None) is file_of(Path("-")) is None
    assert file_of(Path("a.csv")) == Path("a.csv")
    check_file(Path("-"))


@pytest.mark.parametrize(
    ("name", "begin"), [("a.csv", "path,params"), ("a.json", "{"), ("a.md", "")]
)
def test_the_suffix_is_the_format(tmp_path, capsys, answer, name, begin) -> None:
    Output(out=tmp_path / name).show(answer)
    text = (tmp_path / name).read_text()
    assert text.startswith(begin)
    assert text.endswith("\n")
    assert capsys.readouterr() == ("", f"wrote {tmp_path / name}\n")


def test_a_format_that_is_named_comes_before_the_suffix(tmp_path, capsys, answer) -> None:
    Output("csv", tmp_path / "a.data").show(answer)
    Format("csv").show(answer)
    assert capsys.readouterr().out == (tmp_path / "a.data").read_text() == "path,params\nfc,1000\n"


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"format": "jsn"}, OptionError, "Did you mean json"),
        ({"out": Path("a.xlsx")}, OptionError, "suffix '.xlsx' names no format. Allowed: .json"),
        ({"out": Path("no/a.csv")}, OutputError, "There is no folder no to write a.csv in"),
        ({"out": Path("folder")}, OutputError, "folder is a folder; a file is wanted"),
    ],
)
def test_what_cannot_be_written_is_refused_at_once(
    tmp_path, monkeypatch, values, error, message
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(error, match=message):
        Output(**values)


def test_a_picture_is_made_only_where_one_is_asked_for(tmp_path, capsys) -> None:
    Plot().save(pytest.fail)
    Plot(tmp_path / "a.png").save(lambda: Picture(str.encode))
    assert (tmp_path / "a.png").read_bytes() == b"png"
    assert "wrote" in capsys.readouterr().err
    with pytest.raises(OptionError, match=r"plot a.txt: the suffix '.txt' names no picture format"):
        check_suffix("plot", Path("a.txt"), ("svg", "png"))
