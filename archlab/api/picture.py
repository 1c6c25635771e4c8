"""Verbs about pictures: draw a model, two models and their difference, the backward pass.

`render` gives a Picture, which is laid out when a format is asked for, and again with fewer boxes
where Graphviz cannot do it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from archlab.analyze.annotate import MEASURES, Values, annotated, macs_by_node
from archlab.analyze.flops import uncounted
from archlab.api.model import Model, ModelLike, load
from archlab.errors import LayoutError, OptionError, TraceError, check_one_of
from archlab.files import write
from archlab.fold import Drawing, Shape, Union, Wish, fold, union
from archlab.fold.flow import flow
from archlab.ir.graph import Graph
from archlab.view.dot import DIRECTIONS, Style, dot, theme_of
from archlab.view.engine import TIMEOUT, laid_out
from archlab.view.mermaid import mermaid
from archlab.view.sketch import sketch
from archlab.view.svg import finished
from archlab.view.theme import THEMES

VIEWS = ("modules", "autograd")
BOXES = 60
OPS_BOXES = 600
LEAST = 8  # boxes below which a failed layout is not tried again


@dataclass(frozen=True)
class Picture:
    """A drawing that can be shown and saved.

    Attributes:
        drawing: boxes, groups and edges; with numbers, and heat where asked for.
        style: theme, direction, totals.
        timeout: seconds for one layout.
        redraw: a smaller drawing, for a budget of boxes; None where there is none.
    """

    drawing: Drawing
    style: Style
    timeout: float = TIMEOUT
    redraw: Callable[[int], Drawing] | None = None

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text, real text inside.

        Raises:
            LayoutError: Graphviz is missing, or failed at every budget of boxes.
        """
        (data,) = self._laid_out(("svg",))
        return data.decode()

    def data(self, suffix: str) -> bytes:
        """Return the picture in one of FORMATS ("svg", "png" …) as bytes.

        Raises:
            OptionError: an unknown format.
            LayoutError: as for `svg`, or a PNG above 32,767 pixels a side.
        """
        check_one_of("format", suffix, FORMATS)
        if suffix == "svg":
            return self.svg.encode()
        if suffix in ("png", "pdf"):
            return self._laid_out((suffix,))[0]
        return (FORMATS[suffix](self) + "\n").encode()

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file, in the format of its suffix, and return the path.

        Raises:
            OptionError: a suffix that is none of FORMATS.
            OutputError: the file cannot be written.
            LayoutError: as for `data`.
        """
        path = Path(path)
        write(path, self.data(suffix_of(path)))
        return path

    def _laid_out(self, formats: Sequence[str]) -> list[bytes]:
        """Lay out; what fails or takes too long is tried again with half the boxes."""
        picture, boxes = self, len(self.drawing.boxes)
        while True:
            try:
                return picture._once(formats)
            except LayoutError:
                boxes //= 2
                if self.redraw is None or boxes < LEAST or "png" in formats:
                    raise
                smaller = self.redraw(boxes)
                note = f"drawn with {boxes} boxes: a larger layout failed"
                notes = (*smaller.folded, note)
                picture = replace(self, drawing=smaller, style=replace(self.style, notes=notes))

    def _once(self, formats: Sequence[str]) -> list[bytes]:
        theme = self.style.theme
        pieces = laid_out(dot(self.drawing, self.style), ("svg", *formats), timeout=self.timeout)
        svg = finished(pieces[0].decode(), self.drawing, theme)  # checks that no box is lost
        return [
            svg.encode() if style == "svg" else piece
            for style, piece in zip(formats, pieces[1:], strict=True)
        ]

    def _repr_svg_(self) -> str:
        return self.svg

    def __str__(self) -> str:
        """Return the drawing for a terminal."""
        return sketch(self.drawing, self.style)


def _json(picture: Picture) -> str:
    return json.dumps(picture.drawing.to_dict(), indent=2)


FORMATS: dict[str, Callable[[Picture], str]] = {
    "svg": lambda picture: picture.svg,
    "png": lambda _: "",
    "pdf": lambda _: "",
    "dot": lambda picture: dot(picture.drawing, picture.style).rstrip("\n"),
    "mmd": lambda picture: mermaid(picture.drawing, picture.style),
    "json": _json,
    "txt": lambda picture: sketch(picture.drawing, picture.style),
}
"""Suffix -> the picture as text; png and pdf are bytes, see `Picture.data`."""


def suffix_of(path: Path) -> str:
    """Return the format that a file name asks for.

    Raises:
        OptionError: none of FORMATS.
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        given = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise OptionError(
            f"{path}: {given} names no picture format. "
            f"Allowed: {', '.join(f'.{known}' for known in FORMATS)}."
        )
    return suffix


