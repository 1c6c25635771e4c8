"""Which modules are open within a budget of boxes, and how a long row is cut into stretches."""

import pytest
from hand_made_graphs import Maker, dense, inception, residual, u_net

from archlab.errors import OptionError
from archlab.fold import Shape, Wish, fold
from archlab.fold.choose import is_stretch, stretches
from archlab.fold.tree import Block, Item, Leaf


@pytest.mark.parametrize("boxes", [3, 5, 8, 12, 20, 60])
def test_never_more_boxes_than_allowed(boxes) -> None:
    for graph in (residual(9), inception(), dense(12), u_net()):
        drawing = fold(graph, Wish(boxes))
        assert len(drawing.boxes) <= max(boxes, 4)


def test_a_long_row_of_different_operators_is_put_together() -> None:
    make = Maker()
    x = make.input()
    for i in range(200):
        x = make.conv(x, f"c{i}", channels=8 + i % 7)
    drawing = fold(make.graph([x]))
    assert len(drawing.boxes) <= 60
    assert any(box.note.endswith("4 conv") for box in drawing.boxes)
    assert sorted(node for box in drawing.boxes for node in box.nodes) == list(range(200))


def test_depth_opens_down_to_a_level_and_expand_one_path() -> None:
    graph = residual(3)
    for depth, closed in ((0, ("", 1)), (1, ("layer", 1)), (2, ("layer.0", 3))):
        boxes = fold(graph, Wish(depth=depth)).boxes
        assert [(box.path, box.times) for box in boxes if box.shape == Shape.MODULE] == [closed]
    third = fold(graph, Wish(5, expand=("layer.2",)))
    assert "layer.2.conv1" in [box.id for box in third.boxes]
    with pytest.raises(OptionError, match="Did you mean layer"):
        fold(graph, Wish(expand=("layers",)))


@pytest.mark.parametrize(("boxes", "closed"), [(11, []), (10, ["b", "c"]), (5, ["a", "b", "c"])])
def test_modules_of_one_sort_are_all_open_or_only_the_first(boxes, closed) -> None:
    """Input, output and three blocks of three boxes: 11. With 10 two of three blocks would fit."""
    make = Maker()
    x = make.input()
    for name, channels in (("a", 16), ("b", 32), ("c", 64)):
        x = make.block(x, name, channels=channels)
    drawing = fold(make.graph([x]), Wish(boxes))
    assert [box.path for box in drawing.boxes if box.shape == Shape.MODULE] == closed


def parent(signs: str) -> Block:
    """A module with an operator of its own for each `.`, and a module for each letter."""
    items = [Leaf((i,), (i,), "" if sign == "." else sign, "", own=sign != ".")
             for i, sign in enumerate(signs)]  # fmt: skip
    return Block("net", "Net", tuple(items), tuple(range(len(signs))))


def nodes(items: tuple[Item, ...]) -> list[tuple[int, ...]]:
    return [item.nodes for item in items]


def test_stretches_differ_in_length_by_one_at_most() -> None:
    cut = stretches(parent("abcdefg"), 3)
    assert nodes(cut) == [(0, 1, 2), (3, 4), (5, 6)]
    assert [item.path for item in cut] == ["a", "d", "f"]
    assert all(map(is_stretch, cut))


def test_operators_between_modules_are_put_together_first() -> None:
    cut = stretches(parent("..a...bc"), 5)
    assert nodes(cut) == [(0, 1), (2,), (3, 4, 5), (6,), (7,)]
    assert cut[0].path == "net"  # no operator in it has a path
    # Two modules are not what a picture is about: all items count the same.
    assert nodes(stretches(parent("..a...b"), 5)) == [(0, 1), (2, 3), (4,), (5,), (6,)]
