"""The effective field beside the theoretical one, by hand."""

import numpy as np

from archlab.analyze.field.effective import effective
from archlab.analyze.field.receptive_field import receptive_field
from archlab.ir.graph import ModuleCall
from archlab.result.field import EffectiveField


def test_the_ratio_is_of_sides_and_to_what_the_image_holds(build) -> None:
    x = build.input(1, 3, 16, 16)
    y = build.conv(x, 4, kernel=9, path="small")
    z = build.conv(y, 4, kernel=13, path="large")
    build.calls = [
        ModuleCall("small", 0, 0, 1, (x,), (y,)),
        ModuleCall("large", 0, 1, 2, (y,), (z,)),
    ]
    graph = build.graph()
    fields = [
        EffectiveField("small", np.ones((16, 16)), 3, 3, (8, 8)),
        EffectiveField("large", np.ones((16, 16)), 4, 16, (8, 8)),
    ]
    result = effective(graph, receptive_field(graph).rows, fields, "4 images")
    small, large = result.rows
    assert (small.rf_h, small.ratio, small.clipped) == (9, 3 / 9, False)
    # 9 + 13 − 1 = 21 is more than the image: √(4 · 16 ÷ 16²) = 0.5.
    assert (large.rf_h, large.ratio, large.clipped) == (21, 0.5, True)
    assert (result.totals.layers, result.totals.last_ratio) == (2, 0.5)
