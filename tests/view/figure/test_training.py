"""Curves: the same numbers give the same bytes; names, bands and bad suffixes."""

import itertools
from dataclasses import replace

import pytest

from archlab.errors import OptionError
from archlab.view.figure.frame import Words
from archlab.view.figure.training import Bracket, CurveFigure, Line, Panel, _draw, curves, spread


def picture(name: str = "20 test") -> CurveFigure:
    steps = [100.0, 200.0, 300.0]
    lines = [
        Line(name, steps, [50, 30, 20], [45, 28, 19], [55, 33, 22], 0),
        Line("20 train", steps, [40, 20, 10], [40, 20, 10], [40, 20, 10], 0, bold=False),
        Line("56 test", steps, [50, 30, 20.1], [45, 28, 19], [55, 33, 22], 1),
    ]
    panels = [Panel("plain", "error (%)", lines, 60.0)] * 2
    return CurveFigure(Words("Does depth help?", "made up"), panels)


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
    assert curves(CurveFigure(Words("none"), [Panel("plain", "error", [])]), "png")


def test_another_suffix_is_refused() -> None:
    with pytest.raises(OptionError, match="svg, png, pdf"):
        curves(picture(), "gif")


def test_heights_are_the_nearest_that_lie_apart() -> None:
    assert spread([], 0.1) == []
    assert spread([0.2, 0.5, 0.9], 0.1) == pytest.approx([0.2, 0.5, 0.9])  # apart already
    assert spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])  # both move by half
    assert spread([0.5, 0.5, 0.5], 0.1) == pytest.approx([0.4, 0.5, 0.6])
    assert spread([0.0, 0.0, 1.0, 1.0], 0.1) == pytest.approx([0.0, 0.1, 0.9, 1.0])
    crowd = spread([0.3] * 9, 0.055)
    assert all(high - low > 0.0549 for low, high in itertools.pairwise(crowd))


def test_a_name_that_is_moved_has_a_leader_and_others_stand_at_their_lines() -> None:
    axes = _draw(picture()).axes[0]
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    # Of 60 %: the lines end at 10, 20 and 20.1.
    assert heights["20 train"] == pytest.approx(10 / 60)
    assert heights["56 test"] - heights["20 test"] == pytest.approx(0.055, abs=1e-3)
    assert heights["20 test"] < 20 / 60 < heights["56 test"]
    leaders = [line for line in axes.lines if line.get_transform() == axes.transAxes]
    assert len(leaders) == 2


def test_the_scale_bends_at_the_knee_and_cuts_no_line() -> None:
    steps = [100.0, 200.0, 300.0]
    lines = [Line("20", steps, [88, 12, 8], [85, 11, 7], [91, 13, 9])]
    panel = Panel("plain", "error (%)", lines, top=95.0, knee=20.0, chance=90.0)
    axes = _draw(CurveFigure(Words("bent"), [panel])).axes[0]
    to_axes = axes.transData + axes.transAxes.inverted()
    heights = {value: to_axes.transform((0, value))[1] for value in (0, 10, 20, 95)}
    assert heights == pytest.approx({0: 0, 10: 0.39, 20: 0.78, 95: 1})
    assert to_axes.transform((100, 91))[1] < 1  # the band's highest value too
    assert set(axes.get_yticks()) >= {0, 10, 20, 90}
    assert {text.get_text() for text in axes.texts} == {"20", "chance", "smaller scale"}


def test_marks_and_brackets_stand_right_of_the_lines() -> None:
    panel = picture().panels[0]
    lines = [replace(panel.lines[0], published=8.75), replace(panel.lines[1], end=9.0),
             panel.lines[2]]  # fmt: skip
    brackets = (Bracket("20 test", "56 test", "gap\n+0.1"), Bracket("20 train", "gone", "no"))
    drawn = _draw(CurveFigure(Words(), [replace(panel, lines=lines, brackets=brackets)]))
    axes = drawn.axes[0]
    marks = {line.get_marker(): line.get_xydata()[0].tolist() for line in axes.lines}
    assert (marks["D"], marks["o"]) == ([300, 8.75], [300, 9.0])
    words = {text.get_text(): text.get_position()[0] for text in axes.texts}
    assert words["gap\n+0.1"] > words["56 test"] > 1
    assert "no" not in words
    # Nothing is outside the picture.
    drawn.canvas.draw()
    for text in axes.texts:
        assert text.get_window_extent().x1 <= drawn.bbox.x1


def test_a_bracket_spans_the_dots_that_its_number_is_of() -> None:
    panel = picture().panels[0]
    lines = [
        replace(line, end=end) for line, end in zip(panel.lines, (12.0, 42.0, None), strict=True)
    ]
    names = [line.name for line in lines]
    brackets = (Bracket(names[0], names[1], "gap"),)
    axes = _draw(CurveFigure(Words(), [replace(panel, lines=lines, brackets=brackets)])).axes[0]
    drawn = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == 4]
    top = axes.get_ylim()[1]
    assert list(drawn[0]) == pytest.approx([12 / top, 12 / top, 42 / top, 42 / top])


def test_brackets_that_would_meet_stand_side_by_side() -> None:
    panel = picture().panels[0]
    both = (Bracket("20 test", "20 train", "one"), Bracket("56 test", "20 train", "two"))
    axes = _draw(CurveFigure(Words(), [replace(panel, brackets=both)])).axes[0]
    words = {text.get_text(): text.get_position()[0] for text in axes.texts}
    assert words["two"] > words["one"] + 0.1


def test_a_long_caption_is_wrapped_below_the_axes() -> None:
    drawn = _draw(CurveFigure(Words("long", "", "word " * 60), picture().panels[:1]))
    drawn.canvas.draw()
    caption = next(text for text in drawn.texts if text.get_text().startswith("word"))
    assert caption.get_window_extent().x1 <= drawn.bbox.x1
    assert caption.get_window_extent().y1 < drawn.axes[0].get_tightbbox().y0
