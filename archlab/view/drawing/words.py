"""What the terminal drawing says of a box, and how it breaks texts into lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from archlab.fold.drawing import Box, Drawing, Edge, Group, Role, Shape
from archlab.quoting import columns, shortened, visible
from archlab.view.drawing import card
from archlab.view.drawing.card import ROLES, SIGNS, pill_sign, weights
from archlab.view.drawing.lanes import is_lane

DOT = " · "
_NAMED = 4  # sources named on a line


def group_name(group: Group, drawing: Drawing) -> str:
    """Return the path without that of the frame around; of a bare number, the name before it."""
    parents = (other.path for other in drawing.groups if other.id == group.parent)
    above = next(parents, drawing.inside)
    name = group.path.removeprefix(f"{above}.") if above else group.path
    return visible(".".join(group.path.split(".")[-2:]) if name.isdigit() else name)


def title(box: Box) -> str:
    """Return what a box is and by its structure, how often it comes, and its letter."""
    joins = box.shape in (Shape.SUM, Shape.PRODUCT, Shape.CONCAT)
    times = (f" ×{box.times}" if box.times > 1 else "") + (f" [{box.inset}]" if box.inset else "")
    return visible(card.title(replace(box, title=pill_sign(box)) if joins else box) + times)


def shape(box: Box, leaving: Sequence[Edge]) -> str:
    """Return the shape that leaves a box, where it is not the one that came in."""
    made = [edge for edge in leaving if edge.shape]
    if not made or not (box.shape == Shape.INPUT or any(edge.changed for edge in made)):
        return ""
    edge = next((edge for edge in made if edge.changed), made[0])
    return edge.sizes


def details(
    box: Box,
    into: Sequence[Edge],
    leaving: Sequence[Edge],
    boxes: Mapping[str, Box],
    before: str,
) -> list[str]:
    """Return what stands behind the title of a box; `before` is the id of the box above it."""
    # What the next turn of a loop reads: ↺ and the box that it goes back to.
    turns = [edge.head for edge in leaving if edge.role == Role.LOOP]
    roles = Counter(_signed(ROLES[edge.role], edge) for edge in into if is_lane(edge))
    read = _sources(box, [edge for edge in into if edge.role == Role.MAIN], boxes, before)
    parts = (
        box.name if box.name != box.title else "",
        box.holds if box.holds != box.title else "",
        *(f"{word} ×{n}" if n > 1 else word for word, n in roles.items()),
        box.wide,
        weights(box),
        *box.note.split("\n"),
        *(f"↺ {'itself' if head == box.id else _short(boxes[head], box)}" for head in turns),
        SIGNS.get(box.mark, box.mark),
        f"← {read}" if read else "",
    )
    return [visible(part) for part in parts if part]


def _signed(word: str, edge: Edge) -> str:
    """Return a word with the sign of a difference behind it."""
    return f"{word} {SIGNS[edge.mark]}" if edge.mark in SIGNS else word


def _sources(box: Box, into: Sequence[Edge], boxes: Mapping[str, Box], before: str) -> str:
    """Return what a box reads, where that is not just the box above it."""
    if [edge.tail for edge in into] in ([], [before]) and not any(edge.mark for edge in into):
        return ""
    shown = [_signed(_short(boxes[edge.tail], box), edge) for edge in into[:_NAMED]]
    more = f" and {len(into) - _NAMED} more" if len(into) > _NAMED else ""
    return ", ".join(shown) + more


def _short(box: Box, reader: Box) -> str:
    """Return a box's path without what both begin with, or its title and where it is."""
    if not box.name and box.shape not in (Shape.INPUT, Shape.OUTPUT):
        sign = pill_sign(box)
        return f"{sign} of {box.path}" if box.path and box.path != reader.path else sign
    stem = reader.path.rpartition(".")[0] if reader.name else reader.path
    return box.id.removeprefix(f"{stem}.") if stem else box.id


def flowed(parts: Sequence[str], first: int, rest: int) -> list[str]:
    """Return parts as lines with a dot between two; a part is split only where no line holds it.

    The first line has `first` columns, and each of the others `rest`.

    Example:
        >>> flowed(["conv1", "64 ch", "a note of many words"], 14, 10)
        ['conv1 · 64 ch', 'a note of', 'many words']
    """
    lines = [""]
    for part in filter(None, parts):
        words = [part] if columns(part) <= rest else part.split(" ")
        for i, word in enumerate(words):
            between = (" " if i else DOT) if lines[-1] else ""
            room = first if len(lines) == 1 else rest
            if columns(lines[-1] + between + word) <= room:
                lines[-1] += between + word
            elif not lines[-1] and room >= rest:
                lines[-1] = shortened(word, room)
            else:
                lines.append(shortened(word, rest))
    return lines
