"""What is joined into one box, and what is not."""

import pytest
from hand_made_graphs import Maker, titles

from archlab.fold import fold
from archlab.ir.kinds import FunctionAttrs, Kind


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


@pytest.mark.parametrize(
    ("kind", "op", "boxes"),
    [(Kind.RESHAPE, "view", ["Conv 3×3 · ReLU"]), (Kind.SLICE, "slice", ["Conv 3×3", "ReLU"])],
)
def test_only_what_leaves_each_element_may_lie_between_two_parts(kind, op, boxes) -> None:
    make = Maker()
    x = make.node(kind, op, "", [make.conv(make.input(), "c")])
    assert titles(fold(make.graph([make.relu(x, "r")])))[1:-1] == boxes


def test_a_box_holds_four_operators_at_most() -> None:
    make = Maker()
    x = make.relu(make.norm(make.conv(make.input(), "c"), "n"), "r")
    for _ in range(2):
        x = make.node(Kind.ELEMENTWISE, "mul", "", [x], attrs=FunctionAttrs("mul", scalar=True))
    assert titles(fold(make.graph([x])))[1:-1] == ["Conv 3×3 · BN · ReLU · Scale", "Scale"]
