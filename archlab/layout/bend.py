"""A level whose skips are nested, as in a U-Net: down at the left, up at the right, skips across.

Both sides are stacks of their own; the right one is turned upside down. Room is added to either
until both ends of every skip lie on one height.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

from archlab.layout.block import Block
from archlab.layout.channel import BEFORE
from archlab.layout.divide import Rows, members
from archlab.layout.levels import Link
from archlab.layout.placed import Point, Rect

LEAST = 2  # skips from which on a level is bent
SPAN = 0.6  # the share of the rows that the outermost of them goes around
BETWEEN = 48.0  # the two sides
CLEAR = 12.0  # more below the line of a skip
TURN = 24.0  # below the sides, where the trunk turns


class Place(Protocol):
    """Places rows, with extra heights of channels, perhaps to be turned upside down."""

    def __call__(
        self, rows: Rows, links: Sequence[Link], extra: dict[int, float], *, upward: bool = False
    ) -> Block:
        """Return the block of the rows."""


@dataclass(frozen=True, slots=True)
class Bend:
    """Where a level turns: rows up to `last` go down, `skips` lead across from row to row."""

    last: int
    skips: tuple[tuple[Link, int, int], ...]  # from the innermost; edge, row, row


def bend(rows: Rows, links: Sequence[Link], joins: Callable[[Link], bool]) -> Bend | None:
    """Return where a level turns, or None where it does not have the form of a U.

    `joins` says of a link whether it ends at a box into whose side a skip may lead.
    """
    where = {item: r for r, row in enumerate(rows) for part in row for item in members(part)}
    reads = [(link, where.get(link.tail), where.get(link.head)) for link in links]
    between = [(link, a, b) for link, a, b in reads if a is not None and b is not None]
    ways = sorted(((link, a, b) for link, a, b in between if b - a > 1), key=lambda way: -way[1])
    best: Bend | None = None
    for _, start, goal in ways:
        last = (start + goal) // 2
        across = [way for way in ways if way[1] <= last < way[2]]
        nested = all(a > c and b < d for (_, a, b), (_, c, d) in pairwise(across))
        alone = all(len(rows[a]) == len(rows[b]) == 1 for _, a, b in across)
        meet = all(joins(link) for link, _, _ in across)
        if nested and alone and meet and len(across) > (len(best.skips) if best else LEAST - 1):
            best = Bend(last, tuple(across))
    if best is None or not _one_way(reads, best):
        return None
    _, start, goal = best.skips[-1]
    return best if goal - start > SPAN * len(rows) else None


def _one_way(reads: Sequence[tuple[Link, int | None, int | None]], found: Bend) -> bool:
    """Whether but for the skips one line leads across; what enters is at the left, and so on."""
    last, skips = found.last, {link.edge for link, _, _ in found.skips}
    for link, tail, head in reads:
        if link.edge in skips:
            continue
        if tail is None and head is not None and head > 0:
            return False
        if head is None and tail is not None and tail <= last:
            return False
        if tail is not None and head is not None:
            crosses = tail <= last < head
            if link.back and (tail <= last) != (head <= last):
                return False
            if crosses and (tail, head) != (last, last + 1):
                return False
    return True


def bent(found: Bend, rows: Rows, links: Sequence[Link], place: Place) -> Block:
    """Return the level as a block.

    Args:
        found: where the level turns.
        rows: its rows.
        links: its edges.
        place: places one side.
    """
    skips = {link.edge for link, _, _ in found.skips}
    others = [link for link in links if link.edge not in skips]
    down, up = rows[: found.last + 1], rows[found.last + 1 :]
    # The line of a skip, and room for the arrow that goes on below it.
    low: dict[int, float] = {start + 1: CLEAR for _, start, _ in found.skips}
    high: dict[int, float] = {}
    left, right = place(down, others, low), place(up, others, high, upward=True)
    for _, start, goal in found.skips:
        row = goal - found.last - 1
        # How far both ends of the skip are from the foot of their sides.
        more = left.height - _foot(left, start) - BEFORE - _middle(right, row)
        if more > 0:
            # The innermost join stands close to what leads to it.
            high[row if high else 0] = more
            right = place(up, others, high, upward=True)
        elif more < 0:
            low[start + 1] -= more
            left = place(down, others, low)
    return _joined(found, left, right)


def _foot(block: Block, row: int) -> float:
    _, y, cell = block.rows[row]
    return y + cell.height


def _middle(block: Block, row: int) -> float:
    _, y, cell = block.rows[row]
    assert cell.rect is not None
    return y + cell.rect.h / 2


def _joined(found: Bend, left: Block, right: Block) -> Block:
    """Return both sides beside each other, with the skips and the turn of the trunk."""
    over = max(right.height - left.height, 0.0)
    under = over + left.height
    whole = Block(left.left, 0.0, under + TURN, ins=dict(left.ins))
    axis = left.right + BETWEEN + right.left
    turned = flipped(right)
    top = under - right.height
    whole.parts = [(0.0, over, left), (axis, top, turned)]
    whole.right = axis + right.right
    if over:
        for link, points in left.lines:
            if link.edge in left.ins:
                whole.lines.append((link, [(points[0][0], 0.0), (points[0][0], over)]))
    for link in {link.edge: link for link, _ in left.lines}.values():
        if link.edge in left.outs and link.edge in right.ins:
            start, end = left.outs[link.edge], axis + right.ins[link.edge]
            low = under + TURN / 2
            whole.lines.append((link, [(start, under), (start, low), (end, low), (end, under)]))
    for link, start, goal in found.skips:
        row = goal - found.last - 1
        dx, _, cell = right.rows[row]
        assert cell.rect is not None
        source, _, tail = left.rows[start]
        foot = over + _foot(left, start)
        at = source + tail.outs.get(link.edge, 0.0)
        edge = axis + dx - cell.rect.w / 2
        # A box has its label between its own foot and that of its cell.
        first = (
            foot
            - tail.height
            + (tail.rect.y + tail.rect.h if tail.label and tail.rect else tail.height)
        )
        whole.lines.append((link, [(at, first), (at, foot + BEFORE), (edge, foot + BEFORE)]))
        whole.dots.append((link.edge, (at, foot + BEFORE)))
    _lead_down(whole, turned, axis, top)
    return whole


def _lead_down(whole: Block, turned: Block, axis: float, top: float) -> None:
    """Lead what leaves the right side at its top to the foot of the block."""
    for link in {link.edge: link for link, _ in turned.lines}.values():
        if link.edge not in turned.outs:
            continue
        x, y = axis + turned.outs[link.edge], max(top - BEFORE, 0.0)
        beside = whole.right + BEFORE
        path = [(x, top), (x, y), (beside, y), (beside, whole.height)]
        whole.lines.append((link, path))
        whole.outs[link.edge] = beside
    if whole.outs:
        whole.right += 2 * BEFORE


def flipped(block: Block) -> Block:
    """Return a block upside down: what came in at the top comes in at the bottom."""
    high = block.height

    def turned(rect: Rect | None) -> Rect | None:
        return rect and Rect(rect.x, high - rect.y - rect.h, rect.w, rect.h)

    def moved(points: Sequence[Point]) -> list[Point]:
        return [(x, high - y) for x, y in points]

    return replace(
        block,
        parts=[(x, high - y - part.height, flipped(part)) for x, y, part in block.parts],
        lines=[(link, moved(points)) for link, points in block.lines],
        dots=[(edge, (x, high - y)) for edge, (x, y) in block.dots],
        rect=turned(block.rect),
        label=turned(block.label),
        name=turned(block.name),
        facts=turned(block.facts),
    )
