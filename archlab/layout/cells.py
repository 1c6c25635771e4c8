"""The cells of a stack side by side, and the edges between them as ways from row to row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from archlab.layout.block import Block
from archlab.layout.divide import Part, Rows, members
from archlab.layout.levels import Link

GAP = 20.0  # between columns
Place: TypeAlias = "tuple[int, int]"  # row and column


@dataclass(slots=True)
class Lane:
    """The line of a source beside the rows from `first` to `last`, in one column or several."""

    first: int
    last: int
    left: bool
    xs: dict[int, float] = field(default_factory=dict)  # by column


@dataclass(slots=True)
class Way:
    """An edge in a stack: from row to row, -1 above all, as many as there are rows below all."""

    link: Link
    tail: int
    head: int
    start: float  # x where it leaves its row
    end: float  # x where it enters its row
    foot: float = 0.0  # where its cell ends below the top of its row
    lane: Lane | None = None
    side: bool = False  # enters a join from the side


def cells(
    rows: Rows,
    links: Sequence[Link],
    block: Callable[[Part, Sequence[Link]], Block],
    rank: Callable[[Part, Sequence[Link]], tuple[int, ...]],
) -> tuple[list[list[Block]], list[list[float]], list[Way]]:
    """Return the blocks of all rows, their x, and the ways of the edges between them.

    Args:
        rows: the parts of each row, from left to right.
        links: the edges that have an end in any of them.
        block: places a part.
        rank: tells how much the trunk wants to run through a part.
    """
    where = {
        item: (r, c)
        for r, row in enumerate(rows)
        for c, part in enumerate(row)
        for item in members(part)
    }
    inner, between = _sorted(rows, links, where)
    blocks: list[list[Block]] = []
    xs: list[list[float]] = []
    order: dict[Place, Place] = {}
    for r, row in enumerate(rows):
        ranks = [rank(part, inner.get((r, c), ())) for c, part in enumerate(row)]
        # What only leads around the others stands at the right of them.
        columns = sorted(range(len(row)), key=lambda c: ranks[c][0] < 0)
        main = max(range(len(row)), key=lambda i: (ranks[columns[i]], -i))
        blocks.append([block(row[c], inner.get((r, c), ())) for c in columns])
        xs.append(_side_by_side(blocks[-1], main))
        order |= {(r, c): (r, i) for i, c in enumerate(columns)}
    ways = []
    for link, tail, head in between:
        way = Way(link, -1, len(rows), 0.0, 0.0)
        if tail is not None:
            r, i = order[tail]
            way.tail, way.start = r, xs[r][i] + blocks[r][i].outs[link.edge]
            way.foot = blocks[r][i].height
        if head is not None:
            r, i = order[head]
            way.head, way.end = r, xs[r][i] + blocks[r][i].ins[link.edge]
        ways.append(way)
    return blocks, xs, ways


def _sorted(
    rows: Rows, links: Sequence[Link], where: dict[int, Place]
) -> tuple[dict[Place, list[Link]], list[tuple[Link, Place | None, Place | None]]]:
    """Return the edges that each cell has an end of, and those that do not stay in one cell."""
    inner: dict[Place, list[Link]] = {}
    between = []
    for link in links:
        tail, head = where.get(link.tail), where.get(link.head)
        if tail is not None:
            inner.setdefault(tail, []).append(link)
        if head is not None and head != tail:
            inner.setdefault(head, []).append(link)
        # A box that leads to itself does so in the stack of which it is a cell.
        alone = tail is not None and isinstance(rows[tail[0]][tail[1]], int)
        if tail != head or (alone and link.tail == link.head):
            between.append((link, tail, head))
    return inner, between


def _side_by_side(blocks: Sequence[Block], main: int) -> list[float]:
    """Return the x of blocks side by side, of which one lies on the trunk."""
    xs = [0.0] * len(blocks)
    for i in range(main + 1, len(blocks)):
        xs[i] = xs[i - 1] + blocks[i - 1].right + GAP + blocks[i].left
    for i in range(main - 1, -1, -1):
        xs[i] = xs[i + 1] - blocks[i + 1].left - GAP - blocks[i].right
    return xs


def reach(row: Sequence[Block], xs: Sequence[float], *, left: bool) -> float:
    """Return how far a row reaches to one side of the trunk."""
    sign = -1 if left else 1
    return max(
        sign * x + (cell.left if left else cell.right) for cell, x in zip(row, xs, strict=True)
    )
