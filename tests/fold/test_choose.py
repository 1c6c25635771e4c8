"""Which modules are open within a budget of boxes."""

import pytest
from hand_made_graphs import Maker, dense, inception, residual, u_net

from archlab.errors import OptionError
from archlab.fold import Shape, Wish, fold


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
