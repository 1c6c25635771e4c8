"""Find equal items in a row, and items that are alike.

Equal: the same attributes, sizes, parameters and inner wiring. Alike: the same operators, kernels
and strides in the same tree, at any width.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import takewhile

from archlab.fold.flow import Flow, function
from archlab.fold.tree import Block, Item, Leaf, Run
from archlab.fold.turns import at_any_place
from archlab.ir.graph import Graph
from archlab.ir.kinds import ConvAttrs, Kind, PoolAttrs

_LONGEST = 4  # items of a repeated unit
_NUMBER = re.compile(r"\d+")


class _Manner(Enum):
    """What a structure leaves aside: nothing, what was passed before, or sizes and places."""

    EXACT = "exact"
    BARE = "bare"
    LOOSE = "loose"


@dataclass(slots=True)
class Keys:
    """Hands out a small number for each structure; equal structures have equal numbers."""

    graph: Graph
    flow: Flow
    apart: frozenset[str] = frozenset()  # paths that must not disappear in a run
    marks: dict[int, str] = field(default_factory=dict)
    least: int = 3  # equal leaves in a row that are worth folding; 0: none are
    later: Collection[int] = frozenset()  # nodes of all turns of a loop but the first
    _numbers: dict[Hashable, int] = field(default_factory=dict)
    _alike: dict[Item, int] = field(default_factory=dict)
    _exact: dict[tuple[_Manner, tuple[int, ...]], int] = field(default_factory=dict)

    def exact(self, item: Item) -> int:
        """Return the number of an item's exact structure."""
        # No other item has the same nodes: what the user wants to see is equal to nothing.
        if self.stands_apart(item):
            return self._number(("apart", item.nodes))
        return self._structured(item, _Manner.EXACT)

    def bare(self, item: Item) -> int:
        """Return the number of an item's structure without what its operands passed before.

        The first block of a row may read what was flattened or put channels last for all of them.
        """
        return self.exact(item) if self.stands_apart(item) else self._structured(item, _Manner.BARE)

    def loose(self, item: Item) -> int:
        """Return the number of an item's structure with its weights' sizes.

        How many rows it works on, and which part of a tensor it reads, is left aside: each expert
        of a mixture gets tokens, and a gate, of its own.
        """
        if self.stands_apart(item):
            return self.exact(item)
        return self._structured(item, _Manner.LOOSE)

    def _structured(self, item: Item, manner: _Manner) -> int:
        key = (manner, item.nodes)
        if key not in self._exact:
            self._exact[key] = self._number(self._structure(item, manner))
        return self._exact[key]

    def alike(self, item: Item) -> int:
        """Return the number of an item's structure when widths are left aside."""
        if item not in self._alike:
            sort: Hashable
            if isinstance(item, Leaf):
                sort = ("leaf", *map(self._manner, item.parts))
            elif isinstance(item, Run):
                sort = ("run", len(item.members), self.alike(item.members[0]))
            else:
                sort = (
                    "block",
                    item.type,
                    _NUMBER.sub("", item.pattern) if item.kind else "",  # heads are a width
                    *map(self.alike, item.children),
                )
            self._alike[item] = self._number(sort)
        return self._alike[item]

    def stands_apart(self, item: Item) -> bool:
        """Whether an item is, or holds, a module that the user wants to see on its own."""
        if not self.apart or isinstance(item, Run):
            return False
        own = filter(None, item.paths if isinstance(item, Block) else (item.path,))
        return any(f"{apart}.".startswith(f"{path}.") for path in own for apart in self.apart)

    def _number(self, structure: Hashable) -> int:
        return self._numbers.setdefault(structure, len(self._numbers))

    def _structure(self, item: Item, manner: _Manner) -> Hashable:
        loosely = manner == _Manner.LOOSE
        place = {node: i for i, node in enumerate(item.nodes)}
        outside: dict[int, int] = {}
        graph, producer = self.graph, self.graph.producer
        lines = []
        for number in item.nodes:
            if number in self.later:
                continue
            node = graph.nodes[number]
            read: list[Hashable] = []
            for tensor in node.inputs:
                spec, maker = graph.tensors[tensor], producer.get(tensor)
                if maker is not None and maker.id in place:
                    read.append((place[maker.id], maker.outputs.index(tensor)))
                elif spec.source in ("param", "buffer"):
                    # A weight that others use, too, is not just one of the same size.
                    shared = tensor if len(graph.consumers[tensor]) > 1 else None
                    read.append((spec.source, spec.shape, shared))
                else:
                    known = outside.setdefault(tensor, len(outside))
                    read.append(("outside", known, () if loosely else spec.shape))
            shapes = () if loosely else tuple(graph.shape(tensor) for tensor in node.outputs)
            mark = self.marks.get(number, "")
            within = place if manner == _Manner.BARE else None
            operands = self.flow.operands.get(number, ())
            read.append(tuple(_passed(each.trail, within, loosely=loosely) for each in operands))
            attrs = at_any_place(node.attrs) if loosely else node.attrs
            lines.append((node.op, node.kind, attrs, tuple(read), shapes, mark))
        kind = item.type if isinstance(item, Block) else ""
        # What passed nothing before has one number, whether that is left aside or not.
        return (loosely, kind, len(place), tuple(lines))

    def _manner(self, number: int) -> Hashable:
        node = self.graph.nodes[number]
        attrs = node.attrs
        # DenseNet's layers are alike, although each concatenates more than the one before.
        several = node.kind != Kind.CONCAT and len(self.flow.operands.get(number, ())) > 1
        mark = self.marks.get(number, "")
        if isinstance(attrs, ConvAttrs):
            depthwise = 1 < attrs.groups == self.graph.shape(node.inputs[0])[1]
            grouped = "depthwise" if depthwise else attrs.groups > 1
            return (node.kind, attrs.kernel, attrs.stride, attrs.dilation, grouped, mark)
        if isinstance(attrs, PoolAttrs):
            return (node.kind, attrs.mode, attrs.kernel, attrs.stride, mark)
        name = function(node) if node.kind in (Kind.ELEMENTWISE, Kind.ACTIVATION) else ""
        return (node.kind, name, several, mark)


