"""Long drawings in columns: as few lines as can be lead from one column to the next."""

import string

import pytest
from small import drawn, sizes
from sound import faults

from archlab.layout import GOAL, layout

CHAIN = " ".join(
    a + b for a, b in zip(string.ascii_letters, string.ascii_letters[1:40], strict=False)
)


def ratio(geometry) -> float:
    return geometry.height / geometry.width


def test_a_chain_of_forty_boxes_is_broken_towards_the_goal() -> None:
    drawing = drawn(CHAIN)
    assert ratio(layout(drawing, sizes(drawing), goal=0.0)) > 10
    broken = layout(drawing, sizes(drawing))
    assert ratio(broken) == pytest.approx(GOAL, rel=0.4)
    assert faults(drawing, broken) == []


@pytest.mark.parametrize("goal", [0.4, 1.0, 2.0])
def test_other_goals(goal) -> None:
    drawing = drawn(CHAIN)
    assert ratio(layout(drawing, sizes(drawing), goal=goal)) == pytest.approx(goal, rel=0.5)


def test_a_lane_goes_along_from_column_to_column() -> None:
    drawing = drawn(f"{CHAIN} aN", sums="N", skips=["aN"])
    broken = layout(drawing, sizes(drawing), goal=1.0)
    assert faults(drawing, broken) == []
    assert ratio(broken) < 3


def test_the_longest_group_is_broken_where_the_root_cannot_be() -> None:
    inside = dict.fromkeys(string.ascii_letters[1:39], "g")
    drawing = drawn(CHAIN, groups=["g"], inside=inside)
    broken = layout(drawing, sizes(drawing))
    assert faults(drawing, broken) == []
    assert ratio(broken) < 3
