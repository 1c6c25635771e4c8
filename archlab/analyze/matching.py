"""Which module of one graph is which module of another one: by what runs in them, then by path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from archlab.analyze.costs import MACS
from archlab.analyze.tree import ancestors
from archlab.fold.flow import Flow, flow
from archlab.fold.union import Union, union
from archlab.ir.graph import Graph, Node


@dataclass(frozen=True)
class Side:
    """One of the two graphs, by module path; `places` says where in the union its nodes are."""

    graph: Graph
    places: Sequence[int]

    @cached_property
    def flow(self) -> Flow:
        """How data flows between the operators worth naming."""
        return flow(self.graph)

    @cached_property
    def types(self) -> dict[str, str]:
        """Path -> class; functional calls may stand under paths that are no modules."""
        return {
            **{module.path: module.type for module in self.graph.modules},
            **{node.path: "" for node in self.graph.nodes if node.path not in self.graph.module},
        }

    @cached_property
    def nodes(self) -> dict[str, list[Node]]:
        """Path -> the operators that run in the module itself."""
        nodes: dict[str, list[Node]] = {}
        for node in self.graph.nodes:
            nodes.setdefault(node.path, []).append(node)
        return nodes

    @cached_property
    def weights(self) -> dict[str, dict[str, tuple[int, ...]]]:
        """Path -> the module's own parameters: name -> shape."""
        weights: dict[str, dict[str, tuple[int, ...]]] = {}
        for param in self.graph.params:
            if not param.buffer:
                path, _, name = param.name.rpartition(".")
                weights.setdefault(path, {})[name] = param.shape
        return weights

    @cached_property
    def inside(self) -> dict[str, list[str]]:
        """Path -> the module and all below it."""
        inside: dict[str, list[str]] = {}
        for path in dict.fromkeys([*self.types, *self.weights]):
            for above in ancestors(path):
                inside.setdefault(above, []).append(path)
        return inside

    @cached_property
    def order(self) -> dict[str, tuple[int, int]]:
        """Path -> its place in the union, and in the tree.

        A module that runs nothing stands with the one before it.
        """
        order: dict[str, tuple[int, int]] = {}
        start = 0
        for i, (path, below) in enumerate(self.inside.items()):
            own = (self.nodes.get(each, [])[:1] for each in below)
            start = min((self.places[node.id] for nodes in own for node in nodes), default=start)
            order[path] = (start, i)
        return order

    def params(self, paths: Sequence[str]) -> int:
        """How many parameters the modules hold, each once."""
        owned = set(paths)
        return sum(
            param.numel
            for param in self.graph.params
            if not param.buffer and param.name.rpartition(".")[0] in owned
        )

    def macs(self, paths: Sequence[str]) -> int:
        """Multiply-adds of the operators that run in the modules; none for one without a rule."""
        nodes = (node for path in paths for node in self.nodes.get(path, ()))
        return sum(MACS[node.kind](self.graph, node) for node in nodes if node.kind in MACS)


@dataclass(frozen=True)
class Match:
    """Two graphs with what belongs together in them."""

    both: Union
    old: Side
    new: Side
    operators: dict[int, int]  # node of the second -> node of the first
    modules: dict[str, str]  # path in the second -> path in the first

    @property
    def same_inputs(self) -> bool:
        """Whether both graphs are of the same inputs, so that sizes of maps can be compared."""
        return self.old.graph.input_text() == self.new.graph.input_text()


def match(first: Graph, second: Graph) -> Match:
    """Return which operators and modules of two graphs of the same mode belong together."""
    both = union(first, second)
    before = {place: a for a, place in enumerate(both.places[0])}
    operators = {b: before[place] for b, place in enumerate(both.places[1]) if place in before}
    old, new = (
        Side(graph, places) for graph, places in zip((first, second), both.places, strict=True)
    )
    return Match(both, old, new, operators, dict(_modules(old, new, operators)))


def _modules(old: Side, new: Side, operators: dict[int, int]) -> Iterator[tuple[str, str]]:
    """Yield pairs of paths, each path once: the more operators are the same, the sooner."""
    votes = Counter(
        (new.graph.nodes[b].path, old.graph.nodes[a].path) for b, a in operators.items()
    )
    chosen = sorted(votes, key=lambda pair: (-votes[pair], pair[0] != pair[1]))
    same = [(path, path) for path in new.inside if path in old.inside and _same(old, new, path)]
    taken: tuple[set[str], set[str]] = set(), set()
    for after, before in [("", ""), *chosen, *same]:
        # A function that became a module of its own does not make it the module around.
        nested = after != before and (after in ancestors(before) or before in ancestors(after))
        if nested and old.types.get(before) != new.types.get(after):
            continue
        if after not in taken[0] and before not in taken[1]:
            taken[0].add(after)
            taken[1].add(before)
            yield after, before


def _same(old: Side, new: Side, path: str) -> bool:
    """Whether a path names the same module in both graphs."""
    # A number is a place in a row: what was put in before it has moved it to another one.
    moves = path.rpartition(".")[2].isdigit() and old.inside[path] == new.inside[path] == [path]
    return not moves or old.types.get(path) == new.types.get(path)
