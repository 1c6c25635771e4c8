"""The walk over a graph: what is an image, what sees nothing, and where rules end."""

from archlab.analyze.field.sight import sights
from archlab.ir.kinds import ConvAttrs, Kind


def test_two_convolutions_see_five_rows(build) -> None:
    x = build.conv(build.input(1, 3, 16, 16), 4, kernel=3)
    y = build.conv(x, 4, kernel=3)
    seen, misaligned = sights(build.graph())
    assert [axis.width for axis in seen[y].axes[:2]] == [5, 5]
    assert misaligned == ()


def test_weights_and_what_is_made_of_them_see_nothing(build) -> None:
    build.input(1, 3, 8, 8)
    weight = build.param("w", 4, 4)
    doubled = build.same(Kind.ELEMENTWISE, weight)
    seen, _ = sights(build.graph())
    assert weight not in seen
    assert doubled not in seen


def test_a_sequence_is_an_image_only_where_a_convolution_reads_it(build) -> None:
    x = build.input(1, 8, 16)
    assert sights(build.graph())[0] == {}
    attrs = ConvAttrs((3,), (1,), (1,), (1,), 1, bias=False)
    y = build.node(Kind.CONV, (x,), (1, 4, 16), attrs=attrs)
    tall, wide, steps = sights(build.graph())[0][y].axes
    assert (tall, wide) == (None, None)
    assert steps.width == 3


def test_behind_an_unknown_operator_all_is_a_lower_bound(build) -> None:
    x = build.conv(build.input(1, 3, 16, 16), 4, kernel=3)
    x = build.same(Kind.OPAQUE, x, path="fft", op="aten.fft")
    y = build.conv(x, 4, kernel=3)
    sight = sights(build.graph())[0][y]
    assert sight.lost == "aten.fft in fft"
    assert sight.axes[0].width == 5
