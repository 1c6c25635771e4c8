"""Feature maps as volumes, as papers draw AlexNet, VGG and U-Net: cuboids with a text below.

As high as the map, as wide as its channels, lines as thick as bytes; see `solid`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from archlab.errors import OptionError, keyword
from archlab.fold.drawing import Box, Drawing, Edge, Shape
from archlab.fold.frames import unframed
from archlab.layout import Placed, Rect, Sizes, is_bent, layout
from archlab.result import size
from archlab.view.drawing import card, face
from archlab.view.drawing.face import Face, Text
from archlab.view.drawing.shapes import (
    Line,
    Point,
    Polygon,
    Rectangle,
    Shape as Part,
    Words,
    moved,
)
from archlab.view.drawing.solid import Scale, Solid, is_map, is_volume, scale_of, side
from archlab.view.drawing.style import Style
from archlab.view.theme import heat_colour, hue

Number = TypeVar("Number", int, float)
BOXES = 32  # at most, where no other budget is given
# Width to height of a picture in one row, at most; to which a drawing is broken that is longer.
STRIP, GOAL = 4.0, 2.7
_AROUND = 180.0  # points: header and notes above and below a drawing
_LONG = 12  # boxes in a frame that is drawn in any case
_SIGNS = 18  # a line of a caption
_GAP = 4.0  # between a title and how often it comes
_LINE, _SAMPLE = 24.0, 32.0  # samples in the legend: length of a line, height of the highest map
_LIGHT, _DARK = "#ffffff", "#000000"
_ENDS = frozenset({Shape.INPUT, Shape.OUTPUT})
_PARTS = re.compile(r"[A-Z]*[^A-Z._]+[._]*|[A-Z]+[._]*|[._]+")  # of a name, with what ends each
_BOTH = re.compile(r" \d+ → \d+$")  # features before and after: the caption has those after


def shape_text(box: Box) -> str:
    """Return what a box makes in words.

    Example:
        >>> shape_text(Box("conv1", "conv1", Shape.OPERATOR, "Conv", makes=(64, 112, 112)))
        '64 · 112×112'
    """
    if box.makes:
        channels, *sizes = box.makes
        return f"{channels} · {'×'.join(map(str, sizes))}" if sizes else str(channels)
    return box.note if box.shape == Shape.OUTPUT else box.wide


def caption(box: Box, drawing: Drawing) -> Face:
    """Return the text of a volume: what makes it, how large it is, its heat."""
    title = _BOTH.sub("", box.title)
    pattern = box.pattern if box.pattern != box.title else ""
    named = box.shape in (Shape.MODULE, Shape.INPUT) and box.name != box.title
    value, heat = box.amounts.heat, ""
    if drawing.heat is not None and value is not None and face.has_heat(box, drawing):
        heat = card.heat_text(value, drawing)
        heat = heat.partition(" of ")[0] if drawing.heat.share else heat
    lines = [
        Text(line, 8, role, bold=role == "text")
        for content, role in (
            (title, "text"),
            (" · ".join(filter(None, (*box.fused, pattern))), "quiet"),
            (box.name if named else "", "quiet"),
            (shape_text(box), "shape"),
            (heat, "quiet"),
            (box.mark, "quiet"),
        )
        if content
        for line in _wrapped(content)
    ]
    times = Text(f"×{box.times}", 9.5, "shortcut", bold=True) if box.times > 1 else None
    first = lines[0].width + (_GAP + times.width if times else 0.0)
    width = max(first, *(line.width for line in lines))
    return Face(lines, times, width, sum(line.height for line in lines))


def _wrapped(content: str) -> list[str]:
    """Return the lines of a text; a name that is too long is broken between its parts.

    Example:
        >>> _wrapped("ShiftedWindowAttention"), _wrapped("layers.window_attention")
        (['ShiftedWindow', 'Attention'], ['layers.window_', 'attention'])
    """
    lines = [""]
    for word in card.printable(content).split():
        parts = [word] if len(word) <= _SIGNS else _PARTS.findall(word)
        for i, part in enumerate(parts):
            space = " " if lines[-1] and not i else ""
            if lines[-1] and len(lines[-1]) + len(space) + len(part) > _SIGNS:
                lines.append(part)
            else:
                lines[-1] += space + part
    return [short for line in lines for short in card.wrapped(line, _SIGNS)]


def without_containers(drawing: Drawing) -> Drawing:
    """Return a drawing without the frames of plain containers, such as one Sequential.

    So is one around most of a long drawing, which then can be broken into rows. Rows of equal
    blocks and branches keep theirs, and so does all else that has a class, a pattern or a mark.
    """
    inside = Counter(group for box in drawing.boxes for group in _around(box.group, drawing))
    most = max(len(drawing.boxes) // 2, _LONG)
    plain = {
        group.id
        for group in drawing.groups
        if not (group.branches or group.note or group.mark or group.times > 1)
        and (not (group.type or group.pattern) or inside[group.id] > most)
    }
    return unframed(drawing, plain)


def _around(group: str, drawing: Drawing) -> Iterator[str]:
    """Yield a group and those around it."""
    parents = {each.id: each.parent for each in drawing.groups}
    while group:
        yield group
        group = parents[group]


def checked(drawing: Drawing) -> list[str]:
    """Return a sentence about boxes that make no map and no vector, where there are some.

    Raises:
        OptionError: no map at all, or more of such boxes than maps; after a failure, which has to
            be seen, all is drawn.
    """
    volumes = [box for box in drawing.boxes if is_volume(box)]
    boxes = [box for box in volumes if box.shape not in _ENDS]
    maps, others = sum(map(is_map, boxes)), sum(not box.makes for box in boxes)
    failed = any(box.shape == Shape.FAILURE for box in drawing.boxes)
    if not failed and (others > maps or not any(map(is_map, volumes))):
        count = f"only {maps} of the {len(boxes)}" if maps else f"none of the {len(boxes)}"
        raise OptionError(
            f"{keyword('style', 'volumes')} draws feature maps of images; {count} boxes of "
            f"{drawing.title} {'make' if maps > 1 else 'makes'} one. "
            f"Use {keyword('style', 'cards')}."
        )
    if not others:
        return []
    what = "1 box makes" if others == 1 else f"{others} boxes make"
    return [f"{what} neither a map nor a vector: drawn as bars, by channels or features"]


def direction(drawing: Drawing) -> str:
    """Return the direction of a drawing for which none is given: a U stands, all else lies."""
    return "TB" if is_bent(drawing) else "LR"


def tint(colour: str) -> str:
    """Return the colour of a front by that of a kind."""
    return _mixed(colour, _LIGHT, 0.3)


def _mixed(colour: str, other: str, share: float) -> str:
    """Return a colour with a share of another one."""
    pairs = ((int(code[i : i + 2], 16) for code in (colour, other)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


@dataclass(frozen=True)
class Volumes:
    """The volumes of a drawing: their sizes, places and shapes."""

    drawing: Drawing
    style: Style

    @property
    def boxes(self) -> list[Box]:
        """What is drawn as a volume."""
        return [box for box in self.drawing.boxes if is_volume(box)]

    @cached_property
    def scale(self) -> Scale:
        """What everything is measured by."""
        return scale_of(self.drawing, self.style.direction)

    @cached_property
    def solids(self) -> dict[str, Solid]:
        """The cuboids by the ids of their boxes."""
        return {box.id: self.scale.solid(box) for box in self.boxes}

    @cached_property
    def captions(self) -> dict[str, Face]:
        """The texts by the ids of their boxes."""
        return {box.id: caption(box, self.drawing) for box in self.boxes}

    def sizes(self) -> Sizes:
        """Return the sizes of all that is placed, as `face.sizes` does."""
        across = self.style.direction == "LR"
        found = face.sizes(self.drawing, across=across, costs=False)
        hulls = {key: solid.hull for key, solid in self.solids.items()}
        texts = {key: (text.width, text.height) for key, text in self.captions.items()}
        if across:
            hulls = {key: (h, w) for key, (w, h) in hulls.items()}
            texts = {key: (h, w) for key, (w, h) in texts.items()}
        return replace(found, boxes={**found.boxes, **hulls}, labels={}, captions=texts)

    def layout(self) -> Placed:
        """Return the geometry: one row, and where the picture would be a strip several."""
        across, goal, sizes = self.style.direction == "LR", self.style.goal, self.sizes()
        if goal is None and across:
            placed = layout(self.drawing, sizes, across=True, goal=0.0)
            # The skips of a U are not torn.
            if placed.width <= STRIP * (placed.height + _AROUND) or is_bent(self.drawing):
                return placed
            goal = 1 / GOAL
        return layout(self.drawing, sizes, across=across, goal=goal)

    def shapes(self, box: Box, place: Rect, label: Rect) -> list[Part]:
        """Return the shapes of a volume and of its caption."""
        solid, colour = self.solids[box.id], self._colour(box)
        x, y, deep = place.x, place.bottom - solid.height, solid.depth
        right, low = x + solid.width, place.bottom
        front = ((x, y), (right, y), (right, low), (x, low))
        top = ((x, y), (x + deep, y - deep), (right + deep, y - deep), (right, y))
        beside = ((right, y), (right + deep, y - deep), (right + deep, low - deep), (right, low))
        pen, light, dark = (
            _mixed(colour, other, share)
            for other, share in ((_DARK, 0.5), (_LIGHT, 0.45), (_DARK, 0.2))
        )
        shapes: list[Part] = []
        for points, fill in ((front, colour), (top, light), (beside, dark)):
            shapes += [Polygon(points, fill), Line((*points, points[0]), pen, 0.7)]
        if face.has_heat(box, self.drawing) and box.amounts.heat is None:
            shapes.append(Line(((x, low), (right, y)), self.style.theme.colours["quiet"], 0.8))
        return [*shapes, *self._words(self.captions[box.id], label)]

    def _colour(self, box: Box) -> str:
        """Return the colour of a front: of the heat, or a tint of the kind's."""
        theme, value = self.style.theme, box.amounts.heat
        if not face.has_heat(box, self.drawing):
            return tint(theme.colours[hue(box.kind)])
        if value is None:
            return _mixed(theme.colours["hatch"], _DARK, 0.05)  # of no role: it is not unlit
        return heat_colour(theme, card.scaled(value, self.drawing), 0, 1)

    def _words(self, text: Face, place: Rect) -> Iterator[Words]:
        """Yield the lines of a caption: in the middle below a volume, at the left beside it."""
        y = place.y
        for i, line in enumerate(text.lines):
            times = text.times if i == 0 else None
            width = line.width + (_GAP + times.width if times else 0.0)
            x = place.x + ((place.w - width) / 2 if self.style.direction == "LR" else 0.0)
            for part in (line, times):
                if part is not None:
                    colour, low = self.style.theme.colours[part.role], y + line.points * 1.02
                    yield Words(x, low, part.content, part.points, colour, part.bold)
                    x += part.width + _GAP
            y += line.height

    def line(self, edge: Edge, points: Sequence[Point], *, shared: bool) -> tuple[Point, ...]:
        """Return a line as far as the cuboids; `shared` is one that begins on another line.

        A thin cuboid is slanted where the line meets it from above or from below.
        """
        tail, head = (self.solids.get(end) for end in (edge.tail, edge.head))
        first, *between, last = points
        start = first if shared else _nearer(first, [*between, last][0], tail)
        return (start, *between, _nearer(last, [first, *between][-1], head))

    def legend(self, room: float) -> list[tuple[float, list[Part]]]:
        """Return the scales as rows: height and shapes; samples are as large as in the drawing."""
        scale = self.scale
        maps = [box for box in self.boxes if is_map(box)]
        sizes = {side(box): "×".join(map(str, box.makes[1:])) for box in maps}
        low = [length for length in sizes if scale.height(length) <= _SAMPLE]
        low = low or [n for n in sorted(sizes)[:1] if scale.height(n) <= 2 * _SAMPLE]
        wide = [box.makes[0] for box in maps]
        amounts = [edge.bytes for edge in self.drawing.edges if edge.bytes]
        sort = "H×W" if any(box.makes[2:] for box in maps) else "length"
        rows: list[tuple[float, list[Part]]] = []
        x = room
        for title, samples in (
            (f"height: {sort}, root scale", [(sizes[n], 3.0, scale.height(n)) for n in _ends(low)]),
            ("width: channels, root scale", [(str(n), scale.width(n), 7.0) for n in _ends(wide)]),
            ("line: bytes, log scale", [(_short(n), _LINE, scale.pen(n)) for n in _ends(amounts)]),
        ):
            high, width, shapes = self._samples(title, samples)
            if x + width > room:
                rows.append((0.0, []))
                x = 0.0
            before, row = rows[-1]
            # All of a row stands on one line.
            tall = max(before, high)
            row = [moved(part, 0.0, tall - before) for part in row]
            rows[-1] = tall, row + [moved(part, x, tall - high) for part in shapes]
            x += width + 10
        return rows

    def _samples(
        self, title: str, samples: Sequence[tuple[str, float, float]]
    ) -> tuple[float, float, list[Part]]:
        """Return height, width and shapes of a scale; a sample has words, width and height."""
        colours, lines = self.style.theme.colours, title.startswith("line")
        base = max([12.0, *(4 + high for _, _, high in samples)])
        shapes: list[Part] = []
        x = 0.0
        for content, width, high in [(title, 0.0, 0.0), *samples]:
            if lines and width:
                ends = ((x, base - 4), (x + width, base - 4))
                shapes.append(Line(ends, colours["edge"], high))
            elif width:
                shapes.append(Rectangle(x, base - high, width, high, colours["quiet"]))
            text = Text(content, 8, "quiet")
            x += width + 4 if width else 0
            shapes.append(Words(x, base - 1, content, text.points, colours[text.role]))
            x += text.width + 6
        return base + 4, x, shapes


def _nearer(end: Point, other: Point, solid: Solid | None) -> Point:
    x, y = end
    if solid is None or x != other[0]:
        return end
    gap = max(solid.depth - solid.width, 0.0) / 2
    return x, y + (gap if y > other[1] else -gap)


def _ends(values: Sequence[Number]) -> list[Number]:
    """Return the least and the largest of values, once where they are the same."""
    return sorted({min(values), max(values)}) if values else []


def _short(nbytes: float) -> str:
    """Return bytes without digits behind the point that are zeros."""
    return re.sub(r"\.0+(?= )", "", size(nbytes))
