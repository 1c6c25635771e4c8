"""Growth, bands, stages, theory and verdicts on numbers written by hand; no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from archlab.analyze.by_depth.answer import Spread, spread, stages
from archlab.analyze.by_depth.gradients import Measured, gradients
from archlab.analyze.by_depth.growth import growth, verdict
from archlab.analyze.by_depth.theory import Facts, Theory, theory
from archlab.result import Header, unique_names

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


def test_growth_inside_stages() -> None:
    """×3 a block in both stages, whatever happens between them; stem and last block left out."""
    values, numbers = [1e9, 900.0, 300.0, 100.0, 7.0, 7 / 3, 1e-9], [0, 1, 1, 1, 2, 2, 2]
    assert growth(values, numbers) == pytest.approx(3)
    assert growth([1.0, 2.0], [0, 1]) is None
    assert growth([1.0, 8.0, None, 2.0, 0.0, 1.0], [0, 1, 1, 1, 1, 1]) == pytest.approx(2)


def test_spread_of_seeds() -> None:
    assert spread([]) == Spread()
    assert spread([None, 4.0]) == Spread(4.0, 4.0, 4.0)
    assert spread([0.0, 0.0]) == Spread(0.0, 0.0, 0.0)
    assert spread([0.0, 2.0, 8.0]) == Spread(pytest.approx(4.0), 0.0, 8.0)
    assert spread([1.0, math.inf]).middle == math.inf
    assert math.isnan(spread([math.inf, math.nan]).middle)
    assert spread([1e-200, 1e-300]).middle == pytest.approx(1e-250)


def test_stages_follow_the_map() -> None:
    shapes = [(3, 9, 9), (4, 9, 9), (8, 9, 9), (8, 5, 5), (10,)]
    assert stages(shapes, stem=True) == [0, 1, 1, 2, 3]
    assert stages([(16, 64), (16, 64)], stem=False) == [1, 1]


def test_names_are_made_different() -> None:
    assert unique_names(["a", "b", "a"]) == ["a", "b", "a #2"]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(2, residual=False, norm="batch", relu=True, gain=2), math.pi / (math.pi - 1)),
        (Facts(2, residual=False, norm="none", relu=True, gain=2), 1),
        (Facts(2, residual=False, norm="none", relu=True, gain=1), 0.5),
        (Facts(2, residual=False, norm="none", relu=True, gain=1 / 3), 1 / 6),
        (Facts(1, residual=False, norm="none", relu=True, gain=1), math.sqrt(0.5)),
        (Facts(2, residual=True, norm="none", relu=True, gain=2), math.sqrt(2)),
        (Facts(2, residual=True, norm="batch", relu=True, gain=2, silent=True), 1),
        (Facts(2, residual=True, norm="batch", relu=True, gain=2), None),
        (Facts(2, residual=False, norm="other", relu=True, gain=2), None),
        (Facts(2, residual=False, norm="batch", relu=False, gain=2), None),
        (Facts(2, residual=False, norm="batch", relu=True, gain=None), None),
    ],
)
def test_theory_of_the_literature(facts, expected) -> None:
    """gradients.json `_meta.theory` has the same values."""
    found = theory(facts).growth
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("ratio", "factor", "said", "words"),
    [
        (1.3e4, 1.43, Theory(1.467, ""), "explodes towards the input, near theory"),
        (0.26, 0.96, Theory(1.0, ""), "about level, near theory"),
        (5e-22, 0.16, Theory(1 / 6, ""), "vanishes towards the input, near theory"),
        (36, 1.15, Theory(None, "", power_law=True), "grows slowly"),
        (0.01, 0.95, Theory(None, ""), "falls slowly towards the input"),
        (9e3, 1.4, Theory(1.0, ""), "explodes towards the input, unlike theory"),
        (2.3, None, Theory(None, ""), "about level"),
        (50, None, Theory(None, ""), "grows towards the input"),
        (None, None, Theory(None, ""), "no ratio"),
        (math.nan, None, Theory(None, ""), "not finite"),
    ],
)
def test_verdicts(ratio, factor, said, words) -> None:
    assert verdict(ratio, factor, said).startswith(words)


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
