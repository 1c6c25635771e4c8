"""Graph to drawing, on graphs of a few lines: fusing, folding, opening, naming, edges."""

import pytest
from hand_made_graphs import Maker, dense, inception, residual, u_net

from archlab.errors import OptionError
from archlab.fold import Role, Shape, Wish, fold
from archlab.ir.graph import Failure, ModuleCall
from archlab.ir.kinds import FunctionAttrs, Kind, MatmulAttrs, SliceAttrs


def titles(drawing):
    return [" · ".join((box.title, *box.fused)) for box in drawing.boxes]


def test_a_convolution_takes_its_norm_and_activation_along() -> None:
    make = Maker()
    x = make.relu(make.norm(make.conv(make.input(), "c"), "n"), "r")
    drawing = fold(make.graph([x]))
    assert titles(drawing) == ["input", "Conv 3×3 · BN · ReLU", "output"]
    assert drawing.boxes[1].nodes == (0, 1, 2)


def test_a_norm_before_a_convolution_is_a_box_of_its_own() -> None:
    make = Maker()
    x = make.conv(make.relu(make.norm(make.input(), "n"), "r"), "c")
    assert titles(fold(make.graph([x])))[1:-1] == ["BN · ReLU", "Conv 3×3"]


def test_nothing_is_fused_that_two_read() -> None:
    make = Maker()
    x = make.conv(make.input(), "c")
    y = make.add(make.relu(x, "r"), x, "")
    assert titles(fold(make.graph([y])))[1:-1] == ["Conv 3×3", "ReLU", "+"]


def test_every_operator_on_demand() -> None:
    make = Maker()
    x = make.relu(make.conv(make.input(), "c"), "r")
    x = make.node(Kind.RESHAPE, "flatten", "", [x])
    assert titles(fold(make.graph([x]), every=True))[1:-1] == ["Conv 3×3", "ReLU", "Flatten"]


def test_equal_blocks_are_drawn_once_and_stay_open(edge_roles) -> None:
    drawing = fold(residual(9))
    (group,) = drawing.groups
    assert (group.path, group.type, group.times) == ("layer", "Block", 9)
    assert titles(drawing) == [
        "input", "Conv 3×3 · BN · ReLU", "Conv 3×3 · BN · ReLU", "Conv 3×3 · BN", "+ · ReLU",
        "output",
    ]  # fmt: skip
    assert edge_roles(drawing) == {
        ("input:x", "stem"): "main",
        ("stem", "layer.0.conv1"): "main",
        ("layer.0.conv1", "layer.0.conv2"): "main",
        ("layer.0.conv2", "layer.0/add"): "main",
        ("stem", "layer.0/add"): "identity",
        ("layer.0/add", "output"): "main",
    }


def test_a_box_stands_for_the_repeats_too() -> None:
    graph = residual(9)
    drawing = fold(graph)
    conv = next(box for box in drawing.boxes if box.id == "layer.0.conv1")
    assert conv.repeats == 9
    assert len(conv.nodes) == 9 * 3
    seen = sorted(node for box in drawing.boxes for node in box.nodes)
    assert seen == list(range(len(graph.nodes)))


def test_a_first_block_that_differs_is_drawn_on_its_own() -> None:
    make = Maker()
    x = make.conv(make.input((1, 3, 16, 16)), "stem")
    before = len(make.nodes)
    for i in range(5):
        x = make.block(x, f"layer.{i}", channels=16)
    make.leaf("layer", "Sequential", before)
    drawing = fold(make.graph([x]))
    assert [(group.path, group.times) for group in drawing.groups] == [
        ("layer.0", 1), ("layer.1", 4),
    ]  # fmt: skip
    assert {edge.role for edge in drawing.edges if edge.role != Role.MAIN} == {
        Role.PAD, Role.IDENTITY,
    }  # fmt: skip


def test_blocks_that_differ_in_width_are_not_equal() -> None:
    make = Maker()
    x = make.block(make.block(make.input(), "a"), "b", channels=16)
    assert [group.times for group in fold(make.graph([x])).groups] == [1, 1]


def test_pairs_of_blocks_repeat_too() -> None:
    make = Maker()
    x = make.input()
    for i in range(6):
        x = make.block(x, f"b.{i}", shortcut=i % 2 == 0)
    drawing = fold(make.graph([x]))
    assert drawing.groups[0].times == 3
    assert [group.path for group in drawing.groups] == ["b.0", "b.0", "b.1"]


def test_two_equal_convolutions_are_both_drawn_three_are_folded() -> None:
    for count, times in ((2, 1), (3, 3)):
        make = Maker()
        x = make.input()
        for i in range(count):
            x = make.conv(x, f"c{i}")
        graph = make.graph([x])
        box = fold(graph).boxes[1]
        assert (box.times, box.name) == (times, "c0" if times == 1 else "c0 … c2")
        assert len(fold(graph, every=True).boxes) == count + 2


