"""Pictures by depth: formats, determinism, zeros and infinities drawn, no torch."""

from __future__ import annotations

import math

import pytest

from archlab.errors import OptionError
from archlab.view.figure.by_depth import Curve, DepthFigure, Panel, Segment, by_depth

CURVE = Curve(
    "net <a & b>", [0, 1, 2, 3], [1e3, 0.0, None, math.inf], [1e2, 0.0, None, None],
    [1e4, 0.0, None, None], theory=[Segment([0, 1], [1e2, 1e1], [1e4, 1e3])],
)  # fmt: skip
TWIN = Curve("twin", [0, 1], [1.0, 2.0], [None, None], [None, None], dashed=True)


def picture(*, beside: bool = False, log: bool = True) -> DepthFigure:
    panel = Panel("dL/da", [CURVE, TWIN], "block", log=log, marks=[(0.5, "stage 1")])
    return DepthFigure("Title", "a subtitle " * 30, [panel, panel], beside=beside)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("log", [False, True])
def test_svg_is_deterministic_and_holds_text(*, beside: bool, log: bool) -> None:
    first, second = (by_depth(picture(beside=beside, log=log), "svg") for _ in range(2))
    assert first == second
    for text in (b"Title", b"net &lt;a &amp; b&gt;", b"theory", b"twin", b"stage 1", b"dL/da"):
        assert text in first


def test_png_and_pdf() -> None:
    assert by_depth(picture(), "png").startswith(b"\x89PNG")
    assert by_depth(picture(), "pdf").startswith(b"%PDF")


def test_nothing_but_zeros() -> None:
    curve = Curve("zeros", [0, 1], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0])
    assert by_depth(DepthFigure("t", "s", [Panel("p", [curve])]), "svg")


def test_unknown_format() -> None:
    with pytest.raises(OptionError, match="svg, png, pdf"):
        by_depth(picture(), "bmp")
