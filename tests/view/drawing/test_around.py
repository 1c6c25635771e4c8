"""What stands above and below a picture fits into its width, row below row."""

import archlab
from archlab.view.drawing import around
from archlab.view.drawing.shapes import Words, right
from archlab.view.drawing.style import Style
from archlab.view.theme import THEMES


def shown(**look):
    return archlab.render("resnet18", **look).drawing


def texts(rows) -> list[str]:
    return [part.content for _, row in rows for part in row if isinstance(part, Words)]


def test_the_legend_is_broken_where_it_would_be_wider_than_the_picture() -> None:
    drawing, style = shown(), Style(THEMES["light"])
    wide, narrow = (around.head(drawing, style, None, room) for room in (2000.0, 420.0))
    assert texts(wide) == texts(narrow)
    assert len(narrow) > len(wide)
    for room, rows in ((2000.0, wide), (420.0, narrow)):
        # A title and a line of totals are broken by letters; the entries of the legend by width.
        assert all(right(part) <= room for height, row in rows if height == 13.0 for part in row)


def test_the_scale_of_heat_stands_below_the_legend() -> None:
    rows = around.head(shown(color_by="macs"), Style(THEMES["light"]), None, 900.0)
    assert any("share of all MACs" in text for text in texts(rows[-1:]))
    assert len(around.head(shown(), Style(THEMES["light"]), None, 900.0)) == len(rows) - 1


def test_notes_are_below_each_other() -> None:
    style = Style(THEMES["light"], notes=("one", "two"))
    drawing = shown()
    rows = around.foot(drawing, style, 900.0)
    assert texts(rows)[:2] == ["one", "two"]
    (element,) = around.elements(rows, (10.0, 20.0), "foot")
    heights = [part.y for part in element.shapes if isinstance(part, Words)]
    assert heights == sorted(heights)
    assert len(set(heights)) == len(heights)
    assert list(around.elements([], (0.0, 0.0), "foot")) == []
