"""What occurs often is drawn once, under a letter."""

import pytest
from hand_made_graphs import Maker, residual

from archlab.fold import Shape, Wish, fold


def row(*sorts: str):
    """Residual blocks of different widths and classes, with a convolution before each."""
    make = Maker()
    x = make.input()
    for i, sort in enumerate(sorts):
        x = make.conv(x, f"mid{i}", channels=8 + 8 * i)
        x = make.block(x, f"{sort}{i}", kind=sort.upper())
    return make.graph([x])


def test_each_sort_has_a_letter_and_its_first_one_is_drawn() -> None:
    drawing = fold(row("p", "q", "p", "q", "p", "q"), Wish(insets=True))
    letters = {box.path: box.inset for box in drawing.boxes if box.shape == Shape.MODULE}
    assert letters == {"p0": "A", "q1": "B", "p2": "A", "q3": "B", "p4": "A", "q5": "B"}
    first, second = drawing.insets
    assert (first.letter, first.type, first.path, first.count) == ("A", "P", "p0", 3)
    assert (second.letter, second.type, second.path, second.count) == ("B", "Q", "q1", 3)
    inside = {box.path for box in first.drawing.boxes if box.shape != Shape.PORT}
    assert inside
    assert all(path.startswith("p0") for path in inside)
    # Everything is still there: the closed boxes stand for all operators.
    drawn = sorted(node for box in drawing.boxes for node in box.nodes)
    assert drawn == sorted(node for box in fold(row("p", "q", "p", "q", "p", "q")).boxes
                           for node in box.nodes)  # fmt: skip
    assert not [line for line in drawing.folded if line.startswith("closed")]


def test_what_is_drawn_in_fewer_than_three_places_is_opened_as_ever() -> None:
    drawing = fold(row("p", "q", "p"), Wish(insets=True))
    assert drawing.insets == ()
    assert drawing.folded[-1] == "no insets: no sort of module is closed in 3 places or more"
    assert drawing.boxes == fold(row("p", "q", "p")).boxes


def test_equal_blocks_in_a_row_are_one_place() -> None:
    drawing = fold(residual(9), Wish(insets=True))
    assert drawing.insets == ()


def test_a_module_that_is_asked_for_is_open_among_its_like() -> None:
    drawing = fold(row("p", "p", "p", "p"), Wish(expand=("p1",), insets=True))
    closed = [box.path for box in drawing.boxes if box.inset]
    assert closed == ["p0", "p2", "p3"]
    assert any(box.path.startswith("p1.") for box in drawing.boxes)


@pytest.mark.parametrize("boxes", [8, 60])
def test_insets_do_not_count_as_boxes(boxes) -> None:
    drawing = fold(row("p", "p", "p"), Wish(boxes, insets=True))
    assert len(drawing.boxes) == 8
    assert [len(inset.drawing.boxes) > 3 for inset in drawing.insets] == [True]


def test_where_no_module_has_a_box_of_its_own_that_is_said() -> None:
    drawing = fold(row("p", "p", "p"), Wish(4, insets=True))
    assert drawing.insets == ()
    assert drawing.folded[-1].startswith("no insets")
