"""A drawing as DOT text: what it refuses, and what a part of a page leaves out."""

from dataclasses import replace

import pytest

from archlab.errors import OptionError
from archlab.view.drawing.dot import dot
from archlab.view.drawing.style import theme_of
from archlab.view.drawing.engine import laid_out


def test_an_unknown_theme_or_direction(drawing, style) -> None:
    with pytest.raises(OptionError, match="Allowed: auto, light, dark, print"):
        theme_of("blue")
    with pytest.raises(OptionError, match="Allowed: TB, LR"):
        dot(drawing, replace(style, direction="RL"))


def test_a_bare_drawing_has_no_title_and_no_legend(drawing, style) -> None:
    whole, bare = (laid_out(dot(drawing, each), ["svg"])[0].decode()
                   for each in (style, replace(style, bare=True)))  # fmt: skip
    assert "a note" in whole
    assert "a note" not in bare
    assert ("1.235 M params" in whole, "1.235 M params" in bare) == (True, False)
    assert len(bare) < len(whole)
