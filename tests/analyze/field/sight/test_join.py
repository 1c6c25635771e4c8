"""Where branches meet: the widest field, the shortest path, gates, tokens, and misalignment."""

from archlab.analyze.field.sight import sights
from archlab.ir.kinds import AxesAttrs, FunctionAttrs, Kind, MatmulAttrs, PoolAttrs, SliceAttrs

ADD = FunctionAttrs("add")
BINS = PoolAttrs("average", (), (), (), (), adaptive=True)


def test_a_shortcut_keeps_the_shortest_path(build) -> None:
    x = build.input(1, 4, 16, 16)
    y = build.conv(build.conv(x, 4, kernel=3), 4, kernel=3)
    joined = build.node(Kind.ELEMENTWISE, (x, y), (1, 4, 16, 16), attrs=ADD)
    field = sights(build.graph())[0][joined].axes[0]
    assert (field.width, field.shortest, field.exact) == (5, 1, True)


def test_a_gate_moves_nothing_and_is_named(build) -> None:
    x = build.conv(build.input(1, 4, 16, 16), 4, kernel=3)
    gate = build.node(
        Kind.REDUCE, (x,), (1, 4, 1, 1), path="se", attrs=AxesAttrs("mean", (2, 3), keepdim=True)
    )
    y = build.node(Kind.ELEMENTWISE, (x, gate), (1, 4, 16, 16), attrs=FunctionAttrs("mul"))
    sight = sights(build.graph())[0][y]
    assert sight.axes[0].width == 3
    assert sight.global_from == "se"


def test_a_gate_of_places_that_were_mixed_moves_nothing(build) -> None:
    # 4×4 bins, flattened and mixed by a linear layer over all of them, are broadcast over the map.
    x = build.conv(build.input(1, 4, 16, 16), 4, kernel=3)
    bins = build.node(Kind.POOL, (x,), (1, 4, 4, 4), op="aten._adaptive_avg_pool2d", attrs=BINS)
    flat = build.node(Kind.RESHAPE, (bins,), (1, 4, 16), op="aten.view")
    gate = build.node(Kind.LINEAR, (flat, build.param("w", 1, 16)), (1, 4, 1), path="gate",
                      op="aten.linear", attrs=MatmulAttrs(1, 4, 16, 1))  # fmt: skip
    gate = build.node(Kind.RESHAPE, (gate,), (1, 4, 1, 1), op="aten.view")
    y = build.node(Kind.ELEMENTWISE, (x, gate), (1, 4, 16, 16), attrs=FunctionAttrs("mul"))
    sight = sights(build.graph())[0][y]
    assert (sight.axes[0].width, sight.global_from, sight.lost) == (3, "gate", "")


def test_tokens_in_front_are_leading_positions(build) -> None:
    x = build.node(Kind.RESHAPE, (build.input(1, 4, 8, 8),), (1, 4, 64), op="aten.view")
    token = build.param("token", 1, 4, 1)
    y = build.node(Kind.CONCAT, (token, x), (1, 4, 65), attrs=AxesAttrs("cat", (2,)))
    layout = sights(build.graph())[0][y].layout
    assert (layout[2].lead, layout[2].size) == (1, 65)


def test_branches_with_other_centres_are_reported(build) -> None:
    x = build.input(1, 4, 16, 16)
    parts = [
        build.node(Kind.SLICE, (x,), (1, 4, 14, 16), attrs=SliceAttrs(2, (start,)))
        for start in (0, 2)
    ]
    joined = build.node(Kind.ELEMENTWISE, parts, (1, 4, 14, 16), path="add", attrs=ADD)
    seen, (misalignment,) = sights(build.graph())
    assert (misalignment.path, misalignment.axis) == ("add", 0)
    assert misalignment.centres == (0, 2)
    assert seen[joined].axes[0].width == 3  # rows j … j + 2
