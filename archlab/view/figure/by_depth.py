"""Figures of quantities by depth: one log axis, a band over seeds, stage marks, theory.

A true zero is a mark on the lower edge, a value that is not finite a cross on the upper one, so
that neither looks like a gap.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archlab.view.figure.export import COLOURS, GREY, exported

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MANY = 4  # curves from which on the legend has two columns
_WIDE = 128  # characters that fit into a line of the subtitle


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
    dashed: bool = False
    theory: Sequence[Segment] = ()


@dataclass(frozen=True)
class Panel:
    """One quantity: curves over the same axis."""

    title: str
    curves: Sequence[Curve]
    xlabel: str = ""
    log: bool = True
    marks: Sequence[tuple[float, str]] = ()  # x and label of stages


@dataclass(frozen=True)
class DepthFigure:
    """What to draw."""

    title: str
    subtitle: str
    panels: Sequence[Panel]
    beside: bool = False  # panels beside each other; if not, below each other


def by_depth(content: DepthFigure, suffix: str) -> bytes:
    """Return the figure as the bytes of an svg, png or pdf file; see `exported`."""
    return exported(lambda: _draw(content), suffix, dpi=110)


def _draw(content: DepthFigure) -> Figure:
    from matplotlib.figure import Figure

    count, beside = len(content.panels), content.beside
    rows, columns = (1, count) if beside else (count, 1)
    words = [line for text in content.subtitle.split("\n") for line in textwrap.wrap(text, _WIDE)]
    head = 0.62 + 0.15 * len(words)  # inches
    height = head + (3.4 if rows == 1 else 2.2 * rows) + 0.5
    figure = Figure(figsize=(8.4, height))
    figure.text(0.02, 1 - 0.12 / height, content.title, fontsize=12, fontweight="bold", va="top")
    figure.text(0.02, 1 - 0.38 / height, "\n".join(words), fontsize=8, color=GREY, va="top")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=not beside, sharey=beside)
    figure.subplots_adjust(left=0.085, right=0.975, top=1 - head / height, bottom=0.5 / height)
    figure.subplots_adjust(hspace=0.24, wspace=0.08)
    # Panels beside each other have one axis, which must hold the values of all.
    shared = [value for panel in content.panels for value in _values(panel)]
    for axes, panel in zip(grid.flat, content.panels, strict=True):
        _panel(axes, panel, shared if beside else _values(panel))
    if any(len(panel.curves) > 1 or panel.curves[0].theory for panel in content.panels):
        _legend(grid.flat[0], 1 if len(content.panels[0].curves) < _MANY else 2)
    return figure


def _legend(axes: Axes, columns: int) -> None:
    """Write the names of the curves, and one entry for theory."""
    from matplotlib.patches import Patch

    handles, _ = axes.get_legend_handles_labels()
    # Theory has no entry of its own, as it is hatched in the colour of each net.
    if any(patch.get_hatch() for patch in axes.collections):
        handles.append(Patch(facecolor="none", edgecolor=GREY, hatch="////", label="theory"))
    axes.legend(handles=handles, frameon=False, fontsize=8, loc="best", ncols=columns)


def _values(panel: Panel) -> list[float]:
    """Return what the axis must hold: the curves and their bands."""
    return [
        value
        for curve in panel.curves
        for line in (curve.middle, curve.low, curve.high)
        for value in line
        if value is not None and math.isfinite(value) and (value > 0 or not panel.log)
    ]


def _panel(axes: Axes, panel: Panel, values: Sequence[float]) -> None:
    """Draw one panel, its axis wide enough for `values`."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if panel.log:
        axes.set_yscale("log")
    if values:
        _limit(axes, min(values), max(values), log=panel.log)
    if panel.log and values and max(values) < 100 * min(values):
        # Powers of ten alone would be one or two ticks.
        axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    for i, curve in enumerate(panel.curves):
        _curve(axes, curve, COLOURS[i % len(COLOURS)], log=panel.log)
    for x, label in panel.marks:
        axes.axvline(x, color="#999999", linewidth=0.8, linestyle="-", zorder=0)
        axes.annotate(label, (x, 1), xycoords=("data", "axes fraction"), xytext=(3, -2),
                      textcoords="offset points", fontsize=7.5, color=GREY, va="top")  # fmt: skip
    axes.set_title(panel.title, fontsize=9)
    axes.locator_params(axis="x", integer=True)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    if panel.xlabel:
        axes.set_xlabel(panel.xlabel)


def _limit(axes: Axes, low: float, high: float, *, log: bool) -> None:
    if not log:
        room = 0.06 * (high - low) or 0.1
        axes.set_ylim(low - room, high + room)
        return
    # At least a decade, so that the noise of a level curve does not fill the figure.
    bottom, top = math.log10(low), math.log10(high)
    room = max(0.08 * (top - bottom), (1 - (top - bottom)) / 2, 0.05)
    axes.set_ylim(10 ** (bottom - room), 10 ** (top + room))


def _curve(axes: Axes, curve: Curve, colour: str, *, log: bool) -> None:
    for part in curve.theory:
        hatched: Any = {"facecolor": "none", "edgecolor": colour, "hatch": "////", "linewidth": 0}
        axes.fill_between(part.x, part.low, part.high, alpha=0.45, **hatched)
        for edge in (part.low, part.high):
            axes.plot(part.x, edge, color=colour, linewidth=0.7, linestyle=":", alpha=0.7)
    drawn = [_on_axis(value, log=log) for value in curve.middle]
    low, high = ([_on_axis(v, log=log) for v in line] for line in (curve.low, curve.high))
    axes.fill_between(curve.x, low, high, color=colour, alpha=0.22, linewidth=0)
    style = "o--" if curve.dashed else "o-"
    size = 3.2 if len(curve.x) < 60 else 0  # dots of a long curve would hide its line
    axes.plot(curve.x, drawn, style, color=colour, linewidth=1.6, markersize=size, label=curve.name)
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
