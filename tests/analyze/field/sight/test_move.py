"""Reshapes, permutations, slices and rolls move what is seen, and widen nothing."""

from archlab.analyze.field.sight import sights
from archlab.ir.kinds import Kind, PermuteAttrs, RollAttrs, SliceAttrs


def test_a_permutation_takes_the_layout_along(build) -> None:
    x = build.input(1, 4, 8, 6)
    y = build.node(Kind.PERMUTE, (x,), (1, 8, 6, 4), attrs=PermuteAttrs((0, 2, 3, 1)))
    layout = sights(build.graph())[0][y].layout
    assert [axis.spatial for axis in layout] == [False, True, True, False]


def test_every_second_row_from_one(build) -> None:
    x = build.input(1, 4, 8, 6)
    y = build.node(Kind.SLICE, (x,), (1, 4, 4, 6), attrs=SliceAttrs(2, (1,), step=2))
    field = sights(build.graph())[0][y].axes[0]
    assert (field.step, field.lo, field.low.tolist()) == (2, 1, [1, 3, 5, 7])


def test_one_row_leaves_no_rows(build) -> None:
    x = build.input(1, 4, 8, 6)
    y = build.node(Kind.SLICE, (x,), (1, 4, 6), attrs=SliceAttrs(2, (3,), drop=True))
    sight = sights(build.graph())[0][y]
    assert sight.axes[0] is None
    assert len(sight.layout) == 3


def test_a_roll_is_followed(build) -> None:
    x = build.input(1, 4, 4, 4)
    y = build.same(Kind.GATHER, x, attrs=RollAttrs((2,), (1,)), op="aten.roll")
    assert sights(build.graph())[0][y].axes[0].low.tolist() == [3, 0, 1, 2]


def test_pixel_shuffle_repeats_what_is_seen(build) -> None:
    x = build.input(1, 4, 2, 2)
    y = build.node(Kind.RESHAPE, (x,), (1, 1, 4, 4), op="aten.pixel_shuffle")
    assert sights(build.graph())[0][y].axes[1].low.tolist() == [0, 0, 1, 1]
