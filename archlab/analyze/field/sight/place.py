"""Rules of nodes that place values in a tensor: slice writes, and joins along an image axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from archlab.analyze.field.sight.join import alike, join, united_axes, unlike
from archlab.analyze.field.sight.layout import Axis, Digit, Layout, plain, pure, reshaped, with_axis
from archlab.analyze.field.sight.overlay import Part, along, overlaid, visible_parts
from archlab.analyze.field.sight.sight import Sight, Step, lost
from archlab.ir.kinds import AxesAttrs, Box, PlaceAttrs


def place(step: Step) -> Sight:
    """Return what a tensor sees into which values were written."""
    attrs, shape = step.node.attrs_as(PlaceAttrs), step.shape()
    parts = []
    for sight, box in zip(step.inputs, attrs.boxes, strict=True):
        if box is None:
            return lost(step)
        if box == () and shape:
            box = tuple((0, 1, size, axis) for axis, size in enumerate(shape))
            layout = (
                None if sight is None or sight.layout is None else reshaped(sight.layout, shape)
            )
            sight = None if sight is None else replace(sight, layout=layout)
        if sight is not None and sight.layout is None:
            return lost(step)
        parts.append(Part(sight, box))
    return placed(step, parts)


def placed(step: Step, parts: Sequence[Part]) -> Sight:
    """Return what the parts see together, each where no later one hides it."""
    shape = step.shape()
    parts = _whole_again(parts)
    seeing = [part for part in parts if part.sight is not None]
    layout = _layout(seeing, shape)
    if layout is None or any(_misplaced(part, layout) for part in seeing):
        return lost(step)
    cut = {image: i for i, image in enumerate(map(pure, layout)) if image is not None}
    cells, visible = visible_parts(parts, shape)
    sights = [part.sight for part in seeing if part.sight is not None]
    if unlike(sights, skip=cut):
        return lost(step)
    sight = replace(united_axes(step, sights, skip=cut), layout=layout)
    channels = [i for i, axis in enumerate(layout) if not axis.spatial]
    if not all(part.fills(i, shape[i]) for part in parts for i in channels):
        sight = replace(sight, uneven=True)
    for image, axis in cut.items():
        others = [other for other in cut.values() if other != axis]
        field = overlaid(parts, image, axis, shape[axis], cells[axis], along(visible, axis, others))
        if field is None:
            return lost(step)
        sight = sight.moved(image, field)
    return sight


def _whole_again(parts: Sequence[Part]) -> list[Part]:
    """Return the parts with the image axes that they lack because one position was taken out."""
    known = {
        image: i
        for part in parts
        if part.sight is not None
        for i in range(len(part.box))
        if (image := pure(part.source(i))) is not None
    }
    return [_with_taken(part, known) for part in parts]


def _with_taken(part: Part, known: Mapping[int, int]) -> Part:
    """Give a part its axes back: where other parts have them, or where it alone has none."""
    if part.sight is None or part.sight.layout is None:
        return part
    sight, box, layout = part.sight, list(part.box), list(part.sight.layout)
    missing = [i for i, span in enumerate(box) if span[3] < 0]
    for image, field in sight.taken:
        axis = known.get(image, missing[0] if len(missing) == len(sight.taken) == 1 else -1)
        if axis not in missing:
            return part
        box[axis] = (*box[axis][:3], len(layout))
        layout.append(Axis((Digit(1, image),)))
        sight = sight.moved(image, field)
    return Part(replace(sight, layout=tuple(layout), taken=()), tuple(box))


def _misplaced(part: Part, layout: Layout) -> bool:
    """Whether a position that was taken out belongs to an axis here, and to which is not known."""
    images = {image for axis in layout for image in axis.images}
    lacks = any(span[3] < 0 for span in part.box)
    taken = () if part.sight is None else part.sight.taken
    return any(lacks or image in images for image, _ in taken)


def _layout(parts: Sequence[Part], shape: Sequence[int]) -> Layout | None:
    """Return the layout of the whole; None where the parts disagree."""
    layout: list[Axis] = []
    for i, size in enumerate(shape):
        axes = {part.source(i) for part in parts if part.source(i).spatial}
        if all(part.fills(i, size) for part in parts if part.source(i).spatial):
            if len(axes) > 1:
                return None
            layout.append(axes.pop() if axes else plain(size))
            continue
        images = {image for axis in axes for image in axis.images}
        whole = all(len(axis.digits) == 1 and not axis.lead for axis in axes)
        if len(images) > 1 or not whole or any(axis.digits[0].stride != 1 for axis in axes):
            return None
        layout.append(Axis((Digit(size, images.pop()),)))
    return tuple(layout)


def concat(step: Step) -> Sight:
    """Return what tensors see that are joined along an axis, old or new."""
    attrs = step.node.attrs_as(AxesAttrs)
    at, shape, stack = attrs.axes[0], step.shape(), attrs.function == "stack"
    sights = [sight for sight in step.inputs if sight is not None]
    if any(sight.layout is None for sight in sights):
        return lost(step)
    spatial = [] if stack else [sight for sight in sights if sight.spatial(at)]
    sizes = [1 if stack else step.graph.shape(tensor)[at] for tensor in step.node.inputs]
    taken = 1 in sizes and any(sight.taken for sight in sights)
    # Channels side by side see the union.
    if not spatial and not taken:
        return _joined_channels(step, sights, at, stack=stack)
    starts = [0, *accumulate(sizes)]
    if len(spatial) == 1 and spatial[0].pure(at) is None:
        return _tokens(step, spatial[0], at, starts)
    parts = [
        Part(sight, _beside(shape, at, starts[i], sizes[i], stack=stack, sight=sight))
        for i, sight in enumerate(step.inputs)
    ]
    return placed(step, parts)


def _tokens(step: Step, sight: Sight, at: int, starts: Sequence[int]) -> Sight:
    """Return the sight of tokens in front of those of the image, which become its lead."""
    assert sight.layout is not None
    axis = sight.layout[at]
    position = next(i for i, each in enumerate(step.inputs) if each is sight)
    if starts[position + 1] != step.shape()[at]:
        return lost(step, sight)
    lead = Axis(axis.digits, axis.lead + starts[position])
    return replace(sight, layout=with_axis(sight.layout, at, lead))


def _beside(
    shape: Sequence[int], at: int, start: int, size: int, *, stack: bool, sight: Sight | None
) -> Box:
    """Return the box of a tensor among those that are joined along an axis, old or new."""
    box = [(0, 1, n, i - (stack and i > at)) for i, n in enumerate(shape)]
    # A single position that was taken out, and whose axis was added again, has none of its own.
    lacks = stack or (size == 1 and sight is not None and bool(sight.taken))
    box[at] = (start, 1, size, -1 if lacks else at)
    return tuple(box)


def _joined_channels(step: Step, sights: list[Sight], at: int, *, stack: bool) -> Sight:
    size = step.shape()[at]
    wide = [
        replace(s, layout=(*s.layout[:at], plain(size), *s.layout[at + (not stack) :]))
        for s in sights
        if s.layout is not None
    ]
    sight = join(replace(step, inputs=tuple(wide)))
    # Also those of a constant, which see nothing.
    differ = len(sights) < len(step.inputs) or any(not alike(s, sights[0]) for s in sights)
    # Along a batch, in front of the channels, no layer mixes them again.
    behind = [axis for axis in (sight.layout or ())[1:] if not axis.spatial]
    if differ and at == 0 and behind:
        return sight.unsure(range(len(sight.axes)))
    return replace(sight, uneven=sight.uneven or differ)
