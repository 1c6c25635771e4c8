"""Which items are equal or alike, and which rows of them are folded."""

import pytest
from hand_made_graphs import Maker

from archlab.fold import Role, Shape, Wish, fold
from archlab.fold.flow import Flow, flow
from archlab.fold.repeat import Keys, wired
from archlab.fold.tree import Leaf
from archlab.ir.kinds import Kind, MatmulAttrs, SliceAttrs


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


def leaf(number: int) -> Leaf:
    return Leaf((number,), (number,), f"l{number}", "Conv2d", own=True)


@pytest.mark.parametrize(
    ("sources", "wiring"),
    [
        ({0: (-1,), 1: (0,), 2: (1,)}, "chain"),
        ({0: (-1,), 1: (-1, 0), 2: (-1, 0, 1)}, "dense"),
        ({0: (-1,), 1: (-1,), 2: (-1,)}, "parallel"),
        ({0: (-1,), 1: (0,), 2: (0,)}, ""),  # two read the first
        ({0: (-1,), 1: (-1,), 2: (-2,)}, ""),  # side by side, but the last reads another input
        ({0: (-1,), 1: (0,), 2: (1, -2)}, ""),  # a chain that something else enters
    ],
)
def test_a_row_is_wired_in_one_of_three_manners(sources, wiring) -> None:
    stream = Flow(frozenset(sources), {}, sources, {}, {}, ())
    assert wired(stream, [leaf(number) for number in sources]) == wiring


def test_alike_are_layers_of_any_width_equal_those_of_the_same() -> None:
    make = Maker()
    x = make.conv(make.conv(make.input(), "first"), "twin")
    x = make.conv(make.conv(x, "wide", channels=16), "large", kernel=5, channels=16)
    graph = make.graph([x])
    keys = Keys(graph, flow(graph))
    first, twin, wide, large = (leaf(node.id) for node in graph.nodes)
    assert keys.exact(first) == keys.exact(twin)
    assert keys.exact(first) != keys.exact(wide)
    assert keys.alike(first) == keys.alike(wide)
    assert keys.alike(wide) != keys.alike(large)


def test_what_the_first_block_alone_passes_before_leaves_it_one_of_the_row() -> None:
    """A stem that puts channels last does so for all blocks behind it."""
    make = Maker()
    x = make.conv(make.input(), "stem")
    x = make.node(Kind.PERMUTE, "permute", "", [x])
    for i in range(4):
        x = make.block(x, f"b{i}")
    drawing = fold(make.graph([x]))
    assert [group.times for group in drawing.groups] == [4]


def test_sums_of_the_net_itself_are_drawn_with_closed_modules() -> None:
    """x = x + m(x): a level of modules is opened, and the sums between them are no module."""
    make = Maker()
    x = make.input()
    for i in range(5):
        y = make.block(x, f"m{i}", shortcut=False)
        x = make.add(x, y, "")
    drawing = fold(make.graph([x]), Wish(depth=1))
    assert [(box.title, box.repeats) for box in drawing.boxes[1:-1]] == [("Block", 5), ("+", 5)]
    assert [str(edge.role) for edge in drawing.edges if edge.role != Role.MAIN] == ["identity"]
