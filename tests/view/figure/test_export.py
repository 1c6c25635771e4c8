"""A figure as a file: in our style, without a date, of the size that was asked for."""

import re
import struct
from xml.etree import ElementTree

import pytest

from archlab.errors import OptionError
from archlab.view.figure.export import COLOURS, exported


def figure():
    from matplotlib.figure import Figure

    shown = Figure(figsize=(2, 1))
    shown.text(0.5, 0.5, "words < here")
    shown.add_subplot()
    return shown


@pytest.mark.parametrize(("dpi", "size"), [(150, (300, 150)), (60, (120, 60))])
def test_a_png_has_its_inches_times_its_dots(dpi, size) -> None:
    data = exported(figure, "png", dpi=dpi)
    assert struct.unpack(">II", data[16:24]) == size  # as PNG's header has them


def test_no_file_has_a_date_and_words_stay_words() -> None:
    svg, pdf = (exported(figure, suffix) for suffix in ("svg", "pdf"))
    assert b"words &lt; here" in svg
    assert not re.search(rb"<dc:date>|\d{4}-\d\d-\d\dT", svg)
    assert b"CreationDate" not in pdf


def test_our_style_holds_while_the_figure_is_drawn_and_no_longer() -> None:
    import matplotlib as mpl

    seen = {}

    def draw():
        seen.update(mpl.rcParams)
        return figure()

    with mpl.rc_context({"font.size": 31.0, "axes.spines.top": True}):
        exported(draw, "svg")
        assert mpl.rcParams["font.size"] == 31.0
    assert (seen["font.size"], seen["axes.spines.top"]) == (9.0, False)
    assert seen["svg.hashsalt"] == "archlab"


def test_another_suffix_is_refused_before_anything_is_drawn() -> None:
    with pytest.raises(OptionError, match="svg, png, pdf; 'gif' was given"):
        exported(lambda: pytest.fail("it was drawn"), "gif")


def test_the_colours_are_okabe_and_itos() -> None:
    """https://jfly.uni-koeln.de/color/, where they stand as red, green and blue."""
    published = {
        (0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115), (0, 114, 178), (213, 94, 0),
        (204, 121, 167),
    }  # fmt: skip
    assert {tuple(bytes.fromhex(colour[1:])) for colour in COLOURS} == published


def test_names_stand_as_they_are() -> None:
    """A control character is no XML, and a name between dollars is no formula."""

    from matplotlib.figure import Figure

    def draw():
        figure = Figure()
        axes = figure.subplots()
        axes.plot([1, 10, 1000], [1, 2, 3], label="a\x1b[2J \u202eb $\\frac$ <b>")
        axes.set(xscale="log", title="two\nlines, $x_1$")
        axes.legend()
        return figure

    svg = exported(draw, "svg").decode()
    words = [text.text for text in ElementTree.fromstring(svg).iter() if text.text]
    assert "a\\x1b[2J \\u202eb $\\frac$ <b>" in words
    assert "lines, $x_1$" in words
    assert not any("mathdefault" in word for word in words)  # 10³ is drawn as a power
