"""Verbs about receptive fields: theory, certificate, effective field, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from archlab.analyze.certify import CertifyRow, CertifyTotals, certify, image_shape, plan
from archlab.analyze.effective import EffectiveRow, EffectiveTotals
from archlab.analyze.effective import effective as beside
from archlab.analyze.receptive_field import FieldRow, FieldTotals
from archlab.analyze.receptive_field import receptive_field as analyze_field
from archlab.analyze.sight import sights
from archlab.analyze.unproductive import UnproductiveRow, UnproductiveTotals
from archlab.analyze.unproductive import unproductive as analyze_unproductive
from archlab.api.growth import convolutions, curve, image_size
from archlab.api.model import Model, ModelLike, load, trace
from archlab.errors import OptionError, SpecError, did_you_mean
from archlab.probe.effective_field import EffectiveField, effective_fields
from archlab.probe.gradient_support import Support, supports
from archlab.probe.images import first_image, folder_images, load_weights
from archlab.result import Result
from archlab.view.plot import Panel, Picture, receptive_fields, sample_image

if TYPE_CHECKING:
    from archlab.ir.graph import Graph

_PANELS = 4


def receptive_field(
    model: ModelLike, *, layers: Sequence[str] = (), **how: Any
) -> Result[FieldTotals, FieldRow]:
    """Return what each layer sees of the image: size, jump, centre, shortest path, holes, coverage.

    Pixels of the input; h and w apart; local field and `global_from` side by side.

    Args:
        model: a spec, a module, or a loaded model.
        layers: module paths to keep; all by default.
        **how: `input`, `batch` and constructor arguments, see `load`.

    Raises:
        SpecError: no such layer, or no such model.
        BuildError, TraceError: as in `trace`.

    Example:
        >>> row = receptive_field("resnet20").totals  # He's 6n+2 nets: 3 + 4n, + 8n − 2, + 16n − 4
        >>> row.rf_h, row.stride_h
        (81, 4)
    """
    loaded = load(model, **how)
    result = analyze_field(loaded.trace())
    if not layers:
        return result
    check_layers(loaded, layers)
    kept = tuple(row for row in result.rows if row.path in layers)
    return replace(result, rows=kept, tree=False)


def unproductive(
    model: ModelLike, *, resolutions: Sequence[tuple[int, int]] = (), **how: Any
) -> Result[UnproductiveTotals, UnproductiveRow]:
    """Return which convolutions can add no context at a resolution (Richter et al. 2021).

    Args:
        model: a spec, a module, or a loaded model.
        resolutions: (height, width) to ask about; the traced size by default.
        **how: as in `load`.

    Raises:
        SpecError, BuildError, TraceError: as in `trace`.

    Example:
        >>> unproductive("resnet20").totals.past_max_path  # of 19, along the longest path
        8
    """
    return analyze_unproductive(trace(model, **how), resolutions)


def verify_receptive_field(model: ModelLike, **how: Any) -> Result[CertifyTotals, CertifyRow]:
    """Return the symbolic field of every convolution held against gradients (float64).

    The model is built with values and run on one long image per axis; norms, activations and gates
    are replaced for the run.

    Args:
        model: a spec, a module, or a loaded model.
        **how: `input`, `batch` and constructor arguments, see `load`.

    Raises:
        OptionError: the model takes no image, or no other size than its own.

    Example:
        >>> result = verify_receptive_field("resnet20")
        >>> result.totals.agree == result.totals.checked
        True
    """
    loaded = load(model, **how)
    graphs: list[Graph] = []
    reached: list[Sequence[Support]] = []
    for axis in (0, 1):
        longer = _resized(loaded, image_shape(loaded.trace(), axis))
        graph = longer.trace()
        module, (args, _) = longer.runnable()
        found = supports(module.double(), args[0].double(), plan(graph, axis), 2 + axis)
        graphs.append(graph)
        reached.append(list(found))
    return certify(graphs, reached)


def effective_receptive_field(
    model: ModelLike,
    *,
    layers: Sequence[str] = (),
    images: str | Path | None = None,
    weights: str | Path | None = None,
    count: int = 4,
    **how: Any,
) -> Result[EffectiveTotals, EffectiveRow]:
    """Return how far each layer's central unit really looks, beside the theoretical field.

    Args:
        model: a spec, a module, or a loaded model.
        layers: module paths; four evenly spaced convolutions by default.
        images: a folder of images; Gaussian noise by default.
        weights: a checkpoint (state dict); initial weights by default.
        count: how many images.
        **how: as in `load`.

    Raises:
        SpecError: no such layer, or images or weights that cannot be read.

    Example:
        >>> row = effective_receptive_field("resnet20", layers=["layer1"]).rows[0]
        >>> row.effective_h <= row.rf_h
        True
    """
    result, _ = _effective(load(model, **how), layers, images, weights, count)
    return result


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
            _, measured = _effective(item, layers, images, weights, 4)
        curves.append(curve(item, measured))
        if len(loaded) == 1:
            chosen = layers or _spaced(item)
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


def check_layers(model: Model, layers: Sequence[str]) -> None:
    """Raise where a path names no layer of the model.

    Raises:
        SpecError: with the nearest names.
    """
    known = [row.path for row in analyze_field(model.trace()).rows]
    for path in layers:
        if path not in known:
            raise SpecError(
                f"{model.name} has no layer {path!r}.{did_you_mean(path, known)} "
                "`archlab rf MODEL --depth 9` lists them."
            )


def _effective(
    model: Model,
    layers: Sequence[str],
    images: str | Path | None,
    weights: str | Path | None,
    count: int,
) -> tuple[Result[EffectiveTotals, EffectiveRow], list[EffectiveField]]:
    check_layers(model, layers)
    module, (args, _) = model.runnable()
    if weights is not None:
        load_weights(module, weights)
    shape = tuple(args[0].shape[1:])
    if images is None:
        generator = torch.Generator().manual_seed(0)
        batch = torch.randn((count, *shape), generator=generator)
    else:
        batch = folder_images(images, shape, count)
    measured = effective_fields(module, batch, tuple(layers) or _spaced(model))
    source = "Gaussian noise" if images is None else f"images of {images}"
    how = (
        f"{len(batch)} × {source}, 8 directions, seed 0, eval mode, "
        f"{'weights of ' + str(weights) if weights else 'initial weights'}"
    )
    return beside(model.trace(), analyze_field(model.trace()).rows, measured, how), measured


def _spaced(model: Model) -> tuple[str, ...]:
    paths = convolutions(model)
    last = len(paths) - 1
    return tuple(dict.fromkeys(paths[round(last * (i + 1) / _PANELS)] for i in range(_PANELS)))


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


def _resized(model: Model, size: tuple[int, int]) -> Model:
    graph = model.trace()
    shape = graph.shape(graph.inputs[0]) if graph.inputs else ()
    if len(shape) != 4:
        raise OptionError(
            f"{model.name} takes {graph.input_text()}: --verify needs images (N, C, H, W)."
        )
    return model.with_input(f"[1x{shape[1]}x{size[0]}x{size[1]}]")
