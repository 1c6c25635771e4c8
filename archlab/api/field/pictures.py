"""The receptive field as a picture: growth with depth, boxes on an image, measured heat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archlab.analyze.field.receptive_field import receptive_field as analyze_field
from archlab.analyze.field.sight import sights
from archlab.api.field.growth import curve, image_size
from archlab.api.field.receptive_field import measured_fields, spaced
from archlab.api.model import Model, ModelLike, load
from archlab.data.pictures import first_image
from archlab.errors import SpecError
from archlab.result.field import EffectiveField
from archlab.view.figure.receptive_field import Panel, Picture, receptive_fields, sample_image


def plot_receptive_field(
    models: Sequence[ModelLike],
    suffix: str = "svg",
    *,
    effective: bool = False,
    layers: Sequence[str] = (),
    images: str | Path | None = None,
    weights: str | Path | None = None,
    **how: Any,
) -> bytes:
    """Return a picture (svg, png or pdf): growth with depth; for one model also boxes on an image.

    Several `models` are overlaid. With `effective` the measured field is drawn as heat in its box.
    Arguments and errors as in `effective_receptive_field`; boxes lie on the first of `images`.

    Example:
        >>> plot_receptive_field(["resnet20", "plain20"])[:5]
        b'<?xml'
    """
    loaded = [load(model, **how) for model in models]
    curves, panels = [], []
    for item in loaded:
        measured: list[EffectiveField] = []
        if effective:
            _, measured = measured_fields(item, layers, images, weights, 4)
        curves.append(curve(item, measured))
        if len(loaded) == 1:
            chosen = layers or spaced(item)
            panels = [_panel(item, path, measured) for path in chosen]
    height, width = image_size(loaded[0])
    names = ", ".join(item.name for item in loaded)
    picture = Picture(
        title=f"What {names} {'sees' if len(loaded) == 1 else 'see'}",
        subtitle=_subtitle(loaded[0], panels=bool(panels), effective=effective),
        image_size=max(height, width),
        curves=curves,
        image=_background(images, height, width) if panels else None,
        panels=panels,
    )
    return receptive_fields(picture, suffix)


def _panel(model: Model, path: str, measured: Sequence[EffectiveField]) -> Panel:
    graph = model.trace()
    rows = {row.path: row for row in analyze_field(graph).rows}
    row = rows[path]
    seen, _ = sights(graph)
    call = next(call for call in graph.calls if call.path == path)
    tall, wide = seen[call.outputs[0]].axes
    if tall is None or wide is None:
        raise SpecError(f"{path} of {model.name} has no height and width left to draw.")
    unit_h, unit_w = tall.size // 2, wide.size // 2
    box = (
        float(tall.low[unit_h]),
        float(wide.low[unit_w]),
        float(tall.high[unit_h] - tall.low[unit_h] + 1),
        float(wide.high[unit_w] - wide.low[unit_w] + 1),
    )
    found = next((item for item in measured if item.path == path), None)
    title = f"{path}\n{row.rf_h:g} × {row.rf_w:g}, jump {row.stride_h:g}"
    if found is not None:
        title += f"\neffective {found.height} × {found.width}"
    return Panel(title, box, found.heat**0.5 if found else None)


def _background(images: str | Path | None, height: int, width: int) -> NDArray[np.float64]:
    return sample_image(height, width) if images is None else first_image(images, height, width)


def _subtitle(model: Model, *, panels: bool, effective: bool) -> str:
    parts = [f"input {model.trace().input_text()}"]
    if panels:
        parts.append("boxes: what the central unit sees, cut at the image's border")
    if effective:
        parts.append("heat: effective field")
    return " · ".join(parts)
