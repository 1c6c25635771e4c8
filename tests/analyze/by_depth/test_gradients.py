"""Gradients by depth as an answer, from norms written by hand: totals, states, what is missing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from archlab.analyze.by_depth.gradients import Measured, gradients
from archlab.analyze.by_depth.theory import Theory
from archlab.result import Header

HEAD = Header("net", "1x3x8x8", "train", "built", ())


@dataclass(frozen=True)
class Point:
    block: int
    path: str
    activation_grad: float | None
    shape: tuple[int, ...] = (4, 8, 8)
    call: int = 0
    weight_grad: float | None = 1.0
    grad_to_weight: float | None = 1.0
    finite: bool = True


NOTHING = Theory(None, "")


def answer(*profiles):
    points = [[Point(i, f"b{i}", value) for i, value in enumerate(p)] for p in profiles]
    return gradients([Measured("net", range(len(points)), points, stem=True, theory=NOTHING)], HEAD)


def test_totals_are_geometric_means_over_seeds() -> None:
    totals = answer([8.0, 4.0, 2.0, 1.0, 1.0], [2.0, 4.0, 2.0, 1.0, 1.0]).totals["net"]
    assert totals.first_over_last == pytest.approx(4)
    assert (totals.first_over_last_min, totals.first_over_last_max) == (2, 8)
    assert totals.growth_per_block == pytest.approx(2)
    assert totals.blocks == 4


def test_zeros_and_what_is_not_finite_are_said() -> None:
    found = answer([math.inf, math.inf, 2.0, 0.0], [1.0, math.nan, 2.0, None])
    assert [row.state for row in found.rows] == ["inf", "inf", "", "zero", "", "nan", "", "none"]
    assert [item.path for item in found.missing] == ["b1", "b1"]
    assert "not finite from here on towards the input" in str(found)
    assert "inf" in str(found)
    assert found.status == "partial"
    rows = found.to_dict()["rows"]
    assert [row["activation_grad"] for row in rows[:4]] == [None, None, 2.0, 0.0]


def test_a_forward_that_is_not_finite_is_named_first() -> None:
    points = [Point(0, "b0", math.nan), Point(1, "b1", math.nan, finite=False)]
    found = gradients([Measured("net", [0], [points], stem=True, theory=NOTHING)], HEAD)
    assert found.missing[0].path == "b1"
    assert "forward value" in found.missing[0].why
