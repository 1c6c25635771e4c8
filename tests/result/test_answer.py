"""A Result: totals as attributes, status, table and JSON record."""

import copy
import json
import pickle
from dataclasses import dataclass

import pytest

from archlab.result import Column, Header, Missing, Result, Status, record


@dataclass(frozen=True)
class Totals:
    macs: int
    training: int | None


@dataclass(frozen=True)
class Row:
    path: str
    macs: int


HEAD = Header("net", "1x3x8x8 float32", "eval", "built on meta", ("one", "two"))
LOST = Missing("aten.fft", 3, "stem", "no rule")


def result(*missing: Missing) -> Result[Totals, Row]:
    rows = (Row("", 30), Row("a", 20), Row("b", 10))
    columns = (Column("path", "module"), Column("macs", "MACs"))
    return Result("demo", HEAD, Totals(30, None), rows, columns, missing, ("sum 30",),
                  extra=(("peak", {"path": "a"}),), tree=True)  # fmt: skip


def test_totals_are_attributes() -> None:
    assert (result().macs, result().training) == (30, None)
    with pytest.raises(AttributeError, match="no total 'flops'; the totals are macs, training"):
        _ = result().flops


def test_status() -> None:
    assert (result().status, result(LOST).status) == (Status.COMPLETE, Status.PARTIAL)


def test_the_record_has_the_documented_keys_in_order() -> None:
    document = result(LOST).to_dict()
    assert list(document) == [
        "schema", "model", "input", "mode", "conventions", "build", "status", "missing", "totals",
        "peak", "rows",
    ]  # fmt: skip
    assert document["schema"] == "archlab.demo/1"
    assert document["conventions"] == ["one", "two"]
    assert document["totals"] == {"macs": 30, "training": None}
    assert document["missing"] == [
        {"what": "aten.fft", "count": 3, "path": "stem", "why": "no rule"}
    ]
    assert document["rows"][1] == {"path": "a", "macs": 20}
    assert json.loads(json.dumps(document)) == document


def test_the_table_says_what_is_not_counted() -> None:
    table = result(LOST).table()
    assert table.header == ("net · input 1x3x8x8 float32 · eval mode · built on meta", "one", "two")
    assert table.footer == ("sum 30", "not counted: aten.fft ×3 (first in stem): no rule")


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        (Missing("x"), "not counted: x"),
        (Missing("x", 2), "not counted: x ×2"),
        (Missing("x", path="a.b"), "not counted: x (first in a.b)"),
        (Missing("x", why="because"), "not counted: x: because"),
    ],
)
def test_missing_as_a_sentence(missing, text) -> None:
    assert str(missing) == text


def test_results_print_copy_and_pickle() -> None:
    assert "sum 30" in str(result())
    assert copy.deepcopy(result()) == result()
    assert pickle.loads(pickle.dumps(result())) == result()


def test_record() -> None:
    assert record(Row("a", 3)) == {"path": "a", "macs": 3}
