"""Pictures of receptive fields: formats, determinism, no empty drawing."""

from __future__ import annotations

import numpy as np
import pytest

from archlab.errors import OptionError
from archlab.view.figure.receptive_field import (
    FieldFigure,
    Growth,
    Panel,
    receptive_fields,
    sample_image,
)

CURVE = Growth("net <a & b>", [3, 7, 15], [3, 5, 5], [(3, 9.0)])


def picture(*, panels: bool = False) -> FieldFigure:
    heat = np.zeros((16, 16))
    heat[6:9, 6:9] = 1
    panel = Panel("layer", (2, 2, 12, 12), heat)
    return FieldFigure("What net sees", "input", 16, [CURVE], sample_image(16, 16),
                   [panel] if panels else ())  # fmt: skip


@pytest.mark.parametrize("panels", [False, True])
def test_svg_is_deterministic_and_holds_text(*, panels: bool) -> None:
    first, second = (receptive_fields(picture(panels=panels), "svg") for _ in range(2))
    assert first == second
    assert b"What net sees" in first
    assert b"net &lt;a &amp; b&gt;, longest path" in first
    assert b"image: 16 px" in first


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
