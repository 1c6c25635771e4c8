"""How deep a net is: its weighted layers, and what convolutions and products put out."""

from __future__ import annotations

from archlab.analyze.costs import ACTIVATIONS
from archlab.ir.graph import Graph
from archlab.ir.kinds import Kind

WEIGHTED = frozenset({Kind.CONV, Kind.CONV_TRANSPOSE, Kind.LINEAR, Kind.RECURRENT})


def depth(graph: Graph) -> int:
    """Return the weighted layers on the longest path to an output, as papers count depth.

    ResNet-50 has 50, GoogLeNet 22: convolutions and linear layers, those of parallel branches once.
    """
    depths: dict[int, int] = {}  # tensor -> weighted layers before it
    for node in graph.nodes:
        before = max((depths.get(tensor, 0) for tensor in node.inputs), default=0)
        depths.update(dict.fromkeys(node.outputs, before + (node.kind in WEIGHTED)))
    return max((depths.get(tensor, 0) for tensor in graph.outputs), default=0)


def activations(graph: Graph) -> int:
    """Return the elements that convolutions and matrix products put out.

    timm publishes the same number in millions as `macts`. Attention counts its scores, too, though
    a fused kernel never writes them. Recurrent layers count nothing, as in fvcore.
    """
    return sum(
        ACTIVATIONS[node.kind](graph, node) for node in graph.nodes if node.kind in ACTIVATIONS
    )
