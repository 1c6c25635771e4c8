"""What a module is by its structure, told from all that is drawn inside it; its class is not asked.

NAMED has a function for each pattern, which returns what is said of the module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archlab.fold.flow import Flow, function, is_product
from archlab.fold.names import title
from archlab.fold.patterns.view import View
from archlab.fold.tree import Block, Item, Run
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import ConvAttrs, Kind, PoolAttrs

_LAYERS = frozenset({Kind.CONV, Kind.LINEAR})
_QUIET = frozenset({Kind.NORM, Kind.ACTIVATION, Kind.ELEMENTWISE})
_GATED = {"silu": "SwiGLU", "gelu": "GEGLU", "relu": "ReGLU", "sigmoid": "GLU"}


@dataclass(frozen=True, slots=True)
class Module(View):
    """A module with the operators that are drawn inside it, in order."""

    block: Block
    nodes: list[Node]


def squeeze_excite(module: Module) -> str:
    """Pool, two layers on the pooled channels, a gate, the product with what was pooled."""
    first, last = module.nodes[0], module.nodes[-1]
    layers = [node for node in module.nodes if node.kind in _LAYERS]
    if len(layers) != 2 or not is_product(last) or len(module.sources(last.id)) != 2:
        return ""
    pools = isinstance(first.attrs, PoolAttrs) and first.attrs.adaptive
    if not pools and not module.does(first.id, "mean"):
        return ""
    x = module.only(first.id)
    gate = next((each for each in module.sources(last.id) if each != x), x)
    gated = x in module.sources(last.id) and module.does(gate, "sigmoid", "hardsigmoid")
    small = all(set(_kernel(node)) <= {1} for node in layers)
    quiet = all(node.kind in _QUIET for node in module.nodes[1:-1] if node not in layers)
    return "squeeze-excite" if gated and small and quiet else ""


def gated_mlp(module: Module) -> str:
    """A linear layer on the product of two, of which one goes through an activation."""
    layers = [node.id for node in module.nodes if node.kind == Kind.LINEAR]
    products = [n for n in module.nodes if is_product(n) and len(module.flow.operands[n.id]) == 2]
    others = [node for node in module.nodes if node.kind not in _QUIET | {Kind.LINEAR}]
    if others or len(layers) not in (2, 3) or len(products) != 1:
        return ""
    gates = [s for s in module.sources(products[0].id) if module.does(s, *_GATED)]
    ways = [s for s in module.sources(products[0].id) if s not in gates]
    if len(gates) != 1 or len(ways) != 1 or ways[0] not in layers:
        return ""
    before = module.only(gates[0])
    if before not in layers[:-1] or layers[-1] < products[0].id:
        return ""
    if set(module.sources(before)) != set(module.sources(ways[0])):
        return ""
    return _GATED[function(module.graph.nodes[gates[0]])]


def depthwise_separable(module: Module) -> str:
    """A depthwise convolution, then a 1×1 convolution; between them norms, activations, a gate."""
    gates = {
        n
        for part in module.block.children
        if _pattern(part) == "squeeze-excite"
        for n in part.nodes
    }
    layers = [node for node in module.nodes if node.kind not in _QUIET and node.id not in gates]
    if len(layers) != 2 or any(not isinstance(node.attrs, ConvAttrs) for node in layers):
        return ""
    groups = [node.attrs_as(ConvAttrs).groups for node in layers]
    depthwise = 1 < groups[0] == module.graph.shape(layers[0].inputs[0])[1]
    fits = depthwise and max(_kernel(layers[0])) > 1 and set(_kernel(layers[1])) == {1}
    return "depthwise-separable" if fits and groups[1] == 1 else ""


def attention_module(module: Module) -> str:
    """Attention with the layers that make its queries, keys and values, and at most one behind."""
    made = [part for part in module.block.children if _pattern(part).startswith("Attention")]
    fused = [node for node in module.nodes if node.kind == Kind.ATTENTION]
    layers = [node.id for node in module.nodes if node.kind in _LAYERS]
    if len(made) + len(fused) != 1 or not layers:
        return ""
    last = made[0].nodes[-1] if made else fused[0].id
    if sum(number > last for number in layers) > 1 or sum(number < last for number in layers) > 4:
        return ""
    if made:
        return _pattern(made[0]).replace("A", "a", 1)
    return title(module.graph, fused[0]).replace("A", "a", 1)


def mixture(module: Module) -> str:
    """Equal experts side by side, and a router that has an output for each."""
    runs = [
        part
        for part in module.block.children
        if isinstance(part, Run) and part.wiring == "parallel"
    ]
    experts = {node for run in runs for node in run.nodes}
    outside = [node for node in module.nodes if node.id not in experts]
    routers = {node.id for node in outside if node.kind == Kind.LINEAR}
    chosen = [node for node in outside if module.does(node.id, "topk", "argmax", "softmax")]
    for node in chosen:
        router = module.only(node.id)
        if router in routers and len(runs) == 1 and isinstance(runs[0].members[0], Block):
            width = module.graph.shape(module.graph.nodes[router].outputs[0])[-1]
            if width >= len(runs[0].members):
                tops = [n for n in chosen if module.does(n.id, "topk")]
                best = module.graph.shape(tops[0].outputs[0])[-1] if tops else 0
                best = best or (1 if module.does(node.id, "argmax") else 0)
                return f"mixture of {width} experts{f', top {best}' if best else ''}"
    return ""


def _kernel(node: Node) -> tuple[int, ...]:
    return node.attrs.kernel if isinstance(node.attrs, ConvAttrs) else (1,)


def _pattern(item: Item) -> str:
    return item.pattern if isinstance(item, Block) else ""


NAMED: tuple[Callable[[Module], str], ...] = (
    squeeze_excite, gated_mlp, depthwise_separable, attention_module, mixture,
)  # fmt: skip


def named(graph: Graph, flow: Flow, block: Block) -> str:
    """Return the name of the pattern that a module is, empty where it is none."""
    nodes = [graph.nodes[number] for number in block.nodes if number in flow.drawn]
    module = Module(graph, flow, block, nodes)
    return next((name for find in NAMED if nodes and (name := find(module))), "")
