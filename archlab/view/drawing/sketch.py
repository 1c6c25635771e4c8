"""A drawing for the terminal: a line a box, bars for frames, shortcuts as lanes at the right."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile

from archlab.fold.drawing import SHORTCUTS, Box, Drawing, Group, Role, Shape
from archlab.quoting import visible
from archlab.result import si
from archlab.view.drawing.card import (
    ROLES,
    SIGNS,
    cost,
    group_name,
    heat_text,
    pill_sign,
    weights,
)
from archlab.view.drawing.dot import Style

_TITLE = 30  # characters before the details begin
_LANES = 6  # lanes at most; further shortcuts are named instead
_NAMED = 4  # sources named on a line


@dataclass(slots=True)
class _Line:
    """One line of the drawing."""

    text: str
    box: str = ""  # id of the box that it is for
    lanes: dict[int, str] = field(default_factory=dict)  # column -> sign behind the text
    word: str = ""


def sketch(drawing: Drawing, style: Style) -> str:
    """Return the drawing as text, to be read from top to bottom."""
    macs = "MACs unknown" if style.macs is None else f"{si(style.macs)} MACs"
    source = (drawing.input or "none").replace("x", "×")
    lines = _rows(drawing)
    _draw_lanes(lines, drawing)
    margin = max((len(line.text) for line in lines), default=0) + 1
    body = [_joined(line, margin) for line in lines]
    head = [
        f"{drawing.model} · {si(style.params)} params · {macs}",
        f"input {source} · {drawing.mode} mode",
        "",
    ]
    notes = (*style.notes, *drawing.folded)
    foot = ["", *notes] if notes else []
    return "\n".join(visible(line.rstrip()) for line in (*head, *body, *foot))


def _rows(drawing: Drawing) -> list[_Line]:
    groups = {group.id: group for group in drawing.groups}
    lines: list[_Line] = []
    frames: list[str] = []  # those that are open, from the outermost in
    before = ""
    for box in drawing.boxes:
        chain: list[str] = []
        group = box.group
        while group:
            chain.insert(0, group)
            group = groups[group].parent
        # Frames that also hold the box before stay open.
        same = (a == b for a, b in zip(chain, frames, strict=False))
        shared = sum(takewhile(bool, same))
        lines += _ended(len(frames), shared)
        lines += [
            _Line("│ " * depth + "┌ " + _frame(groups[chain[depth]], drawing))
            for depth in range(shared, len(chain))
        ]
        frames = chain
        lines.append(_Line("│ " * len(chain) + _box(box, drawing, before), box.id))
        before = box.id
    return lines + _ended(len(frames), 0)


def _ended(depth: int, shared: int) -> list[_Line]:
    """Return the ends of frames, from the innermost to those that go on."""
    return [_Line("│ " * level + "└") for level in range(depth - 1, shared - 1, -1)]


def _frame(group: Group, drawing: Drawing) -> str:
    parts = [
        f"{group_name(group, drawing)}{f' ×{group.times}' if group.times > 1 else ''}".strip(),
        group.type.strip("_"),
        group.pattern,
        *cost(group),
        heat_text(group.amounts.heat, drawing)
        if drawing.heat is not None and drawing.heat.share and group.amounts.heat
        else "",
        group.note,
        SIGNS.get(group.mark, group.mark),
    ]
    return " · ".join(filter(None, parts))


def _box(box: Box, drawing: Drawing, before: str) -> str:
    joins = box.shape in (Shape.SUM, Shape.PRODUCT, Shape.CONCAT)
    title = " · ".join((pill_sign(box) if joins else box.title, *box.fused))
    if box.pattern not in ("", box.title):
        title += f" · {box.pattern}"
    if box.times > 1:
        title += f" ×{box.times}"
    amounts = box.amounts
    shapes = [edge.shape for edge in drawing.edges if edge.tail == box.id]
    shape = "×".join(map(str, shapes[0])) if shapes and box.shape == Shape.INPUT else ""
    parts = [
        box.name,
        f"{box.channels} ch" if box.channels else shape,
        weights(box),
        heat_text(amounts.heat, drawing) if drawing.heat and amounts.heat is not None else "",
        box.note,
        SIGNS.get(box.mark, box.mark),
    ]
    details = " · ".join(filter(None, parts))
    line = f"{title:<{_TITLE}} {details}".rstrip() + _next_turn(box, drawing)
    sources = _sources(box, drawing, before)
    return f"{line}  ← {sources}" if sources else line


def _next_turn(box: Box, drawing: Drawing) -> str:
    """Return which box reads this one in the next turn of a loop."""
    boxes = {other.id: other for other in drawing.boxes}
    heads = [edge.head for edge in drawing.edges if edge.tail == box.id and edge.role == Role.LOOP]
    return "".join(
        f"  ↺ {'itself' if head == box.id else _short(boxes[head], box)}" for head in heads
    )


def _sources(box: Box, drawing: Drawing, before: str) -> str:
    """Return what a box reads, where that is not just the line above it."""
    into = [edge for edge in drawing.edges if edge.head == box.id]
    tails = [edge.tail for edge in into if edge.role == Role.MAIN]
    if tails in ([], [before]):
        return ""
    names = {other.id: other for other in drawing.boxes}
    shown = [_short(names[tail], box) for tail in tails[:_NAMED]]
    more = f" and {len(tails) - _NAMED} more" if len(tails) > _NAMED else ""
    return ", ".join(shown) + more


def _short(box: Box, reader: Box) -> str:
    """Return a box's path without what both begin with, or its title and where it is."""
    if not box.name and box.shape not in (Shape.INPUT, Shape.OUTPUT):
        sign = pill_sign(box)
        return f"{sign} of {box.path}" if box.path and box.path != reader.path else sign
    stem = reader.path.rpartition(".")[0] if reader.name else reader.path
    return box.id.removeprefix(f"{stem}.") if stem else box.id


