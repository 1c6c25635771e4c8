"""Verbs that draw: a model, two models over each other, the backward pass, a part of a forward.

All of them take the options of `Look` by name and give a `Picture`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from archlab.analyze.annotate import Values, annotated, by_output, macs_by_node
from archlab.analyze.flops import uncounted
from archlab.analyze.receptive_field import receptive_field
from archlab.api.model import Model, ModelLike, load
from archlab.api.picture import Look, Picture
from archlab.errors import OptionError, TraceError
from archlab.fold import Drawing, Shape, Union, fold, union
from archlab.fold.flow import flow
from archlab.ir.graph import Graph
from archlab.view.dot import Style, theme_of

_LOOKS = {item.name for item in fields(Look)}


def render(
    model: ModelLike, *, mode: str = "eval", look: Look | None = None, **how: Any
) -> Picture:
    """Return the drawing of a model: `render("resnet18").save("graph.svg")`.

    Equal blocks in a row are drawn once, a convolution, its norm and activation are one box, and
    modules are opened as far as the budget of boxes allows.

    Args:
        model: a spec, a module, or a loaded model.
        mode: "eval" or "train"; in train mode what runs only then is marked.
        look: options as one value, instead of by name.
        **how: options of `Look` by name (boxes, depth, expand, ops, color_by, direction, theme,
            timeout); `input`, `batch` and constructor arguments as for `load`.

    Raises:
        OptionError: an option that is not allowed, or a path to expand that is no module.
        SpecError, BuildError, TraceError: as for `trace`; what a TraceError's graph holds can be
            drawn by `render_graph`.
        LayoutError: when a format is asked for that Graphviz cannot make.

    Example:
        >>> picture = render("resnet56")
        >>> [f"{group.path} ×{group.times}" for group in picture.drawing.groups if group.times > 1]
        ['layer1 ×9', 'layer2.1 ×8', 'layer3.1 ×8']
    """
    look, how = _looked(look, how)
    loaded = load(model, **how)
    graph = loaded.trace(mode)
    marks = _train_only(loaded) if mode == "train" else {}
    heat = _gradients(loaded, graph) if look.color_by == "gradient" else None
    return render_graph(graph, look=look, path_marks=marks, heat=heat)


def render_graph(
    graph: Graph,
    *,
    look: Look | None = None,
    path_marks: Mapping[str, str] | None = None,
    heat: Values | None = None,
    **options: Any,
) -> Picture:
    """Return the drawing of a trace, complete or up to the failure that a TraceError carries.

    Args:
        graph: a trace.
        look: options as one value, instead of by name.
        path_marks: module path -> what to write on it.
        heat: values by node, for a measure that the graph does not tell.
        **options: options of `Look` by name.

    Raises:
        OptionError: an option that is not allowed, or a path to expand that is no module.

    Example:
        >>> graph = load("resnet20").trace()
        >>> len(render_graph(graph, depth=1).drawing.boxes)
        8
    """
    look, _ = _looked(look, options)

    def drawn(look: Look) -> Drawing:
        folded = fold(graph, look.wish, every=look.ops, path_marks=path_marks)
        return annotated(folded, graph, look.color_by, heat)

    notes = (
        *_measured(look),
        *_seen_globally(graph, look),
        *_unused(graph),
        *_uncounted(graph),
        *_cut_short(graph),
    )
    return _picture(look, drawn, graph, notes)


def render_diff(
    first: ModelLike,
    second: ModelLike,
    *,
    mode: str = "eval",
    look: Look | None = None,
    **how: Any,
) -> Picture:
    """Return two models laid over each other: what the second adds, lacks and changes.

    Args:
        first: the model to start from.
        second: the model to come to.
        mode: "eval" or "train".
        look: options as one value, instead of by name.
        **how: as for `render`, without `ops` and `color_by`; for both models.

    Raises:
        OptionError: an option that is not allowed.
        SpecError, BuildError, TraceError: as for `trace`.

    Example:
        >>> picture = render_diff("plain20", "resnet20")
        >>> sorted({edge.role.value for edge in picture.drawing.edges if edge.mark})
        ['identity', 'pad']
    """
    look, how = _looked(look, how)
    _refuse(look, "a difference")
    graphs = [load(model, **how).trace(mode) for model in (first, second)]
    both = union(*graphs)

    def drawn(look: Look) -> Drawing:
        return annotated(fold(both.graph, look.wish, difference=both), both.graph)

    notes = [_differences(both, graphs)]
    if graphs[0].input_text() != graphs[1].input_text():
        notes.append(
            f"other inputs: {graphs[0].input_text()} → {graphs[1].input_text()}; MACs of what was "
            "removed are for the first, map sizes are not compared"
        )
    return _picture(look, drawn, graphs[1], notes)


def render_backward(
    model: ModelLike, *, mode: str = "eval", look: Look | None = None, **how: Any
) -> Picture:
    """Return the backward pass, function by function, from the output to the first layer.

    It is torchviz's graph without its AccumulateGrad boxes, in the frames of the modules whose
    forward made the functions. The model runs once on the CPU, on a copy.

    Args:
        model: a spec, a module, or a loaded model.
        mode: "eval" or "train".
        look: options as one value, instead of by name.
        **how: as for `render`, without `ops` and `color_by`.

    Raises:
        DependencyError: torchviz is missing.
        TraceError: the forward failed, or nothing wants a gradient.

    Example:
        >>> picture = render_backward("resnet20")
        >>> picture.drawing.boxes[1].title, picture.drawing.boxes[1].note
        ('Addmm backward', 'bias 10')
    """
    from archlab.probe.autograd import backward_graph  # imports torchviz

    look, how = _looked(look, how)
    _refuse(look, "a backward pass")
    loaded = load(model, **how)
    forward = loaded.trace(mode)
    module, (args, kwargs) = loaded.runnable(mode)
    graph = backward_graph(module, args, kwargs, f"{loaded.name}, backward")

    def drawn(look: Look) -> Drawing:
        folded = fold(graph, look.wish, every=True)
        boxes = [
            replace(box, title="gradient of the output") if box.shape == Shape.INPUT else box
            for box in folded.boxes
        ]
        edges = [replace(edge, changed=False) for edge in folded.edges]
        return replace(folded, input=forward.input_text(), boxes=tuple(boxes), edges=tuple(edges))

    return _picture(look, drawn, forward, ("arrows follow the gradient",))


def _picture(
    look: Look, drawn: Callable[[Look], Drawing], graph: Graph, notes: Sequence[str]
) -> Picture:
    drawing = drawn(look)
    convention = (
        f"{graph.build}; 1 MAC = 1 multiply-add of convolution, linear layer, matrix product, "
        "attention, RNN gates"
    )
    style = Style(
        theme=theme_of(look.theme),
        direction=look.direction,
        params=sum(param.numel for param in graph.params if not param.buffer),
        macs=_total_macs(graph),
        notes=(*notes, convention),
    )
    return Picture(drawing, style, look.timeout, lambda boxes: drawn(look.smaller(boxes)))


def _looked(look: Look | None, how: dict[str, Any]) -> tuple[Look, dict[str, Any]]:
    """The look from options by name, and what is not for it."""
    options = {name: value for name, value in how.items() if name in _LOOKS}
    rest = {name: value for name, value in how.items() if name not in _LOOKS}
    if look is not None and options:
        raise OptionError(f"look and {', '.join(options)} were given: put all into look.")
    return look or Look(**options), rest


def _refuse(look: Look, what: str) -> None:
    if look.ops or look.color_by:
        raise OptionError(f"{what} has no --ops and no --color-by.")


def _total_macs(graph: Graph) -> int | None:
    """The known multiply-adds; None if there are operators but not one with a rule."""
    found = [value for value in macs_by_node(graph).values() if value is not None]
    return sum(found) if found or not graph.nodes else None


def _train_only(model: Model) -> dict[str, str]:
    """The outermost modules that run in train mode but not in eval mode, marked so."""
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
    found = [mark for node, mark in both.marks.items() if node in drawn]
    counts = [f"{found.count(mark)} {mark}" for mark in ("added", "removed", "changed")]
    said = ", ".join(counts) if found or both.gone or both.edges else "no differences"
    params = [sum(param.numel for param in graph.params if not param.buffer) for graph in graphs]
    new = sum(mark == "added" for mark in both.edges.values())
    if new or both.gone:
        said += f"; connections: {new} added, {len(both.gone)} removed"
    return f"operators: {said}; parameters {params[0]:,} → {params[1]:,}"


def _gradients(model: Model, graph: Graph) -> Values:
    """Measured norms of dL/d(output) at each module call's output, by node."""
    from archlab.api.depth import module_gradients  # a probe: it runs the model

    return by_output(graph, module_gradients(model))


