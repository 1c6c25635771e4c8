"""The picture of many models: names that can be read, formats, models without a value."""

import pytest

from archlab.errors import OptionError
from archlab.view.figure.scatter import Point, ScatterFigure, scatter


def drawn(*points: Point) -> str:
    picture = ScatterFigure("Costs", "all", "MACs", "parameters", "top-1", points)
    return scatter(picture, "svg").decode()


def test_names_that_would_cover_each_other_are_left_out() -> None:
    text = drawn(
        Point("first", 1e9, 1e6, 80.0), Point("second", 1e9, 1e6, 75.0),
        Point("same_place", 1e9, 1e6, 70.0),
        Point("far", 1e6, 1e3), Point("edge", 1e12, 1e9, 60.0),
    )  # fmt: skip
    assert ">first<" in text  # to the right of the dot, the second to the left of it
    assert ">second<" in text
    assert "same_place" not in text
    assert ">far<" in text
    assert ">edge<" in text  # written to the left: on the right there is no room
    assert "top-1" in text


def test_without_values_there_is_no_scale_of_colours() -> None:
    text = drawn(Point("a", 1e9, 1e6), Point("b", 1e10, 1e7))
    assert ">a<" in text
    assert "top-1" not in text
    assert drawn(Point("a", 1e9, 1e6)) == drawn(Point("a", 1e9, 1e6)), "the same bytes"


def test_another_format() -> None:
    with pytest.raises(OptionError, match="'gif' was given"):
        scatter(ScatterFigure("", "", "", "", "", [Point("a", 1, 1)]), "gif")
