"""What stands on a box, in the header of a frame and on a line: texts with sizes and colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from archlab.fold.drawing import Box, Drawing, Edge, Group, Role, Shape
from archlab.layout import Sizes, Tab
from archlab.view.drawing import card
from archlab.view.drawing.fonts import LINE, text_width
from archlab.view.drawing.insets import CHIP
from archlab.view.drawing.shapes import Words

JOINS = frozenset({Shape.SUM, Shape.PRODUCT, Shape.CONCAT})
STRIP, HEAT = 6.0, 12.0  # width of the kind's colour at the left, of the heat at the right
TOP, SIDE, BETWEEN = 4.0, 8.0, 8.0  # of a box: above and beside its text, between its columns
_NARROW, _WIDE = 80.0, 90.0  # what every box has, and what the most channels add
_LINE, _LONGEST = 38, 46  # letters of a title's line, and of a title that is not broken
_JOIN = 20.0  # height of a join, and the width of one that is only a sign
_TAB = 18.0  # height of a header
# Role of an edge -> the role of its colour, how thick it is in points, and its dashes.
PENS = {
    Role.IDENTITY: ("shortcut", 2.4, ()),
    Role.PAD: ("shortcut", 2.4, (2.0, 2.5)),
    Role.PROJECTION: ("shortcut", 2.4, (7.0, 4.0)),
    Role.POOL: ("shortcut", 1.9, (7.0, 4.0)),
    Role.BYPASS: ("shortcut", 1.9, (2.0, 2.5)),
    Role.CONCAT: ("skip", 2.0, ()),
    Role.REPEAT: ("skip", 2.0, (2.0, 2.5)),
    Role.LOOP: ("skip", 1.6, (5.0, 3.0)),
    Role.MAIN: ("edge", 1.2, ()),
}


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text: how large, in the colour of which role."""

    content: str
    points: float
    role: str
    bold: bool = False

    @property
    def width(self) -> float:
        """In points."""
        return text_width(self.content, self.points, bold=self.bold)

    @property
    def height(self) -> float:
        """In points, with the space between lines."""
        return self.points * LINE

    def words(self, x: float, y: float, colours: Mapping[str, str]) -> Words:
        """Return it as a shape that begins at x, and stands on y."""
        return Words(x, y, self.content, self.points, colours[self.role], self.bold)


@dataclass(frozen=True, slots=True)
class Face:
    """What stands on a box: lines below each other, and how often the box comes."""

    lines: Sequence[Text]
    times: Text | None
    width: float
    height: float


def face(box: Box, drawing: Drawing, widest: int) -> Face:
    """Return what stands on a box; `widest` is the largest number of channels of any box."""
    if box.shape == Shape.PORT:
        return Face((), None, 2.0, 2.0)
    if box.shape in JOINS:
        return _join(box)
    lines = [Text(line, 10.5, "text", bold=True) for line in _title(card.title(box))]
    lines += [Text(line, 8.5, "quiet") for line in card.details(box, drawing)]
    if box.mark:
        role = box.mark if box.mark in card.SIGNS else "quiet"
        lines.append(Text(card.SIGNS.get(box.mark, box.mark), 8.5, role, bold=True))
    times = Text(f"×{box.times}", 13, "shortcut", bold=True) if box.times > 1 else None
    # The root keeps narrow maps visible beside one that is a hundred times as wide.
    least = _NARROW + (_WIDE * sqrt(box.width / widest) if box.width and widest else 0)
    width = 2 * SIDE + max(line.width for line in lines)
    width += STRIP if box.kind else 0
    width += times.width + BETWEEN if times else 0
    width += CHIP + BETWEEN if box.inset else 0
    width += HEAT if has_heat(box, drawing) else 0
    return Face(lines, times, max(width, least), 2 * TOP + sum(line.height for line in lines))


def _title(title: str) -> list[str]:
    """Return a title in lines; a little more than a line has room is no reason to break it."""
    return card.wrapped(title, max(_LINE, len(title) if len(title) <= _LONGEST else 0))


