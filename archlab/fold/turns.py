"""Fold what a forward does again and again with the same weights: turns of a loop, twin towers.

This is found in the operators as they ran, before anything is fused: the same operators of the
same modules on the same weights, of which each turn reads what the one before made (a loop), or
which read other tensors (twins: siamese towers, one head on many levels).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
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
    weighted: set[int] = field(default_factory=set)  # numbers of what reads parameters
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
        rough = Counter(map(self._rough, items))
        again = [rough[self._rough(item)] > 1 for item in items]
        if not any(again):
            return items
        row = _Row(self, items, again)
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

    def _rough(self, item: Item) -> Hashable:
        """Return what is told of an item at a glance: what differs in it is not of one sort."""
        if isinstance(item, Leaf):
            node = self.graph.nodes[item.parts[0]]
            return node.op, node.path
        if isinstance(item, Run):
            return len(item.members), self._rough(item.members[0])
        return item.path

    def sort(self, item: Item) -> int:
        """Return the number of what an item does: equal for the turns of a loop."""
        shape = len(item.members) if isinstance(item, Run) else 0
        operators = tuple(map(self.operator, self.steps(item)))
        number = self._number((shape, *operators))
        if not self.weighted.isdisjoint(operators):
            self.weighted.add(number)
        return number

    def operator(self, number: int) -> int:
        """Return the number of an operator: function, module, weights; at any place and size."""
        if number not in self._operators:
            node, tensors = self.graph.nodes[number], self.graph.tensors
            weights = tuple(t if tensors[t].source == "param" else -1 for t in node.inputs)
            what = (node.op, node.path, at_any_place(node.attrs), weights, len(node.outputs))
            found = self._number((*what, self.marks.get(number, "")))
            self._operators[number] = found
            if max(weights, default=-1) >= 0:
                self.weighted.add(found)
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

    def __init__(self, turns: Turns, items: list[Item], again: Sequence[bool]) -> None:
        """`again` tells the items that may be of one sort with others from those that are not."""
        self.turns, self.graph, self.items = turns, turns.graph, items
        self.sorts = [turns.sort(item) if again[i] else -1 - i for i, item in enumerate(items)]

        # Sums of hashes: whether two stretches are equal is told at once, however long they are.
        def joined(hashed: int, sort: int) -> int:
            return (hashed * _BASE + sort + 1) % _MODULUS

        self.sums = list(accumulate(self.sorts, joined, initial=0))
        self.powers = list(
            accumulate(self.sorts, lambda power, _: power * _BASE % _MODULUS, initial=1)
        )
        self.weighted = list(accumulate((sort in turns.weighted for sort in self.sorts), initial=0))
        # Three items in a row -> where they occur; a body of three or more begins where its do.
        self.threes = list(zip(self.sorts, self.sorts[1:], self.sorts[2:], strict=False))
        self.starts: dict[tuple[int, ...], list[int]] = {}
        for i, three in enumerate(self.threes):
            self.starts.setdefault(three, []).append(i)
        self.ends: dict[int, int] = {}  # period -> end of the last stretch found to have it
        self.conflicts: dict[int, tuple[int, int]] = {}  # period -> the last one found
        self.roots: dict[int, int] = {}
        steps = [turns.steps(item) for item in items]
        self.nodes = [number for part in steps for number in part]
        self.place = {number: i for i, number in enumerate(self.nodes)}
        self.first = [0, *accumulate(map(len, steps))]  # of each item, its first node's place
        self.outputs = set(self.graph.outputs)

    def _hash(self, start: int, end: int) -> int:
        return (self.sums[end] - self.sums[start] * self.powers[end - start]) % _MODULUS

    def _equal(self, i: int, j: int, length: int) -> bool:
        if j + length > len(self.items):
            return False
        return self._hash(i, i + length) == self._hash(j, j + length)

    def _stretch(self, i: int, period: int) -> int:
        """Return where a stretch that begins at i and has a period ends."""
        known = self.ends.get(period, 0)
        if i + 2 * period <= known:
            return known  # part of a stretch that was seen before
        lengths = range(len(self.items) - i - period + 1)
        same = bisect_left(lengths, 1, key=lambda n: not self._equal(i, i + period, n)) - 1
        self.ends[period] = i + period + same
        return self.ends[period]

    def _later(self, i: int) -> Iterator[int]:
        """Yield where a turn may follow that begins at i, in order."""
        for j in (i + 1, i + 2):
            if j < len(self.items) and self._repeats(i, j - i):
                yield j
        if i >= len(self.threes):
            return
        places = self.starts[self.threes[i]]
        k = bisect_left(places, i + 3)
        for _ in range(_TRIES):
            if k >= len(places):
                return
            j = places[k]
            k += 1
            if not self._repeats(i, j - i):
                continue
            yield j
            if not self._has_weights(i, j):
                # Within the stretch, other periods are but multiples of this one.
                k = bisect_left(places, self._stretch(i, j - i) - (j - i), k)

    def _repeats(self, i: int, period: int) -> bool:
        """Whether as many turns follow each other as a body needs at least."""
        turns = 2 if self._has_weights(i, i + period) else _LEAST[0]
        return self._equal(i, i + period, (turns - 1) * period)

    def _has_weights(self, start: int, end: int) -> bool:
        return self.weighted[start] < self.weighted[end]

    def found(self, i: int) -> tuple[int, int, int, bool, bool] | None:
        """Return start, period, times, whether it is a loop, and whether it has weights."""
        for j in self._later(i) if self.sorts[i] >= 0 else ():
            # Where more than whole turns repeat, a body begins with a module if it can.
            period = j - i
            starts = range(i, i + (self._stretch(i, period) - j) % period + 1)
            module = next((k for k in starts if isinstance(self.items[k], Block)), i)
            for start in dict.fromkeys((module, i)):
                if not self._has_weights(start, start + period) and self._differ(start, period):
                    continue
                if (turn := _Turn(self, start, period)).times >= turn.least:
                    self.turns.states |= turn.states
                    return start, period, turn.times, turn.carried, turn.weighted > 0
        return None

    def _differ(self, start: int, period: int) -> bool:
        """Whether turns without weights are no loop: too few, or not wired alike."""
        if not self._repeats(start, period):
            return True
        turns = _LEAST[0]
        origin, size = self.first[start], self.first[start + period] - self.first[start]

        def rules_out(place: int, read: int) -> bool:
            # What the first turn reads from outside is the state with which the loop begins.
            return place >= origin + size or read >= origin

        known, made = self.conflicts.get(period, (-1, -1))
        last = origin + (turns - 1) * size
        if origin <= known < last and rules_out(known, made):
            return True
        for place in range(last - 1, origin - 1, -1):
            read = self._conflict(place, size)
            if read is not None and rules_out(place, read):
                self.conflicts[period] = place, read
                return True
        return False

    def _conflict(self, place: int, size: int) -> int | None:
        """Return the place of what a node reads if it is not what the next turn's node reads.

        It is -1 outside, and beyond all places where the two make tensors of different shapes.
        """
        one, other = (self.graph.nodes[self.nodes[at]] for at in (place, place + size))
        for a, b in zip(one.outputs, other.outputs, strict=True):
            if self.graph.shape(a) != self.graph.shape(b):
                return len(self.nodes)
        found = None
        for a, b in zip(one.inputs, other.inputs, strict=True):
            made, later = self.made(a), self.made(b)
            alike = made[0] >= 0 and (made[0] + size, made[1]) == later
            if a != b and not alike and self.root(a) != self.root(b):
                found = made[0] if found is None else max(found, made[0])
        return found

    def made(self, tensor: int) -> tuple[int, int]:
        """Return the place of the node that made a tensor, and which output it is; -1 outside."""
        maker = self.graph.producer.get(tensor)
        place = self.place.get(maker.id, -1) if maker is not None else -1
        return (place, maker.outputs.index(tensor)) if maker is not None else (-1, 0)

    def root(self, tensor: int) -> int:
        """Return the tensor that one is a part of, -1 where it was made from nothing."""
        if tensor not in self.roots:
            source = tensor
            maker = self.graph.producer.get(source)
            while maker is not None and maker.kind in _MOVED and maker.inputs:
                source = maker.inputs[0]
                maker = self.graph.producer.get(source)
            constant = self.graph.tensors[source].source == "constant"
            nothing = constant or (maker is not None and maker.kind == Kind.CREATE)
            self.roots[tensor] = -1 if nothing else source
        return self.roots[tensor]


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
        place, output = self.row.made(tensor)
        if place < self.origin:
            return None
        made, position = divmod(place - self.origin, self.size)
        return turn - made, position, output

    def _reads(self, turn: int) -> list[End | int]:
        """Return what each operator of a turn reads: places, and roots of what is outside."""
        reads: list[End | int] = []
        for number in self._nodes(turn):
            for tensor in self.graph.nodes[number].inputs:
                end = self._end(turn, tensor)
                reads.append(self.row.root(tensor) if end is None else end)
        if any(isinstance(end, tuple) and end[0] for end in reads):
            return reads
        # Twins read what they like.
        return [-2 if isinstance(end, int) else end for end in reads]

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
            elif end is not None or later not in (-2, self.row.root(tensor)):
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
