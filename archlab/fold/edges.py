"""The edges between boxes: each pair and role once, and of a folded run those of one member.

Inside a run the edge from each member to the next is left out; a REPEAT edge says that every member
reads all members before it, a LOOP edge leads from what a turn makes to what the next one reads.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from math import prod

from archlab.fold.arithmetic import is_bias
from archlab.fold.axes import unit_of
from archlab.fold.drawing import SHORTCUTS, Box, Edge, Group, Role, Shape
from archlab.fold.emit import Canvas
from archlab.fold.flow import OUTPUT, Operand
from archlab.fold.union import Union
from archlab.fold.way import Ways
from archlab.ir.graph import DTYPE_BYTES

_MAP = 3  # axes of a map at least: channels, height, width
Drawn = dict[tuple[str, str, Role], Edge]


def edges(canvas: Canvas, difference: Union | None = None) -> list[Edge]:
    """Return the edges between the boxes of a canvas, with the marks of a difference."""
    drawn: Drawn = {}
    labelled: set[Hashable] = set()
    marks = difference.edges if difference else {}
    # The first operator of each box, since what it reads is what the box reads.
    firsts = {box: node for node, box in sorted(canvas.box_of.items(), reverse=True)}
    ways = Ways(canvas)
    for source, head, operand in _reads(canvas):
        role = _role(canvas, source, head)
        if role is None:
            continue
        tail, target = canvas.box_of[source], canvas.box_of[head]
        if (tail, target, role) in drawn:
            continue
        left, entered = ways.tensors(operand, source, head)
        shape, read = canvas.axes.sample(left), canvas.axes.sample(entered)
        read = read if read != shape else ()
        canvas.makes.setdefault(tail, canvas.axes.volume(left))
        # A shape is written once a box: on the first main edge where it is a new one.
        before = ways.into(firsts[tail]) if source >= 0 else ()
        resized = len(shape) == len(before) >= _MAP and shape[1:] != before[1:]
        new = source < 0 or resized or shape != ways.into(_layer(canvas, source))
        changed = (new and tail not in labelled) or (bool(read) and (tail, read) not in labelled)
        mark = marks.get((source, head), "") or _within(canvas, source, head)
        # As for parameters: a dtype that is newer than the table counts as float32.
        nbytes = prod(shape) * DTYPE_BYTES.get(canvas.graph.tensors[left].dtype, 4)
        drawn[tail, target, role] = Edge(tail, target, role, shape, changed, mark, read, nbytes)
        if changed and role == Role.MAIN:
            labelled |= {tail, (tail, read)}
    for source, head, role in difference.gone if difference else ():
        if _role(canvas, source, head) not in (None, Role.REPEAT):
            tail, target = canvas.box_of[source], canvas.box_of[head]
            drawn[tail, target, role] = Edge(tail, target, role, mark="removed")
    return _without_insides(canvas, drawn)


def _within(canvas: Canvas, source: int, head: int) -> str:
    """Return "added" for a line between operators that the second model alone has."""
    both = {canvas.marks.get(source), canvas.marks.get(head)}
    return "added" if both == {"added"} else ""


def _layer(canvas: Canvas, source: int) -> int:
    """Return a node, or the linear layer whose bias it adds."""
    bias = is_bias(canvas.graph, canvas.graph.nodes[source])
    return canvas.flow.sources[source][0] if bias else source


def _reads(canvas: Canvas) -> Iterator[tuple[int, int, Operand]]:
    """Yield every source that a drawn node or the output reads: source, reader, operand."""
    for head, operands in (*sorted(canvas.flow.operands.items()), (OUTPUT, canvas.flow.outputs)):
        for operand in operands:
            for source in operand.sources:
                yield source, head, operand


def _role(canvas: Canvas, source: int, head: int) -> Role | None:
    """Return the role of an edge, or None where it is not drawn."""
    if source not in canvas.box_of or head not in canvas.box_of:
        return None
    run, between = _between_members(canvas, source, head)
    if between and canvas.wirings[run] == "loop":
        return Role.LOOP
    # From a member to the one after the next: only dense rows, which read all before, have that.
    if between > 1:
        return Role.REPEAT
    within = canvas.box_of[source] == canvas.box_of[head]
    if within or between == 1 or _said_already(canvas, source, head):
        return None
    # The flow has roles for the first turn of a loop alone.
    turns = (canvas.wirings[run] in ("loop", "apart") for run, _ in canvas.repeats.get(head, ()))
    ends = (canvas.first(source), canvas.first(head)) if any(turns) else (source, head)
    return canvas.flow.roles.get(ends, Role.MAIN)


def _without_insides(canvas: Canvas, drawn: Drawn) -> list[Edge]:
    """Leave out shortcuts within a closed module; one that is its only input is its main path."""
    fed = {head for _, head, role in drawn if role == Role.MAIN}
    kept = []
    for edge in drawn.values():
        if edge.role in SHORTCUTS and edge.head in canvas.closed:
            if (edge.tail, edge.head, Role.MAIN) in drawn:
                continue
            if edge.head not in fed:
                fed.add(edge.head)
                edge = replace(edge, role=Role.MAIN)
        kept.append(edge)
    return kept


def _said_already(canvas: Canvas, source: int, head: int) -> bool:
    """Whether an edge between a run and the outside repeats one of the first or last member's.

    All members read the same from outside; what reads several of them is drawn from the last.
    """
    tail_members, head_members = canvas.repeats.get(source, ()), canvas.repeats.get(head, ())
    tail_runs, head_runs = ({run for run, _ in end} for end in (tail_members, head_members))
    # Twins read, and are read by, different things: none of their edges says the same.
    apart = {run for run, wiring in canvas.wirings.items() if wiring == "apart"}
    tail_runs, head_runs = tail_runs | apart, head_runs | apart
    if any(run not in tail_runs and member > 0 for run, member in head_members):
        return True
    return any(
        run not in head_runs and member < canvas.sizes[run] - 1 and _last_also(canvas, run, head)
        for run, member in tail_members
    )


def _last_also(canvas: Canvas, run: int, head: int) -> bool:
    """Whether a node reads the last member of a run."""
    if head not in canvas.lasts:
        outputs = (source for operand in canvas.flow.outputs for source in operand.sources)
        read = outputs if head == OUTPUT else canvas.flow.sources.get(head, ())
        ends = (end for source in read for end in canvas.repeats.get(source, ()))
        canvas.lasts[head] = frozenset(r for r, i in ends if i == canvas.sizes[r] - 1)
    return run in canvas.lasts[head]


def _between_members(canvas: Canvas, source: int, head: int) -> tuple[int, int]:
    """Return the run in which an edge goes forward, and how many members; 0 if it crosses none."""
    pairs = zip(canvas.repeats.get(source, ()), canvas.repeats.get(head, ()), strict=False)
    for (tail_run, i), (head_run, j) in pairs:
        if tail_run != head_run:
            return 0, 0
        if i != j:
            return tail_run, j - i
    return 0, 0


def with_sizes(canvas: Canvas, drawn: list[Edge]) -> tuple[Box, ...]:
    """Return the boxes with what they make, and with widths as the shapes that leave them say."""
    # Of several outputs, none is the width of a module.
    made: dict[str, set[tuple[int, ...]]] = {}
    for edge in drawn:
        made.setdefault(edge.tail, set()).add(edge.shape)
    several = {box.id for box in canvas.boxes
               if box.shape == Shape.MODULE and len(made.get(box.id, ())) > 1}  # fmt: skip
    # An operator's own output may have another one: torch takes linear layers of a map row by row.
    shapes = {edge.tail: edge.shape for edge in reversed(drawn) if edge.shape}
    boxes = (
        replace(
            box,
            makes=canvas.makes.get(box.id, ()),
            width=None if box.id in several else box.width,
        )
        for box in canvas.boxes
    )
    return tuple(
        replace(box, unit=unit_of(shapes[box.id], box.width, box.unit)) if box.id in shapes else box
        for box in boxes
    )


def with_branches(canvas: Canvas, drawn: list[Edge]) -> tuple[Group, ...]:
    """Return the groups; those side by side, which read the same box, know their place."""
    parent = {group.id: group.parent for group in canvas.groups}
    home = {box.id: box.group for box in canvas.boxes}

    def around(box: str) -> set[str]:
        chain, group = set(), home.get(box, "")
        while group:
            chain.add(group)
            group = parent[group]
        return chain

    reads: dict[str, set[str]] = {group.id: set() for group in canvas.groups}
    for edge in (edge for edge in drawn if edge.role != Role.LOOP):
        for entered in around(edge.head) - around(edge.tail):
            reads[entered].add(edge.tail)
    placed = []
    for group in canvas.groups:
        # Outermost frames lie one after the other, so that none of them is a branch.
        beside = [
            other.id
            for other in canvas.groups
            if other.parent == group.parent and group.parent and reads[other.id] & reads[group.id]
        ]
        if len(beside) > 1:
            group = replace(group, branch=beside.index(group.id) + 1, branches=len(beside))
        placed.append(group)
    return tuple(placed)
