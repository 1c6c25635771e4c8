"""Agreement with a published table, to the last digit that was printed."""

import pytest

from archlab.errors import DataError
from archlab.survey.published import agreement, read_published
from archlab.survey.row import ScanRow

TABLE = """model,img_size,param_count,gmacs,macts
a,224,25.56,4.09,11.1
zoo:b,96,0.27,0.04,0.19
"""


def held(tmp_path, rows, table=TABLE):
    path = tmp_path / "table.csv"
    path.write_text(table)
    return agreement("table.csv", read_published(path), rows, "")


def test_rows_agree_to_the_last_digit(tmp_path) -> None:
    rows = [
        ScanRow(model="timm:a", params=25_557_032, macs=4_094_999_000, activations=11_104_000),
        ScanRow(model="zoo:b", params=274_000, macs=46_000_000, activations=None),
    ]
    result = held(tmp_path, rows)
    assert [(row.model, row.size, row.differs) for row in result.rows] == [
        ("zoo:b", 96, "macs, activations"),  # 0.046 G is printed 0.05; what differs comes first
        ("timm:a", 224, ""),
    ]
    assert (result.params, result.macs, result.activations) == (2, 1, 1)
    assert not result.passed


def test_a_table_of_parameters_alone(tmp_path) -> None:
    result = held(tmp_path, [ScanRow(model="timm:a", params=1_234_000)], "model,param_count\na,1.2")
    assert (result.passed, result.macs, result.rows[0].size) == (True, None, None)
    other = held(tmp_path, [ScanRow(model="timm:a", params=1_251_000)], "model,param_count\na,1.2")
    assert not other.passed


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("name,params\na,3", "needs the columns model and param_count.*It has: name, params"),
        ("", "It has: nothing"),
        ("model,param_count\na,many", "a cell is no number"),
        ("model,param_count\na", "a cell is no number"),
        ("model,param_count\npayload.py:Net,3", "names 'payload.py:Net', which is no net of a lib"),
        ("model,param_count\nos:system,3", "names 'os:system', which is no net of a library"),
    ],
)
def test_tables_that_are_none(tmp_path, table, message) -> None:
    path = tmp_path / "table.csv"
    path.write_text(table)
    with pytest.raises(DataError, match=message):
        read_published(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_published(tmp_path / "no.csv")
