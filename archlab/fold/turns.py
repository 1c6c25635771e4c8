"""Fold what a forward does again and again with the same weights: turns of a loop, twin towers.

This is found in the operators as they ran, before anything is fused: the same operators of the
same modules on the same weights, of which each turn reads what the one before made (a loop), or
which read other tensors (twins: siamese towers, one head on many levels).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from archlab.fold.tree import Block, Item, Leaf, Run
from archlab.ir.graph import Graph
from archlab.ir.kinds import AttentionAttrs, Attrs, Kind, MatmulAttrs, PlaceAttrs, SliceAttrs

_TRIES = 32  # places where the first operator of a body occurs again, of which one is the next turn
_NESTED = 3  # loops within loops
_LEAST = {0: 4, 1: 3}  # turns worth folding, by the modules with weights in the body; else 2
_MOVED = frozenset({Kind.SLICE, Kind.RESHAPE, Kind.PERMUTE, Kind.COPY, Kind.GATHER})
_BASE, _MODULUS = 1_000_003, (1 << 61) - 1  # of rolling hashes

Gather = Callable[[list[Item]], list[Item]]
End = tuple[int, int, int]  # how many turns ago, the operator's place in its turn, which output


@dataclass(slots=True)
class Turns:
    """Finds loops and twins among the items of a module call."""

    graph: Graph
    marks: Mapping[int, str] = field(default_factory=dict)
    states: set[int] = field(default_factory=set)  # tensors with which a loop's state begins
    turn: dict[int, tuple[int, ...]] = field(default_factory=dict)  # node -> turns that it is in
    later: set[int] = field(default_factory=set)  # nodes of all turns but the first
    _bodies: int = 0
    _operators: dict[int, int] = field(default_factory=dict)
    _numbers: dict[Hashable, int] = field(default_factory=dict)

    def folded(self, items: Sequence[Item], gather: Gather) -> list[Item]:
        """Return the items with loops as runs; `gather` puts the items of a body together."""
        # What makes a tensor from nothing may run in the first turn alone, and is never drawn.
        kept = [item for item in items if not self._creates(item)]
        for _ in range(_NESTED):
            before = len(kept)
            kept = self._scanned(kept, gather)
            if len(kept) == before:
                break
        return kept

    def _creates(self, item: Item) -> bool:
        return isinstance(item, Leaf) and self.graph.nodes[item.parts[0]].kind == Kind.CREATE

    def _scanned(self, items: list[Item], gather: Gather) -> list[Item]:
        row = _Row(self, items)
        result: list[Item] = []
        i = 0
        while i < len(items):
            found = row.found(i)
            if found is None:
                result.append(items[i])
                i += 1
                continue
            start, period, times, carried, tied = found
            result += items[i:start]
            i = start + period * times
            bodies = [items[j : j + period] for j in range(start, i, period)]
            self._count(bodies)
            self.later.update(node for body in bodies[1:] for item in body for node in item.nodes)
            members = [self._body(gather(bodies[0])), *map(self._body, bodies[1:])]
            result.append(Run(tuple(members), "loop" if carried else "apart", tied))
        return result

    def _count(self, bodies: Sequence[Sequence[Item]]) -> None:
        for body in bodies:
            self._bodies += 1
            for item in body:
                for node in item.nodes:
                    self.turn[node] = (*self.turn.get(node, ()), self._bodies)

    def _body(self, items: Sequence[Item]) -> Leaf | Block:
        """Return one turn: of several items a block of their own."""
        nodes = tuple(number for item in items for number in self.steps(item))
        if len(items) == 1 and not isinstance(items[0], Run):
            return replace(items[0], nodes=nodes)
        named = [item for item in items if isinstance(item, Block)]
        kinds = dict.fromkeys(item.type for item in named)
        # Several modules are called by the module around them, as loose operators are.
        path = (named or items)[0].path
        while not all(f"{item.path}.".startswith(f"{path}.") for item in named or items if path):
            path = path.rpartition(".")[0]
        kind = " + ".join(kinds) or "one turn"
        kind = f"{len(named)} {kind}" if len(kinds) == 1 < len(named) else kind
        return Block(path, kind, tuple(items), nodes)

    def steps(self, item: Item) -> tuple[int, ...]:
        """Return an item's nodes but for those that make a tensor from nothing."""
        return tuple(n for n in item.nodes if self.graph.nodes[n].kind != Kind.CREATE)

    def sort(self, item: Item) -> int:
        """Return the number of what an item does: equal for the turns of a loop."""
        shape = len(item.members) if isinstance(item, Run) else 0
        return self._number((shape, *(self.operator(n) for n in self.steps(item))))

    def operator(self, number: int) -> int:
        """Return the number of an operator: function, module, weights; at any place and size."""
        if number not in self._operators:
            node, tensors = self.graph.nodes[number], self.graph.tensors
            weights = tuple(t if tensors[t].source == "param" else -1 for t in node.inputs)
            what = (node.op, node.path, at_any_place(node.attrs), weights, len(node.outputs))
            self._operators[number] = self._number((*what, self.marks.get(number, "")))
        return self._operators[number]

    def _number(self, structure: Hashable) -> int:
        return self._numbers.setdefault(structure, len(self._numbers))


