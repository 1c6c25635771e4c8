"""The receptive field as a picture: growth with depth, boxes on an image, measured heat."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from archlab.analyze.field.receptive_field import receptive_field as analyze_field
from archlab.analyze.field.sight import sights
from archlab.api.field.growth import curve, depths, image_size
from archlab.api.field.receptive_field import measured_fields, spaced
from archlab.api.model import Model, ModelLike, load
from archlab.data.pictures import first_image
from archlab.errors import OptionError, SpecError, keyword
from archlab.picture.picture import Picture
from archlab.probe.effective_field import THRESHOLD
from archlab.result.field import EffectiveField
from archlab.verb import verb
from archlab.view.figure.frame import Words, in_title
from archlab.view.figure.receptive_field import (
    Box,
    FieldFigure,
    Panel,
    receptive_fields,
    sample_image,
)


@verb
def plot_receptive_field(
    *models: ModelLike,
    effective: bool = False,
    layers: Sequence[str] = (),
    images: str | Path | None = None,
    checkpoint: str | Path | None = None,
) -> Picture:
    """Return a picture of the growth with depth, models overlaid; of one model also boxes.

    The boxes show on an image what the central unit of a layer sees. With `effective` the measured
    field is drawn as heat in its box.

    Args:
        *models: specs, modules or loaded models.
        effective: also measure effective fields, on four images.
        layers: module paths for the boxes; four evenly spaced convolutions by default.
        images: a folder of images, the first of them to draw on; a made one by default.
        checkpoint: a file of weights (a state dict), for `effective`.

    Raises:
        OptionError: no model, a model that takes no image, `layers` for several models, or a
            checkpoint without `effective`.
        SpecError: no such layer, or images or weights that cannot be read.

    Example:
        >>> plot_receptive_field("resnet20", "plain20").svg[:5]
        '<?xml'
    """
    if not models:
        raise OptionError("No model to draw: give one or more, such as resnet20.")
    if checkpoint is not None and not effective:
        raise OptionError(
            f"{keyword('checkpoint')} is for measured fields: add {keyword('effective')}."
        )
    if layers and len(models) > 1 and not effective:
        raise OptionError(f"{keyword('layers')} chooses the boxes, which one model alone has.")
    loaded = [load(model) for model in models]
    (height, width), *_ = map(image_size, loaded)
    curves, panels, conditions = [], [], ""
    paths, depth = depths(loaded)
    for model, along in zip(loaded, paths, strict=True):
        measured: list[EffectiveField] = []
        if effective:
            answer, measured = measured_fields(model, layers, images, checkpoint, 4)
            conditions = answer.header.conventions[-1]
        curves.append(curve(model, along, measured))
        if len(loaded) == 1:
            panels = [_panel(model, path, measured) for path in layers or spaced(model)]
    make = sample_image if images is None else partial(first_image, images)
    names = in_title([model.name for model in loaded])
    content = FieldFigure(
        Words(
            f"What {names} {'sees' if len(loaded) == 1 else 'see'}",
            f"Input {loaded[0].trace().input_text()}",
            _caption(conditions, panels=bool(panels)),
        ),
        image_size=max(height, width),
        curves=curves,
        layers=depth,
        image=make(height, width) if panels else None,
        panels=panels,
        edge=THRESHOLD**0.5,
    )
    return Picture(partial(receptive_fields, content))


def _panel(model: Model, path: str, measured: Sequence[EffectiveField]) -> Panel:
    graph = model.trace()
    row = next(row for row in analyze_field(graph).rows if row.path == path)
    fields, _ = sights(graph)
    call = next(call for call in graph.calls if call.path == path)
    tall, wide = fields[call.outputs[0]].axes[:2]
    if tall is None or wide is None:
        raise SpecError(f"{path} of {model.name} has no height and width left to draw.")
    # Of the central unit: near a border the padding would hide most of the field.
    rows, columns = (field.span(field.size // 2) for field in (tall, wide))
    box, beyond, note = None, [], ""
    if rows is not None and columns is not None:
        height, width = (float(last - first + 1) for first, last in (rows, columns))
        box = (float(rows[0]), float(columns[0]), height, width)
        if (row.rf_h or 0) > height or (row.rf_w or 0) > width:
            beyond = [
                side
                for side, seen, whole, at_border in (
                    ("top", height, row.rf_h, rows[0] == 0),
                    ("bottom", height, row.rf_h, rows[1] == tall.extent - 1),
                    ("left", width, row.rf_w, columns[0] == 0),
                    ("right", width, row.rf_w, columns[1] == wide.extent - 1),
                )
                if at_border and (whole or 0) > seen
            ]
            note = f"larger than the image: {row.rf_h:g} × {row.rf_w:g} px"
    effective = next((item for item in measured if item.path == path), None)
    title = f"{path}\ntheory {row.rf_h:g} × {row.rf_w:g}, jump {row.stride_h:g}"
    if effective is not None:
        title += f"\neffective {effective.height} × {effective.width}"
    # The field is nearly a Gaussian: its square root shows the tails, too.
    heat, inner = (effective.heat**0.5, _inner(effective)) if effective else (None, None)
    return Panel(title, box, heat, inner, beyond, note)


def _inner(field: EffectiveField) -> Box | None:
    """Return the box of the effective field: its pixels above the threshold, as it is measured."""
    tall, wide = (np.flatnonzero(field.heat.max(axis=axis) >= THRESHOLD) for axis in (1, 0))
    if not (len(tall) and len(wide)):
        return None
    return float(tall[0]), float(wide[0]), float(field.height), float(field.width)


def _caption(conditions: str, *, panels: bool) -> str:
    """Return what path, boxes and heat mean; `conditions` are those of what was measured."""
    lines = ["The longest path is the one along which the field grows furthest."]
    if panels:
        lines[0] += " Boxes on the image: what a layer's central unit sees."
    if conditions:
        lines.append(
            "Effective field: the smallest box around all pixels at which the mean squared "
            f"gradient of the central unit is {100 * THRESHOLD:.3g} % of its largest or more, "
            f"{THRESHOLD**0.5:.2f} of its root (Luo et al. 2016). Measured on {conditions}."
        )
    return "\n".join(lines)
