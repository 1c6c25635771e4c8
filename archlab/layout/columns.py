"""A long drawing in columns: rows are broken where few lines lead from one to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise, product
from math import log, sqrt

from archlab.layout.block import Block
from archlab.layout.levels import OUTSIDE, ROOT
from archlab.layout.placing import Placing

TALL = 3.0  # height to width above which a drawing is a strip
_STRIP = 0.5  # what it costs to be one
_LONG = 0.4  # the share of the height from which on a group may be wrapped itself
_NEAR = 0.25  # the distance from the ratio that is near enough
_WORTH = 0.05  # what one more column must gain
_DEEPER = 0.2  # what columns inside a group must gain
_ROUNDS = 3  # of breaking what is the longest
_LARGE = 500  # rows from which on near enough is enough
_ENOUGH = 0.12  # the distance at which no other number of columns is tried
_SHORTEST = 90.0  # points of a column
_LITTLE, _LOST = 0.2, 0.3  # the share of all that is too little for a column; what it costs
_LINE = 0.12  # what one more line from column to column costs


def wrapped(placing: Placing, whole: Block, goal: float) -> Block:
    """Return the drawing in columns, so that it comes near a ratio of height to width.

    The root is broken first, then the group that is the longest, then the longest in it; and
    again, where that has left other groups to be the longest.
    """
    for _ in range(_ROUNDS):
        before, whole = whole, _broken(placing, whole, goal)
        if whole is before or _cost(placing, whole, goal) < _NEAR:
            break
    return whole


def _broken(placing: Placing, whole: Block, goal: float) -> Block:
    """Return the drawing with columns in levels where they bring it nearer to the ratio."""
    best, cost, chosen = whole, _cost(placing, whole, goal), placing.columns
    found = chosen
    for key in _tallest(placing, whole):
        stack = placing.stacks[key]
        for lines, count in product(sorted(set(stack.breaks.values())), _counts(whole, goal)):
            columns = _columns(stack, count, lines)
            if len(columns) < count - 1:
                continue
            block = _anew(placing, chosen | {key: columns}, key)
            new = _cost(placing, block, goal)
            if new < cost - (_DEEPER if columns and key != ROOT else _WORTH):
                best, cost, found = block, new, placing.columns
            # A try takes its time where there are thousands of rows.
            if cost < (_NEAR if len(stack.gaps) > _LARGE else _ENOUGH):
                break
        chosen = found
        _anew(placing, chosen, key)
        if cost < _NEAR:
            break
    return best


def _cost(placing: Placing, block: Block, goal: float) -> float:
    """Return how far a drawing is from the ratio, and what its columns cost."""
    cost = _distance(block, goal)
    for key, columns in placing.columns.items():
        if not columns:
            continue
        stack = placing.stacks[key]
        lengths = [sum(stack.gaps[a:b]) for a, b in pairwise([0, *columns, len(stack.gaps)])]
        # A few boxes alone beside the rest look lost.
        cost += _LOST if min(lengths[0], lengths[-1]) < _LITTLE * sum(lengths) else 0.0
        cost += _LINE * (max(stack.breaks.get(row, 1) for row in columns) - 1)
    return cost


def _counts(whole: Block, goal: float) -> list[int]:
    """Return how many columns to try, from the most likely on."""
    # In k columns a drawing is k times as wide, and a kth as high.
    likely = round(sqrt(whole.height / (whole.left + whole.right) / goal))
    near = (likely, likely + 1, likely - 1, likely + 2, likely - 2, 2, 3)
    # One column is right again where a level inside is broken by now.
    return [*(count for count in dict.fromkeys(near) if count > 1), 1]


def _anew(placing: Placing, columns: dict[int, Sequence[int]], key: int) -> Block:
    """Return the drawing with other columns in a level; what is beside it stays."""
    placing.columns = columns
    while key != ROOT:
        for upward in (False, True):
            placing.done.pop((key, upward), None)
        key = placing.content.parent[key]
    return placing.level(ROOT)


def _tallest(placing: Placing, whole: Block) -> list[int]:
    """Return the levels that make the drawing long: the root, its longest group, and so on."""
    keys, block = [ROOT], whole
    while True:
        groups = [
            part
            for part in _parts(block)
            if part.item != OUTSIDE and not placing.content.is_box(part.item)
        ]
        longest = max(groups, key=lambda part: part.height, default=None)
        if longest is None or longest.height < _LONG * whole.height:
            return keys
        keys.append(longest.item)
        block = placing.stacks[longest.item]


def _parts(block: Block) -> Iterator[Block]:
    """Yield the boxes and groups in a block."""
    for _, _, part in block.parts:
        if part.item == OUTSIDE:
            yield from _parts(part)
        else:
            yield part


def _distance(block: Block, goal: float) -> float:
    """Return how far a block is from a ratio of height to width; a strip is further."""
    ratio = block.height / (block.left + block.right)
    return abs(log(ratio / goal)) + (_STRIP if ratio > TALL else 0.0)


def _columns(stack: Block, count: int, lines: int) -> list[int]:
    """Return the rows that begin a new column, so that the longest column is as short as can be."""
    # An input alone is no column.
    whole, above = sum(stack.gaps), [0.0, *accumulate(stack.gaps)]
    rows = (row for row, n in stack.breaks.items() if n <= lines)
    inner = (row for row in rows if _SHORTEST <= above[row] <= whole - _SHORTEST)
    ends = [0, *inner, len(stack.gaps)]
    chunks = [sum(stack.gaps[a:b]) for a, b in pairwise(ends)]

    def filled(limit: float) -> list[int]:
        begins, length = [], chunks[0]
        for i, chunk in enumerate(chunks[1:], 1):
            if length + chunk > limit:
                begins.append(ends[i])
                length = chunk
            else:
                length += chunk
        return begins

    low, high = max(chunks), sum(chunks)
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if len(filled(middle)) < count else (middle, high)
    return filled(high)
