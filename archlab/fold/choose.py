"""Which modules are open: as much detail as a budget of boxes allows, alike modules alike.

First one of each sort is opened, level by level; then, if they all fit, the others of its sort.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from archlab.fold.expand import not_opened
from archlab.fold.repeat import Keys
from archlab.fold.tree import Block, Item, Leaf, Run
from archlab.ir.graph import Graph

BOXES, OPS_BOXES = 60, 600  # the budget of a drawing, and of one with every operator

_FEW = 3  # a picture below a third of its budget opens its largest module in stretches
_STEPS = "steps"  # ends the type of a stretch, which no module's does
_LOOSE = 8  # operators without a module, from which on a closed box tells more than they do
_WHOLE = 3  # modules among the children from which on they are what the picture is about

# Open block -> the items drawn inside it, which may be stretches of its own.
Open = dict[Block, tuple[Item, ...]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asks for: boxes at most, levels of modules, paths to open in any case."""

    boxes: int = BOXES
    depth: int | None = None
    expand: tuple[str, ...] = ()


def visible(root: Item, opened: Open) -> Iterator[tuple[Item, int]]:
    """Yield what is drawn as a box, with its level; of a run its first member."""
    waiting: list[tuple[Item, int]] = [(root, 0)]
    while waiting:
        item, level = waiting.pop()
        if isinstance(item, Run):
            waiting.append((item.members[0], level))
        elif isinstance(item, Block) and item in opened:
            waiting += [(child, level + 1) for child in reversed(opened[item])]
        else:
            yield item, level


def chosen(root: Block, keys: Keys, wish: Wish, room: int) -> Open:
    """Return the open blocks and what is drawn inside each, in `room` boxes at most.

    Input and output are not counted.

    Raises:
        OptionError: a path to expand is no module of this trace.
    """
    forced = _forced(root, wish.expand, keys.graph)
    if wish.depth is not None:
        return {block: block.children for block in _blocks(root, wish.depth)} | forced
    opened: Open = {root: root.children, **forced}
    if len(root.children) > room:
        opened[root] = stretches(root, room)
    _open_exemplars(root, opened, keys, room)
    _open_others(root, opened, keys, room)
    shown = [item for item, _ in visible(root, opened)]
    closed = [item for item in shown if isinstance(item, Block) and not item.sealed]
    if closed and len(shown) * _FEW < room:
        largest = max(closed, key=lambda block: len(block.nodes))
        opened[largest] = stretches(largest, room - len(shown))
    return opened


def _open_exemplars(root: Block, opened: Open, keys: Keys, room: int) -> None:
    """Open the first block of each sort, the outer levels first."""
    sorts = {keys.alike(block) for block in opened}
    while True:
        shown = list(visible(root, opened))
        fits = [
            (level, item)
            for item, level in shown
            if isinstance(item, Block)
            and not item.sealed
            and keys.alike(item) not in sorts
            and len(shown) + len(item.children) - 1 <= room
        ]
        if not fits:
            return
        # `min` takes the first of several with the same level.
        _, block = min(fits, key=lambda entry: (_mostly_loose(entry[1]), entry[0]))
        sorts.add(keys.alike(block))
        opened[block] = block.children


def _mostly_loose(block: Block) -> bool:
    """Whether a block is mostly operators without modules of their own."""
    loose = sum(map(_is_loose, block.children))
    return loose > _LOOSE and 2 * loose > len(block.children)


def _open_others(root: Block, opened: Open, keys: Keys, room: int) -> None:
    """Open whole sorts exactly as their first one is open, all blocks or none, while they fit."""
    while True:
        first = {keys.alike(block): block for block in reversed(opened)}
        shown = list(visible(root, opened))
        sorts: dict[int, list[tuple[int, Block]]] = {}
        for item, level in shown:
            if isinstance(item, Block) and not item.sealed and keys.alike(item) in first:
                sorts.setdefault(keys.alike(item), []).append((level, item))
        fits = []
        for sort, alike in sorts.items():
            # Each block, one box until now, will show as many boxes as its example does.
            boxes = len(alike) * (len(list(visible(first[sort], opened))) - 1)
            if len(shown) + boxes <= room:
                fits.append((alike[0][0], boxes, sort))
        if not fits:
            return
        *_, sort = min(fits)
        for _, block in sorts[sort]:
            _open_like(first[sort], block, opened)


def _open_like(model: Item, item: Item, opened: Open) -> None:
    """Open a block, and what is inside it, as an alike one is open."""
    if isinstance(model, Run) and isinstance(item, Run):
        _open_like(model.members[0], item.members[0], opened)
    elif isinstance(model, Block) and isinstance(item, Block) and model in opened:
        opened[item] = item.children
        for example, child in zip(model.children, item.children, strict=True):
            _open_like(example, child, opened)


def _blocks(item: Item, depth: int | None = None, *, every: bool = False) -> Iterator[Block]:
    """Yield the blocks down to a depth; of a run those of its first member, or of every one."""
    if isinstance(item, Run):
        for member in item.members if every else item.members[:1]:
            yield from _blocks(member, depth, every=every)
    elif isinstance(item, Block) and depth != 0:
        yield item
        for child in item.children:
            yield from _blocks(child, None if depth is None else depth - 1, every=every)


def _forced(root: Block, paths: Sequence[str], graph: Graph) -> Open:
    """Return the blocks at the paths, those around them, and all inside."""
    opened: Open = {}
    for path in paths:
        block = next((block for block in _blocks(root) if path in block.paths), None)
        if block is None:
            # A path may lie in a repeat that is drawn once; it is suggested all the same.
            blocks = _blocks(root, every=True)
            known = sorted({path for block in blocks for path in block.paths if path})
            raise not_opened(graph, root, path, known)
        inside = set(block.nodes)
        around = (outer for outer in _blocks(root) if inside <= set(outer.nodes))
        opened |= {part: part.children for part in (*around, *_blocks(block))}
    return opened


def stretches(parent: Block, room: int) -> tuple[Item, ...]:
    """Return the children, neighbours put together so that at most `room` (2 or more) are left.

    Operators between modules go first, so that the modules stay whole where they can.
    """
    items, room = parent.children, max(room, 2)
    if len(items) <= room:
        return items
    if sum(not _is_loose(item) for item in items) >= _WHOLE:
        joined: list[Item] = []
        for loose, row in groupby(items, key=_is_loose):
            part = list(row)
            joined += [_together(parent, part)] if loose else part
        items = tuple(joined)
    count = min(room, len(items))
    # The lengths differ by one at most, and the longer stretches come first.
    step, rest = divmod(len(items), count)
    starts = [i * step + min(i, rest) for i in range(count + 1)]
    return tuple(_together(parent, items[start:end]) for start, end in pairwise(starts))


def _is_loose(item: Item) -> bool:
    """Whether an item is an operator that no module of its own stands for."""
    return isinstance(item, Leaf) and not item.own


def _together(parent: Block, part: Sequence[Item]) -> Item:
    if len(part) == 1:
        return part[0]
    nodes = tuple(node for item in part for node in item.nodes)
    path = part[0].path or parent.path
    return Block(path, f"{len(part)} {_STEPS}", tuple(part), nodes, sealed=True)


def is_stretch(block: Block) -> bool:
    """Whether a block is neighbours put together, no module."""
    return block.sealed and block.type.endswith(_STEPS)
