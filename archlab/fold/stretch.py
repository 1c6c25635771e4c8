"""Neighbours put together where a module holds more than a picture has room for.

A row of items is cut where lines fork and join, so that every skip leaves and ends where it does
in the model. Where that is still too much, whole regions with one way in and out become one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import accumulate, pairwise

from archlab.fold.flow import Flow
from archlab.fold.tree import Block, Item, Leaf

_STEPS = "steps"  # ends the type of a stretch, which no module's does
_WHOLE = 3  # modules among the children from which on they are what the picture is about
_FEW = 3  # a picture below a third of its room is worth a region that is cut anywhere

Span = tuple[int, int]  # the first item, and the one after the last
Row = list[Span]


def stretches(parent: Block, room: int, flow: Flow) -> tuple[Item, ...]:
    """Return the children, neighbours put together so that at most `room` (2 or more) are left.

    Operators between modules go first, so that the modules stay whole where they can.
    """
    items, room = parent.children, max(room, 2)
    if len(items) <= room:
        return items
    links = _links(parent, flow)
    ends = _ends_of_chains(links, len(items))
    joins = {i for i in range(len(items)) if len({a for a, b in links if b == i}) > 1}
    for cuts in (ends | joins, ends):  # a join keeps a box of its own where there is room
        units = _units(items, cuts)
        chains = _rows(units, cuts)
        if len(chains) <= room:
            return _shown(parent, _shared(chains, room))
    regions = [_rows(part, ends) for part in _rows(units, _ends_of_regions(links, len(items)))]
    if len(regions) >= room:
        return _shown(parent, _even([_whole(region) for region in regions], room))
    modules = {i for i, item in enumerate(items) if not is_loose(item)}
    about = modules if len(modules) >= _WHOLE else set(range(len(items)))
    return _shown(parent, _opened(regions, room, links, about))


def is_stretch(block: Block) -> bool:
    """Whether a block is neighbours put together, no module."""
    return block.sealed and block.type.endswith(_STEPS)


def is_loose(item: Item) -> bool:
    """Whether an item is an operator that no module of its own stands for."""
    return isinstance(item, Leaf) and not item.own


def extent(block: Block) -> str:
    """Return the module's path; of several put together the first and the last."""
    if not is_stretch(block):
        return block.path
    paths = [child.path for child in block.children if child.path]
    return " … ".join(dict.fromkeys((paths[0], paths[-1]))) if paths else ""


def _links(parent: Block, flow: Flow) -> set[tuple[int, int]]:
    """Return which child reads which, by index; what is outside is -1, and the number of them."""
    place = {node: i for i, item in enumerate(parent.children) for node in item.nodes}
    count = len(parent.children)
    links = {
        (place.get(source, -1), i)
        for node, i in place.items()
        for source in flow.sources.get(node, ())
    }
    links |= {
        (i, place.get(reader, count))
        for node, i in place.items()
        for reader in flow.readers.get(node, ())
    }
    return {(a, b) for a, b in links if a < b}


def _ends_of_chains(links: Collection[tuple[int, int]], count: int) -> set[int]:
    """Return the items that are not followed by their only reader, which reads nothing else."""
    read: dict[int, set[int]] = {}
    reads: dict[int, set[int]] = {}
    for a, b in links:
        read.setdefault(a, set()).add(b)
        reads.setdefault(b, set()).add(a)
    return {i for i in range(count) if read.get(i) != {i + 1} or reads.get(i + 1) != {i}}


def _ends_of_regions(links: Collection[tuple[int, int]], count: int) -> set[int]:
    """Return the items that all links end at, or begin at: nothing passes by their end."""
    crossed = [0] * (count + 1)
    for a, b in links:
        crossed[a + 1] += 1
        crossed[b] -= 1
    return {i for i, passing in enumerate(accumulate(crossed[:count])) if passing == 0}


