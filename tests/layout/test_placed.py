"""Rectangles."""

from archlab.layout import Rect


def test_edges_of_a_rectangle() -> None:
    rect = Rect(1, 2, 30, 40)
    assert (rect.right, rect.bottom) == (31, 42)
