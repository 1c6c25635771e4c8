"""A traced graph as a picture: what is drawn, with which numbers and notes. Knows no Model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from archlab.analyze.field.receptive_field import receptive_field
from archlab.analyze.flops import uncounted
from archlab.fold import Drawing, fold
from archlab.fold.frames import crossed, unframed
from archlab.ir.graph import Graph
from archlab.layout import is_bent
from archlab.picture.annotate import Values, annotated, macs_by_node
from archlab.picture.formats import FORMATS, PAINTED, PLACED, Sheet
from archlab.picture.look import Look
from archlab.picture.overlay import Overlay, overlaid, overlay_notes, unmatched
from archlab.picture.picture import Picture
from archlab.view.drawing import volume
from archlab.view.drawing.around import SMALLEST
from archlab.view.drawing.fonts import advice, lacking
from archlab.view.drawing.shapes import Words
from archlab.view.drawing.sheet import canvas
from archlab.view.drawing.sketch import sketch
from archlab.view.drawing.style import FITS, VOLUMES, Style, theme_of

_BUDGETS = (40, 30, 24, 20, 16, 12, 10, 8)  # fewer than the usual one
_A4 = (523.0, 770.0)  # points inside of margins of half an inch
_LEGIBLE = 7.0  # points


def graph_picture(
    graph: Graph,
    look: Look,
    path_marks: Mapping[str, str] | None = None,
    heat: Values | None = None,
) -> Picture:
    """Return the drawing of a trace, complete or up to the failure that a TraceError carries.

    `path_marks` says what to write on a module; `heat` has the values by node of a measure that
    the graph does not tell.
    """

    def drawn(look: Look) -> Drawing:
        folded = fold(graph, look.wish, every=look.ops, path_marks=path_marks)
        drawing = annotated(folded, graph, look.color_by, heat)
        return overlaid(drawing, graph, overlay) if overlay is not None else drawing

    overlay = look.overlay if isinstance(look.overlay, Overlay) else None
    notes = [*_heat_notes(graph, look), *_unused(graph)]
    if unknown := [missing.what for missing in uncounted(graph)]:
        notes.append(f"MACs are a lower bound: no rule for {', '.join(unknown[:4])}")
    if graph.failure is not None:
        notes.append("MACs up to the failure")
    if "holds for" in graph.build:  # one input, or one draw of random numbers
        notes.append(graph.build)
    told = [] if overlay is None else unmatched(graph, overlay)
    return picture_of(look, drawn, graph, notes, told=told)


def picture_of(
    look: Look,
    drawn: Callable[[Look], Drawing],
    graph: Graph,
    notes: Sequence[str],
    before: Graph | None = None,
    *,
    told: Sequence[str] = (),
) -> Picture:
    """Return the picture of what `drawn` makes for a look, with the totals of a graph.

    `before` is the graph that it is compared to; `told` is for whoever writes the picture.
    """
    params, macs = _totals(graph)
    convention = (
        f"{graph.build}; 1 MAC = 1 multiply-add of convolution, linear layer, matrix product, "
        "attention, RNN gates"
    )
    volumes = look.style == VOLUMES

    def shown(look: Look) -> Drawing:
        drawing = volume.without_containers(drawn(look)) if volumes else drawn(look)
        return drawing if look.direction == "LR" else _unframed(drawing)

    drawing = shown(look)
    style = Style(
        theme=theme_of(look.theme),
        direction=look.direction or (volume.direction(drawing) if volumes else "TB"),
        form=look.style,
        goal=FITS[look.fit],
        params=params,
        macs=macs,
        before=_totals(before) if before else None,
        notes=(*notes, *(volume.checked(drawing) if volumes else ())),
        conventions=(convention,),
    )
    if look.fit == "page" and look.boxes is None and look.depth is None and not look.ops:
        drawing, style = _for_paper(look, shown, style)
    sheet = Sheet(drawing, style)
    return Picture(
        lambda suffix: FORMATS[suffix](sheet),
        PLACED if volumes else tuple(FORMATS),
        drawing,
        lambda width, colours: sketch(drawing, style, width, colours=colours),
        lambda suffix: (*told, *_tofu(sheet, suffix)),
    )


def _unframed(drawing: Drawing) -> Drawing:
    """Return the drawing without the frames of encoder and decoder where it is a U."""
    frames = crossed(drawing)
    if not frames or is_bent(drawing):
        return drawing
    lifted = unframed(drawing, frames)
    return lifted if is_bent(lifted) else drawing


def _tofu(sheet: Sheet, suffix: str) -> Iterator[str]:
    """Say which letters a painted picture shows as boxes."""
    if suffix in PAINTED:
        whole, _ = canvas(sheet.drawing, sheet.style)
        shapes = (shape for element in whole.elements for shape in element.shapes)
        if letters := lacking(shape.content for shape in shapes if isinstance(shape, Words)):
            yield advice(letters)


def _for_paper(look: Look, drawn: Callable[[Look], Drawing], style: Style) -> tuple[Drawing, Style]:
    """Return the drawing with the most boxes that can be read on A4, and a style that says so."""
    usual = look.wish.boxes
    for boxes in (usual, *(fewer for fewer in _BUDGETS if fewer < usual)):
        drawing = drawn(replace(look, boxes=boxes))
        note = f"{boxes} boxes at most, so that text on A4 is legible (other budgets: --boxes)"
        told = replace(style, notes=(*style.notes, note)) if boxes < usual else style
        whole, _ = canvas(drawing, told)
        if SMALLEST * min(_A4[0] / whole.width, _A4[1] / whole.height) >= _LEGIBLE:
            break
    return drawing, told


def _totals(graph: Graph) -> tuple[int, int | None]:
    # Operators of which not one has a rule cost an unknown amount, and not zero.
    macs = [count for count in macs_by_node(graph).values() if count is not None]
    params = sum(param.numel for param in graph.params if not param.buffer)
    return params, sum(macs) if macs or not graph.nodes else None


def _heat_notes(graph: Graph, look: Look) -> Iterator[str]:
    if isinstance(look.overlay, Overlay):
        yield from overlay_notes(graph, look.overlay)
    if look.color_by == "gradient":
        yield (
            "gradient norm: L2 of dL/d(output) over the batch, measured once in train mode at "
            "initialisation (archlab gradients)"
        )
    # The heat shows local fields; behind attention or a global pool units also see everything else.
    if look.color_by == "receptive-field" and (first := receptive_field(graph).totals.global_from):
        yield f"from {first} on units depend on the whole image, too (archlab rf)"


def _unused(graph: Graph) -> list[str]:
    """Say which modules with parameters did not run, as auxiliary heads in eval mode."""
    lost = [
        param.name.rpartition(".")[0]
        for param in graph.params
        if not param.buffer and param.tensor not in graph.executed
    ]
    # After a failure nearly every module is left over, for the one reason that is told already.
    if not lost or graph.failure is not None:
        return []
    tops = list(dict.fromkeys(path.partition(".")[0] for path in lost))
    more = f" and {len(tops) - 4} more" if len(tops) > 4 else ""
    return [f"not run in {graph.mode} mode, so not drawn: {', '.join(tops[:4])}{more}"]
