"""Rules of nodes that only move positions: reshape, permute, slice, roll."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.layout import NOWHERE, Axis, Digit, Layout, plain, reshaped
from archlab.analyze.field.sight.sight import Sight, Step, lost, same
from archlab.analyze.field.sight.windows import windowed
from archlab.ir.kinds import PermuteAttrs, RollAttrs, SliceAttrs


def reshape(step: Step) -> Sight:
    """Return the sight of the same elements in another shape; expanding repeats them."""
    sight, shape, op = step.main, step.shape(), step.node.op
    if sight.layout is None:
        return lost(step)
    if op.endswith("expand"):
        missing = len(shape) - len(sight.layout)
        axes = (*(plain(size) for size in shape[:missing]), *sight.layout)
        layout: Layout | None = tuple(
            axis if axis.size == size else plain(size)
            for axis, size in zip(axes, shape, strict=True)
        )
    elif op.endswith("pixel_shuffle"):
        return windowed(
            step,
            sight,
            2,
            lambda old, _, size: fields.resampled(old, size, "nearest", align_corners=False),
        )
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
    assert sight.layout is not None
    at, axis = attrs.axis, sight.layout[attrs.axis]
    start = attrs.starts[min(output, len(attrs.starts) - 1)]
    size = 1 if attrs.drop else step.shape(output)[at]
    if not axis.spatial:
        part = plain(size)
    elif start == 0 and size == axis.size and attrs.step == 1:
        part = axis
    elif axis.lead and start + size <= axis.lead:
        # Leading tokens alone: nothing of the image is left in this axis.
        part = plain(size)
        for image in {digit.axis for digit in axis.digits if digit.axis != NOWHERE}:
            sight = sight.moved(image, None)
    elif axis.lead == start and size == axis.size - axis.lead and attrs.step == 1:
        part = Axis(axis.digits)  # the image without its leading tokens
    else:
        whole = sight.pure(at)
        if whole is None:
            return lost(step)
        image, field = whole
        cropped = None if attrs.drop else fields.cropped(field, start, attrs.step, size)
        sight, part = sight.moved(image, cropped), Axis((Digit(size, image),))
    assert sight.layout is not None
    parts = () if attrs.drop else (part,)
    return replace(sight, layout=(*sight.layout[:at], *parts, *sight.layout[at + 1 :]))


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
