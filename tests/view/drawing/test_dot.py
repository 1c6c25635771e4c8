"""A drawing as DOT text: what it refuses, and what a part of a page leaves out."""

from dataclasses import replace

import pytest

from archlab.errors import OptionError
from archlab.view.drawing.dot import dot
from archlab.view.drawing.style import theme_of


def laid_out(text: str) -> str:
    """Return the SVG that Graphviz makes of DOT text."""
    import pygraphviz  # here, as everywhere: it is not needed to draw

    return pygraphviz.AGraph(string=text).draw(format="svg", prog="dot").decode()


def test_graphviz_takes_every_box_of_the_text(drawing, style) -> None:
    svg = laid_out(dot(drawing, style))
    assert svg.count('class="node box') == len(drawing.boxes)
    for piece in ("Conv 3×3 · BN · ReLU", "漢字", "×8"):
        assert piece in svg


def test_an_unknown_theme_or_direction(drawing, style) -> None:
    with pytest.raises(OptionError, match="Allowed: auto, light, dark, print"):
        theme_of("blue")
    with pytest.raises(OptionError, match="Allowed: TB, LR"):
        dot(drawing, replace(style, direction="RL"))


def test_a_bare_drawing_has_no_title_and_no_legend(drawing, style) -> None:
    whole, bare = (laid_out(dot(drawing, each)) for each in (style, replace(style, bare=True)))
    assert "a note" in whole
    assert "a note" not in bare
    assert ("1.235 M params" in whole, "1.235 M params" in bare) == (True, False)
    assert len(bare) < len(whole)
