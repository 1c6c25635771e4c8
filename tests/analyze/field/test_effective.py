"""The effective field beside the theoretical one, by hand."""

from dataclasses import replace

import numpy as np

from archlab.analyze.field.effective import central_units, effective
from archlab.analyze.field.receptive_field import receptive_field
from archlab.ir.graph import ModuleCall
from archlab.ir.kinds import Kind, PermuteAttrs
from archlab.result.field import EffectiveField, Place


def test_the_ratio_is_of_sides_and_to_what_the_image_holds(build) -> None:
    x = build.input(1, 3, 16, 16)
    y = build.conv(x, 4, kernel=9, path="small")
    z = build.conv(y, 4, kernel=13, path="large")
    build.calls = [
        ModuleCall("small", 0, 0, 1, (x,), (y,)),
        ModuleCall("large", 0, 1, 2, (y,), (z,)),
    ]
    graph = build.graph()
    heat = np.zeros((16, 16))
    heat[4:13, 4:13] = 1
    fields = [
        EffectiveField("small", heat, 3, 3, (8, 8)),
        EffectiveField("large", np.ones((16, 16)), 4, 16, (8, 8)),
    ]
    result = effective(graph, receptive_field(graph).rows, fields, "4 images")
    small, large = result.rows
    assert (small.rf_h, small.ratio, small.clipped) == (9, 3 / 9, False)
    # 9 + 13 − 1 = 21 is more than the image: √(4 · 16 ÷ 16²) = 0.5.
    assert (large.rf_h, large.ratio, large.clipped) == (21, 0.5, True)
    assert (result.totals.layers, result.totals.last_ratio) == (2, 0.5)
    assert result.status == "complete"
    # Row 13 lies outside of what unit 8 sees through a 9×9: rows 4 to 12.
    heat[13, 8] = 1e-3
    missing = effective(graph, receptive_field(graph).rows, fields, "4 images").missing
    assert [gap.path for gap in missing] == ["small"]


def test_the_central_unit_is_where_the_layout_says(build) -> None:
    x = build.input(1, 4, 6, 8)
    last = build.node(Kind.PERMUTE, (x,), (1, 6, 8, 4), attrs=PermuteAttrs((0, 2, 3, 1)))
    tokens = build.node(Kind.RESHAPE, (last,), (1, 48, 4), op="aten.view")
    windows = build.node(Kind.RESHAPE, (last,), (3, 2, 8, 4), op="aten.view")
    build.calls = [
        ModuleCall(path, 0, 0, 1, (x,), (tensor,))
        for path, tensor in (("last", last), ("tokens", tokens), ("windows", windows))
    ]
    places = central_units(build.graph())
    # Unit (3, 4): token 3 · 8 + 4, and row 1 of the second window of two rows.
    assert places["last"] == Place((3, 4), (1, 6, 8, 4), (None, 3, 4, None))
    assert places["tokens"].index == (None, 28, None)
    assert places["windows"].index == (1, 1, 4, None)


def test_behind_a_gate_the_whole_image_is_what_can_be_seen(build) -> None:
    """A linear layer over all places sees 16 × 16 pixels, and the window in front of it 3 × 3."""
    x = build.input(1, 3, 16, 16)
    y = build.conv(x, 4, kernel=3, path="conv")
    build.calls = [ModuleCall("conv", 0, 0, 1, (x,), (y,))]
    graph = build.graph()
    local = receptive_field(graph).rows
    rows = [replace(row, global_from="head") for row in local]
    fields = [EffectiveField("conv", np.ones((16, 16)), 12, 8, (8, 8))]
    (row,) = effective(graph, rows, fields, "4 images").rows
    assert (row.rf_h, row.rf_w, row.ratio) == (16, 16, (12 * 8 / 16**2) ** 0.5)