def _measured(look: Look) -> list[str]:
    if look.color_by != "gradient":
        return []
    return [
        "gradient norm: L2 of dL/d(output) over the batch, measured once in train mode at "
        "initialisation (archlab gradients)"
    ]


def _seen_globally(graph: Graph, look: Look) -> list[str]:
    """Say from where on units see the whole image beside their local field."""
    if look.color_by != "receptive-field":
        return []
    first = receptive_field(graph).totals.global_from
    return [f"from {first} on units depend on the whole image, too (archlab rf)"] if first else []


def _unused(graph: Graph) -> list[str]:
    """Say which modules with parameters this forward did not run."""
    lost = [
        param.name.rpartition(".")[0]
        for param in graph.params
        if not param.buffer and param.tensor not in graph.executed
    ]
    if not lost or graph.failure is not None:
        return []
    tops = list(dict.fromkeys(path.partition(".")[0] for path in lost))
    more = f" and {len(tops) - 4} more" if len(tops) > 4 else ""
    return [f"not run in {graph.mode} mode, so not drawn: {', '.join(tops[:4])}{more}"]


def _cut_short(graph: Graph) -> list[str]:
    return ["MACs up to the failure"] if graph.failure is not None else []


def _uncounted(graph: Graph) -> list[str]:
    """Say that MACs are a lower bound where an operator has no rule."""
    unknown = [missing.what for missing in uncounted(graph)]
    return [f"MACs are a lower bound: no rule for {', '.join(unknown[:4])}"] if unknown else []
