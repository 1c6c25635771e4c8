"""What a page holds, in the order in which it is read. Plain data; `page` makes HTML of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archlab.fold import Levels
from archlab.fold.drawing import Drawing
from archlab.result import Table

# Level -> box -> measure -> value.
Heats = Mapping[str, Mapping[str, Mapping[str, float | None]]]


@dataclass(frozen=True, slots=True)
class Tile:
    """One number that is read first."""

    label: str
    value: str
    exact: str = ""  # what a pointer over it shows


@dataclass(frozen=True, slots=True)
class HeatScale:
    """A measure that boxes can be coloured by."""

    name: str
    title: str
    share: bool  # values are shares of `total`; if not, the scale is logarithmic
    total: float | None


@dataclass(frozen=True)
class Stage:
    """The drawing that opens and closes."""

    drawing: Drawing  # what is shown without scripts, and printed
    levels: Levels  # the inside of every module, with amounts
    types: Mapping[str, str]  # module path -> class name
    heats: Heats
    scales: Sequence[HeatScale]  # the measures of `heats`, in the order of the switch
    places: Mapping[str, tuple[str, str]]  # module path -> level and box that show it


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
    """A heading with any of: sentences, bars, a figure, a table."""

    title: str
    words: Sequence[str] = ()  # one paragraph each
    bars: Bars | None = None
    figure: str = ""  # an SVG file's text
    alt: str = ""  # the figure in words
    table: Table | None = None
    rows_are_modules: bool = False  # rows are linked with the drawing by their path
    folded: bool = False  # closed at first


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
    """The whole page."""

    title: str  # of the window, and on top
    lead: str  # one sentence below it
    parts: Sequence[Part]  # side by side
    before: Sequence[Section] = ()  # over the whole width, before the parts
    made: Sequence[tuple[str, str]] = ()  # how it was made: name and value
