"""Figures of training: error or loss against steps, a mean line in a band from min to max."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archlab.view.figure.export import COLOURS, GREY, exported

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Line:
    """One curve: mean, lowest and highest over the seeds at each step."""

    name: str
    steps: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    colour: int = 0  # an index into COLOURS
    bold: bool = True  # thick and solid; if not, thin and dashed
    label: bool = True  # whether the name stands at the line's end


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    ylabel: str
    lines: Sequence[Line]
    top: float | None = None  # the highest value shown; None shows all
    floor: float | None = 0.0


@dataclass(frozen=True)
class CurveFigure:
    """Panels side by side, with what bold and dashed mean below the title."""

    title: str
    subtitle: str
    panels: Sequence[Panel]
    xlabel: str = "steps"
    same_scale: bool = True


def curves(content: CurveFigure, suffix: str) -> bytes:
    """Return the figure as the bytes of an svg, png or pdf file; see `exported`."""
    return exported(lambda: _draw(content), suffix)


def _draw(content: CurveFigure) -> Figure:
    from matplotlib.figure import Figure

    count = len(content.panels)
    width = 5.2 if count == 1 else 4.6 * count
    # Room for the names at the lines' ends, in inches.
    names = [line.name for panel in content.panels for line in panel.lines]
    room = 0.12 + 0.085 * max(map(len, names), default=0)
    between = room + 0.62
    panel_width = (width - 0.62 - room - (count - 1) * between) / count
    figure = Figure(figsize=(width, 4.2))
    figure.subplots_adjust(left=0.62 / width, right=1 - room / width, top=0.78, bottom=0.12)
    figure.subplots_adjust(wspace=between / panel_width)
    left = 0.12 / width
    figure.text(left, 0.975, content.title, fontsize=12, fontweight="bold", va="top")
    figure.text(left, 0.918, content.subtitle, fontsize=8, color=GREY, va="top", linespacing=1.4)
    shared = max((panel.top or 0.0 for panel in content.panels), default=0.0)
    for i, panel in enumerate(content.panels):
        axes = figure.add_subplot(1, count, i + 1)
        _panel(axes, panel, content.xlabel, shared if content.same_scale else panel.top)
    return figure


def _panel(axes: Axes, panel: Panel, xlabel: str, top: float | None) -> None:
    for line in panel.lines:
        colour = COLOURS[line.colour % len(COLOURS)]
        width, style, order, alpha = (2.2, "-", 3, 0.16) if line.bold else (1.1, "--", 2, 0.09)
        marker = "o" if len(line.steps) == 1 else ""  # a line of one point is not seen
        look: Any = {"color": colour, "linewidth": width, "zorder": order, "label": line.name}
        axes.plot(line.steps, line.mean, style, marker=marker, clip_on=not marker, **look)
        if list(line.low) != list(line.high):
            band: Any = {"color": colour, "linewidth": 0, "alpha": alpha}
            axes.fill_between(line.steps, line.low, line.high, **band)
    if top:
        axes.set_ylim(panel.floor, top)
    elif panel.floor is not None:
        axes.set_ylim(bottom=panel.floor)
    axes.margins(x=0.0)
    axes.set_xlim(left=0)
    axes.set_title(panel.title)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(panel.ylabel)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.locator_params(axis="x", nbins=6, integer=True)
    _labels(axes, [line for line in panel.lines if line.label and len(line.mean)])


def _labels(axes: Axes, lines: Sequence[Line]) -> None:
    """Write each name right of its line's end, moved apart where two would overlap."""
    bottom, top = axes.get_ylim()
    gap = 0.052 * (top - bottom)
    ends = sorted(lines, key=lambda line: line.mean[-1])
    heights: list[float] = []
    for line in ends:
        height = min(max(line.mean[-1], bottom), top)
        heights.append(max(height, heights[-1] + gap) if heights else max(height, bottom + gap / 2))
    for i in reversed(range(len(heights))):  # back into the axes what the gaps pushed out of them
        ceiling = top - gap / 2 if i == len(heights) - 1 else heights[i + 1] - gap
        heights[i] = min(heights[i], ceiling)
    for line, height in zip(ends, heights, strict=True):
        look: Any = {"color": COLOURS[line.colour % len(COLOURS)], "fontsize": 8, "va": "center"}
        look |= {"fontweight": "bold" if line.bold else "normal", "annotation_clip": False}
        axes.annotate(line.name, (1.015, height), xycoords=("axes fraction", "data"), **look)
