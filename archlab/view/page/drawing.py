"""The drawing of a page: every level as SVG without what the page says once, and data beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from archlab.fold import Level, Levels
from archlab.fold.drawing import Box, Drawing
from archlab.view.drawing.card import macs_text, params_text, printable
from archlab.view.drawing.legend import Entry, entries
from archlab.view.drawing.sheet import canvas
from archlab.view.drawing.style import Style
from archlab.view.drawing.svg import svg
from archlab.view.page.content import Stage
from archlab.view.theme import HEAT, THEMES

THEME = THEMES["light"]  # the page's style sheet turns it dark
_NOISE = re.compile(r' (?:font-family|xmlns)="[^"]*"')
_SIZE = re.compile(r'width="([\d.]+)pt" height="[\d.]+pt"')


@dataclass(frozen=True)
class Drawn:
    """A stage as a template takes it."""

    still: str  # the picture without scripts
    levels: list[tuple[str, str]]  # key and SVG of every level
    data: dict[str, Any]  # for the script: what opens what, heat, places
    legend: list[Entry]  # the kinds and edges that occur
    words: list[str]  # sentences about what is not shown


def drawn(stage: Stage) -> Drawn:
    """Return the drawing of a stage, each level by itself."""
    levels = stage.levels.levels
    return Drawn(
        still=_svg(stage.drawing),
        levels=[(key, _svg(level.drawing)) for key, level in levels.items()],
        data=_data(stage, levels),
        legend=entries([level.drawing for level in levels.values()]),
        words=_words(stage.levels),
    )


def _svg(drawing: Drawing) -> str:
    """Return the SVG with size and ids as data: a page holds many, and ids must be unique."""
    # On a page a drawing is scrolled, and its boxes are opened in place: it has one column.
    whole, _ = canvas(drawing, Style(theme=THEME, bare=True, goal=0.0))
    text = _SIZE.sub(r'style="--width:\1pt"', svg(whole, THEME), count=1)
    return _NOISE.sub("", text).replace(" id=", " data-id=")


def _data(stage: Stage, levels: Mapping[str, Level]) -> dict[str, Any]:
    names = [scale.name for scale in stage.scales]
    openers = {  # level -> the box that opens it
        level.opens[box.id]: box
        for level in reversed(list(levels.values()))
        for box in reversed(level.drawing.boxes)
        if box.id in level.opens
    }
    return {
        "top": stage.levels.top,
        "first": [key for key in stage.levels.at_first if key in levels],
        "scales": list(map(asdict, stage.scales)),
        "heat": [f"var(--{role})" for role in HEAT],
        "levels": {
            key: {
                "path": level.path,
                "type": stage.types.get(level.path, ""),
                "facts": _facts(level, openers.get(key)),
                "opens": {printable(box): inner for box, inner in level.opens.items()},
                "heat": {
                    printable(box): [_short(values.get(name)) for name in names]
                    for box, values in stage.heats.get(key, {}).items()
                },
            }
            for key, level in levels.items()
        },
        "places": {
            path: [key, printable(box)]
            for path, (key, box) in stage.places.items()
            if key in levels
        },
    }


def _short(value: float | None) -> float | None:
    # Six digits are enough for a colour and a share, and keep the page small.
    return None if value is None else float(f"{value:.6g}")


def _facts(level: Level, box: Box | None) -> list[str]:
    """Return what stands in the header of an open module."""
    if box is None:
        return []
    amounts, times = box.amounts, max(box.times, level.times)
    facts = [
        f"×{times}, the first is shown" if times > 1 else "",
        params_text(amounts, box.repeats) if amounts.params else "",
        macs_text(amounts, box.repeats) if amounts.macs else "",
    ]
    return [fact for fact in facts if fact]


def _words(levels: Levels) -> list[str]:
    if not levels.closed:
        return []
    return [
        f"{levels.closed} modules cannot be opened here: the page holds "
        f"{len(levels.levels)} drawings at most (archlab render --expand PATH)."
    ]