def test_branches_stand_side_by_side_with_their_names(edge_roles) -> None:
    drawing = fold(inception())
    assert [group.path for group in drawing.groups] == [
        "mix", "mix.b1", "mix.b2", "mix.b3", "mix.b4",
    ]  # fmt: skip
    into = [head for (tail, head) in edge_roles(drawing) if tail == "stem"]
    assert into == ["mix.b1", "mix.b2.0", "mix.b3.0", "mix.b4.0"]
    concat = next(box for box in drawing.boxes if box.shape == Shape.CONCAT)
    assert sum(head == concat.id for _, head in edge_roles(drawing)) == 4


def test_dense_layers_are_one_row_that_reads_all_before(edge_roles) -> None:
    drawing = fold(dense(5, growth=4))
    row = next(group for group in drawing.groups if group.times > 1)
    assert (row.path, row.times) == ("dense.layer0", 5)
    assert row.note == "8 … 24 ch in, +4 each"
    assert edge_roles(drawing)["dense.layer0.conv", "dense.layer0/cat"] == "repeat"
    assert edge_roles(drawing)["stem", "dense/cat"] == "skip"
    assert len(drawing.edges) == 8


def test_a_skip_joins_by_concatenation(edge_roles) -> None:
    assert edge_roles(fold(u_net()))["down", "/cat"] == "skip"


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


def test_a_module_list_has_a_frame_although_it_is_never_called() -> None:
    make = Maker()
    x = make.conv(make.input(), "stem")
    make.modules["units"] = "ModuleList"
    for i in range(2):
        x = make.block(x, f"units.{i}", channels=16 if i else None)
    before = len(make.nodes)
    x = make.block(make.block(x, "tail.0"), "tail.1", channels=4)
    make.leaf("tail", "Sequential", before)
    assert [group.path for group in fold(make.graph([x])).groups] == [
        "units", "units.0", "units.1", "tail", "tail.0", "tail.1",
    ]  # fmt: skip


def test_ids_are_paths_and_never_twice_the_same() -> None:
    make = Maker()
    x = make.input()
    for _ in range(2):  # one module called twice
        x = make.conv(x, "shared")
    ids = [box.id for box in fold(make.graph([x])).boxes]
    assert ids == ["input:x", "shared", "shared~2", "output"]


def test_a_failure_is_drawn_where_it_happened() -> None:
    make = Maker()
    x = make.relu(make.conv(make.input(), "body.0"), "body.1")
    assert x
    graph = make.graph([], failure=Failure("body.2", "RuntimeError: sizes\nmore", ((1, 8),)))
    drawing = fold(graph)
    failed = drawing.boxes[-1]
    assert (failed.shape, failed.path, failed.note) == (
        Shape.FAILURE, "body.2", "RuntimeError: sizes",
    )  # fmt: skip
    assert [(edge.tail, edge.head) for edge in drawing.edges][-1] == ("body", "failure")


def test_a_failure_before_anything_ran() -> None:
    make = Maker()
    make.input()
    drawing = fold(make.graph([], failure=Failure("stem", "boom")))
    assert [box.shape for box in drawing.boxes] == [Shape.INPUT, Shape.FAILURE]
    assert [(edge.tail, edge.head) for edge in drawing.edges] == [("input:x", "failure")]


def test_an_empty_graph_and_one_without_inputs() -> None:
    assert fold(Maker().graph([])).boxes == ()
    make = Maker()
    weights = [make.param("w", (4, 4)), make.param("v", (4, 4))]
    x = make.node(Kind.LINEAR, "mm", "", weights, (4, 4), MatmulAttrs(1, 4, 4, 4))
    assert titles(fold(make.graph([x]))) == ["Linear 4 → 4", "output"]


def test_a_recurrent_layer_is_one_box_until_it_is_opened() -> None:
    make = Maker()
    x = make.input((1, 8))
    hidden = make.param("rnn.weight_hh_l0", (32, 8))
    make.param("rnn.weight_hh_l0_reverse", (32, 8))
    for _ in range(3):
        x = make.relu(make.node(Kind.LINEAR, "linear", "rnn", [x, hidden], (1, 8),
                                MatmulAttrs(1, 1, 8, 32)), "rnn",
                      module=False)  # fmt: skip
    make.leaf("rnn", "LSTM", 0)
    assert titles(fold(make.graph([x], root=False))) == [
        "input", "LSTM · 8 hidden · bidirectional", "output",
    ]  # fmt: skip


def test_a_caught_exception_leaves_a_drawable_tree() -> None:
    make = Maker()
    x = make.conv(make.input(), "a")
    make.calls.append(ModuleCall("odd", 0, 0, 5, (), ()))  # ends behind its caller
    make.modules["odd"] = "Odd"
    x = make.conv(x, "b")
    assert [box.id for box in fold(make.graph([x])).boxes][-1] == "output"


def test_it_says_what_it_left_out() -> None:
    make = Maker()
    x = make.conv(make.input(), "stem")
    for i in range(4):
        x = make.block(x, f"b.{i}")
    x = make.node(Kind.RESHAPE, "flatten", "", [x])
    said = fold(make.graph([x]), Wish(4)).folded
    assert any("b.0 ×4" in line for line in said)
    assert any(line.startswith("closed: b.0") for line in said)
    assert any("1 not drawn" in line for line in said)
    closed = fold(make.graph([x]), Wish(depth=0)).folded
    assert any(line.startswith("closed: the model itself (") for line in closed)


