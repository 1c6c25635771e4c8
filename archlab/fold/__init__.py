"""Fold a traced graph into a drawing of few boxes. Graph -> Drawing, no torch.

Equal blocks in a row are drawn once, small steps fused, modules opened as a budget allows:

    graph ── call_tree ── prune, fuse, repeat ── chosen ── Canvas, edges ──> Drawing
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from archlab.fold.axes import axes
from archlab.fold.calls import call_tree
from archlab.fold.choose import BOXES, OPS_BOXES, Open, Wish, chosen, visible
from archlab.fold.drawing import Box, Drawing, Edge, Group, Role, Shape
from archlab.fold.edges import edges, with_branches, with_sizes
from archlab.fold.emit import Canvas
from archlab.fold.flow import OUTPUT, flow
from archlab.fold.fuse import fused
from archlab.fold.insets import OFTEN, often, with_insets
from archlab.fold.level import Level, Levels, all_levels, places
from archlab.fold.patterns import closed, named
from archlab.fold.repeat import Keys, covers, lists_of, repeated
from archlab.fold.sums import summed
from archlab.fold.tree import RECURRENT, Block, Item, Leaf, Run, dissolved, unwrapped
from archlab.fold.turns import Turns
from archlab.fold.union import Union, union
from archlab.ir.graph import Graph

__all__ = [
    "BOXES",
    "OPS_BOXES",
    "Drawing",
    "Level",
    "Levels",
    "Role",
    "Shape",
    "Union",
    "Wish",
    "fold",
    "levels",
    "places",
    "union",
]


def fold(
    graph: Graph,
    wish: Wish | None = None,
    *,
    every: bool = False,
    path_marks: Mapping[str, str] | None = None,
    difference: Union | None = None,
) -> Drawing:
    """Return what a picture of the graph shows.

    Args:
        graph: one traced forward, complete or up to its failure.
        wish: boxes at most, depth, modules to open.
        every: draw each operator that depends on the input as a box of its own.
        path_marks: module path -> what to write on it ("train only").
        difference: what is marked in the union of two graphs.

    Raises:
        OptionError: a path to expand that is no module.
    """
    wish = wish or Wish()
    marks = difference.marks if difference else {}
    turns = Turns(graph, marks)
    tree = call_tree(graph, turns)
    stream = flow(graph, every=every, states=turns.states, later=turns.later)
    # In a difference sums that one model lacks are told one by one.
    stream = stream if every or difference else summed(graph, stream, turns)
    keys = Keys(graph, stream, frozenset(wish.expand), marks, 0 if every else 3, turns.later)
    root = _simplified(keys, tree, every=every)
    sorts = often(root, keys) if wish.insets else frozenset()
    opened = chosen(root, keys, wish, _room(graph, wish), sorts)
    reasons = difference.reasons if difference else {}
    known = axes(graph)
    blocks = (item for item, _ in visible(root, opened) if isinstance(item, Block))
    lettered = [block for block in blocks if keys.alike(block) in sorts]

    def drawn(opened: Open) -> tuple[Drawing, Canvas]:
        canvas = Canvas(graph, stream, known, opened, keys.marks, path_marks or {}, reasons)
        return _drawn(canvas, root, difference, lettered), canvas

    drawing, canvas = drawn(opened)
    if not lettered:
        none = f"no insets: no sort of module is closed in {OFTEN} places or more"
        return replace(drawing, folded=(*drawing.folded, none)) if wish.insets else drawing
    return with_insets(drawing, canvas, lettered, keys, drawn)


def levels(graph: Graph, wish: Wish | None = None) -> Levels:
    """Return a drawing of each module that can be opened, for a page that opens and closes them.

    `wish.boxes` limits what is open at first, and the boxes of each level.
    """
    wish = wish or Wish()
    turns = Turns(graph)
    tree = call_tree(graph, turns)
    stream = summed(graph, flow(graph, states=turns.states, later=turns.later), turns)
    keys = Keys(graph, stream, later=turns.later)
    known = axes(graph)
    root = _simplified(keys, tree, every=False)

    def drawn(opened: Open) -> tuple[Drawing, Canvas]:
        canvas = Canvas(graph, stream, known, opened, {}, {}, {})
        return _drawn(canvas, root), canvas

    at_first = chosen(root, keys, wish, _room(graph, wish))
    return all_levels(root, at_first, drawn, wish.boxes, stream)


def _room(graph: Graph, wish: Wish) -> int:
    """Boxes that may be drawn besides input, output and failure."""
    return max(wish.boxes - len(graph.inputs) - 1 - (graph.failure is not None), 2)


def _drawn(
    canvas: Canvas,
    root: Block,
    difference: Union | None = None,
    lettered: Collection[Block] = (),
) -> Drawing:
    graph = canvas.graph
    # The order is that of the boxes in all formats: inputs, operators, the output or a failure.
    _add_inputs(canvas)
    for child in canvas.opened.get(root, (root,)):
        canvas.add(child, "", "")
    canvas.finish()
    _add_outputs(canvas)
    drawn = edges(canvas, difference)
    return Drawing(
        model=graph.name,
        input=graph.input_text(),
        mode=graph.mode,
        build=graph.build,
        boxes=with_sizes(canvas, drawn),
        groups=with_branches(canvas, drawn),
        edges=(*drawn, *_to_failure(canvas)),
        folded=tuple(_notes(canvas, root, lettered)),
    )


def _simplified(keys: Keys, block: Block, *, every: bool) -> Block:
    """Prune what is not drawn, fuse, fold equal neighbours; from the inside out."""

    def plain(item: Item) -> Item | None:
        if isinstance(item, Leaf):
            chain = keys.flow.joined.get(item.parts[0], item.nodes)
            return replace(item, nodes=chain) if item.parts[0] in keys.flow.drawn else None
        if isinstance(item, Run):
            first = plain(item.members[0])
            assert not isinstance(first, Run)
            # The other turns only lend their nodes.
            return first and replace(item, members=(first, *item.members[1:]))
        return unwrapped(smaller(item))

    def folded(items: Iterable[Item]) -> tuple[Item, ...]:
        kept = [child for child in map(plain, items) if child is not None]
        return repeated(keys, kept if every else joined(kept))

    def joined(kept: Sequence[Item]) -> tuple[Item, ...]:
        graph, stream = keys.graph, keys.flow
        return fused(graph, stream, closed(graph, stream, kept))

    def told(item: Block) -> Block:
        say = not every and item.type not in RECURRENT
        return replace(item, pattern=named(keys.graph, keys.flow, item) if say else "")

    def smaller(item: Block) -> Block:
        for row in lists_of(item.children, keys.flow):
            # Operators between the members of a list may belong to them: a gate to its expert.
            at = item.children.index(row)
            lifted = folded((*item.children[:at], *row.children, *item.children[at + 1 :]))
            if any(isinstance(run, Run) and covers(run, row) for run in lifted):
                return told(replace(item, children=lifted, paths=(*item.paths, *row.paths)))
        kept = [child for child in map(plain, item.children) if child is not None]
        item, kept = dissolved(item, kept)
        children = repeated(keys, kept if every else joined(kept))
        # A recurrent layer is traced step by step: dozens of operators for one idea.
        sealed = item.type in RECURRENT and bool(item.path)
        return told(replace(item, children=children, sealed=sealed))

    return smaller(block)


def _add_inputs(canvas: Canvas) -> None:
    graph = canvas.graph
    for i, tensor in enumerate(graph.inputs):
        spec = graph.tensors[tensor]
        # After a failure the reader of an input may be missing, and yet the input was read.
        if -1 - i not in canvas.flow.readers and graph.failure is None:
            continue
        name = spec.name if len(graph.inputs) > 1 else ""
        key = canvas.name(f"input:{spec.name or i}")
        canvas.boxes.append(Box(key, "", Shape.INPUT, "input", name=name))
        canvas.box_of[-1 - i] = key


def _add_outputs(canvas: Canvas) -> None:
    graph = canvas.graph
    if graph.failure is not None:
        message = graph.failure.message.strip().split("\n")[0]
        path, title = graph.failure.path, "the forward failed here"
        name = path or "the model itself"
        key = canvas.name("failure")
        received = ", ".join("×".join(map(str, shape)) for shape in graph.failure.shapes)
        facts = (f"received {received}" if received else "", message, graph.failure.place)
        note = "\n".join(filter(None, facts))  # one line each
        canvas.boxes.append(Box(key, path, Shape.FAILURE, title, name=name, note=note))
    elif canvas.flow.outputs:
        samples = (canvas.axes.sample(tensor) for tensor in graph.outputs)
        shapes = ["×".join(map(str, sample)) or "scalar" for sample in samples]
        more = f" and {len(shapes) - 3} more" if len(shapes) > 3 else ""
        note = ", ".join(shapes[:3]) + more
        key = canvas.box_of[OUTPUT] = canvas.name("output")
        canvas.boxes.append(Box(key, "", Shape.OUTPUT, "output", note=note))
        canvas.makes[key] = canvas.axes.volume(graph.outputs[0]) if len(shapes) == 1 else ()


def _to_failure(canvas: Canvas) -> list[Edge]:
    """The last operators that ran lead to the failure."""
    graph = canvas.graph
    if graph.failure is None:
        return []
    open_ends = [node for node in sorted(canvas.flow.drawn) if not canvas.flow.readers.get(node)]
    tails = [canvas.box_of[node] for node in open_ends[-2:] if node in canvas.box_of]
    tails = tails or [box.id for box in canvas.boxes if box.shape == Shape.INPUT]
    failure = next(box.id for box in canvas.boxes if box.shape == Shape.FAILURE)
    return [Edge(tail, failure) for tail in dict.fromkeys(tails)]


def _notes(canvas: Canvas, root: Block, lettered: Collection[Block]) -> list[str]:
    """Return sentences about what the picture leaves out; what has a letter is drawn elsewhere."""
    graph = canvas.graph
    lines = []
    items: tuple[Group | Box, ...] = (*canvas.groups, *canvas.boxes)
    runs = [f"{item.path or item.id} ×{item.times}" for item in items if item.times > 1]
    if runs:
        more = f" and {len(runs) - 8} more" if len(runs) > 8 else ""
        lines.append(f"rows drawn once: {', '.join(runs[:8])}{more}")
    # A stretch of steps has no path that could be expanded.
    shut = [
        item.path or "the model itself"
        for item, _ in visible(root, canvas.opened)
        if isinstance(item, Block)
        and (item.path or item is root)
        and item.kind is None
        and item not in lettered
    ]
    if shut:
        more = f" and {len(shut) - 4} more" if len(shut) > 4 else ""
        lines.append(f"closed: {', '.join(shut[:4])}{more} (expand them, or allow more boxes)")
    hidden = [node for node in graph.nodes if node.id not in canvas.flow.drawn]
    if hidden:
        counts = Counter(str(node.kind) for node in hidden)
        kinds = ", ".join(f"{count} {kind}" for kind, count in counts.most_common(5))
        more = " …" if len(counts) > 5 else ""
        lines.append(f"{len(graph.nodes)} operators, {len(hidden)} not drawn: {kinds}{more}")
    return lines
