"""One model as a part of a page: its numbers, its drawing, its modules, what it sees and saves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from archlab.analyze.factorize import BottleneckRow, find_bottlenecks
from archlab.analyze.field.receptive_field import (
    FieldRow,
    FieldTotals,
    receptive_field as analyze_field,
)
from archlab.analyze.memory import MemoryRow, MemoryTotals
from archlab.analyze.summary import SummaryRow, SummaryTotals, summary as analyze_summary
from archlab.api.cost import memory
from archlab.api.model import Model
from archlab.errors import ArchlabError, OptionError
from archlab.fold import Wish, fold, levels, places
from archlab.fold.level import Levels
from archlab.ir.graph import Graph
from archlab.picture.annotate import MEASURES, Values, annotated, annotated_levels, by_output
from archlab.result import Cell, Column, Result, Table, Unit, record, si, size, with_times
from archlab.view.page import HeatScale, Part, Section, Stage, Tile
from archlab.view.page.stages import cost_by_stage

_LONG = 16  # characters of a path on a tile
# Not declared in a row: a line joins the rows of three answers.
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
    batch: int = 0  # of the training memory, where it is another than the page's


def model_part(model: Model, *, gradients: bool, alone: bool) -> Part:
    """Return the part of a page about one model; beside others, long tables are folded."""
    graph = model.trace()
    memory_answer, batch = _held(model)
    gradient = None
    if gradients:
        from archlab.api.live.gradients import module_gradients  # here: a probe runs the model

        gradient = module_gradients(model)
    summary, field = analyze_summary(graph), analyze_field(graph)
    answers = Answers(graph, summary, memory_answer, field, gradient, batch)
    stage, opened = _stage(answers)
    sections = [
        Section("Cost by stage", bars=cost_by_stage(opened, stage.heats)),
        Section("Modules", ("Each row holds everything below it.",), table=_modules(answers),
                rows_are_modules=True, folded=not alone),
        *_growth(model, answers),
        *((profile_section([model]),) if gradients and alone else ()),
        *_savings(graph, folded=not alone),
        Section("Conventions and coverage", words=tuple(_coverage(answers)), folded=not alone),
    ]  # fmt: skip
    input_text = with_times(graph.input_text() or "none")
    return Part(
        title=model.name,
        subtitle=f"input {input_text} · {graph.mode} mode · {graph.build}",
        tiles=tuple(_tiles(answers)),
        sections=tuple(sections),
        stage=stage,
    )


def _held(model: Model) -> tuple[Result[MemoryTotals, MemoryRow], int]:
    """Return the memory, and the batch of its training figure where it is another than asked."""
    single, graph = memory(model), model.trace()
    batched = bool(graph.inputs) and graph.shape(graph.inputs[0])[:1] == (1,)
    # Batch norm on a map of one pixel has one value per channel at batch 1: it trains at 2.
    two = None
    if single.totals.training is None and batched:
        with contextlib.suppress(ArchlabError):
            two = memory(model.with_batch(2))
    if two is None or two.totals.training is None:
        return single, 0
    totals = replace(single.totals, training=two.totals.training)
    return replace(single, totals=totals, missing=two.missing), 2


def _stage(answers: Answers) -> tuple[Stage, Levels]:
    graph, wish = answers.graph, Wish()
    heat_values: dict[str, Values] = {}
    if answers.gradient is not None:
        heat_values["gradient"] = by_output(graph, answers.gradient)
    # The page opens modules itself, each by its level. One picture of the whole net is for printing
    # and for readers without scripts.
    page_levels, heats = annotated_levels(levels(graph, wish), graph, heat_values)
    scales = [
        HeatScale(
            name, each.title, each.share, each.total(each.values(graph) if each.values else {})
        )
        for name, each in MEASURES.items()
        if each.values or name in heat_values
    ]
    stage = Stage(
        drawing=annotated(fold(graph, wish), graph),
        levels=page_levels,
        types={module.path: module.type for module in graph.modules},
        heats=heats,
        scales=scales,
        places=places(page_levels, graph),
    )
    return stage, page_levels


def _tiles(answers: Answers) -> Iterator[Tile]:
    totals, field = answers.summary.totals, answers.field.totals
    peak, training = answers.memory.totals.inference_peak, answers.memory.totals.training
    least = "≥ " if answers.summary.missing else ""
    yield Tile("parameters", si(totals.params), f"{totals.params:,}")
    yield Tile("MACs", least + si(totals.macs), f"{totals.macs:,} multiply-adds")
    yield Tile("other FLOPs", si(totals.other_flops), f"{totals.other_flops:,}")
    yield Tile("inference peak", size(peak), f"{peak:,} bytes")
    label = f"training memory, batch {answers.batch}" if answers.batch else "training memory"
    why = "; ".join(map(str, answers.memory.missing))
    shown = ("not available", why) if training is None else (
        size(training), f"{training:,} bytes, Adam")  # fmt: skip
    yield Tile(label, *shown)
    yield Tile("weighted layers", f"{totals.layers:,}")
    if field.rf_h is not None and field.rf_w is not None:
        square = field.rf_h == field.rf_w
        extent = f"{field.rf_h:,.6g} px" if square else f"{field.rf_h:,.6g} × {field.rf_w:,.6g} px"
        yield Tile("receptive field", extent, f"local field of {field.path}")
        yield Tile("jump", f"{field.stride_h or 0:g} px", "input pixels between neighbouring units")
    if field.global_from:
        place = _short(field.global_from)
        yield Tile("global from", place, f"from {field.global_from} on units see the whole image")


def _short(path: str) -> str:
    """Return the end of a path, which says most."""
    parts = path.split(".")
    if len(path) <= _LONG or len(parts) == 1:
        return path
    last_two = ".".join(parts[-2:])
    return f"… {last_two if len(last_two) <= _LONG else parts[-1]}"


def _modules(answers: Answers) -> Table:
    memory_rows = {row.path: row for row in answers.memory.rows}
    field_rows = {row.path: row for row in answers.field.rows}
    columns: tuple[Column, ...] = _COLUMNS if answers.gradient is None else (*_COLUMNS, _GRADIENT)
    # Where no layer sees an image, the three columns of receptive fields would be dashes.
    if not any(row.rf_h is not None for row in answers.field.rows):
        columns = tuple(
            column for column in columns if column.name not in ("rf_h", "rf_w", "stride_h")
        )
    rows = []
    for row in answers.summary.rows:
        line: dict[str, Cell] = record(row)
        line["activations"] = memory_rows[row.path].activations if row.path in memory_rows else None
        for name in ("rf_h", "rf_w", "stride_h"):
            line[name] = getattr(field_rows[row.path], name) if row.path in field_rows else None
        line["gradient"] = (answers.gradient or {}).get(row.path)
        rows.append(line)
    return Table("Modules", (), columns, tuple(rows), tree=True)


def _growth(model: Model, answers: Answers) -> Iterator[Section]:
    """Yield the receptive field by depth, or that a net without images has none to draw."""
    from archlab.api.field.growth import growth_picture  # here: numpy, and later matplotlib

    title = "Receptive field"
    try:
        svg = growth_picture([model]).svg
    except OptionError:
        yield Section(
            title, words=("Nothing to draw: hardly a layer of this net has height and width.",)
        )
        return
    field = answers.field.totals
    apart = field.stride_h or 0
    words = [
        f"At {field.path} a unit sees {field.rf_h:g} × {field.rf_w:g} pixels of the input by local "
        f"paths; neighbouring units are {apart:g} pixel{'' if apart == 1 else 's'} apart."
    ] if field.rf_h is not None and field.rf_w is not None else []  # fmt: skip
    if field.global_from:
        words.append(f"From {field.global_from} on units depend on the whole image, too.")
    yield Section(title, words=words, figure=svg, alt=f"Receptive field of {model.name} by depth")


def profile_section(models: Sequence[Model]) -> Section:
    """Return gradient norms by depth, the models overlaid."""
    from archlab.api.live.gradients import gradients  # a probe: it runs the models
    from archlab.api.live.pictures import plot_by_depth

    answer = gradients(*models)
    title = "Gradient norms by depth"
    names = ", ".join(model.name for model in models)
    figure = plot_by_depth(answer).svg
    return Section(title, words=answer.footer, figure=figure, alt=f"{title}: {names}")


_FORMS = {
    "reduce": "1×1 reductions in front of a larger kernel",
    "v2": "Pairs of 3×3 convolutions in place of one 5×5",
    "v3": "Pairs of 1×n and n×1 in place of n×n",
}


def _savings(graph: Graph, *, folded: bool) -> Iterator[Section]:
    title = "What 1×1 reductions and factorized kernels save"
    savings = find_bottlenecks(graph)
    if not savings.rows:
        none = "This net has no 1×1 reduction in front of a larger kernel and no factorized pair."
        yield Section(title, (none,))
        return
    forms: dict[str, list[BottleneckRow]] = {}
    for row in savings.rows:
        forms.setdefault(row.form, []).append(row)
    words = tuple(
        f"{_FORMS.get(form, form)}, {len(rows)} in this net: {reduced:,} weights as built, "
        f"{direct:,} directly, {direct / reduced:.3g} times as many."
        for form, rows in forms.items()
        if (reduced := sum(row.reduced for row in rows))
        if (direct := sum(row.direct for row in rows))
    )
    yield Section(title, words, table=replace(savings.table(), footer=()),
                  folded=folded or len(savings.rows) > 6)  # fmt: skip


def _coverage(answers: Answers) -> Iterator[str]:
    if answers.summary.missing:
        yield "Not every operator was counted; the totals are lower bounds. What is missing:"
        yield from dict.fromkeys(map(str, answers.summary.missing))
    else:
        yield "Every operator of the forward pass has a counting rule: the totals are complete."
    yield from dict.fromkeys(map(str, (*answers.memory.missing, *answers.field.missing)))
    if answers.batch:
        yield (
            f"Training memory is that of batch {answers.batch}: with one sample a batch norm of "
            "this net has a single value per channel, and cannot train."
        )
    for answer in (answers.summary, answers.memory, answers.field):
        for line in answer.header.conventions:
            yield f"{line[:1].upper()}{line[1:]}."
    yield f"The forward pass was followed once, {answers.graph.build}; no weights were loaded."
    if answers.gradient is not None:
        yield (
            "Gradient norm: L2 of dL/d(output) over the batch, measured once in train mode at "
            "initialisation, seed 0."
        )