def _draw_lanes(lines: list[_Line], drawing: Drawing) -> None:
    """Give each shortcut the first column that is free from its first to its last line."""
    place = {line.box: i for i, line in enumerate(lines) if line.box}
    shortcuts = [edge for edge in drawing.edges if edge.role in SHORTCUTS]
    taken: list[list[tuple[int, int]]] = []
    for edge in sorted(shortcuts, key=lambda edge: place[edge.head] - place[edge.tail]):
        first, last = sorted((place[edge.tail], place[edge.head]))
        free = (all(last < start or end < first for start, end in spans) for spans in taken)
        column = next((k for k, is_free in enumerate(free) if is_free), len(taken))
        if column >= _LANES:
            lines[place[edge.head]].word += f"  {ROLES[edge.role]} from {edge.tail}"
            continue
        if column == len(taken):
            taken.append([])
        taken[column].append((first, last))
        start, end = place[edge.tail], place[edge.head]
        for i in range(first, last + 1):
            lines[i].lanes[column] = {start: "╮", end: "╯"}.get(i, "│")
        if ROLES[edge.role] not in lines[end].word:
            lines[end].word += f" {ROLES[edge.role]}"
        lines[end].lanes[-1] = "◄"


def _joined(line: _Line, margin: int) -> str:
    """Return the text, then the lanes two columns apart, then the words."""
    if not line.lanes:
        return line.text
    ends = [column for column, sign in line.lanes.items() if sign in "╮╯"]
    reach = max(ends, default=-1)
    tail = ""
    for column in range(max(line.lanes) + 1):
        sign = line.lanes.get(column, " ")
        if column < reach:  # the line to the outermost end crosses this lane
            sign = {"│": "┼", " ": "─"}.get(sign, sign)
        tail += ("─" if column <= reach else " ") + sign
    fill = "─" if ends else " "
    lead = "◄" if -1 in line.lanes else fill
    return f"{f'{line.text} '.ljust(margin, fill)}{lead}{tail}{line.word}"
