"""Rules of nodes that look through windows: convolution, pooling, padding, interpolation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.field import Field
from archlab.analyze.field.sight.interpolation import resampled
from archlab.analyze.field.sight.layout import Axis, Digit, plain, reshaped, with_axis
from archlab.analyze.field.sight.mix import contracted
from archlab.analyze.field.sight.sight import Sight, Step, lost, same
from archlab.ir.kinds import (
    AxesAttrs,
    ConvAttrs,
    Kind,
    PadAttrs,
    PoolAttrs,
    ResampleAttrs,
    UnfoldAttrs,
)

# Field of an axis, which of the window's axes it is, units that come out -> the new field.
Move = Callable[[Field, int, int], Field]


def convolution(step: Step) -> Sight:
    """Return what windows over the spatial axes see, plain or transposed."""
    attrs, sight = step.node.attrs_as(ConvAttrs), step.main
    if step.inputs[0] is None:
        return lost(step)
    # A kernel that is computed is a gate: each unit depends on all that it was computed from.
    kernel = step.inputs[1] if len(step.inputs) > 1 else None
    if kernel is not None:
        sight = sight.seeing_all(kernel.global_from or step.path)
    if sight.spatial(1) and attrs.groups > 1:
        return lost(step)
    if sight.spatial(1):
        # Space-to-depth: a part of the image axes lies in the channels, and is summed over.
        sight = contracted(step, sight, 1)
    if attrs.groups == 1:
        sight = replace(sight, uneven=False)
    if attrs.deformable:
        # Its taps lie where the image says; the window is where they would lie without that.
        sight = replace(sight, lost=lost(step, sight).lost)
    if set(attrs.kernel) == {1} and set(attrs.stride) == {1} and not any(attrs.padding):
        return same(replace(step, inputs=(sight,)))
    move = fields.transposed if step.node.kind == Kind.CONV_TRANSPOSE else fields.window
    return windowed(step, sight, len(attrs.kernel), _sliding(attrs, move))


def pool(step: Step) -> Sight:
    """Return what windows or adaptive bins see; a single bin sees everything."""
    attrs, sight = step.node.attrs_as(PoolAttrs), step.main
    if not attrs.adaptive:
        return windowed(step, sight, len(attrs.kernel), _sliding(attrs, fields.window))
    # The windows of a fractional pool are drawn at random, and those of a region are given.
    if sight.layout is None or "fractional" in step.node.op or "roi" in step.node.op:
        return lost(step)
    shape, rank = step.shape(), _rank(step.node.op)
    # One bin is a gate's average over the whole image, and no window.
    if set(shape[-rank:]) == {1}:
        return collapsed(step, sight, range(len(shape) - rank, len(shape)))
    return windowed(step, sight, rank, lambda field, _, size: fields.binned(field, size))


def _rank(op: str) -> int:
    """Return the spatial axes of an adaptive pool; a mean stands for one over two axes."""
    return next((rank for rank in (1, 2, 3) if f"{rank}d" in op), 2)


def _sliding(attrs: ConvAttrs | PoolAttrs | UnfoldAttrs, window: Callable[..., Field]) -> Move:
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
            sight = sight.moved(image, fields.padded(field, attrs.before[i], size, attrs.mode))
            layout[i] = Axis((Digit(size, image),))
        elif layout[i].spatial:
            return lost(step)
        else:
            sight, layout[i] = sight.grown(), plain(size)
    return replace(sight, layout=tuple(layout))


def resample(step: Step) -> Sight:
    """Return what positions see after interpolation to another size."""
    attrs, sight = step.node.attrs_as(ResampleAttrs), step.main
    if attrs.mode not in ("nearest", "linear", "cubic"):
        return lost(step)
    rank = len(step.shape()) - 2
    if attrs.mode != "nearest" and step.shape() == step.graph.shape(step.node.inputs[0]):
        return same(step)  # torch copies, whatever factor was given
    return windowed(step, sight, rank, lambda field, i, size: resampled(field, size, attrs, i))


def scatter(step: Step) -> Sight:
    """Return what scattered elements see: windows put back, or positions that are not known."""
    attrs, op = step.node.attrs, step.node.op
    if isinstance(attrs, UnfoldAttrs):
        return _folded(step, attrs)
    pooled = step.graph.producer.get(step.node.inputs[1]) if "unpool" in op else None
    if pooled is None or step.inputs[0] is None or not isinstance(pooled.attrs, PoolAttrs):
        return lost(step)
    if pooled.attrs.adaptive:
        return lost(step)
    # A value goes back to where it was the largest: somewhere in the window that it came from.
    move = _sliding(pooled.attrs, fields.transposed)
    return windowed(step, step.inputs[0], len(pooled.attrs.kernel), move)


def unfold(step: Step) -> Sight:
    """Return what windows see that lie side by side, in the channels or in an axis of their own."""
    attrs, sight, shape = step.node.attrs_as(UnfoldAttrs), step.main, step.shape()
    if sight.layout is None:
        return lost(step)
    layout, columns = list(sight.layout), []
    before = [axis.size for axis in layout]
    for i, at in enumerate(attrs.axes):
        whole, size = sight.pure(at), attrs.windows(i, before[at])
        if whole is None and sight.spatial(at):
            return lost(step)
        columns.append(Digit(size) if whole is None else Digit(size, whole[0]))
        if whole is not None:
            sight = sight.moved(whole[0], _sliding(attrs, fields.window)(whole[1], i, size))
    if step.node.op.endswith("im2col"):
        layout = [*layout[: attrs.axes[0] - 1], plain(shape[-2]), Axis(tuple(columns))]
    else:
        layout[attrs.axes[0]] = Axis((columns[0],))
        layout.append(plain(shape[-1]))
    return replace(sight, layout=tuple(layout), uneven=True)


def _folded(step: Step, attrs: UnfoldAttrs) -> Sight:
    """Return what an image sees that columns were put back into, as by a transposed convolution."""
    sight, shape = step.main.bounded(), step.shape()
    first = len(shape) - len(attrs.kernel)
    sizes = [attrs.windows(i, size) for i, size in enumerate(shape[first:])]
    if sight.layout is None:
        return lost(step)
    layout = reshaped(sight.layout, (*(axis.size for axis in sight.layout[:-1]), *sizes))
    if layout is None:
        return lost(step)
    layout = (*layout[: first - 1], plain(shape[first - 1]), *layout[first:])
    step = replace(step, inputs=(replace(sight, layout=layout),))
    return windowed(step, step.main, len(sizes), _sliding(attrs, fields.transposed))


def windowed(step: Step, sight: Sight, rank: int, move: Move) -> Sight:
    """Apply `move` to each image axis among the last `rank` tensor axes."""
    shape, before = step.shape(), sight.layout
    if before is None or len(before) != len(shape):
        return lost(step)
    first = len(shape) - rank
    # The batch, and channels that are not mixed, may hold windows, rows or frames of the image, and
    # are worked on one by one.
    kept = list(zip(before[:first], shape[:first], strict=True))
    if any(axis.spatial and axis.size != size for axis, size in kept):
        return lost(step)
    layout = [axis if axis.size == size else plain(size) for axis, size in kept]
    layout += map(plain, shape[first:])
    for i in range(first, len(shape)):
        whole = sight.pure(i)
        if whole is not None:
            image, field = whole
            sight = sight.moved(image, move(field, i - first, shape[i]))
            layout[i] = Axis((Digit(shape[i], image),))
        elif sight.spatial(i):
            return lost(step)
        elif shape[i] > before[i].size:
            sight = sight.grown()
    return replace(sight, layout=tuple(layout))


def collapsed(step: Step, sight: Sight, reduced: Sequence[int]) -> Sight:
    """Return the sight after tensor axes became one number each.

    Where they are all of an image axis, it is gone and all of it is seen; where they are a part
    (the places in a patch or a window), positions are mixed.
    """
    assert sight.layout is not None
    gone = [sight.layout[i] for i in reduced]
    for image, field in enumerate(sight.axes):
        digits = [digit.size for axis in gone for digit in axis.of(image)]
        if digits and field is not None and prod(digits) >= field.size:
            sight = sight.moved(image, None).seeing_all(step.path)
    for i, axis in zip(reduced, gone, strict=True):
        if any(sight.axes[image] is not None for image in axis.images):
            sight = contracted(step, sight, i)
        assert sight.layout is not None
        sight = replace(sight, layout=with_axis(sight.layout, i, plain(1)))
    return sight


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
