"""A traced graph as a picture: what is drawn, with which numbers and notes. Knows no Model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from archlab.analyze.field.receptive_field import receptive_field
from archlab.analyze.flops import uncounted
from archlab.fold import Drawing, fold
from archlab.ir.graph import Graph
from archlab.picture.annotate import Values, annotated, macs_by_node
from archlab.picture.formats import FORMATS, Sheet
from archlab.picture.look import Look
from archlab.picture.picture import Picture
from archlab.view.drawing.dot import Style, theme_of


def graph_picture(
    graph: Graph,
    look: Look,
    path_marks: Mapping[str, str] | None = None,
    heat: Values | None = None,
) -> Picture:
    """Return the drawing of a trace, complete or up to the failure that a TraceError carries.

    Args:
        graph: a trace.
        look: how to draw.
        path_marks: module path -> what to write on it.
        heat: values by node, for a measure that the graph does not tell.

    Raises:
        OptionError: a path to expand that is no module.
    """

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
    return picture_of(look, drawn, graph, notes)


def picture_of(
    look: Look, drawn: Callable[[Look], Drawing], graph: Graph, notes: Sequence[str]
) -> Picture:
    """Return the picture of what `drawn` makes for a look, with the totals of a graph."""
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
    sheet = Sheet(drawing, style, look.timeout, lambda boxes: drawn(look.smaller(boxes)))
    return Picture(lambda suffix: FORMATS[suffix](sheet), tuple(FORMATS), drawing)


def _total_macs(graph: Graph) -> int | None:
    """The known multiply-adds; None if there are operators but not one with a rule."""
    counts = [value for value in macs_by_node(graph).values() if value is not None]
    return sum(counts) if counts or not graph.nodes else None


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
