"""Small operators of one module that are one thing together: a norm, an embedding, an attention.

CLOSED has a function for each, which is asked with each operator in turn and answers from the one
that tells the pattern: the root of a norm, the sum of a rotation, the softmax of an attention.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archlab.fold.flow import Flow, function, is_product, is_sum
from archlab.fold.masks import MASK, added_to_scores, mask_of, words
from archlab.fold.patterns.view import View
from archlab.fold.tree import Block, Item, Leaf
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import Kind

_BETWEEN = 5  # operators between a product and its softmax


@dataclass(frozen=True, slots=True)
class Match:
    """Operators that are one thing: the drawn nodes in order, what they are, and their colour."""

    nodes: tuple[int, ...]
    title: str
    kind: Kind


def norm(view: View, root: int) -> Match | None:
    """RMSNorm by hand, x · rsqrt(mean(x²) + ε) · w; of x less its mean a LayerNorm."""
    if not view.does(root, "rsqrt", "sqrt"):
        return None
    mean = shifted = view.only(root)
    nodes = [root]
    if view.does(shifted, "add"):
        nodes.append(shifted)
        mean = view.only(shifted)
    square = view.only(mean)
    x = view.only(square)
    scaled = view.reader(root)
    if not view.does(mean, "mean") or not view.does(square, "pow", "mul") or x == square:
        return None
    if scaled is None or set(view.sources(scaled)) != {x, root}:
        return None
    if not view.does(scaled, "mul" if view.does(root, "rsqrt") else "div"):
        return None
    nodes += [mean, square, scaled]
    title = "RMSNorm"
    if view.does(x, "sub") and (middle := _centre(view, x)) is not None:
        nodes += [x, middle]
        title = "LayerNorm"
    last = scaled
    for step in ("mul", "add"):
        after = view.reader(last)
        affine = after is not None and view.does(after, step) and view.sources(after) == (last,)
        if after is not None and affine and view.learned(after):
            nodes.append(after)
            last = after
    return Match(tuple(sorted(nodes)), title, Kind.NORM)


def _centre(view: View, difference: int) -> int | None:
    """Return the mean that a difference takes from the same tensor."""
    for mean in view.sources(difference):
        rest = set(view.sources(difference)) - {mean}
        if view.does(mean, "mean") and rest == set(view.sources(mean)):
            return mean
    return None


def rotation(view: View, end: int) -> Match | None:
    """Rotary embedding, x · cos + rotated halves of x · sin, or half by half, or complex."""
    node = view.graph.nodes[end]
    products = view.sources(end)
    if any(each < 0 or not is_product(view.graph.nodes[each]) for each in products):
        products = ()
    if is_sum(node) and len(products) == 2:
        return _turned(view, end, *products) or _turned(view, end, *products[::-1])
    if node.kind == Kind.CONCAT:
        return _halves(view, end)
    complex_ = view.graph.tensors[node.outputs[0]].dtype.startswith("complex")
    alone = is_product(node) and len(view.flow.operands[end]) == 1 and not view.learned(end)
    if complex_ and alone and len(node.inputs) == 2:
        return Match((end,), "RoPE", Kind.ELEMENTWISE)
    return None


def _turned(view: View, end: int, plain: int, turned: int) -> Match | None:
    """Find x · cos + cat(−x2, x1) · sin, of which the products are given."""
    for halves in view.sources(turned):
        parts = set(view.sources(halves))
        turns = {part for part in parts if view.does(part, "neg")}
        rest = parts - turns
        if halves < 0 or view.graph.nodes[halves].kind != Kind.CONCAT or len(turns) != 1:
            continue
        (turn,) = turns
        if len(rest) == 1 and rest == {view.only(turn)} and rest <= set(view.sources(plain)):
            found = tuple(sorted((turn, halves, plain, turned, end)))
            return Match(found, "RoPE", Kind.ELEMENTWISE)
    return None


def _halves(view: View, end: int) -> Match | None:
    """Find the concatenation of x1·cos − x2·sin and x1·sin + x2·cos."""
    halves = view.sources(end)
    if len(halves) != 2 or sorted(view.does(half, "sub") for half in halves) != [False, True]:
        return None
    if not all(view.does(half, "add", "sub") for half in halves):
        return None
    products = [product for half in halves for product in view.sources(half)]
    if len(set(products)) != 4 or not all(view.does(product, "mul") for product in products):
        return None
    if not set.intersection(*(set(view.sources(product)) for product in products)):
        return None
    return Match(tuple(sorted((*products, *halves, end))), "RoPE", Kind.ELEMENTWISE)


def attention(view: View, scores: int) -> Match | None:
    """Attention by hand: softmax(QKᵀ)V, with a scale, a bias or a mask between."""
    node = view.graph.nodes[scores]
    if node.kind != Kind.SOFTMAX or "log" in function(node):
        return None
    nodes, between = [scores], view.only(scores)
    for _ in range(_BETWEEN):
        if between < 0 or view.graph.nodes[between].kind != Kind.ELEMENTWISE:
            break
        nodes.append(between)
        between = view.sources(between)[0]
    after = view.reader(scores)
    if after is not None and view.graph.nodes[after].kind == Kind.ELEMENTWISE:  # dropout
        nodes.append(after)
        after = view.reader(after) if view.sources(after) == (scores,) else None
    if after is None or between < 0 or between == scores:
        return None
    products = [view.graph.nodes[each] for each in (between, after)]
    if any(each.kind != Kind.MATMUL for each in products):
        return None
    title = ", ".join((view.heads(products[0], node), *_on_scores(view, products[0], node)))
    return Match(tuple(sorted((*nodes, between, after))), title, Kind.ATTENTION)


def _on_scores(view: View, product: Node, softmax: Node) -> list[str]:
    """Say what is done to the scores between their product and their softmax: a bias, a mask."""
    graph, way = view.graph, set(product.outputs)
    found = set[str]()
    for node in graph.nodes[product.id + 1 : softmax.id]:
        if way.isdisjoint(node.inputs):
            continue
        others = [tensor for tensor in node.inputs if tensor not in way]
        way.update(node.outputs)
        if view.does(node.id, "add", "sub"):
            found.update(added_to_scores(graph, tensor) for tensor in others)
        elif view.does(node.id, "where", "masked_fill", "mul"):
            found.update(mask_of(graph, tensor) for tensor in others)
            found |= set() if view.does(node.id, "mul") else {MASK}  # whatever it is made of
    return words(found)


CLOSED: tuple[Callable[[View, int], Match | None], ...] = (norm, rotation, attention)


def closed(graph: Graph, flow: Flow, items: Sequence[Item]) -> list[Item]:
    """Return the items of one module with the operators of a pattern in one sealed block."""
    view = View(graph, flow)
    place = {item.parts[0]: i for i, item in enumerate(items) if isinstance(item, Leaf)}
    result: list[Item | None] = list(items)
    for number in sorted(place):
        match = next((found for find in CLOSED if (found := find(view, number))), None)
        if match is None or not _is_whole(flow, match, place, result):
            continue
        leaves = [items[place[node]] for node in match.nodes]
        nodes = tuple(node for leaf in leaves for node in leaf.nodes)
        for node in match.nodes:
            result[place[node]] = None
        result[place[match.nodes[-1]]] = Block(
            leaves[0].path, "", tuple(leaves), nodes, sealed=True, pattern=match.title,
            kind=match.kind,
        )  # fmt: skip
    return [item for item in result if item is not None]


def _is_whole(flow: Flow, match: Match, place: dict[int, int], items: list[Item | None]) -> bool:
    """Whether all of a pattern lies in the module, and nothing else reads what is within."""
    inside = set(match.nodes)
    return all(node in place and items[place[node]] is not None for node in inside) and all(
        inside.issuperset(flow.readers.get(node, ())) for node in match.nodes[:-1]
    )
