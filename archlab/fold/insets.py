"""Modules that occur often, drawn once beside the picture: each of their boxes has a letter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from archlab.fold.choose import Open, Wish, chosen
from archlab.fold.drawing import Drawing, Inset
from archlab.fold.emit import Canvas
from archlab.fold.level import cut_out
from archlab.fold.repeat import Keys
from archlab.fold.tree import CONTAINERS, RECURRENT, Block, Item, Run

OFTEN = 3  # places in which a sort of module is drawn, from which on it has an inset
_LEAST = 3  # parts of a module that is worth one
_LETTERS = "ABCDEF"
_ROOM = 16  # boxes of one inset

Draw = Callable[[Open], tuple[Drawing, Canvas]]


def often(root: Block, keys: Keys) -> frozenset[int]:
    """Return the sorts of modules that are drawn in several places, the outermost ones."""
    kept = Counter(map(keys.alike, _worth(root, ())))
    while True:
        least = {sort for sort, count in kept.items() if count >= OFTEN}
        # What is only found inside of another one is drawn there.
        found = Counter(map(keys.alike, _worth(root, least, keys)))
        kept = Counter({sort: count for sort, count in found.items() if sort in least})
        if least == {sort for sort, count in kept.items() if count >= OFTEN}:
            return frozenset(sort for sort, _ in kept.most_common(len(_LETTERS)))


def _worth(item: Item, closed: Collection[int], keys: Keys | None = None) -> Iterator[Block]:
    """Yield the modules below an item that an inset could show; nothing inside `closed` sorts."""
    for child in item.members[:1] if isinstance(item, Run) else getattr(item, "children", ()):
        if isinstance(child, Block) and not child.sealed and child.kind is None:
            if len(child.children) >= _LEAST and child.type not in (*CONTAINERS, *RECURRENT, ""):
                yield child
                if keys is not None and keys.alike(child) in closed:
                    continue
            yield from _worth(child, closed, keys)
        elif isinstance(child, Run):
            yield from _worth(child, closed, keys)


def with_insets(
    drawing: Drawing, canvas: Canvas, closed: Iterable[Block], keys: Keys, drawn: Draw
) -> Drawing:
    """Return the drawing with a letter for each sort of closed modules, and their insides beside.

    `canvas` is that of the drawing; `drawn` makes another one, in which more is open.
    """
    shown: dict[int, list[Block]] = {}
    for block in closed:
        shown.setdefault(keys.alike(block), []).append(block)
    letters: dict[str, str] = {}
    insets = []
    for letter, blocks in zip(_LETTERS, shown.values(), strict=False):
        example = blocks[0]
        inside, more = drawn(canvas.opened | chosen(example, keys, Wish(_ROOM), _ROOM))
        content = cut_out(inside, more.places[example], example.path)
        insets.append(Inset(letter, example.type, example.path, len(blocks), content))
        letters |= {canvas.places[block]: letter for block in blocks}
    boxes = tuple(replace(box, inset=letters.get(box.id, "")) for box in drawing.boxes)
    return replace(drawing, boxes=boxes, insets=tuple(insets))
