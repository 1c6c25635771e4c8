"""Responses and identity as answers, from measurements written by hand."""

import pytest

from archlab.analyze.by_depth.responses import identity, responses
from archlab.result import Header
from archlab.result.by_depth import Branch, Response

HEAD = Header("net", "1x3x8x8", "train", "built", ())


def layers(*deviations: float, normed: bool = False) -> list[Response]:
    shapes = [(4, 8, 8), (8, 8, 8), (8, 4, 4)]
    return [
        Response(i, f"conv{i}", 0, shapes[i], normed, deviation)
        for i, deviation in enumerate(deviations)
    ]


def test_ranks_stages_and_the_mean_over_layers_and_seeds() -> None:
    answer = responses({"net": [(0, layers(1, 4, 2)), (7, layers(4, 1, 2))]}, HEAD)
    assert [row.rank for row in answer.rows] == [3, 1, 2, 1, 3, 2]
    assert [row.stage for row in answer.rows[:3]] == [1, 1, 2]
    total = answer.totals["net"]
    # The product of 1, 4, 2, 4, 1, 2 is 64, whose sixth root is 2.
    assert (total.places, total.smallest, total.largest) == (3, 1, 4)
    assert total.mean == pytest.approx(2)
    assert answer.shown[0]["response"] == pytest.approx(2)  # the root of 1 · 4
    assert answer.shown[0]["rank"] == 2


def test_responses_that_are_all_one_say_that_this_is_the_norm() -> None:
    fresh = responses({"net": [(0, layers(1, 1.05, 0.95, normed=True))]}, HEAD)
    trained = responses({"net": [(0, layers(1, 1.5, 0.95, normed=True))]}, HEAD)
    assert "1 at initialisation" in fresh.footer[0]
    assert trained.footer == ()


def test_identity_is_branch_over_shortcut() -> None:
    additions = [Branch("a", 0, (4, 8, 8), 3.0, 6.0), Branch("b", 0, (4, 8, 8), 1.0, 0.0)]
    answer = identity({"net": [(0, additions)]}, HEAD)
    assert [row.branch_to_input for row in answer.rows] == [0.5, None]
    assert [row.block for row in answer.rows] == [1, 2]
    assert answer.totals["net"].places == 2
    assert answer.totals["net"].mean == 0.5
