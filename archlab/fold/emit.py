"""From the tree and what is open to boxes, groups and edges with stable names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from archlab.fold import names
from archlab.fold.choose import Open
from archlab.fold.drawing import Box, Edge, Group, Role, Shape
from archlab.fold.flow import OUTPUT, Flow, Operand
from archlab.fold.tree import CONTAINERS, Block, Item, Leaf, Run
from archlab.fold.union import Union
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import Kind


@dataclass(slots=True)
class Canvas:
    """Boxes and groups as they are made, and which box each drawn node is in."""

    graph: Graph
    flow: Flow
    opened: Open
    marks: Mapping[int, str]  # node -> added, removed, changed
    path_marks: Mapping[str, str]  # module path -> train only
    boxes: list[Box] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    box_of: dict[int, str] = field(default_factory=dict)
    repeats: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)  # run, member
    sizes: dict[int, int] = field(default_factory=dict)  # run -> members
    _taken: dict[str, int] = field(default_factory=dict)
    _runs: int = 0

    def add(self, item: Item, group: str, base: str) -> None:
        """Draw an item inside a group; `base` is the path of that group's module."""
        if isinstance(item, Run):
            self._add_run(item, group, base)
        elif isinstance(item, Block) and item in self.opened:
            self._add_group(item, group, base, 1, item.nodes)
        else:
            self._add_box(item, group, base, 1, item.nodes)

    def _add_run(self, run: Run, group: str, base: str) -> None:
        first, times = run.members[0], len(run.members)
        note = _note(self.graph, run)
        if isinstance(first, Block) and first in self.opened:
            self._add_group(first, group, base, times, run.nodes, note)
        else:
            self._add_box(first, group, base, times, run.nodes, note)
        self._runs += 1
        self.sizes[self._runs] = times
        for i, member in enumerate(run.members):
            for node, same in zip(member.nodes, first.nodes, strict=True):
                self.repeats[node] = ((self._runs, i), *self.repeats.get(same, ())[i > 0 :])
                if same in self.box_of:
                    self.box_of[node] = self.box_of[same]

    def _add_group(  # noqa: PLR0913
        self, block: Block, parent: str, base: str, times: int, nodes: tuple[int, ...],
        note: str = "",
    ) -> None:  # fmt: skip
        inner = self.opened[block]
        kind, nested = block.type, nodes
        if len(inner) == 1 and isinstance(inner[0], Run) and times == 1:
            # A stage that is nothing but equal blocks: one frame for both.
            run = inner[0]
            first = run.members[0]
            if isinstance(first, Block) and first in self.opened:
                self._merged_run(block, run, parent, base)
                return
        key = self._name(block.path or "model")
        mark = self._mark_of_group(block.path, nodes)
        self.groups.append(
            Group(key, block.path, _type(kind), times, parent, nested, note, mark)
        )
        beside = self._heads_of_open(inner)
        for child in inner:
            if isinstance(child, Leaf) and child.own and self.flow.sources[child.parts[0]] in beside:
                # A branch of one operator gets a frame as its neighbours have.
                frame = self._name(f"branch:{child.path}")
                self.groups.append(Group(frame, child.path, "", 1, key, child.nodes))
                self.add(child, frame, child.path)
            else:
                self.add(child, key, block.path)

    def _heads_of_open(self, items: Iterable[Item]) -> set[tuple[int, ...]]:
        """What the open branches among neighbours read, where there are several."""
        firsts = []
        for item in items:
            if isinstance(item, Block) and item in self.opened:
                first = next((node for node in item.nodes if node in self.flow.drawn), None)
                if first is not None:
                    firsts.append(self.flow.sources[first])
        return {sources for sources in firsts if firsts.count(sources) > 1}

    def _merged_run(self, block: Block, run: Run, parent: str, base: str) -> None:
        before = len(self.groups)
        self._add_run(run, parent, base)
        inner = self.groups[before]
        self.groups[before] = Group(
            inner.id, block.path, inner.type, inner.times, parent, block.nodes, inner.note,
            inner.mark,
        )  # fmt: skip

    def _add_box(  # noqa: PLR0913
        self, item: Leaf | Block, group: str, base: str, times: int, nodes: tuple[int, ...],
        note: str = "",
    ) -> None:  # fmt: skip
        box = self._leaf(item, base) if isinstance(item, Leaf) else self._closed(item, base)
        self.boxes.append(
            replace(
                box,
                group=group,
                times=times,
                nodes=nodes,
                note=note or box.note,
                mark=self._mark_of_box(item),
            )
        )
        for node in item.nodes:
            if node in self.flow.drawn:
                self.box_of[node] = box.id

    def _leaf(self, leaf: Leaf, base: str) -> Box:
        graph = self.graph
        nodes = [graph.nodes[part] for part in leaf.parts]
        main, last = nodes[0], nodes[-1]
        own = leaf.path if leaf.own else f"{leaf.path}/{names.short(main)}"
        return Box(
            id=self._name(own),
            path=leaf.path,
            shape=names.shape_of(main, self.flow),
            title=names.title(graph, main, leaf.type),
            kind=main.kind,
            fused=tuple(
                names.title(graph, node, graph.module[node.path].type)
                if node.path in graph.module else names.title(graph, node)
                for node in nodes[1:]
            ),
            name=_relative(leaf.path, base) if leaf.own else "",
            channels=names.channels(graph, last),
            note=names.remark(main),
        )  # fmt: skip

    def _closed(self, block: Block, base: str) -> Box:
        graph, drawn = self.graph, self.flow.drawn
        inside = [graph.nodes[node] for node in block.nodes if node in drawn]
        note = f"{len(inside)} operators: {_counted(inside)}" if block.sealed else ""
        title = _type(block.type) or (block.path.rpartition(".")[2] if block.path else "")
        return Box(
            id=self._name(block.path or "model"),
            path=block.path,
            shape=Shape.MODULE,
            title=title,
            kind=_dominant(inside),
            name="" if block.sealed else _relative(block.path, base),
            channels=names.channels(graph, inside[-1]) if inside else None,
            note=note,
        )

    def _mark_of_group(self, path: str, nodes: Iterable[int]) -> str:
        """A group is marked where everything in it is; else its boxes say it."""
        found = self._marks_in(nodes)
        return (found.pop() if len(found) == 1 else "") or self.path_marks.get(path, "")

    def _mark_of_box(self, item: Leaf | Block) -> str:
        """A box is marked like its main operator; a closed one where anything inside differs."""
        path = item.path if isinstance(item, Block) or item.own else ""
        nodes = item.parts if isinstance(item, Leaf) else item.nodes
        found = self._marks_in(nodes)
        main = self.marks.get(nodes[0], "")
        if len(found) == 1:
            return found.pop() or self.path_marks.get(path, "")
        if isinstance(item, Leaf) and main in ("added", "removed"):
            return main
        return "changed"

    def _marks_in(self, nodes: Iterable[int]) -> set[str]:
        return {self.marks.get(node, "") for node in nodes if node in self.flow.drawn} or {""}

    def _name(self, wanted: str) -> str:
        count = self._taken.get(wanted, 0) + 1
        self._taken[wanted] = count
        return wanted if count == 1 else f"{wanted}~{count}"


