"""A level of two halves, as encoder and decoder: side by side, both from top to bottom.

The second half begins with an input of its own and reads what the first one ends with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from archlab.layout.block import Block
from archlab.layout.channel import BEFORE
from archlab.layout.divide import Part, Rows, members
from archlab.layout.levels import OUTSIDE, Link

_GUTTER = 40.0  # between the halves
_APART = 8.0  # between lines from half to half


def halves(
    rows: Rows, links: Sequence[Link], is_frame: Callable[[Part], bool]
) -> tuple[Rows, Rows] | None:
    """Return the rows of either half, or None where a level is not made of two.

    `is_frame` says whether a part is a module with a good deal in it.
    """
    for left, right in _splits(rows, is_frame):
        first, second, last = _items(left), _items(right), _items(left[-1:])
        entering = [{link.net for link in links if link.tail == OUTSIDE and link.head in half}
                    for half in (first, second)]  # fmt: skip
        across = [link for link in links if link.tail in first and link.head in second]
        led = len(rows[0]) > 1 or entering[1] - entering[0]
        odd = any(
            (link.tail in second and link.head in first)
            or (link.tail in first and link.head == OUTSIDE)
            for link in links
        )
        if led and across and not odd and all(link.tail in last for link in across):
            return left, right
    return None


def _splits(rows: Rows, is_frame: Callable[[Part], bool]) -> Iterator[tuple[Rows, Rows]]:
    """Yield the ways to divide rows between two frames that follow each other."""
    if len(rows) > 1 and len(rows[0]) == 2 and _is_one(rows[1], is_frame):
        # Two inputs are two branches, of which one has the encoder.
        first, second = (_rows(part) for part in rows[0])
        if _is_one(first[-1], is_frame) and not any(_is_one(row, is_frame) for row in second):
            yield first, [*second, *rows[1:]]
    for r in range(1, len(rows)):
        if _is_one(rows[r - 1], is_frame) and _is_one(rows[r], is_frame):
            yield rows[:r], rows[r:]


def _rows(part: Part) -> Rows:
    return [[part]] if isinstance(part, int) else part


def _is_one(row: Sequence[Part], is_frame: Callable[[Part], bool]) -> bool:
    return len(row) == 1 and is_frame(row[0])


def _items(rows: Rows) -> set[int]:
    return {item for row in rows for part in row for item in members(part)}


def beside(left: Block, right: Block, links: Sequence[Link]) -> Block:
    """Return both halves beside each other, with the lines from the first to the second."""
    across = [link for link in links if link.edge in left.outs and link.edge in right.ins]
    tracks = {net: i for i, net in enumerate(dict.fromkeys(link.net for link in across))}
    wide = _APART * len(tracks)
    top = 2 * BEFORE + wide
    axis = left.right + _GUTTER + wide + right.left
    low = left.height + 2 * BEFORE + wide
    whole = Block(left.left, axis + right.right, max(low, top + right.height), dict(left.ins))
    whole.parts = [(0.0, 0.0, left), (axis, top, right)]
    for link in across:
        track = _APART * tracks[link.net]
        start, end = left.outs[link.edge], axis + right.ins[link.edge]
        down, aside, up = low - BEFORE - track, left.right + _GUTTER / 2 + track, BEFORE + track
        path = [(start, left.height), (start, down), (aside, down), (aside, up), (end, up)]
        whole.lines.append((link, [*path, (end, top)]))
    for link in links:
        if link.edge in right.ins and link.edge not in left.outs:
            x = whole.ins[link.edge] = axis + right.ins[link.edge]
            whole.lines.append((link, [(x, 0.0), (x, top)]))
        if link.edge in right.outs:
            x = whole.outs[link.edge] = axis + right.outs[link.edge]
            whole.lines.append((link, [(x, top + right.height), (x, whole.height)]))
    return whole
