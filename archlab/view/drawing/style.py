"""How to draw: theme, direction, totals and sentences around the drawing."""

from __future__ import annotations

from dataclasses import dataclass

from archlab.errors import check_one_of
from archlab.view.theme import THEMES, Theme

DIRECTIONS = ("TB", "LR")
CARDS, VOLUMES = "cards", "volumes"
STYLES = (CARDS, VOLUMES)
# Height to width that each page has: paper upright, a slide, a screen; none is one column.
FITS: dict[str, float | None] = {
    "auto": None, "page": 297 / 210, "slide": 9 / 16, "screen": 900 / 1440, "none": 0.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Style:
    """How to draw."""

    theme: Theme
    direction: str = "TB"  # or LR
    params: int = 0  # totals for the title
    macs: int | None = None
    notes: tuple[str, ...] = ()  # sentences for the foot
    conventions: tuple[str, ...] = ()  # sentences for the metadata
    bare: bool = False  # no title, no legend: a part of a page
    before: tuple[int, int | None] | None = None  # totals of the model that this is compared to
    form: str = CARDS  # or VOLUMES
    goal: float | None = None  # height to width; None: only what is long is broken into columns


def theme_of(name: str) -> Theme:
    """Return a theme by name.

    Raises:
        OptionError: an unknown theme.
    """
    check_one_of("theme", name, THEMES)
    return THEMES[name]
