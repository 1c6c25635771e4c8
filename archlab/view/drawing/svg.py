"""Shapes as SVG: real text, tooltips, data for scripts, fonts of every machine, dark mode by CSS.

The colours stay as attributes, so that readers without CSS show the light picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape

from archlab.quoting import visible, visible_lines
from archlab.view.drawing.shapes import (
    FADED,
    Canvas,
    Dot,
    Element,
    Line,
    Polygon,
    Rectangle,
    Shape,
    Words,
    corners,
)
from archlab.view.theme import FALLBACKS, Theme


def svg(canvas: Canvas, theme: Theme, *, width: float | None = None) -> str:
    """Return a picture as SVG text.

    Args:
        canvas: the picture.
        theme: its colours; one with a dark side follows the reader's screen.
        width: inches that the picture may be wide; None for its own size.
    """
    scale = min(1.0, width * 72 / canvas.width) if width else 1.0
    w, h = _n(canvas.width), _n(canvas.height)
    head = (
        f'<svg class="archlab" role="img" aria-label="{_attribute(canvas.name)}" '
        f'width="{_n(canvas.width * scale)}pt" height="{_n(canvas.height * scale)}pt" '
        f'viewBox="0 0 {w} {h}" xmlns="http://www.w3.org/2000/svg" font-family="{FALLBACKS}">'
    )
    notes = f"<desc>{_content(canvas.notes)}</desc>\n" if canvas.notes else ""
    page = f'<rect class="page" width="{w}" height="{h}" fill="{canvas.page}"/>'
    body = "\n".join(_element(element) for element in canvas.elements)
    return f"{head}\n{notes}{_style(theme, page + body)}{page}\n{body}\n</svg>\n"


def _element(element: Element) -> str:
    key = f' id="{_attribute(element.key)}"' if element.key else ""
    data = "".join(f' data-{name}="{_attribute(value)}"' for name, value in element.data.items())
    title = f"<title>{_content(element.title)}</title>\n" if element.title else ""
    shapes = "\n".join(map(_shape, element.shapes))
    faded = f' opacity="{FADED}"' if element.faded else ""
    return f'<g{key} class="{element.classes}"{data}{faded}>\n{title}{shapes}\n</g>'


def _shape(shape: Shape) -> str:
    if isinstance(shape, Words):
        bold = ' font-weight="bold"' if shape.bold else ""
        anchor = ' text-anchor="middle"' if shape.centred else ""
        return (
            f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.points)}"{bold}'
            f'{anchor} fill="{shape.colour}">{_content(shape.content)}</text>'
        )
    if isinstance(shape, Rectangle):
        border = f' stroke="{shape.border}" stroke-width="{_n(shape.pen)}"' if shape.border else ""
        radius = f' rx="{_n(shape.radius)}"' if shape.radius else ""
        return (
            f'<rect x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(shape.w)}" '
            f'height="{_n(shape.h)}"{radius} fill="{shape.fill}"{border}/>'
        )
    if isinstance(shape, Line):
        dashes = f' stroke-dasharray="{",".join(map(_n, shape.dashes))}"' if shape.dashes else ""
        path = "".join(name + _points(points) for name, points in corners(shape))
        return (
            f'<path d="{path}" fill="none" stroke="{shape.colour}" '
            f'stroke-width="{_n(shape.pen)}"{dashes}/>'
        )
    if isinstance(shape, Polygon):
        return f'<polygon points="{_points(shape.points)}" fill="{shape.fill}"/>'
    assert isinstance(shape, Dot)
    return (
        f'<circle cx="{_n(shape.x)}" cy="{_n(shape.y)}" r="{_n(shape.radius)}" '
        f'fill="{shape.fill}"/>'
    )


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _n(value: float) -> str:
    """Return a number with two digits behind the point at most, the same on every machine."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _attribute(text: str) -> str:
    """Return a text in an attribute; XML has no place for control characters, however escaped."""
    return escape(visible(text), quote=True)


def _content(text: str) -> str:
    return escape(visible_lines(text), quote=False)


def _style(theme: Theme, content: str) -> str:
    """Return the colours that occur as CSS variables by role, with others for a dark screen."""
    if theme.dark is None:
        return ""
    roles = sorted(role for role in theme.dark if f'"{theme.colours[role]}"' in content)
    light, dark = (css_variables(values, roles) for values in (theme.colours, theme.dark))
    return (
        f"<style>svg.archlab{{{light}}}{css_rules(theme, roles)}"
        f"@media (prefers-color-scheme:dark){{svg.archlab{{{dark}}}}}</style>\n"
    )


def css_variables(colours: Mapping[str, str], roles: Iterable[str]) -> str:
    """Return CSS that sets a variable for the colour of each role."""
    return ";".join(f"--{role}:{colours[role]}" for role in roles)


def css_rules(theme: Theme, roles: Iterable[str]) -> str:
    """Return CSS that lets each colour attribute of a drawing follow the variable of its role."""
    return "".join(_rules(theme, roles))


def _rules(theme: Theme, roles: Iterable[str]) -> Iterator[str]:
    for role in roles:
        for part in ("fill", "stroke"):
            yield f'svg.archlab [{part}="{theme.colours[role]}"]{{{part}:var(--{role})}}'
