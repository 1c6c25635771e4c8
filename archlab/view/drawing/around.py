"""What stands above and below a picture: title, legend, the scale of heat, notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archlab.fold.drawing import Drawing
from archlab.result import with_times
from archlab.view.drawing import card, legend
from archlab.view.drawing.face import PENS, Text
from archlab.view.drawing.shapes import (
    Element,
    Line,
    Point,
    Rectangle,
    Shape as Part,
    arrow,
    moved,
    shortened,
)
from archlab.view.drawing.style import Style
from archlab.view.drawing.volume import Volumes, tint
from archlab.view.theme import Theme

SMALLEST = 8.0  # points of the smallest text
_SAMPLE = 40.0  # length of a line in the legend

Row = tuple[float, list[Part]]  # height and shapes, from the origin


def elements(rows: Sequence[Row], corner: Point, classes: str) -> Iterator[Element]:
    """Yield rows below each other as one element, if there are any."""
    x, y = corner
    shapes: list[Part] = []
    for height, row in rows:
        shapes += [moved(part, x, y) for part in row]
        y += height
    if shapes:
        yield Element(shapes, classes)


def head(drawing: Drawing, style: Style, volumes: Volumes | None, room: float) -> list[Row]:
    """Return title and legend as rows: height and shapes, from the origin."""
    colours = style.theme.colours
    cost = card.totals(style.params, style.macs)
    if style.before is not None:
        cost = f"{card.totals(*style.before)} → {cost}"
    source = f"input {with_times(drawing.input or 'none')}"
    texts = [Text(line, 15, "text", bold=True) for line in card.wrapped(drawing.title, 40)]
    texts += _facts((cost, source, f"{drawing.mode} mode"), room)
    if drawing.model != drawing.title:
        texts += [Text(line, 8, "quiet") for line in card.wrapped(drawing.model, 90)]
    rows: list[Row] = [
        (text.height, [text.words(0, text.points, style.theme.colours)]) for text in texts
    ]
    rows.append((5.0, []))
    x = 0.0
    row: list[Part] = []
    insides = (inset.drawing for inset in drawing.insets)
    for entry in legend.entries([drawing, *insides]):
        if entry.sign == "■" and volumes and drawing.heat:
            continue  # volumes have one colour
        words = Text(entry.words, 8, "quiet")
        sample, wide = _sample(entry, colours, tinted=volumes is not None)
        if x and x + wide + words.width > room:
            rows.append((13.0, row))
            x, row = 0.0, []
        row += [moved(part, x, 0) for part in sample]
        row.append(words.words(x + wide, 9, colours))
        x += wide + words.width + 16
    if row:
        rows.append((13.0, row))
    if volumes:
        rows += volumes.legend(room)
    if drawing.heat is not None:
        rows.append((22.0, _scale(drawing, style.theme)))
    return rows


def _facts(facts: Sequence[str], room: float) -> list[Text]:
    """Return facts in lines that are no wider than there is room, each fact in one if it fits."""
    lines: list[Text] = []
    for fact in facts:
        both = Text(f"{lines[-1].content} · {fact}" if lines else fact, 9.5, "quiet")
        if lines and both.width <= room:
            lines[-1] = both
        else:
            lines += [Text(line, 9.5, "quiet") for line in card.wrapped(fact, 90)]
    return lines


def _sample(
    entry: legend.Entry, colours: Mapping[str, str], *, tinted: bool
) -> tuple[list[Part], float]:
    """Return what stands before the words of a legend's entry, and its width."""
    if entry.line is not None:
        _, pen, dashes = PENS[entry.line]
        points = ((0.0, 6.0), (_SAMPLE, 6.0))
        line = Line(shortened(points, 6), colours[entry.role], pen, dashes)
        return [line, arrow(points, 5 + 1.4 * pen, 3.0, colours[entry.role])], _SAMPLE + 5
    if entry.sign == "■":
        colour = colours[entry.role]
        return [Rectangle(0, 1, 8, 9, tint(colour) if tinted else colour)], 12
    text = Text(entry.sign, 9, entry.role, bold=True)
    return [text.words(0, 9.5, colours)], text.width + 5


def _scale(drawing: Drawing, theme: Theme) -> list[Part]:
    """Return the colours from low to high, with values at both ends and in the middle."""
    shapes: list[Part] = []
    for i, colour in enumerate(theme.heat):
        shapes.append(Rectangle(i * 24.0, 5, 24.0, 8, colour))
    width = 24.0 * len(theme.heat)
    words, ticks = legend.scale(drawing)
    for share, tick in ticks:
        text = Text(tick, SMALLEST, "quiet")
        x = min(max(share * width - text.width / 2, 0), width - text.width)
        shapes.append(text.words(x, 21, theme.colours))
    shapes.append(Text(words, 8, "quiet").words(width + 8, 12, theme.colours))
    return shapes


def foot(drawing: Drawing, style: Style, room: float) -> list[Row]:
    """Return the notes as rows."""
    signs = max(int(room / 4.6), 40)
    notes = (*style.notes, *drawing.folded)
    texts = [Text(line, 8, "quiet") for note in notes for line in card.wrapped(note, signs)]
    return [(text.height, [text.words(0, text.points, style.theme.colours)]) for text in texts]
