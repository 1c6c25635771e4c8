"""Verbs about receptive fields: theory, certificate, effective field, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from archlab.analyze.field.certify import CertifyRow, CertifyTotals, certify, image_shape, plan
from archlab.analyze.field.effective import (
    EffectiveRow,
    EffectiveTotals,
    central_units,
    effective as beside,
)
from archlab.analyze.field.receptive_field import (
    FieldRow,
    FieldTotals,
    receptive_field as analyze_field,
)
from archlab.analyze.field.sight import image_axes
from archlab.analyze.field.unproductive import (
    UnproductiveRow,
    UnproductiveTotals,
    unproductive as analyze_unproductive,
)
from archlab.api.field.growth import depths
from archlab.api.model import Model, ModelLike, load, trace
from archlab.data.pictures import folder_images
from archlab.errors import OptionError, SpecError, did_you_mean
from archlab.probe.effective_field import effective_fields
from archlab.probe.gradient_support import supports
from archlab.probe.weights import load_weights
from archlab.result import Result
from archlab.result.field import EffectiveField, Support
from archlab.tracer.modules import tensors_in
from archlab.verb import verb

if TYPE_CHECKING:
    from archlab.ir.graph import Graph

_PANELS = 4


@verb
def receptive_field(
    model: ModelLike, *, layers: Sequence[str] = ()
) -> Result[FieldTotals, FieldRow]:
    """Return what each layer sees of the image: size, jump, centre, shortest path, holes, coverage.

    Pixels of the input; h and w apart; local field and `global_from` side by side.

    Args:
        model: a spec, a module, or a loaded model.
        layers: module paths to keep; all by default.

    Raises:
        SpecError: no such layer, or no such model.
        BuildError, TraceError: as in `trace`.

    Example:
        >>> row = receptive_field("resnet20").totals  # He's 6n+2 nets: 3 + 4n, + 8n − 2, + 16n − 4
        >>> row.rf_h, row.stride_h
        (81, 4)
    """
    loaded = load(model)
    result = analyze_field(loaded.trace())
    if not layers:
        return result
    check_layers(loaded, layers)
    # A table of chosen layers has no tree: the modules around them may be missing.
    kept = tuple(row for row in result.rows if row.path in layers)
    return replace(result, rows=kept, tree=False)


@verb
def unproductive(
    model: ModelLike, *, resolutions: Sequence[tuple[int, int]] = ()
) -> Result[UnproductiveTotals, UnproductiveRow]:
    """Return which convolutions can add no context at a resolution (Richter et al. 2021).

    Args:
        model: a spec, a module, or a loaded model.
        resolutions: (height, width) to ask about; the traced size by default.

    Raises:
        SpecError, BuildError, TraceError: as in `trace`.

    Example:
        >>> unproductive("resnet20").totals.past_max_path  # of 19, along the longest path
        8
    """
    return analyze_unproductive(trace(model), resolutions)


@verb
def verify_receptive_field(model: ModelLike) -> Result[CertifyTotals, CertifyRow]:
    """Return the symbolic field of every convolution held against gradients (float64).

    The model is built with values and run on one long image per axis; norms, activations and gates
    are replaced for the run.

    Args:
        model: a spec, a module, or a loaded model.

    Raises:
        OptionError: the model takes no image, or no other size than its own.

    Example:
        >>> result = verify_receptive_field("resnet20")
        >>> result.totals.agree == result.totals.checked
        True
    """
    loaded = load(model)
    _check_one_input(loaded)
    graphs: list[Graph] = []
    reached: list[Sequence[Support]] = []
    for axis in (0, 1):
        longer = _resized(loaded, image_shape(loaded.trace(), axis))
        graph = longer.trace()
        module, inputs = longer.runnable()
        if any(isinstance(member, torch.jit.ScriptModule) for member in module.modules()):
            raise OptionError(
                f"{loaded.name} has scripted parts, whose weights and norms cannot be replaced: "
                "its fields cannot be verified. Give the module that was scripted."
            )
        # In float32 a small gradient may vanish, and a pixel that is seen would count as unseen.
        axis_supports = supports(
            module.double(), _one_image(inputs).double(), plan(graph, axis), 2 + axis
        )
        graphs.append(graph)
        reached.append(list(axis_supports))
    return certify(graphs, reached)


@verb
def effective_receptive_field(
    model: ModelLike,
    *,
    layers: Sequence[str] = (),
    images: str | Path | None = None,
    checkpoint: str | Path | None = None,
    batch: int = 4,
) -> Result[EffectiveTotals, EffectiveRow]:
    """Return how far each layer's central unit really looks, beside the theoretical field.

    Args:
        model: a spec, a module, or a loaded model.
        layers: module paths; four evenly spaced convolutions by default.
        images: a folder of images; Gaussian noise by default.
        checkpoint: a file of weights (a state dict); initial weights by default.
        batch: how many images.

    Raises:
        SpecError: no such layer, or images or weights that cannot be read.

    Example:
        >>> row = effective_receptive_field("resnet20", layers=["layer1"]).rows[0]
        >>> row.effective_h <= row.rf_h
        True
    """
    result, _ = measured_fields(load(model), layers, images, checkpoint, batch)
    return result


def _check_one_input(model: Model) -> None:
    count = len(model.trace().inputs)
    if count != 1:
        raise OptionError(
            f"{model.name} takes {count} inputs: fields are measured by gradients for models of "
            "one image. The receptive field itself, without measuring, is for all."
        )


def _one_image(inputs: tuple[Sequence[Any], Mapping[str, Any]]) -> torch.Tensor:
    (image,) = tensors_in(list(inputs))
    return image


def check_layers(model: Model, layers: Sequence[str]) -> None:
    """Raise SpecError, with the nearest names, where a path names no layer of the model."""
    known = [row.path for row in analyze_field(model.trace()).rows]
    for path in layers:
        if path not in known:
            raise SpecError(
                f"{model.name} has no layer {path!r}.{did_you_mean(path, known)} "
                "`archlab rf MODEL --depth 9` lists them."
            )


def measured_fields(
    model: Model,
    layers: Sequence[str],
    images: str | Path | None,
    checkpoint: str | Path | None,
    batch: int,
) -> tuple[Result[EffectiveTotals, EffectiveRow], list[EffectiveField]]:
    """Return the answer about effective fields, and the measured fields that a picture shows."""
    check_layers(model, layers)
    _check_one_input(model)
    one = _of_one_image(model)
    places = central_units(one.trace())
    for path in layers:
        if path not in places:
            raise SpecError(f"{path} of {model.name} has no height and width left to measure.")
    module, inputs = one.runnable()
    if checkpoint is not None:
        load_weights(module, checkpoint)
    shape = tuple(_one_image(inputs).shape[1:])
    # Noise favours no part of the image, so what comes out is the field of the net alone.
    if images is None:
        generator = torch.Generator().manual_seed(0)
        pixels = torch.randn((batch, *shape), generator=generator)
    else:
        pixels = folder_images(images, shape, batch)
    chosen = {path: places[path] for path in layers or spaced(model) if path in places}
    measured = effective_fields(module, pixels, chosen)
    source = "Gaussian noise" if images is None else f"images of {images}"
    conditions = (
        f"{len(pixels)} × {source}, 8 directions, seed 0, eval mode, "
        f"{'weights of ' + str(checkpoint) if checkpoint else 'initial weights'}"
    )
    return beside(model.trace(), analyze_field(model.trace()).rows, measured, conditions), measured


def spaced(model: Model) -> tuple[str, ...]:
    """Return the paths of a few layers, evenly spaced: convolutions, if there are some."""
    (paths,), _ = depths([model])
    last = len(paths) - 1
    return tuple(dict.fromkeys(paths[round(last * (i + 1) / _PANELS)] for i in range(_PANELS)))


def _of_one_image(model: Model) -> Model:
    """Return the model with a batch of one image, of which alone the layouts are known."""
    shape = _image_shape(model, "to measure effective fields")
    return model if shape[0] == 1 else model.with_input(f"[{'x'.join(map(str, (1, *shape[1:])))}]")


def _resized(model: Model, size: tuple[int, int]) -> Model:
    shape = _image_shape(model, "to certify fields")
    # In brackets an input is exactly of that shape, and not tried with another batch.
    return model.with_input(f"[1x{shape[1]}x{size[0]}x{size[1]}]")


def _image_shape(model: Model, purpose: str) -> tuple[int, ...]:
    """Return the shape of the model's only input, which must be (N, C, H, W)."""
    graph = model.trace()
    shape = graph.shape(graph.inputs[0]) if graph.inputs else ()
    if len(shape) != 4 or image_axes(graph, graph.inputs[0]) != {2: 0, 3: 1}:
        raise OptionError(
            f"{model.name} takes {graph.input_text()}: {purpose} it must take images (N, C, H, W)."
        )
    return shape
