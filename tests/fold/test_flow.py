"""Which operators are drawn, where their operands come from, and what is a way round."""

from hand_made_graphs import Maker, dense, inception, residual, u_net
from torch import nn

import archlab
from archlab.fold.drawing import Role
from archlab.fold.flow import OUTPUT, flow
from archlab.ir.kinds import Kind, NoAttrs


def by_kind(graph, kind):
    return [node.id for node in graph.nodes if node.kind == kind]


def test_reshapes_and_copies_are_passed_through() -> None:
    make = Maker()
    x = make.conv(make.input(), "a")
    x = make.node(Kind.RESHAPE, "view", "", [x])
    x = make.node(Kind.COPY, "clone", "", [x], attrs=NoAttrs())
    graph = make.graph([make.conv(x, "b")])
    stream = flow(graph)
    assert stream.drawn == {0, 3}
    assert stream.sources == {0: (-1,), 3: (0,)}
    assert stream.readers == {-1: (0,), 0: (3,), 3: (OUTPUT,)}
    assert flow(graph, every=True).drawn == {0, 1, 2, 3}


def test_what_only_prepares_weights_is_not_drawn() -> None:
    make = Maker()
    weight = make.param("w", (8, 8))
    turned = make.node(Kind.PERMUTE, "t", "", [weight], (8, 8))
    activated = make.node(Kind.ACTIVATION, "tanh", "", [turned], (8, 8))
    x = make.node(Kind.LINEAR, "mm", "", [make.input((1, 8)), activated], (1, 8))
    assert flow(make.graph([x])).drawn == {2}


def test_an_identity_is_the_operand_that_the_other_depends_on() -> None:
    graph = residual(2)
    stream = flow(graph)
    adds = by_kind(graph, Kind.ELEMENTWISE)
    relus = by_kind(graph, Kind.ACTIVATION)
    assert stream.roles == {
        (relus[0], adds[0]): Role.IDENTITY,  # the stem's relu
        (relus[2], adds[1]): Role.IDENTITY,  # the first block's last relu
    }


def test_a_subsampled_and_padded_way_round_is_no_identity() -> None:
    make = Maker()
    x = make.block(make.conv(make.input(), "stem"), "b", channels=16)
    stream = flow(make.graph([x]))
    assert list(stream.roles.values()) == [Role.PAD]


def test_one_convolution_on_the_way_round_is_a_projection() -> None:
    make = Maker()
    x = make.conv(make.input(), "stem")
    y = make.conv(make.relu(make.conv(x, "one"), "relu"), "two")
    way = make.norm(make.conv(x, "down", kernel=1), "down_bn")
    graph = make.graph([make.add(y, way, "")])
    conv, norm, add = (node.id for node in graph.nodes[-3:])
    assert flow(graph).roles == {
        (0, conv): Role.PROJECTION,
        (conv, norm): Role.PROJECTION,
        (norm, add): Role.PROJECTION,
    }


def test_two_ways_of_one_layer_each_are_no_shortcut() -> None:
    make = Maker()
    x = make.conv(make.input(), "stem")
    graph = make.graph([make.add(make.conv(x, "one"), make.conv(x, "two"), "")])
    assert flow(graph).roles == {}


def test_a_pool_on_the_way_round() -> None:
    make = Maker()
    x = make.conv(make.input(), "stem")
    y = make.conv(make.conv(x, "one", stride=2), "two")
    graph = make.graph([make.add(y, make.pool(x, "pool"), "")])
    assert set(flow(graph).roles.values()) == {Role.POOL}


def test_inception_has_no_shortcut_and_a_u_net_a_skip() -> None:
    assert flow(inception()).roles == {}
    graph = u_net()
    (cat,) = by_kind(graph, Kind.CONCAT)
    assert flow(graph).roles == {(0, cat): Role.CONCAT}


def test_a_concatenation_of_all_before_is_all_skips_but_the_last() -> None:
    graph = dense(3)
    last = by_kind(graph, Kind.CONCAT)[-1]
    roles = {edge: role for edge, role in flow(graph).roles.items() if edge[1] == last}
    assert set(roles.values()) == {Role.CONCAT}
    assert len(roles) == 3  # the stem and the first two layers; the third leads there


def test_a_way_round_that_moves_elements_is_no_identity() -> None:
    for op, kind in (("flip", Kind.GATHER), ("transpose", Kind.PERMUTE), ("slice", Kind.SLICE)):
        make = Maker()
        x = make.conv(make.input(), "stem")
        y = make.conv(make.relu(make.conv(x, "one"), "relu"), "two")
        way = make.node(kind, op, "", [x])
        assert set(flow(make.graph([make.add(y, way, "")])).roles.values()) == {Role.BYPASS}


def test_a_lateral_of_a_pyramid_is_no_shortcut() -> None:
    """Lin et al., 2017: coarse maps are enlarged and added to 1×1 laterals."""

    class Pyramid(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 8, 3, padding=1)
            self.second = nn.Conv2d(8, 8, 3, stride=2, padding=1)
            self.third = nn.Conv2d(8, 8, 3, padding=1)
            self.lateral = nn.Conv2d(8, 8, 1)

        def forward(self, x):
            fine = self.first(x)
            coarse = self.third(self.second(fine))
            return self.lateral(fine) + nn.functional.interpolate(coarse, scale_factor=2)

    graph = archlab.load(Pyramid(), input="3x8x8").trace()
    assert flow(graph).roles == {}


def test_what_both_ways_pass_before_they_part_changes_no_shortcut() -> None:
    """A norm of channels last permutes back behind itself: the way round is still the identity."""
    make = Maker()
    stem = make.conv(make.input(), "stem")
    back = make.node(Kind.PERMUTE, "permute", "", [stem])
    main = make.conv(back, "main")
    out = make.add(main, back, "")
    last = flow(make.graph([out]))
    assert list(last.roles.values()) == [Role.IDENTITY]
    # What is passed on the way round alone does change it.
    make = Maker()
    stem = make.conv(make.input(), "stem")
    main = make.conv(stem, "main")
    out = make.add(main, make.node(Kind.PERMUTE, "permute", "", [stem]), "")
    assert list(flow(make.graph([out])).roles.values()) == [Role.BYPASS]


def test_option_a_is_a_shortcut_where_each_of_its_operators_is_drawn() -> None:
    drawing = archlab.render("resnet20", ops=True).drawing
    kinds = {box.id: box.title for box in drawing.boxes}
    ways = [(kinds[edge.tail], kinds[edge.head]) for edge in drawing.edges if edge.role == Role.PAD]
    # Two stages begin with one: a slice of rows, one of columns, and zero channels around.
    way = [("ReLU", "Slice"), ("Slice", "Slice"), ("Slice", "Constant pad nd"),
           ("Constant pad nd", "+")]  # fmt: skip
    assert ways == way * 2


def test_a_formula_is_no_shortcut_and_neither_is_half_of_a_tensor() -> None:
    """Of a gate, n + z·(h − n), and of scale and shift, x·a + b with a and b from one layer."""

    class Gate(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.n, self.z, self.both = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 16)

        def forward(self, x, h):
            z, n = self.z(x).sigmoid(), self.n(x).tanh()
            h = n + z * (h - n)
            scale, shift = self.both(h).chunk(2, -1)
            return h * scale + shift

    graph = archlab.load(Gate(), input={"x": "2x8", "h": "2x8"}).trace()
    assert flow(graph).roles == {}
