"""Rows below each other: a straight trunk, lanes beside it, and lines into joins from the side."""

from small import HEIGHT, WIDTH, drawn, sizes
from sound import faults

from archlab.layout import layout
from archlab.layout.channel import LEAST
from archlab.layout.stack import LANE


def placed(drawing, **options):
    return layout(drawing, sizes(drawing), goal=0.0, **options)


def test_a_chain_stands_on_one_line_in_equal_steps() -> None:
    geometry = placed(drawn("ab bc"))
    assert [(box.x, box.y) for box in geometry.boxes.values()] == [
        (0, 0), (0, HEIGHT + LEAST), (0, 2 * (HEIGHT + LEAST)),
    ]  # fmt: skip
    assert geometry.lines[0] == ((WIDTH / 2, HEIGHT), (WIDTH / 2, HEIGHT + LEAST))


def test_a_shortcut_runs_in_a_lane_and_enters_the_sum_from_the_right() -> None:
    drawing = drawn("ab bc cd bd", sums="d", skips=["bd"])
    geometry = placed(drawing)
    *_, corner, before, last = geometry.lines[3]
    box = geometry.boxes["d"]
    assert last == (box.right, box.y + HEIGHT / 2)
    assert before == (WIDTH + LANE, box.y + HEIGHT / 2)  # beside the boxes, then level with d
    assert corner[0] == before[0]
    # It leaves the trunk in a point of its own, at least 14 points below the box.
    (edge, dot), *_ = geometry.dots
    assert edge == 3
    assert dot[1] - geometry.boxes["b"].bottom >= 14
    assert faults(drawing, geometry) == []


def test_nested_shortcuts_have_lanes_of_their_own() -> None:
    drawing = drawn("ab bc cd de ef fg gh hi ij ce bf", sums="ef", skips=["ce", "bf"])
    geometry = placed(drawing)
    lanes = [max(x for x, _ in geometry.lines[i]) for i in (9, 10)]
    assert lanes[1] == lanes[0] + LANE
    assert faults(drawing, geometry) == []


def test_a_line_against_the_flow_runs_at_the_left() -> None:
    drawing = drawn("ab bc cb")
    geometry = placed(drawing)
    back = geometry.lines[2]
    assert min(x for x, _ in back) < geometry.boxes["b"].x
    assert back[0][1] == geometry.boxes["c"].bottom
    assert back[-1][1] == geometry.boxes["b"].y
    assert faults(drawing, geometry) == []


def test_from_left_to_right_is_the_same_with_sides_changed() -> None:
    drawing = drawn("ab bc cd bd", sums="d", skips=["bd"])
    down = placed(drawing)
    across = layout(drawing, sizes(drawing), across=True, goal=0.0)
    for key, box in down.boxes.items():
        other = across.boxes[key]
        assert (other.x, other.y, other.w, other.h) == (box.y, box.x, box.h, box.w)
    assert across.lines == tuple(tuple((y, x) for x, y in line) for line in down.lines)
