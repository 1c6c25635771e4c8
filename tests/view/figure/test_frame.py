"""What is around the axes: measured words, one line above, the rest below, nothing cut."""

import itertools

import pytest

from archlab.view.figure.frame import Key, Words, framed, in_title, measured, wrapped

LONG = "3 seeds of weights · made images with a natural spectrum · cross-entropy " * 4


def boxes(figure) -> list:
    figure.canvas.draw()
    return [text.get_window_extent() for text in figure.texts]


def test_the_body_has_the_inches_that_were_asked_for() -> None:
    for words in (Words(), Words("Title", "one line", LONG)):
        figure, body = framed(words, 6.0, 2.5)
        size = body.bbox.width / figure.dpi, body.bbox.height / figure.dpi
        assert size == pytest.approx((6.0, 2.5))
    bare, _ = framed(Words(), 6.0, 2.5)
    assert tuple(bare.get_size_inches()) == pytest.approx((6.0, 2.5))


@pytest.mark.parametrize("width", [3.0, 8.4])
def test_no_word_is_cut_or_lies_over_the_axes(width) -> None:
    words = Words("A title of some nets: " + "resnet20, " * 12, "input 3x32x32", LONG + "x" * 300)
    keys = [Key(f"net {i}", line={"color": "red"}) for i in range(20)]
    figure, body = framed(words, width, 2.0, keys)
    for box in boxes(figure):
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
        assert box.y0 >= body.bbox.y1 or box.y1 <= body.bbox.y0
    for one, other in itertools.combinations(boxes(figure), 2):
        assert not one.overlaps(other)


def test_a_subtitle_is_one_line_and_else_begins_the_caption() -> None:
    figure, _ = framed(Words("T", "short", "caption"), 6, 2)
    assert [text.get_text() for text in figure.texts] == ["T", "short", "caption"]
    figure, _ = framed(Words("T", LONG, "caption"), 6, 2)
    title, foot = [text.get_text() for text in figure.texts]
    assert title == "T"
    assert foot.startswith("3 seeds")
    assert foot.endswith("\ncaption")


def test_lines_hold_every_word_and_are_as_long_as_they_can_be() -> None:
    lines = wrapped(LONG, 4.0, 7.5)
    assert " ".join(lines).split() == LONG.split()
    assert all(measured(line, 7.5) <= 4.0 for line in lines)
    assert not any(line.startswith("·") for line in lines)
    for line, after in itertools.pairwise(lines):
        assert measured(f"{line} {after.split()[0]} ·", 7.5) > 4.0
    assert "".join(wrapped("/a/path" * 40, 2.0, 8)) == "/a/path" * 40
    assert wrapped("one\n\ntwo\x1b", 2.0, 8) == ["one", "two\\x1b"]


def test_a_width_grows_with_letters_size_and_weight() -> None:
    assert measured("", 8) == 0
    assert measured("ab", 16) == pytest.approx(2 * measured("ab", 8))
    assert measured("ab", 8, "bold") > measured("ab", 8) > measured("a", 8)


def test_a_key_looks_as_the_data_does() -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    band = {"facecolor": "none", "edgecolor": "#123456", "hatch": "////", "linewidth": 0}
    key = Key("theory", band=band, edges={"color": "#123456", "linestyle": ":"})
    figure, _ = framed(Words(), 4, 1, [key, Key("net", line={"color": "#654321", "marker": "o"})])
    (box,) = figure.findobj(lambda each: isinstance(each, Rectangle) and each.get_hatch())
    assert box.get_hatch() == "////"
    lines = [line for line in figure.artists + figure.lines if isinstance(line, Line2D)]
    looks = [(line.get_color(), line.get_linestyle()) for line in lines]
    assert looks == [("#123456", ":"), ("#123456", ":"), ("#654321", "-")]
    low, high = (line.get_ydata()[0] for line in lines[:2])
    assert (low, high) == pytest.approx((box.get_y(), box.get_y() + box.get_height()))


def test_a_title_names_a_few_nets_and_counts_many() -> None:
    assert in_title(["resnet20", "plain20"]) == "resnet20, plain20"
    assert in_title([f"resnet{6 * n + 2}" for n in range(1, 10)]) == "9 nets"
