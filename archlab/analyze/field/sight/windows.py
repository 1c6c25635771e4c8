"""Rules of nodes that look through windows: convolution, pooling, padding, interpolation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.field import Field
from archlab.analyze.field.sight.layout import Axis, Digit, plain
from archlab.analyze.field.sight.mix import contracted
from archlab.analyze.field.sight.sight import Sight, Step, lost, same
from archlab.ir.kinds import AxesAttrs, ConvAttrs, Kind, PadAttrs, PoolAttrs, ResampleAttrs

# Field of an axis, which of the window's axes it is, units that come out -> the new field.
Move = Callable[[Field, int, int], Field]


def convolution(step: Step) -> Sight:
    """Return what windows over the spatial axes see, plain or transposed."""
    attrs, sight = step.node.attrs_as(ConvAttrs), step.main
    if sight.spatial(1):
        # Space-to-depth: a part of the image axes lies in the channels, and is summed over.
        sight = contracted(step, sight, 1)
        step = replace(step, inputs=(sight,))
    if set(attrs.kernel) == {1} and set(attrs.stride) == {1} and not any(attrs.padding):
        return same(step)
    move = fields.transposed if step.node.kind == Kind.CONV_TRANSPOSE else fields.window
    return windowed(step, sight, len(attrs.kernel), _sliding(attrs, move))


def pool(step: Step) -> Sight:
    """Return what windows or adaptive bins see; a single bin sees everything."""
    attrs, sight = step.node.attrs_as(PoolAttrs), step.main
    if not attrs.adaptive:
        return windowed(step, sight, len(attrs.kernel), _sliding(attrs, fields.window))
    if sight.layout is None:
        return lost(step)
    shape = step.shape()
    # One bin is a gate's average over the whole image, and no window.
    if set(shape[2:]) == {1}:
        return collapsed(step, sight, range(2, len(shape)))
    return windowed(step, sight, len(shape) - 2, lambda field, _, size: fields.binned(field, size))


def _sliding(attrs: ConvAttrs | PoolAttrs, window: Callable[..., Field]) -> Move:
    return lambda field, i, size: window(
        field,
        kernel=attrs.kernel[i],
        stride=attrs.stride[i],
        padding=attrs.padding[i],
        dilation=attrs.dilation[i],
        size=size,
    )


def pad(step: Step) -> Sight:
    """Return what positions see after padding."""
    # Added positions see nothing in the table, also where they mirror others.
    attrs, sight = step.node.attrs_as(PadAttrs), step.main
    if sight.layout is None:
        return lost(step)
    layout = list(sight.layout)
    for i, size in enumerate(step.shape()):
        if not attrs.before[i] and not attrs.after[i]:
            continue
        whole = sight.pure(i)
        if whole is not None:
            image, field = whole
            sight = sight.moved(image, fields.padded(field, attrs.before[i], size))
            layout[i] = Axis((Digit(size, image),))
        elif layout[i].spatial:
            return lost(step)
        else:
            layout[i] = plain(size)
    return replace(sight, layout=tuple(layout))


def resample(step: Step) -> Sight:
    """Return what positions see after interpolation to another size."""
    attrs, sight = step.node.attrs_as(ResampleAttrs), step.main
    if attrs.mode not in ("nearest", "linear", "cubic"):
        return lost(step)
    corners = attrs.align_corners
    return windowed(
        step,
        sight,
        len(step.shape()) - 2,
        lambda field, _, size: fields.resampled(field, size, attrs.mode, align_corners=corners),
    )


def windowed(step: Step, sight: Sight, rank: int, move: Move) -> Sight:
    """Apply `move` to each image axis among the last `rank` tensor axes."""
    shape = step.shape()
    if sight.layout is None or len(sight.layout) != len(shape):
        return lost(step)
    first = len(shape) - rank
    layout = [plain(size) for size in shape]
    for i in range(first, len(shape)):
        whole = sight.pure(i)
        if whole is not None:
            image, field = whole
            sight = sight.moved(image, move(field, i - first, shape[i]))
            layout[i] = Axis((Digit(shape[i], image),))
        elif sight.spatial(i):
            return lost(step)
    return replace(sight, layout=tuple(layout))


def collapsed(step: Step, sight: Sight, reduced: Sequence[int]) -> Sight:
    """Return the sight after tensor axes became one number: all of their image axes is seen."""
    assert sight.layout is not None
    images = {image for i in reduced for image in sight.layout[i].images}
    if not images:
        return sight
    layout = tuple(plain(1) if i in reduced else axis for i, axis in enumerate(sight.layout))
    for image in images:
        sight = sight.moved(image, None)
    return replace(sight, layout=layout).seeing_all(step.path)


def reduce(step: Step) -> Sight:
    """Return the sight after axes became one number each, kept as axes of size 1 or not."""
    attrs, sight = step.node.attrs_as(AxesAttrs), step.main
    if sight.layout is None:
        return lost(step)
    reduced = [i for i in attrs.axes if i < len(sight.layout)]
    sight = collapsed(step, sight, reduced)
    assert sight.layout is not None
    kept = len(step.shape()) == len(sight.layout)
    layout = tuple(
        plain(1) if i in reduced else axis
        for i, axis in enumerate(sight.layout)
        if kept or i not in reduced
    )
    return replace(sight, layout=layout)
