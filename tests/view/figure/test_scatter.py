"""The picture of many models: names that can be read, formats, models without a value."""

import pytest

from archlab.errors import OptionError
from archlab.view.figure.frame import Words
from archlab.view.figure.scatter import Point, ScatterFigure, _draw, front, scatter


def drawn(*points: Point) -> str:
    picture = ScatterFigure(Words("Costs", "all"), "MACs", "parameters", "top-1", points)
    return scatter(picture, "svg").decode()


def test_names_that_would_cover_each_other_are_left_out() -> None:
    text = drawn(
        Point("best", 1e7, 1e4, 90.0),
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
        scatter(ScatterFigure(Words(), "", "", "", [Point("a", 1, 1)]), "gif")


def test_the_front_are_those_that_none_beats_with_less() -> None:
    points = [
        Point("dear", 8, 1, 90), Point("cheap", 1, 1, 60), Point("beaten", 4, 1, 69),
        Point("good", 2, 1, 70), Point("unknown", 0.5, 1), Point("same", 3, 1, 70),
        Point("dearer", 9, 1, 90),
    ]  # fmt: skip
    # By definition: no other has no more of x and no less value, and is better in one of the two.
    known = [(point.x, point.value or 0, point.name) for point in points if point.value is not None]
    unbeaten = {
        name
        for x, value, name in known
        if not any(a <= x and v >= value and (a, v) != (x, value) for a, v, _ in known)
    }
    assert [point.name for point in front(points)] == ["cheap", "good", "dear"]
    assert {point.name for point in front(points)} == unbeaten
    assert front([Point("a", 1, 1)]) == []


def test_best_front_and_marked_are_named_even_in_a_crowd() -> None:
    crowd = [Point(f"other{i}", 1e9 + i, 1e6 + i, 50 + i / 100) for i in range(60)]
    points = [*crowd, Point("best", 1e9 + 70, 1e6, 99), Point("mine", 1e9 + 5, 1e6, 3, marked=True)]
    text = drawn(*points, Point("far", 1e6, 1e3), Point("edge", 1e12, 1e9))
    assert "best: best, 99" in text
    assert ">best<" in text
    assert ">mine<" in text
    assert ">marked<" in text
    assert "front: none is as good for fewer MACs" in text


def test_a_marked_model_has_a_ring() -> None:
    points = [Point("a", 1e9, 1e6, 70), Point("b", 1e10, 1e7, marked=True)]
    figure = _draw(ScatterFigure(Words(), "x", "y", "v", points))
    rings = [line for line in figure.axes[0].lines if line.get_markersize() > 9]
    assert [1e10, 1e7] in [line.get_xydata()[0].tolist() for line in rings]