def render(
    model: ModelLike,
    *,
    boxes: int | None = None,
    depth: int | None = None,
    expand: Sequence[str] = (),
    ops: bool = False,
    color_by: str | None = None,
    direction: str = "TB",
    theme: str = "auto",
    mode: str = "eval",
    timeout: float = TIMEOUT,
    **how: Any,
) -> Picture:
    """Return the drawing of a model.

    Equal blocks in a row are drawn once, a convolution, its norm and activation are one box, and
    modules are opened as far as `boxes` allows.

    Args:
        model: a spec, a module, or a loaded model.
        boxes: boxes at most; 60 by default, 600 with `ops`.
        depth: open exactly the modules down to this level instead.
        expand: paths of modules to open in any case.
        ops: each operator that depends on the input is a box of its own.
        color_by: macs, params, memory, receptive-field or gradient: a strip of heat on each box.
        direction: TB (top to bottom) or LR.
        theme: auto (follows the reader's screen), light, dark, print.
        mode: "eval" or "train"; in train mode what runs only then is marked.
        timeout: seconds for one layout.
        **how: `input`, `batch` and constructor arguments, see `load`.

    Raises:
        OptionError: an option that is not allowed, or a path that is no module.
        SpecError, BuildError, TraceError: as for `trace`. A TraceError with a graph can still be
            drawn: see `render_graph`.

    Example:
        >>> picture = render("resnet56")
        >>> [f"{group.path} ×{group.times}" for group in picture.drawing.groups if group.times > 1]
        ['layer1 ×9', 'layer2.1 ×8', 'layer3.1 ×8']
    """
    check_options(boxes, depth, color_by, direction, theme)
    loaded = load(model, **how)
    graph = loaded.trace(mode)
    heat = _gradients(loaded, graph) if color_by == "gradient" else None
    wish = Wish(boxes or (OPS_BOXES if ops else BOXES), depth, tuple(expand))
    marks = train_only(loaded) if mode == "train" else {}
    return render_graph(
        graph, wish, ops=ops, color_by=color_by, direction=direction, theme=theme,
        timeout=timeout, path_marks=marks, heat=heat,
    )  # fmt: skip


def render_diff(  # noqa: PLR0913  the options of a picture
    first: ModelLike,
    second: ModelLike,
    *,
    boxes: int | None = None,
    depth: int | None = None,
    expand: Sequence[str] = (),
    direction: str = "TB",
    theme: str = "auto",
    mode: str = "eval",
    timeout: float = TIMEOUT,
    **how: Any,
) -> Picture:
    """Return the drawing of two models laid over each other: what was added, removed, changed.

    The arguments are those of `render`; `how` goes to both models where they are specs.

    Example:
        >>> picture = render_diff("plain20", "resnet20")
        >>> {edge.role.value for edge in picture.drawing.edges if edge.mark}  # only the shortcuts
        {'identity', 'pad'}
    """
    check_options(boxes, depth, None, direction, theme)
    graphs = [load(model, **how).trace(mode) for model in (first, second)]
    both = union(*graphs)

    def drawn(wish: Wish) -> Drawing:
        return annotated(fold(both.graph, wish, difference=both), both.graph)

    wish = Wish(boxes or BOXES, depth, tuple(expand))
    drawing = drawn(wish)
    params = [sum(param.numel for param in graph.params if not param.buffer) for graph in graphs]
    style = Style(
        theme=theme_of(theme),
        direction=direction,
        params=params[1],
        macs=total_macs(graphs[1]),
        notes=(_counted_marks(both, params), *drawing.folded),
    )
    return Picture(
        drawing, style, timeout, lambda boxes: drawn(replace(wish, boxes=boxes, depth=None))
    )


def _counted_marks(both: Union, params: Sequence[int]) -> str:
    """Say how many operators differ, and how the parameters do."""
    drawn = flow(both.graph).drawn
    found = [mark for node, mark in both.marks.items() if node in drawn]
    counts = [f"{found.count(mark)} {mark}" for mark in ("added", "removed", "changed")]
    said = ", ".join(counts) if found or both.gone or both.edges else "no differences"
    return f"operators: {said}; parameters {params[0]:,} → {params[1]:,}"


def render_backward(
    model: ModelLike,
    *,
    boxes: int | None = None,
    depth: int | None = None,
    expand: Sequence[str] = (),
    direction: str = "TB",
    theme: str = "auto",
    mode: str = "eval",
    timeout: float = TIMEOUT,
    **how: Any,
) -> Picture:
    """Return the drawing of the backward pass, function by function, from output to first layer.

    It is torchviz's graph without its AccumulateGrad boxes, in the frames of the modules whose
    forward made the functions. The model runs once on the CPU, on a copy. Arguments as in `render`.

    Raises:
        DependencyError: torchviz is missing.
        TraceError: the forward failed, or nothing wants a gradient.

    Example:
        >>> picture = render_backward("resnet20")
        >>> picture.drawing.boxes[1].title
        'Addmm backward: fc.bias (10)'
    """
    from archlab.probe.autograd import backward_graph  # imports torchviz

    check_options(boxes, depth, None, direction, theme)
    loaded = load(model, **how)
    module, (args, kwargs) = loaded.runnable(mode)
    graph = replace(backward_graph(module, args, kwargs, f"{loaded.name}, backward"), mode=mode)
    wish = Wish(boxes or BOXES, depth, tuple(expand))

    def drawn(budget: Wish) -> Drawing:
        folded = fold(graph, budget, every=True)
        return replace(
            folded,
            input=loaded.trace(mode).input_text(),
            boxes=tuple(
                replace(box, title="gradient of the output") if box.shape == Shape.INPUT else box
                for box in folded.boxes
            ),
            edges=tuple(replace(edge, changed=False) for edge in folded.edges),
        )

    drawing = drawn(wish)
    style = Style(
        theme=theme_of(theme),
        direction=direction,
        params=sum(item.numel() for item in module.parameters()),
        macs=total_macs(loaded.trace(mode)),
        notes=("arrows follow the gradient, from the output to the first layer", *drawing.folded),
    )
    return Picture(
        drawing, style, timeout, lambda count: drawn(replace(wish, boxes=count, depth=None))
    )


