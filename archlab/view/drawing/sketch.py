"""A drawing for the terminal: a row a box, bars for frames, shortcuts as lanes at the right.

No row is longer than the screen is wide: what does not fit goes on in the next row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from archlab.fold.drawing import Box, Drawing, Edge, Group
from archlab.quoting import columns, shortened, visible
from archlab.result import si, with_times
from archlab.view.drawing.card import SIGNS, cost, heat_text, scaled
from archlab.view.drawing.ink import BOLD, HEAT, KINDS, MARKS, PLAIN, QUIET, Piece, inked
from archlab.view.drawing.lanes import Plan, gutters, plan
from archlab.view.drawing.style import Style
from archlab.view.drawing.words import DOT, details, flowed, group_name, shape, title
from archlab.view.theme import hue

WIDTH = 80  # columns where there is no terminal
_NARROWEST = 40  # columns that a drawing takes in any case
_TITLE = 30  # columns before the details begin, at most
_BAR = 6  # columns of the longest bar
_HEAT = 8 + 1 + _BAR  # columns of a value, a blank and its bar
_STUB = "╰"  # a row that a lane leaves, below the one that another enters
_EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(slots=True)
class _Row:
    """One row, without its lanes."""

    pieces: list[Piece]
    heat: str = ""  # a value and its bar
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.width = sum(columns(piece.text) for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What all rows need to know."""

    drawing: Drawing
    plan: Plan
    frames: Mapping[str, list[str]]  # group -> it and those around it, from the outermost in
    into: Mapping[str, list[Edge]]  # box -> edges
    leaving: Mapping[str, list[Edge]]
    boxes: Mapping[str, Box]
    room: int  # columns of a row, without bar and lanes
    title: int  # columns before the details
    deepest: int  # frames drawn around a box, at most


def sketch(drawing: Drawing, style: Style, width: int = WIDTH, *, colours: bool = False) -> str:
    """Return the drawing as text, to be read from top to bottom, `width` columns wide at most."""
    width = max(width, _NARROWEST)
    macs = "MACs unknown" if style.macs is None else f"{si(style.macs)} MACs"
    source = with_times(drawing.input or "none")
    head = (
        f"{drawing.title} · {si(style.params)} params · {macs}",
        f"input {source} · {drawing.mode} mode",
        *([drawing.model] if drawing.model != drawing.title else []),
    )
    notes = (*_scale(drawing), *style.notes, *drawing.folded, *style.conventions)
    lines = [*_sentences(head, width, BOLD), [], *_lines(drawing, width)]
    for inset in drawing.insets:
        title = f"[{inset.letter}] {inset.type}: in {inset.count} places; drawn is {inset.path}"
        lines += [[], *_sentences([title], width, BOLD), *_lines(inset.drawing, width)]
    lines += [[], *_sentences(notes, width, QUIET)] if notes else []
    return "\n".join(inked(line, colours=colours) for line in lines)


def _lines(drawing: Drawing, width: int) -> list[list[Piece]]:
    """Return the rows of a drawing with the lanes beside them."""
    sheet = _sheet(drawing, width)
    rows, first, last = _rows(sheet)
    lanes = gutters(sheet.plan.lanes, first, last, len(rows))
    heat = 0 if drawing.heat is None else _HEAT + 1
    lines = []
    for row, (begin, gutter) in zip(rows, lanes, strict=True):
        pieces, room = row.pieces, sheet.room + heat - row.width
        if row.heat:
            pieces = [*pieces, Piece(" " * (room - _HEAT)), Piece(row.heat, HEAT)]
            room = 0
        if gutter:
            # The first piece has the colour of the line that enters or leaves a lane here.
            fill = " " if begin == " " else "─"
            lead = fill if pieces[-1].text == _STUB else " "
            pieces = [*pieces, Piece(lead + begin + fill * room, gutter[0].colour), *gutter]
        lines.append(pieces)
    return lines


