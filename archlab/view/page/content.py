"""What a page holds, in the order in which it is read. Plain data; `page` makes HTML of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from archlab.fold import Levels
from archlab.fold.drawing import Drawing
from archlab.result import Table

Heats = Mapping[str, Mapping[str, Mapping[str, float | None]]]
"""Level -> box -> measure -> value."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One number that is read first; `exact` is what a pointer over it shows."""

    label: str
    value: str
    exact: str = ""


@dataclass(frozen=True, slots=True)
class HeatScale:
    """A measure that boxes can be coloured by; `share` of `total`, else logarithmic."""

    name: str
    title: str
    share: bool
    total: float | None


@dataclass(frozen=True)
class Stage:
    """The drawing that opens and closes.

    Attributes:
        drawing: what is shown without scripts, and printed.
        levels: the inside of every module, with amounts.
        types: module path -> class name.
        heats: values by level, box and measure.
        scales: the measures of `heats`, in the order of the switch.
        places: module path -> level and box that show it.
    """

    drawing: Drawing
    levels: Levels
    types: Mapping[str, str]
    heats: Heats
    scales: Sequence[HeatScale]
    places: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a bar chart: a value and its share of the longest, by column."""

    label: str
    texts: Sequence[str]
    shares: Sequence[float]


@dataclass(frozen=True, slots=True)
class Bars:
    """Horizontal bars: one line a stage, one column a quantity."""

    columns: Sequence[str]
    bars: Sequence[Bar]
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A heading with any of: sentences, bars, a figure, a table; `folded` is closed at first.

    Attributes:
        title: the heading.
        words: one paragraph each.
        bars: a bar chart.
        figure: an SVG file's text.
        alt: the figure in words.
        table: rows with raw numbers.
        rows_are_modules: rows are linked with the drawing by their path.
        folded: closed at first.
    """

    title: str
    words: Sequence[str] = ()
    bars: Bars | None = None
    figure: str = ""
    alt: str = ""
    table: Table | None = None
    rows_are_modules: bool = False
    folded: bool = False


@dataclass(frozen=True)
class Part:
    """One model, or one sweep: a column where there are several."""

    title: str
    subtitle: str
    tiles: Sequence[Tile]
    sections: Sequence[Section]
    stage: Stage | None = None


@dataclass(frozen=True)
class Page:
    """The whole page.

    Attributes:
        title: of the window and on top.
        lead: one sentence below it.
        parts: side by side.
        before: sections over the whole width, before the parts.
        made: how it was made: what is called, and what was called.
    """

    title: str
    lead: str
    parts: Sequence[Part]
    before: Sequence[Section] = field(default=())
    made: Sequence[tuple[str, str]] = field(default=())
