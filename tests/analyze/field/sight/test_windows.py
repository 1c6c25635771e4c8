"""Convolutions, pools, padding and interpolation, against tables worked out by hand."""

from archlab.analyze.field.sight import sights
from archlab.ir.kinds import AxesAttrs, ConvAttrs, Kind, PadAttrs, PoolAttrs, ResampleAttrs


def spans(field) -> list[tuple[int, int]]:
    return list(zip(field.low.tolist(), field.high.tolist(), strict=True))


def test_a_pool_with_stride(build) -> None:
    attrs = PoolAttrs("max", (3, 3), (2, 2), (1, 1), (1, 1))
    y = build.node(Kind.POOL, (build.input(1, 4, 6, 6),), (1, 4, 3, 3), attrs=attrs)
    assert spans(sights(build.graph())[0][y].axes[0]) == [(0, 1), (1, 3), (3, 5)]


def test_adaptive_bins_may_overlap(build) -> None:
    # torch: bin i of 2 over 5 goes from ⌊5i/2⌋ up to ⌈5(i + 1)/2⌉.
    attrs = PoolAttrs("average", (), (), (), (), adaptive=True)
    y = build.node(Kind.POOL, (build.input(1, 4, 5, 5),), (1, 4, 2, 2), attrs=attrs)
    assert spans(sights(build.graph())[0][y].axes[0]) == [(0, 2), (2, 4)]


def test_one_bin_sees_everything(build) -> None:
    attrs = PoolAttrs("average", (), (), (), (), adaptive=True)
    x = build.input(1, 4, 5, 5)
    y = build.node(Kind.POOL, (x,), (1, 4, 1, 1), path="pool", attrs=attrs)
    sight = sights(build.graph())[0][y]
    assert sight.axes == (None, None, None)
    assert sight.global_from == "pool"


def test_padding_sees_nothing_and_moves_the_rest(build) -> None:
    attrs = PadAttrs("constant", (0, 0, 2, 0), (0, 0, 0, 0))
    y = build.node(Kind.PAD, (build.input(1, 4, 3, 3),), (1, 4, 5, 3), attrs=attrs)
    field = sights(build.graph())[0][y].axes[0]
    assert field.lo == -2
    assert spans(field)[2:] == [(0, 0), (1, 1), (2, 2)]
    assert all(low > high for low, high in spans(field)[:2])


def test_linear_interpolation_reads_two_neighbours(build) -> None:
    # Centres at −0.25, 0.25, 0.75, 1.25 in units of the input; below 0 the first alone.
    x = build.input(1, 4, 2, 2)
    y = build.node(Kind.RESAMPLE, (x,), (1, 4, 4, 4), attrs=ResampleAttrs("linear"))
    field = sights(build.graph())[0][y].axes[0]
    assert spans(field) == [(0, 0), (0, 1), (0, 1), (1, 1)]
    assert not field.exact


def test_a_mean_over_one_axis_leaves_the_other(build) -> None:
    x = build.input(1, 4, 8, 6)
    y = build.node(Kind.REDUCE, (x,), (1, 4, 6), path="mean", attrs=AxesAttrs("mean", (2,)))
    sight = sights(build.graph())[0][y]
    assert sight.axes[0] is None
    assert sight.axes[1].size == 6
    assert len(sight.layout) == 3


def test_a_kernel_that_is_computed_is_a_gate(build) -> None:
    x = build.input(1, 4, 8, 8)
    pooled = build.node(Kind.REDUCE, (x,), (1, 4), path="route", attrs=AxesAttrs("mean", (2, 3)))
    kernel = build.node(Kind.RESHAPE, (pooled,), (1, 4, 1, 1), op="aten.view")
    attrs = ConvAttrs((3, 3), (1, 1), (1, 1), (1, 1), 1, bias=False)
    y = build.node(Kind.CONV, (x, kernel), (1, 1, 8, 8), path="dynamic", attrs=attrs)
    sight = sights(build.graph())[0][y]
    assert (sight.axes[0].width, sight.global_from) == (3, "route")


def test_taps_that_the_image_moves_are_a_lower_bound(build) -> None:
    x = build.input(1, 4, 8, 8)
    attrs = ConvAttrs((3, 3), (2, 2), (1, 1), (1, 1), 1, bias=False, deformable=True)
    y = build.node(Kind.CONV, (x,), (1, 4, 4, 4), path="deform", attrs=attrs)
    sight = sights(build.graph())[0][y]
    assert (sight.axes[0].width, sight.lost) == (3, "aten.conv in deform")


def test_an_axis_that_grows_may_be_the_image_of_one_unit(build) -> None:
    """A view to (1, 4, 1) does not tell which axis is left, and new positions see nothing."""
    x = build.node(Kind.RESHAPE, (build.input(1, 4, 1, 1),), (1, 4, 1))
    padded = build.node(Kind.PAD, (x,), (1, 4, 3), attrs=PadAttrs("constant", (0, 0, 1), (0, 0, 1)))
    attrs = ConvAttrs((1,), (1,), (1,), (1,), 1, 16)
    windowed = build.node(Kind.CONV, (x,), (1, 4, 3), attrs=attrs)
    by_tensor, _ = sights(build.graph())
    assert all(field.sure for field in by_tensor[x].axes if field)
    for tensor in (padded, windowed):
        assert [field.sure for field in by_tensor[tensor].axes if field] == [False, False]
