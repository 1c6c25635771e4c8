"""Figures of quantities by depth: one log axis, a band over seeds, stage marks, theory.

A true zero is a mark on the lower edge, a value that is not finite a cross on the upper one, so
that neither looks like a gap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archlab.view.figure.export import GREY, exported
from archlab.view.figure.frame import Key, Words, framed
from archlab.view.figure.hues import Look, looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Style = dict[str, Any]  # how matplotlib draws an artist

_WIDTH, _TITLE, _LABEL = 8.4, 0.3, 0.5  # inches: the figure, a panel's title, the label below
_DOTTED = 20  # places up to which curves have dots, which would hide the dashes of longer ones


@dataclass(frozen=True)
class Segment:
    """Theory between two places, as a band."""

    x: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Curve:
    """One net: the middle over seeds, a band around it, and theory."""

    name: str
    x: Sequence[float]
    middle: Sequence[float | None]  # None: nothing was measured there
    low: Sequence[float | None]
    high: Sequence[float | None]
    theory: Sequence[Segment] = ()


@dataclass(frozen=True)
class Panel:
    """One quantity: curves over the same axis."""

    title: str
    curves: Sequence[Curve]
    xlabel: str = ""
    log: bool = True
    marks: Sequence[tuple[float, str]] = ()  # x and label of stages
    relative: bool = False  # x is a share of the net's depth, 0 … 1


@dataclass(frozen=True)
class DepthFigure:
    """What to draw."""

    words: Words
    panels: Sequence[Panel]
    beside: bool = False  # panels beside each other; if not, below each other


def by_depth(content: DepthFigure, suffix: str) -> bytes:
    """Return the figure as the bytes of an svg, png or pdf file; see `exported`."""
    return exported(lambda: _draw(content), suffix, dpi=110)


def _draw(content: DepthFigure) -> Figure:
    count, beside = len(content.panels), content.beside
    rows, columns = (1, count) if beside else (count, 1)
    names = list(dict.fromkeys(curve.name for panel in content.panels for curve in panel.curves))
    lines = dict(
        zip(names, (_line(look, dots=_few(content)) for look in looks(names)), strict=True)
    )
    height = _TITLE + (3.3 if rows == 1 else 2.0 * rows) + _LABEL
    figure, body = framed(content.words, _WIDTH, height, _keys(content, lines))
    grid = body.subplots(rows, columns, squeeze=False, sharex=not beside, sharey=beside)
    body.subplots_adjust(left=0.085, right=0.975, top=1 - _TITLE / height, bottom=_LABEL / height)
    body.subplots_adjust(hspace=0.24, wspace=0.08)
    # Panels beside each other have one axis, which must hold the values of all.
    shared = [value for panel in content.panels for value in _values(panel)]
    for axes, panel in zip(grid.flat, content.panels, strict=True):
        _panel(axes, panel, shared if beside else _values(panel), lines)
    return figure


def _keys(content: DepthFigure, lines: Mapping[str, Style]) -> list[Key]:
    """Return the legend: the nets where there are several, the band over seeds, and theory."""
    curves = [curve for panel in content.panels for curve in panel.curves]
    keys = [Key(name, line=line) for name, line in lines.items() if len(lines) > 1]
    if any(_wide(curve.low, curve.high) for curve in curves):
        keys.append(Key("lowest to highest seed", band=_band(GREY)))
    segments = [part for curve in curves for part in curve.theory]
    if segments:
        wide = any(_wide(part.low, part.high) for part in segments)
        band = _hatched(GREY) if wide else None
        line, edges = (None, _edge(GREY, wide=True)) if wide else (_edge(GREY, wide=False), None)
        keys.append(Key("theory", line=line, band=band, edges=edges))
    return keys


def _few(content: DepthFigure) -> bool:
    """Whether the curves have few enough places for dots."""
    return all(len(curve.x) <= _DOTTED for panel in content.panels for curve in panel.curves)


def _line(look: Look, *, dots: bool) -> Style:
    marker: Any = {"marker": "o" if dots else "", "markersize": 3.2}
    return {"color": look.colour, "linestyle": look.dash, "linewidth": 1.6, **marker}


def _band(colour: str) -> Style:
    return {"facecolor": colour, "alpha": 0.22, "linewidth": 0}


def _hatched(colour: str) -> Style:
    return {
        "facecolor": "none",
        "edgecolor": colour,
        "hatch": "////",
        "linewidth": 0,
        "alpha": 0.45,
    }


def _edge(colour: str, *, wide: bool) -> Style:
    """Return the look of an edge of theory's band; of one seed both edges are one line."""
    return {"color": colour, "linewidth": 0.8 if wide else 1.3, "linestyle": ":"}


