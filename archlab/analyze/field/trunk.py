"""The trunk of a net: the path from the image along which the receptive field grows furthest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from archlab.analyze.field.receptive_field import local_size
from archlab.analyze.field.sight import Sight, sights
from archlab.ir.graph import Graph

_Way = tuple[str, ...]  # chosen layers, from the image on


@dataclass(frozen=True)
class Trunk:
    """The layers on the trunk, and of every layer how many lie on its longest way, itself too."""

    paths: tuple[str, ...]
    depth: dict[str, int]


def trunk(graph: Graph, layers: Collection[str]) -> Trunk:
    """Return which of some layers, given by their paths, lie on the trunk, and how deep each is.

    Where branches meet the way goes on from the one that sees most, and of equal ones from the one
    with more layers.
    """
    chosen, (by_tensor, _) = frozenset(layers), sights(graph)
    # Of every tensor that depends on the image: what it sees, how many layers are before it, which.
    ways: dict[int, tuple[float, int, _Way]] = {}
    for node in graph.nodes:
        inputs = [ways[tensor] for tensor in node.inputs if tensor in ways]
        *_, way = max(inputs, key=lambda rank: rank[:2], default=(0.0, 0, ()))
        if node.path in chosen and node.path not in way:
            way = (*way, node.path)
        for tensor in graph.dependent.intersection(node.outputs):
            ways[tensor] = (_size(by_tensor.get(tensor)), len(way), way)
    ends = {
        call.path: ways[call.outputs[0]]
        for call in graph.calls
        if call.path in chosen and call.call == 0 and call.outputs and call.outputs[0] in ways
    }
    # A module without an operator of its own is no layer.
    ends = {path: end for path, end in ends.items() if path in end[2]}
    *_, longest = max(ends.values(), key=lambda rank: rank[:2], default=(0.0, 0, ()))
    return Trunk(longest, {path: count for path, (_, count, _) in ends.items()})


def _size(sight: Sight | None) -> float:
    return 0.0 if sight is None else float(local_size(sight.axes[0]) or 0)
