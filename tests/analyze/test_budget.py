"""Limits: amounts as people write them, and verdicts that never pass what is uncounted."""

import math

import pytest
from torch import nn

import archlab
from archlab.analyze.budget import budget, limits
from archlab.errors import OptionError
from archlab.result import Header, Missing

HEAD = Header("net", "1x3", "eval", "by hand", ())
OPAQUE = (Missing("aten.fft", 1, "layer", "no rule"),)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("60000", 60_000), ("60_000", 60_000), ("5M", 5_000_000), ("5m", 5_000_000),
        ("11.7M", 11_700_000), ("1.8G", 1_800_000_000), ("2T", 2 * 10**12), ("3K", 3000),
        ("64MiB", 64 * 2**20), ("64 MiB", 64 * 2**20), ("20MB", 20 * 10**6), ("1GiB", 2**30),
        ("2KiB", 2048), ("100B", 100), ("20 MiB", 20 * 2**20), (5_000_000, 5_000_000),
        (1.5e9, 1_500_000_000), (5.9, 5),
    ],
)  # fmt: skip
def test_amounts(text, amount) -> None:
    assert limits({"params": text}) == {"params": amount}


@pytest.mark.parametrize(
    "amount",
    ["", "five", "-5M", "5X", "1.2.3M", "5 000", "M", "1e6", "nan", "0", "0M", 0, -5, 0.0,
     math.nan, math.inf, True, False, [5], b"5M"],
)  # fmt: skip
def test_what_is_no_amount(amount) -> None:
    with pytest.raises(OptionError, match=r"of params is no amount\. Allowed: numbers above 0"):
        limits({"params": amount})


def test_one_limit_has_the_name_of_the_option_or_of_the_row() -> None:
    assert limits({"max_peak": "1KiB", "params": "5M"}) == {
        "inference_peak": 1024, "params": 5_000_000
    }  # fmt: skip
    with pytest.raises(OptionError, match="max_macs and macs are the same limit"):
        limits({"max_macs": 3, "macs": 3})


def test_a_limit_is_written_as_for_the_command() -> None:
    for name in ("params", "max_params"):
        assert archlab.check("resnet20", **{name: "0.27M"}).totals.passed
        # He et al. 2015, table 6: 0.27 M; exactly 269,722.
        assert not archlab.check("resnet20", **{name: "269.721K"}).totals.passed
    with pytest.raises(OptionError, match="The limit '5X' of macs is no amount"):
        archlab.check("resnet20", macs="5X")


def test_no_limit_at_all() -> None:
    with pytest.raises(OptionError, match="max_params"):
        limits({})
    with pytest.raises(OptionError, match="Nothing to check"):
        archlab.check("resnet20")


@pytest.mark.parametrize(
    ("limit", "verdict", "passed"),
    [(1000, "within", True), (800, "OVER by 25.0 %", False), (0, "OVER", False),
     (1001, "within", True)],
)  # fmt: skip
def test_verdicts(limit, verdict, passed) -> None:
    result = budget(HEAD, {"macs": 1000}, {"macs": limit}, ())
    assert result.rows[0].verdict == verdict
    assert (result.totals.passed, result.totals.over) == (passed, not passed)


def test_a_lower_bound_can_be_over_but_not_within() -> None:
    over = budget(HEAD, {"macs": 1000}, {"macs": 500}, OPAQUE)
    within = budget(HEAD, {"macs": 1000}, {"macs": 5000}, OPAQUE)
    assert over.rows[0].verdict == "OVER by 100.0 %"
    assert within.rows[0].verdict.startswith("not certain")
    assert (over.totals.passed, within.totals.passed) == (False, False)
    assert budget(HEAD, {"params": 10}, {"params": 20}, OPAQUE).totals.passed


def test_an_unavailable_number_does_not_pass() -> None:
    result = budget(HEAD, {"training": None}, {"training": 10**12}, ())
    assert (result.rows[0].verdict, result.totals.passed) == ("unavailable", False)
    assert result.rows[0].shown == "-"


def test_only_the_limits_given_are_checked() -> None:
    result = archlab.check("resnet20", params=269_722, macs=50_000_000)
    assert [row.path for row in result.rows] == ["params", "macs"]
    assert result.totals.passed
    assert not archlab.check("resnet20", params=269_721).totals.passed


def test_memory_limits() -> None:
    """The first block's input, its norm's input and output: three maps of 16 × 32 × 32."""
    peak = 3 * 16 * 32 * 32 * 4
    assert archlab.check("resnet20", inference_peak=peak).totals.passed
    assert not archlab.check("resnet20", inference_peak=peak - 1).totals.passed
    small = archlab.load("googlenet", layout="cifar")  # batch norm on one value per channel
    result = archlab.check(small, training=10**10)
    assert not result.totals.passed
    assert "batch=2" in str(result)


def test_a_model_of_the_users_own() -> None:
    assert archlab.check(nn.Linear(10, 10), params=110, flops=200).totals.passed
