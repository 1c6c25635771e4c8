"""The finished SVG: every box is in it with its words, its data and its colours."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from archlab.fold.drawing import Box, Drawing, Shape
from archlab.view.drawing import card
from archlab.view.drawing.sheet import canvas
from archlab.view.drawing.style import Style, theme_of
from archlab.view.drawing.svg import svg
from archlab.view.theme import THEMES

SVG = "{http://www.w3.org/2000/svg}"


def picture(drawing: Drawing, style: Style) -> str:
    return svg(canvas(drawing, style)[0], style.theme)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_every_box_is_in_the_svg_with_its_words(drawing, theme, direction) -> None:
    root = ET.fromstring(picture(drawing, Style(theme_of(theme), direction, 5, None)))
    ids = {item.get("id") for item in root.iter(f"{SVG}g")}
    assert {card.printable(box.id) for box in drawing.boxes} <= ids
    words = "".join(text.text or "" for text in root.iter(f"{SVG}text"))
    for piece in ("Conv 3×3 · BN · ReLU", "<b>&", "漢字", "×3", "×8", "boom < bang", "identity"):
        assert piece in words
    assert words.count("long") >= 75  # wrapped, not cut


def test_a_box_carries_data_for_scripts_and_a_tooltip(drawing, style) -> None:
    root = ET.fromstring(picture(drawing, style))
    stem = next(item for item in root.iter(f"{SVG}g") if item.get("id") == "stem")
    assert stem.get("data-path") == "stem"
    assert stem.get("data-params") == "1432"
    assert stem.get("data-kind") == "conv"
    assert "1,432 parameters" in stem.find(f"{SVG}title").text


def test_a_dark_screen_gets_other_colours_a_light_theme_does_not(drawing, style) -> None:
    assert "prefers-color-scheme:dark" in picture(drawing, style)
    assert "prefers-color-scheme" not in picture(drawing, replace(style, theme=theme_of("light")))


def test_a_name_that_reads_as_html_is_quoted(style) -> None:
    drawing = Drawing("m", "", "eval", "", (Box("<b>x</b>", "<b>x</b>", Shape.OPERATOR, "Conv"),),
                      (), ())  # fmt: skip
    assert 'id="&lt;b&gt;x&lt;/b&gt;"' in picture(drawing, style)


def test_a_name_with_signs_that_are_not_printed_is_not_lost(style) -> None:
    name = "x \u202e rtl"
    drawing = Drawing("m", "", "eval", "", (Box(name, name, Shape.OPERATOR, "Conv"),), (), ())
    assert 'id="x   rtl"' in picture(drawing, style)
