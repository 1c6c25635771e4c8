"""Predicted fields against what gradients reach, on a graph of two convolutions."""

import pytest

from archlab.analyze.field.certify import certify, image_shape, plan
from archlab.result.field import Support


@pytest.fixture
def graph(build):
    x = build.input(1, 3, 16, 16)
    x = build.conv(x, 4, kernel=3, path="first")
    build.conv(x, 4, kernel=3, stride=2, path="second")
    return build.graph()


def test_the_central_unit_of_each_convolution_is_measured(graph) -> None:
    assert plan(graph, 0) == {"first": (8,), "second": (4,)}


def test_an_image_is_long_on_one_axis(build) -> None:
    build.conv(build.input(1, 3, 256, 256), 4, kernel=129, path="wide")
    # 129 pixels and three steps of 1 are 132; the next multiple of 64 is 192.
    assert image_shape(build.graph(), 0) == (192, 128)
    assert image_shape(build.graph(), 1) == (128, 192)


def test_a_unit_agrees_on_first_last_and_holes(graph) -> None:
    # Unit 4 of the second reads rows 7 … 9 of the first, and those read 6 … 10 of the image.
    right, short = Support("second", 4, 6, 10, 0), Support("second", 4, 6, 9, 0)
    holes = Support("second", 4, 6, 10, 1)
    result = certify([graph], [[right, short, holes]])
    assert [row.agrees for row in result.rows] == [True, False, False]
    assert (result.totals.checked, result.totals.agree, result.totals.layers) == (3, 1, 1)
    assert (result.rows[0].predicted_low, result.rows[0].predicted_high) == (6, 10)
