"""What stands around a figure's axes: title, one line below it, a legend, a caption at the foot.

Nothing of it lies over the data, and nothing is cut: words are wrapped to the figure's width, which
is measured in the font that they are drawn in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archlab.quoting import visible_lines
from archlab.view.figure.export import GREY

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

# In points, and in inches.
_TITLE, _SMALL, _FOOT = 12.0, 8.0, 7.5
_FEW = 6  # nets that a title names
_MARGIN, _LEAD = 0.12, 1.35
_SAMPLE, _GAP, _APART, _HALF, _ROW = 0.28, 0.06, 0.17, 0.04, 0.18


@dataclass(frozen=True)
class Words:
    """A figure's text: `subtitle` is one line, `caption` as many as it takes, below the axes.

    A subtitle that is wider than the figure begins the caption.
    """

    title: str = ""
    subtitle: str = ""
    caption: str = ""


@dataclass(frozen=True)
class Key:
    """One entry of a legend: its text and a sample, with the look that the data is drawn with.

    `line` is the look of a `Line2D`, `band` of a `Rectangle`, whose two edges along the data have
    the look `edges`.
    """

    text: str
    line: Mapping[str, Any] | None = None
    band: Mapping[str, Any] | None = None
    edges: Mapping[str, Any] | None = None


def framed(
    words: Words, width: float, height: float, keys: Sequence[Key] = ()
) -> tuple[Figure, SubFigure]:
    """Return a figure, and the part of it that is for axes: `width` × `height` inches."""
    from matplotlib.figure import Figure

    room = width - 2 * _MARGIN
    title = wrapped(words.title, room, _TITLE, "bold")
    subtitle, caption = wrapped(words.subtitle, room, _SMALL), words.caption
    if len(subtitle) > 1:
        subtitle, caption = [], f"{words.subtitle}\n{caption}"
    foot = wrapped(caption, room, _FOOT)
    rows = _rows(keys, room)
    blocks = ((title, _TITLE), (subtitle, _SMALL))
    head = sum(_tall(lines, size) for lines, size in blocks) + _ROW * len(rows)
    above = head + 0.1 if head else 0.0
    below = _tall(foot, _FOOT) + 0.1 if foot else 0.0
    figure = Figure(figsize=(width, above + height + below))
    top = above + height + below - 0.1
    for lines, size in blocks:
        bold = "bold" if size == _TITLE else "normal"
        colour = "black" if size == _TITLE else GREY
        _write(figure, lines, top, size, {"fontweight": bold, "color": colour})
        top -= _tall(lines, size)
    for row in rows:
        _draw_row(figure, row, top - _ROW / 2)
        top -= _ROW
    _write(figure, foot, below - 0.02, _FOOT, {"color": GREY})
    grid = figure.add_gridspec(3, 1, height_ratios=(above, height, below))
    return figure, figure.add_subfigure(grid[1], facecolor="none")


def in_title(names: Sequence[str]) -> str:
    """Return what a title calls nets: their names, or how many they are, as the legend has all.

    Example:
        >>> in_title(["resnet20", "plain20"]), in_title(["resnet20"] * 7)
        ('resnet20, plain20', '7 nets')
    """
    return ", ".join(names) if len(names) <= _FEW else f"{len(names)} nets"


def wrapped(text: str, room: float, size: float, weight: str = "normal") -> list[str]:
    """Return the lines of a text that is `room` inches wide at most, in letters of `size` points.

    Example:
        >>> wrapped("one two three", 0.6, 8)
        ['one two', 'three']
    """
    lines: list[str] = []
    for paragraph in filter(None, visible_lines(text).split("\n")):
        line = ""
        # No line begins with the dot that parts what is listed.
        for word in (word.replace("\0", " ") for word in paragraph.replace(" ·", "\0·").split()):
            longer = f"{line} {word}" if line else word
            if measured(longer, size, weight) <= room:
                line = longer
                continue
            lines += [line] if line else []
            while measured(word, size, weight) > room and len(word) > 1:
                fits = next(
                    end for end in range(len(word) - 1, 0, -1)
                    if end == 1 or measured(word[:end], size, weight) <= room
                )  # fmt: skip
                lines.append(word[:fits])
                word = word[fits:]
            line = word
        lines.append(line)
    return lines


def measured(text: str, size: float, weight: str = "normal") -> float:
    """Return the width in inches of a line in letters of `size` points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / 72


def _tall(lines: Sequence[str], size: float) -> float:
    """Return the inches that lines take, with a little room below them."""
    return len(lines) * size * _LEAD / 72 + 0.04 if lines else 0.0


def _write(
    figure: Figure, lines: Sequence[str], top: float, size: float, look: Mapping[str, Any]
) -> None:
    if lines:
        place: Any = {"va": "top", "linespacing": _LEAD * 0.86, "fontsize": size}
        inches: Any = {"transform": figure.dpi_scale_trans}
        figure.text(_MARGIN, top, "\n".join(lines), **place, **inches, **look)


def _rows(keys: Sequence[Key], room: float) -> list[list[tuple[Key, float]]]:
    """Return the rows of the legend: entries with where they begin, in inches from the left."""
    rows: list[list[tuple[Key, float]]] = []
    x = room
    for key in keys:
        width = _SAMPLE + _GAP + measured(visible_lines(key.text), _SMALL)
        if not rows or x + width > room:
            rows.append([])
            x = 0.0
        rows[-1].append((key, _MARGIN + x))
        x += width + _APART
    return rows


def _draw_row(figure: Figure, row: Sequence[tuple[Key, float]], y: float) -> None:
    """Draw one row of the legend, its middle `y` inches above the foot of the figure."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    inches: Any = {"transform": figure.dpi_scale_trans}
    for key, x in row:
        if key.band is not None:
            box = Rectangle((x, y - _HALF), _SAMPLE, 2 * _HALF, **key.band, **inches)
            figure.add_artist(box)
        for edge in (y - _HALF, y + _HALF) if key.edges is not None else ():
            figure.add_artist(Line2D([x, x + _SAMPLE], [edge, edge], **(key.edges or {}), **inches))
        if key.line is not None:
            dots = key.line.get("linestyle") == ""
            xs = [x + _SAMPLE / 2] if dots else [x, x + _SAMPLE / 2, x + _SAMPLE]
            figure.add_artist(Line2D(xs, [y] * len(xs), markevery=[len(xs) // 2], **key.line,
                                     **inches))  # fmt: skip
        look: Any = {"fontsize": _SMALL, "va": "center_baseline", **inches}
        figure.text(x + _SAMPLE + _GAP, y, key.text, **look)
