"""Reshapes, permutations, slices and rolls move what is seen, and widen nothing."""

from archlab.analyze.field.sight import sights
from archlab.ir.kinds import AxesAttrs, Kind, PermuteAttrs, RollAttrs, SliceAttrs


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


def test_the_axis_of_size_1_that_is_left_is_the_one_of_the_image(build) -> None:
    """Columns of one unit: a window finds them after the rows are removed."""
    x = build.input(1, 4, 1, 1)
    y = build.node(Kind.RESHAPE, (x,), (1, 4, 1), attrs=AxesAttrs("squeeze", (2,)))
    assert [[d.axis for d in axis.digits] for axis in sights(build.graph())[0][y].layout][2] == [1]


def test_a_new_axis_holds_nothing_of_the_image(build) -> None:
    x = build.input(1, 4, 8, 6)
    y = build.node(Kind.RESHAPE, (x,), (1, 4, 1, 8, 6), attrs=AxesAttrs("unsqueeze", (2,)))
    layout = sights(build.graph())[0][y].layout
    assert [axis.spatial for axis in layout] == [False, False, False, True, True]
