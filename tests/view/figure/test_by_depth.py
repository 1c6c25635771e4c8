"""Pictures by depth: formats, determinism, zeros and infinities drawn, no torch."""

from __future__ import annotations

import math

import pytest

from archlab.errors import OptionError
from archlab.view.figure.by_depth import Curve, DepthFigure, Panel, Segment, _draw, by_depth
from archlab.view.figure.frame import Words

CURVE = Curve(
    "net <a & b>", [0, 1, 2, 3], [1e3, 0.0, None, math.inf], [1e2, 0.0, None, None],
    [1e4, 0.0, None, None], theory=[Segment([0, 1], [1e2, 1e1], [1e4, 1e3])],
)  # fmt: skip
TWIN = Curve("twin", [0, 1], [1.0, 2.0], [None, None], [None, None])


def picture(*, beside: bool = False, log: bool = True) -> DepthFigure:
    panel = Panel("dL/da", [CURVE, TWIN], "block", log=log, marks=[(0.5, "stage 1")])
    return DepthFigure(Words("Title", "a line", "a caption " * 30), [panel, panel], beside=beside)


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
    assert by_depth(DepthFigure(Words("t"), [Panel("p", [curve])]), "svg")


def test_unknown_format() -> None:
    with pytest.raises(OptionError, match="svg, png, pdf"):
        by_depth(picture(), "bmp")


def net(name: str, *, seeds: float = 1.0) -> Curve:
    """A net whose band is `seeds` times as high at its upper edge as at its lower one."""
    theory = Segment([0, 1], [2.0, 1.0], [2.0 * seeds, 1.0 * seeds])
    return Curve(name, [0, 1], [2.0, 1.0], [2.0, 1.0], [2.0 * seeds, 1.0 * seeds], theory=[theory])


@pytest.mark.parametrize(("seeds", "hatched"), [(1.0, False), (3.0, True)])
def test_the_legend_shows_theory_as_it_is_drawn(seeds, hatched) -> None:
    from matplotlib.patches import Rectangle

    panel = Panel("p", [net("resnet20", seeds=seeds), net("plain20", seeds=seeds)])
    figure = _draw(DepthFigure(Words("t"), [panel]))
    axes = figure.axes[0]
    drawn = {band.get_hatch() for band in axes.collections if band.get_hatch()}
    in_legend = {patch.get_hatch() for patch in figure.findobj(Rectangle) if patch.get_hatch()}
    assert drawn == in_legend == ({"////"} if hatched else set())
    dotted = [line for line in figure.artists if line.get_linestyle() == ":"]
    # One seed has one line; of several, both edges of the band are dotted.
    assert len(dotted) == 1 + hatched
    edges = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert len(edges) == 2 * (1 + hatched)
    assert {line.get_linewidth() for line in dotted} == {line.get_linewidth() for line in edges}


def test_families_differ_in_hue_and_dash_and_no_legend_is_over_the_data() -> None:
    names = ["resnet20", "resnet56", "plain20", "plain56"]
    figure = _draw(DepthFigure(Words("t"), [Panel("p", [net(name) for name in names])]))
    axes = figure.axes[0]
    dashes = {line.get_label(): line.get_linestyle() for line in axes.lines}
    assert [dashes[name] for name in names] == ["-", "-", "--", "--"]
    assert axes.get_legend() is None
    figure.canvas.draw()
    above = [text for text in figure.texts if text.get_text() in names]
    assert len(above) == 4
    assert all(text.get_window_extent().y0 > axes.bbox.y1 for text in above)


def test_relative_depth_goes_from_0_to_1() -> None:
    curve = Curve("net", [0.5, 1.0], [1.0, 2.0], [None] * 2, [None] * 2)
    axes = _draw(DepthFigure(Words("t"), [Panel("p", [curve], relative=True)])).axes[0]
    assert axes.get_xlim() == (0, pytest.approx(1, abs=0.05))
