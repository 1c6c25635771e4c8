"""Rules of nodes that only move positions: reshape, permute, slice, roll."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.field import Field
from archlab.analyze.field.sight.layout import Axis, Digit, Layout, plain, reshaped, with_axis
from archlab.analyze.field.sight.sight import Sight, Step, lost, same
from archlab.analyze.field.sight.windows import windowed
from archlab.ir.kinds import PermuteAttrs, RollAttrs, SliceAttrs


def reshape(step: Step) -> Sight:
    """Return the sight of the same elements in another shape; expanding repeats them."""
    sight, shape, op = step.main, step.shape(), step.node.op
    if sight.layout is None:
        return lost(step)
    if op.endswith("expand"):
        # New axes come in front, and an axis that is repeated was of size 1.
        axes = (*map(plain, shape[: len(shape) - len(sight.layout)]), *sight.layout)
        layout: Layout | None = tuple(
            axis if axis.size == size else plain(size)
            for axis, size in zip(axes, shape, strict=True)
        )
    elif op.endswith("pixel_shuffle"):
        # Which channel a position is read from does not matter to what it sees: nearest neighbour.
        def enlarged(field: Field, _: int, size: int) -> Field:
            return fields.resampled(field, size, "nearest", align_corners=False)

        return windowed(step, sight, 2, enlarged)
    elif op.endswith("pixel_unshuffle"):
        return windowed(step, sight, 2, lambda old, _, size: fields.binned(old, size))
    else:
        layout = reshaped(sight.layout, shape)
    return lost(step) if layout is None else replace(sight, layout=layout)


def permute(step: Step) -> Sight:
    """Return the sight with the axes in another order."""
    attrs, sight = step.node.attrs_as(PermuteAttrs), step.main
    if sight.layout is None:
        return lost(step)
    return replace(sight, layout=tuple(sight.layout[i] for i in attrs.order))


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
        cropped = None if attrs.drop else fields.cropped(field, start, attrs.step, size)
        sight, part = sight.moved(image, cropped), Axis((Digit(size, image),))
    parts = () if attrs.drop else (part,)
    return replace(sight, layout=with_axis(layout, at, *parts))


def gather(step: Step) -> Sight | None:
    """Return what picked positions see: a roll is followed, an index into weights sees nothing."""
    attrs, sight = step.node.attrs, step.inputs[0]
    if sight is None:
        return None if step.node.op.endswith("embedding") else lost(step)
    if isinstance(attrs, RollAttrs) and sight.layout is not None:
        for i, shift in zip(attrs.axes, attrs.shifts, strict=True):
            whole = sight.pure(i)
            if whole is not None:
                image, field = whole
                sight = sight.moved(image, fields.rolled(field, shift))
            elif sight.spatial(i):
                return lost(step)
        return sight
    return same(step) if step.node.op.endswith("channel_shuffle") else lost(step)