def at_any_place(attrs: Attrs) -> Hashable:
    """Return the attributes that are equal in each turn: those of a slice but for its position."""
    if isinstance(attrs, SliceAttrs):
        return (attrs.axis, len(attrs.starts), attrs.step, attrs.drop)
    if isinstance(attrs, PlaceAttrs):
        return len(attrs.boxes)
    if isinstance(attrs, MatmulAttrs):
        return (attrs.inner, attrs.columns)
    if isinstance(attrs, AttentionAttrs):
        return (attrs.head_size, attrs.value_size, attrs.causal)
    return attrs


class _Row:
    """The items of one call, with what is asked again and again counted once."""

    def __init__(self, turns: Turns, items: list[Item]) -> None:
        self.turns, self.graph, self.items = turns, turns.graph, items
        self.sorts = [turns.sort(item) for item in items]

        # Sums of hashes: whether two stretches are equal is told at once, however long they are.
        def joined(hashed: int, sort: int) -> int:
            return (hashed * _BASE + sort + 1) % _MODULUS

        self.sums = list(accumulate(self.sorts, joined, initial=0))
        self.next = self._next()
        steps = [turns.steps(item) for item in items]
        self.nodes = [number for part in steps for number in part]
        self.place = {number: i for i, number in enumerate(self.nodes)}
        self.first = [0, *accumulate(map(len, steps))]  # of each item, its first node's place
        self.outputs = set(self.graph.outputs)

    def _next(self) -> list[int]:
        """Return for each item the next one of its sort."""
        last: dict[int, int] = {}
        following = [len(self.sorts)] * len(self.sorts)
        for i in range(len(self.sorts) - 1, -1, -1):
            following[i] = last.get(self.sorts[i], len(self.sorts))
            last[self.sorts[i]] = i
        return following

    def _hash(self, start: int, end: int) -> int:
        return (self.sums[end] - self.sums[start] * pow(_BASE, end - start, _MODULUS)) % _MODULUS

    def _equal(self, i: int, j: int, length: int) -> bool:
        if j + length > len(self.items):
            return False
        return self._hash(i, i + length) == self._hash(j, j + length)

    def _repeated(self, i: int, j: int) -> int:
        """Return how many items from i on are those from j on."""
        lengths = range(len(self.items) - j + 1)
        return bisect_left(lengths, 1, key=lambda n: not self._equal(i, j, n)) - 1

    def found(self, i: int) -> tuple[int, int, int, bool, bool] | None:
        """Return start, period, times, whether it is a loop, and whether it has weights."""
        j = i
        for _ in range(_TRIES):
            j = self.next[j]
            if j == len(self.items):
                return None
            if not self._equal(i, j, j - i):
                continue
            # Where more than whole turns repeat, a body begins with a module if it can.
            period = j - i
            starts = range(i, i + self._repeated(i, j) % period + 1)
            module = next((k for k in starts if isinstance(self.items[k], Block)), i)
            for start in dict.fromkeys((module, i)):
                if (turn := _Turn(self, start, period)).times >= turn.least:
                    self.turns.states |= turn.states
                    return start, period, turn.times, turn.carried, turn.weighted > 0
        return None


