"""Figures of training: error or loss against steps, a mean line in a band from min to max.

Each name stands right of its line's end, moved apart from its neighbours where it must be, with a
thin leader then. No line leaves the picture: where the end of training is far below its beginning,
what is above `knee` is drawn on a smaller scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from archlab.view.figure.export import COLOURS, GREY, exported
from archlab.view.figure.frame import Words, framed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In inches: the axes and what is around them, and the names and brackets right of them.
_PANEL, _TALL, _LEFT, _ABOVE, _BELOW = 3.1, 2.75, 0.62, 0.34, 0.5
_NAME, _LETTER, _BRACKET, _SECOND = 0.3, 0.066, 0.55, 0.35
_LINE = 0.055  # the height of a name, as a share of the axes
_BEND = 0.78  # the share of the axes that is below the knee


@dataclass(frozen=True)
class Line:
    """One curve: mean, lowest and highest over the seeds at each step.

    `end` is a value that the curve itself does not show, drawn as a dot at the last step, and
    `published` one of others, drawn as an open diamond.
    """

    name: str
    steps: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    colour: int = 0  # an index into COLOURS
    bold: bool = True  # thick and solid; if not, thin and dashed
    label: bool = True  # whether the name stands at the line's end
    end: float | None = None
    published: float | None = None


@dataclass(frozen=True)
class Bracket:
    """What joins the ends of two lines, by their names: their difference, in words."""

    first: str
    second: str
    text: str


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    ylabel: str
    lines: Sequence[Line]
    top: float | None = None  # the highest value shown; None shows all
    knee: float | None = None  # above it the scale is smaller
    chance: float | None = None  # a line across, for guessing
    brackets: Sequence[Bracket] = ()


@dataclass(frozen=True)
class CurveFigure:
    """Panels side by side."""

    words: Words
    panels: Sequence[Panel]
    xlabel: str = "steps"
    same_scale: bool = True


def curves(content: CurveFigure, suffix: str) -> bytes:
    """Return the figure as the bytes of an svg, png or pdf file; see `exported`."""
    return exported(lambda: _draw(content), suffix)


def _draw(content: CurveFigure) -> Figure:
    rooms = [_room(panel) for panel in content.panels]
    width, height = max(sum(_LEFT + _PANEL + room for room in rooms), 5.2), _ABOVE + _TALL + _BELOW
    figure, body = framed(content.words, width, height)
    shared = max((panel.top or 0.0 for panel in content.panels), default=0.0)
    for i, panel in enumerate(content.panels):
        start = sum(_LEFT + _PANEL + room for room in rooms[:i]) + _LEFT
        place = (start / width, _BELOW / height, _PANEL / width, _TALL / height)
        axes = body.add_axes(place)
        _panel(axes, panel, content.xlabel, shared if content.same_scale else panel.top)
        _brackets(axes, panel, _labels(axes, panel))
    return figure


def _names(panel: Panel) -> float:
    """Return the inches that the names at the lines' ends take."""
    return _NAME + _LETTER * max((len(line.name) for line in panel.lines), default=0)


def _room(panel: Panel) -> float:
    """Return the inches right of a panel: for the names, and the brackets right of them."""
    brackets = len(panel.brackets)
    return _names(panel) + (_BRACKET + _SECOND * (brackets - 1) if brackets else 0.0)


