"""A drawing and its geometry as shapes: header, legend, frames, lines, boxes, notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from archlab.fold.drawing import Box, Drawing, Edge, Group, Role, Shape
from archlab.layout import Frame, Placed, Rect, layout
from archlab.view.drawing import around, card, face, insets
from archlab.view.drawing.face import Text
from archlab.view.drawing.insets import Panel
from archlab.view.drawing.shapes import (
    Canvas,
    Dot,
    Element,
    Line,
    Rectangle,
    Shape as Part,
    Words,
    arrow,
    right,
    shortened,
)
from archlab.view.drawing.solid import is_volume
from archlab.view.drawing.style import VOLUMES, Style
from archlab.view.drawing.volume import Volumes
from archlab.view.theme import heat_colour, hue

MARGIN = 16.0  # around the picture
_LEAST = 420.0  # width that header and notes may take in any case
_RADIUS = 6.0  # of the corners of lines


def canvas(drawing: Drawing, style: Style) -> tuple[Canvas, Placed]:
    """Return the whole picture, and where its parts were placed."""
    across = style.direction == "LR"
    if volumes := Volumes(drawing, style) if style.form == VOLUMES else None:
        placed = volumes.layout()
    else:
        placed = layout(drawing, face.sizes(drawing, across=across), across=across, goal=style.goal)
    bare = replace(style, bare=True, goal=None)
    panels = [Panel(inset, *canvas(inset.drawing, bare)) for inset in drawing.insets]
    sheet = _Sheet(drawing, placed, style, volumes, panels)
    return sheet.canvas(), sheet.placed


@dataclass
class _Sheet:
    drawing: Drawing
    placed: Placed
    style: Style
    volumes: Volumes | None = None
    panels: Sequence[Panel] = ()

    def canvas(self) -> Canvas:
        """Return all shapes on a page of the right size."""
        corners, size = insets.arranged(self.panels, (self.placed.width, self.placed.height))
        room = max(size[0], _LEAST)
        head = [] if self.style.bare else around.head(self.drawing, self.style, self.volumes, room)
        foot = [] if self.style.bare else around.foot(self.drawing, self.style, room)
        margin = 4.0 if self.style.bare else MARGIN
        top = margin + sum(height for height, _ in head) + (12.0 if head else 0.0)
        end = top + size[1]
        wide = [size[0], *(right(words) for _, row in (*head, *foot) for words in row)]
        width = max(wide) + 2 * margin
        # A picture that is narrower than its header stands in the middle.
        left = margin + (max(wide) - size[0]) / 2
        corners = [(left + x, top + y) for x, y in corners]
        beside = list(zip(self.panels, corners, strict=True))
        self.placed = replace(
            self.placed.shifted(left, top),
            insets=tuple(insets.placed(panel, corner) for panel, corner in beside),
        )
        elements = [
            *around.elements(head, (margin, margin), "head"),
            *(self._frame(group) for group in _outermost_first(self.drawing)),
            *self._edges(),
            *map(self._box, self.drawing.boxes),
            *(
                element
                for panel, corner in beside
                for element in insets.elements(panel, corner, self.style.theme.colours)
            ),
            *around.elements(foot, (margin, end + 10.0), "foot"),
        ]
        height = end + (10.0 if foot else 0.0) + sum(height for height, _ in foot) + margin
        name = f"{self.drawing.title}: {len(self.drawing.boxes)} boxes"
        page = self.style.theme.colours["page"]
        return Canvas(width, height, page, name, elements, notes="; ".join(self.style.conventions))

    def _frame(self, group: Group) -> Element:
        colours = self.style.theme.colours
        frame: Frame = self.placed.frames[group.id]
        marked = group.mark in card.SIGNS
        names, facts = face.header(group, self.drawing, costs=not self.volumes)
        shapes: list[Part] = [
            Rectangle(
                frame.rect.x,
                frame.rect.y,
                frame.rect.w,
                frame.rect.h,
                colours["page" if _depth(group, self.drawing) % 2 else "frame"],
                colours[group.mark if marked else "line"],
                2.2 if marked else 1.0,
                5.0,
            ),
            *self._row(names, frame.name),
            *self._row(facts, frame.facts),
        ]
        if self.drawing.heat is not None:
            at = frame.rect.right - face.HEAT - 3.0
            corner = Rect(at, frame.rect.y + 3.0, face.HEAT, frame.name.h - 5.0)
            shapes += self._heat(group.amounts.heat, corner)
        times = f"×{group.times}" if group.times > 1 else ""
        about = [group.path or group.id, group.type, group.pattern, times]
        title = " ".join(filter(None, about))
        key = f"group:{group.id}"
        return Element(shapes, "cluster", key, title, {"path": group.path})

    def _row(self, texts: Sequence[Text], place: Rect) -> Iterator[Words]:
        x, y = place.x, place.y + 12.5
        for text in texts:
            yield self._words(text, x, y)
            x += text.width + 6.0

    def _words(self, text: Text, x: float, y: float, *, centred: bool = False) -> Words:
        colour = self.style.theme.colours[text.role]
        return Words(x, y, text.content, text.points, colour, text.bold, centred)

    def _box(self, box: Box) -> Element:
        colours = self.style.theme.colours
        place = self.placed.boxes[box.id]
        shown = face.face(box, self.drawing, self._widest)
        marked = box.mark in card.SIGNS
        role = {Shape.FAILURE: "removed"}.get(box.shape, "border")
        border = colours[box.mark if marked else "ink" if box.shape in face.JOINS else role]
        if box.shape == Shape.PORT:
            shapes: list[Part] = [
                Dot(place.x + place.w / 2, place.y + place.h / 2, 1, colours["edge"])
            ]
        elif self.volumes and is_volume(box):
            shapes = self.volumes.shapes(box, place, self.placed.labels[box.id])
        elif box.shape in face.JOINS:
            back = colours["join" if box.shape == Shape.CONCAT else "sum"]
            pen = 2.4 if marked else 1.0
            shapes = [
                Rectangle(place.x, place.y, place.w, place.h, back, border, pen, place.h / 2),
                *self._join(shown, place),
            ]
        else:
            strong = marked or box.shape == Shape.FAILURE
            shapes = self._card(box, shown, place, border, 2.2 if strong else 1.0)
        title = card.tooltip(box, self.drawing)
        key, faded = card.printable(box.id), self._compares and not marked
        return Element(shapes, f"node box {box.shape}", key, title, _data(box), faded)

    @cached_property
    def _widest(self) -> int:
        return max((box.width or 0 for box in self.drawing.boxes), default=0)

    @cached_property
    def _compares(self) -> bool:
        """Whether two models are laid over each other, and something differs."""
        marks = {box.mark for box in self.drawing.boxes} | {
            edge.mark for edge in self.drawing.edges
        }
        return not marks.isdisjoint(card.SIGNS)

    @cached_property
    def _heads(self) -> dict[str, Box]:
        return {box.id: box for box in self.drawing.boxes}

    @cached_property
    def _labelled(self) -> dict[str, int]:
        """The edge that carries the text below a box, by the box."""
        edges = enumerate(self.drawing.edges)
        return {edge.tail: i for i, edge in reversed(list(edges)) if face.label(edge)}

    def _join(self, shown: face.Face, place: Rect) -> Iterator[Words]:
        x = place.x + (place.w - face.row_width(shown.lines)) / 2
        for text in shown.lines:
            yield self._words(text, x, place.y + place.h / 2 + text.points * 0.36)
            x += text.width + 6.0

    def _card(self, box: Box, shown: face.Face, place: Rect, border: str, pen: float) -> list[Part]:
        colours = self.style.theme.colours
        back = {Shape.FAILURE: "failure", Shape.MODULE: "inner"}.get(box.shape, "card")
        shapes: list[Part] = [
            Rectangle(place.x, place.y, place.w, place.h, colours[back], border, pen, 3.0)
        ]
        x, y = place.x + face.SIDE, place.y + face.TOP
        if box.kind:
            shapes.append(
                Rectangle(
                    place.x + 0.5, place.y + 0.5, face.STRIP, place.h - 1, colours[hue(box.kind)]
                )
            )
            x += face.STRIP
        for text in shown.lines:
            shapes.append(self._words(text, x, y + text.points * 1.02))
            y += text.height
        right = place.right
        if face.has_heat(box, self.drawing):
            right -= face.HEAT
            strip = Rect(right - 0.5, place.y + 0.5, face.HEAT, place.h - 1)
            shapes += self._heat(box.amounts.heat, strip)
        if box.inset:
            right -= insets.CHIP + 4.0
            middle = place.y + place.h / 2
            shapes += insets.chip(box.inset, (right, middle - insets.CHIP / 2), colours)
        if shown.times:
            middle = place.y + place.h / 2 + shown.times.points * 0.36
            shapes.append(self._words(shown.times, right - 6 - shown.times.width, middle))
        return shapes

    def _heat(self, value: float | None, place: Rect) -> list[Part]:
        theme = self.style.theme
        if value is None:  # not known is no zero
            hatch = [Rectangle(place.x, place.y, place.w, place.h, theme.colours["hatch"])]
            low, n = place.bottom - 2, int(place.h // 8)
            lines = [
                Line(((place.x + 2, low - 8 * i), (place.right - 2, low - 8 * i - 4)),
                     theme.colours["quiet"], 0.8)
                for i in range(n)
            ]  # fmt: skip
            return [*hatch, *lines]
        if value == 0 and self.drawing.heat and self.drawing.heat.share:
            return []
        colour = heat_colour(theme, card.scaled(value, self.drawing), 0, 1)
        return [Rectangle(place.x, place.y, place.w, place.h, colour)]

    def _edges(self) -> Iterator[Element]:
        """Yield the lines, those of shortcuts above the others."""
        numbered = list(enumerate(self.drawing.edges))
        for i, edge in sorted(numbered, key=lambda entry: entry[1].role != Role.MAIN):
            points = self.placed.lines[i]
            if len(points) > 1:
                yield self._edge(i, edge, points)

    def _edge(self, number: int, edge: Edge, points: tuple[tuple[float, float], ...]) -> Element:
        role, pen, dashes = face.PENS[edge.role]
        if self.volumes:
            pen = self.volumes.scale.pen(edge.bytes)
        if edge.mark in card.SIGNS:
            role, pen = edge.mark, max(pen, 2.0)
        colour = self.style.theme.colours[role]
        dots = [at for i, at in self.placed.dots if i == number]
        # Where it shares the line of another edge, that one is drawn.
        cut = max((points.index(at) for at in dots if at in points), default=0)
        points = points[cut:]
        if self.volumes:
            points = self.volumes.line(edge, points, shared=bool(cut))
        head = self._heads[edge.head]
        length = 5.0 + 1.4 * pen
        shapes: list[Part] = []
        if head.shape == Shape.PORT:  # the edge goes on outside of this drawing
            shapes.append(Line(points, colour, pen, dashes, _RADIUS))
        else:
            short = shortened(points, length - 1)
            shapes.append(Line(short, colour, pen, dashes, _RADIUS))
            shapes.append(arrow(points, length, length * 0.45, colour))
        shapes += [Dot(*at, pen * 0.6 + 1.2, colour) for at in dots]
        if self._labelled.get(edge.tail) == number and not self.volumes:
            place = self.placed.labels[edge.tail]
            text = face.label(edge)
            assert text is not None
            shapes.append(self._words(text, place.x, place.y + text.points))
        ends = (card.printable(edge.tail), card.printable(edge.head))
        data = {"tail": ends[0], "head": ends[1]} | ({"shared": "1"} if cut else {})
        name, faded = f"edge{number + 1}", self._compares and edge.mark not in card.SIGNS
        return Element(shapes, f"edge {edge.role}", name, " → ".join(ends), data, faded)


def _depth(group: Group, drawing: Drawing) -> int:
    parents = {other.id: other.parent for other in drawing.groups}
    depth, at = 0, group.parent
    while at:
        depth, at = depth + 1, parents[at]
    return depth


def _outermost_first(drawing: Drawing) -> list[Group]:
    return sorted(drawing.groups, key=lambda group: _depth(group, drawing))


def _data(box: Box) -> dict[str, str]:
    values = {
        "path": box.path,
        "kind": box.kind,
        "group": box.group,
        "times": box.times if box.times > 1 else None,
        "params": box.amounts.params,
        "macs": box.amounts.macs,
        "heat": box.amounts.heat,
    }
    return {name: str(value) for name, value in values.items() if value not in (None, "")}