def has_heat(box: Box, drawing: Drawing) -> bool:
    """Whether a box has a strip of heat."""
    ends = (Shape.INPUT, Shape.OUTPUT, Shape.FAILURE, Shape.PORT, *JOINS)
    return drawing.heat is not None and box.shape not in ends


def _join(box: Box) -> Face:
    sign = card.pill_sign(box)
    lines = [Text(sign, 14 if len(sign) == 1 else 9.5, "ink", bold=True)]
    after = list(box.fused)
    if box.shape == Shape.CONCAT and box.wide:
        after.append(box.wide)
    if box.mark in card.SIGNS:
        after.append(card.SIGNS[box.mark])
    if after:
        lines.append(Text(" · ".join(after), 8.5, "ink"))
    width = sum(line.width for line in lines) + BETWEEN * (len(lines) - 1) + 12
    return Face(lines, None, max(width, _JOIN), _JOIN)


def header(group: Group, drawing: Drawing, *, costs: bool = True) -> tuple[list[Text], list[Text]]:
    """Return the two parts of a frame's header: what it is, and what it costs."""
    name = card.group_name(group, drawing)
    names = [Text(name, 10, "text", bold=True)] if name else []  # turns of a loop have none
    if group.times > 1:
        names.append(Text(f"×{group.times}", 12, "shortcut", bold=True))
    kinds = filter(None, (group.type.strip("_") or group.holds, group.pattern))
    names += [Text(card.printable(kind), 9, "quiet") for kind in kinds]
    # A branch is narrow, and its cards say what it costs.
    cost = card.cost(group) if costs and not group.branches else []
    if drawing.heat is not None and drawing.heat.share and group.amounts.heat:
        cost.append(card.heat_text(group.amounts.heat, drawing, group.repeats))
    facts = [Text(" · ".join(cost), 8, "quiet")] if cost else []
    if group.note:
        facts.append(Text(card.printable(group.note), 8, "skip", bold=True))
    if group.mark:
        role = group.mark if group.mark in card.SIGNS else "skip"
        facts.append(Text(card.SIGNS.get(group.mark, group.mark), 8, role, bold=True))
    return names, facts


def row_width(texts: Sequence[Text]) -> float:
    """Return the width of texts beside each other."""
    return sum(text.width for text in texts) + 6.0 * max(len(texts) - 1, 0)


def label(edge: Edge) -> Text | None:
    """Return the shape on an edge, where it is worth saying."""
    if not edge.changed or edge.role != Role.MAIN:
        return None
    return Text(edge.sizes, 8, "shape")


def labels(drawing: Drawing) -> dict[str, Text]:
    """Return the text on the line that leaves a box, by the box's id."""
    found: dict[str, Text] = {}
    for edge in drawing.edges:
        text = label(edge)
        if text is not None:
            found.setdefault(edge.tail, text)
    return found


def faces(drawing: Drawing) -> dict[str, Face]:
    """Return what stands on every box."""
    widest = max((box.width or 0 for box in drawing.boxes), default=0)
    return {box.id: face(box, drawing, widest) for box in drawing.boxes}


def sizes(drawing: Drawing, *, across: bool, costs: bool = True) -> Sizes:
    """Return the sizes of all that is placed; from left to right, width and height are swapped.

    `costs` says whether the headers of frames tell what the modules cost.
    """
    boxes = {key: (face.width, face.height) for key, face in faces(drawing).items()}
    marks = {key: (text.width, text.height) for key, text in labels(drawing).items()}
    if across:
        boxes, marks = ({key: (h, w) for key, (w, h) in found.items()} for found in (boxes, marks))
    tabs = {}
    for group in drawing.groups:
        names, facts = header(group, drawing, costs=costs)
        heat = HEAT + SIDE / 2 if drawing.heat is not None else 0.0
        tabs[group.id] = Tab(row_width(names), row_width(facts) + heat, _TAB)
    return Sizes(boxes, marks, tabs)