def render_graph(  # noqa: PLR0913  the options of a picture
    graph: Graph,
    wish: Wish | None = None,
    *,
    ops: bool = False,
    color_by: str | None = None,
    direction: str = "TB",
    theme: str = "auto",
    timeout: float = TIMEOUT,
    path_marks: Mapping[str, str] | None = None,
    heat: Values | None = None,
) -> Picture:
    """Return the drawing of a graph, for example of the part that ran before a TraceError.

    Args:
        graph: a trace, complete or up to its failure.
        wish: boxes at most, depth, paths to open.
        ops: a box for every operator.
        color_by: as for `render`.
        direction: as for `render`.
        theme: as for `render`.
        timeout: as for `render`.
        path_marks: module path -> what to write on it.
        heat: values by node where the graph does not tell them.
    """
    wish = wish or Wish(BOXES)

    def drawn(budget: Wish) -> Drawing:
        folded = fold(graph, budget, every=ops, path_marks=path_marks)
        return annotated(folded, graph, color_by, heat)

    drawing = drawn(wish)
    style = Style(
        theme=theme_of(theme),
        direction=direction,
        params=sum(param.numel for param in graph.params if not param.buffer),
        macs=total_macs(graph),
        notes=(*drawing.folded, *_unused(graph), *_uncounted(graph), *_cut_short(graph)),
    )
    return Picture(
        drawing, style, timeout, lambda boxes: drawn(replace(wish, boxes=boxes, depth=None))
    )


def render_failed(
    graph: Graph,
    *,
    boxes: int | None = None,
    depth: int | None = None,
    expand: Sequence[str] = (),
    direction: str = "TB",
    theme: str = "auto",
    timeout: float = TIMEOUT,
    mode: str = "eval",
) -> Picture:
    """Return the drawing of what ran before a forward failed, with the error on it."""
    del expand, mode  # paths behind the failure would be unknown
    wish = Wish(boxes or BOXES, depth)
    return render_graph(graph, wish, direction=direction, theme=theme, timeout=timeout)


def total_macs(graph: Graph) -> int | None:
    """Return the known multiply-adds, None if there are operators but not one with a rule."""
    found = [value for value in macs_by_node(graph).values() if value is not None]
    return sum(found) if found or not graph.nodes else None


def check_options(
    boxes: int | None, depth: int | None, color_by: str | None, direction: str, theme: str
) -> None:
    """Raise where an option of a picture is not allowed, before any work.

    Raises:
        OptionError: which, and what is allowed.
    """
    check_one_of("theme", theme, THEMES)
    check_one_of("direction", direction, DIRECTIONS)
    if color_by is not None:
        check_one_of("--color-by", color_by, MEASURES)
    if boxes is not None and boxes < 3:
        raise OptionError(f"--boxes {boxes}: a picture needs 3 boxes or more.")
    if depth is not None and boxes is not None:
        raise OptionError("--boxes and --depth exclude each other: one of them decides.")
    if depth is not None and depth < 0:
        raise OptionError(f"--depth {depth}: levels are 0 or more.")


def check_view(view: str, *, diff: bool, ops: bool, color_by: str | None) -> None:
    """Raise where options of a picture exclude each other.

    Raises:
        OptionError: which, and why.
    """
    check_one_of("--view", view, VIEWS)
    if (diff or view == "autograd") and (ops or color_by):
        what = "--diff" if diff else "--view autograd"
        raise OptionError(f"{what} has no --ops and no --color-by.")
    if diff and view == "autograd":
        raise OptionError("--diff and --view autograd exclude each other.")


def train_only(model: Model) -> dict[str, str]:
    """Return the outermost modules that run in train mode but not in eval mode, marked so."""
    try:
        inference = {call.path for call in model.trace("eval").calls}
    except TraceError:
        return {}
    extra = {call.path for call in model.trace("train").calls} - inference
    outer = {path for path in extra if not any(path.startswith(f"{other}.") for other in extra)}
    return dict.fromkeys(sorted(outer), "train only")


def _gradients(model: Model, graph: Graph) -> Values:
    raise OptionError("--color-by gradient comes with `archlab gradients`.")


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
