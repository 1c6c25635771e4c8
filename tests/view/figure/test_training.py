"""Curves: the same numbers give the same bytes; names, bands and bad suffixes."""

import pytest

from archlab.errors import OptionError
from archlab.view.figure.training import CurveFigure, Line, Panel, curves


def picture(name: str = "20 test") -> CurveFigure:
    steps = [100.0, 200.0, 300.0]
    lines = [
        Line(name, steps, [50, 30, 20], [45, 28, 19], [55, 33, 22], 0),
        Line("20 train", steps, [40, 20, 10], [40, 20, 10], [40, 20, 10], 0, bold=False),
        Line("56 test", steps, [50, 30, 20.1], [45, 28, 19], [55, 33, 22], 1),
    ]
    return CurveFigure(
        "Does depth help?", "made up", [Panel("plain", "error (%)", lines, 60.0)] * 2
    )


@pytest.mark.parametrize(
    ("suffix", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_the_same_numbers_give_the_same_bytes(suffix, start) -> None:
    first = curves(picture(), suffix)
    assert first.startswith(start)
    assert first == curves(picture(), suffix)
    assert first != curves(picture("another name"), suffix)


def test_names_stand_in_the_picture() -> None:
    text = curves(picture(), "svg").decode()
    for name in ("Does depth help?", "made up", "20 train", "56 test", "error (%)", "steps"):
        assert name in text


def test_an_empty_panel_is_drawn() -> None:
    assert curves(CurveFigure("none", "", [Panel("plain", "error", [])]), "png")


def test_another_suffix_is_refused() -> None:
    with pytest.raises(OptionError, match="svg, png, pdf"):
        curves(picture(), "gif")
