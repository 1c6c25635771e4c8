"""A figure of many models: two numbers on logarithmic axes, a third as colour, names that fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from archlab.result import si
from archlab.view.figure.export import GREY, exported

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PALE = "#bdbdbd"
_SIZE = (9.6, 6.4)
# Sizes as shares of the axes: a letter's width and height, and a dot's radius.
_LETTER_WIDTH, _LETTER, _DOT = 0.0068, 0.0205, 0.006
_MOST = 60  # names: more of them hide the cloud


@dataclass(frozen=True)
class Point:
    """One model."""

    name: str
    x: float
    y: float
    value: float | None = None  # its colour; None is grey


@dataclass(frozen=True)
class ScatterFigure:
    """What to draw."""

    title: str
    subtitle: str
    xlabel: str
    ylabel: str
    value: str
    points: Sequence[Point]


def scatter(content: ScatterFigure, suffix: str) -> bytes:
    """Return the figure as the bytes of an svg, png or pdf file; see `exported`."""
    return exported(lambda: _draw(content), suffix, dpi=120)


def _draw(content: ScatterFigure) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE)
    figure.text(0.02, 0.975, content.title, fontsize=12, fontweight="bold", va="top")
    figure.text(0.02, 0.937, content.subtitle, fontsize=8.5, color=GREY, va="top")
    axes = figure.add_axes((0.075, 0.08, 0.82, 0.82))
    axes.set(xscale="log", yscale="log", xlabel=content.xlabel, ylabel=content.ylabel)
    axes.grid(visible=True, color="#eeeeee", linewidth=0.7)
    axes.set_axisbelow(True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: si(value, zeros=False))
    grey = [point for point in content.points if point.value is None]
    known = [point for point in content.points if point.value is not None]
    known.sort(key=lambda point: (point.value or 0, -len(point.name)))
    pale: Any = {"s": 9, "color": _PALE, "linewidths": 0, "alpha": 0.75}
    axes.scatter([point.x for point in grey], [point.y for point in grey], **pale)
    if known:
        look: Any = {"s": 26, "cmap": "viridis", "edgecolors": "white", "linewidths": 0.5}
        x, y, colours = zip(*((point.x, point.y, point.value) for point in known), strict=True)
        dots = axes.scatter(x, y, c=colours, zorder=3, **look)
        bar = figure.colorbar(dots, cax=figure.add_axes((0.915, 0.08, 0.018, 0.82)))
        bar.set_label(content.value)
        bar.outline.set_visible(False)
    _name(axes, [*reversed(known), *sorted(grey, key=lambda p: -p.x)])
    return figure


class _Area(NamedTuple):
    """A rectangle, in shares of the axes."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: _Area) -> bool:
        """Whether a point lies in both."""
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.top <= other.bottom or other.top <= self.bottom)


def _name(axes: Axes, points: Sequence[Point]) -> None:
    """Write the names that cover neither a dot nor another name, the first ones first."""
    axes.autoscale_view()  # matplotlib does not choose the limits before they are asked for
    inverted = axes.transAxes.inverted()
    places = [inverted.transform(axes.transData.transform((p.x, p.y))) for p in points]
    dots = [_Area(x - _DOT, y - _DOT, x + _DOT, y + _DOT) for x, y in places]
    names: list[_Area] = []
    for point, dot in zip(points, dots, strict=True):
        if len(names) >= _MOST:
            return
        width, middle = _LETTER_WIDTH * len(point.name) + 0.004, (dot.bottom + dot.top) / 2
        for left, align in ((dot.right, "left"), (dot.left - width, "right")):
            name = _Area(left, middle - _LETTER / 2, left + width, middle + _LETTER / 2)
            covers = any(map(name.overlaps, names)) or any(
                name.overlaps(other) for other in dots if other != dot
            )
            if name.left >= 0 and name.right <= 1 and not covers:
                names.append(name)
                look: Any = {"ha": align, "va": "center", "fontsize": 6.5, "color": GREY}
                look |= {"xytext": (5 if align == "left" else -5, 0), "textcoords": "offset points"}
                axes.annotate(point.name, (point.x, point.y), **look)
                break
