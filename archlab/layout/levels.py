"""A drawing as levels: each group holds items, and edges between, into and out of them.

An edge lies between two items of the lowest group that holds both of its ends. Items are numbers:
boxes first, then groups. An edge that enters or leaves a level has no tail or no head there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from archlab.fold.drawing import SHORTCUTS, Drawing, Role

ROOT = -1
OUTSIDE = -2


@dataclass(frozen=True, slots=True)
class Link:
    """A drawing's edge as one level sees it: from item to item, or OUTSIDE."""

    edge: int
    tail: int
    head: int
    net: int  # the box that it comes from: edges of one box share their lines
    role: Role
    back: bool = False  # drawn against the flow

    @property
    def beside(self) -> bool:
        """Whether it is a way around others."""
        return self.role in SHORTCUTS


@dataclass(slots=True)
class Level:
    """The inside of a group."""

    items: list[int] = field(default_factory=list)  # in the order of the code
    links: list[Link] = field(default_factory=list)


@dataclass(frozen=True)
class Levels:
    """All levels of a drawing, by the number of their group."""

    drawing: Drawing
    levels: dict[int, Level]
    weights: dict[int, tuple[int, int, int]]  # item -> how much of the net it carries
    parent: dict[int, int]  # item -> the group around it, or ROOT

    def is_box(self, item: int) -> bool:
        """Whether an item is a box, and no group."""
        return item < len(self.drawing.boxes)

    def key(self, item: int) -> str:
        """The id of an item in the drawing."""
        boxes = self.drawing.boxes
        return boxes[item].id if item < len(boxes) else self.drawing.groups[item - len(boxes)].id


def levels(drawing: Drawing) -> Levels:
    """Return the levels of a drawing."""
    boxes, groups = drawing.boxes, drawing.groups
    number = {group.id: len(boxes) + i for i, group in enumerate(groups)} | {"": ROOT}
    place = {box.id: i for i, box in enumerate(boxes)}
    parent = {i: number[box.group] for i, box in enumerate(boxes)}
    parent |= {number[group.id]: number[group.parent] for group in groups}
    found = {key: Level() for key in (ROOT, *range(len(boxes), len(boxes) + len(groups)))}
    order: dict[int, int] = {}  # item -> its first box
    for i in range(len(boxes)):
        item = i
        while item != ROOT and item not in order:
            order[item] = i
            found[parent[item]].items.append(item)
            item = parent[item]
    for k, edge in enumerate(drawing.edges):
        tails, heads = (_chain(place[end], parent) for end in (edge.tail, edge.head))
        around = set(heads)
        # The lowest group around both ends; an edge from a box to itself lies in the box's group.
        common = next(level for level in tails[1:] if level in around)
        tail, head = tails[tails.index(common) - 1], heads[heads.index(common) - 1]
        net = place[edge.tail]
        back = order[tail] >= order[head]
        found[common].links.append(Link(k, tail, head, net, edge.role, back))
        for below, level in pairwise(tails[: tails.index(common)]):
            found[level].links.append(Link(k, below, OUTSIDE, net, edge.role))
        for below, level in pairwise(heads[: heads.index(common)]):
            found[level].links.append(Link(k, OUTSIDE, below, net, edge.role))
    return Levels(drawing, found, _weights(drawing, parent), parent)


def _chain(item: int, parent: dict[int, int]) -> list[int]:
    """Return an item and the groups around it, up to the root."""
    chain = [item]
    while chain[-1] != ROOT:
        chain.append(parent[chain[-1]])
    return chain


def _weights(drawing: Drawing, parent: dict[int, int]) -> dict[int, tuple[int, int, int]]:
    """Return MACs, parameters and boxes of every item, without what runs in training only."""
    weights: dict[int, tuple[int, int, int]] = {}
    extra = {
        len(drawing.boxes) + i
        for i, group in enumerate(drawing.groups)
        if group.mark == "train only"
    }
    for i, box in enumerate(drawing.boxes):
        own = (box.amounts.macs or 0, box.amounts.params or 0, 1)
        chain = _chain(i, parent)[:-1]
        if box.mark == "train only" or not extra.isdisjoint(chain):
            own = (0, 0, 0)
        for item in chain:
            a, b, c = weights.get(item, (0, 0, 0))
            weights[item] = (a + own[0], b + own[1], c + own[2])
    return weights