def _passed(trail: Hashable, within: Collection[int] | None, *, loosely: bool) -> Hashable:
    """Return what an operand passed on its way, within some nodes, perhaps at any place."""
    if not isinstance(trail, tuple) or not trail or (within is not None and trail[0] not in within):
        return ()
    _, op, attrs, before = trail
    earlier = tuple(_passed(each, within, loosely=loosely) for each in before)
    return (op, at_any_place(attrs) if loosely else attrs, earlier)


def repeated(keys: Keys, items: Sequence[Item]) -> tuple[Item, ...]:
    """Return the items with rows of equal ones folded into runs, the shortest unit first."""
    exact = [keys.exact(item) for item in items]
    result: list[Item] = []
    i = 0
    while i < len(items):
        run, taken = _side_by_side(keys, i, items)
        if run is None:
            run, taken = _run(keys, exact, i, items)
        result.append(items[i] if run is None else run)
        i += taken
    return tuple(_dense(keys, result))


def _run(keys: Keys, exact: Sequence[int], i: int, items: Sequence[Item]) -> tuple[Run | None, int]:
    """Return the run of equal items that begins at `i`, and how many items it takes."""
    period, times = _row(keys, exact, i, items)
    starts = range(i, i + times * period, period)
    units = _untapped(keys.flow, [_unit(items[start : start + period]) for start in starts])
    wiring = wired(keys.flow, units) if len(units) > 1 else ""
    return (Run(tuple(units), wiring), len(units) * period) if wiring else (None, 1)


