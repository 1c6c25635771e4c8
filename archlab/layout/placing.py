"""Boxes, groups and levels as blocks, from the inside out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from archlab.fold.drawing import Role, Shape
from archlab.layout.aside import beside, halves
from archlab.layout.bend import Bend, bend, bent
from archlab.layout.block import Block
from archlab.layout.channel import BEFORE
from archlab.layout.divide import Part, Rows, divide, members
from archlab.layout.levels import ROOT, Levels, Link
from archlab.layout.placed import Rect, Sizes, Tab
from archlab.layout.stack import Stack

PAD = 10.0  # inside a frame
MARGIN = 6.0  # between a text and a line, or the end of a header
_LARGE = 4  # boxes of a module that is half of its level
CAPTION = 3.0  # between a box and the text beside it
_JOINS = frozenset({Shape.SUM, Shape.PRODUCT, Shape.CONCAT})


@dataclass
class Placing:
    """What all levels of a drawing are placed with."""

    content: Levels
    sizes: Sizes
    across: bool
    columns: dict[int, Sequence[int]] = field(default_factory=dict)  # level -> rows that begin one
    stacks: dict[int, Block] = field(default_factory=dict)
    rows: dict[int, Rows] = field(default_factory=dict)  # of every level
    trunk: set[int] = field(default_factory=set)  # items on the way of most weight
    upward: bool = False  # what is placed now will be turned upside down
    # Group, and whether it goes upward -> its block.
    done: dict[tuple[int, bool], Block] = field(default_factory=dict)

    def level(self, key: int) -> Block:
        """Return the inside of a level."""
        level, columns = self.content.levels[key], self.columns.get(key, ())
        straight = columns or self.across
        found = None if straight else self.bend(key)
        rows = self._rows(key)
        two = None if straight or found else halves(rows, level.links, self._is_large)
        if two:
            left, right = (self._stack(half, level.links) for half in two)
            block = _apart(beside(left, right, level.links), 0 if key == ROOT else BEFORE)
        elif found:
            block = _apart(bent(found, rows, level.links, self._side), 0 if key == ROOT else BEFORE)
        else:
            block = self._stack(rows, level.links, framed=key != ROOT, columns=columns)
        self.stacks[key] = block
        return block

    def bend(self, key: int) -> Bend | None:
        """Return where a level turns, or None where it does not have the form of a U."""
        return bend(self._rows(key), self.content.levels[key].links, self._meets)

    def _rows(self, key: int) -> Rows:
        if key not in self.rows:
            level = self.content.levels[key]
            self.rows[key], trunk = divide(level.items, level.links, self.content.weights)
            self.trunk |= trunk
        return self.rows[key]

    def _is_join(self, item: int) -> bool:
        return self.content.is_box(item) and self.content.drawing.boxes[item].shape in _JOINS

    def _meets(self, link: Link) -> bool:
        """Whether a skip may lead into the side of what a link ends at."""
        skips = link.role == Role.CONCAT and self.content.is_box(link.head)
        return skips or self._is_join(link.head)

    def _is_large(self, part: Part) -> bool:
        """Whether a part is an open module with several boxes."""
        if not isinstance(part, int) or self.content.is_box(part):
            return False
        return self.content.weights.get(part, (0, 0, 0))[2] >= _LARGE

    def _side(
        self, rows: Rows, links: Sequence[Link], extra: Mapping[int, float], *, upward: bool = False
    ) -> Block:
        """Return one side of a level that has the form of a U."""
        around, self.upward = self.upward, self.upward != upward
        stack = Stack(rows, links, self._part, framed=False, rank=self._rank, extra=extra)
        self.upward = around
        return stack.placed()

    def _stack(
        self, rows: Rows, links: Sequence[Link], *, framed: bool = False,
        columns: Sequence[int] = (),
    ) -> Block:  # fmt: skip
        if not rows:
            return Block(0.0, 0.0, 0.0)
        stack = Stack(rows, links, self._part, framed=framed, columns=columns, rank=self._rank)
        return stack.placed()

    def _rank(self, part: Part, links: Sequence[Link]) -> tuple[int, ...]:
        """Return how much the trunk wants to run through a part; below zero what goes around."""
        inside = set(members(part))
        entering = [link for link in links if link.tail not in inside]
        leaving = [link for link in links if link.head not in inside]
        for group in (entering, leaving):
            if group and all(link.beside for link in group):
                return (-1, 0, 0, 0)
        sums = [self.content.weights.get(item, (0, 0, 0)) for item in inside]
        if isinstance(part, int) and part in self.trunk:
            return (2, 0, 0, 0)
        return (bool(leaving), *(sum(column) for column in zip(*sums, strict=True)))

    def _part(self, part: Part, links: Sequence[Link]) -> Block:
        if not isinstance(part, int):
            return self._stack(part, links)
        return self._box(part, links) if self.content.is_box(part) else self._group(part)

    def _box(self, item: int, links: Sequence[Link]) -> Block:
        key = self.content.key(item)
        width, high = self.sizes.boxes[key]
        block = Block(
            width / 2, width / 2, high, item=item, rect=Rect(-width / 2, 0.0, width, high)
        )
        block.joins = self._is_join(item)
        block.ins = {link.edge: 0.0 for link in links if link.head == item}
        block.outs = {link.edge: 0.0 for link in links if link.tail == item}
        if key in self.sizes.labels and block.outs:
            w, h = self.sizes.labels[key]
            if self.across:  # above the line, which runs to the right
                block.label = Rect(-w - 2, block.height + 6, w, h)
            else:
                block.label = Rect(MARGIN, block.height + 3, w, h)
            block.right = max(block.right, block.label.right)
            block.left = max(block.left, -block.label.x)
            block.height = block.label.bottom
            down = [(0.0, high), (0.0, block.height)]
            block.lines = [(link, down) for link in links if link.tail == item]
        if key in self.sizes.captions:
            _with_caption(block, *self.sizes.captions[key], links)
        return block

    def _group(self, item: int) -> Block:
        key = item, self.upward
        if key not in self.done:
            self.done[key] = self._framed(item)
        return self.done[key]

    def _framed(self, item: int) -> Block:
        inner = self.level(item)
        tab = self.sizes.tabs[self.content.key(item)]
        # The header stands at the top, also where the flow goes up.
        ports = sorted(set((inner.outs if self.upward else inner.ins).values()))
        low, high = -inner.left - PAD, inner.right + PAD
        if self.across:
            # The header lies along the upper edge, and lines come in at the left one.
            width = max(inner.height, tab.name + tab.facts + 4 * MARGIN)
            top, head = (width - inner.height) / 2, 0.0
            low -= tab.height
            name = Rect(low, 2 * MARGIN, tab.height, tab.name)
            facts = Rect(low, 3 * MARGIN + tab.name, tab.height, tab.facts)
            block = Block(-low, high, width, dict(inner.ins), dict(inner.outs))
        else:
            head, top = tab.height, 0.0 if self.upward else tab.height
            at = inner.height if self.upward else 0.0
            name_x, facts_x, low, high = _header(tab, ports, low, high)
            name = Rect(name_x, at, tab.name, head)
            facts = Rect(facts_x, at, tab.facts, head)
            block = Block(-low, high, head + inner.height, dict(inner.ins), dict(inner.outs))
        block.item, block.name, block.facts = item, name, facts
        block.rect = Rect(low, 0.0, high - low, block.height)
        block.parts = [(0.0, top, inner)]
        return block


def _with_caption(block: Block, width: float, high: float, links: Sequence[Link]) -> None:
    """Put a text at the side of a box, and lead lines along it where it is the longer one."""
    box = block.rect
    assert box is not None
    block.height = max(box.h, high)
    top = (block.height - box.h) / 2
    block.rect = replace(box, y=top)
    block.label = Rect(box.w / 2 + CAPTION, (block.height - high) / 2, width, high)
    block.right = block.label.right
    if top:
        first, last = [(0.0, 0.0), (0.0, top)], [(0.0, top + box.h), (0.0, block.height)]
        lead = Block(0.0, 0.0, top, ins=block.ins)
        lead.lines = [(link, first) for link in links if link.edge in block.ins]
        block.parts = [(0.0, 0.0, lead)]
        block.lines = [(link, last) for link in links if link.edge in block.outs]


def _apart(block: Block, gap: float) -> Block:
    """Return a block with room above and below it."""
    whole = Block(block.left, block.right, block.height + 2 * gap, block.ins, block.outs)
    whole.parts = [(0.0, gap, block)]
    return whole


def _header(
    tab: Tab, ports: Sequence[float], low: float, high: float
) -> tuple[float, float, float, float]:
    """Return where name and facts stand clear of all lines, and where the frame ends."""
    first = ports[0] if ports else inf
    both = tab.name + (2 * MARGIN + tab.facts if tab.facts else 0)
    if low + MARGIN + both + MARGIN <= min(first, high) or not ports:
        return low + MARGIN, low + 3 * MARGIN + tab.name, low, max(high, low + 2 * MARGIN + both)
    low = min(low, first - 2 * MARGIN - tab.name)
    if not tab.facts:
        return low + MARGIN, low + MARGIN, low, high
    ends = [*ports[1:], inf]
    start = next(
        a + MARGIN for a, b in zip(ports, ends, strict=True) if b - a >= tab.facts + 2 * MARGIN
    )
    return low + MARGIN, start, low, max(high, start + tab.facts + MARGIN)
