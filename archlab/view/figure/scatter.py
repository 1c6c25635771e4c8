"""A figure of many models: two numbers on logarithmic axes, a third as colour, names that fit.

The front are the models of which none has as high a value for a smaller x; its last is the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from archlab.result import si
from archlab.view.figure.export import COLOURS, GREY, exported
from archlab.view.figure.frame import Key, Words, framed, measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PALE, _DARK, _RING = "#bdbdbd", "#222222", COLOURS[1]
_WIDTH, _HEIGHT = 9.6, 5.8  # inches, of the axes with their labels and the scale of colours
_PLACE = (0.075, 0.085, 0.82, 0.9)  # of the axes in them
_LETTERS, _DOT = 6.5, 0.006  # points; a share of the axes
_MOST = 60  # names: more of them hide the cloud
# Where a name that must be written may stand: distances from its dot in points, x and y.
_AROUND = [
    (x * far, y * far)
    for far in (7, 12, 20, 30, 42, 56)
    for x, y in ((1, 0), (-1, 0), (0.7, 0.7), (-0.7, 0.7), (0.7, -0.7), (-0.7, -0.7))
]


@dataclass(frozen=True)
class Point:
    """One model; a marked one has a ring and its name."""

    name: str
    x: float
    y: float
    value: float | None = None  # its colour; None is grey
    marked: bool = False


@dataclass(frozen=True)
class ScatterFigure:
    """What to draw."""

    words: Words
    xlabel: str
    ylabel: str
    value: str
    points: Sequence[Point]


def scatter(content: ScatterFigure, suffix: str) -> bytes:
    """Return the figure as the bytes of an svg, png or pdf file; see `exported`."""
    return exported(lambda: _draw(content), suffix, dpi=120)


def front(points: Sequence[Point]) -> list[Point]:
    """Return the points of which none has as high a value for a smaller x, the best one last.

    Example:
        >>> points = [Point("a", 1, 1, 70), Point("b", 2, 1, 60), Point("c", 3, 1, 80)]
        >>> [point.name for point in front(points)]
        ['a', 'c']
    """
    best: list[Point] = []
    known = (point for point in points if point.value is not None)
    for point in sorted(known, key=lambda p: (p.x, -(p.value or 0), p.y, p.name)):
        if not best or (point.value or 0) > (best[-1].value or 0):
            best.append(point)
    return best


def _draw(content: ScatterFigure) -> Figure:
    grey = [point for point in content.points if point.value is None]
    known = [point for point in content.points if point.value is not None]
    known.sort(key=lambda point: (point.value or 0, -len(point.name)))
    best, marked = front(known), [point for point in content.points if point.marked]
    figure, body = framed(content.words, _WIDTH, _HEIGHT, _keys(content, best))
    axes = body.add_axes(_PLACE)
    axes.set(xscale="log", yscale="log", xlabel=content.xlabel, ylabel=content.ylabel)
    axes.grid(visible=True, color="#eeeeee", linewidth=0.7)
    axes.set_axisbelow(True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: si(value, zeros=False))
    pale: Any = {"s": 9, "color": _PALE, "linewidths": 0, "alpha": 0.75}
    axes.scatter([point.x for point in grey], [point.y for point in grey], **pale)
    if known:
        look: Any = {"s": 26, "cmap": "viridis", "edgecolors": "white", "linewidths": 0.5}
        x, y, colours = zip(*((point.x, point.y, point.value) for point in known), strict=True)
        dots = axes.scatter(x, y, c=colours, zorder=3, **look)
        bar = body.colorbar(dots, cax=body.add_axes((0.915, _PLACE[1], 0.018, _PLACE[3])))
        bar.set_label(content.value)
        bar.outline.set_visible(False)
        axes.plot([point.x for point in best], [point.y for point in best], **_front(), zorder=2.5)
        axes.plot(best[-1].x, best[-1].y, **_star(), zorder=4)
    for point in marked:
        axes.plot(point.x, point.y, **_ring(), zorder=5)
    rest = [*reversed(known), *sorted(grey, key=lambda p: -p.x)]
    must = list(dict.fromkeys([*marked, *reversed(best)]))
    _name(axes, must, [point for point in rest if point not in must])
    return figure


def _keys(content: ScatterFigure, best: Sequence[Point]) -> list[Key]:
    keys = []
    if best:
        top = best[-1]
        keys = [
            Key(f"best: {top.name}, {top.value:g}", line=_star()),
            Key("front: none is as good for fewer " + content.xlabel, line=_front()),
        ]
    if any(point.marked for point in content.points):
        keys.append(Key("marked", line=_ring()))
    return keys


def _front() -> dict[str, Any]:
    dots: Any = {"marker": "o", "markersize": 5.6, "markerfacecolor": "none"}
    return {"color": _DARK, "linewidth": 0.7, **dots, "markeredgewidth": 0.9}


def _star() -> dict[str, Any]:
    edge: Any = {"markeredgecolor": _DARK, "markeredgewidth": 0.7}
    return {"color": "#ffd92f", "linestyle": "", "marker": "*", "markersize": 12, **edge}


def _ring() -> dict[str, Any]:
    edge: Any = {"markerfacecolor": "none", "markeredgewidth": 1.6}
    return {"color": _RING, "linestyle": "", "marker": "o", "markersize": 9.5, **edge}


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

    def inside(self) -> bool:
        """Whether it lies in the axes."""
        return self.left >= 0 and self.right <= 1 and self.bottom >= 0 and self.top <= 1


def _name(axes: Axes, must: Sequence[Point], rest: Sequence[Point]) -> None:
    """Write the names that cover neither a dot nor another name, the first ones first.

    Those of `must` are written in any case: where there is no room beside a dot, with a leader.
    """
    axes.autoscale_view()  # matplotlib does not choose the limits before they are asked for
    inverted = axes.transAxes.inverted()
    points = [*must, *rest]
    places = [inverted.transform(axes.transData.transform((p.x, p.y))) for p in points]
    dots = [_Area(x - _DOT, y - _DOT, x + _DOT, y + _DOT) for x, y in places]
    names: list[_Area] = []
    for i, (point, dot) in enumerate(zip(points, dots, strict=True)):
        if i >= len(must) and len(names) >= _MOST:
            return
        offsets = _AROUND if i < len(must) else ((5, 0), (-5, 0))
        areas = [(offset, _area(point, dot, offset)) for offset in offsets]
        free = [(o, a) for o, a in areas if a.inside() and not any(map(a.overlaps, names))]
        clear = [(o, a) for o, a in free if not any(a.overlaps(d) for d in dots if d != dot)]
        found = (clear or free or areas)[:1] if i < len(must) else clear[:1]
        for offset, area in found:
            names.append(area)
            _write(axes, point, offset, must=i < len(must))


def _area(point: Point, dot: _Area, offset: tuple[float, float]) -> _Area:
    """Return what the name of a point covers, at a distance in points."""
    across, up = _PLACE[2] * _WIDTH, _PLACE[3] * _HEIGHT
    x = (dot.left + dot.right) / 2 + offset[0] / 72 / across
    y = (dot.bottom + dot.top) / 2 + offset[1] / 72 / up
    width, half = measured(point.name, _LETTERS) / across + 0.004, 0.62 * _LETTERS / 72 / up
    left = x if offset[0] > 0 else x - width
    return _Area(left, y - half, left + width, y + half)


def _write(axes: Axes, point: Point, offset: tuple[float, float], *, must: bool) -> None:
    look: Any = {"ha": "left" if offset[0] > 0 else "right", "va": "center", "fontsize": _LETTERS}
    look |= {"color": GREY}
    if must:
        look |= {"color": _RING if point.marked else _DARK, "zorder": 6}
        if max(map(abs, offset)) > 10:
            leader: Any = {"arrowstyle": "-", "linewidth": 0.5, "color": look["color"]}
            look["arrowprops"] = {**leader, "shrinkA": 0, "shrinkB": 3}
    axes.annotate(point.name, (point.x, point.y), xytext=offset, textcoords="offset points", **look)
