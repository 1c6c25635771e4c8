"""What stands on a box: all of its words, in a card that is wide enough for them."""

import pytest

from archlab.fold.drawing import Box, Drawing, Edge, Group, Role, Shape
from archlab.ir.kinds import Kind
from archlab.view.drawing.face import JOINS, face, faces, header, label, labels, sizes


def test_a_card_is_as_wide_as_its_longest_line_and_as_high_as_all(drawing) -> None:
    for box in drawing.boxes:
        found = face(box, drawing, 64)
        if box.shape in JOINS:
            assert found.height == 20
            continue
        assert found.width >= max(line.width for line in found.lines)
        assert found.height > sum(line.points for line in found.lines)


def test_a_wider_map_has_a_wider_card() -> None:
    boxes = tuple(
        Box(str(n), "", Shape.OPERATOR, "Conv", kind=Kind.CONV, width=n, unit="ch")
        for n in (4, 64, 1024)
    )
    drawing = Drawing("net", "", "eval", "", boxes, (), ())
    widths = [found.width for found in faces(drawing).values()]
    assert widths == sorted(set(widths))


def test_a_header_tells_what_a_group_is_and_what_it_costs() -> None:
    group = Group("stage", "stage", "Bottleneck", times=3)
    drawing = Drawing("net", "", "eval", "", (), (group,), ())
    names, facts = header(group, drawing)
    assert [text.content for text in names] == ["stage", "×3", "Bottleneck"]
    assert facts == []


@pytest.mark.parametrize(("edge", "words"), [
    (Edge("a", "b", shape=(64, 7, 7), changed=True), "64×7×7"),
    (Edge("a", "b", shape=(), changed=True), "scalar"),
    (Edge("a", "b", shape=(64, 7, 7)), None),
    (Edge("a", "b", Role.IDENTITY, (64, 7, 7), changed=True), None),
])  # fmt: skip
def test_a_shape_is_said_on_the_main_line_where_it_changes(edge, words) -> None:
    found = label(edge)
    assert (found.content if found else None) == words


def test_sizes_are_swapped_from_left_to_right(drawing) -> None:
    down, across = (sizes(drawing, across=across) for across in (False, True))
    assert {key: (h, w) for key, (w, h) in down.boxes.items()} == across.boxes
    assert set(down.labels) == set(labels(drawing)) == set(across.labels)
    assert down.tabs == across.tabs
