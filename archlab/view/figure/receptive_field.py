"""Figures of receptive fields: growth with depth, and boxes on an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archlab.view.figure.export import COLOURS, GREY, exported

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Growth:
    """One model: widths in pixels by depth (number of the weighted layer)."""

    name: str
    longest: Sequence[float]
    shortest: Sequence[float]
    effective: Sequence[tuple[int, float]] = ()  # measured points


@dataclass(frozen=True)
class Panel:
    """One layer on the image: its theoretical box (y, x, height, width), and heat inside it.

    A unit that sees padding alone has no box.
    """

    title: str
    box: tuple[float, float, float, float] | None
    heat: NDArray[np.float64] | None = None
    inner: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class FieldFigure:
    """What to draw: curves of one or more models, and panels of one."""

    title: str
    subtitle: str
    image_size: int  # 0 where the models read images of other sizes: no line then
    curves: Sequence[Growth]
    layers: str = "convolutions and pools"  # what stands along the depth
    image: NDArray[np.float64] | None = None
    panels: Sequence[Panel] = ()


def receptive_fields(content: FieldFigure, suffix: str) -> bytes:
    """Return the figure as the bytes of an svg, png or pdf file; see `exported`."""
    return exported(lambda: _draw(content), suffix)


def _draw(content: FieldFigure) -> Figure:
    from matplotlib.figure import Figure

    columns = len(content.panels)
    figure = Figure(figsize=(7.2 if not columns else 9.6, 4.2 if not columns else 6.4))
    top = 0.86 if content.title else 0.97
    figure.subplots_adjust(left=0.08, right=0.97, top=top, bottom=0.11)
    figure.text(0.02, 0.965, content.title, fontsize=12, fontweight="bold", va="top")
    figure.text(0.02, 0.918, content.subtitle, fontsize=8.5, color=GREY, va="top")
    if not columns:
        _growth(figure.add_subplot(), content)
        return figure
    figure.subplots_adjust(top=0.88, bottom=0.03)
    grid = figure.add_gridspec(2, columns, height_ratios=(1.15, 1), hspace=0.68, wspace=0.12)
    _growth(figure.add_subplot(grid[0, :]), content)
    for i, panel in enumerate(content.panels):
        _panel(figure.add_subplot(grid[1, i]), content, panel)
    return figure


def _growth(axes: Axes, content: FieldFigure) -> None:
    """Width against depth; the longest path is a line, the shortest dotted, with a band between."""
    for i, curve in enumerate(content.curves):
        colour = COLOURS[i % len(COLOURS)]
        depth = range(1, len(curve.longest) + 1)
        # Thinner from curve to curve, so that equal ones are all seen.
        width = max(4.0 - i, 1.4) if len(content.curves) > 1 else 2.0
        label = f"{curve.name}, longest path"
        axes.plot(depth, curve.longest, color=colour, linewidth=width, label=label)
        if list(curve.shortest) != list(curve.longest):
            label = f"{curve.name}, shortest path"
            axes.plot(depth, curve.shortest, ":", color=colour, linewidth=1.2, label=label)
            band: Any = {"color": colour, "alpha": 0.10, "linewidth": 0}
            axes.fill_between(depth, curve.shortest, curve.longest, **band)
        if curve.effective:
            x, y = zip(*curve.effective, strict=True)
            dots: Any = {"color": colour, "markersize": 5, "markerfacecolor": "white"}
            axes.plot(x, y, "o", label=f"{curve.name}, effective (measured)", **dots)
    top = max([content.image_size, *(max(c.longest, default=1) for c in content.curves)])
    axes.set_ylim(0, top * 1.08)
    if content.image_size:
        axes.axhline(content.image_size, color="#444444", linewidth=1.0, linestyle="--")
        axes.annotate(f"image: {content.image_size} px", (1, content.image_size), xytext=(0, 3),
                      textcoords="offset points", fontsize=8, color="#444444")  # fmt: skip
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel(f"depth ({content.layers} in call order)")
    axes.set_ylabel("receptive field, px")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0.0, 0.93))


def _panel(axes: Axes, content: FieldFigure, panel: Panel) -> None:
    from matplotlib.patches import Rectangle

    if content.image is not None:
        _show(axes, content.image, alpha=0.55)
    if panel.heat is not None:
        # The heat is the picture; where there is none, the image shows through.
        alpha = np.clip(panel.heat * 3, 0, 0.95)
        _show(axes, panel.heat, cmap="inferno", vmin=0, vmax=1, alpha=alpha)
    for box, colour, style in ((panel.box, COLOURS[1], "-"), (panel.inner, COLOURS[0], "--")):
        if box is not None:
            top, left, height, width = box
            line: Any = {"edgecolor": colour, "linewidth": 1.8, "linestyle": style}
            axes.add_patch(Rectangle((left, top), width, height, fill=False, **line))
    size = content.image.shape if content.image is not None else (content.image_size,) * 2
    axes.set_xlim(0, size[1])
    axes.set_ylim(size[0], 0)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
    axes.set_title(panel.title, fontsize=8)


def _show(axes: Axes, array: NDArray[np.float64], **look: Any) -> None:
    # In pixels of the image, row 0 on top: by default, pixel centres lie on whole numbers.
    extent = (0.0, float(array.shape[1]), float(array.shape[0]), 0.0)
    axes.imshow(array, extent=extent, interpolation="nearest", **look)


def sample_image(height: int, width: int) -> NDArray[np.float64]:
    """Return a made-up scene (height × width × 3, 0 … 1): sky, hills, a sun and a house."""
    y, x = np.mgrid[0:height, 0:width]
    y, x = y / max(height - 1, 1), x / max(width - 1, 1)
    scene = np.stack([0.55 + 0.25 * y, 0.75 + 0.15 * y, 0.95 - 0.10 * y], axis=-1)
    scene[(x - 0.78) ** 2 + (y - 0.2) ** 2 < 0.008] = (1.0, 0.85, 0.3)
    scene[y > 0.62 + 0.06 * np.sin(7 * x)] = (0.55, 0.72, 0.42)
    scene[y > 0.78 + 0.04 * np.sin(5 * x + 1)] = (0.42, 0.60, 0.33)
    wall = (np.abs(x - 0.38) < 0.13) & (y > 0.5) & (y < 0.78)
    roof = (y > 0.34) & (y < 0.5) & (np.abs(x - 0.38) < (y - 0.34) * 1.1)
    door = (np.abs(x - 0.38) < 0.03) & (y > 0.64) & (y < 0.78)
    scene[wall], scene[roof], scene[door] = (0.93, 0.88, 0.78), (0.72, 0.35, 0.28), (0.4, 0.28, 0.2)
    return scene
