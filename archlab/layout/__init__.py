"""Place a drawing by its structure: a straight trunk, branches side by side, shortcuts in lanes.

    Drawing, Sizes ── levels ── divide ── Stack (rows, channels, lanes) ──> Placed

Each group is a level of its own, laid out from the inside out. Pure and deterministic, in time that
grows with the number of boxes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import inf, log

from archlab.fold.drawing import Drawing, Shape
from archlab.layout.divide import Part, divide, members
from archlab.layout.levels import OUTSIDE, ROOT, Levels, Link, levels
from archlab.layout.placed import Frame, Placed, Point, Rect, Sizes, Tab
from archlab.layout.stack import Block, Stack

__all__ = ["Frame", "Placed", "Point", "Rect", "Sizes", "Tab", "layout"]

PAD = 10.0  # inside a frame
MARGIN = 6.0  # between a text and a line, or the end of a header
TALL, GOAL = 3.0, 1.4  # height to width above which a drawing is wrapped, and towards which
_MOST = 12  # columns
_LONG = 0.4  # the share of the height from which on a group may be wrapped itself
_NEAR = 0.25  # the distance from the ratio that is near enough
_WORTH = 0.05  # what one more column must gain
_LOST = 0.3  # what more columns may lose before no more are tried
_LINE = 0.12  # what one more line from column to column costs
_JOINS = frozenset({Shape.SUM, Shape.PRODUCT, Shape.CONCAT})


def layout(
    drawing: Drawing, sizes: Sizes, *, across: bool = False, goal: float | None = None
) -> Placed:
    """Return the geometry of a drawing.

    Args:
        drawing: boxes, groups and edges.
        sizes: how large the boxes, the labels and the headers are, in points.
        across: from left to right, and not from top to bottom.
        goal: the ratio of height to width that breaks the trunk into columns; None breaks only
            what is longer than 3:1; 0 never breaks it.
    """
    placing = _Placing(levels(drawing), sizes, across)
    whole = placing.level(ROOT)
    longest = TALL if goal is None else 0.0
    aim = GOAL if goal is None else goal
    if across and aim:
        aim = 1 / aim if goal is not None else GOAL
    if aim and whole.height > longest * (whole.left + whole.right):
        whole = placing.wrapped(whole, aim)
    return _flat(whole, placing, across=across)


@dataclass
class _Placing:
    """What all levels of a drawing are placed with."""

    content: Levels
    sizes: Sizes
    across: bool
    columns: dict[int, Sequence[int]] = field(default_factory=dict)  # level -> rows that begin one
    stacks: dict[int, Block] = field(default_factory=dict)
    trunk: set[int] = field(default_factory=set)  # items on the way of most weight
    done: dict[int, Block] = field(default_factory=dict)  # group -> its block

    def level(self, key: int) -> Block:
        """Return the inside of a level."""
        level = self.content.levels[key]
        rows, trunk = divide(level.items, level.links, self.content.weights)
        self.trunk |= trunk
        block = self._stack(rows, level.links, framed=key != ROOT, columns=self.columns.get(key, ()))
        self.stacks[key] = block
        return block

    def _stack(
        self, rows: list[list[Part]], links: Sequence[Link], *, framed: bool = False,
        columns: Sequence[int] = (),
    ) -> Block:  # fmt: skip
        if not rows:
            return Block(0.0, 0.0, 0.0)
        stack = Stack(rows, links, self._part, framed=framed, columns=columns, trunk=self._rank)
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
        block = Block(width / 2, width / 2, high, item=item, rect=Rect(-width / 2, 0.0, width, high))
        block.joins = self.content.drawing.boxes[item].shape in _JOINS
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
        return block

    def _group(self, item: int) -> Block:
        if item not in self.done:
            self.done[item] = self._framed(item)
        return self.done[item]

    def _framed(self, item: int) -> Block:
        inner = self.level(item)
        tab = self.sizes.tabs[self.content.key(item)]
        ports = sorted(set(inner.ins.values()))
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
            head, top = tab.height, tab.height
            name_x, facts_x, low, high = _header(tab, ports, low, high)
            name = Rect(name_x, 0.0, tab.name, head)
            facts = Rect(facts_x, 0.0, tab.facts, head)
            block = Block(-low, high, head + inner.height, dict(inner.ins), dict(inner.outs))
        block.item, block.name, block.facts = item, name, facts
        block.rect = Rect(low, 0.0, high - low, block.height)
        block.parts = [(0.0, top, inner)]
        return block

    def wrapped(self, whole: Block, goal: float) -> Block:
        """Return the drawing in columns, so that it comes near a ratio of height to width.

        The root is broken first, then the group that is the longest, then the longest in it.
        """
        best, distance, chosen = whole, _distance(whole, goal), self.columns
        found = chosen
        for key in self._tallest(whole):
            stack = self.stacks[key]
            for lines, count in product(sorted(set(stack.breaks.values())), range(2, _MOST + 1)):
                columns = _columns(stack, count, lines)
                if len(columns) < count - 1:
                    continue
                block = self._anew(chosen | {key: columns}, key)
                far = _distance(block, goal) + _LINE * (lines - 1)
                if far < distance - _WORTH:
                    best, distance, found = block, far, self.columns
                elif far > distance + _LOST:
                    break
            chosen = found
            self._anew(chosen, key)
            if distance < _NEAR:
                break
        return best

    def _anew(self, columns: dict[int, Sequence[int]], key: int) -> Block:
        """Return the drawing with other columns in a level; what is beside it stays."""
        self.columns = columns
        while key != ROOT:
            self.done.pop(key, None)
            key = self.content.parent[key]
        return self.level(ROOT)

    def _tallest(self, whole: Block) -> list[int]:
        """Return the levels that make the drawing long: the root, its longest group, and so on."""
        keys, block = [ROOT], whole
        while True:
            groups = [
                part
                for part in _parts(block)
                if part.item != OUTSIDE and not self.content.is_box(part.item)
            ]
            longest = max(groups, key=lambda part: part.height, default=None)
            if longest is None or longest.height < _LONG * whole.height:
                return keys
            keys.append(longest.item)
            block = self.stacks[longest.item]


def _parts(block: Block) -> Iterator[Block]:
    """Yield the boxes and groups in a block."""
    for _, _, part in block.parts:
        if part.item == OUTSIDE:
            yield from _parts(part)
        else:
            yield part


def _distance(block: Block, goal: float) -> float:
    """Return how far a block is from a ratio of height to width."""
    return abs(log(block.height / (block.left + block.right) / goal))


def _header(
    tab: Tab, ports: Sequence[float], low: float, high: float
) -> tuple[float, float, float, float]:
    """Return where name and facts stand, so that no line runs through them, and the frame's ends."""
    first = ports[0] if ports else inf
    both = tab.name + (2 * MARGIN + tab.facts if tab.facts else 0)
    if low + MARGIN + both + MARGIN <= min(first, high) or not ports:
        return low + MARGIN, low + 3 * MARGIN + tab.name, low, max(high, low + 2 * MARGIN + both)
    low = min(low, first - 2 * MARGIN - tab.name)
    if not tab.facts:
        return low + MARGIN, low + MARGIN, low, high
    ends = [*ports[1:], inf]
    start = next(
        a + MARGIN
        for a, b in zip(ports, ends, strict=True)
        if b - a >= tab.facts + 2 * MARGIN
    )
    return low + MARGIN, start, low, max(high, start + tab.facts + MARGIN)


