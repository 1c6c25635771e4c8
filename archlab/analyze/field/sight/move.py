"""Rules of nodes that only move positions: reshape, permute, slice, roll."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.interpolation import resampled
from archlab.analyze.field.sight.join import expanded
from archlab.analyze.field.sight.layout import Axis, Digit, Layout, plain, reshaped, with_axis
from archlab.analyze.field.sight.sight import Sight, Step, lost, same
from archlab.analyze.field.sight.windows import unfold, windowed
from archlab.ir.kinds import (
    AxesAttrs,
    PermuteAttrs,
    ResampleAttrs,
    RollAttrs,
    SliceAttrs,
    UnfoldAttrs,
)

_NEAREST = ResampleAttrs("nearest")


def reshape(step: Step) -> Sight:
    """Return the sight of the same elements in another shape; expanding repeats them."""
    sight, shape, op = step.main, step.shape(), step.node.op
    layout, attrs = sight.layout, step.node.attrs
    if layout is None:
        return lost(step)
    if op.endswith("expand"):
        return expanded(step, sight, shape)
    if op.endswith("pixel_shuffle"):
        # Which channel a position is read from does not matter to what it sees: nearest neighbour.
        return windowed(
            step, sight.bounded(), 2, lambda field, _, size: resampled(field, size, _NEAREST)
        )
    if op.endswith("pixel_unshuffle"):
        sight = replace(sight, uneven=True)
        return windowed(step, sight, 2, lambda old, _, size: fields.binned(old, size))
    if isinstance(attrs, AxesAttrs):
        return replace(sight, layout=_squeezed(layout, attrs))
    layout = reshaped(layout, shape)
    return lost(step) if layout is None else replace(sight, layout=layout)


def _squeezed(layout: Layout, attrs: AxesAttrs) -> Layout:
    """Return the layout with an axis of size 1 more, or with some less."""
    if attrs.function == "unsqueeze":
        return (*layout[: attrs.axes[0]], plain(1), *layout[attrs.axes[0] :])
    return tuple(axis for i, axis in enumerate(layout) if i not in attrs.axes)


def permute(step: Step) -> Sight:
    """Return the sight with the axes in another order."""
    attrs, sight = step.node.attrs_as(PermuteAttrs), step.main
    if sight.layout is None:
        return lost(step)
    layout = tuple(sight.layout[i] for i in attrs.order)
    # A channel shuffle: any half of the channels holds some of each part then.
    channels = [i for i in attrs.order if not layout[i].spatial and sight.layout[i].size > 1]
    uneven = sight.uneven and channels == sorted(channels)
    return replace(sight, layout=layout, uneven=uneven)


def take_slice(step: Step) -> list[Sight | None]:
    """A part of an axis: crops and strides on image axes, tokens off the front."""
    attrs, sight = step.node.attrs_as(SliceAttrs), step.main
    if sight.layout is None or attrs.axis >= len(sight.layout):
        return [lost(step) for _ in step.node.outputs]
    return [
        # An empty part sees nothing (a rotary embedding's slice of no tokens).
        _part(step, sight, attrs, i) if prod(step.shape(i)) else None
        for i in range(len(step.node.outputs))
    ]


def _part(step: Step, sight: Sight, attrs: SliceAttrs, output: int) -> Sight:
    at, layout = attrs.axis, sight.layout
    assert layout is not None
    axis = layout[at]
    start = attrs.starts[min(output, len(attrs.starts) - 1)]
    size = 1 if attrs.drop else step.shape(output)[at]
    if not axis.spatial:
        part = plain(size)
        sight = sight.bounded() if size < axis.size else sight
    elif start == 0 and size == axis.size and attrs.step == 1:
        part = axis
    elif axis.lead and start + size <= axis.lead:
        # Leading tokens alone: nothing of the image is left in this axis.
        part = plain(size)
        for image in axis.images:
            sight = sight.moved(image, None)
    elif axis.lead == start and size == axis.size - axis.lead and attrs.step == 1:
        # The image without its leading tokens.
        part = Axis(axis.digits)
    else:
        whole = sight.pure(at)
        if whole is None:
            return lost(step)
        image, field = whole
        field = fields.cropped(field, start, attrs.step, size)
        if attrs.drop:
            sight = replace(sight.moved(image, None), taken=(*sight.taken, (image, field)))
        else:
            sight = sight.moved(image, field)
        part = Axis((Digit(size, image),))
    parts = () if attrs.drop else (part,)
    return replace(sight, layout=with_axis(layout, at, *parts))


def gather(step: Step) -> Sight | None:
    """Return what picked positions see: a roll and a flip are followed, and a table of weights."""
    attrs, sight = step.node.attrs, step.inputs[0]
    if sight is None:
        return _looked_up(step)
    if isinstance(attrs, UnfoldAttrs):
        return unfold(step)
    if step.node.op == "aten.repeat" and sight.layout is not None:
        return _repeated(step, sight, step.shape())
    if not isinstance(attrs, RollAttrs | AxesAttrs) or sight.layout is None:
        return same(step) if step.node.op.endswith("channel_shuffle") else lost(step)
    if isinstance(attrs, RollAttrs) and not attrs.axes:
        return lost(step)  # all elements in one row are rolled
    for place, i in enumerate(attrs.axes):
        whole = sight.pure(i)
        if whole is not None:
            image, field = whole
            moved = (
                fields.rolled(field, attrs.shifts[place])
                if isinstance(attrs, RollAttrs)
                else fields.mirrored(field)
            )
            sight = sight.moved(image, moved)
        elif sight.spatial(i):
            return lost(step)
    return sight


def _repeated(step: Step, sight: Sight, shape: tuple[int, ...]) -> Sight:
    """Return the sight of a tensor laid side by side with itself, but not along image axes."""
    assert sight.layout is not None
    axes = (*map(plain, shape[: len(shape) - len(sight.layout)]), *sight.layout)
    if any(axis.spatial and axis.size != size for axis, size in zip(axes, shape, strict=True)):
        return lost(step)
    pairs = zip(axes, shape, strict=True)
    return replace(sight, layout=tuple(a if a.spatial else plain(size) for a, size in pairs))


def _looked_up(step: Step) -> Sight | None:
    """Return what rows of a table see that positions of the input choose, one row each."""
    index = step.inputs[1] if len(step.inputs) > 1 else None
    if step.node.op == "aten.embedding" and index is not None and index.layout is not None:
        return replace(index, layout=(*index.layout, plain(step.shape()[-1])))
    return None if step.node.op.endswith("embedding") else lost(step)


def copy(step: Step) -> Sight | None:
    """Return what a copy sees: the source's, also where it overwrites another tensor."""
    if step.node.op.rpartition(".")[2].rstrip("_") != "copy":
        return same(step)
    source = step.inputs[1]
    if source is None:
        return None
    fits = source.layout is not None and len(source.layout) <= len(step.shape())
    return expanded(step, source, step.shape()) if fits else lost(step, source)
