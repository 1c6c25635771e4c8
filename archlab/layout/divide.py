"""How the items of a level follow each other: rows, of which one with branches has several columns.

An item that is before or behind every other stands alone in its row. What lies between two of these
falls apart into branches, each of which is divided in turn. What does not fall apart is ranked by
the longest path to each item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from archlab.layout.levels import Link

Rows: TypeAlias = "list[list[Part]]"
Part: TypeAlias = "int | Rows"


def divide(items: Sequence[int], links: Sequence[Link]) -> Rows:
    """Return the rows of a level's items, given in the order of the code."""
    inside = set(items)
    after: dict[int, set[int]] = {item: set() for item in items}
    for link in links:
        if not link.back and link.tail in inside and link.head in inside:
            after[link.tail].add(link.head)
    return _rows(list(items), after)


def members(part: Part) -> list[int]:
    """Return all items of a part."""
    if isinstance(part, int):
        return [part]
    return [item for row in part for inner in row for item in members(inner)]


def _rows(items: list[int], after: Mapping[int, set[int]]) -> Rows:
    parts = _pieces(items, after)
    if len(parts) > 1:
        return [[_part(piece, after) for piece in parts]]
    if len(items) == 1:
        return [[items[0]]]
    bit = {item: 1 << i for i, item in enumerate(items)}
    below: dict[int, int] = {}
    above = dict.fromkeys(items, 0)
    for item in reversed(items):
        below[item] = 0
        for follower in after[item]:
            if follower in bit:
                below[item] |= bit[follower] | below[follower]
    for item in items:
        for follower in after[item]:
            if follower in bit:
                above[follower] |= bit[item] | above[item]
    everything = (1 << len(items)) - 1
    rows: Rows = []
    between: list[int] = []
    for item in items:
        if below[item] | above[item] | bit[item] != everything:
            between.append(item)
            continue
        rows += _between(between, after)
        rows.append([item])
        between = []
    return rows + _between(between, after)


def _between(items: list[int], after: Mapping[int, set[int]]) -> Rows:
    """Return the rows of what lies between two items that are alone in their rows."""
    if not items:
        return []
    parts = _pieces(items, after)
    return [[_part(piece, after) for piece in parts]] if len(parts) > 1 else _ranked(items, after)


def _part(items: list[int], after: Mapping[int, set[int]]) -> Part:
    rows = _rows(items, after)
    return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else rows


def _pieces(items: list[int], after: Mapping[int, set[int]]) -> list[list[int]]:
    """Return the parts that no edge joins, each in the order of the code."""
    lead = {item: item for item in items}

    def leader(item: int) -> int:
        while lead[item] != item:
            lead[item] = lead[lead[item]]
            item = lead[item]
        return item

    for item in items:
        for follower in after[item]:
            if follower in lead:
                a, b = sorted((leader(item), leader(follower)))
                lead[b] = a
    pieces: dict[int, list[int]] = {}
    for item in items:
        pieces.setdefault(leader(item), []).append(item)
    return list(pieces.values())


def _ranked(items: list[int], after: Mapping[int, set[int]]) -> Rows:
    """Return rows by the longest path, in each of which an item stands near what it reads."""
    rank = dict.fromkeys(items, 0)
    before: dict[int, list[int]] = {item: [] for item in items}
    for item in items:
        for follower in after[item]:
            if follower in rank:
                rank[follower] = max(rank[follower], rank[item] + 1)
                before[follower].append(item)
    # What nothing inside leads to stands right above its first reader.
    for item in reversed(items):
        if not before[item]:
            ranks = [rank[follower] for follower in after[item] if follower in rank]
            rank[item] = max(min(ranks, default=1) - 1, 0)
    rows: list[list[int]] = [[] for _ in range(max(rank.values()) + 1)]
    for item in items:
        rows[rank[item]].append(item)
    place: dict[int, float] = {}
    for row in rows:
        wanted = {
            item: sum(place[one] for one in before[item]) / len(before[item])
            if before[item]
            else float(i)
            for i, item in enumerate(row)
        }
        row.sort(key=wanted.__getitem__)
        place |= {item: i - (len(row) - 1) / 2 for i, item in enumerate(row)}
    return [list(row) for row in rows if row]