def _side_by_side(keys: Keys, i: int, items: Sequence[Item]) -> tuple[Run | None, int]:
    """Return the run of items that read the same, with weights of the same sizes."""
    for period in range(1, min(_LONGEST, (len(items) - i) // 2) + 1):
        first, second = items[i : i + period], items[i + period : i + 2 * period]
        tensors = (t for item in first for n in item.nodes for t in keys.graph.nodes[n].inputs)
        weighted = any(keys.graph.tensors[tensor].source == "param" for tensor in tensors)
        if not weighted or not _may_be_beside(keys.flow, first, second):
            continue
        unit = list(map(keys.loose, first))
        starts = range(i + period, len(items) - period + 1, period)
        same = (list(map(keys.loose, items[j : j + period])) == unit for j in starts)
        times = 1 + sum(takewhile(bool, same))
        if times < (2 if _has_block(first) else keys.least or times + 1):
            continue
        units = [_unit(items[j : j + period]) for j in range(i, i + times * period, period)]
        # The first two tell most rows apart.
        if all(wired(keys.flow, row) == "parallel" for row in (units[:2], units)):
            return Run(tuple(map(_merged, units)), "parallel"), times * period
        break
    return None, 1


def _may_be_beside(flow: Flow, unit: Sequence[Item], others: Sequence[Item]) -> bool:
    """Whether units are of one size and the second does not begin with what the first makes."""
    if any(len(a.nodes) != len(b.nodes) for a, b in zip(unit, others, strict=True)):
        return False
    first = next((node for node in others[0].nodes if node in flow.drawn), None)
    made = range(unit[0].nodes[0], unit[-1].nodes[-1] + 1)
    return first is None or not any(source in made for source in flow.sources[first])


def _has_block(items: Sequence[Item]) -> bool:
    return any(isinstance(item, Block) for item in items)


def _merged(unit: Leaf | Block) -> Leaf | Block:
    """Return a module and what belongs to it, as its gate, as one block."""
    if not isinstance(unit, Block) or unit.paths:
        return unit
    inner = [child for child in unit.children if not isinstance(child, Leaf)]
    if len(inner) != 1 or not isinstance(inner[0], Block) or inner[0].sealed:
        return unit
    at = unit.children.index(inner[0])
    children = (*unit.children[:at], *inner[0].children, *unit.children[at + 1 :])
    return replace(inner[0], children=children, nodes=unit.nodes)


def lists_of(items: Sequence[Item], flow: Flow) -> list[Block]:
    """Return the lists of modules that also hold drawn operators between them."""
    return [
        item
        for item in items
        if isinstance(item, Block)
        and item.type in ("ModuleList", "ModuleDict")
        and any(isinstance(part, Leaf) and part.parts[0] in flow.drawn for part in item.children)
    ]


def covers(run: Run, row: Block) -> bool:
    """Whether a run side by side, or one after the other, has all modules of a list."""
    inside = set(run.nodes)
    modules = (part for part in row.children if not isinstance(part, Leaf))
    together = run.wiring in ("parallel", "chain")
    return together and all(inside.issuperset(part.nodes) for part in modules)


def _untapped(flow: Flow, units: list[Leaf | Block]) -> list[Leaf | Block]:
    """Return the units; a chain ends at the first one that something outside of it reads."""
    if wired(flow, units) == "chain":
        inside = {node for unit in units for node in unit.nodes}
        for i, unit in enumerate(units):
            if any(not inside.issuperset(flow.readers.get(node, ())) for node in unit.nodes):
                return units[: i + 1]
    return units


def _row(keys: Keys, exact: Sequence[int], start: int, items: Sequence[Item]) -> tuple[int, int]:
    """Return the length of the unit that repeats at `start`, and how often; else (1, 1)."""
    for period in range(1, _LONGEST + 1):
        times = 1
        unit = list(exact[start + period : start + 2 * period])
        if len(unit) < period:
            break
        if _begins(keys, items[start : start + period], exact[start : start + period], unit):
            while list(exact[start + times * period : start + (times + 1) * period]) == unit:
                times += 1
        blocks = _has_block(items[start : start + period])
        if times >= (2 if blocks else keys.least or times + 1):
            return period, times
    return 1, 1


def _begins(keys: Keys, first: Sequence[Item], exact: Sequence[int], unit: Sequence[int]) -> bool:
    """Whether items are the unit, but for what the very first ones may have passed before."""
    pairs = zip(first, exact, unit, strict=True)
    return all(
        number == wanted or (isinstance(item, Block) and keys.bare(item) == wanted)
        for item, number, wanted in pairs
    )


def _unit(items: Sequence[Item]) -> Leaf | Block:
    """Return one member of a run; several items make a block of their own."""
    if len(items) == 1 and not isinstance(items[0], Run):
        return items[0]
    nodes = tuple(node for item in items for node in item.nodes)
    named = [item for item in items if isinstance(item, Block) or getattr(item, "own", False)]
    kinds = list(dict.fromkeys(item.type for item in named if not isinstance(item, Run)))
    kind = f"{len(named)} {kinds[0]}" if len(kinds) == 1 < len(named) else " + ".join(kinds)
    path = named[0].path if named else items[0].path
    return Block(path, kind, tuple(items), nodes, ())


def wired(flow: Flow, members: Sequence[Item]) -> str:
    """Return how members are wired to each other: chain, dense, parallel, or "" for anything else.

    What they read from outside must be the same for all but the first of a chain.
    """
    owner = {node: i for i, member in enumerate(members) for node in member.nodes}
    reads: list[set[int]] = [set() for _ in members]
    outside: list[set[int]] = [set() for _ in members]
    for i, member in enumerate(members):
        for node in member.nodes:
            for source in flow.sources.get(node, ()):
                j = owner.get(source)
                if j is None:
                    outside[i].add(source)
                elif j != i:
                    reads[i].add(j)
    within = all(extra <= outside[0] for extra in outside[1:])
    if all(read == {i - 1} for i, read in enumerate(reads) if i):
        return "chain" if within else ""
    # Of two members, each reads the one before and all before: that is a chain.
    if len(members) > 2 and all(read == set(range(i)) for i, read in enumerate(reads)):
        return "dense" if within else ""
    same = not any(reads) and all(extra == outside[0] for extra in outside[1:])
    return "parallel" if same else ""


def _dense(keys: Keys, items: Sequence[Item]) -> Iterator[Item]:
    """Fold rows of blocks that are alike and each read all before: DenseNet's layers."""
    i = 0
    while i < len(items):
        row: list[Leaf | Block] = []
        for item in items[i:]:
            if not isinstance(item, Block) or keys.stands_apart(item):
                break
            if row and keys.alike(item) != keys.alike(row[0]):
                break
            row.append(item)
        same_size = len({len(item.nodes) for item in row}) == 1
        # The first three tell most rows apart; to look at the whole of a long one takes time.
        dense = len(row) > 2 and same_size and wired(keys.flow, row[:3]) == "dense"
        if dense and wired(keys.flow, row) == "dense":
            yield Run(tuple(row), "dense")
            i += len(row)
        else:
            yield items[i]
            i += 1
