"""The foot of a drawing: what its colours, lines and marks mean, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from archlab.fold.drawing import Drawing, Role
from archlab.view.card import SIGNS, left, text, wrapped
from archlab.view.theme import KIND_TITLES, Theme, hue

_EDGES = {
    Role.IDENTITY: ("━━", "shortcut", "shortcut, identity"),
    Role.PROJECTION: ("╍╍", "shortcut", "shortcut, projection (has weights)"),
    Role.PAD: ("┅┅", "shortcut", "shortcut, subsampled and zero-padded (no weights)"),
    Role.POOL: ("╍╍", "shortcut", "shortcut, pooled (no weights)"),
    Role.BYPASS: ("┅┅", "shortcut", "shortcut, changed on its way (no weights)"),
    Role.CONCAT: ("━━", "skip", "skip, joined by concatenation"),
    Role.REPEAT: ("┅┅", "skip", "every block of the row reads all before it"),
}


def legend(drawing: Drawing, theme: Theme, notes: Sequence[str]) -> str:
    """Return the legend: the kinds and edges that occur, the heat scale, what was folded."""
    look = theme.colours
    hues = dict.fromkeys(hue(box.kind) for box in drawing.boxes if box.kind is not None)
    rows = [
        _row(text("■", 12, look[role]), words, look["quiet"])
        for role, words in KIND_TITLES.items()
        if role in hues
    ]
    signs = [
        (text(sign, 10, look[colour], bold=True), words)
        for role, (sign, colour, words) in _EDGES.items()
        if any(edge.role == role for edge in drawing.edges)
    ]
    repeats = [*(box.times for box in drawing.boxes), *(group.times for group in drawing.groups)]
    if max(repeats, default=1) > 1:
        sign = text("×N", 10, look["shortcut"], bold=True)
        uneven = any(box.average for box in drawing.boxes)
        what = "N blocks, equal but for widths that grow" if uneven else "N equal blocks"
        signs.append((sign, f"{what}, in a row; the first is drawn"))
    marks = {box.mark for box in drawing.boxes} | {edge.mark for edge in drawing.edges}
    signs += [
        (text(sign.partition(" ")[0], 11, look[mark], bold=True), f"{mark} in the second model")
        for mark, sign in SIGNS.items()
        if mark in marks
    ]
    rows += [_row(sign, words, look["quiet"]) for sign, words in signs]
    parts = [
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="1">{"".join(rows)}</TABLE>'
        if rows
        else "",
        _scale(drawing, theme) if drawing.heat is not None else "",
        left([text(line, 8, look["quiet"]) for note in notes for line in wrapped(note, 76)]),
    ]
    cells = "".join(
        f'<TR><TD ALIGN="LEFT" BALIGN="LEFT">{part}</TD></TR>' for part in parts if part
    )
    if not cells:
        return ""
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="4" CELLPADDING="0">{cells}</TABLE>>'


def _row(sign: str, words: str, colour: str) -> str:
    return f'<TR><TD ALIGN="LEFT">{sign}  {text(words, 9, colour)}</TD></TR>'


def _scale(drawing: Drawing, theme: Theme) -> str:
    """The colours from low to high with the values between them."""
    heat = drawing.heat
    assert heat is not None
    steps = len(theme.heat)
    colours = "".join(text("■", 14, colour) for colour in theme.heat)
    if heat.share:
        high = 100 * heat.high / heat.total if heat.total else 0.0
        words = f"right strip: share of all {heat.title}, 0 … {high:.3g} % in {steps} equal steps"
    else:
        unit = " px" if heat.title.endswith("px") else ""
        words = (
            f"right strip: {heat.title.removesuffix(', px')}, {heat.low:.4g} … "
            f"{heat.high:.4g}{unit}, logarithmic"
        )
    words += "; grey ╱: not available"
    return left([colours, text(words, 9, theme.colours["quiet"])])
