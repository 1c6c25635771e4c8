"""Boxes and frames: their ids, names, kinds, and the nodes that they stand for."""

from hand_made_graphs import Maker, inception, residual

from archlab.fold import Shape, Wish, fold
from archlab.ir.kinds import Kind


def test_a_box_stands_for_the_repeats_too() -> None:
    graph = residual(9)
    drawing = fold(graph)
    conv = next(box for box in drawing.boxes if box.id == "layer.0.conv1")
    assert conv.repeats == 9
    assert len(conv.nodes) == 9 * 3
    seen = sorted(node for box in drawing.boxes for node in box.nodes)
    assert seen == list(range(len(graph.nodes)))


def test_ids_are_paths_and_never_twice_the_same() -> None:
    make = Maker()
    x = make.input()
    for _ in range(2):  # one module called twice
        x = make.conv(x, "shared")
    ids = [box.id for box in fold(make.graph([x])).boxes]
    assert ids == ["input:x", "shared", "shared~2", "output"]


def test_a_name_is_that_within_the_frame() -> None:
    names = {box.id: box.name for box in fold(residual(3)).boxes}
    assert names == {
        "input:x": "", "stem": "stem", "layer.0.conv1": "conv1", "layer.0.conv2": "conv2",
        "layer.0/add": "", "output": "",
    }  # fmt: skip


def test_a_closed_module_has_the_kind_of_its_layers_with_weights() -> None:
    make = Maker()
    x = make.conv(make.input(), "m.c", channels=12)
    for i in range(3):
        x = make.pool(x, f"m.p{i}")
    make.leaf("m", "Mix", 0)
    box = fold(make.graph([x]), Wish(depth=1)).boxes[1]
    assert (box.shape, box.title, box.kind, box.channels) == (Shape.MODULE, "Mix", Kind.CONV, 12)
    assert box.nodes == (0, 1, 2, 3)


def test_a_branch_of_one_operator_has_a_frame_as_its_neighbours_have() -> None:
    drawing = fold(inception())
    frames = {group.id: group.path for group in drawing.groups}
    single = next(box for box in drawing.boxes if box.id == "mix.b1")
    assert (single.group, frames[single.group]) == ("branch:mix.b1", "mix.b1")
    assert single.name == ""  # the frame says it
