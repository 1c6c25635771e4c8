"""What the terminal drawing says of a box."""

from archlab.fold.drawing import Box, Drawing, Edge, Group, Role, Shape
from archlab.quoting import columns
from archlab.view.drawing.words import details, flowed, group_name, shape, title


def test_titles_hold_what_is_fused_and_how_often() -> None:
    assert title(Box("a", "", Shape.SUM, "+", fused=("ReLU",), times=3)) == "⊕ · ReLU ×3"
    assert title(Box("a", "", Shape.OPERATOR, "a\x1b")) == "a\\x1b"
    assert (
        title(Box("a", "", Shape.MODULE, "SE", pattern="squeeze-excite")) == "SE · squeeze-excite"
    )
    assert title(Box("a", "", Shape.OPERATOR, "RoPE", pattern="RoPE")) == "RoPE"


def test_a_shape_is_said_where_it_changes() -> None:
    box = Box("a", "", Shape.OPERATOR, "Conv")
    assert shape(box, [Edge("a", "b", shape=(8, 4, 4))]) == ""
    assert shape(box, [Edge("a", "b", shape=(8, 4, 4), changed=True)]) == "8×4×4"
    assert shape(Box("x", "", Shape.INPUT, "input"), [Edge("x", "b", shape=(3,))]) == "3"


def test_sources_are_named_where_they_are_not_the_box_above() -> None:
    boxes = {name: Box(name, name, Shape.OPERATOR, "Conv", name=name) for name in "abcdef"}
    box = boxes["f"]
    assert details(box, [Edge("e", "f")], [], boxes, "e") == ["f"]
    assert details(box, [Edge("a", "f")], [], boxes, "e") == ["f", "← a"]
    many = [Edge(name, "f") for name in "abcde"]
    assert details(box, many, [], boxes, "e") == ["f", "← a, b, c, d and 1 more"]
    gone = [Edge("e", "f", mark="removed"), Edge("a", "f", Role.IDENTITY, mark="added")]
    assert details(box, gone, [], boxes, "e") == ["f", "identity + added", "← e − removed"]


def test_what_a_turn_leaves_to_the_next_is_said() -> None:
    boxes = {name: Box(name, name, Shape.OPERATOR, "Linear", name=name) for name in "ab"}
    back = [Edge("b", head, Role.LOOP) for head in "ab"]
    assert details(boxes["b"], [Edge("a", "b")], back, boxes, "a") == ["b", "↺ a", "↺ itself"]
    assert details(boxes["a"], [], [], boxes, "") == ["a"]


def test_frames_are_called_by_their_path_inside_the_one_around() -> None:
    groups = tuple(
        Group(path, path, "Block", parent=parent)
        for path, parent in (("body", ""), ("body.0", "body"), ("body.a\n", "body"))
    )
    drawing = Drawing("net", "", "eval", "", (), groups, ())
    assert [group_name(group, drawing) for group in groups] == ["body", "body.0", "a\\n"]


def test_only_what_fits_no_line_is_cut_and_has_an_ellipsis() -> None:
    lines = flowed(["卷积" * 9, "x" * 30, "a b"], 12, 12)
    assert [columns(line) <= 12 for line in lines] == [True] * 3
    assert ["…" in line for line in lines] == [True, True, False]