def edges(canvas: Canvas, difference: Union | None = None) -> list[Edge]:
    """Return the edges between boxes, each pair and role once.

    Within a folded run only the first member's edges are drawn; that each of the others follows
    the one before goes without saying, that it reads all before it is a REPEAT edge.
    """
    graph, flow = canvas.graph, canvas.flow
    marked = difference.edges if difference else {}
    found: dict[tuple[str, str, Role], Edge] = {}
    labelled: set[str] = set()
    heads: list[tuple[int, tuple[Operand, ...]]] = sorted(flow.operands.items())
    heads.append((OUTPUT, flow.outputs))
    for head, operands in heads:
        target = canvas.box_of.get(head)
        if target is None:
            continue
        for operand in operands:
            shape = graph.shape(operand.tensor)[1:]
            for source in operand.sources:
                tail = canvas.box_of.get(source)
                if tail is None or (tail == target and not _rolls(canvas, source, head)):
                    continue
                role = flow.roles.get((source, head), Role.MAIN)
                between = _between_members(canvas, source, head)
                if between == 1 or _said_already(canvas, source, head):
                    continue
                if between > 1:
                    role = Role.REPEAT
                mark = marked.get((source, head), "")
                changed = tail not in labelled and (
                    source < 0 or shape != _shape_into(graph, flow, source)
                )
                key = (tail, target, role)
                if key not in found:
                    found[key] = Edge(tail, target, role, shape, changed, mark)
                    labelled |= {tail} if changed and role == Role.MAIN else set()
    for source, head, role in difference.gone if difference else ():
        tail, target = canvas.box_of.get(source), canvas.box_of.get(head)
        if tail is not None and target is not None and tail != target:
            within = _between_members(canvas, source, head) or _said_already(canvas, source, head)
            key = (tail, target, role)
            if not within:
                found[key] = Edge(tail, target, role, (), changed=False, mark="removed")
    return list(found.values())