def _panel(axes: Axes, panel: Panel, xlabel: str, top: float | None) -> None:
    for line in panel.lines:
        _line(axes, line)
    if panel.chance is not None:
        axes.axhline(panel.chance, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    if top:
        axes.set_ylim(0, top)
    else:
        axes.set_ylim(bottom=0)
    if panel.knee is not None and top:
        _bend(axes, panel.knee, top)
    axes.margins(x=0.0)
    axes.set_xlim(left=0)
    axes.set_title(panel.title)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(panel.ylabel)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.locator_params(axis="x", nbins=5, integer=True)


def _line(axes: Axes, line: Line) -> None:
    colour = COLOURS[line.colour % len(COLOURS)]
    width, style, order, alpha = (2.2, "-", 3, 0.16) if line.bold else (1.1, "--", 2, 0.09)
    marker = "o" if len(line.steps) == 1 else ""  # a line of one point is not seen
    look: Any = {"color": colour, "linewidth": width, "zorder": order, "label": line.name}
    axes.plot(line.steps, line.mean, style, marker=marker, clip_on=not marker, **look)
    if list(line.low) != list(line.high):
        band: Any = {"color": colour, "linewidth": 0, "alpha": alpha}
        axes.fill_between(line.steps, line.low, line.high, **band)
    for value, mark, fill, size in (
        (line.end, "o", colour, 4.0), (line.published, "D", "white", 5.0),
    ):  # fmt: skip
        if value is not None and len(line.steps):
            at: Any = {"markersize": size, "markerfacecolor": fill, "zorder": 5, "clip_on": False}
            axes.plot(line.steps[-1:], [value], mark, color=colour, markeredgewidth=1.2, **at)


def _bend(axes: Axes, knee: float, top: float) -> None:
    """Draw what is above the knee on a smaller scale, on grey ground."""
    marks = [0.0, _BEND, 1.0]
    values = [0.0, knee, top]
    axes.set_yscale(
        "function",
        functions=(lambda y: np.interp(y, values, marks), lambda y: np.interp(y, marks, values)),
    )
    step = next(size for size in (1, 2, 5, 10, 20) if knee / size <= 6)
    above = [mark for mark in range(30, int(top), 30) if mark - knee > (top - knee) / 5]
    axes.set_yticks([*range(0, int(knee) + 1, step), *above])
    axes.minorticks_off()
    axes.axhspan(knee, top, color="#f4f4f4", linewidth=0, zorder=0)
    look: Any = {"fontsize": 7, "color": GREY, "ha": "right", "va": "bottom", "zorder": 4}
    axes.text(0.99, _BEND + 0.01, "smaller scale", transform=axes.transAxes, **look)


def _labels(axes: Axes, panel: Panel) -> Mapping[str, float]:
    """Write each name right of its line's end, and return their heights in the axes."""
    ends: list[tuple[str, float, str, bool]] = [
        (line.name, line.mean[-1], COLOURS[line.colour % len(COLOURS)], line.bold)
        for line in panel.lines
        if line.label and len(line.mean)
    ]
    if panel.chance is not None:
        ends.append(("chance", panel.chance, GREY, False))
    ends.sort(key=lambda end: end[1])
    to_axes = axes.transData + axes.transAxes.inverted()
    wanted = [float(to_axes.transform((0, value))[1]) for _, value, _, _ in ends]
    heights = spread(wanted, _LINE)
    for (name, _, colour, bold), want, height in zip(ends, wanted, heights, strict=True):
        look: Any = {"color": colour, "fontsize": 8, "va": "center", "transform": axes.transAxes}
        axes.text(1.06, height, name, fontweight="bold" if bold else "normal", **look)
        if abs(want - height) > _LINE / 4:
            leader: Any = {"linewidth": 0.6, "clip_on": False, "transform": axes.transAxes}
            axes.plot([1.018, 1.052], [want, height], color=colour, **leader)
    return {name: height for (name, *_), height in zip(ends, heights, strict=True)}


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Return rising heights from 0 to 1, at least a gap apart, as near to the wanted as can be.

    Example:
        >>> [round(height, 2) for height in spread([0.5, 0.5, 0.9], 0.1)]
        [0.45, 0.55, 0.9]
    """
    # Without the gaps it is the nearest rising sequence: neighbours out of order share their mean.
    groups: list[list[float]] = []
    for i, height in enumerate(wanted):
        groups.append([height - i * gap])
        while len(groups) > 1 and np.mean(groups[-2]) > np.mean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    level = [float(np.mean(group)) for group in groups for _ in group]
    highest = 1 - (len(wanted) - 1) * gap
    return [max(min(each, highest), 0.0) + i * gap for i, each in enumerate(level)]


def _brackets(axes: Axes, panel: Panel, heights: Mapping[str, float]) -> None:
    """Span gaps right of the names; one that would meet the one before stands further out.

    A gap is between the dots at the lines' ends; where there are none, between the names.
    """
    to_axes = axes.transData + axes.transAxes.inverted()
    heights = {
        **heights,
        **{line.name: float(to_axes.transform((0, line.end))[1])
           for line in panel.lines if line.end is not None},
    }  # fmt: skip
    x, before = 1 + _names(panel) / _PANEL, (2.0, 2.0)
    for bracket in panel.brackets:
        if not {bracket.first, bracket.second} <= heights.keys():
            continue
        low, high = sorted((heights[bracket.first], heights[bracket.second]))
        middle = (low + high) / 2
        span = min(low, middle - _LINE), max(high, middle + _LINE)
        if span[0] < before[1] and before[0] < span[1]:
            x += _SECOND / _PANEL
        before = span
        look: Any = {"color": GREY, "transform": axes.transAxes, "clip_on": False}
        axes.plot([x, x + 0.015, x + 0.015, x], [low, low, high, high], linewidth=0.8, **look)
        text: Any = {"fontsize": 8, "va": "center", "linespacing": 1.15}
        axes.text(x + 0.03, middle, bracket.text, **text, **look)
