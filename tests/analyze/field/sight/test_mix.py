"""Products, attention and norms: what is summed over is seen, all of it or in groups."""

from archlab.analyze.field.sight import sights
from archlab.ir.kinds import AttentionAttrs, AxesAttrs, Kind, MatmulAttrs, NormAttrs, PermuteAttrs


def tokens(build, *shape: int) -> int:
    """The pixels of an 8×8 image with 4 channels as tokens, in another shape."""
    x = build.input(1, 4, 8, 8)
    x = build.node(Kind.PERMUTE, (x,), (1, 8, 8, 4), attrs=PermuteAttrs((0, 2, 3, 1)))
    return build.node(Kind.RESHAPE, (x,), shape, op="aten.view")


def test_attention_over_all_tokens_is_global(build) -> None:
    x = tokens(build, 1, 64, 4)
    attrs = AttentionAttrs(1, 64, 64, 4, 4)
    y = build.node(Kind.ATTENTION, (x, x, x), (1, 64, 4), path="attention", attrs=attrs)
    sight = sights(build.graph())[0][y]
    assert sight.global_from == "attention"
    assert sight.axes[0].width == 1


def test_attention_along_a_row_mixes_no_rows(build) -> None:
    # Each row of 8 pixels is a group: all columns are mixed, and no rows.
    x = tokens(build, 8, 8, 4)
    attrs = AttentionAttrs(8, 8, 8, 4, 4)
    y = build.node(Kind.ATTENTION, (x, x, x), (8, 8, 4), path="rows", attrs=attrs)
    sight = sights(build.graph())[0][y]
    assert sight.global_from == "rows"
    assert sight.axes[0].width == 1


def test_a_projection_keeps_positions(build) -> None:
    x = tokens(build, 64, 4)
    y = build.linear(x, 6)
    sight = sights(build.graph())[0][y]
    assert sight.layout[0].spatial
    assert sight.axes[0].width == 1


def test_statistics_over_positions_are_global_and_over_channels_are_not(build) -> None:
    x = build.input(1, 4, 8, 8)
    for axes, path in (((1,), "layer"), ((1, 2, 3), "group")):
        attrs = NormAttrs("group", batch_stats=False, affine=True, axes=axes)
        x = build.same(Kind.NORM, x, path=path, attrs=attrs)
    assert sights(build.graph())[0][x].global_from == "group"


def test_a_softmax_over_pixels_is_global(build) -> None:
    x = build.input(1, 4, 8, 8)
    y = build.same(Kind.SOFTMAX, x, path="soft", attrs=AxesAttrs("softmax", (3,)))
    assert sights(build.graph())[0][y].global_from == "soft"


def test_patches_that_a_product_sums_over_are_a_window(build) -> None:
    # 8 rows in 2 patches of 4, and each patch of 4 · 8 pixels is projected: a window of 4 rows.
    x = build.node(Kind.RESHAPE, (build.input(1, 1, 8, 8),), (2, 32), op="aten.view")
    y = build.node(Kind.LINEAR, (x, build.param("w", 6, 32)), (2, 6), op="aten.mm",
                   attrs=MatmulAttrs(1, 2, 32, 6))  # fmt: skip
    field = sights(build.graph())[0][y].axes[0]
    assert (field.width, field.step, field.size) == (4, 4, 2)
