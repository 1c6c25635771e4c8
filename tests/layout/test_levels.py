"""An edge belongs to the lowest group that holds both of its ends, and passes through others."""

from small import drawn

from archlab.fold.drawing import Group, Role
from archlab.layout.levels import OUTSIDE, ROOT, levels


def test_an_edge_enters_and_leaves_the_groups_on_its_way() -> None:
    inner = Group("h", "g.h", "Net", parent="g")
    found = levels(drawn("ab bc cd", groups=["g", inner], inside={"b": "h", "c": "g"}))
    assert [found.key(item) for item in found.levels[ROOT].items] == ["a", "g", "d"]
    ways = {
        found.key(key) if key != ROOT else "": [
            tuple("-" if end == OUTSIDE else found.key(end) for end in (link.tail, link.head))
            for link in level.links
        ]
        for key, level in found.levels.items()
        if level.links
    }
    assert ways == {
        "": [("a", "g"), ("g", "d")],
        "g": [("-", "h"), ("h", "c"), ("c", "-")],
        "h": [("-", "b"), ("b", "-")],
    }


def test_an_edge_against_the_order_of_the_boxes_runs_back() -> None:
    found = levels(drawn("ab ba bb"))
    assert [link.back for link in found.levels[ROOT].links] == [False, True, True]


def test_what_runs_in_training_only_weighs_nothing() -> None:
    from dataclasses import replace

    from archlab.fold.drawing import Amounts

    drawing = drawn("ab ac")
    boxes = [replace(box, amounts=Amounts(params=2, macs=3)) for box in drawing.boxes]
    boxes[2] = replace(boxes[2], mark="train only")
    weights = levels(replace(drawing, boxes=tuple(boxes))).weights
    assert weights == {0: (3, 2, 1), 1: (3, 2, 1), 2: (0, 0, 0)}


def test_a_shortcut_is_a_way_around() -> None:
    found = levels(drawn("ab bc ac", skips=["ac"]))
    assert [link.beside for link in found.levels[ROOT].links] == [False, False, True]
    assert found.levels[ROOT].links[2].role == Role.IDENTITY
