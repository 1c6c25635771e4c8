"""Figures of receptive fields: growth with depth, and boxes on an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archlab.view.figure.export import COLOURS, GREY, exported
from archlab.view.figure.frame import Key, Words, framed
from archlab.view.figure.hues import Look, looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure, SubFigure

_THEORY, _EFFECTIVE = COLOURS[1], COLOURS[5]
_ROW = 4  # panels beside each other
_IMAGE: dict[str, Any] = {"color": "#444444", "linewidth": 1.0, "linestyle": "--"}
Box = tuple[float, float, float, float]  # top, left, height and width, in pixels


@dataclass(frozen=True)
class Growth:
    """One model: widths in pixels along its trunk, and of the layers beside it, by their depth."""

    name: str
    longest: Sequence[float]
    shortest: Sequence[float]
    branches: Sequence[tuple[int, float]] = ()
    effective: Sequence[tuple[int, float]] = ()  # measured points


@dataclass(frozen=True)
class Panel:
    """One layer on the image: its theoretical box, and the effective one with the heat in it.

    A unit that sees padding alone has no box. `beyond` names the sides (top, left, bottom, right)
    where the field goes on outside of the image, and `note` says how large it is.
    """

    title: str
    box: Box | None
    heat: NDArray[np.float64] | None = None
    inner: Box | None = None
    beyond: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class FieldFigure:
    """What to draw: curves of one or more models, and panels of one."""

    words: Words
    image_size: int  # 0 where the models read images of other sizes: no line then
    curves: Sequence[Growth]
    layers: str = "convolutions and pools"  # what stands along the depth
    image: NDArray[np.float64] | None = None
    panels: Sequence[Panel] = ()
    edge: float = 0.0  # the heat at which an effective field ends


def receptive_fields(content: FieldFigure, suffix: str) -> bytes:
    """Return the figure as the bytes of an svg, png or pdf file; see `exported`."""
    return exported(lambda: _draw(content), suffix)


def _draw(content: FieldFigure) -> Figure:
    rows = -(-len(content.panels) // _ROW)
    heat = any(panel.heat is not None for panel in content.panels)
    # In inches: the growth with its labels, then each row of panels.
    growth, tall, width = (2.9, 2.95, 9.6) if rows else (3.6, 0.0, 7.2)
    height = growth + tall * rows
    figure, body = framed(content.words, width, height, _keys(content))
    place = (0.7 / width, 1 - (growth - 0.5) / height, 1 - 0.85 / width, (growth - 0.58) / height)
    _growth(body.add_axes(place), content)
    if rows:
        sides: Any = {"left": 0.3 / width, "right": 1 - (1.15 if heat else 0.3) / width}
        ends: Any = {"top": 1 - (growth + 0.62) / height, "bottom": 0.32 / height}
        columns = min(len(content.panels), _ROW)
        grid = body.add_gridspec(rows, columns, hspace=0.5, wspace=0.06, **sides, **ends)
        for i, panel in enumerate(content.panels):
            _panel(body.add_subplot(grid[divmod(i, _ROW)]), content, panel)
    if heat:
        place = (1 - 0.95 / width, 0.42 / height, 0.13 / width, (tall - 1.14) / height)
        _scale(body, place, content.edge)
    return figure


def _groups(content: FieldFigure) -> list[tuple[Look, list[Growth]]]:
    """Return the models with one look for those whose longest paths are equal."""
    groups: dict[tuple[float, ...], tuple[Look, list[Growth]]] = {}
    names = [curve.name for curve in content.curves]
    for curve, look in zip(content.curves, looks(names), strict=True):
        groups.setdefault(tuple(curve.longest), (look, []))[1].append(curve)
    return list(groups.values())


def _keys(content: FieldFigure) -> list[Key]:
    groups, curves = _groups(content), content.curves
    keys = [
        Key(" = ".join(curve.name for curve in members), line=_trunk(look))
        for look, members in groups
    ]
    if len(curves) == 1:
        keys = [Key("longest path", line=_trunk(groups[0][0]))]
    colour = groups[0][0].colour if len(groups) == 1 else GREY
    if any(map(_has_band, curves)):
        # An equal that has one path lies on the edge of the band.
        single = [
            curve.name for _, members in groups for curve in members
            if not _has_band(curve) and any(map(_has_band, members))
        ]  # fmt: skip
        text = "shortest to longest path"
        text += f" ({', '.join(single)}: one path)" if single else ""
        keys.append(Key(text, band=_band(colour)))
    if any(curve.branches for curve in curves):
        keys.append(Key("layers on side branches", line=_dots(colour)))
    if any(curve.effective for curve in curves):
        keys.append(Key("effective (measured)", line=_rings(colour)))
    if content.image_size:
        keys.append(Key(f"image: {content.image_size} px", line=_IMAGE))
    if any(panel.box for panel in content.panels):
        keys.append(Key("theoretical field", line={"color": _THEORY, "linewidth": 1.8}))
    if any(panel.inner for panel in content.panels):
        keys.append(Key("effective field", line=_inner()))
    return keys


def _trunk(look: Look) -> dict[str, Any]:
    return {"color": look.colour, "linestyle": look.dash, "linewidth": 2.0}


def _band(colour: str) -> dict[str, Any]:
    return {"facecolor": colour, "alpha": 0.16, "linewidth": 0}


def _dots(colour: str) -> dict[str, Any]:
    return {"color": colour, "linestyle": "", "marker": "o", "markersize": 2.6, "alpha": 0.6}


def _rings(colour: str) -> dict[str, Any]:
    ring: Any = {"marker": "o", "markersize": 5, "markerfacecolor": "white"}
    return {"color": colour, "linestyle": "", **ring}


def _inner() -> dict[str, Any]:
    return {"color": _EFFECTIVE, "linewidth": 1.6, "linestyle": "--"}


def _has_band(curve: Growth) -> bool:
    return list(curve.shortest) != list(curve.longest)


def _growth(axes: Axes, content: FieldFigure) -> None:
    """Width against depth: the trunk as a line with a band below it, side branches as dots."""
    for look, members in _groups(content):
        for curve in members:
            if _has_band(curve):
                depth = range(1, len(curve.longest) + 1)
                axes.fill_between(depth, curve.shortest, curve.longest, **_band(look.colour))
            for points, style in (
                (curve.branches, _dots(look.colour)), (curve.effective, _rings(look.colour)),
            ):  # fmt: skip
                axes.plot([x for x, _ in points], [y for _, y in points], **style, zorder=3)
        # A net of one layer is a dot.
        marker = "o" if len(members[0].longest) == 1 else ""
        axes.plot(range(1, len(members[0].longest) + 1), members[0].longest, marker=marker,
                  **_trunk(look))  # fmt: skip
    top = max([content.image_size, *(max(c.longest, default=1) for c in content.curves)])
    axes.set_ylim(0, top * 1.08)
    if content.image_size:
        axes.axhline(content.image_size, **_IMAGE)
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel(f"depth ({content.layers} on the longest path)")
    axes.set_ylabel("receptive field, px")


def _panel(axes: Axes, content: FieldFigure, panel: Panel) -> None:
    from matplotlib.patches import Rectangle

    height, width = content.image.shape[:2] if content.image is not None else (
        (content.image_size,) * 2
    )  # fmt: skip
    if content.image is not None:
        _show(axes, content.image, alpha=0.55)
    if panel.heat is not None:
        _show(axes, panel.heat, cmap=_colours(), vmin=0, vmax=1)
    frame: Box = (0, 0, height, width)
    plain: Any = {"edgecolor": GREY, "linewidth": 0.6}
    theory: Any = {"edgecolor": _THEORY, "linewidth": 1.8}
    inner = _inner()
    effective: Any = {"edgecolor": inner.pop("color"), **inner}
    for box, line in ((frame, plain), (panel.box, theory), (panel.inner, effective)):
        if box is not None:
            top, left, tall, wide = box
            patch = Rectangle((left, top), wide, tall, fill=False, clip_on=False, **line)
            axes.add_patch(patch)
    # Room around the image, so that a box on its border is seen, and arrows beyond it.
    room = 0.09 * max(height, width)
    axes.set_xlim(-room, width + room)
    axes.set_ylim(height + room, -room)
    for side in panel.beyond:
        _arrow(axes, side, height, width, room)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(panel.title, fontsize=8, pad=1)
    axes.set_xlabel(panel.note, fontsize=7.5, color=_THEORY, labelpad=1)


def _arrow(axes: Axes, side: str, height: float, width: float, room: float) -> None:
    """Point out of the image from the middle of one side."""
    start, way = {
        "top": ((width / 2, 0), (0, -1)), "bottom": ((width / 2, height), (0, 1)),
        "left": ((0, height / 2), (-1, 0)), "right": ((width, height / 2), (1, 0)),
    }[side]  # fmt: skip
    end = (start[0] + way[0] * room, start[1] + way[1] * room)
    look: Any = {
        "arrowstyle": "-|>",
        "color": _THEORY,
        "linewidth": 1.4,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axes.annotate("", end, start, arrowprops=look, annotation_clip=False)


def _colours() -> ListedColormap:
    """Return the colours of heat: where there is next to none, the image shows through."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    shares = np.linspace(0, 1, 256)
    colours = colormaps["inferno"](shares)
    colours[:, 3] = np.clip(3 * shares, 0, 0.95)
    return ListedColormap(colours)


def _scale(body: SubFigure, place: Box, edge: float) -> None:
    """Draw what the colours of heat mean, and where an effective field ends."""
    axes = body.add_axes(place)
    shares = np.linspace(0, 1, 256)[:, None]
    axes.imshow(shares, cmap=_colours(), extent=(0, 1, 0, 1), origin="lower", aspect="auto")
    axes.axhline(edge, **_inner())
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    ticks = {0.0: "0", edge: f"{edge:.2f}", 0.5: "0.5", 1.0: "1"}
    axes.set_yticks(list(ticks), list(ticks.values()), fontsize=7.5)
    axes.set_ylabel("root mean square gradient,\nshare of the largest", fontsize=7.5)


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
