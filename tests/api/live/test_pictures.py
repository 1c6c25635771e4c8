"""Curves of an answer by depth: theory's lines and the marks of stages, by hand."""

import math

import pytest

import archlab
from archlab.analyze.by_depth.theory import Theory
from archlab.api.live.pictures import _curve, _gradients, _identity, _marks, _theory
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


def test_what_is_not_known_is_a_hole() -> None:
    rows = [{**line, "activation_grad": None} for line in lines("1")]
    curve = _curve("resnet8", rows, "block", "activation_grad")
    assert (curve.middle, curve.low) == ([None], [1.0])
    assert math.isnan(_curve("a", [{**rows[0], "block": "-"}], "block", "activation_grad").x[0])


def test_only_answers_by_depth_are_drawn() -> None:
    with pytest.raises(OptionError, match="shows the answer of gradients, responses"):
        archlab.plot_by_depth(archlab.params("plain8"))


def test_identities_of_unequal_nets_are_drawn_by_relative_depth() -> None:
    # 6n + 2 layers: three residual additions for n = 1, six for n = 2.
    both = _identity(archlab.identity("resnet8", "resnet14", seeds=1, batch=4))
    (panel,) = both.panels
    short, long = (list(curve.x) for curve in panel.curves)
    assert short == pytest.approx([1 / 3, 2 / 3, 1])
    assert long == pytest.approx([1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6, 1])
    assert panel.relative
    assert panel.xlabel.startswith("relative depth")
    (alone,) = _identity(archlab.identity("resnet8", seeds=1, batch=4)).panels
    assert (list(alone.curves[0].x), alone.relative) == ([1, 2, 3], False)
    assert alone.xlabel == "number of the residual addition"


def test_the_caption_says_setting_seeds_batch_and_where_theory_is_from() -> None:
    words = _gradients(archlab.gradients("plain8", "plain14", seeds=2, batch=4)).words
    assert words.title == "Gradient norms by depth: plain8, plain14"
    assert "\n" not in words.subtitle
    for part in ("4x3x32x32", "2 seeds (0-1)", "plain8, plain14: π/(π−1)", "Yang et al. 2019"):
        assert part in words.caption
