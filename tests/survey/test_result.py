"""Rows of a scan as a result: totals, the order of rows, and failures by their sort."""

import pytest

from archlab.errors import OptionError
from archlab.survey.result import check_column, ordered, scan_result
from archlab.survey.row import ScanRow

ROWS = [
    ScanRow(model="a", params=2, seconds=1.0, versions="archlab 1, torch 2"),
    ScanRow(model="b", params=9, missing="x has no rule", seconds=0.5),
    ScanRow(model="c", error="BuildError: no such class", seconds=0.25),
    ScanRow(model="d", error="BuildError: another"),
]


def test_totals_and_failures() -> None:
    result = scan_result(ROWS, of=[*ROWS, *ROWS[:2], ROWS[0]])
    totals = result.totals
    assert (totals.models, totals.complete, totals.partial, totals.failed) == (4, 1, 1, 2)
    assert totals.seconds == 1.75
    (missing,) = result.missing
    assert (missing.count, missing.path, missing.why) == (2, "c", "no such class")
    assert result.header.model == "4 of 7 rows"
    assert "retry measures them again" in result.footer[0]
    assert "retry" not in scan_result(ROWS[:2]).footer[0]


def test_what_failed_is_told_where_a_condition_leaves_it_out() -> None:
    result = scan_result(ROWS[:2], of=ROWS)
    assert (result.totals.models, result.totals.failed) == (2, 0)
    assert "2 more failed and are not among these rows" in result.footer[0]
    assert [(missing.count, missing.path) for missing in result.missing] == [(2, "c")]


def test_rows_that_lack_a_number_come_last() -> None:
    result = scan_result(ROWS)
    assert [row.model for row in ordered(result, "params").rows] == ["b", "a", "c", "d"]
    assert [row.model for row in ordered(result, "-params").rows] == ["a", "b", "c", "d"]
    assert [row.model for row in ordered(result, "model").rows] == ["a", "b", "c", "d"]
    with pytest.raises(OptionError, match=r"no column 'param' to sort by. Did you mean params"):
        check_column("param")
