"""Which modules are open: as much detail as a budget of boxes allows, alike modules alike.

First one of each sort is opened, level by level; then, if they all fit, the others of its sort.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from archlab.fold.expand import not_opened
from archlab.fold.repeat import Keys
from archlab.fold.stretch import is_loose, stretches
from archlab.fold.tree import Block, Item, Run
from archlab.ir.graph import Graph

BOXES, OPS_BOXES = 60, 600  # the budget of a drawing, and of one with every operator

_FEW = 3  # a picture below a third of its budget opens its largest module in stretches
_LITTLE = 20  # boxes below which one block is opened to the last
_LOOSE = 8  # operators without a module, from which on a closed box tells more than they do

# Open block -> the items drawn inside it, which may be stretches of its own.
Open = dict[Block, tuple[Item, ...]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asks for: boxes at most, levels of modules, paths to open in any case."""

    boxes: int = BOXES
    depth: int | None = None
    expand: tuple[str, ...] = ()
    insets: bool = False  # what occurs often is drawn once, beside the rest


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


def chosen(root: Block, keys: Keys, wish: Wish, room: int, shut: Collection[int] = ()) -> Open:
    """Return the open blocks and what is drawn inside each, in `room` boxes at most.

    Input and output are not counted. Of the sorts in `shut` only what is wished for is open.

    Raises:
        OptionError: a path to expand is no module of this trace.
    """
    forced = _forced(root, wish.expand, keys.graph)
    if wish.depth is not None:
        return {block: block.children for block in _blocks(root, wish.depth)} | forced
    opened: Open = {root: root.children, **forced}
    if len(root.children) > room:
        opened[root] = stretches(root, room, keys.flow)
    _open_exemplars(root, opened, keys, room, shut)
    _open_others(root, opened, keys, room, shut)
    shown = [item for item, _ in visible(root, opened)]
    blocks = [item for item in shown if isinstance(item, Block) and not item.sealed]
    closed = [block for block in blocks if keys.alike(block) not in shut]
    if closed and len(shown) * _FEW < room:
        largest = max(closed, key=lambda block: len(block.nodes))
        opened[largest] = stretches(largest, room - len(shown), keys.flow)
    return opened


def _open_exemplars(
    root: Block, opened: Open, keys: Keys, room: int, shut: Collection[int]
) -> None:
    """Open the first block of each sort that is not shut, the outer levels first.

    Where there is little room, one block that is open all the way tells more than all stages.
    """
    inward = -1 if room < _LITTLE else 1
    sorts = {keys.alike(block) for block in opened}.union(shut)
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
        _, block = min(fits, key=lambda entry: (_mostly_loose(entry[1]), inward * entry[0]))
        sorts.add(keys.alike(block))
        opened[block] = block.children


def _mostly_loose(block: Block) -> bool:
    """Whether a block is mostly operators without modules of their own."""
    loose = sum(map(is_loose, block.children))
    return loose > _LOOSE and 2 * loose > len(block.children)


def _open_others(root: Block, opened: Open, keys: Keys, room: int, shut: Collection[int]) -> None:
    """Open whole sorts exactly as their first one is open, all blocks or none, while they fit."""
    while True:
        examples = ((keys.alike(block), block) for block in reversed(opened))
        first = {sort: block for sort, block in examples if sort not in shut}
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
    elif isinstance(item, Block) and (depth != 0 or item.is_unit):
        yield item
        # Items that repeat together are no level of modules.
        below = depth if depth is None or item.is_unit else depth - 1
        for child in item.children:
            yield from _blocks(child, below, every=every)


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
