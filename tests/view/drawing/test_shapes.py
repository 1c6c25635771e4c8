"""Lines with round corners, and the heads of arrows."""

from archlab.view.drawing.shapes import (
    Dot,
    Line,
    Polygon,
    Rectangle,
    Words,
    arrow,
    corners,
    moved,
    right,
    shortened,
)


def test_a_corner_is_no_rounder_than_half_of_its_shorter_side() -> None:
    line = Line(((0, 0), (0, 4), (10, 4)), "#000000", 1.0, radius=6.0)
    assert corners(line) == [
        ("M", ((0, 0),)),
        ("L", ((0.0, 2.0),)),
        ("Q", ((0, 4), (2.0, 4.0))),
        ("L", ((10, 4),)),
    ]


def test_without_a_radius_corners_are_sharp() -> None:
    names = [name for name, _ in corners(Line(((0, 0), (0, 4), (10, 4)), "#000000", 1.0))]
    assert names == ["M", "L", "L"]


def test_a_line_ends_before_the_tip_of_its_arrow() -> None:
    points = ((0, 0), (0, 10), (20, 10))
    assert shortened(points, 5) == ((0, 0), (0, 10), (15.0, 10.0))
    assert shortened(((0, 0), (0, 3)), 5) == ((0, 0), (0.0, 0.0))  # never beyond the corner
    head = arrow(points, 6, 3, "#ff0000")
    assert head.points == ((20, 10), (14.0, 13.0), (14.0, 7.0))


def test_a_shape_moves_with_all_its_points() -> None:
    assert moved(Line(((0, 0), (4, 2)), "#000000", 1.0), 3, 5).points == ((3, 5), (7, 7))
    assert moved(Polygon(((1, 1), (2, 2), (1, 2)), "#000000"), 1, 0).points[1] == (3, 2)
    assert moved(Dot(1, 2, 3, "#000000"), 1, 1) == Dot(2, 3, 3, "#000000")


def test_how_far_a_shape_reaches_to_the_right() -> None:
    shapes = (
        Rectangle(2, 0, 7, 1, "#000000"),
        Line(((9, 0), (0, 0)), "#000000", 1.0),
        Dot(6, 0, 3, "#000000"),
        # The letter m is 0.974 of its size wide in DejaVu Sans.
        Words(0.23, 0, "m", 9.0, "#000000"),
    )
    assert [round(right(shape), 1) for shape in shapes] == [9.0] * 4
