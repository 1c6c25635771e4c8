"""A block as a geometry: every part at its place on the page, every edge as one line."""

from __future__ import annotations

from collections.abc import Sequence

from archlab.layout.block import Block
from archlab.layout.levels import Levels
from archlab.layout.placed import Frame, Placed, Point, Rect


def flat(whole: Block, content: Levels, *, across: bool) -> Placed:
    """Return the places on the page of all that is in a block."""
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
                assert block.name is not None
                assert block.facts is not None
                name, facts = (turn(_moved(part, x, y)) for part in (block.name, block.facts))
                frames[key] = Frame(rect, name, facts)
        for link, points in block.lines:
            # Out of the inner levels first, then between, then into the inner levels.
            entering = (2, depth) if link.edge in block.ins else (1, 0)
            rank = (0, -depth) if link.edge in block.outs else entering
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
    drawing = content.drawing
    return Placed(
        width,
        height,
        {box.id: boxes[box.id] for box in drawing.boxes},
        {group.id: frames[group.id] for group in drawing.groups},
        lines,
        labels,
        tuple(dots),
    )


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
