"""Boxes and frames: their ids, names, kinds, and the nodes that they stand for."""

import pytest
from hand_made_graphs import Maker, inception, residual

from archlab.fold import Shape, Wish, fold
from archlab.ir.graph import Failure, Graph
from archlab.ir.kinds import FunctionAttrs, Kind


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
    assert (box.shape, box.title, box.kind, box.wide) == (Shape.MODULE, "Mix", Kind.CONV, "12 ch")
    assert box.nodes == (0, 1, 2, 3)


def test_a_branch_of_one_operator_has_a_frame_as_its_neighbours_have() -> None:
    drawing = fold(inception())
    frames = {group.id: group.path for group in drawing.groups}
    single = next(box for box in drawing.boxes if box.id == "mix.b1")
    assert (single.group, frames[single.group]) == ("branch:mix.b1", "mix.b1")
    assert single.name == ""  # the frame says it


def test_a_module_called_output_or_failure_has_an_id_of_its_own() -> None:
    make = Maker()
    x = make.conv(make.conv(make.input(), "output"), "input:x")
    drawing = fold(make.graph([x]))
    ends = [(box.id, box.shape) for box in drawing.boxes]
    assert ends == [
        ("input:x", Shape.INPUT), ("output", Shape.OPERATOR), ("input:x~2", Shape.OPERATOR),
        ("output~2", Shape.OUTPUT),
    ]  # fmt: skip
    assert [(edge.tail, edge.head) for edge in drawing.edges] == [
        ("input:x", "output"), ("output", "input:x~2"), ("input:x~2", "output~2"),
    ]  # fmt: skip


def test_a_module_called_failure_is_not_the_place_of_one() -> None:
    make = Maker()
    make.conv(make.input(), "failure")
    drawing = fold(make.graph([], Failure("next", "it broke")))
    assert [box.id for box in drawing.boxes] == ["input:x", "failure", "failure~2"]
    assert (drawing.edges[-1].tail, drawing.edges[-1].head) == ("failure", "failure~2")


def nested(path: str, *kinds: str) -> Graph:
    """Two containers, behind a convolution, that hold residual blocks and convolutions."""
    make = Maker()
    x = make.conv(make.input(), "stem")
    for container in (path, "other"):
        make.modules[container] = "Sequential"
        start = len(make.nodes)
        for i, kind in enumerate(kinds):
            inner = f"{container}.{i}"
            x = make.conv(x, inner) if kind == "Conv2d" else make.block(x, inner, kind)
        make.leaf(container, "Sequential", start)
    return make.graph([x])


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (("Block", "Block"), "2 × Block"),
        (("Conv2d", "Block", "Block", "Conv2d"), "2 × Conv2d + 2 × Block"),
        (("A", "B", "C", "D"), "A + B + C + …"),
    ],
)
def test_a_container_is_told_by_what_it_holds(kinds: tuple[str, ...], words: str) -> None:
    for path, title in (("0", words), ("stage", "stage")):
        closed = fold(nested(path, *kinds), Wish(depth=1)).boxes[2]
        assert (closed.path, closed.title, closed.holds) == (path, title, words)


def test_an_open_container_is_told_by_what_it_holds_too() -> None:
    group, *_ = fold(nested("0", "Conv2d", "Block", "Conv2d"), Wish(expand=("0",))).groups
    assert (group.path, group.type, group.holds) == ("0", "", "2 × Conv2d + Block")


def test_repeats_with_other_numbers_say_from_which_to_which() -> None:
    make = Maker()
    x = make.input()
    for i, rate in enumerate((0.9, 0.8, 0.7)):
        start = len(make.nodes)
        noise = make.node(Kind.CREATE, "bernoulli_", f"b.{i}", [x], (1, 1, 1, 1),
                          FunctionAttrs("bernoulli", scalar=True, number=rate))  # fmt: skip
        y = make.conv(x, f"b.{i}.conv")
        y = make.node(Kind.ELEMENTWISE, "mul", f"b.{i}", [y, noise])
        x = make.add(x, y, f"b.{i}")
        make.leaf(f"b.{i}", "Block", start)
    drawing = fold(make.graph([x]))
    (group,) = drawing.groups
    box = next(box for box in drawing.boxes if box.path == "b.0.conv")
    assert (group.times, box.fused) == (3, ("Stochastic depth 0.1 … 0.3",))