def _units(items: Sequence[Item], ends: Collection[int]) -> Row:
    """Return the smallest parts: items, or rows of operators between the modules of a chain."""
    together = sum(not is_loose(item) for item in items) >= _WHOLE
    units: Row = []
    for i, item in enumerate(items):
        before = i and i - 1 not in ends and is_loose(items[i - 1])
        if together and before and is_loose(item):
            units[-1] = (units[-1][0], i + 1)
        else:
            units.append((i, i + 1))
    return units


def _rows(units: Row, ends: Collection[int]) -> list[Row]:
    """Return the parts up to each end as rows."""
    rows: list[Row] = [[]]
    for start, end in units:
        rows[-1].append((start, end))
        if end - 1 in ends:
            rows.append([])
    return [row for row in rows if row]


def _whole(rows: Sequence[Row]) -> Span:
    return rows[0][0][0], rows[-1][-1][1]


def _even(parts: Sequence[Span], count: int) -> Row:
    """Put neighbours together: the longer rows come first, and are longer by one at most."""
    step, rest = divmod(len(parts), count)
    starts = [i * step + min(i, rest) for i in range(count + 1)]
    return [(parts[start][0], parts[end - 1][1]) for start, end in pairwise(starts)]


def _shared(rows: Sequence[Row], room: int) -> Row:
    """Give each row one box, and what room is left to those whose boxes would hold the most."""
    boxes = [1] * len(rows)
    for _ in range(room - len(rows)):
        i = max(range(len(rows)), key=lambda i: len(rows[i]) / boxes[i])
        if len(rows[i]) == boxes[i]:
            break
        boxes[i] += 1
    return [span for row, count in zip(rows, boxes, strict=True) for span in _even(row, count)]


def _opened(
    regions: Sequence[list[Row]],
    room: int,
    links: Collection[tuple[int, int]],
    about: set[int],
) -> Row:
    """Show the rows of the regions that are made of the fewest, while they fit.

    What does not fit stays closed. Where that would be most of the picture, the items that the
    picture is about are kept apart in it; if these are all of them, it is cut anywhere.
    """
    left = room - len(regions)
    shown = [[[_whole(region)]] for region in regions]
    for i in sorted(range(len(regions)), key=lambda i: len(regions[i])):
        if left >= len(regions[i]) - 1:
            shown[i] = regions[i]
            left -= len(regions[i]) - 1
        elif left * _FEW > room:
            parts = _kept(_whole(regions[i]), about)
            if len(parts) > left + 1 and about.issuperset(range(*_whole(regions[i]))):
                parts = _even([_whole([row]) for row in regions[i]], left + 1)
            if len(parts) <= left + 1 and _is_sequence(parts, links):
                shown[i] = [[span] for span in parts]
                left -= len(parts) - 1
    return _shared([row for region in shown for row in region], room)


def _kept(span: Span, about: Collection[int]) -> Row:
    """Return some items each for itself, and what is between them together."""
    parts: Row = []
    for i in range(*span):
        if parts and i not in about and i - 1 not in about:
            parts[-1] = (parts[-1][0], i + 1)
        else:
            parts.append((i, i + 1))
    return parts


def _is_sequence(parts: Row, links: Collection[tuple[int, int]]) -> bool:
    """Whether most parts read the one before; what stands side by side says nothing in pieces."""
    where = {i: k for k, (start, end) in enumerate(parts) for i in range(start, end)}
    read = {where[b] for a, b in links if a in where and b in where and where[a] + 1 == where[b]}
    return 2 * len(read) > len(parts) - 1


def _shown(parent: Block, spans: Row) -> tuple[Item, ...]:
    return tuple(_together(parent, parent.children[start:end]) for start, end in spans)


def _together(parent: Block, part: Sequence[Item]) -> Item:
    if len(part) == 1:
        return part[0]
    nodes = tuple(node for item in part for node in item.nodes)
    path = part[0].path or parent.path
    return Block(path, f"{len(part)} {_STEPS}", tuple(part), nodes, sealed=True)
