"""Shapes as PNG and PDF, drawn by matplotlib's renderers with matplotlib's own font."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from archlab.errors import LayoutError, keyword
from archlab.view.drawing.fonts import families
from archlab.view.drawing.shapes import FADED, Canvas, Dot, Line, Polygon, Rectangle, Words, corners

if TYPE_CHECKING:
    from matplotlib.backend_bases import RendererBase

DPI, PRINT = 144.0, 300.0  # on a screen, and where the width of a column on paper is given
LONGEST = 32_767  # pixels a side that readers of PNG files take
LEGIBLE = 48.0  # dots per inch below which text cannot be read


def painted(canvas: Canvas, format: str, *, width: float | None = None) -> bytes:  # noqa: A002
    """Return a picture as bytes of a PNG or PDF.

    Args:
        canvas: the picture.
        format: png or pdf.
        width: inches that the picture may be wide; None for its own size.

    Raises:
        LayoutError: a PNG with more pixels a side than there may be.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure  # here: it takes 0.3 s, which an SVG does not need

    scale = min(1.0, width * 72 / canvas.width) if width else 1.0
    size = canvas.width * scale / 72, canvas.height * scale / 72
    dpi = min(PRINT if width else DPI, (LONGEST - 2) / max(*size, 1e-9))
    if format == "png" and dpi < LEGIBLE:
        raise LayoutError(
            f"The picture is too large for a PNG ({LONGEST:,} pixels a side at {LEGIBLE:g} dpi or "
            f"more). Write .svg or .pdf, or draw fewer boxes ({keyword('boxes')}, "
            f"{keyword('depth')})."
        )
    figure = Figure(figsize=size, dpi=dpi, facecolor=canvas.page)
    figure.add_artist(_painting(canvas, scale))
    data = io.BytesIO()
    metadata = {"Title": canvas.name} | ({"CreationDate": None} if format == "pdf" else {})
    # Hinted letters are wider than what was measured.
    with rc_context({"text.hinting": "no_hinting"}):
        figure.savefig(data, format=format, dpi=dpi, facecolor=canvas.page, metadata=metadata)
    return data.getvalue()


def _painting(canvas: Canvas, scale: float) -> Any:
    from matplotlib.artist import Artist

    class Painting(Artist):
        """All shapes at once, without an artist for each."""

        def draw(self, renderer: RendererBase) -> None:
            pen = _Pen(renderer, canvas, scale)
            for element in canvas.elements:
                pen.opacity = FADED if element.faded else 1.0
                for shape in element.shapes:
                    pen.draw(shape)

    return Painting()


class _Pen:
    """Draws shapes by a renderer of matplotlib, whose y points up."""

    def __init__(self, renderer: Any, canvas: Canvas, scale: float) -> None:
        from matplotlib.transforms import Affine2D

        self.renderer = renderer
        self.unit = renderer.points_to_pixels(1.0) * scale  # of a point of the canvas
        self.scale = scale
        self.high = canvas.height
        self.opacity = 1.0
        self.place = Affine2D().scale(self.unit, -self.unit).translate(0, self.high * self.unit)
        self.fonts: dict[tuple[float, bool], Any] = {}

    def draw(self, shape: Any) -> None:
        if isinstance(shape, Words):
            self._words(shape)
        elif isinstance(shape, Line):
            vertices, codes = _path(shape)
            self._path(vertices, codes, None, shape.colour, shape.pen, shape.dashes)
        elif isinstance(shape, Rectangle):
            vertices, codes = _outline(shape)
            self._path(vertices, codes, shape.fill, shape.border, shape.pen)
        elif isinstance(shape, Polygon):
            points = [*shape.points, shape.points[0]]
            self._path(points, [1, *[2] * (len(points) - 2), 79], shape.fill, "", 0.0)
        elif isinstance(shape, Dot):
            r = shape.radius
            box = Rectangle(shape.x - r, shape.y - r, 2 * r, 2 * r, shape.fill, radius=r)
            vertices, codes = _outline(box)
            self._path(vertices, codes, shape.fill, "", 0.0)

    def _path(
        self, vertices: Any, codes: Any, fill: str | None, colour: str, pen: float,
        dashes: tuple[float, ...] = (),
    ) -> None:  # fmt: skip
        from matplotlib.colors import to_rgba
        from matplotlib.path import Path

        gc = self.renderer.new_gc()
        gc.set_linewidth(pen * self.scale if colour else 0.0)
        if colour:
            gc.set_foreground(to_rgba(colour, self.opacity), isRGBA=True)
        if dashes:
            gc.set_dashes(0, [length * self.scale for length in dashes])
            gc.set_capstyle("butt")
        face = to_rgba(fill, self.opacity) if fill else None
        self.renderer.draw_path(gc, Path(vertices, codes), self.place, face)
        gc.restore()

    def _words(self, words: Words) -> None:
        from matplotlib.colors import to_rgba
        from matplotlib.font_manager import FontProperties

        key = (words.points, words.bold)
        if key not in self.fonts:
            self.fonts[key] = FontProperties(
                family=families(),
                size=words.points * self.scale,
                weight="bold" if words.bold else "normal",
            )
        font = self.fonts[key]
        x, y = self.place.transform((words.x, words.y))
        if words.centred:
            w, _, _ = self.renderer.get_text_width_height_descent(words.content, font, ismath=False)
            x -= w / 2
        gc = self.renderer.new_gc()
        gc.set_foreground(to_rgba(words.colour, self.opacity), isRGBA=True)
        gc.set_alpha(self.opacity)
        if self.renderer.flipy():
            y = self.high * self.unit - y
        self.renderer.draw_text(gc, x, y, words.content, font, 0, ismath=False)
        gc.restore()


def _path(line: Line) -> tuple[list[tuple[float, float]], list[int]]:
    codes = {"M": [1], "L": [2], "Q": [3, 3]}
    commands = corners(line)
    return [p for _, points in commands for p in points], [
        c for name, _ in commands for c in codes[name]
    ]


def _outline(box: Rectangle) -> tuple[list[tuple[float, float]], list[int]]:
    """Return a closed path around a rectangle; a round corner is a quarter of a circle."""
    x, y, right, low = box.x, box.y, box.x + box.w, box.y + box.h
    r = min(box.radius, box.w / 2, box.h / 2)
    if r <= 0:
        return [(x, y), (right, y), (right, low), (x, low), (x, y)], [1, 2, 2, 2, 79]
    k = r * 0.4477  # what a cubic curve leaves of a corner to be like a circle
    vertices = [
        (x + r, y), (right - r, y), (right - k, y), (right, y + k), (right, y + r),
        (right, low - r), (right, low - k), (right - k, low), (right - r, low),
        (x + r, low), (x + k, low), (x, low - k), (x, low - r),
        (x, y + r), (x, y + k), (x + k, y), (x + r, y), (x + r, y),
    ]  # fmt: skip
    return vertices, [1, *[2, 4, 4, 4] * 4, 79]
