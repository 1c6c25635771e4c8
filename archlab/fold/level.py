"""The inside of every module as a drawing of its own: what a page shows when a box is opened.

A level is cut out of a picture of the whole model in which just that module and those around it
are open, so that shortcuts, branches and folded rows are found as everywhere else. What crosses
the module's border goes through a port.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from archlab.fold.choose import Open, visible
from archlab.fold.drawing import Box, Drawing, Edge, Role, Shape
from archlab.fold.emit import Canvas
from archlab.fold.flow import Flow
from archlab.fold.stretch import extent, is_stretch, stretches
from archlab.fold.tree import RECURRENT, Block, Leaf, Run
from archlab.ir.graph import Graph
from archlab.ir.kinds import Kind

ENTRY, EXIT = "port:in", "port:out"
MOST = 250  # levels that a page may hold
_SHORT = 3  # boxes up to which a branch without joins is open together with its module

Draw = Callable[[Open], tuple[Drawing, Canvas]]


@dataclass(frozen=True, slots=True)
class Level:
    """The inside of one module."""

    path: str
    drawing: Drawing
    opens: Mapping[str, str]  # box -> the further level that it stands for
    times: int = 1  # above 1 for a row of equal blocks, of which the first one's inside is shown


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels by key."""

    top: str  # key of the model's own level
    levels: Mapping[str, Level]
    at_first: tuple[str, ...]  # levels that are open in the default picture
    closed: int = 0  # modules that cannot be opened here, because there are too many


def all_levels(root: Block, at_first: Open, drawn: Draw, boxes: int, flow: Flow) -> Levels:
    """Return the levels below a root, the outer ones first, up to MOST of them.

    Modules in which more than `boxes` would be drawn are put together in stretches.
    """
    keys: dict[Block, str] = {root: "0"}
    levels: dict[str, Level] = {}
    around: dict[Block, Open] = {root: {}}  # what is open when a block is shown
    left_out = 0
    waiting = [root]
    for block in waiting:  # grows as it is read, so that outer levels come first
        opened = around[block] | _inside(block, boxes, flow)
        drawing, canvas = drawn(opened)
        shown = (item for item, _ in visible(block, opened))
        # What small operators are together says more than they do.
        modules = (item for item in shown if isinstance(item, Block) and item.kind is None)
        closed = [item for item in modules if item.type not in RECURRENT]
        inner = closed[: MOST - len(waiting)]
        left_out += len(closed) - len(inner)
        for child in inner:
            keys[child] = str(len(keys))
            around[child] = opened
            waiting.append(child)
        opens = {canvas.places[child]: keys[child] for child in inner}
        place = canvas.places.get(block, "")
        inside = drawing if block is root else cut_out(drawing, place, block.path)
        times = next((group.times for group in drawing.groups if group.id == place), 1)
        inside = _with_ranges(inside, {canvas.places[child]: child for child in inner})
        levels[keys[block]] = Level(extent(block), inside, opens, times)
    first = tuple(keys[block] for block in at_first if block in keys)
    return Levels(keys[root], levels, first, left_out)


def places(levels: Levels, graph: Graph) -> dict[str, tuple[str, str]]:
    """Return module path -> level and box (or group) that shows it, the closest one there is.

    A module of a folded row is shown by the row's first member.
    """
    holders: dict[int, list[tuple[int, str, str, frozenset[int]]]] = {}
    for key, level in levels.levels.items():
        for item in level.drawing.items:
            nodes = frozenset(item.nodes)
            for node in nodes:
                holders.setdefault(node, []).append((len(nodes), key, item.id, nodes))
    for boxes in holders.values():
        boxes.sort(key=lambda holder: holder[0])  # the closest is the one with the fewest nodes
    shown: dict[str, tuple[str, str]] = {}
    for call in graph.calls:
        span = range(call.first, call.last)
        inside = [node for node in span if graph.nodes[node].kind != Kind.CREATE]
        for _, key, name, nodes in holders.get(call.first, ()):
            if nodes.issuperset(inside) and call.path not in shown:
                shown[call.path] = (key, name)
    return shown


def _inside(block: Block, boxes: int, flow: Flow) -> Open:
    """Return what is open with a module: a row of equal blocks in it, and its short branches."""
    items = stretches(block, boxes, flow)
    opened: Open = {block: items}
    if len(items) == 1 and isinstance(items[0], Run):
        member = items[0].members[0]
        # A recurrent layer is traced step by step: one box says more than its inside.
        if isinstance(member, Block) and member.type not in RECURRENT:
            opened |= _inside(member, boxes, flow)
    branches = (item for item in items if isinstance(item, Block) and _is_branch(item))
    return opened | {item: item.children for item in branches}


def _with_ranges(drawing: Drawing, opens: Mapping[str, Block]) -> Drawing:
    """Say of boxes for several modules which they are: they have no path of their own."""
    paths = {name: extent(block) for name, block in opens.items() if is_stretch(block)}
    boxes = (replace(box, path=paths.get(box.id, box.path)) for box in drawing.boxes)
    return replace(drawing, boxes=tuple(boxes))


def _is_branch(block: Block) -> bool:
    """Whether a module is a few layers one after the other: too little to be worth a click."""
    return (
        not block.sealed
        and len(block.children) <= _SHORT
        and all(isinstance(child, Leaf) and child.own for child in block.children)
    )


def cut_out(drawing: Drawing, place: str, path: str) -> Drawing:
    """Return what is in one group of a drawing, with ports for what enters and leaves it."""
    within = {place}
    for group in drawing.groups:  # a frame comes after the one around it
        if group.parent in within:
            within.add(group.id)
    boxes = [box for box in drawing.boxes if box.group in within]
    names = {box.id for box in boxes}
    edges: dict[tuple[str, str, str], Edge] = {}
    for edge in drawing.edges:
        tail = edge.tail if edge.tail in names else ENTRY
        head = edge.head if edge.head in names else EXIT
        # The next turn of a loop around the module is not part of its inside.
        turns = edge.role == Role.LOOP and (tail == ENTRY or head == EXIT)
        if (tail, head) != (ENTRY, EXIT) and not turns:
            outside = tail == ENTRY or head == EXIT  # there the shape is written already
            cut = replace(edge, tail=tail, head=head, changed=edge.changed and not outside)
            edges.setdefault((tail, head, edge.role), cut)
    used = {end for edge in edges.values() for end in (edge.tail, edge.head)}
    entry, leave = ([Box(name, "", Shape.PORT, "")] * (name in used) for name in (ENTRY, EXIT))
    # The module's own frame is not drawn: what stood in it stands in no frame.
    lifted = {name: name for name in within} | {place: ""}
    inner = (replace(box, group=lifted[box.group]) for box in boxes)
    frames = (group for group in drawing.groups if group.id in within - {place})
    return replace(
        drawing,
        boxes=(*entry, *inner, *leave),
        groups=tuple(replace(group, parent=lifted[group.parent]) for group in frames),
        edges=tuple(edges.values()),
        folded=(),
        inside=path,
    )
