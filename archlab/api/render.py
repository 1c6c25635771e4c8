"""Verbs that draw: a model, two models over each other, the backward pass, a part of a forward.

Every one of them returns a `Picture`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archlab.api.model import Model, ModelLike, load
from archlab.errors import OptionError, TraceError, check_one_of, shown
from archlab.fold import Drawing, Shape, Union, fold, union
from archlab.fold.flow import flow
from archlab.ir.graph import Graph
from archlab.picture.annotate import annotated_difference, by_output, heated
from archlab.picture.gradients import gradient_shapes
from archlab.picture.graph import graph_picture, picture_of
from archlab.picture.look import Look
from archlab.picture.overlay import OverlayLike
from archlab.picture.picture import Picture
from archlab.verb import verb


@verb
def render(
    model: ModelLike,
    *,
    mode: str = "eval",
    boxes: int | None = None,
    depth: int | None = None,
    expand: str | Sequence[str] = (),
    ops: bool = False,
    color_by: str | None = None,
    overlay: OverlayLike | None = None,
    direction: str | None = None,
    theme: str = "auto",
    fit: str = "auto",
    insets: bool = False,
    style: str = "cards",
) -> Picture:
    """Return the drawing of a model: `render("resnet18").save("graph.svg")`.

    Equal blocks in a row are drawn once, a convolution, its norm and activation are one box, and
    modules are opened as far as the budget of boxes allows.

    Args:
        model: a spec, a module, or a loaded model.
        mode: "eval" or "train"; in train mode what runs only then is marked.
        boxes: boxes at most; None is 60, 600 with `ops`, and 32 as volumes.
        depth: open exactly the modules down to this level instead.
        expand: paths of modules to open in any case.
        ops: each operator that depends on the input is a box of its own.
        color_by: macs, params, memory, receptive-field or gradient: a strip of heat on each card,
            or the colour of each volume.
        overlay: heat of your own, instead: a CSV file of module path and value, a mapping of values
            by path, or one that names its measure: `{"latency, ms": {"conv1": 1.2}}`. Amounts (a
            unit of time, memory, energy or a count) add up to shares; of other values a box with
            several modules has the mean.
        direction: TB (top to bottom) or LR (left to right); None is TB for cards, and LR for
            volumes, unless nested skips make a U of the net.
        theme: auto (an SVG follows the reader's screen), light, dark or print.
        fit: page, slide or screen breaks the drawing into columns that fit such a sheet; none keeps
            one column; auto breaks only what is longer than 3:1. Page also takes fewer boxes, until
            text on A4 is 7 points or more, unless `boxes`, `depth` or `ops` is given.
        insets: a sort of module that is drawn in 3 places or more stays closed there, under a
            letter, and its inside is drawn once beside the rest.
        style: cards, or volumes: feature maps as papers draw them, in SVG, PNG, PDF and JSON. The
            height of a volume is the square root of the side of its map (the root of H·W), its
            width that of the channels, each as a share of the largest; lines are as thick as the
            logarithm of the bytes of one sample. Vectors are bars.

    Raises:
        OptionError: a value that is not allowed, a path to expand that is no module, or volumes of
            a net of which most boxes make no feature map.
        SpecError, BuildError, TraceError: as for `trace`; what a TraceError's graph holds can be
            drawn by `render_graph`.
        LayoutError: by `data` and `save`, for a PNG above 32,767 pixels a side.

    Example:
        >>> picture = render("resnet56")
        >>> [f"{group.path} ×{group.times}" for group in picture.drawing.groups if group.times > 1]
        ['layer1 ×9', 'layer2.1 ×8', 'layer3.1 ×8']
    """
    # First of all, so that a mistyped option costs no trace.
    look = Look(boxes, depth, expand, ops, color_by, direction, theme, fit, overlay, insets, style)
    loaded = load(model)
    graph = loaded.trace(mode)
    marks = _train_only(loaded) if mode == "train" else {}
    heat = None
    if color_by == "gradient":
        from archlab.api.live.gradients import module_gradients  # here: a probe runs the model

        heat = by_output(graph, module_gradients(loaded))
    return graph_picture(graph, look, marks, heat)


@verb
def render_graph(
    graph: Graph,
    *,
    boxes: int | None = None,
    depth: int | None = None,
    expand: str | Sequence[str] = (),
    ops: bool = False,
    color_by: str | None = None,
    overlay: OverlayLike | None = None,
    direction: str | None = None,
    theme: str = "auto",
    fit: str = "auto",
    insets: bool = False,
    style: str = "cards",
) -> Picture:
    """Return the drawing of a trace, complete or up to the failure that a TraceError carries.

    Args:
        graph: a trace.
        boxes, depth, expand, ops, color_by, overlay, direction, theme, fit, insets, style: as for
            `render`; heat by gradient needs the model, not its trace.

    Raises:
        OptionError: a value that is not allowed, a path to expand that is no module, or no graph.

    Example:
        >>> graph = load("resnet20").trace()
        >>> len(render_graph(graph, depth=1).drawing.boxes)
        8
    """
    if not isinstance(graph, Graph):
        raise OptionError(
            f"{shown(graph)} is no graph. Allowed: what archlab.trace returns, or the graph of a "
            "TraceError. A model is drawn by render(model)."
        )
    if color_by == "gradient":
        raise OptionError("Gradients are measured on a model: render(model, color_by='gradient').")
    look = Look(boxes, depth, expand, ops, color_by, direction, theme, fit, overlay, insets, style)
    return graph_picture(graph, look)


@verb
def render_diff(
    first: ModelLike,
    second: ModelLike,
    *,
    mode: str = "eval",
    boxes: int | None = None,
    depth: int | None = None,
    expand: str | Sequence[str] = (),
    direction: str = "TB",
    theme: str = "auto",
    fit: str = "auto",
) -> Picture:
    """Return two models laid over each other: what the second adds, lacks and changes.

    Args:
        first: the model to start from.
        second: the model to come to.
        mode: "eval" or "train".
        boxes, depth, expand, direction, theme, fit: as for `render`.

    Raises:
        OptionError: a value that is not allowed.
        SpecError, BuildError, TraceError: as for `trace`.

    Example:
        >>> picture = render_diff("plain20", "resnet20")
        >>> sorted({edge.role.value for edge in picture.drawing.edges if edge.mark})
        ['identity', 'pad']
    """
    look = Look(boxes, depth, expand, direction=direction, theme=theme, fit=fit)
    # The union is a graph in itself: it is folded like any other, with marks on its nodes.
    graphs = [load(model).trace(mode) for model in (first, second)]
    both = union(*graphs)

    def drawn(look: Look) -> Drawing:
        return annotated_difference(fold(both.graph, look.wish, difference=both), both, *graphs)

    notes = [_differences(both, graphs)]
    if graphs[0].input_text() != graphs[1].input_text():
        notes.append(
            f"other inputs: {graphs[0].input_text()} → {graphs[1].input_text()}; MACs of what was "
            "removed are for the first, map sizes are not compared"
        )
    return picture_of(look, drawn, graphs[1], notes, graphs[0])


@verb
def render_backward(
    model: ModelLike,
    *,
    mode: str = "eval",
    boxes: int | None = None,
    depth: int | None = None,
    expand: str | Sequence[str] = (),
    color_by: str | None = "memory",
    direction: str = "TB",
    theme: str = "auto",
    fit: str = "auto",
) -> Picture:
    """Return the backward pass, function by function, from the output to the first layer.

    It is autograd's graph in the frames of the modules whose forward made its functions, without a
    box for each parameter: what a function adds to the gradient of which one stands on its card.
    The shapes are those of the gradients. The model runs once on the CPU, on a copy.

    Args:
        model: a spec, a module, or a loaded model.
        mode: "eval" or "train".
        color_by: memory: the bytes that each function keeps for the backward pass, each storage
            once, at the first function of the forward that keeps it; parameters and buffers do not
            count. What a function does not tell, or computes again, is hatched. None: no heat.
        boxes, depth, expand, direction, theme, fit: as for `render`.

    Raises:
        OptionError: a value that is not allowed.
        TraceError: the forward failed, or nothing wants a gradient.

    Example:
        >>> from archlab import memory
        >>> picture = render_backward("resnet20", mode="train")
        >>> picture.drawing.boxes[1].title, picture.drawing.boxes[1].note
        ('Linear backward', 'gradient of bias 10, weight 10×64')
        >>> picture.drawing.heat.total == memory("resnet20").totals.saved_for_backward
        True
    """
    from archlab.probe.autograd import backward_pass  # here: it imports the probes

    if color_by is not None:
        check_one_of("color_by", color_by, ("memory",))
    look = Look(boxes, depth, expand, direction=direction, theme=theme, fit=fit)
    loaded = load(model)
    forward = loaded.trace(mode)
    module, (args, kwargs) = loaded.runnable(mode)
    found = backward_pass(module, args, kwargs, f"{loaded.name}, backward")
    batch = {forward.shape(tensor)[:1] for tensor in forward.inputs}

    # The backward pass begins where the forward ends: the input of this graph is a gradient.
    def drawn(look: Look) -> Drawing:
        folded = fold(found.graph, look.wish, every=True)
        boxes = [
            replace(box, title="gradient of the output") if box.shape == Shape.INPUT else box
            for box in folded.boxes
        ]
        edges = gradient_shapes(folded, found.received, batch)
        told = replace(folded, input=forward.input_text(), boxes=tuple(boxes), edges=edges)
        return heated(told, found.kept) if color_by else told

    notes = ["arrows follow the gradient"]
    if color_by:
        notes.append(
            "kept memory: what autograd keeps for this pass, each storage once, where the forward "
            "keeps it first; without parameters and buffers"
        )
        if unknown := sum(size is None for size in found.kept.values()):
            which = "1 function does" if unknown == 1 else f"{unknown} functions do"
            notes.append(f"{which} not tell what is kept: hatched, and not in the sum")
    return picture_of(look, drawn, forward, notes)


def _train_only(model: Model) -> dict[str, str]:
    """Mark the outermost modules that run in train mode but not in eval mode."""
    # A net that runs in train mode only has nothing to be compared with, and no marks.
    try:
        inference = {call.path for call in model.trace("eval").calls}
    except TraceError:
        return {}
    extra = {call.path for call in model.trace("train").calls} - inference
    outer = {path for path in extra if not any(path.startswith(f"{other}.") for other in extra)}
    return dict.fromkeys(sorted(outer), "train only")


def _differences(both: Union, graphs: Sequence[Graph]) -> str:
    """Say how many operators differ, and how the parameters do."""
    drawn = flow(both.graph).drawn
    marks = [mark for node, mark in both.marks.items() if node in drawn]
    counts = [f"{marks.count(mark)} {mark}" for mark in ("added", "removed", "changed")]
    sentence = ", ".join(counts) if marks or both.gone or both.edges else "no differences"
    params = [sum(param.numel for param in graph.params if not param.buffer) for graph in graphs]
    new = sum(mark == "added" for mark in both.edges.values())
    if new or both.gone:
        sentence += f"; connections: {new} added, {len(both.gone)} removed"
    return f"operators: {sentence}; parameters {params[0]:,} → {params[1]:,}"
