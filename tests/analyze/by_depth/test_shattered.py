"""Autocorrelations of several nets and seeds as an answer, from curves written by hand."""

import pytest

from archlab.analyze.by_depth.shattered import shattered
from archlab.result import Header

HEAD = Header("net", "1", "train", "built", ())


def test_means_leave_lag_zero_out() -> None:
    curves = {0: [1.0, *[0.5] * 15], 1: [1.0, 0.9, *[0.1] * 14]}
    answer = shattered({"plain": curves}, HEAD)
    # The second seed has (0.9 + 14 · 0.1) ÷ 15 over the lags from 1.
    second = 2.3 / 15
    assert answer.totals["plain"].lag1 == pytest.approx(0.7)
    assert answer.totals["plain"].mean == pytest.approx((0.5 + second) / 2)
    line = answer.shown[0]
    assert (line["lag5"], line["last"]) == pytest.approx((0.3, 0.3))
    assert (line["low"], line["high"]) == pytest.approx((second, 0.5))


def test_a_row_is_one_net_seed_and_lag() -> None:
    rows = shattered({"a": {3: [1.0] * 16}, "b": {4: [1.0] * 16}}, HEAD).rows
    assert len(rows) == 32
    assert (rows[17].path, rows[17].seed, rows[17].lag) == ("b", 4, 1)
