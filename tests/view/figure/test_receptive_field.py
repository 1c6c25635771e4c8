"""Pictures of receptive fields: formats, determinism, no empty drawing."""

from __future__ import annotations

import numpy as np
import pytest

from archlab.errors import OptionError
from archlab.view.figure.frame import Words
from archlab.view.figure.receptive_field import (
    FieldFigure,
    Growth,
    Panel,
    _draw,
    receptive_fields,
    sample_image,
)

CURVE = Growth("net <a & b>", [3, 7, 15], [3, 5, 5], [(2, 5.0)], [(3, 9.0)])


def picture(*, panels: bool = False) -> FieldFigure:
    heat = np.zeros((16, 16))
    heat[6:9, 6:9] = 1
    panel = Panel("layer", (2, 2, 12, 12), heat, (6, 6, 3, 3), ["top"], "larger: 40 px")
    return FieldFigure(
        Words("What net <a & b> sees", "input"), 16, [CURVE], image=sample_image(16, 16),
        panels=[panel] * 5 if panels else (), edge=0.25,
    )  # fmt: skip


@pytest.mark.parametrize("panels", [False, True])
def test_svg_is_deterministic_and_holds_text(*, panels: bool) -> None:
    first, second = (receptive_fields(picture(panels=panels), "svg") for _ in range(2))
    assert first == second
    for words in (b"What net &lt;a &amp; b&gt; sees", b">longest path<", b"image: 16 px",
                  b"shortest to longest path", b"layers on side branches"):  # fmt: skip
        assert words in first
    assert (b"larger: 40 px" in first) == panels
    assert (b"share of the largest" in first) == panels


def test_png_and_pdf() -> None:
    assert receptive_fields(picture(), "png").startswith(b"\x89PNG")
    assert receptive_fields(picture(), "pdf").startswith(b"%PDF")


def test_unknown_format() -> None:
    with pytest.raises(OptionError, match="svg, png, pdf"):
        receptive_fields(picture(), "bmp")


def test_sample_image_is_an_image() -> None:
    image = sample_image(20, 30)
    assert image.shape == (20, 30, 3)
    assert image.min() >= 0
    assert image.max() <= 1
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 10


def test_equal_nets_are_one_line_and_told_in_words() -> None:
    nets = [
        Growth("a18", [3, 7], [3, 5]),
        Growth("b", [3, 9], [3, 9]),
        Growth("plain18", [3, 7], [3, 7]),
    ]
    figure = _draw(FieldFigure(Words(), 0, nets))
    axes = figure.axes[0]
    lines = [line.get_ydata().tolist() for line in axes.lines if len(line.get_xdata())]
    assert lines == [[3, 7], [3, 9]]
    words = [text.get_text() for text in figure.texts]
    assert words == ["a18 = plain18", "b", "shortest to longest path (plain18: one path)"]


def test_the_trunk_is_a_line_and_branches_are_dots() -> None:
    axes = _draw(picture()).axes[0]
    dots = {
        tuple(map(tuple, line.get_xydata().tolist()))
        for line in axes.lines if line.get_linestyle() == "None"
    }  # fmt: skip
    assert dots == {((2, 5),), ((3, 9),)}
    trunk = [line.get_xydata().tolist() for line in axes.lines if line.get_linestyle() == "-"]
    assert trunk == [[[1, 3], [2, 7], [3, 15]]]


def test_a_box_on_the_border_is_seen_and_arrows_lead_beyond_it() -> None:
    figure = _draw(picture(panels=True))
    axes = figure.axes[1]
    assert axes.get_xlim()[0] < 0 < 16 < axes.get_xlim()[1]
    (arrow,) = [text for text in axes.texts if text.arrow_patch is not None]
    assert arrow.xy[1] < 0 == arrow.get_position()[1]  # upwards, from row 0
    boxes = [
        (each.get_y(), each.get_x(), each.get_height(), each.get_width()) for each in axes.patches
    ]
    assert boxes == [(0, 0, 16, 16), (2, 2, 12, 12), (6, 6, 3, 3)]
    scale = figure.axes[-1]
    assert [label.get_text() for label in scale.get_yticklabels()] == ["0", "0.25", "0.5", "1"]
