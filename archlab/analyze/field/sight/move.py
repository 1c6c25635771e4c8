"""Rules of nodes that only move positions: reshape, permute, slice, roll."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.field import Field
from archlab.analyze.field.sight.layout import Axis, Digit, Layout, plain, pure, reshaped
from archlab.analyze.field.sight.sight import Sight, Step, lost, same
from archlab.analyze.field.sight.windows import windowed
from archlab.ir.kinds import PermuteAttrs, RollAttrs, SliceAttrs


def reshape(step: Step) -> Sight:
    """The same elements in another shape; expanding repeats them."""
    sight, shape, op = step.main, step.shape(), step.node.op
    if sight.layout is None:
        return lost(step)
    if op.endswith("expand"):
        missing = len(shape) - len(sight.layout)
        axes = (*(plain(size) for size in shape[:missing]), *sight.layout)
        sizes = [prod(d.size for d in axis.digits) + axis.lead for axis in axes]
        layout: Layout | None = tuple(
            axis if size == new else plain(new)
            for axis, size, new in zip(axes, sizes, shape, strict=True)
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


def _repeated(old: Field, _: int, size: int) -> Field:
    return fields.resampled(old, size, "nearest", align_corners=False)


def permute(step: Step) -> Sight:
    """Axes in another order."""
    attrs, sight = step.node.attrs, step.main
    assert isinstance(attrs, PermuteAttrs)
    if sight.layout is None:
        return lost(step)
    return replace(sight, layout=tuple(sight.layout[i] for i in attrs.order))


def take_slice(step: Step) -> list[Sight | None]:
    """A part of an axis: crops and strides on image axes, tokens off the front."""
    attrs, sight = step.node.attrs, step.main
    assert isinstance(attrs, SliceAttrs)
    if sight.layout is None or attrs.axis >= len(sight.layout):
        return [lost(step) for _ in step.node.outputs]
    return [
        # An empty part sees nothing (a rotary embedding's slice of no tokens).
        _part(step, sight, attrs, i) if prod(step.shape(i)) else None
        for i in range(len(step.node.outputs))
    ]


def _part(step: Step, sight: Sight, attrs: SliceAttrs, output: int) -> Sight:
    assert sight.layout is not None
    axis, shape = sight.layout[attrs.axis], step.shape(output)
    start = attrs.starts[min(output, len(attrs.starts) - 1)]
    size = 1 if attrs.drop else shape[attrs.axis]
    whole = prod(digit.size for digit in axis.digits)
    rest = (*sight.layout[: attrs.axis], *sight.layout[attrs.axis + 1 :])
    moved = list(sight.axes)
    if not axis.spatial or (start == 0 and size == whole + axis.lead and attrs.step == 1):
        kept = axis if axis.spatial else plain(size)
    elif axis.lead and start + size <= axis.lead:
        # Leading tokens alone: nothing of the image is left in this axis.
        kept = plain(size)
        moved = [None if _holds(axis, i) else item for i, item in enumerate(moved)]
    elif axis.lead == start and size == whole and attrs.step == 1:
        kept = Axis(axis.digits)
    else:
        image = pure(axis)
        old = None if image is None else moved[image]
        if image is None or old is None:
            return lost(step)
        moved[image] = None if attrs.drop else fields.cropped(old, start, attrs.step, size)
        kept = Axis((Digit(size, image),))
    layout = rest if attrs.drop else (*rest[: attrs.axis], kept, *rest[attrs.axis :])
    return replace(sight, layout=layout, axes=(moved[0], moved[1]))


def _holds(axis: Axis, image: int) -> bool:
    return any(digit.axis == image for digit in axis.digits)


def gather(step: Step) -> Sight | None:
    """Positions picked: a roll is followed, an index into weights sees nothing of the image."""
    attrs, sight = step.node.attrs, step.inputs[0]
    if sight is None:
        return None if step.node.op.endswith("embedding") else lost(step)
    if isinstance(attrs, RollAttrs) and sight.layout is not None:
        moved = list(sight.axes)
        for at, shift in zip(attrs.axes, attrs.shifts, strict=True):
            image = pure(sight.layout[at])
            old = None if image is None else moved[image]
            if image is None or old is None:
                if sight.layout[at].spatial:
                    return lost(step)
                continue
            moved[image] = fields.rolled(old, shift)
        return replace(sight, axes=(moved[0], moved[1]))
    if step.node.op.endswith("channel_shuffle"):
        return same(step)
    return lost(step)
