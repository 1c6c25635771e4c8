"""What is wrong with a geometry: parts that lie on each other, lines through boxes and words."""

from __future__ import annotations

from itertools import pairwise

from archlab.fold.drawing import Drawing, Shape
from archlab.layout import Placed, Point, Rect

SLACK = 0.5  # points


def faults(drawing: Drawing, placed: Placed) -> list[str]:
    """Return one sentence for each fault."""
    boxes = {key: rect for key, rect in placed.boxes.items() if rect.w > 3}
    solid = {f"box {key}": rect for key, rect in boxes.items()}
    solid |= {f"label {key}": rect for key, rect in placed.labels.items()}
    for key, frame in placed.frames.items():
        solid |= {f"name of {key}": frame.name, f"facts of {key}": frame.facts}
    solid = {key: rect for key, rect in solid.items() if rect.w > 1 and rect.h > 1}
    found = [f"{a} lies on {b}" for a, b in _overlaps(solid)]
    found += [f"{key} is outside" for key, rect in solid.items() if not _inside(rect, placed)]
    found += _lines(drawing, placed, solid)
    groups = {group.id: group.parent for group in drawing.groups}
    for box in drawing.boxes:
        if box.group and not _holds(placed.frames[box.group].rect, placed.boxes[box.id]):
            found.append(f"{box.id} is not in its frame")
    for key, parent in groups.items():
        if parent and not _holds(placed.frames[parent].rect, placed.frames[key].rect):
            found.append(f"frame {key} is not in its frame")
    siblings: dict[str, dict[str, Rect]] = {}
    for key, parent in groups.items():
        siblings.setdefault(parent, {})[f"frame {key}"] = placed.frames[key].rect
    for box in drawing.boxes:
        if box.shape != Shape.PORT:
            siblings.setdefault(box.group, {})[f"box {box.id}"] = placed.boxes[box.id]
    for items in siblings.values():
        found += [f"{a} lies on {b}" for a, b in _overlaps(items) if "frame" in a + b]
    return found


def _lines(drawing: Drawing, placed: Placed, solid: dict[str, Rect]) -> list[str]:
    found = []
    for edge, points in zip(drawing.edges, placed.lines, strict=True):
        name = f"{edge.tail} → {edge.head}"
        if len(points) < 2:
            found.append(f"{name} has no line")
            continue
        for a, b in pairwise(points):
            if abs(a[0] - b[0]) > SLACK and abs(a[1] - b[1]) > SLACK:
                found.append(f"{name} is slanted")
            found += [f"{name} runs through {key}" for key in _crossed(a, b, solid)]
        for end, point in ((edge.tail, points[0]), (edge.head, points[-1])):
            if not _touches(placed.boxes[end], point):
                found.append(f"{name} does not reach {end}")
    return found


def _crossed(a: Point, b: Point, solid: dict[str, Rect]) -> list[str]:
    """Return what a straight piece of a line runs through."""
    left, right = min(a[0], b[0]), max(a[0], b[0])
    top, low = min(a[1], b[1]), max(a[1], b[1])
    return [
        key
        for key, rect in solid.items()
        if rect.x + SLACK < right
        and left < rect.right - SLACK
        and rect.y + SLACK < low
        and top < rect.bottom - SLACK
    ]


def _touches(rect: Rect, point: tuple[float, float]) -> bool:
    x, y = point
    return (
        rect.x - SLACK <= x <= rect.right + SLACK
        and rect.y - SLACK <= y <= rect.bottom + SLACK
        and not (rect.x + 1 < x < rect.right - 1 and rect.y + 1 < y < rect.bottom - 1)
    )


def _overlaps(rects: dict[str, Rect]) -> list[tuple[str, str]]:
    order = sorted(rects.items(), key=lambda entry: entry[1].y)
    found = []
    for i, (a, first) in enumerate(order):
        for b, second in order[i + 1 :]:
            if second.y >= first.bottom - SLACK:
                break
            if first.x < second.right - SLACK and second.x < first.right - SLACK:
                found.append((a, b))
    return found


def _inside(rect: Rect, placed: Placed) -> bool:
    return _holds(Rect(0, 0, placed.width, placed.height), rect)


def _holds(outer: Rect, inner: Rect) -> bool:
    return (
        outer.x <= inner.x + SLACK
        and outer.y <= inner.y + SLACK
        and inner.right <= outer.right + SLACK
        and inner.bottom <= outer.bottom + SLACK
    )