def row(way, blocks=4):
    """Convolutions, each with a way round that `way` makes."""
    make = Maker()
    x = make.input()
    for i in range(blocks):
        y = make.norm(make.conv(x, f"b.{i}.conv"), f"b.{i}.norm")
        x = make.relu(make.add(y, way(make, x, i), ""), f"r.{i}")
    return make.graph([x])


def test_what_happens_between_blocks_counts_for_their_being_equal() -> None:
    def sliced(make, x, i):  # every way round takes another part
        return make.node(Kind.SLICE, "slice", "", [x], attrs=SliceAttrs(2, (i,)))

    def same(make, x, i):
        return make.node(Kind.SLICE, "slice", "", [x], attrs=SliceAttrs(2, (0,)))

    def most(graph):
        drawing = fold(graph)
        return max(item.times for item in (*drawing.boxes, *drawing.groups))

    assert most(row(sliced)) == 1
    assert most(row(same)) == 4


def test_arithmetic_on_one_tensor_is_said() -> None:
    make = Maker()
    x = make.conv(make.input(), "c")
    x = make.node(Kind.ELEMENTWISE, "mul", "", [x], attrs=FunctionAttrs("mul", scalar=True))
    graph = make.graph([make.relu(x, "r")])
    assert titles(fold(graph))[1:-1] == ["Conv 3×3 · Scale · ReLU"]


def test_nothing_is_fused_over_a_flip(edge_roles) -> None:
    make = Maker()
    x = make.conv(make.input(), "c")
    x = make.node(Kind.GATHER, "flip", "", [x])
    drawing = fold(make.graph([make.relu(x, "r")]))
    assert titles(drawing)[1:-1] == ["Conv 3×3", "Flip", "ReLU"]


def test_a_row_ends_where_another_reads_it() -> None:
    """Taps after the second and the fifth of six blocks: 2 + 3 + 1."""
    make = Maker()
    x = make.conv(make.input(), "stem")
    taps = []
    for i in range(6):
        x = make.block(x, f"b.{i}")
        if i in (1, 4):
            taps.append(x)
    drawing = fold(make.graph([make.cat([*taps, x], "")]))
    assert [(group.path, group.times) for group in drawing.groups] == [
        ("b.0", 2), ("b.2", 3), ("b.5", 1),
    ]  # fmt: skip
    concat = next(box for box in drawing.boxes if box.shape == Shape.CONCAT)
    tails = [edge.tail for edge in drawing.edges if edge.head == concat.id]
    assert tails == ["b.0/add", "b.2/add", "b.5/add"]


def test_a_shared_weight_makes_blocks_unequal() -> None:
    make = Maker()
    x = make.input((1, 8))
    weights = [make.param(f"l.{i}.weight", (8, 8)) for i in range(3)]
    for weight in (*weights, weights[0]):
        attrs = MatmulAttrs(1, 1, 8, 8)
        x = make.relu(make.node(Kind.LINEAR, "linear", "l", [x, weight], (1, 8), attrs), "r",
                      module=False)  # fmt: skip
    assert max(box.times for box in fold(make.graph([x])).boxes) == 1


def test_the_input_box_has_the_inputs_own_shape() -> None:
    make = Maker()
    x = make.input((1, 8, 9, 9))
    x = make.node(Kind.PAD, "reflection_pad2d", "", [x], (1, 8, 11, 11))
    drawing = fold(make.graph([make.conv(x, "c")]))
    assert drawing.edges[0].shape == (8, 9, 9)


def test_a_size_is_written_where_a_map_shrinks_in_a_box_of_several_steps() -> None:
    make = Maker()
    x = make.relu(make.conv(make.input((1, 8, 16, 16)), "a", stride=2), "r")
    x = make.relu(make.conv(x, "b"), "s")
    edges = fold(make.graph([x])).edges
    written = [(edge.tail, edge.shape) for edge in edges if edge.changed]
    assert written == [("input:x", (8, 16, 16)), ("a", (8, 8, 8))]


def test_tokens_flattened_into_a_batch_are_written_as_they_were() -> None:
    make = Maker()
    x = make.node(Kind.GATHER, "embedding", "emb", [make.input((2, 5)), make.param("e", (9, 4))],
                  (2, 5, 4))  # fmt: skip
    flat = make.node(Kind.RESHAPE, "view", "fc", [x], (10, 4))
    y = make.node(
        Kind.LINEAR, "mm", "fc", [flat, make.param("w", (4, 3))], (10, 3), MatmulAttrs(1, 10, 4, 3)
    )
    edges = fold(make.graph([make.node(Kind.RESHAPE, "view", "fc", [y], (2, 5, 3))])).edges
    assert [edge.shape for edge in edges] == [(5,), (5, 4), (5, 3)]
