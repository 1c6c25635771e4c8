"""Bands over seeds and stages of a net, on numbers written by hand."""

from __future__ import annotations

import math

import pytest

from archlab.analyze.by_depth.answer import Spread, spread, stages


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
