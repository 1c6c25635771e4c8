"""Graph to drawing, on graphs of a few lines: whole pictures, failures, and what is left out."""

from hand_made_graphs import Maker, residual, titles

from archlab.fold import Shape, Wish, fold
from archlab.ir.graph import Failure
from archlab.ir.kinds import Kind, MatmulAttrs


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


def test_a_failure_is_drawn_where_it_happened() -> None:
    make = Maker()
    x = make.relu(make.conv(make.input(), "body.0"), "body.1")
    assert x
    graph = make.graph([], failure=Failure("body.2", "RuntimeError: sizes\nmore", ((1, 8),)))
    drawing = fold(graph)
    failed = drawing.boxes[-1]
    assert (failed.shape, failed.path, failed.note) == (
        Shape.FAILURE, "body.2", "received 1×8\nRuntimeError: sizes",
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