def _columns(stack: Block, count: int, lines: int) -> list[int]:
    """Return the rows that begin a new column, so that the longest column is as short as can be."""
    ends = [0, *(row for row, n in stack.breaks.items() if n <= lines), len(stack.gaps)]
    chunks = [sum(stack.gaps[a:b]) for a, b in zip(ends, ends[1:], strict=False)]

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


def _flat(whole: Block, placing: _Placing, *, across: bool) -> Placed:
    """Return the places on the page of all that is in a block."""
    content = placing.content
    turn = _turned if across else lambda rect: rect
    boxes: dict[str, Rect] = {}
    frames: dict[str, Frame] = {}
    labels: dict[str, Rect] = {}
    dots: list[tuple[int, Point]] = []
    pieces: list[list[tuple[int, int, list[Point]]]] = [[] for _ in content.drawing.edges]
    waiting = [(whole, whole.left, 0.0, 0)]
    while waiting:
        block, x, y, depth = waiting.pop()
        if block.rect is not None:
            key = content.key(block.item)
            rect = turn(_moved(block.rect, x, y))
            if content.is_box(block.item):
                boxes[key] = rect
                if block.label is not None:
                    labels[key] = turn(_moved(block.label, x, y))
            else:
                assert block.name is not None and block.facts is not None
                name, facts = (turn(_moved(part, x, y)) for part in (block.name, block.facts))
                frames[key] = Frame(rect, name, facts)
        for link, points in block.lines:
            inside = link.edge in block.ins, link.edge in block.outs
            # Out of the inner levels first, then between, then into the inner levels.
            rank = {(False, True): (0, -depth), (False, False): (1, 0)}.get(inside, (2, depth))
            moved = [(px + x, py + y) for px, py in points]
            pieces[link.edge].append((*rank, moved))
        dots += [(edge, (px + x, py + y)) for edge, (px, py) in block.dots]
        waiting += [(part, x + dx, y + dy, depth + 1) for dx, dy, part in block.parts]
    lines = tuple(_line(sorted(found, key=lambda piece: piece[:2])) for found in pieces)
    width, height = whole.left + whole.right, whole.height
    if across:
        width, height = height, width
        lines = tuple(tuple((b, a) for a, b in line) for line in lines)
        dots = [(edge, (b, a)) for edge, (a, b) in dots]
    return Placed(width, height, boxes, frames, lines, labels, tuple(dots))


def _moved(rect: Rect, x: float, y: float) -> Rect:
    return Rect(rect.x + x, rect.y + y, rect.w, rect.h)


def _turned(rect: Rect) -> Rect:
    return Rect(rect.y, rect.x, rect.h, rect.w)


def _line(pieces: Sequence[tuple[int, int, list[Point]]]) -> tuple[Point, ...]:
    """Return one line of pieces that end where the next one begins, without needless points."""
    points: list[Point] = []
    for _, _, piece in pieces:
        for point in piece:
            if points and abs(point[0] - points[-1][0]) + abs(point[1] - points[-1][1]) < 0.01:
                continue
            if len(points) > 1 and _between(points[-2], points[-1], point):
                points[-1] = point
            else:
                points.append(point)
    return tuple(points)


def _between(a: Point, b: Point, c: Point) -> bool:
    """Whether b lies on the straight line from a to c."""
    for axis in (0, 1):
        if abs(a[axis] - b[axis]) < 0.01 and abs(b[axis] - c[axis]) < 0.01:
            other = 1 - axis
            return (b[other] - a[other]) * (c[other] - b[other]) >= 0
    return False