def _wide(low: Sequence[float | None], high: Sequence[float | None]) -> bool:
    """Whether the two edges of a band differ anywhere."""
    return any(a is not None and b is not None and a < b for a, b in zip(low, high, strict=True))


def _values(panel: Panel) -> list[float]:
    """Return what the axis must hold: the curves and their bands."""
    return [
        value
        for curve in panel.curves
        for line in (curve.middle, curve.low, curve.high)
        for value in line
        if value is not None and math.isfinite(value) and (value > 0 or not panel.log)
    ]


def _panel(axes: Axes, panel: Panel, values: Sequence[float], lines: Mapping[str, Style]) -> None:
    """Draw one panel, its axis wide enough for `values`."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if panel.log:
        axes.set_yscale("log")
    if values:
        _limit(axes, min(values), max(values), log=panel.log, marked=bool(panel.marks))
    if panel.log and values and max(values) < 100 * min(values):
        # Powers of ten alone would be one or two ticks.
        axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    for curve in panel.curves:
        _curve(axes, curve, lines[curve.name], log=panel.log)
    for x, label in panel.marks:
        _mark(axes, x, label)
    axes.set_title(panel.title, fontsize=9)
    if panel.relative:
        axes.set_xlim(0, 1.02)
    else:
        axes.locator_params(axis="x", integer=True)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    if panel.xlabel:
        axes.set_xlabel(panel.xlabel)


def _mark(axes: Axes, x: float, label: str) -> None:
    """Draw where a stage begins, its name right of the line; near the right border, left of it."""
    axes.axvline(x, color="#999999", linewidth=0.8, linestyle="-", zorder=0)
    left, right = axes.get_xlim()
    align, away = ("right", -3) if x > left + 0.9 * (right - left) else ("left", 3)
    look: Any = {"fontsize": 7.5, "color": GREY, "va": "top", "ha": align}
    place: Any = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    axes.annotate(label, (x, 1), xytext=(away, -2), **place, **look)


def _limit(axes: Axes, low: float, high: float, *, log: bool, marked: bool) -> None:
    """Choose limits with room around the values; at the top for the names of stages, too."""
    if not log:
        room = 0.06 * (high - low) or 0.1
        axes.set_ylim(low - room, high + room)
        return
    # At least a decade, so that the noise of a level curve does not fill the figure.
    bottom, top = math.log10(low), math.log10(high)
    room = max(0.08 * (top - bottom), (1 - (top - bottom)) / 2, 0.05)
    names = 0.1 * (top - bottom + room) if marked else 0.0
    axes.set_ylim(10 ** (bottom - room), 10 ** (top + room + names))


def _curve(axes: Axes, curve: Curve, style: Style, *, log: bool) -> None:
    colour = style["color"]
    for part in curve.theory:
        wide = _wide(part.low, part.high)
        if wide:
            axes.fill_between(part.x, part.low, part.high, **_hatched(colour))
        for edge in (part.low, part.high) if wide else (part.low,):
            axes.plot(part.x, edge, **_edge(colour, wide=wide))
    drawn = [_on_axis(value, log=log) for value in curve.middle]
    low, high = ([_on_axis(v, log=log) for v in line] for line in (curve.low, curve.high))
    axes.fill_between(curve.x, low, high, **_band(colour))
    axes.plot(curve.x, drawn, label=curve.name, **style)
    points = list(zip(curve.x, curve.middle, strict=True))
    zeros = [x for x, value in points if log and value == 0]
    infinite = [x for x, value in points if value is not None and not math.isfinite(value)]
    # This transform puts y = 0 on the lower edge of the axes, and y = 1 on the upper one.
    edges: Any = {"transform": axes.get_xaxis_transform(), "clip_on": False, "markersize": 5}
    axes.plot(zeros, [0.0] * len(zeros), "v", color=colour, **edges)
    axes.plot(infinite, [1.0] * len(infinite), "x", color=colour, **edges)


def _on_axis(value: float | None, *, log: bool) -> float:
    """Return the value, or nan where it cannot be drawn."""
    if value is None or not math.isfinite(value) or (log and value <= 0):
        return math.nan
    return value
