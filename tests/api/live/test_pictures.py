"""Curves of an answer by depth: theory's lines and the marks of stages, by hand."""

import math

import pytest

import archlab
from archlab.analyze.by_depth.theory import Theory
from archlab.api.live.pictures import _curve, _marks, _theory
from archlab.errors import OptionError


def lines(*stages: str, low: float = 1.0, high: float = 2.0) -> list[dict]:
    return [
        {"block": block, "stage": stage, "activation_grad": 1.5, "low": low, "high": high}
        for block, stage in enumerate(stages)
    ]


def test_theory_ends_in_the_band_of_each_stage() -> None:
    # Growth 2 from block to block towards the input; the last line is the output's, of no stage.
    first, second = _theory(lines("1", "1", "1", "2", "2", ""), Theory(2.0, ""))
    assert (first.x, first.low, first.high) == ([0, 1, 2], [4, 2, 1], [8, 4, 2])
    assert (second.x, second.low) == ([3, 4], [2, 1])


def test_a_power_law_goes_through_the_last_block() -> None:
    (segment,) = _theory(lines("1", "1", "1", "1"), Theory(None, "", power_law=True))
    assert segment.low == [4, 2, pytest.approx(4 / 3), 1]  # (N + 1) ÷ (block + 1), N = 3
    assert _theory(lines("1", "1", low=0.0), Theory(None, "", power_law=True)) == []


def test_marks_stand_between_stages_that_all_nets_share() -> None:
    one, other = lines("1", "1", "2", "2"), lines("1", "2", "2", "2")
    assert _marks({"a": one, "b": one}, "block") == [(1.5, "stage 2")]
    assert _marks({"a": one, "b": other}, "block") == []


def test_what_is_not_known_is_a_hole_and_a_twin_is_dashed() -> None:
    rows = [{**line, "activation_grad": None} for line in lines("1")]
    curve = _curve("resnet8 (plain twin)", rows, "block", "activation_grad")
    assert (curve.middle, curve.dashed, curve.low) == ([None], True, [1.0])
    assert math.isnan(_curve("a", [{**rows[0], "block": "-"}], "block", "activation_grad").x[0])


def test_only_answers_by_depth_are_drawn() -> None:
    with pytest.raises(OptionError, match="shows the answer of gradients, responses"):
        archlab.plot_by_depth(archlab.params("plain8"))
