"""Frames that skips lead out of or into: an encoder and a decoder may be drawn without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from archlab.fold.drawing import Drawing, Role

_FEW = 2  # skips across a border from which on a frame is crossed


def crossed(drawing: Drawing) -> frozenset[str]:
    """Return the groups whose border is crossed by several skips that end in a concatenation."""
    parents = {group.id: group.parent for group in drawing.groups}
    around = {}
    for box in drawing.boxes:
        groups, at = set(), box.group
        while at:
            groups.add(at)
            at = parents[at]
        around[box.id] = groups
    counts = Counter(
        group
        for edge in drawing.edges
        if edge.role == Role.CONCAT
        for group in around[edge.tail] ^ around[edge.head]
    )
    # A skip leaves the block that it comes from, too: that one is left by one alone.
    return frozenset(group for group, count in counts.items() if count >= _FEW)


def unframed(drawing: Drawing, keys: Collection[str]) -> Drawing:
    """Return the drawing without some of its frames; what was in them has longer names."""
    groups = {group.id: group for group in drawing.groups}

    def outer(key: str) -> str:
        while key in keys:
            key = groups[key].parent
        return key

    def named(name: str, key: str) -> str:
        base = groups[outer(key)].path if outer(key) else ""
        inner = groups[key].path.removeprefix(f"{base}.") if base else groups[key].path
        return f"{inner}.{name}" if name and inner else name

    boxes = (
        replace(box, group=outer(box.group), name=named(box.name, box.group))
        if box.group in keys
        else box
        for box in drawing.boxes
    )
    kept = (group for group in drawing.groups if group.id not in keys)
    return replace(
        drawing,
        boxes=tuple(boxes),
        groups=tuple(replace(group, parent=outer(group.parent)) for group in kept),
    )
