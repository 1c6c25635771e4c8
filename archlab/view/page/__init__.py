"""One self-contained HTML page: content in, text out. Jinja2 escapes; nothing is ever fetched.

    Page ── drawn (levels as SVG), inlined (figures), tables ── page.html.jinja ──> HTML

Style sheet and scripts are files in `assets`, written into the page.
"""

from __future__ import annotations

from importlib.resources import files
from itertools import count
from typing import Any

from archlab.view.page.content import (
    Bar,
    Bars,
    HeatScale,
    Page,
    Part,
    Section,
    Stage,
    Tile,
)
from archlab.view.page.drawing import drawn
from archlab.view.page.figure import inlined
from archlab.view.page.table import rows
from archlab.view.theme import THEMES

__all__ = ["Bar", "Bars", "HeatScale", "Page", "Part", "Section", "Stage", "Tile", "page"]

SCRIPTS = ("room.js", "camera.js", "viewer.js", "table.js", "page.js")


def page(content: Page) -> str:
    """Return the page as HTML text.

    Raises:
        LayoutError: Graphviz is missing, or fails for a model's outer level.
    """
    from jinja2 import Environment, PackageLoader  # here: only a page needs it
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("archlab.view.page", "assets"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    figures = count()

    def figure(svg: str, alt: str) -> Any:
        return Markup(inlined(svg, alt, f"f{next(figures)}"))  # drawn by matplotlib, which escapes

    environment.globals |= {"drawn": drawn, "figure": figure, "rows": rows, "svg": Markup}
    return environment.get_template("page.html.jinja").render(
        page=content,
        style=Markup(_asset("page.css")),
        colours=Markup(_colours()),
        script=Markup("\n".join(map(_asset, SCRIPTS))),
    )


def _asset(name: str) -> str:
    return (files("archlab.view.page") / "assets" / name).read_text(encoding="utf-8")


def _colours() -> str:
    """The drawing's colours as CSS variables, with those of a dark screen."""
    theme = THEMES["auto"]
    assert theme.dark is not None
    light = ";".join(f"--{role}:{colour}" for role, colour in theme.colours.items())
    dark = ";".join(f"--{role}:{colour}" for role, colour in theme.dark.items())
    rules = "".join(
        f'svg.archlab [{part}="{theme.colours[role]}"]{{{part}:var(--{role})}}'
        for role in theme.dark
        for part in ("fill", "stroke")
    )
    return (
        f":root{{{light}}}:root[data-theme=dark]{{{dark};color-scheme:dark}}"
        "@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light])"
        f"{{{dark};color-scheme:dark}}}}{rules}"
        f"@media print{{:root,:root[data-theme=dark]{{{light};color-scheme:light}}}}"
    )
