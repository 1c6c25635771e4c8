"""Lines with round corners, and the heads of arrows."""

from archlab.view.drawing.shapes import Line, arrow, corners, shortened


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