def _said_already(canvas: Canvas, source: int, head: int) -> bool:
    """Whether an edge between a run and the outside repeats one of the first or last member's.

    All members read the same from outside; what reads several of them is drawn from the last.
    """
    one, other = canvas.repeats.get(source, ()), canvas.repeats.get(head, ())
    runs = {run for run, _ in one}
    if any(run not in runs and member > 0 for run, member in other):
        return True
    heads = {run for run, _ in other}
    leaving = [(run, member) for run, member in one if run not in heads]
    return any(
        member < canvas.sizes[run] - 1 and _last_also(canvas, run, head)
        for run, member in leaving
    )


def _last_also(canvas: Canvas, run: int, head: int) -> bool:
    sources = (
        [source for operand in canvas.flow.outputs for source in operand.sources]
        if head == OUTPUT
        else canvas.flow.sources.get(head, ())
    )
    last = canvas.sizes[run] - 1
    return any((run, last) in canvas.repeats.get(source, ()) for source in sources)


def _rolls(canvas: Canvas, source: int, head: int) -> bool:
    """Whether an edge within one box is between members of a run that all read each other."""
    return _between_members(canvas, source, head) > 1


def _between_members(canvas: Canvas, source: int, head: int) -> int:
    """0: not within a run, or within one member; else how many members the edge goes forward."""
    one, other = canvas.repeats.get(source, ()), canvas.repeats.get(head, ())
    for (run, i), (same, j) in zip(one, other, strict=False):
        if run != same:
            return 0
        if i != j:
            return j - i
    return 0


def _shape_into(graph: Graph, flow: Flow, node: int) -> tuple[int, ...]:
    """The shape a node reads, to say where the shape changes."""
    operands = flow.operands.get(node, ())
    return graph.shape(operands[0].tensor)[1:] if operands else ()


def _note(graph: Graph, run: Run) -> str:
    if run.wiring == "dense":
        first, last = (_widest_input(graph, run.members[i]) for i in (0, -1))
        step = (last - first) // max(len(run.members) - 1, 1)
        return f"{first} … {last} ch in, +{step} each"
    return "side by side" if run.wiring == "parallel" else ""


def _widest_input(graph: Graph, item: Item) -> int:
    """Channels of the first concatenation or layer of a member."""
    for number in item.nodes:
        node = graph.nodes[number]
        if node.kind == Kind.CONCAT:
            return names.channels(graph, node) or 0
        if node.kind in (Kind.NORM, Kind.CONV):
            return graph.shape(node.inputs[0])[1]
    return 0


def _relative(path: str, base: str) -> str:
    if path == base:
        return ""
    return path[len(base) + 1 :] if base and path.startswith(f"{base}.") else path


def _type(kind: str) -> str:
    return "" if kind in CONTAINERS else kind


def _counted(nodes: Iterable[Node]) -> str:
    counts: dict[str, int] = {}
    for node in nodes:
        counts[node.kind] = counts.get(node.kind, 0) + 1
    most = sorted(counts, key=lambda kind: (-counts[kind], kind))[:3]
    return ", ".join(f"{counts[kind]} {kind}" for kind in most)


def _dominant(nodes: Iterable[Node]) -> Kind | None:
    """The most frequent kind with weights, for the colour of a closed module."""
    counts: dict[Kind, int] = {}
    for node in nodes:
        weight = 100 if node.kind in (Kind.CONV, Kind.LINEAR, Kind.ATTENTION) else 1
        counts[node.kind] = counts.get(node.kind, 0) + weight
    return max(counts, key=lambda kind: (counts[kind], kind), default=None)
