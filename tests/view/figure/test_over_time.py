"""A quantity over time and depth: where each value stands, and what has none."""

import math

import numpy as np
import pytest

from archlab.view.figure import over_time
from archlab.view.figure.frame import Words
from archlab.view.figure.over_time import HeatFigure, heat


def content(values, steps=(100, 200, 3000), blocks=("stem", "head")) -> HeatFigure:
    return HeatFigure(
        Words("Title", "<plain>"), steps, blocks, np.array(values, dtype=float), "norm"
    )


@pytest.fixture
def drawn(monkeypatch):
    """`drawn(content)` gives the axes and the image of the figure that would be written."""
    monkeypatch.setattr(over_time, "exported", lambda draw, _: draw())

    def draw(shown: HeatFigure):
        figure = heat(shown, "svg")
        axes = figure.axes[0]
        return axes, axes.images[0]

    return draw


def test_a_row_is_a_block_and_the_input_is_at_the_bottom(drawn) -> None:
    axes, image = drawn(content([[1, 10, 100], [2, 20, 200]]))
    assert image.get_array().tolist() == [[1, 10, 100], [2, 20, 200]]
    assert image.origin == "lower"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["100", "200", "3,000"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["stem", "head"]
    assert (image.norm.vmin, image.norm.vmax) == (1, 200)
    assert image.norm(10) == pytest.approx(math.log(10) / math.log(200))


def test_what_is_no_positive_number_has_no_colour(drawn) -> None:
    _, image = drawn(content([[1, 0, math.nan], [-2, math.inf, 8]]))
    assert image.get_array().mask.tolist() == [[False, True, True], [True, True, False]]
    assert (image.norm.vmin, image.norm.vmax) == (1, 8)


def test_a_scale_has_two_ends_even_for_one_value_or_none(drawn) -> None:
    _, image = drawn(content([[3] * 3] * 2))
    assert 3 == image.norm.vmin < image.norm.vmax < 3.01
    _, image = drawn(content([[0] * 3] * 2))
    assert 0 < image.norm.vmin < image.norm.vmax


def test_of_many_steps_and_blocks_some_are_named_first_and_last_among_them(drawn) -> None:
    steps, blocks = range(0, 101_000, 1000), [f"b{i}" for i in range(56)]
    axes, _ = drawn(content(np.ones((56, 101)), steps, blocks))
    across, upwards = (
        [label.get_text() for label in labels]
        for labels in (axes.get_xticklabels(), axes.get_yticklabels())
    )
    # Sevenths of 100 and elevenths of 55, rounded.
    assert across == ["0", "14,000", "29,000", "43,000", "57,000", "71,000", "86,000", "100,000"]
    assert upwards == [f"b{i}" for i in range(0, 56, 5)]


def test_the_file_holds_the_words() -> None:
    svg = heat(content([[1, 10, 100], [2, 20, 200]]), "svg").decode()
    for words in (">Title<", ">&lt;plain&gt;<", ">norm<", ">3,000<", ">head<", ">steps<"):
        assert words in svg
