"""The drawing of a page: every level as SVG without what the page says once, and data beside it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from archlab.errors import LayoutError
from archlab.fold import Level, Levels
from archlab.fold.drawing import Box, Drawing
from archlab.view.drawing.card import macs_text, params_text, printable
from archlab.view.drawing.dot import dot
from archlab.view.drawing.style import Style
from archlab.view.drawing.engine import many_laid_out
from archlab.view.drawing.legend import Entry, entries
from archlab.view.drawing.svg import finished
from archlab.view.page.content import Stage
from archlab.view.theme import THEMES

THEME = THEMES["light"]  # the page's style sheet turns it dark
_NOISE = re.compile(
    r'<!--.*?-->\n| (?:xml:space|font-family|xmlns(?::\w+)?)="[^"]*"|(?<=<svg)[^>]*? width="[^"]*"',
    re.DOTALL,
)
_SIZE = re.compile(r'width="([\d.]+)pt" height="([\d.]+)pt"')


@dataclass(frozen=True)
class Drawn:
    """A stage as a template takes it."""

    still: str  # the picture without scripts
    levels: list[tuple[str, str]]  # key and SVG of every level
    data: dict[str, Any]  # for the script: what opens what, heat, places
    legend: list[Entry]  # the kinds and edges that occur
    words: list[str]  # sentences about what is not shown


def drawn(stage: Stage) -> Drawn:
    """Return the drawing of a stage, all levels laid out in one process.

    Raises:
        LayoutError: Graphviz is missing, or fails for the model's own level.
    """
    style = Style(theme=THEME, bare=True)
    levels = stage.levels.levels
    keys = list(levels)
    texts = [dot(stage.drawing, style), *(dot(levels[key].drawing, style) for key in keys)]
    still, *raw = many_laid_out(texts)
    pictures = zip(keys, raw, strict=True)
    svgs = {key: svg for key, data in pictures if (svg := _svg(data, levels[key].drawing))}
    top = stage.levels.top
    if top not in svgs:
        raise LayoutError("Graphviz could not lay out the model's outer level.", texts[1])
    # A box whose level failed is drawn as one that cannot be opened.
    kept = {
        key: replace(level, opens={box: k for box, k in level.opens.items() if k in svgs})
        for key, level in levels.items()
        if key in svgs
    }
    return Drawn(
        still=_svg(still, stage.drawing) or svgs[top],
        levels=list(svgs.items()),
        data=_data(stage, kept),
        legend=entries([level.drawing for level in kept.values()]),
        words=_words(stage.levels, len(keys) - len(svgs)),
    )


def _svg(raw: bytes | None, drawing: Drawing) -> str | None:
    """Return the SVG with size and ids as data: a page holds many, and ids must be unique."""
    if raw is None:
        return None
    try:
        svg = finished(raw.decode(), drawing, THEME)
    except LayoutError:
        return None
    svg = _SIZE.sub(r'style="--width:\1pt"', svg, count=1)
    return _NOISE.sub("", svg).replace(" id=", " data-id=")


def _data(stage: Stage, levels: dict[str, Level]) -> dict[str, Any]:
    names = [scale.name for scale in stage.scales]
    openers = {  # level -> the box that opens it
        level.opens[box.id]: box
        for level in reversed(levels.values())
        for box in reversed(level.drawing.boxes)
        if box.id in level.opens
    }
    return {
        "top": stage.levels.top,
        "first": [key for key in stage.levels.at_first if key in levels],
        "scales": list(map(asdict, stage.scales)),
        "heat": list(THEME.heat),
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


def _words(levels: Levels, failed: int) -> list[str]:
    words = []
    if levels.closed:
        words.append(
            f"{levels.closed} modules cannot be opened here: the page holds "
            f"{len(levels.levels)} drawings at most (archlab render --expand PATH)."
        )
    if failed:
        words.append(f"{failed} modules cannot be opened: their layout failed.")
    return words
