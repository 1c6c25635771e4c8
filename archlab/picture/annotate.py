"""Put numbers on a drawing: parameters and MACs of boxes and groups, and the heat of a measure.

A box or group gets the sums over all nodes it stands for, repeats included, so that a folded stage
weighs what it weighs in the model. A parameter counts once, where it is first read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from archlab.analyze.costs import MACS
from archlab.analyze.field.receptive_field import local_size
from archlab.analyze.field.sight import sights
from archlab.errors import check_one_of
from archlab.fold import Levels, Union
from archlab.fold.drawing import Amounts, Box, Drawing, Group, Heat
from archlab.ir.graph import Graph
from archlab.ir.kinds import Kind

Values = Mapping[int, float | None]  # node -> its amount; None where it cannot be known
Heats = Mapping[str, Mapping[str, float | None]]  # box or group -> its value by measure


@dataclass(frozen=True, slots=True)
class Measure:
    """A way to colour boxes: `share` of a sum, or the largest value in the box."""

    title: str
    share: bool
    values: Callable[[Graph], Values] | None  # None: a probe measures them
    whole: bool = False  # not known where any part is not: a sum of the rest would be too small

    def total(self, values: Values) -> float | None:
        """Return the known sum that shares are of; maxima have none."""
        known = (value for value in values.values() if value is not None)
        return float(sum(known)) if self.share else None


def annotated(
    drawing: Drawing, graph: Graph, color_by: str | None = None, heat_values: Values | None = None
) -> Drawing:
    """Return the drawing with amounts, and with heat where a measure is named.

    `heat_values` are those of a measure that the graph alone does not tell: gradient.
    """
    amounts = _amounts(graph)
    if color_by is None:
        return _numbered(drawing, amounts)
    check_one_of("color_by", color_by, MEASURES)
    measure, values = MEASURES[color_by], heat_values
    if values is None and measure.values is not None:
        values = measure.values(graph)
    if values is None:
        return _numbered(drawing, amounts)

    return _heated(drawing, color_by, measure, values, amounts)


def heated(drawing: Drawing, values: Values) -> Drawing:
    """Return a drawing of the backward pass with the memory that its functions keep as heat.

    `values` are bytes by node; None where it cannot be told.
    """
    return _heated(drawing, "memory", KEPT, values, lambda _: Amounts())


def _heated(
    drawing: Drawing,
    name: str,
    measure: Measure,
    values: Values,
    amounts: Callable[[Box | Group], Amounts],
) -> Drawing:
    def counted(item: Box | Group) -> Amounts:
        return replace(amounts(item), heat=_heat(measure, values, item.nodes))

    coloured = _numbered(drawing, counted)
    # The scale of colours is that of the boxes: groups sum up what is in them and are not coloured.
    shown = [box.amounts.heat for box in coloured.boxes if box.amounts.heat is not None]
    heat = Heat(
        measure=name,
        title=measure.title,
        share=measure.share,
        low=min(shown, default=0.0),
        high=max(shown, default=0.0),
        total=measure.total(values),
    )
    insets = (
        replace(inset, drawing=replace(inset.drawing, heat=heat)) for inset in coloured.insets
    )
    return replace(coloured, heat=heat, insets=tuple(insets))


def annotated_difference(drawing: Drawing, both: Union, first: Graph, second: Graph) -> Drawing:
    """Return the drawing of two graphs, with the amounts of either: before and after."""
    tellers = [_amounts(graph) for graph in (first, second)]
    owns = [{place: i for i, place in enumerate(places)} for places in both.places]

    def counted(item: Box | Group) -> Amounts:
        before, after = (
            amounts(replace(item, nodes=tuple(own[node] for node in item.nodes if node in own)))
            for amounts, own in zip(tellers, owns, strict=True)
        )
        if item.mark in ("added", "removed"):
            return before if item.mark == "removed" else after
        same = (before.params, before.macs) == (after.params, after.macs)
        return after if same else replace(after, before=before)

    return _numbered(drawing, counted)


def annotated_levels(
    levels: Levels, graph: Graph, heat_values: Mapping[str, Values]
) -> tuple[Levels, dict[str, Heats]]:
    """Return levels with amounts, and by level each box's and group's value of every measure.

    `heat_values` are those of measures that the graph alone does not tell: gradient.
    """
    amounts = _amounts(graph)
    measured = {name: measure.values(graph) for name, measure in MEASURES.items() if measure.values}
    measured |= heat_values
    counted = {
        key: replace(level, drawing=_numbered(level.drawing, amounts))
        for key, level in levels.levels.items()
    }
    heats: dict[str, Heats] = {
        key: {
            item.id: {
                name: _heat(MEASURES[name], values, item.nodes) for name, values in measured.items()
            }
            for item in level.drawing.items
            if item.nodes
        }
        for key, level in levels.levels.items()
    }
    return replace(levels, levels=counted), heats


def _numbered(drawing: Drawing, amounts: Callable[[Box | Group], Amounts]) -> Drawing:
    # The box of an input stands for no node: it has no amounts, which is not an amount of zero.
    boxes = (
        replace(box, amounts=amounts(box) if box.nodes else Amounts()) for box in drawing.boxes
    )
    groups = (replace(group, amounts=amounts(group)) for group in drawing.groups)
    insets = (replace(inset, drawing=_numbered(inset.drawing, amounts)) for inset in drawing.insets)
    return replace(drawing, boxes=tuple(boxes), groups=tuple(groups), insets=tuple(insets))


def _amounts(graph: Graph) -> Callable[[Box | Group], Amounts]:
    """Return what tells the cost of a box or group, with the counting of the graph done."""
    uses, macs = _uses(graph), macs_by_node(graph)
    params = params_by_node(graph)

    def amounts(item: Box | Group) -> Amounts:
        inside = set(item.nodes)
        # Repeats run one after the other, and have as many nodes each.
        length = max(len(inside) // item.repeats, 1)
        places = {node: at // length for at, node in enumerate(sorted(inside))}
        used = {(i, places[node]) for node in inside for i in uses.get(node, ())}
        by_repeats = (graph.params[i].numel for i, _ in used)
        own = sum(params.get(node, 0) for node in inside)
        held = {i for i, _ in used}
        return Amounts(
            params=own,
            each=sum(by_repeats) / item.repeats if own and item.repeats > 1 else None,
            macs=_sum(macs, inside),
            shared=own < sum(graph.params[i].numel for i in held),
            partial=any(macs.get(node, 0) is None for node in inside),
        )

    return amounts


def _sum(values: Mapping[int, int | None], nodes: set[int]) -> int | None:
    """The sum, or None if none of the nodes has a rule."""
    counts = [values.get(node, 0) for node in nodes]
    known = [value for value in counts if value is not None]
    return sum(known) if known or not counts else None


def _heat(measure: Measure, values: Values, nodes: Sequence[int]) -> float | None:
    heats = [values[node] for node in set(nodes) if node in values]
    known = [value for value in heats if value is not None]
    if measure.whole and None in heats:
        return None
    if not known:
        # Nodes that the measure says nothing of have no share; those it cannot tell are unknown.
        return None if heats or not measure.share else 0.0
    return float(sum(known)) if measure.share else float(max(known))


def macs_by_node(graph: Graph) -> dict[int, int | None]:
    """Return multiply-adds by node; None for an operator without a rule.

    A product of weights alone has no box: it counts where its result first meets data.
    """
    macs = {
        node.id: MACS[node.kind](graph, node) if node.kind in MACS else None for node in graph.nodes
    }
    on_data = _on_data(graph)
    behind: dict[int, set[int]] = {}  # tensor of weights alone -> the products that lead to it
    for node in graph.nodes:
        products = {product for tensor in node.inputs for product in behind.get(tensor, ())}
        own = macs[node.id]
        if node.id in on_data:
            if own is not None:
                macs[node.id] = own + sum(macs[product] or 0 for product in products)
                macs |= dict.fromkeys(products, 0)
        else:
            products |= {node.id} if own else set()
            for tensor in node.outputs:
                behind.setdefault(tensor, set()).update(products)
    return macs


def params_by_node(graph: Graph) -> dict[int, int]:
    """Return parameters by the node that first uses them on data, not by one that reshapes them."""
    first: dict[int, int] = {}
    counted: set[int] = set()
    for node, used in _uses(graph).items():
        new = [i for i in used if i not in counted]
        counted.update(new)
        if new:
            first[node] = sum(graph.params[i].numel for i in new)
    return first


def _uses(graph: Graph) -> dict[int, list[int]]:
    """Return by node the parameters that it uses on data, as indices of `graph.params`."""
    # A weight is followed through what only reshapes it: it counts where it first meets data.
    on_data = _on_data(graph)
    uses: dict[int, list[int]] = {}
    for number, operands in _weights(graph, on_data).items():
        if number in on_data:
            uses[number] = list(dict.fromkeys(i for indices in operands for i in indices))
    return uses


def _weights(graph: Graph, on_data: set[int]) -> dict[int, tuple[tuple[int, ...], ...]]:
    """Return by node the parameters in each of its inputs, as indices, if there are any.

    They are followed through nodes that are not on data.
    """
    holds: dict[int, list[int]] = {}
    for i, param in enumerate(graph.params):
        if not param.buffer:
            holds.setdefault(param.tensor, []).append(i)
    weights: dict[int, tuple[tuple[int, ...], ...]] = {}
    for node in graph.nodes:
        read = tuple(tuple(_of_module(graph, holds.get(t, []), node.path)) for t in node.inputs)
        if any(read):
            weights[node.id] = read
            if node.id not in on_data:
                held = dict.fromkeys(i for indices in read for i in indices)
                for tensor in node.outputs:
                    holds.setdefault(tensor, []).extend(held)
    return weights


def _of_module(graph: Graph, indices: list[int], path: str) -> list[int]:
    """Return those of a module among several parameters of the same memory, or all of them."""
    own = [i for i in indices if graph.params[i].name.rpartition(".")[0] == path]
    return own or indices


def _on_data(graph: Graph) -> set[int]:
    """Return the nodes that work on data, and not on weights alone."""
    on_data = _reached(graph, set())
    sorts = {
        number: (graph.nodes[number].path, graph.nodes[number].op, indices)
        for number, indices in _weights(graph, on_data).items()
    }
    # The first turn of a loop works on zeros: on data is what later turns do on data.
    later = {sort for number, sort in sorts.items() if number in on_data}
    first = {number for number, sort in sorts.items() if sort in later} - on_data
    return _reached(graph, first) if first else on_data


def _reached(graph: Graph, first: set[int]) -> set[int]:
    """Return the nodes that depend on an input, on one of the first nodes, or are one."""
    data, nodes = set(graph.inputs), set()
    for node in graph.nodes:
        # A net without inputs makes its data itself: there each operator counts as one on data.
        reads = not graph.inputs or any(tensor in data for tensor in node.inputs)
        if node.kind != Kind.CREATE and (reads or node.id in first):
            data.update(node.outputs)
            nodes.add(node.id)
    return nodes


def memory_by_node(graph: Graph) -> dict[int, int]:
    """Return bytes of activations by the node that allocates them; views and in-place ops none."""
    # Inputs and weights are there before the forward: whoever writes into them allocates nothing.
    outside = {spec.storage for spec in graph.tensors if spec.source}
    sizes: dict[int, int] = {}
    allocated: set[int] = set()
    for node in graph.nodes:
        fresh = {graph.tensors[tensor].storage for tensor in node.outputs} - outside - allocated
        allocated |= fresh
        sizes[node.id] = sum(graph.storages[storage] for storage in fresh)
    return sizes


def field_by_node(graph: Graph) -> dict[int, float | None]:
    """Return the receptive field of each node's output, in pixels of the larger axis.

    None where units see no local part of an image (any more).
    """
    fields, _ = sights(graph)
    extents: dict[int, float | None] = {}
    for node in graph.nodes:
        sight = next((fields[tensor] for tensor in node.outputs if tensor in fields), None)
        sizes = [] if sight is None else [local_size(axis) for axis in sight.axes]
        extents[node.id] = max((float(size) for size in sizes if size is not None), default=None)
    return extents


# Measure -> title, how it adds up, and its values by node; a probe measures gradients.
MEASURES: dict[str, Measure] = {
    "macs": Measure("MACs", share=True, values=macs_by_node),
    "params": Measure("parameters", share=True, values=params_by_node),
    "memory": Measure("activation memory", share=True, values=memory_by_node),
    "receptive-field": Measure("local receptive field, px", share=False, values=field_by_node),
    "gradient": Measure("gradient norm", share=False, values=None),
}


# Of the backward pass; `probe.kept` measures it.
KEPT = Measure("kept memory", share=True, values=None, whole=True)


def by_output(graph: Graph, values: Mapping[str, float | None]) -> dict[int, float | None]:
    """Return values by node from values by module path: each stands at the call's output."""
    by_node: dict[int, float | None] = {}
    for call in graph.calls:
        if call.path in values:
            for tensor in call.outputs:
                if tensor in graph.producer:
                    by_node[graph.producer[tensor].id] = values[call.path]
    return by_node
