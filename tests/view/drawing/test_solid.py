"""Cuboids by the shapes of maps: formulas of their sizes, and of the lines between them."""

from math import log10, sqrt

import pytest
from small import chain

from archlab.fold.drawing import Box, Shape
from archlab.view.drawing.solid import is_map, is_volume, scale_of


def solids(drawing, direction="LR"):
    scale = scale_of(drawing, direction)
    return {box.id: scale.solid(box) for box in drawing.boxes}


def test_height_is_the_root_of_the_side_and_width_that_of_the_channels() -> None:
    shapes = ((64, 224, 224), (128, 56, 56), (512, 14, 14), (256, 28, 112))
    found = solids(chain(*shapes))
    first = found["b0"]
    for i, (channels, high, wide) in enumerate(shapes):
        solid = found[f"b{i}"]
        side = sqrt(high * wide)
        assert solid.height / first.height == pytest.approx(sqrt(side / 224))
        assert solid.width / first.width == pytest.approx(sqrt(channels / 64))
        assert solid.depth / solid.height == pytest.approx(first.depth / first.height)


def test_small_maps_and_few_channels_can_be_seen() -> None:
    found = solids(chain((2048, 512, 512), (1, 2, 1)))
    assert found["b1"].height >= 9
    assert found["b1"].width >= 4


def test_vectors_and_maps_of_one_place_are_bars_by_their_features() -> None:
    drawing = chain((64, 8, 8), (256, 1, 1), (1024,), (64,))
    assert [is_map(box) for box in drawing.boxes] == [True, False, False, False]
    found = solids(drawing)
    assert found["b1"].width == found["b2"].width == found["b3"].width
    assert found["b2"].height / found["b1"].height == pytest.approx(sqrt(1024 / 256))
    assert found["b2"].height / found["b3"].height == pytest.approx(sqrt(1024 / 64))


def test_lines_are_as_thick_as_the_logarithm_of_their_bytes() -> None:
    scale = scale_of(chain((64, 100, 100), (64, 10, 10), (10,)), "LR")
    assert scale.bytes == 4 * 64 * 100 * 100
    thickest, thinnest = scale.pen(scale.bytes), scale.pen(scale.bytes / 1000)
    for nbytes in (scale.bytes / 10, scale.bytes / 50):
        share = log10(scale.bytes / nbytes) / 3
        assert scale.pen(nbytes) == pytest.approx(thickest + (thinnest - thickest) * share)
    assert scale.pen(1) == scale.pen(0) == thinnest == pytest.approx(0.8)


def test_a_signal_is_a_sheet_as_high_as_it_is_long() -> None:
    found = solids(chain((8, 400), (16, 100)))
    assert found["b1"].height / found["b0"].height == pytest.approx(sqrt(100 / 400))
    assert found["b0"].depth == found["b1"].depth < found["b1"].height / 4


def test_a_video_is_as_high_as_one_of_its_images() -> None:
    found = solids(chain((8, 16, 56, 56), (8, 4, 56, 56), (8, 56, 56)))
    assert found["b0"] == found["b1"] == found["b2"]


def test_volumes_that_stand_above_each_other_are_smaller() -> None:
    drawing = chain((8, 56, 56), (8, 28, 28))
    assert solids(drawing, "TB")["b0"].height < solids(drawing, "LR")["b0"].height


def test_joins_failures_and_ports_are_no_volumes() -> None:
    assert [shape for shape in Shape if not is_volume(Box("a", "a", shape, ""))] == [
        Shape.SUM, Shape.PRODUCT, Shape.CONCAT, Shape.FAILURE, Shape.PORT
    ]  # fmt: skip
