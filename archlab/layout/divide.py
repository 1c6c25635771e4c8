"""How the items of a level follow each other: rows, of which one with branches has several columns.

An item that is before or behind every other stands alone in its row. What lies between two of these
falls apart into branches, each of which is divided in turn. What does not fall apart is ranked by
the longest path to each item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from archlab.layout.levels import Link

Rows: TypeAlias = "list[list[Part]]"
Part: TypeAlias = "int | Rows"


Weights: TypeAlias = "Mapping[int, tuple[int, int, int]]"


def divide(items: Sequence[int], links: Sequence[Link], weights: Weights) -> tuple[Rows, set[int]]:
    """Return the rows of a level's items, given in the order of the code.

    Also returned are the items on the way of most weight through what is ranked.
    """
    inside = set(items)
    after: dict[int, set[int]] = {item: set() for item in items}
    main: set[tuple[int, int]] = set()
    for link in links:
        if not link.back and link.tail in inside and link.head in inside:
            after[link.tail].add(link.head)
            if not link.beside:
                main.add((link.tail, link.head))
    trunk: set[int] = set()
    return _rows(list(items), _Order(after, main, weights, trunk)), trunk


@dataclass(frozen=True)
class _Order:
    after: Mapping[int, set[int]]  # item -> those that read it
    main: set[tuple[int, int]]  # pairs that are more than a way around others
    weights: Weights
    trunk: set[int]


def members(part: Part) -> list[int]:
    """Return all items of a part."""
    if isinstance(part, int):
        return [part]
    return [item for row in part for inner in row for item in members(inner)]


def _rows(items: list[int], order: _Order) -> Rows:
    parts = _pieces(items, order)
    if len(parts) > 1:
        return [[_part(piece, order) for piece in parts]]
    if len(items) == 1:
        return [[items[0]]]
    rows: Rows = []
    between: list[int] = []
    alone = _comparable(items, order)
    for item in items:
        if item not in alone:
            between.append(item)
            continue
        rows += _between(between, order)
        rows.append([item])
        between = []
    return rows + _between(between, order)


def _comparable(items: list[int], order: _Order) -> set[int]:
    """Return the items that are before or behind every other one."""
    bit = {item: 1 << i for i, item in enumerate(items)}
    after = {item: [one for one in order.after[item] if one in bit] for item in items}
    below = dict.fromkeys(items, 0)
    above = dict.fromkeys(items, 0)
    for item in reversed(items):
        for follower in after[item]:
            below[item] |= bit[follower] | below[follower]
    for item in items:
        for follower in after[item]:
            above[follower] |= bit[item] | above[item]
    everything = (1 << len(items)) - 1
    return {item for item in items if below[item] | above[item] | bit[item] == everything}


def _between(items: list[int], order: _Order) -> Rows:
    """Return the rows of what lies between two items that are alone in their rows."""
    if not items:
        return []
    parts = _pieces(items, order)
    return [[_part(piece, order) for piece in parts]] if len(parts) > 1 else _ranked(items, order)


def _part(items: list[int], order: _Order) -> Part:
    rows = _rows(items, order)
    return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else rows


def _pieces(items: list[int], order: _Order) -> list[list[int]]:
    """Return the parts that no edge joins, each in the order of the code."""
    lead = {item: item for item in items}

    def leader(item: int) -> int:
        while lead[item] != item:
            lead[item] = lead[lead[item]]
            item = lead[item]
        return item

    for item in items:
        for follower in order.after[item]:
            if follower in lead:
                a, b = sorted((leader(item), leader(follower)))
                lead[b] = a
    pieces: dict[int, list[int]] = {}
    for item in items:
        pieces.setdefault(leader(item), []).append(item)
    return list(pieces.values())


def _ranked(items: list[int], order: _Order) -> Rows:
    """Return rows by the longest path, in each of which an item stands near what it reads."""
    rank = dict.fromkeys(items, 0)
    before: dict[int, list[int]] = {item: [] for item in items}
    for item in items:
        for follower in order.after[item]:
            if follower in rank:
                rank[follower] = max(rank[follower], rank[item] + 1)
                before[follower].append(item)
    # What nothing inside leads to stands right above its first reader.
    for item in reversed(items):
        if not before[item]:
            ranks = [rank[follower] for follower in order.after[item] if follower in rank]
            rank[item] = max(min(ranks, default=1) - 1, 0)
    trunk = _heaviest(items, before, order)
    order.trunk.update(trunk)
    rows: list[list[int]] = [[] for _ in range(max(rank.values()) + 1)]
    for item in items:
        rows[rank[item]].append(item)
    place: dict[int, float] = {}
    for row in rows:
        wanted = {
            item: _mean([place[one] for one in before[item]], i) for i, item in enumerate(row)
        }
        # The trunk is straight, and what reads it alone stands at its right.
        wanted |= {item: 0.0 if item in trunk else wanted[item] or 0.5 for item in row}
        row.sort(key=wanted.__getitem__)
        middle = next((i for i, item in enumerate(row) if item in trunk), (len(row) - 1) / 2)
        place |= {item: i - middle for i, item in enumerate(row)}
    return [list(row) for row in rows if row]


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _heaviest(items: list[int], before: Mapping[int, list[int]], order: _Order) -> set[int]:
    """Return the items on the way of most weight."""
    total: dict[int, tuple[int, int, int]] = {}
    reads: dict[int, list[int]] = {}
    for item in items:
        own = order.weights.get(item, (0, 0, 0))
        ways = [one for one in before[item] if (one, item) in order.main]
        ways = ways or before[item]
        # What only joins in from the side, as a lateral of a pyramid, is no beginning of the trunk.
        reads[item] = [one for one in ways if before[one]] or ways
        best = max((total[one] for one in reads[item]), default=(0, 0, 0))
        total[item] = (own[0] + best[0], own[1] + best[1], own[2] + best[2])
    ends = [item for item in items if not any(after in total for after in order.after[item])]
    path = [max(ends, key=total.__getitem__)]
    while reads[path[-1]]:
        path.append(max(reads[path[-1]], key=total.__getitem__))
    return set(path)
