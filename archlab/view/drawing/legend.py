"""The foot of a drawing: what its colours, lines and marks mean, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlab.fold.drawing import Drawing, Role
from archlab.result import size
from archlab.view.drawing.card import SHARES, SIGNS, left, text, wrapped
from archlab.view.theme import KIND_TITLES, Theme, hue

_EDGES = {
    Role.IDENTITY: ("━━", "shortcut", "shortcut, identity"),
    Role.PROJECTION: ("╍╍", "shortcut", "shortcut, projection (has weights)"),
    Role.PAD: ("┅┅", "shortcut", "shortcut, subsampled and zero-padded (no weights)"),
    Role.POOL: ("╍╍", "shortcut", "shortcut, pooled (no weights)"),
    Role.BYPASS: ("┅┅", "shortcut", "shortcut, changed on its way (no weights)"),
    Role.CONCAT: ("━━", "skip", "skip, joined by concatenation"),
    Role.REPEAT: ("┅┅", "skip", "every block of the row reads all before it"),
    Role.LOOP: ("╍╍", "skip", "what a turn of a loop leaves to the next"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A sign, the role of its colour, and what it means."""

    sign: str
    role: str
    words: str
    points: int = 10
    bold: bool = True
    line: Role | None = None  # it stands for such an edge


def entries(drawings: Sequence[Drawing]) -> list[Entry]:
    """Return the kinds of boxes, the edges and the marks that occur in any of the drawings."""
    boxes = [box for drawing in drawings for box in drawing.boxes]
    edges = [edge for drawing in drawings for edge in drawing.edges]
    groups = [group for drawing in drawings for group in drawing.groups]
    hues = {hue(box.kind) for box in boxes if box.kind is not None}
    lines = [
        Entry("■", role, words, 12, bold=False)
        for role, words in KIND_TITLES.items()
        if role in hues
    ]
    for role, (sign, colour, words) in _EDGES.items():
        drawn = {edge.mark for edge in edges if edge.role == role}
        # Between two models a line has the colour of its mark: a sample has that of all of them.
        only = next(iter(drawn)) if len(drawn) == 1 else ""
        if drawn:
            lines.append(Entry(sign, only if only in SIGNS else colour, words, line=role))
    if max([1, *(box.times for box in boxes), *(group.times for group in groups)]) > 1:
        uneven = any(box.average for box in boxes)
        what = "N blocks, equal but for widths that grow" if uneven else "N equal blocks"
        lines.append(Entry("×N", "shortcut", f"{what}; the first is drawn"))
    marks = {box.mark for box in boxes} | {edge.mark for edge in edges}
    lines += [
        Entry(sign.partition(" ")[0], mark, f"{mark} in the second model", 11)
        for mark, sign in SIGNS.items()
        if mark in marks
    ]
    return lines


def legend(drawing: Drawing, theme: Theme, notes: Sequence[str]) -> str:
    """Return the legend: the kinds and edges that occur, the heat scale, what was folded."""
    quiet = theme.colours["quiet"]
    rows = ""
    for entry in entries([drawing]):
        sign = text(entry.sign, entry.points, theme.colours[entry.role], bold=entry.bold)
        rows += f'<TR><TD ALIGN="LEFT">{sign}  {text(entry.words, 9, quiet)}</TD></TR>'
    table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="1">{rows}</TABLE>'
    parts = [
        table if rows else "",
        _scale(drawing, theme) if drawing.heat is not None else "",
        left([text(line, 8, quiet) for note in notes for line in wrapped(note, 76)]),
    ]
    lines = [f'<TR><TD ALIGN="LEFT" BALIGN="LEFT">{part}</TD></TR>' for part in parts if part]
    if not lines:  # Graphviz refuses a table without rows
        return ""
    return (
        '<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="4" CELLPADDING="0">'
        f"{''.join(lines)}</TABLE>>"
    )


def _scale(drawing: Drawing, theme: Theme) -> str:
    """Return the colours from low to high, with the values between which they lie."""
    words, ticks = scale(drawing)
    colours = "".join(text("■", 14, colour) for colour in theme.heat)
    ends = f"{ticks[0][1]} … {ticks[-1][1]}: {words}"
    return left([colours, text(ends, 9, theme.colours["quiet"])])


def scale(drawing: Drawing) -> tuple[str, list[tuple[float, str]]]:
    """Return what the colours of a heat scale say, and the values at its ends and its middle."""
    heat = drawing.heat
    assert heat is not None
    if heat.share:
        ticks = [(at, f"{100 * SHARES ** (at - 1):.3g} %") for at in (0.0, 0.5, 1.0)]
        total = f", {size(heat.total or 0)}" if heat.measure == "memory" else ""
        words = f"share of all {heat.title}{total}, logarithmic; grey hatched: not available"
        return words, ticks
    unit = " px" if heat.title.endswith("px") else ""
    low, high = heat.low, heat.high
    middle = (low * high) ** 0.5 if low > 0 and not heat.linear else (low + high) / 2
    ticks = [(0.0, f"{low:.3g}{unit}"), (0.5, f"{middle:.3g}"), (1.0, f"{high:.3g}{unit}")]
    kind = "" if heat.linear else ", logarithmic"
    words = f"{heat.title.removesuffix(', px')}{kind}; grey hatched: not available"
    return words, ticks
