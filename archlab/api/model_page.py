"""One model as a part of a page: its numbers, its drawing, its modules, what it sees and saves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from archlab.analyze.annotate import (
    MEASURES,
    Values,
    annotated,
    annotated_levels,
    by_output,
)
from archlab.analyze.factorize import BottleneckRow, find_bottlenecks
from archlab.analyze.memory import MemoryRow, MemoryTotals
from archlab.analyze.receptive_field import FieldRow, FieldTotals
from archlab.analyze.receptive_field import receptive_field as analyze_field
from archlab.analyze.summary import SummaryRow, SummaryTotals
from archlab.analyze.summary import summary as analyze_summary
from archlab.api.cost import memory
from archlab.api.model import Model
from archlab.errors import OptionError
from archlab.fold import Wish, fold, levels, places
from archlab.fold.drawing import Box, Group
from archlab.fold.level import Levels
from archlab.ir.graph import Graph
from archlab.result import Cell, Column, Missing, Result, Table, Unit, record, si, size
from archlab.view.page import Bar, Bars, HeatScale, Part, Section, Stage, Tile

BOXES = 60
_MOST = 0.7  # the share of MACs from which on a stage is shown by what is in it
_COLUMNS = (
    Column("path", "module"),
    Column("type", "type"),
    Column("kernel", "kernel"),
    Column("output_shape", "output"),
    Column("params", "params", Unit.COUNT),
    Column("macs", "MACs", Unit.SI),
    Column("share", "of MACs", Unit.SHARE),
    Column("activations", "activations", Unit.BYTES),
    Column("rf_h", "rf h", Unit.NUMBER),
    Column("rf_w", "rf w", Unit.NUMBER),
    Column("stride_h", "jump", Unit.NUMBER),
)
_GRADIENT = Column("gradient", "gradient norm", Unit.NUMBER)


@dataclass(frozen=True)
class Answers:
    """What was asked of one model."""

    graph: Graph
    summary: Result[SummaryTotals, SummaryRow]
    memory: Result[MemoryTotals, MemoryRow]
    field: Result[FieldTotals, FieldRow]
    gradient: Mapping[str, float | None] | None


def model_part(model: Model, *, gradients: bool, alone: bool) -> Part:
    """Return the part of a page about one model.

    Args:
        model: a loaded model.
        gradients: also measure gradients: the model runs once forward and backward.
        alone: whether the page has no other; beside others long tables are folded.

    Raises:
        TraceError, ProbeError: the forward fails, or gradients cannot be measured.
    """
    graph = model.trace()
    asked = Answers(
        graph=graph,
        summary=analyze_summary(graph),
        memory=memory(model),
        field=analyze_field(graph),
        gradient=_measured(model) if gradients else None,
    )
    stage, opened = _stage(asked)
    sections = [
        Section("Cost by stage", bars=_bars(opened, stage.heats)),
        Section("Modules", words=(_INTRO,), table=_modules(asked), rows_are_modules=True,
                folded=not alone),
        *_growth(model, asked),
        *((profile_section([model]),) if gradients and alone else ()),
        *_savings(graph, folded=not alone),
        Section("Conventions and coverage", words=tuple(_coverage(asked)), folded=not alone),
    ]  # fmt: skip
    given = graph.input_text() or "none"
    return Part(
        title=model.name,
        subtitle=f"input {given.replace('x', '×')} · {graph.mode} mode · {graph.build}",
        tiles=tuple(_tiles(asked)),
        sections=tuple(sections),
        stage=stage,
    )


_INTRO = (
    "Each row holds everything below it. A name leads to the drawing; a click in the drawing marks "
    "its row."
)


def _measured(model: Model) -> Mapping[str, float | None]:
    from archlab.api.depth import module_gradients  # a probe: it runs the model

    return module_gradients(model)


def _stage(asked: Answers) -> tuple[Stage, Levels]:
    graph, wish = asked.graph, Wish(BOXES)
    given: dict[str, Values] = {}
    if asked.gradient is not None:
        given["gradient"] = by_output(graph, asked.gradient)
    found, heats = annotated_levels(levels(graph, wish), graph, given)
    shown = [name for name, item in MEASURES.items() if item.values or name in given]
    scales = [
        HeatScale(name, MEASURES[name].title, MEASURES[name].share, _total(graph, name))
        for name in shown
    ]
    stage = Stage(
        drawing=annotated(fold(graph, wish), graph),
        levels=found,
        types={module.path: module.type for module in graph.modules},
        heats=heats,
        scales=scales,
        places=places(found, graph),
    )
    return stage, found


def _total(graph: Graph, name: str) -> float | None:
    measure = MEASURES[name]
    if not measure.share or measure.values is None:
        return None
    return float(sum(value for value in measure.values(graph).values() if value is not None))


def _tiles(asked: Answers) -> Iterator[Tile]:
    totals, held, seen = asked.summary.totals, asked.memory.totals, asked.field.totals
    least = "≥ " if asked.summary.missing else ""
    yield Tile("parameters", si(totals.params), f"{totals.params:,}")
    yield Tile("MACs", least + si(totals.macs), f"{totals.macs:,} multiply-adds")
    yield Tile("other FLOPs", si(totals.other_flops), f"{totals.other_flops:,}")
    yield Tile("inference peak", size(held.inference_peak), f"{held.inference_peak:,} bytes")
    training = held.training
    shown = "not available" if training is None else size(training)
    why = "; ".join(map(str, asked.memory.missing))
    yield Tile("training memory", shown, why if training is None else f"{training:,} bytes, Adam")
    yield Tile("weighted layers", f"{totals.layers:,}")
    if seen.rf_h is not None and seen.rf_w is not None:
        square = seen.rf_h == seen.rf_w
        field = f"{seen.rf_h:,.6g} px" if square else f"{seen.rf_h:,.6g} × {seen.rf_w:,.6g} px"
        yield Tile("receptive field", field, f"local field of {seen.path}")
        yield Tile("jump", f"{seen.stride_h or 0:g} px", "input pixels between neighbouring units")
    if seen.global_from:
        yield Tile("global from", seen.global_from, "from here on units see the whole image, too")


def _bars(found: Levels, heats: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> Bars:
    names = [("macs", si), ("params", si), ("memory", size)]
    lines = _stages(found, heats, found.top)
    longest = {name: max([_value(line, name) for _, line in lines] or [0.0]) for name, _ in names}
    bars = [
        Bar(
            label=label,
            texts=[
                "not known" if values.get(name) is None else text(_value(values, name))
                for name, text in names
            ],
            shares=[
                _value(values, name) / longest[name] if longest[name] else 0.0 for name, _ in names
            ],
        )
        for label, values in lines
    ]
    return Bars(("MACs", "parameters", "activation memory"), bars, "A folded row counts all of it.")


def _value(values: Mapping[str, float | None], name: str) -> float:
    return values.get(name) or 0.0


def _stages(
    found: Levels, heats: Mapping[str, Mapping[str, Mapping[str, float | None]]], key: str
) -> list[tuple[str, Mapping[str, float | None]]]:
    """The boxes of the outer level; one that holds nearly all is shown by what is in it."""
    level = found.levels[key]
    items = [item for item in _outer(level.drawing.groups, level.drawing.boxes) if item.nodes]
    total = sum(_value(heats[key][item.id], "macs") for item in items)
    lines = []
    for item in items:
        inner = level.opens.get(item.id)
        values = heats[key][item.id]
        if inner is not None and total and _value(values, "macs") > _MOST * total:
            lines += _stages(found, heats, inner)
        elif any(values.get(name) for name in ("macs", "params", "memory")):
            times = f" ×{item.times}" if item.times > 1 else ""
            lines.append((f"{item.path or item.id}{times}", values))
    return lines


def _outer(groups: Sequence[Group], boxes: Sequence[Box]) -> list[Box | Group]:
    """Boxes and frames that no frame holds, in the order of execution."""
    items: list[Box | Group] = [*boxes, *groups]
    outer = [item for item in items if not _parent(item) and item.nodes]
    return sorted(outer, key=lambda item: min(item.nodes))


def _parent(item: Box | Group) -> str:
    return item.group if isinstance(item, Box) else item.parent


def _modules(asked: Answers) -> Table:
    held = {row.path: row for row in asked.memory.rows}
    seen = {row.path: row for row in asked.field.rows}
    columns: tuple[Column, ...] = _COLUMNS if asked.gradient is None else (*_COLUMNS, _GRADIENT)
    if not any(row.rf_h is not None for row in asked.field.rows):
        columns = tuple(
            column for column in columns if column.name not in ("rf_h", "rf_w", "stride_h")
        )
    rows = []
    for row in asked.summary.rows:
        line: dict[str, Cell] = record(row)
        line["activations"] = held[row.path].activations if row.path in held else None
        for name in ("rf_h", "rf_w", "stride_h"):
            line[name] = getattr(seen[row.path], name) if row.path in seen else None
        line["gradient"] = (asked.gradient or {}).get(row.path)
        rows.append(line)
    return Table("Modules", (), columns, tuple(rows), tree=True)


def _growth(model: Model, asked: Answers) -> Iterator[Section]:
    """Receptive field by depth; nothing for a net that reads no image."""
    from archlab.api.field import growth_picture  # numpy, and later matplotlib

    title = "Receptive field"
    try:
        svg = growth_picture([model]).decode()
    except OptionError:
        yield Section(
            title, words=("Nothing to draw: hardly a layer of this net has height and width.",)
        )
        return
    seen = asked.field.totals
    words = [
        f"At {seen.path} a unit sees {seen.rf_h:g} × {seen.rf_w:g} pixels of the input by local "
        f"paths, and neighbouring units are {seen.stride_h:g} pixels apart."
    ] if seen.rf_h is not None and seen.rf_w is not None else []  # fmt: skip
    if seen.global_from:
        words.append(f"From {seen.global_from} on units depend on the whole image, too.")
    yield Section(title, words=words, figure=svg, alt=f"Receptive field of {model.name} by depth")


def profile_section(models: Sequence[Model]) -> Section:
    """Return gradient norms by depth, the models overlaid."""
    from archlab.api.depth import gradients  # a probe: it runs the models
    from archlab.api.depth_pictures import plot_by_depth

    found = gradients(*models)
    title = "Gradient norms by depth"
    names = ", ".join(model.name for model in models)
    figure = plot_by_depth(found).decode()
    return Section(title, words=found.footer, figure=figure, alt=f"{title}: {names}")


_FORMS = {
    "reduce": "1×1 reductions in front of a larger kernel",
    "v2": "pairs of 3×3 convolutions in place of one 5×5",
    "v3": "pairs of 1×n and n×1 in place of n×n",
}


def _savings(graph: Graph, *, folded: bool) -> Iterator[Section]:
    title = "What 1×1 reductions and factorized kernels save"
    found = find_bottlenecks(graph)
    if not found.rows:
        none = (
            "This net has no 1×1 reduction in front of a larger kernel and no factorized pair.",
        )
        yield Section(title, none)
        return
    words = tuple(
        f"{len(rows)} {_FORMS.get(form, form)}: {reduced:,} weights as built, {direct:,} directly, "
        f"{direct / reduced:.3g} times as many."
        for form, rows in _by_form(found.rows).items()
        if (reduced := sum(row.reduced for row in rows))
        if (direct := sum(row.direct for row in rows))
    )
    yield Section(title, words, table=replace(found.table(), footer=()),
                  folded=folded or len(found.rows) > 6)  # fmt: skip


def _by_form(rows: Sequence[BottleneckRow]) -> dict[str, list[BottleneckRow]]:
    forms: dict[str, list[BottleneckRow]] = {}
    for row in rows:
        forms.setdefault(row.form, []).append(row)
    return forms


def _coverage(asked: Answers) -> Iterator[str]:
    missing: list[Missing] = [*asked.summary.missing, *asked.memory.missing, *asked.field.missing]
    if missing:
        yield "Not everything was counted; what is named here is missing in the totals:"
        yield from dict.fromkeys(map(str, missing))
    else:
        yield "Every operator of the forward pass has a counting rule: the totals are complete."
    for answer in (asked.summary, asked.memory, asked.field):
        for line in answer.header.conventions:
            yield f"{line[:1].upper()}{line[1:]}."
    yield f"The forward pass was followed once, {asked.graph.build}; no weights were loaded."
    if asked.gradient is not None:
        yield (
            "Gradient norm: L2 of dL/d(output) over the batch, measured once in train mode at "
            "initialisation, seed 0."
        )