class _Turn:
    """A body at `start`, compared turn by turn as long as all are wired alike."""

    def __init__(self, row: _Row, start: int, period: int) -> None:
        self.row, self.graph, self.period = row, row.graph, period
        self.origin, self.size = row.first[start], row.first[start + period] - row.first[start]
        body = row.nodes[self.origin : self.origin + self.size]
        read = [(self.graph.nodes[n].path, t) for n in body for t in self.graph.nodes[n].inputs]
        self.weighted = len(
            {path for path, tensor in read if self.graph.tensors[tensor].source == "param"}
        )
        self.least = _LEAST.get(self.weighted, 2)
        self.states: set[int] = set()
        self.pattern = self._reads(1)
        self.carried = any(isinstance(end, tuple) and end[0] for end in self.pattern)
        self.times = self._times(start) if self._begins() else 1

    def _times(self, start: int) -> int:
        if not self.carried and not self.weighted:
            return 1  # operators side by side: whether they are a row is seen when they are fused
        row, times, taps = self.row, 1, self._taps(0)
        while row._equal(start, start + times * self.period, self.period):
            if times > 1 and self._reads(times) != self.pattern:
                break
            if self._taps(times - 1) != taps or not self._same_sizes(times):
                break
            times += 1
        return times

    def _nodes(self, turn: int) -> list[int]:
        begin = self.origin + turn * self.size
        return self.row.nodes[begin : begin + self.size]

    def _end(self, turn: int, tensor: int) -> End | None:
        """Return where in the turns a tensor was made, None outside of them."""
        maker = self.graph.producer.get(tensor)
        place = self.row.place.get(maker.id, -1) if maker is not None else -1
        if maker is None or place < self.origin:
            return None
        made, position = divmod(place - self.origin, self.size)
        return turn - made, position, maker.outputs.index(tensor)

    def _reads(self, turn: int) -> list[End | int]:
        """Return what each operator of a turn reads: places, and roots of what is outside."""
        reads: list[End | int] = []
        for number in self._nodes(turn):
            for tensor in self.graph.nodes[number].inputs:
                end = self._end(turn, tensor)
                reads.append(self._root(tensor) if end is None else end)
        if any(isinstance(end, tuple) and end[0] for end in reads):
            return reads
        # Twins read what they like.
        return [-2 if isinstance(end, int) else end for end in reads]

    def _root(self, tensor: int) -> int:
        """Return the tensor that one is a part of, -1 where it was made from nothing."""
        maker = self.graph.producer.get(tensor)
        while maker is not None and maker.kind in _MOVED and maker.inputs:
            tensor = maker.inputs[0]
            maker = self.graph.producer.get(tensor)
        constant = self.graph.tensors[tensor].source == "constant"
        return -1 if constant or (maker is not None and maker.kind == Kind.CREATE) else tensor

    def _begins(self) -> bool:
        """Whether turn 0 is wired as turn 1 is, but for the state with which it begins."""
        if any(isinstance(end, tuple) and end[0] not in (0, 1) for end in self.pattern):
            return False
        tensors = [t for n in self._nodes(0) for t in self.graph.nodes[n].inputs]
        for tensor, later in zip(tensors, self.pattern, strict=True):
            end = self._end(0, tensor)
            if isinstance(later, tuple) and later[0] == 1:
                if end is not None:
                    return False
                self.states.add(tensor)
            elif isinstance(later, tuple):
                if end != later:
                    return False
            elif end is not None or later not in (-2, self._root(tensor)):
                return False
        return True

    def _taps(self, turn: int) -> set[Hashable]:
        """Return who reads a turn besides itself and the next one."""
        taps: set[Hashable] = set()
        for position, number in enumerate(self._nodes(turn)):
            for tensor in self.graph.nodes[number].outputs:
                if tensor in self.row.outputs:
                    taps.add((position, "output"))
                for reader in self.graph.consumers.get(tensor, ()):
                    place = self.row.place.get(reader.id, -1) - self.origin
                    if place < 0 or not 0 <= place // self.size - turn <= 1:
                        taps.add((position, self.row.turns.operator(reader.id)))
        return taps

    def _same_sizes(self, turn: int) -> bool:
        """Whether the tensors of a loop keep their sizes; twins may read other ones."""
        return not self.carried or all(
            self.graph.shape(a) == self.graph.shape(b)
            for first, later in zip(self._nodes(0), self._nodes(turn), strict=True)
            for a, b in zip(
                self.graph.nodes[first].outputs, self.graph.nodes[later].outputs, strict=True
            )
        )
