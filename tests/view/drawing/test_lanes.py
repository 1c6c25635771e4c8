"""Which shortcut gets which lane; how they look is tested in test_sketch.py."""

from archlab.fold.drawing import Box, Drawing, Edge, Role, Shape
from archlab.view.drawing.lanes import gutters, plan


def drawing(boxes: str, *edges: tuple[str, str], role: Role = Role.IDENTITY) -> Drawing:
    return Drawing(
        "net", "1x3", "eval", "by hand",
        tuple(Box(name, name, Shape.SUM, "+") for name in boxes), (),
        tuple(Edge(*ends, role) for ends in edges),
    )  # fmt: skip


def test_the_shorter_lane_stands_further_in() -> None:
    lanes = plan(drawing("abcd", ("a", "d"), ("b", "c")), 9).lanes
    assert {(lane.tail, lane.column) for lane in lanes} == {(1, 0), (0, 1)}


def test_a_lane_may_begin_where_another_one_ends() -> None:
    found = plan(drawing("abc", ("a", "b"), ("b", "c")), 9)
    assert [lane.column for lane in found.lanes] == [0, 0]
    assert found.both_ends == {1}


def test_a_box_that_many_read_has_one_lane() -> None:
    (lane,) = plan(drawing("abc", ("a", "b"), ("a", "c")), 9).lanes
    assert (lane.tail, lane.heads) == (0, (1, 2))


def test_main_paths_have_no_lane_and_what_finds_none_has_a_number() -> None:
    assert plan(drawing("ab", ("a", "b"), role=Role.MAIN), 9).columns == 0
    found = plan(drawing("abcd", ("a", "d"), ("b", "c")), 1)
    assert (found.columns, found.numbers) == (1, {"a": 1})


def test_a_line_up_has_its_corner_at_the_top() -> None:
    lanes = plan(drawing("ab", ("b", "a"), role=Role.REPEAT), 9).lanes
    rows = gutters(lanes, [0, 1], [0, 1], 2)
    assert [(begin, "".join(piece.text for piece in row)) for begin, row in rows] == [
        ("◄", "─╮"),
        ("─", "─╯"),
    ]
