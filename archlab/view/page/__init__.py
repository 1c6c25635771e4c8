"""One self-contained HTML page: content in, text out. Jinja2 escapes; nothing is ever fetched.

    Page ── drawn (levels as SVG), inlined (figures), rows (tables) ── page.html.jinja ──> HTML

Everything is laid out before the template is filled in. Style sheet and scripts are files in
`assets`, written into the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import count

from archlab.quoting import visible_lines
from archlab.view.drawing.svg import css_rules, css_variables
from archlab.view.page.content import Bar, Bars, HeatScale, Page, Part, Section, Stage, Tile
from archlab.view.page.drawing import Drawn, drawn
from archlab.view.page.figure import inlined
from archlab.view.page.table import HtmlRow, rows
from archlab.view.theme import THEMES

__all__ = ["Bar", "Bars", "HeatScale", "Page", "Part", "Section", "Stage", "Tile", "page"]

SCRIPTS = ("room.js", "camera.js", "viewer.js", "table.js", "page.js")


@dataclass(frozen=True, slots=True)
class ReadySection:
    """A section as the template takes it."""

    content: Section
    figure: str  # with ids that no other figure of the page has
    rows: Sequence[HtmlRow]


@dataclass(frozen=True, slots=True)
class ReadyPart:
    """A part as the template takes it."""

    content: Part
    picture: Drawn | None
    sections: Sequence[ReadySection]


def page(content: Page) -> str:
    """Return the page as HTML text."""
    from jinja2 import Environment, PackageLoader  # here: only a page needs it

    environment = Environment(
        loader=PackageLoader("archlab.view.page", "assets"),
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Ids are unique in a page, so that each figure's get a prefix of their own.
    prefixes = (f"f{number}" for number in count())
    before = [_ready(section, prefixes) for section in content.before]
    parts = [
        ReadyPart(
            part,
            drawn(part.stage) if part.stage else None,
            [_ready(section, prefixes) for section in part.sections],
        )
        for part in content.parts
    ]
    return environment.get_template("page.html.jinja").render(
        page=content,
        before=before,
        parts=parts,
        style=_asset("page.css"),
        colours=_colours(),
        script="\n".join(map(_asset, SCRIPTS)),
    )


def _ready(section: Section, prefixes: Iterator[str]) -> ReadySection:
    figure = inlined(section.figure, section.alt, next(prefixes)) if section.figure else ""
    return ReadySection(section, figure, tuple(rows(section.table)) if section.table else ())


def _shown(value: object) -> object:
    """Return a text as it is written into the page; what is ready for it has a type of its own."""
    return visible_lines(value) if type(value) is str else value


def _asset(name: str) -> str:
    return (files("archlab.view.page") / "assets" / name).read_text(encoding="utf-8")


def _colours() -> str:
    """Return the drawing's colours as CSS variables, with those of a dark screen."""
    theme = THEMES["auto"]
    assert theme.dark is not None
    light, dark = css_variables(theme.colours, theme.colours), css_variables(theme.dark, theme.dark)
    rules = css_rules(theme, theme.dark)
    return (
        f":root{{{light}}}:root[data-theme=dark]{{{dark};color-scheme:dark}}"
        "@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light])"
        f"{{{dark};color-scheme:dark}}}}{rules}"
        f"@media print{{:root,:root[data-theme=dark]{{{light};color-scheme:light}}}}"
    )
