"""Rectangles, and a geometry elsewhere on its page."""

from archlab.layout import Frame, Placed, Rect


def test_edges_of_a_rectangle() -> None:
    rect = Rect(1, 2, 30, 40)
    assert (rect.right, rect.bottom) == (31, 42)


def test_all_of_a_geometry_moves_and_its_size_stays() -> None:
    here, there = Rect(1, 2, 30, 40), Rect(11, 22, 30, 40)
    before, after = (
        Placed(
            50,
            60,
            {"a": rect},
            {"g": Frame(rect, rect, rect)},
            (((rect.x, rect.y), (rect.x, rect.y + 5)),),
            {"a": rect},
            ((0, (rect.x, rect.y)),),
        )
        for rect in (here, there)
    )
    assert before.shifted(10, 20) == after