def _sheet(drawing: Drawing, width: int) -> _Sheet:
    lanes = plan(drawing, width // 8)
    room = width - (2 * lanes.columns + 2 if lanes.columns else 0)
    room -= 0 if drawing.heat is None else _HEAT + 1
    frames: dict[str, list[str]] = {"": []}
    for group in drawing.groups:  # a frame stands before those in it
        frames[group.id] = [*frames[group.parent], group.id]
    into: dict[str, list[Edge]] = {box.id: [] for box in drawing.boxes}
    leaving: dict[str, list[Edge]] = {box.id: [] for box in drawing.boxes}
    for edge in drawing.edges:
        into[edge.head].append(edge)
        leaving[edge.tail].append(edge)
    deepest = min(max(map(len, frames.values())), room // 6)
    titles = [columns(title(box)) for box in drawing.boxes]
    most = min(_TITLE, (room - 2 * deepest) // 2)
    boxes = {box.id: box for box in drawing.boxes}
    widest = min(most, max(titles, default=0))
    return _Sheet(drawing, lanes, frames, into, leaving, boxes, room, widest, deepest)


def _sentences(sentences: Sequence[str], width: int, colour: str) -> list[list[Piece]]:
    return [
        [Piece(line, colour)]
        for sentence in sentences
        for line in flowed([visible(sentence)], width, width)
    ]


def _scale(drawing: Drawing) -> Iterator[str]:
    """Say what the bars mean."""
    heat = drawing.heat
    if heat is None:
        return
    title = heat.title.removesuffix(", px")
    if heat.share:
        high = 100 * heat.high / heat.total if heat.total else 0.0
        yield f"bars: share of all {title}, 0 … {high:.3g} %; ╱╱ is not available"
    else:
        unit = " px" if heat.title.endswith("px") else ""
        kind = "" if heat.linear else ", logarithmic"
        scale = f"{heat.low:.4g} … {heat.high:.4g}{unit}{kind}"
        yield f"bars: {title}, {scale}; ╱╱ is not available"


def _rows(sheet: _Sheet) -> tuple[list[_Row], list[int], list[int]]:
    """Return all rows, and the first and the last one of each box."""
    groups = {group.id: group for group in sheet.drawing.groups}
    rows: list[_Row] = []
    first, last = [], []
    frames: list[str] = []  # those that are open, from the outermost in
    for i, box in enumerate(sheet.drawing.boxes):
        chain = sheet.frames[box.group]
        # Frames that also hold the box before stay open.
        same = (a == b for a, b in zip(chain, frames, strict=False))
        shared = sum(takewhile(bool, same))
        rows += _ended(sheet, len(frames), shared)
        for depth in range(shared, len(chain)):
            rows += _frame_rows(sheet, groups[chain[depth]], depth)
        frames = chain
        own = _box_rows(sheet, i, len(chain))
        first.append(len(rows))
        rows += own
        last.append(len(rows) - 1)
    return [*rows, *_ended(sheet, len(frames), 0)], first, last


def _bars(sheet: _Sheet, depth: int) -> str:
    """Return the bars of the frames around; those deeper than a screen allows share one."""
    if depth <= sheet.deepest:
        return "│ " * depth
    return "│ " * (sheet.deepest - 1) + "┆ "


def _ended(sheet: _Sheet, depth: int, shared: int) -> list[_Row]:
    """Return the ends of frames, from the innermost to those that go on."""
    return [
        _Row([Piece(f"{_bars(sheet, level)}└", QUIET)])
        for level in range(depth - 1, shared - 1, -1)
    ]


def _frame_rows(sheet: _Sheet, group: Group, depth: int) -> list[_Row]:
    heat = sheet.drawing.heat
    times = f" ×{group.times}" if group.times > 1 else ""
    name = group_name(group, sheet.drawing)
    bars = _bars(sheet, depth)
    room = sheet.room - columns(bars) - 2
    parts = (
        group.type.strip("_") or group.holds,
        group.pattern,
        *cost(group),
        heat_text(group.amounts.heat, sheet.drawing, group.repeats)
        if heat is not None and heat.share and group.amounts.heat
        else "",
        group.note,
        SIGNS.get(group.mark, group.mark),
    )
    head = (shortened(name, room - columns(times)) + times).lstrip()
    lines = flowed([head, *map(visible, parts)], room, room - 2)
    rows = []
    for i, line in enumerate(lines):
        start = head if i == 0 else ""
        lead = f"{bars}{'│   ' if i else '┌ '}"
        colour = MARKS.get(group.mark, QUIET)
        rest = Piece(line[len(start) :], colour)
        rows.append(_Row([Piece(lead, QUIET), Piece(start, BOLD), rest]))
    return rows


def _box_rows(sheet: _Sheet, place: int, depth: int) -> list[_Row]:
    """Return the rows of a box: its title, then its details, the shape that it makes at the right.

    A box that a lane enters and another one leaves has two rows, one for each.
    """
    drawing, box = sheet.drawing, sheet.drawing.boxes[place]
    bars = _bars(sheet, depth)
    room = sheet.room - columns(bars)
    made = shape(box, sheet.leaving[box.id])
    *heads, name = flowed(title(box).split(DOT), room, room)
    start = max(columns(name), sheet.title) + 2
    right = columns(made) + 1 if made else 0
    if start + right > room:  # the shape gets a row of its own
        heads, name, start = [*heads, name], "", sheet.title + 2
    said = _said(sheet, place, made)
    lines = flowed(said, room - start - right, room - sheet.title - 2)
    colour = MARKS.get(box.mark, KINDS[hue(box.kind)] if box.kind else PLAIN)
    rows = [_Row([Piece(bars, QUIET), Piece(head, colour)]) for head in heads]
    for i, line in enumerate(lines):
        pieces = [Piece(bars, QUIET)]
        if i == 0:
            lead = " " * (start - columns(name)) if line or made else ""
            pieces += [Piece(name, colour), Piece(lead + line)]
            if made:
                gap = room - start - columns(line) - columns(made)
                pieces += [Piece(" " * gap), Piece(made, BOLD)]
        else:
            pieces.append(Piece(" " * (sheet.title + 2) + line))
        rows.append(_Row(pieces))
    if place in sheet.plan.both_ends and len(rows) == 1:
        rows.append(_Row([Piece(bars, QUIET), Piece(_STUB)]))
    if drawing.heat is not None and box.nodes:
        rows[len(heads)].heat = _heat(box.amounts.heat, drawing)
    return rows


def _said(sheet: _Sheet, place: int, made: str) -> list[str]:
    """Return what stands behind the title of a box, and the numbers of lanes that it has not."""
    box, numbers = sheet.drawing.boxes[place], sheet.plan.numbers
    before = sheet.drawing.boxes[place - 1].id if place else ""
    into, heat = sheet.into[box.id], sheet.drawing.heat
    if str(box.width) in made.split("×"):
        box = replace(box, width=None, unit="")  # the shape says it
    ends = " ".join(f"[{numbers[edge.tail]}]" for edge in into if edge.tail in numbers)
    return [
        *details(box, into, sheet.leaving[box.id], sheet.boxes, before),
        f"×{box.repeats} together" if box.repeats > 1 and heat and heat.share else "",
        f"from {ends}" if ends else "",
        f"to [{numbers[box.id]}]" if box.id in numbers else "",
    ]


def _heat(value: float | None, drawing: Drawing) -> str:
    """Return a value and its bar, in as many columns as all have."""
    heat = drawing.heat
    assert heat is not None
    if value is None:
        return f"{'-':>8} {'╱╱':{_BAR}}"  # not known is no zero
    share = f"{100 * value / heat.total if heat.total else 0:.1f} %"
    # Lengths are compared, and so those of shares are no logarithms, as colours are.
    length = (value / heat.high if heat.high else 0.0) if heat.share else scaled(value, drawing)
    eighths = round(8 * _BAR * min(length, 1.0))
    eighths = max(eighths, 1) if value else eighths  # a little is not nothing
    bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8]
    return f"{share if heat.share else f'{value:.3g}':>8} {bar:{_BAR}}"[:_HEAT]
