"""How the receptive field grows with depth: curves and a picture of one or more models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from archlab.analyze.field.receptive_field import receptive_field as analyze_field
from archlab.analyze.field.sight import sights
from archlab.analyze.field.trunk import trunk
from archlab.api.model import Model
from archlab.errors import OptionError
from archlab.picture.picture import Picture
from archlab.result.field import EffectiveField
from archlab.view.figure.frame import Words
from archlab.view.figure.receptive_field import FieldFigure, Growth, receptive_fields

_FEW = 3  # layers below which a growth with depth is no picture


def growth_picture(models: Sequence[Model]) -> Picture:
    """Return the growth with depth alone, without title, for a page that has its own."""
    # The picture draws a line where a field covers the image: with several sizes there is none.
    sizes = {max(image_size(model)) for model in models}
    size = sizes.pop() if len(sizes) == 1 else 0
    paths, layers = depths(models)
    if min(map(len, paths)) < _FEW:
        raise OptionError("Hardly a layer of this net has height and width.")
    curves = [curve(model, each) for model, each in zip(models, paths, strict=True)]
    return Picture(partial(receptive_fields, FieldFigure(Words(), size, curves, layers)))


def depths(models: Sequence[Model]) -> tuple[list[list[str]], str]:
    """Return the layers that stand for depth, model by model, and what they are called."""
    paths = [convolutions(model) for model in models]
    leaves = [_leaves(model) for model in models]
    # Where a net has hardly a convolution (Swin), all layers with a local field stand for depth.
    if min(map(len, paths)) < _FEW <= min(map(len, leaves)):
        return leaves, "layers"
    return paths, "convolutions and pools"


def curve(model: Model, paths: Sequence[str], measured: Sequence[EffectiveField] = ()) -> Growth:
    """Return the growth along the trunk, the layers beside it, and what was measured of them."""
    rows = {row.path: row for row in analyze_field(model.trace()).rows}
    way = trunk(model.trace(), paths)
    beside = way.depth.keys() - set(way.paths)
    return Growth(
        name=model.name,
        longest=[float(rows[path].rf_h or 0) for path in way.paths],
        shortest=[float(rows[path].min_path_h or 0) for path in way.paths],
        branches=sorted({(way.depth[path], float(rows[path].rf_h or 0)) for path in beside}),
        effective=[(way.depth[field.path], float(field.height)) for field in measured
                   if field.path in way.depth],
    )  # fmt: skip


def _leaves(model: Model) -> list[str]:
    """Return the modules without others in them that have a local field, in call order."""
    rows = analyze_field(model.trace()).rows
    holders = {row.path.rpartition(".")[0] for row in rows}
    return [row.path for row in rows if row.rf_h is not None and row.path not in holders]


def convolutions(model: Model) -> list[str]:
    """Return the paths of layers with a window that still have all axes, in call order."""
    graph = model.trace()
    fields, _ = sights(graph)
    given = {
        image
        for tensor in graph.inputs
        if tensor in fields
        for image, field in enumerate(fields[tensor].axes)
        if field is not None
    }
    paths = [
        node.path
        for node in graph.nodes
        if node.kind in ("conv", "pool", "conv_transpose")
        and node.path in graph.module
        and node.outputs[0] in fields
        and all(fields[node.outputs[0]].axes[image] for image in given)
    ]
    if not paths:
        raise OptionError(f"{model.name} has no layer with a window over an image to draw.")
    return list(dict.fromkeys(paths))  # a module that is called twice is one layer


def image_size(model: Model) -> tuple[int, int]:
    """Return height and width of the model's first input, which must be an image."""
    graph = model.trace()
    shape = graph.shape(graph.inputs[0]) if graph.inputs else ()
    if len(shape) < 4:
        raise OptionError(f"{model.name} takes {graph.input_text()}: no image to draw on.")
    return shape[-2], shape[-1]
