"""Rules of nodes that look through windows: convolution, pooling, padding, interpolation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.field import Field
from archlab.analyze.field.sight.layout import NOWHERE, Axis, Digit, plain, pure
from archlab.analyze.field.sight.mix import contracted
from archlab.analyze.field.sight.sight import Sight, Step, lost, same
from archlab.ir.kinds import AxesAttrs, ConvAttrs, Kind, PadAttrs, PoolAttrs, ResampleAttrs


def convolution(step: Step) -> Sight:
    """Windows over the spatial axes, plain or transposed."""
    attrs, sight = step.node.attrs, step.main
    assert isinstance(attrs, ConvAttrs)
    moves = fields.transposed if step.node.kind == Kind.CONV_TRANSPOSE else fields.window

    def move(old: Field, i: int, size: int) -> Field:
        return moves(
            old,
            kernel=attrs.kernel[i],
            stride=attrs.stride[i],
            padding=attrs.padding[i],
            dilation=attrs.dilation[i],
            size=size,
        )

    if sight.layout is not None and len(sight.layout) > 1 and sight.layout[1].spatial:
        # Space-to-depth: a part of the image axes lies in the channels, and is summed over.
        sight = contracted(step, sight, 1)
        step = replace(step, inputs=(sight,))
    trivial = set(attrs.kernel) == {1} and set(attrs.stride) == {1} and not any(attrs.padding)
    return same(step) if trivial else windowed(step, sight, len(attrs.kernel), move)


def pool(step: Step) -> Sight:
    """Windows, or adaptive bins; a single bin sees everything."""
    attrs, sight = step.node.attrs, step.main
    assert isinstance(attrs, PoolAttrs)
    shape = step.shape()
    if not attrs.adaptive:
        return windowed(
            step,
            sight,
            len(attrs.kernel),
            lambda old, i, size: fields.window(
                old,
                kernel=attrs.kernel[i],
                stride=attrs.stride[i],
                padding=attrs.padding[i],
                dilation=attrs.dilation[i],
                size=size,
            ),
        )
    if sight.layout is None:
        return lost(step)
    rank = len(shape) - 2
    if set(shape[2:]) == {1}:
        return collapsed(step, sight, range(len(shape) - rank, len(shape)))
    return windowed(step, sight, rank, lambda old, _, size: fields.binned(old, size))


def pad(step: Step) -> Sight:
    """Positions added around; reflected ones see what they mirror, the table says nothing there."""
    attrs, sight = step.node.attrs, step.main
    assert isinstance(attrs, PadAttrs)
    if sight.layout is None:
        return lost(step)
    moved, layout = list(sight.axes), list(sight.layout)
    for i, size in enumerate(step.shape()):
        if attrs.before[i] or attrs.after[i]:
            image = pure(layout[i])
            old = None if image is None else moved[image]
            if image is None or old is None:
                if layout[i].spatial:
                    return lost(step)
                layout[i] = plain(size)
                continue
            moved[image] = fields.padded(old, attrs.before[i], size)
            layout[i] = Axis((Digit(size, image),))
    return replace(sight, layout=tuple(layout), axes=(moved[0], moved[1]))


def resample(step: Step) -> Sight:
    """Interpolation to another size."""
    attrs, sight = step.node.attrs, step.main
    assert isinstance(attrs, ResampleAttrs)
    if attrs.mode not in ("nearest", "linear", "cubic"):
        return lost(step)
    corners = attrs.align_corners
    return windowed(
        step,
        sight,
        len(step.shape()) - 2,
        lambda old, _, size: fields.resampled(old, size, attrs.mode, align_corners=corners),
    )


def windowed(
    step: Step, sight: Sight, rank: int, move: Callable[[Field, int, int], Field]
) -> Sight:
    """Apply `move` to each image axis among the last `rank` tensor axes."""
    shape = step.shape()
    if sight.layout is None or len(sight.layout) != len(shape):
        return lost(step)
    first = len(shape) - rank
    axes: list[Axis] = [plain(size) for size in shape[:first]]
    moved = list(sight.axes)
    for i in range(rank):
        axis, size = sight.layout[first + i], shape[first + i]
        image = pure(axis)
        old = None if image is None else moved[image]
        if image is None or old is None:
            if axis.spatial:
                return lost(step)
            axes.append(plain(size))
            continue
        moved[image] = move(old, i, size)
        axes.append(Axis((Digit(size, image),)))
    return replace(sight, layout=tuple(axes), axes=(moved[0], moved[1]))


def collapsed(step: Step, sight: Sight, gone: Sequence[int]) -> Sight:
    """Some tensor axes became one number: their image axes are gone, all of them is seen."""
    assert sight.layout is not None
    images = {digit.axis for i in gone for digit in sight.layout[i].digits if digit.axis != NOWHERE}
    if not images:
        return sight
    left = tuple(None if i in images else item for i, item in enumerate(sight.axes))
    layout = tuple(plain(1) if i in gone else axis for i, axis in enumerate(sight.layout))
    return replace(
        sight, layout=layout, axes=(left[0], left[1]), global_from=sight.global_from or step.path
    )


def reduce(step: Step) -> Sight:
    """Axes become one number each."""
    attrs, sight = step.node.attrs, step.main
    assert isinstance(attrs, AxesAttrs)
    if sight.layout is None:
        return lost(step)
    gone = [i for i in attrs.axes if i < len(sight.layout)]
    sight = collapsed(step, sight, gone)
    assert sight.layout is not None
    if len(step.shape()) == len(sight.layout):
        layout = tuple(plain(1) if i in gone else axis for i, axis in enumerate(sight.layout))
    else:
        layout = tuple(axis for i, axis in enumerate(sight.layout) if i not in gone)
    return replace(sight, layout=layout)
