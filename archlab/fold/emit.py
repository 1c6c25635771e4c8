"""From the tree and what is open to boxes and groups with stable names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from archlab.fold import names
from archlab.fold.arithmetic import is_bias
from archlab.fold.axes import Axes
from archlab.fold.choose import Open
from archlab.fold.content import content, holds
from archlab.fold.drawing import SHORTCUTS, Box, Group, Shape
from archlab.fold.flow import Flow
from archlab.fold.stretch import extent
from archlab.fold.tree import CONTAINERS, RECURRENT, Block, Item, Leaf, Run, module_type
from archlab.fold.union import MAKES, WEIGHTS
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import Kind

BoxOrGroup = TypeVar("BoxOrGroup", Box, Group)
Nodes = tuple[int, ...]


@dataclass(slots=True)
class Canvas:
    """Boxes and groups as they are made, and which box each drawn node is in."""

    graph: Graph
    flow: Flow
    axes: Axes
    opened: Open
    marks: Mapping[int, str]  # node -> added, removed, changed
    path_marks: Mapping[str, str]  # module path -> train only
    reasons: Mapping[int, str]  # node -> what changed
    boxes: list[Box] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    box_of: dict[int, str] = field(default_factory=dict)
    repeats: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)  # run, member
    closed: set[str] = field(default_factory=set)  # boxes that stand for a whole module
    sizes: dict[int, int] = field(default_factory=dict)  # run -> members
    wirings: dict[int, str] = field(default_factory=dict)  # run -> how its members are wired
    makes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # box -> see Box.makes
    places: dict[Block, str] = field(default_factory=dict)  # block -> its box, or its group if open
    lasts: dict[int, frozenset[int]] = field(default_factory=dict)  # reader -> runs, by last one
    _uneven: set[int] = field(default_factory=set)  # nodes of dense rows, whose widths grow
    _same: dict[int, int] = field(default_factory=dict)  # node -> that of a run's first member
    _leaves: dict[str, Leaf] = field(default_factory=dict)  # box -> what it stands for
    _names: Counter[str] = field(default_factory=Counter)  # ids given so far
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
        note = _note(self.axes, run)
        if isinstance(first, Block) and first in self.opened:
            self._add_group(first, group, base, times, run.nodes, note)
        else:
            self._add_box(first, group, base, times, run.nodes, note)
            last = run.members[-1]
            if isinstance(first, Leaf) and first.own and first.path != last.path:
                box = self.boxes[-1]
                name = f"{box.name} … {_relative(last.path, base)}"
                self.boxes[-1] = replace(box, name=name)
        self._runs += 1
        self.sizes[self._runs], self.wirings[self._runs] = times, run.wiring
        if run.wiring == "dense":
            self._uneven.update(run.nodes)
        for i, member in enumerate(run.members):
            for node, same in zip(member.nodes, first.nodes, strict=True):
                if i:
                    self._same[node] = same
                # From the second member on, the first one has an entry of this run already.
                self.repeats[node] = ((self._runs, i), *self.repeats.get(same, ())[i > 0 :])
                if same in self.box_of:
                    self.box_of[node] = self.box_of[same]

    def _add_group(
        self, block: Block, parent: str, base: str, times: int, nodes: Nodes, note: str = ""
    ) -> None:
        inner = self.opened[block]
        if len(inner) == 1 and isinstance(inner[0], Run) and times == 1:
            # A stage that is nothing but equal blocks: one frame for both.
            run, frame = inner[0], len(self.groups)
            if run.members[0] in self.opened:
                self._add_run(run, parent, base)
                merged = replace(self.groups[frame], path=block.path, nodes=block.nodes)
                self.groups[frame] = merged
                self.places[block] = merged.id
                return
        key = self.places[block] = self.name(block.path or ("model" if block.paths else "turn"))
        # A group is marked where everything in it is; otherwise its boxes are.
        marks = self._marks_in(nodes)
        mark = (marks.pop() if len(marks) == 1 else "") or self.path_marks.get(block.path, "")
        kind, held = _type(block.type), holds(self.graph, block)
        group = Group(key, block.path, kind, times, parent, nodes, note=note, mark=mark)
        self.groups.append(replace(group, pattern=block.pattern, holds=held))
        beside = self._heads_of_open(inner)
        for child in inner:
            if (
                isinstance(child, Leaf)
                and child.own
                and self.flow.sources[child.parts[0]] in beside
            ):
                # A branch of one operator gets a frame as its neighbours have.
                name = self.name(f"branch:{child.path}")
                self.groups.append(Group(name, child.path, "", 1, key, child.nodes))
                self.add(child, name, child.path)
            else:
                self.add(child, key, block.path)

    def finish(self) -> None:
        """Give boxes and groups the nodes of the repeats that they stand for, too."""
        like: dict[int, list[int]] = {}
        for node in self._same:
            like.setdefault(self.first(node), []).append(node)

        def whole(item: BoxOrGroup) -> BoxOrGroup:
            nodes = set(item.nodes).union(*(like.get(node, ()) for node in item.nodes))
            repeats = len(nodes) // len(item.nodes) if item.nodes else 1
            return replace(item, nodes=tuple(sorted(nodes)), repeats=repeats)

        uneven = self._uneven
        self.boxes = [replace(whole(b), average=not uneven.isdisjoint(b.nodes)) for b in self.boxes]
        self.boxes = [self._titled(box, like) for box in self.boxes]
        self.groups = list(map(whole, self.groups))

    def first(self, node: int) -> int:
        """Return the node of the first member of a run that stands for a node."""
        # Runs within runs: the first member of one may be a repeat in another.
        while node in self._same:
            node = self._same[node]
        return node

    def _titled(self, box: Box, like: Mapping[int, list[int]]) -> Box:
        """Give a box of single operators its title and the names of those fused behind."""
        leaf = self._leaves.get(box.id)
        if leaf is None:
            return box
        graph = self.graph
        words = []
        for part in leaf.parts:
            node = graph.nodes[part]
            kind = leaf.type if part == leaf.parts[0] else module_type(graph, node.path)
            repeats = like.get(part, ()) if node.kind == Kind.ELEMENTWISE else ()
            read = (operand.tensor for operand in self.flow.operands.get(part, ()))
            if repeats and not graph.dependent.issuperset(read):
                # The state with which a loop begins is a constant in its first turn alone.
                node, repeats = graph.nodes[repeats[0]], repeats[1:]
            title = names.title(graph, node, kind)
            # Repeats may compute with other numbers: Stochastic depth 0.1 … 0.3.
            others = {names.title(graph, graph.nodes[repeat], kind): None for repeat in repeats}
            others.pop(title, None)
            more = f" … {list(others)[-1].rpartition(' ')[2]}" if others else ""
            if part in self.flow.joined and box.shape == Shape.SUM:
                words.append("Σ")
            elif not is_bias(graph, node):
                words.append(title + more)
        return replace(box, title=words[0], fused=tuple(words[1:]))

    def _heads_of_open(self, items: Iterable[Item]) -> set[tuple[int, ...]]:
        """Return what the open branches among neighbours read, where there are several."""
        firsts = []
        for item in items:
            if isinstance(item, Block) and item in self.opened:
                first = next((node for node in item.nodes if node in self.flow.drawn), None)
                if first is not None:
                    firsts.append(self.flow.sources[first])
        return {sources for sources in firsts if firsts.count(sources) > 1}

    def _add_box(
        self, item: Leaf | Block, group: str, base: str, times: int, nodes: Nodes, note: str = ""
    ) -> None:
        if isinstance(item, Leaf):
            box = self._leaf(item, base)
            # What changed between two models is written on single operators alone.
            note = note or box.note or ", ".join(self._reasons(item))
        else:
            box = self._closed(item, base)
            note = note or box.note
            self.closed.add(box.id)
            self.places[item] = box.id
        mark = self._mark_of_box(item)
        self.boxes.append(replace(box, group=group, times=times, nodes=nodes, note=note, mark=mark))
        for node in item.nodes:
            if node in self.flow.drawn:
                self.box_of[node] = box.id

    def _leaf(self, leaf: Leaf, base: str) -> Box:
        main = self.graph.nodes[leaf.parts[0]]
        # A path of many operators does not tell them apart in ids.
        own = leaf.path if leaf.own else f"{leaf.path}/{names.short(main)}"
        width, unit = self.axes.width(main)
        key = self.name(own)
        self._leaves[key] = leaf
        return Box(
            id=key,
            path=leaf.path,
            shape=names.shape_of(main, self.flow),
            title="",
            kind=main.kind,
            name=_relative(leaf.path, base) if leaf.own else "",
            width=width,
            unit=unit,
            note=names.remark(main),
        )

    def _closed(self, block: Block, base: str) -> Box:
        graph, drawn = self.graph, self.flow.drawn
        inside = [graph.nodes[node] for node in block.nodes if node in drawn]
        if block.type in RECURRENT:
            return Box(
                id=self.name(block.path),
                path=block.path,
                shape=Shape.OPERATOR,
                title=names.recurrent(graph, block.path, block.type),
                kind=Kind.RECURRENT,
                name=_relative(block.path, base),
            )
        width, unit = self.axes.width(inside[-1]) if inside else (None, "")
        if block.kind is not None:
            width, unit = (width, unit) if block.kind == Kind.NORM else (None, "")
            own = block.path if block.paths else f"{block.path}/{block.pattern.split()[0].lower()}"
            return Box(
                id=self.name(own),
                path=block.path,
                shape=Shape.OPERATOR,
                title=block.pattern,
                kind=block.kind,
                name=_relative(block.path, base) if block.paths else "",
                width=width,
                unit=unit,
                pattern=block.pattern,
            )
        last, held = block.path.rpartition(".")[2], holds(self.graph, block)
        return Box(
            id=self.name(block.path or ("model" if block.paths else "turn")),
            path=block.path,
            shape=Shape.MODULE,
            title=_type(block.type) or (held if last.isdigit() else last) or last,
            holds=held,
            kind=_dominant(inside),
            name=_extent(block, base) if block.sealed else _relative(block.path, base),
            width=width,
            unit=unit,
            note=content(graph, block, inside) if block.sealed else self._joins(block),
            pattern=block.pattern,
        )

    def _reasons(self, leaf: Leaf) -> Iterator[str]:
        """Yield what changed in a leaf: sizes of what follows on a change go without saying."""
        main, *others = (self.reasons.get(part, "") for part in leaf.parts)
        yield from (main,) if main else ()
        for reason in dict.fromkeys(others):
            if reason and reason != main and not (main and reason.startswith((MAKES, WEIGHTS))):
                yield reason

    def _joins(self, block: Block) -> str:
        """Say of closed items that repeat together that a shortcut is among them."""
        inside = set(block.nodes) if block.is_unit else ()
        ends = (reader for (_, reader), role in self.flow.roles.items() if role in SHORTCUTS)
        return "with a shortcut" if any(reader in inside for reader in ends) else ""

    def _mark_of_box(self, item: Leaf | Block) -> str:
        """A box is marked like its main operator; a closed one where anything inside differs."""
        path = item.path if isinstance(item, Block) or item.own else ""
        nodes = item.parts if isinstance(item, Leaf) else item.nodes
        marks = self._marks_in(nodes)
        main = self.marks.get(nodes[0], "")
        if len(marks) == 1:
            return marks.pop() or self.path_marks.get(path, "")
        if isinstance(item, Leaf) and main in ("added", "removed"):
            return main
        return "changed"

    def _marks_in(self, nodes: Iterable[int]) -> set[str]:
        return {self.marks.get(node, "") for node in nodes if node in self.flow.drawn} or {""}

    def name(self, name: str) -> str:
        """Return an id for a box or group: the name, unless it is given already."""
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}~{self._names[name]}"


def _note(axes: Axes, run: Run) -> str:
    # Gradients have no channels that grow.
    backward = axes.graph.nodes[run.nodes[0]].op.startswith("autograd.")
    if run.wiring == "dense" and not backward:
        first, last = (_widest_input(axes, run.members[i]) for i in (0, -1))
        step = (last - first) // max(len(run.members) - 1, 1)
        return f"{first} … {last} ch in, +{step} each"
    beside = run.wiring in ("parallel", "apart")
    return ", ".join(["side by side"] * beside + ["same weights"] * run.tied)


def _widest_input(axes: Axes, item: Item) -> int:
    """Return the channels that the first concatenation or layer of a member reads."""
    for number in item.nodes:
        node = axes.graph.nodes[number]
        if node.kind == Kind.CONCAT:
            return axes.width(node)[0] or 0
        if node.kind in (Kind.NORM, Kind.CONV):
            return axes.graph.shape(node.inputs[0])[1]
    return 0


def _extent(block: Block, base: str) -> str:
    """Return the first and the last name in a stretch."""
    ends = extent(block).split(" … ")
    return " … ".join(dict.fromkeys(_relative(path, base) for path in ends if path != base))


def _relative(path: str, base: str) -> str:
    if path == base:
        return ""
    return path[len(base) + 1 :] if base and path.startswith(f"{base}.") else path


def _type(kind: str) -> str:
    """Return a class name, `2 × Block` for a unit of several, or nothing for a container."""
    count, _, unit = kind.partition(" ")
    several = count.isdigit() and unit != "steps"
    return "" if kind in CONTAINERS else f"{count} × {unit}" if several else kind


def _dominant(nodes: Iterable[Node]) -> Kind | None:
    """Return the most frequent kind, for the colour of a closed module."""
    counts = Counter[Kind]()
    for node in nodes:
        # One layer with weights says more of a module than many small operators around it.
        counts[node.kind] += 100 if node.kind in (Kind.CONV, Kind.LINEAR, Kind.ATTENTION) else 1
    return max(counts, key=lambda kind: (counts[kind], kind), default=None)
