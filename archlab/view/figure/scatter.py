"""A picture of many models: two numbers on logarithmic axes, a third as colour, names that fit.

A view: it gets numbers and gives bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archlab.view.figure.written import written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GREY = "#555555"
_PALE = "#bdbdbd"
_SIZE = (9.6, 6.4)
_LETTER = (0.0068, 0.0205)  # width and height of a letter, as shares of the axes
_DOT = 0.006  # radius of a dot, likewise
_MOST = 60  # names


@dataclass(frozen=True)
class Point:
    """One model; `value` is its colour, None is grey."""

    name: str
    x: float
    y: float
    value: float | None = None


@dataclass(frozen=True)
class ScatterPicture:
    """What to draw."""

    title: str
    subtitle: str
    xlabel: str
    ylabel: str
    value: str
    points: Sequence[Point]


def scatter(picture: ScatterPicture, suffix: str) -> bytes:
    """Return the picture as a file's bytes.

    Args:
        picture: the numbers; all x and y are above zero.
        suffix: svg, png or pdf.

    Raises:
        OptionError: another suffix.
    """
    return written(lambda: _drawn(picture), suffix, dpi=120)


def _drawn(picture: ScatterPicture) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE)
    figure.text(0.02, 0.975, picture.title, fontsize=12, fontweight="bold", va="top")
    figure.text(0.02, 0.937, picture.subtitle, fontsize=8.5, color=_GREY, va="top")
    axes = figure.add_axes((0.075, 0.08, 0.82, 0.82))
    axes.set(xscale="log", yscale="log", xlabel=picture.xlabel, ylabel=picture.ylabel)
    axes.grid(visible=True, color="#eeeeee", linewidth=0.7)
    axes.set_axisbelow(True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(_prefixed)
    grey = [point for point in picture.points if point.value is None]
    known = sorted(
        (p for p in picture.points if p.value is not None),
        key=lambda p: (p.value or 0, -len(p.name)),
    )
    axes.scatter([p.x for p in grey], [p.y for p in grey], s=9, color=_PALE, linewidths=0,
                 alpha=0.75)  # fmt: skip
    if known:
        dots = axes.scatter(
            [p.x for p in known], [p.y for p in known], c=[p.value or 0.0 for p in known], s=26,
            cmap="viridis", edgecolors="white", linewidths=0.5, zorder=3,
        )  # fmt: skip
        bar = figure.colorbar(dots, cax=figure.add_axes((0.915, 0.08, 0.018, 0.82)))
        bar.set_label(picture.value)
        bar.outline.set_visible(False)
    _name(axes, [*reversed(known), *sorted(grey, key=lambda p: -p.x)])
    return figure


def _prefixed(value: float, _place: object = None) -> str:
    for power, letter in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if value >= 10**power:
            return f"{value / 10**power:g} {letter}"
    return f"{value:g}"


def _name(axes: Axes, points: Sequence[Point]) -> None:
    """Write the names that cover neither a dot nor another name, the first ones first."""
    low_x, high_x = map(math.log, axes.get_xlim())
    low_y, high_y = map(math.log, axes.get_ylim())
    places = [
        ((math.log(p.x) - low_x) / (high_x - low_x), (math.log(p.y) - low_y) / (high_y - low_y))
        for p in points
    ]
    taken: list[tuple[float, float, float, float]] = []
    for point, (x, y) in zip(points, places, strict=True):
        if len(taken) >= _MOST:
            return
        width, height = _LETTER[0] * len(point.name) + 0.004, _LETTER[1]
        for left, align in ((x + _DOT, "left"), (x - _DOT - width, "right")):
            box = (left, y - height / 2, left + width, y + height / 2)
            inside = box[0] >= 0 and box[2] <= 1
            if inside and not any(_overlap(box, other) for other in taken) and not any(
                _near(box, px, py) for px, py in places if (px, py) != (x, y)
            ):  # fmt: skip
                taken.append(box)
                axes.annotate(
                    point.name, (point.x, point.y), xytext=(5 if align == "left" else -5, 0),
                    textcoords="offset points", ha=align, va="center", fontsize=6.5, color=_GREY,
                )  # fmt: skip
                break


def _near(box: tuple[float, ...], x: float, y: float) -> bool:
    return box[0] - _DOT < x < box[2] + _DOT and box[1] - _DOT < y < box[3] + _DOT


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
