"""Shortcuts of the terminal drawing: a lane for each box that others read past their neighbours.

A lane leaves its box on the box's last row and enters its readers on their first ones.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archlab.fold.drawing import SHORTCUTS, Drawing, Edge, Role
from archlab.view.drawing.ink import MARKS, SHORTCUT, SKIP, Piece

Span = tuple[int, int]  # first and last row
_INNER = {"╮": "┬", "╯": "┴", "┤": "┼"}  # an end that the line to a lane further out goes on from


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane: from a box to its readers, by their places among the boxes."""

    column: int
    tail: int
    heads: tuple[int, ...]
    colour: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All lanes, and the edges for which no column was left: these are numbered by their box."""

    lanes: tuple[Lane, ...]
    numbers: Mapping[str, int]  # id of a box that is read -> number
    both_ends: frozenset[int]  # boxes that a lane enters and another one leaves

    @property
    def columns(self) -> int:
        """How many lanes stand side by side."""
        return max((lane.column + 1 for lane in self.lanes), default=0)


def is_lane(edge: Edge) -> bool:
    """Whether an edge runs beside the others."""
    return edge.role in SHORTCUTS or edge.role == Role.REPEAT


def plan(drawing: Drawing, most: int) -> Plan:
    """Give each lane the first column that is free from its first to its last row."""
    place = {box.id: i for i, box in enumerate(drawing.boxes)}
    edges: dict[str, list[Edge]] = {}
    for edge in drawing.edges:
        if is_lane(edge):
            edges.setdefault(edge.tail, []).append(edge)
    # Twice the place is the first row of a box, and one more its last: a lane may end where the
    # next one begins.
    spans = {}
    for tail, group in edges.items():
        rows = [2 * place[tail] + 1, *(2 * place[edge.head] for edge in group)]
        spans[tail] = min(rows), max(rows)
    taken: list[list[Span]] = [[] for _ in range(most)]
    lanes: list[Lane] = []
    numbers: dict[str, int] = {}
    for tail in sorted(spans, key=lambda tail: spans[tail][1] - spans[tail][0]):
        span = spans[tail]
        column = next((k for k, others in enumerate(taken) if _is_free(others, span)), None)
        if column is None:
            numbers[tail] = len(numbers) + 1
            continue
        insort(taken[column], span)
        heads = tuple(dict.fromkeys(place[edge.head] for edge in edges[tail]))
        lanes.append(Lane(column, place[tail], heads, _colour(edges[tail][0])))
    both = {head for lane in lanes for head in lane.heads} & {lane.tail for lane in lanes}
    return Plan(tuple(lanes), numbers, frozenset(both))


def _is_free(taken: Sequence[Span], span: Span) -> bool:
    """Whether none of the spans, which are in order and have no row in common, meets another."""
    at = bisect(taken, span)
    before, after = taken[at - 1 : at], taken[at : at + 1]
    return all(end < span[0] for _, end in before) and all(span[1] < start for start, _ in after)


def _colour(edge: Edge) -> str:
    if edge.mark in MARKS:
        return MARKS[edge.mark]
    return SKIP if edge.role in (Role.CONCAT, Role.REPEAT) else SHORTCUT


def gutters(
    lanes: Sequence[Lane], first: Sequence[int], last: Sequence[int], rows: int
) -> list[tuple[str, list[Piece]]]:
    """Return for each row how the lines at its text begin, and what stands in its lanes.

    `first` and `last` have the rows of each box. A row begins with ◄ where a lane enters it, with ─
    where one leaves it, and with a blank elsewhere.
    """
    signs: list[dict[int, Piece]] = [{} for _ in range(rows)]
    ends: list[set[int]] = [set() for _ in range(rows)]
    begins = [" "] * rows
    for lane in lanes:
        inner = {first[head] for head in lane.heads}
        attached = inner | {last[lane.tail]}
        top, bottom = min(attached), max(attached)
        for row in range(top, bottom + 1):
            sign = {top: "╮", bottom: "╯"}.get(row, "┤" if row in attached else "│")
            signs[row][lane.column] = Piece(sign, lane.colour)
        for row in attached:
            ends[row].add(lane.column)
            begins[row] = "◄" if row in inner else "─"
    return [
        (begin, _gutter(line, attached))
        for begin, line, attached in zip(begins, signs, ends, strict=True)
    ]


def _gutter(signs: Mapping[int, Piece], ends: set[int]) -> list[Piece]:
    """Return one row of lanes, two columns each; a line goes under the lanes that it crosses."""
    reach = max(ends, default=-1)
    pieces = []
    for column in range(max(signs, default=-1) + 1):
        sign = signs.get(column)
        lead = Piece("─", signs[reach].colour) if column <= reach else Piece(" ")
        if sign is None:
            sign = Piece("─", signs[reach].colour) if column < reach else Piece(" ")
        elif column in ends and column < reach:
            sign = Piece(_INNER[sign.text], sign.colour)
        pieces += [lead, sign]
    return pieces
